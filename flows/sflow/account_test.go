package sflow

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// checkAccounts asks that the accounts of a Decoder that got so many bytes add
// up, that they agree with Stats, and that its bounds hold.
func checkAccounts(d *Decoder, bytes int) error {
	sum := d.Gone()
	sources, reports := 0, d.AppendReports(nil)
	for i := range reports {
		sum.Add(&reports[i].Account)
		sources += reports[i].Sources
	}
	if parts := sum.HeaderBytes + sum.FlowBytes + sum.OtherBytes + sum.PaddingBytes + sum.RefusedBytes(); parts != sum.Bytes || sum.Bytes != uint64(bytes) {
		return fmt.Errorf("%d bytes came, %d are in the accounts, %d of them filed: %+v", bytes, sum.Bytes, parts, sum)
	}
	s := d.Stats()
	refused := sum.Refused[BadVersion].Count + sum.Refused[BadAddress].Count
	if sum.Flows != s.Records || sum.CounterSamples != s.CounterSamples || sum.DropSamples != s.DropSamples || sum.UnknownSamples != s.UnknownSamples ||
		sum.Datagrams < s.Datagrams+refused || sum.Refused[CutShort].Count != s.TruncatedDatagrams ||
		sum.Refused[BadSample].Count != s.BadSamples || sum.Refused[TooManySamples].Count != s.RefusedSamples {
		return fmt.Errorf("account %+v\nstats %+v", sum, s)
	}
	for _, n := range []uint64{sum.Missing, sum.Lost, sum.Repeated, sum.SamplesLost} {
		if n > 1<<62 {
			return fmt.Errorf("a count fell below zero: %+v", sum)
		}
	}
	if len(reports) > d.cfg.MaxAgents || sources > d.cfg.MaxSources || sources != d.agents.sources {
		return fmt.Errorf("%d agents, %d sources (%d counted) with %+v", len(reports), sources, d.agents.sources, d.cfg)
	}
	return nil
}

// TestAccountAddsUp cuts each datagram of the tests at each byte and appends
// some to it.
func TestAccountAddsUp(t *testing.T) {
	d := NewDecoder(Config{MaxSamples: 2})
	bytes := 0
	read := func(msg []byte) {
		t.Helper()
		d.AppendRecords(nil, msg, sender, receivedNs, nil)
		bytes += len(msg)
		if err := checkAccounts(d, bytes); err != nil {
			t.Fatalf("%x: %v", msg, err)
		}
	}
	for _, msg := range append(seeds(), message(flow(), flow(), block(2), flow(), block(1))) {
		for n := range msg {
			read(msg[:n:n])
		}
		read(append(slices.Clone(msg), 1, 2, 3))
	}
}

