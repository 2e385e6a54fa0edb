package ledger

import (
	"cmp"
	"encoding/json"
	"io"
	"slices"

	"flowname/correlate"
	"flowname/flows"
	"flowname/flows/netflow"
	"flowname/flows/sflow"
)

// A Ledger is all accounts at one moment. Who makes it sets the first fields, of the
// collector's row what the sockets and the output count; adds all reports, then the
// clocks; and finishes it.
type Ledger struct {
	NowNs     int64           // Unix nanoseconds
	Gone      netflow.Account // of those forgotten to make room
	Ended     netflow.Account // of connections that are over
	Collector Collector

	// What has been added.
	All       netflow.Account
	Exporters []Domain
	Agents    []sflow.Report
}

// AddExporters takes the reports of all receivers, once.
func (l *Ledger) AddExporters(reports []netflow.Report) {
	l.All = l.Gone
	l.All.Add(&l.Ended)
	for i := range reports {
		l.All.Add(&reports[i].Account)
	}
	l.Exporters = mergeReports(reports, l.NowNs)
}

// AddAgents takes the reports of all samplers of sFlow, once.
func (l *Ledger) AddAgents(reports []sflow.Report) { l.Agents = mergeAgents(reports) }

// Finish works out what of the collector's row is made of all that was added.
func (l *Ledger) Finish() {
	c := &l.Collector
	c.Kind = "collector"
	c.Exported -= min(c.Exported, c.LostLines)
	decoded := l.All.Flows() + c.SampledFlows
	c.FlowsInside = decoded - min(decoded, c.Exported+c.LostLines)
	c.Account, c.Forgotten, c.Ended = rowOfAccount(&l.All), rowOfAccount(&l.Gone), rowOfAccount(&l.Ended)
}

// versions are the versions of NetFlow by the type of their flows.
var versions = map[flows.Type]uint16{flows.NetFlowV5: 5, flows.NetFlowV9: 9, flows.IPFIX: 10}

// AddClocks adds what a join knows of exporters' clocks, behind AddExporters.
func (l *Ledger) AddClocks(clocks []correlate.Clock) {
	for i := range clocks {
		cl := &clocks[i]
		if versions[cl.Type] == 0 {
			continue // sFlow tells no times
		}
		key := mergeKey{cl.Exporter, cl.Domain, versions[cl.Type]}
		if at, ok := slices.BinarySearchFunc(l.Exporters, key, compareKey); ok {
			l.Exporters[at].clock = *cl
		}
	}
}

func compareKey(m Domain, key mergeKey) int {
	return cmp.Or(m.Exporter.Addr().Compare(key.addr), cmp.Compare(m.Domain, key.domain), cmp.Compare(m.Version, key.version))
}

// Write writes the ledger as JSON lines: the collector's, then one for each
// exporter and domain, then one for each agent of sFlow.
func (l *Ledger) Write(w io.Writer) error {
	enc := json.NewEncoder(w)
	if err := enc.Encode(l.Collector); err != nil {
		return err
	}
	for i := range l.Exporters {
		if err := enc.Encode(l.Exporters[i].row(l.NowNs)); err != nil {
			return err
		}
	}
	for i := range l.Agents {
		if err := enc.Encode(rowOfAgent(&l.Agents[i], l.NowNs)); err != nil {
			return err
		}
	}
	return nil
}
