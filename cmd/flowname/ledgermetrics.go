package main

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"flowname/cmd/flowname/ledger"
	"flowname/cmd/flowname/metric"
	"flowname/flows/netflow"
	"flowname/flows/sflow"
)

// topExporters is how many exporters have metrics of their own: those that sent
// the most bytes. All others are one, "others", so that a flood of made-up
// addresses can not fill a Prometheus.
const topExporters = 32

// exporters gives the ledger: by exporter, and what was refused by reason.
func (c stageCollector) exporters(ch chan<- prometheus.Metric) {
	l := c.d.takeLedger()
	for _, e := range rankExporters(l) {
		by := []string{"exporter", e.name}
		a := &e.account
		for _, m := range []struct {
			name, help string
			value      uint64
		}{
			{"messages", "Export messages received.", a.Messages},
			{"bytes", "Bytes of export messages received.", a.Bytes},
			{"flows", "Flow records decoded.", a.Flows()},
			{"lost", "Lost on the way by the sequence numbers, in what these count.", a.Lost},
			{"refused_bytes", "Bytes received of which nothing became, for all reasons.", a.RefusedBytes()},
			{"late_sets", "Data sets read after they had waited for their template.", a.Late.Count},
			{"restarts", "Restarts of the exporter.", a.Restarts},
		} {
			metric.Count(ch, "flowname_exporter_"+m.name+"_total", m.help, m.value, by...)
		}
		metric.Size(ch, "flowname_exporter_waiting_bytes", "Bytes of data sets that wait for their template now.", a.Waiting.Bytes, by...)
	}
	for _, why := range netflow.Reasons() {
		by := []string{"reason", why.String()}
		metric.Count(ch, "flowname_refused_total", "What was received and became nothing, by reason.", l.All.Refused[why].Count, by...)
		metric.Count(ch, "flowname_refused_bytes_total", "Bytes that were received and became nothing, by reason.", l.All.Refused[why].Bytes, by...)
	}
	if c.d.sflow != nil {
		c.agents(ch, l)
	}
	metric.Size(ch, "flowname_exporters", "Exporters' observation domains that are known now.", uint64(len(l.Exporters)))
}

// A rankedExporter is an address with the sum of its domains.
type rankedExporter struct {
	name    string
	account netflow.Account
}

// rankExporters sums by address and keeps the largest; what was forgotten, and
// what came by connections that are over, is with the others.
func rankExporters(l *ledger.Ledger) []rankedExporter {
	sums := map[netip.Addr]*rankedExporter{}
	for i := range l.Exporters {
		e := &l.Exporters[i]
		addr := e.Exporter.Addr()
		if sums[addr] == nil {
			sums[addr] = &rankedExporter{name: addr.String()}
		}
		sums[addr].account.Add(&e.Account)
	}
	all := make([]rankedExporter, 0, len(sums))
	for _, e := range sums {
		all = append(all, *e)
	}
	slices.SortFunc(all, func(a, b rankedExporter) int {
		return cmp.Or(cmp.Compare(b.account.Bytes, a.account.Bytes), cmp.Compare(a.name, b.name))
	})
	others := rankedExporter{name: "others", account: l.Gone}
	others.account.Add(&l.Ended)
	if len(all) > topExporters {
		for i := range all[topExporters:] {
			others.account.Add(&all[topExporters+i].account)
		}
		all = all[:topExporters]
	}
	return append(all, others)
}

// agents gives the agents that sent the most, by address, and the others.
func (c stageCollector) agents(ch chan<- prometheus.Metric, l *ledger.Ledger) {
	sums := map[netip.Addr]*sflow.Account{}
	for i := range l.Agents {
		r := &l.Agents[i]
		if sums[r.Exporter()] == nil {
			sums[r.Exporter()] = new(sflow.Account)
		}
		sums[r.Exporter()].Add(&r.Account)
	}
	addrs := make([]netip.Addr, 0, len(sums))
	for addr := range sums {
		addrs = append(addrs, addr)
	}
	slices.SortFunc(addrs, func(a, b netip.Addr) int {
		return cmp.Or(cmp.Compare(sums[b].Bytes, sums[a].Bytes), a.Compare(b))
	})
	var others sflow.Account
	for i, addr := range addrs {
		if i < topExporters {
			sendAgent(ch, addr.String(), sums[addr])
		} else {
			others.Add(sums[addr])
		}
	}
	sendAgent(ch, "others", &others)
}

func sendAgent(ch chan<- prometheus.Metric, name string, a *sflow.Account) {
	by := []string{"agent", name}
	for _, m := range []struct {
		name, help string
		value      uint64
	}{
		{"datagrams", "sFlow datagrams received.", a.Datagrams},
		{"bytes", "Bytes of sFlow datagrams received.", a.Bytes},
		{"flows", "Flow samples decoded.", a.Flows},
		{"lost", "Datagrams lost on the way by the sequence numbers.", a.Lost},
		{"samples_lost", "Flow samples that never came by their numbers.", a.SamplesLost},
		{"samples_dropped", "Flow samples that the agent says it could not make.", a.SamplesDropped},
		{"refused_bytes", "Bytes received of which nothing became, for all reasons.", a.RefusedBytes()},
		{"restarts", "Restarts of the agent.", a.Restarts},
	} {
		metric.Count(ch, "flowname_sflow_agent_"+m.name+"_total", m.help, m.value, by...)
	}
}
