package main

import (
	"cmp"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"flowname/cmd/flowname/table"
	"flowname/flows/sflow"
)

// An agentRow is one agent of sFlow in the ledger. Bytes is the sum of the other
// bytes, those of all refused included.
type agentRow struct {
	Kind     string `json:"kind"`  // "agent"
	Agent    string `json:"agent"` // as its flows have it in sampler_address
	SubAgent uint32 `json:"sub_agent"`
	Sender   string `json:"sender"` // where its datagrams come from

	FirstSeen time.Time `json:"first_seen"`
	LastSeen  time.Time `json:"last_seen"`
	SilentS   float64   `json:"silent_s"`

	Sources         int     `json:"sources"`       // of flow samples: mostly interfaces
	SamplingRate    uint64  `json:"sampling_rate"` // 0: not said
	SamplingSeveral bool    `json:"sampling_several,omitempty"`
	RateInEffect    float64 `json:"rate_in_effect"` // packets for each sample, by its own count; 0: not known
	NumbersStill    bool    `json:"numbers_still"`

	Datagrams      uint64 `json:"datagrams"`
	Bytes          uint64 `json:"bytes"`
	Flows          uint64 `json:"flows"`
	CounterSamples uint64 `json:"counter_samples"`
	DropSamples    uint64 `json:"drop_samples"`
	UnknownSamples uint64 `json:"unknown_samples"`

	HeaderBytes  uint64              `json:"header_bytes"`
	FlowBytes    uint64              `json:"flow_bytes"`
	OtherBytes   uint64              `json:"other_bytes"`
	PaddingBytes uint64              `json:"padding_bytes"`
	Refused      map[string]tallyRow `json:"refused"`

	Lost          uint64 `json:"lost"`    // datagrams, on the way
	Missing       uint64 `json:"missing"` // likewise, may come still
	Reordered     uint64 `json:"reordered"`
	Repeated      uint64 `json:"repeated"`
	SequenceJumps uint64 `json:"sequence_jumps"`
	Unverified    uint64 `json:"unverified"`
	Restarts      uint64 `json:"restarts"`

	SamplesLost    uint64 `json:"samples_lost"`    // with datagrams, or never sent
	SamplesDropped uint64 `json:"samples_dropped"` // that it could not make, as it says
	SamplePool     uint64 `json:"sample_pool"`     // packets that it chose from
}

func rowOfAgent(r *sflow.Report, nowNs int64) agentRow {
	a := &r.Account
	row := agentRow{
		Kind: "agent", Agent: r.Exporter().String(), SubAgent: r.SubAgent, Sender: r.Sender.String(),
		FirstSeen: time.Unix(0, r.FirstNs).UTC(), LastSeen: time.Unix(0, r.LastNs).UTC(), SilentS: float64(nowNs-r.LastNs) / 1e9,
		Sources: r.Sources, SamplingRate: r.SamplingRate, SamplingSeveral: r.SamplingSeveral,
		RateInEffect: a.RateInEffect(), NumbersStill: r.NumbersStill,
		Datagrams: a.Datagrams, Bytes: a.Bytes, Flows: a.Flows,
		CounterSamples: a.CounterSamples, DropSamples: a.DropSamples, UnknownSamples: a.UnknownSamples,
		HeaderBytes: a.HeaderBytes, FlowBytes: a.FlowBytes, OtherBytes: a.OtherBytes, PaddingBytes: a.PaddingBytes,
		Refused: map[string]tallyRow{},
		Lost:    a.Lost, Missing: a.Missing, Reordered: a.Reordered, Repeated: a.Repeated,
		SequenceJumps: a.SequenceJumps, Unverified: a.Unverified, Restarts: a.Restarts,
		SamplesLost: a.SamplesLost, SamplesDropped: a.SamplesDropped, SamplePool: a.SamplePool,
	}
	for _, why := range sflow.Reasons() {
		if t := a.Refused[why]; t.Count != 0 {
			row.Refused[why.String()] = tallyRow{t.Count, t.Bytes}
		}
	}
	return row
}

// takeAgents adds the agents of sFlow to a ledger. An agent that sends from
// several ports may be on several sockets.
func (d *daemon) takeAgents(l *ledger) {
	c := &l.collector
	var all []sflow.Report
	for _, r := range d.samplers {
		s, a := r.socket.Stats(), r.account.load()
		c.SampleDatagrams += s.Datagrams
		c.SampleBytes += s.Bytes
		c.SampleKernelDrops += s.KernelDrops
		c.SamplesNotAllowed.Count += a.refused.DatagramsNotAllowed
		c.SamplesNotAllowed.Bytes += a.refused.BytesNotAllowed
		c.SampledFlows += a.samples.Records
		r.mu.Lock()
		all = r.samples.AppendReports(all)
		gone := r.samples.Gone()
		r.mu.Unlock()
		c.SamplesForgotten.Count += gone.Datagrams
		c.SamplesForgotten.Bytes += gone.Bytes
	}
	l.agents = mergeAgents(all)
}

func mergeAgents(all []sflow.Report) []sflow.Report {
	slices.SortStableFunc(all, func(a, b sflow.Report) int {
		return cmp.Or(a.Exporter().Compare(b.Exporter()), cmp.Compare(a.SubAgent, b.SubAgent), a.Sender.Compare(b.Sender))
	})
	merged := all[:0]
	for i := range all {
		r := &all[i]
		if n := len(merged); n > 0 && merged[n-1].Exporter() == r.Exporter() && merged[n-1].SubAgent == r.SubAgent && merged[n-1].Sender == r.Sender {
			m := &merged[n-1]
			sum, first := m.Account, min(m.FirstNs, r.FirstNs)
			sum.Add(&r.Account)
			if r.LastNs > m.LastNs {
				*m = *r
			}
			m.Account, m.FirstNs = sum, first
			continue
		}
		merged = append(merged, *r)
	}
	return merged
}

