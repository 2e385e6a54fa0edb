package main

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"flowname/cmd/flowname/exports/exportstest"
	"flowname/cmd/flowname/table"
	"flowname/flows/sflow"
)

// numberedSample is exportstest.SFlowDatagram of one flow sample, with the numbers of the
// datagram and of the sample, the pool of packets, and the samples not made.
func numberedSample(t *testing.T, number, sample, pool, drops uint32) []byte {
	d := exportstest.SFlowDatagram(128, exportstest.Frame(t, exportstest.SampledClient, exportstest.SampledServer, true, []byte("hello")))
	for at, v := range map[int]uint32{16: number, 36: sample, 48: pool, 52: drops} {
		binary.BigEndian.PutUint32(d[at:], v)
	}
	return d
}

// TestRunHasAnAccountOfAgents: what an agent of sFlow sends, what is lost on the
// way, what it says that it dropped and what can not be read are in the ledger, the
// metrics and the doctor's words, and every byte is accounted for.
func TestRunHasAnAccountOfAgents(t *testing.T) {
	c := startCollector(t, t.TempDir(), "--sflow", "127.0.0.1:0", "--exporter", "127.0.0.0/28", "--sockets", "1")
	var sent uint64
	send := func(e *exporter, msg []byte) {
		if _, err := e.conn.Write(msg); err != nil {
			t.Fatal(err)
		}
		sent += uint64(len(msg))
	}
	agent, stranger := exportTo(t, c.sflow, "127.0.0.2:0"), exportTo(t, c.sflow, "127.0.1.1:0")
	const datagrams, lost, dropped = 200, 7, 50
	for i := range uint32(datagrams) {
		if i >= 100 {
			i += lost
		}
		send(agent, numberedSample(t, 1+i, 1+i, (1+i)*512, i*dropped/(datagrams+lost-1)))
	}
	broken := numberedSample(t, datagrams+lost+1, datagrams+lost+1, (datagrams+lost+1)*512, dropped)
	send(agent, broken[:len(broken)-40])
	send(agent, []byte("\x00\x00\x00\x04 an older sFlow"))
	send(stranger, numberedSample(t, 1, 1, 512, 0))

	var l ledgerRows
	eventually(t, "all is accounted", func() bool {
		var err error
		if l, err = askExporters(c.http); err != nil {
			t.Fatal(err)
		}
		return l.collector.SampleBytes == sent && l.collector.FlowsInside == 0 && l.collector.SampledFlows >= datagrams
	})
	sum := l.collector.SamplesNotAllowed.Bytes + l.collector.SamplesForgotten.Bytes
	for _, a := range l.agents {
		parts := a.HeaderBytes + a.FlowBytes + a.OtherBytes + a.PaddingBytes
		for _, r := range a.Refused {
			parts += r.Bytes
		}
		if parts != a.Bytes {
			t.Errorf("%d bytes received, %d filed: %+v", a.Bytes, parts, a)
		}
		sum += a.Bytes
	}
	if sum != sent || l.collector.SamplesNotAllowed.Count != 1 || l.collector.SampleKernelDrops != 0 {
		t.Errorf("%d bytes sent, %d accounted for: %+v", sent, sum, l.collector)
	}
	i := slices.IndexFunc(l.agents, func(a agentRow) bool { return a.Agent == "198.51.100.1" })
	if i < 0 {
		t.Fatalf("no account of the agent: %+v", l.agents)
	}
	if a := l.agents[i]; a.Lost+a.Missing != lost || a.SamplesDropped != dropped || a.Sender != "127.0.0.2" || a.SamplingRate != 512 || a.Sources != 1 || a.Refused["bad_sample"].Count+a.Refused["cut_short"].Count == 0 {
		t.Errorf("the agent: %+v", a)
	}
	text := doctor(t, "--server", c.http)
	t.Logf("the doctor says:\n%s", text)
	for _, want := range []string{
		"agent 198.51.100.1, sub-agent 0: sFlow v5, sent by 127.0.0.2", "1 in 512", "of its datagrams were lost on the way",
		"could not make 19.9 % of its samples", "1 of its datagrams are not sFlow v5", "1 of sFlow's datagrams were refused",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the doctor does not say %q", want)
		}
	}
	c.wantMetrics(`flowname_sflow_agent_samples_dropped_total{agent="198.51.100.1"} 50`, `flowname_sflow_agent_datagrams_total{agent="others"} 0`,
		"flowname_sflow_bytes_not_allowed_total "+strings.TrimSpace(table.Grouped(l.collector.SamplesNotAllowed.Bytes)))
	if rows := strings.Count(doctor(t, "--server", c.http, "--format", "json"), `"kind":"agent"`); rows != len(l.agents) {
		t.Errorf("%d agents in JSON, want %d", rows, len(l.agents))
	}
}

