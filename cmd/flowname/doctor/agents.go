package doctor

import (
	"fmt"
	"io"
	"text/tabwriter"

	"flowname/cmd/flowname/ledger"
	"flowname/cmd/flowname/table"
	"flowname/flows/sflow"
)

// agentRules are for each agent of sFlow.
var agentRules = []rule[ledger.Agent]{
	{"agent_bad_version", "", 0, func(a *ledger.Agent) (float64, bool) { return float64(a.Refused["bad_version"].Count), true },
		"%[1]s of its datagrams are not sFlow v5. Let it export that to this port, or stop it; NetFlow and IPFIX have a port of their own (--netflow)."},
	{"agent_silent", "s", 300, func(a *ledger.Agent) (float64, bool) { return a.SilentS, a.Flows > 0 },
		"Nothing has come from it for %[1]s (more than %[2]s). Check that it runs, that it exports to this collector, and the way between."},
	{"agent_loss", "%", 0.1, func(a *ledger.Agent) (float64, bool) {
		return 100 * float64(a.Lost) / float64(max(a.Lost+a.Datagrams, 1)), !a.NumbersStill
	}, "%[1]s of its datagrams were lost on the way (more than %[2]s). Where the collector says above that its kernel dropped datagrams of sFlow, begin there; else look at the interfaces between."},
	{"agent_dropped", "%", 1, func(a *ledger.Agent) (float64, bool) {
		return 100 * float64(a.SamplesDropped) / float64(max(a.SamplesDropped+a.Flows, 1)), true
	}, "It says itself that it could not make %[1]s of its samples (more than %[2]s), for want of processor or queue. Let it sample fewer packets: a greater sampling rate (Junos \"set protocols sflow sample-rate ingress 4096\")."},
	{"agent_rate", "%", 20, func(a *ledger.Agent) (float64, bool) {
		return 100 * (a.RateInEffect/float64(a.SamplingRate) - 1), a.Flows >= 1000 && a.SamplingRate > 0 && a.RateInEffect > 0 && !a.SamplingSeveral
	}, "It takes %[1]s fewer samples than the sampling rate that it says (more than %[2]s): counts that are scaled by that rate are too small. Let it sample fewer packets."},
	{"agent_numbers_still", "", 0, func(a *ledger.Agent) (float64, bool) { return 1, a.NumbersStill },
		"The sequence numbers of its datagrams stand still. Loss on the way can not be seen; a newer firmware may be right."},
	{"agent_malformed", "%", 0.1, malformedOfAgent,
		"%[1]s of its bytes can not be read (more than %[2]s). Look at \"refused\" for what is wrong; a newer firmware may help."},
	{"agent_restarts", "", 3, func(a *ledger.Agent) (float64, bool) { return float64(a.Restarts), true },
		"It has started anew %[1]s times (more than %[2]s): its uptime fell or its numbers began again. Look into its log for why."},
}

// malformedOfAgent is how much of its bytes is of datagrams and samples that are
// wrong.
func malformedOfAgent(a *ledger.Agent) (float64, bool) {
	var bytes uint64
	for why, t := range a.Refused {
		if why != sflow.BadVersion.String() {
			bytes += t.Bytes
		}
	}
	return 100 * float64(bytes) / float64(max(a.Bytes, 1)), true
}

func writeAgent(w io.Writer, d *diagnosis[ledger.Agent]) error {
	a := &d.row
	fmt.Fprintf(w, "\nagent %s, sub-agent %d: sFlow v5, sent by %s\n", a.Agent, a.SubAgent, a.Sender)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) { fmt.Fprintf(t, "  "+name+"\t"+format+"\n", args...) }
	row("seen", "%s to %s UTC", a.FirstSeen.Format("2006-01-02 15:04:05"), a.LastSeen.Format("2006-01-02 15:04:05"))
	row("came", "%s datagrams, %s bytes; %s flow samples of %s, %s counter samples",
		table.Grouped(a.Datagrams), table.Grouped(a.Bytes), table.Grouped(a.Flows), several(a.Sources, "source"), table.Grouped(a.CounterSamples))
	row("sampling", "%s", samplingOfAgent(a))
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

func samplingOfAgent(a *ledger.Agent) string {
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