// agentRules are for each agent of sFlow.
var agentRules = []rule[agentRow]{
	{"agent_bad_version", "", 0, func(a *agentRow) (float64, bool) { return float64(a.Refused["bad_version"].Count), true },
		"%[1]s of its datagrams are not sFlow v5. Let it export that to this port, or stop it; NetFlow and IPFIX have a port of their own (--netflow)."},
	{"agent_silent", "s", 300, func(a *agentRow) (float64, bool) { return a.SilentS, a.Flows > 0 },
		"Nothing has come from it for %[1]s (more than %[2]s). Check that it runs, that it exports to this collector, and the way between."},
	{"agent_loss", "%", 0.1, func(a *agentRow) (float64, bool) {
		return 100 * float64(a.Lost) / float64(max(a.Lost+a.Datagrams, 1)), !a.NumbersStill
	}, "%[1]s of its datagrams were lost on the way (more than %[2]s). Where the collector says above that its kernel dropped datagrams of sFlow, begin there; else look at the interfaces between."},
	{"agent_dropped", "%", 1, func(a *agentRow) (float64, bool) {
		return 100 * float64(a.SamplesDropped) / float64(max(a.SamplesDropped+a.Flows, 1)), true
	}, "It says itself that it could not make %[1]s of its samples (more than %[2]s), for want of processor or queue. Let it sample fewer packets: a greater sampling rate (Junos \"set protocols sflow sample-rate ingress 4096\")."},
	{"agent_rate", "%", 20, func(a *agentRow) (float64, bool) {
		return 100 * (a.RateInEffect/float64(a.SamplingRate) - 1), a.Flows >= 1000 && a.SamplingRate > 0 && a.RateInEffect > 0 && !a.SamplingSeveral
	}, "It takes %[1]s fewer samples than the sampling rate that it says (more than %[2]s): counts that are scaled by that rate are too small. Let it sample fewer packets."},
	{"agent_numbers_still", "", 0, func(a *agentRow) (float64, bool) { return 1, a.NumbersStill },
		"The sequence numbers of its datagrams stand still. Loss on the way can not be seen; a newer firmware may be right."},
	{"agent_malformed", "%", 0.1, (*agentRow).malformedPercent,
		"%[1]s of its bytes can not be read (more than %[2]s). Look at \"refused\" for what is wrong; a newer firmware may help."},
	{"agent_restarts", "", 3, func(a *agentRow) (float64, bool) { return float64(a.Restarts), true },
		"It has started anew %[1]s times (more than %[2]s): its uptime fell or its numbers began again. Look into its log for why."},
}

// malformedPercent is how much of its bytes is of datagrams and samples that are
// wrong.
func (a *agentRow) malformedPercent() (float64, bool) {
	var bytes uint64
	for why, t := range a.Refused {
		if why != sflow.BadVersion.String() {
			bytes += t.Bytes
		}
	}
	return 100 * float64(bytes) / float64(max(a.Bytes, 1)), true
}

func writeAgent(w io.Writer, d *diagnosis[agentRow]) error {
	a := &d.row
	fmt.Fprintf(w, "\nagent %s, sub-agent %d: sFlow v5, sent by %s\n", a.Agent, a.SubAgent, a.Sender)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) { fmt.Fprintf(t, "  "+name+"\t"+format+"\n", args...) }
	row("seen", "%s to %s UTC", a.FirstSeen.Format("2006-01-02 15:04:05"), a.LastSeen.Format("2006-01-02 15:04:05"))
	row("came", "%s datagrams, %s bytes; %s flow samples of %s, %s counter samples",
		table.Grouped(a.Datagrams), table.Grouped(a.Bytes), table.Grouped(a.Flows), several(a.Sources, "source"), table.Grouped(a.CounterSamples))
	row("sampling", "%s", a.sampling())
	row("numbers", "lost %s, missing %s, out of order %s, repeated %s datagrams; restarts %d",
		table.Grouped(a.Lost), table.Grouped(a.Missing), table.Grouped(a.Reordered), table.Grouped(a.Repeated), a.Restarts)
	row("samples", "lost %s; it could not make %s", table.Grouped(a.SamplesLost), table.Grouped(a.SamplesDropped))
	writeRefused(t, a.Refused)
	if err := t.Flush(); err != nil {
		return err
	}
	writeFindings(w, d.findings)
	return nil
}

func (a *agentRow) sampling() string {
	text := "not said"
	switch {
	case a.SamplingSeveral:
		text = "several rates"
	case a.SamplingRate != 0:
		text = "1 in " + table.Grouped(a.SamplingRate)
	}
	if a.RateInEffect > 0 {
		text += fmt.Sprintf("; by its count of packets 1 in %s", table.Grouped(uint64(a.RateInEffect+0.5)))
	}
	return text
}

// agents gives the agents that sent the most, by address, and the others.
func (c stageCollector) agents(ch chan<- prometheus.Metric, l *ledger) {
	sums := map[netip.Addr]*sflow.Account{}
	for i := range l.agents {
		r := &l.agents[i]
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
	by := []label{{"agent", name}}
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
		send(ch, prometheus.CounterValue, "flowname_sflow_agent_"+m.name+"_total", m.help, m.value, by)
	}
}