// agentCases has, for each rule, a change beyond its threshold and words of what is
// said then.
var agentCases = map[string]struct {
	change func(*agentRow)
	say    string
}{
	"agent_bad_version":   {func(a *agentRow) { a.Refused["bad_version"] = tallyRow{3, 90} }, "3 of its datagrams are not sFlow v5"},
	"agent_silent":        {func(a *agentRow) { a.SilentS = 301 }, "for 5m1s (more than 5m0s)"},
	"agent_loss":          {func(a *agentRow) { a.Lost = 1000 }, "50 % of its datagrams were lost"},
	"agent_dropped":       {func(a *agentRow) { a.SamplesDropped = 4000 }, "could not make 50 % of its samples"},
	"agent_rate":          {func(a *agentRow) { a.RateInEffect = 1024 }, "It takes 100 % fewer samples"},
	"agent_numbers_still": {func(a *agentRow) { a.NumbersStill = true }, "stand still"},
	"agent_malformed":     {func(a *agentRow) { a.Refused["cut_short"] = tallyRow{9, 1000} }, "of its bytes can not be read"},
	"agent_restarts":      {func(a *agentRow) { a.Restarts = 4 }, "anew 4 times (more than 3)"},
}

func TestAgentRules(t *testing.T) {
	well := func() agentRow {
		return agentRow{Datagrams: 1000, Flows: 4000, Bytes: 100_000, HeaderBytes: 28_000, FlowBytes: 72_000, SamplingRate: 512, RateInEffect: 512.3, Refused: map[string]tallyRow{}}
	}
	row := well()
	if found := applied(agentRules, &row); len(found) != 0 {
		t.Errorf("of an agent that is well: %v", found)
	}
	for _, r := range agentRules {
		c, ok := agentCases[r.code]
		if !ok {
			t.Errorf("rule %s has no test", r.code)
			continue
		}
		row := well()
		c.change(&row)
		found := applied(agentRules, &row)
		if len(found) != 1 || found[0].Code != r.code || !strings.Contains(found[0].Text, c.say) || strings.Contains(found[0].Text, "%!") {
			t.Errorf("%s: got %v, want %q", r.code, found, c.say)
		}
	}
}

// TestMergeAgents: an agent on two sockets is one.
func TestMergeAgents(t *testing.T) {
	one := sflow.Report{Agent: netip.MustParseAddr("192.0.2.1"), Sender: netip.MustParseAddr("192.0.2.1"), FirstNs: 5, LastNs: 10, SamplingRate: 1}
	one.Bytes = 100
	two, three := one, one
	two.FirstNs, two.LastNs, two.SamplingRate = 1, int64(time.Second), 2
	three.SubAgent = 1
	got := mergeAgents([]sflow.Report{one, three, two})
	if len(got) != 2 || got[0].Bytes != 200 || got[0].FirstNs != 1 || got[0].LastNs != int64(time.Second) || got[0].SamplingRate != 2 || got[1].Bytes != 100 {
		t.Errorf("got %+v", got)
	}
}
