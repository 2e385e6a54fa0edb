package main

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"flowname/cmd/flowname/exports/exportstest"
	"flowname/cmd/flowname/ledger"
	"flowname/cmd/flowname/table"
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

	var l ledger.Rows
	eventually(t, "all is accounted", func() bool {
		var err error
		if l, err = ledger.Ask(c.http); err != nil {
			t.Fatal(err)
		}
		return l.Collector.SampleBytes == sent && l.Collector.FlowsInside == 0 && l.Collector.SampledFlows >= datagrams
	})
	sum := l.Collector.SamplesNotAllowed.Bytes + l.Collector.SamplesForgotten.Bytes
	for _, a := range l.Agents {
		parts := a.HeaderBytes + a.FlowBytes + a.OtherBytes + a.PaddingBytes
		for _, r := range a.Refused {
			parts += r.Bytes
		}
		if parts != a.Bytes {
			t.Errorf("%d bytes received, %d filed: %+v", a.Bytes, parts, a)
		}
		sum += a.Bytes
	}
	if sum != sent || l.Collector.SamplesNotAllowed.Count != 1 || l.Collector.SampleKernelDrops != 0 {
		t.Errorf("%d bytes sent, %d accounted for: %+v", sent, sum, l.Collector)
	}
	i := slices.IndexFunc(l.Agents, func(a ledger.Agent) bool { return a.Agent == "198.51.100.1" })
	if i < 0 {
		t.Fatalf("no account of the agent: %+v", l.Agents)
	}
	if a := l.Agents[i]; a.Lost+a.Missing != lost || a.SamplesDropped != dropped || a.Sender != "127.0.0.2" || a.SamplingRate != 512 || a.Sources != 1 || a.Refused["bad_sample"].Count+a.Refused["cut_short"].Count == 0 {
		t.Errorf("the agent: %+v", a)
	}
	text := askDoctor(t, "--server", c.http)
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
		"flowname_sflow_bytes_not_allowed_total "+strings.TrimSpace(table.Grouped(l.Collector.SamplesNotAllowed.Bytes)))
	if rows := strings.Count(askDoctor(t, "--server", c.http, "--format", "json"), `"kind":"agent"`); rows != len(l.Agents) {
		t.Errorf("%d agents in JSON, want %d", rows, len(l.Agents))
	}
}