// TestAccount reads one datagram and looks where its bytes are filed.
func TestAccount(t *testing.T) {
	over := block(2)
	copy(over[4:], words(99))
	tests := []struct {
		name string
		msg  []byte
		want Account
	}{
		{"a flow", message(flow()), Account{HeaderBytes: 28, FlowBytes: 40, Flows: 1}},
		{"counters, drops, others", message(block(2, words(1)), block(5), block(77)),
			Account{HeaderBytes: 28, OtherBytes: 28, CounterSamples: 1, DropSamples: 1, UnknownSamples: 1}},
		{"padded", append(message(flow()), 1, 2, 3), Account{HeaderBytes: 28, FlowBytes: 40, PaddingBytes: 3, Flows: 1}},
		{"another version", words(4, 1, 2), Account{Refused: [reasons]Tally{BadVersion: {1, 12}}}},
		{"no header", words(5, 1), Account{Refused: [reasons]Tally{CutShort: {1, 8}}}},
		{"bad address", words(5, 9), Account{Refused: [reasons]Tally{BadAddress: {1, 8}}}},
		{"a sample cut short", message(flow(v4Record))[:100], Account{HeaderBytes: 28, FlowBytes: 72, Flows: 1, Refused: [reasons]Tally{BadSample: {1, 0}}}},
		{"its header cut short", message(flow())[:50], Account{HeaderBytes: 28, Refused: [reasons]Tally{BadSample: {1, 22}}}},
		{"counters cut short", message(over), Account{HeaderBytes: 28, OtherBytes: 8, CounterSamples: 1, Refused: [reasons]Tally{BadSample: {1, 0}}}},
		{"samples missing", message(flow(), flow())[:72], Account{HeaderBytes: 28, FlowBytes: 40, Flows: 1, Refused: [reasons]Tally{CutShort: {1, 4}}}},
		{"too many", message(flow(), flow(), flow()), Account{HeaderBytes: 28, FlowBytes: 80, Flows: 2, Refused: [reasons]Tally{TooManySamples: {1, 40}}}},
	}
	for _, tt := range tests {
		d := NewDecoder(Config{MaxSamples: 2})
		d.AppendRecords(nil, tt.msg, sender, receivedNs, nil)
		tt.want.Datagrams, tt.want.Bytes = 1, uint64(len(tt.msg))
		got := d.AppendReports(nil)
		if len(got) != 1 {
			t.Fatalf("%s: %d reports", tt.name, len(got))
		}
		got[0].SamplesLost, got[0].SamplePool, got[0].PoolSamples = 0, 0, 0 // TestSources has these
		if diff := cmp.Diff(tt.want, got[0].Account); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	if names := fmt.Sprint(Reasons()); names != "[bad_version cut_short bad_address bad_sample too_many_samples]" {
		t.Errorf("reasons are %s", names)
	}
}

// TestAccountAddsEveryField fails for a field that Add leaves out.
func TestAccountAddsEveryField(t *testing.T) {
	var one, sum Account
	fill := func(v reflect.Value) { v.SetUint(3) }
	v := reflect.ValueOf(&one).Elem()
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Uint64 {
			fill(f)
		} else {
			for j := range f.Len() {
				fill(f.Index(j).Field(0))
				fill(f.Index(j).Field(1))
			}
		}
	}
	sum.Add(&one)
	if sum != one {
		t.Errorf("got %+v\nwant %+v", sum, one)
	}
}

// numbered builds a datagram of a sub-agent with its number and uptime.
func numbered(subAgent, number, uptime uint32, samples ...[]byte) []byte {
	return slices.Concat(words(5, 1), agentAddr.AsSlice(), words(subAgent, number, uptime, uint32(len(samples))), slices.Concat(samples...))
}

