package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"flowname/cmd/flowname/api"
)

// Rows are a daemon's ledger as another process reads it.
type Rows struct {
	Collector Collector
	Exporters []Exporter
	Agents    []Agent
}

// Ask reads GET /api/v1/exporters.
func Ask(server string) (l Rows, err error) {
	resp, err := api.Ask(context.Background(), http.MethodGet, server, "/api/v1/exporters", nil, "")
	if err != nil {
		return l, err
	}
	defer resp.Body.Close()
	d := json.NewDecoder(resp.Body)
	if err := d.Decode(&l.Collector); err != nil || l.Collector.Kind != "collector" {
		return l, fmt.Errorf("what answers at %s is no flowname with a ledger (%v)", api.Redacted(server), err)
	}
	for {
		var row json.RawMessage
		err := d.Decode(&row)
		if err == io.EOF {
			return l, nil
		}
		if err == nil {
			err = l.add(row)
		}
		if err != nil {
			return l, fmt.Errorf("the answer of %s ends early: %w", api.Redacted(server), err)
		}
	}
}

// add reads a row; one of a kind that a later version may have is passed over.
func (l *Rows) add(row json.RawMessage) error {
	var kind struct{ Kind string }
	if err := json.Unmarshal(row, &kind); err != nil {
		return err
	}
	switch kind.Kind {
	case "exporter":
		l.Exporters = append(l.Exporters, Exporter{})
		return json.Unmarshal(row, &l.Exporters[len(l.Exporters)-1])
	case "agent":
		l.Agents = append(l.Agents, Agent{})
		return json.Unmarshal(row, &l.Agents[len(l.Agents)-1])
	}
	return nil
}
