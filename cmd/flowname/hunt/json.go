package hunt

import (
	"encoding/json"
	"errors"
	"io"
	"time"

	"flowname/cmd/flowname/api"
	"flowname/cmd/flowname/history"
	"flowname/correlate/hunt"
	"flowname/correlate/indicators"
)

// The lines of --format json. README has their fields.
type (
	indicatorRow struct {
		Kind        string    `json:"kind"`
		Indicator   string    `json:"indicator"`
		Type        string    `json:"type"` // name, address
		Feeds       []string  `json:"feeds"`
		Beneath     bool      `json:"beneath"` // names beneath it match
		URL         bool      `json:"url"`     // the feeds name pages at this host
		FirstSeen   time.Time `json:"first_seen"`
		FirstBy     string    `json:"first_by"` // answer, question, flow
		FirstClient string    `json:"first_client"`
		FirstName   string    `json:"first_name"`
		Clients     int       `json:"clients"`
		Answers     int       `json:"answers"`
		Flows       uint64    `json:"flows"` // named, address and resolved
		BytesTo     uint64    `json:"bytes_to"`
		BytesFrom   uint64    `json:"bytes_from"`
		OtherTimes  uint64    `json:"other_time_flows"`
		OtherNames  uint64    `json:"other_name_flows"`
	}
	answerRow struct {
		Kind      string `json:"kind"`
		Indicator string `json:"indicator"`
		State     string `json:"state"`
		history.Row
	}
	flowsRow struct {
		Kind        string    `json:"kind"`
		Indicator   string    `json:"indicator"`
		How         string    `json:"how"`
		Client      string    `json:"client"`
		Addr        string    `json:"addr"`
		Names       []string  `json:"names"`
		FirstSeen   time.Time `json:"first_seen"`
		LastSeen    time.Time `json:"last_seen"`
		Flows       uint64    `json:"flows"`
		BytesTo     uint64    `json:"bytes_to"`
		PacketsTo   uint64    `json:"packets_to"`
		BytesFrom   uint64    `json:"bytes_from"`
		PacketsFrom uint64    `json:"packets_from"`
		Sampled     bool      `json:"sampled"`
	}
	sharedRow struct {
		Kind      string   `json:"kind"`
		Indicator string   `json:"indicator"`
		Addr      string   `json:"addr"`
		Names     []string `json:"names"`
		More      bool     `json:"more"`
	}
	summaryRow struct {
		Kind string `json:"kind"`
		tally
	}
)

func writeJSON(w io.Writer, found []*hunt.Indicator, sinkholes *indicators.Set, tally *tally) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	for _, x := range found {
		if err := writeIndicatorJSON(e, x, sinkholes); err != nil {
			return err
		}
	}
	return e.Encode(summaryRow{"summary", *tally})
}

func writeIndicatorJSON(e *json.Encoder, x *hunt.Indicator, sinkholes *indicators.Set) error {
	total := totalOf(x)
	err := e.Encode(indicatorRow{
		Kind: "indicator", Indicator: x.Text, Type: typeOfIndicator(x), Feeds: x.Feeds, Beneath: x.Beneath, URL: x.URL,
		FirstSeen: api.UTC(x.FirstNs), FirstBy: x.By, FirstClient: api.AddrText(x.FirstClient), FirstName: x.FirstName,
		Clients: x.Clients(), Answers: len(x.Answers), Flows: total.Flows, BytesTo: total.BytesTo, BytesFrom: total.BytesFrom,
		OtherTimes: x.OtherTimes, OtherNames: x.OtherNames,
	})
	for i := range x.Answers {
		a := &x.Answers[i]
		err = errors.Join(err, e.Encode(answerRow{"answer", x.Text, stateOf(a, sinkholes), history.Row{
			Name: a.Name, Addr: api.AddrText(a.Addr), Client: api.AddrText(a.Client), FirstSeen: api.UTC(a.FirstNs), LastSeen: api.UTC(a.LastNs),
			Count: a.Count, TTL: history.TTL(a.TTL), Source: a.Source, Canonical: a.Canonical,
		}}))
	}
	for _, f := range x.Flows {
		err = errors.Join(err, e.Encode(flowsRow{
			Kind: "flows", Indicator: x.Text, How: f.How.String(), Client: api.AddrText(f.Client), Addr: api.AddrText(f.Addr), Names: named(f.Names),
			FirstSeen: api.UTC(f.FirstNs), LastSeen: api.UTC(f.LastNs), Flows: f.Flows, BytesTo: f.BytesTo, PacketsTo: f.PacketsTo,
			BytesFrom: f.BytesFrom, PacketsFrom: f.PacketsFrom, Sampled: f.Sampled,
		}))
	}
	for _, s := range x.Shared {
		err = errors.Join(err, e.Encode(sharedRow{"shared", x.Text, api.AddrText(s.Addr), s.Names, s.More}))
	}
	return err
}

// named is never null in JSON.
func named(names []string) []string {
	if names == nil {
		return []string{}
	}
	return names
}