// TestReport tells agents, sub-agents and senders apart and says what each is.
func TestReport(t *testing.T) {
	d := NewDecoder(Config{})
	other := sender.Addr().Next()
	read := func(msg []byte, second int64) {
		t.Helper()
		if _, err := d.AppendRecords(nil, msg, sender, receivedNs+second*1e9, nil); err != nil {
			t.Fatal(err)
		}
	}
	read(numbered(0, 1, 0, flow(), compact(9, 9, 9)), 0)
	read(numbered(1, 100, 0, block(2)), 1)
	read(numbered(0, 2, 0, expanded(3, port{}, port{})), 2)
	read(slices.Concat(words(5, 0), words(0, 1, 0, 0)), 3)
	if _, err := d.AppendRecords(nil, numbered(0, 7, 0, flow()), addrPort(other), receivedNs, nil); err != nil {
		t.Fatal(err)
	}
	type row struct {
		agent, sender, exporter string
		sub                     uint32
		datagrams, flows, lost  uint64
		sources                 int
		rate                    uint64
		span                    int64
	}
	var got []row
	for _, r := range d.AppendReports(nil) {
		name := "none"
		if r.Agent.IsValid() {
			name = r.Agent.String()
		}
		got = append(got, row{name, r.Sender.String(), r.Exporter().String(), r.SubAgent, r.Datagrams, r.Flows, r.Lost + r.Missing, r.Sources, r.SamplingRate, r.LastNs - r.FirstNs})
	}
	want := []row{
		{"198.51.100.1", "192.0.2.1", "198.51.100.1", 1, 1, 0, 0, 0, 0, 0},
		{"198.51.100.1", "192.0.2.1", "198.51.100.1", 0, 2, 3, 0, 2, 512, 2e9},
		{"none", "192.0.2.1", "192.0.2.1", 0, 1, 0, 0, 0, 0, 0},
		{"198.51.100.1", other.Unmap().String(), "198.51.100.1", 0, 1, 1, 0, 1, 512, 0},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(row{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestSeveralRates notes that an agent's samples have more than one rate.
func TestSeveralRates(t *testing.T) {
	d := NewDecoder(Config{})
	read := func(sample []byte) Report {
		t.Helper()
		if _, err := d.AppendRecords(nil, message(sample), sender, 1, nil); err != nil {
			t.Fatal(err)
		}
		return d.AppendReports(nil)[0]
	}
	if r := read(flow()); r.SamplingSeveral || r.SamplingRate != 512 {
		t.Errorf("one rate: %+v", r)
	}
	other := flow()
	copy(other[8+8:], words(1024))
	if r := read(other); !r.SamplingSeveral || r.SamplingRate != 1024 {
		t.Errorf("two rates: %+v", r)
	}
}

// TestFloodOfAgents sends from more made-up agents than there is room for beside
// a good one.
func TestFloodOfAgents(t *testing.T) {
	d := NewDecoder(Config{MaxAgents: 8})
	read := func(sub uint32, msg []byte, second int64) {
		t.Helper()
		d.AppendRecords(nil, msg, sender, receivedNs+second*1e9, nil)
		if n := len(d.AppendReports(nil)); n > 8 {
			t.Fatalf("sub-agent %d: %d agents are kept", sub, n)
		}
	}
	read(0, numbered(0, 1, 0, flow()), 0)
	read(0, numbered(0, 2, 0, flow()), 60)
	const flood = 1000
	for i := range uint32(flood) {
		read(i+1, numbered(i+1, 5, 0, flow()), 61)
	}
	read(0, numbered(0, 4, 0, flow()), 3600)
	for _, r := range d.AppendReports(nil) {
		if r.SubAgent == 0 && (r.Datagrams != 3 || r.Missing != 1) {
			t.Errorf("the good agent: %+v", r)
		}
	}
	gone := d.Gone()
	if evicted := d.Stats().AgentsEvicted; gone.Datagrams != evicted || evicted != flood-7 {
		t.Errorf("%d agents went, with %+v", evicted, gone)
	}
}

// TestSourcesAreBounded follows as many data sources as there is room for, of an
// agent and of all.
func TestSourcesAreBounded(t *testing.T) {
	d := NewDecoder(Config{MaxSources: 5, MaxSourcesPerAgent: 3})
	for sub := range uint32(3) {
		for i := range uint32(10) {
			d.AppendRecords(nil, numbered(sub, i, 0, compact(i+1, 1, 2)), sender, 1, nil)
		}
	}
	var sources []int
	for _, r := range d.AppendReports(nil) {
		sources = append(sources, r.Sources)
	}
	if refused := d.Stats().SourcesRefused; !slices.Equal(sources, []int{3, 2, 0}) || refused != 30-5 {
		t.Errorf("sources %v, %d refused", sources, refused)
	}
}

// TestAgentSize holds the package comment to what it says of memory.
func TestAgentSize(t *testing.T) {
	const key, pointer = 56, 8 // and of a map, at its usual fill of a half
	if size := reflect.TypeFor[agent]().Size() + 2*(key+pointer); size > 600 {
		t.Errorf("an agent takes %d bytes", size)
	}
	if size := reflect.TypeFor[source]().Size() + 4 + 2*(reflect.TypeFor[sourceID]().Size()+pointer); size > 100 {
		t.Errorf("a data source takes %d bytes", size)
	}
}
