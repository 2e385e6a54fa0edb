package main

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"flowname/cmd/flowname/ledger"
	"flowname/cmd/flowname/metric"
	"flowname/flows/sflow"
)

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
