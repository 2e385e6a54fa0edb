package netflow

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// biflowTemplate is of records with a protocol and packets in both directions.
var biflowTemplate = slices.Concat(u16(270), u16(3), u16(4), u16(1), u16(2), u16(1), u16(0x8000|2), u16(1), u32(penReverse))

// TestAccountOfBiflows: the account and the sequence numbers are in data records,
// a record for both directions is one of them, and what the bound of a message
// leaves out of it is counted.
func TestAccountOfBiflows(t *testing.T) {
	d := NewDecoder(Config{MaxRecords: 4})
	msgs := [][]byte{
		numbered(ipfix(set(2, biflowTemplate), set(270, []byte{6, 1, 1}, []byte{17, 1, 0})), 0),
		numbered(ipfix(set(270, []byte{6, 1, 0}, []byte{6, 2, 2}, []byte{6, 3, 3})), 2), // 5 flows, of 4
		numbered(ipfix(set(270, []byte{6, 1, 1})), 5),
	}
	var bytes uint64
	flows := 0
	for _, m := range msgs {
		recs, _ := d.AppendRecords(nil, m, router, 1)
		flows += len(recs)
		bytes += uint64(len(m))
	}
	if err := checkAccounts(d, bytes); err != nil {
		t.Error(err)
	}
	a := oneReport(t, d).Account
	if flows != 9 || a.Records != 6 || a.Reversed != 3 || a.FlowBytes != 18 || a.Refused[TooManyRecords] != (Tally{Count: 1}) || a.Lost+a.Missing != 0 {
		t.Errorf("%d flows, account %+v", flows, a)
	}
}

// TestReportOfOptions: a report has the sampling rates of options data, those of
// the exporter's domain 0 too, and what the exporter says it lost.
func TestReportOfOptions(t *testing.T) {
	d := NewDecoder(Config{})
	said := append(fields(301, 2, 1), fields(143, 4, 166, 8)...)
	rates := append(fields(300, 2, 1), fields(302, 4, 34, 4)...)
	mustAppend(t, d, ipfix(set(3, said), set(301, u32(1), u64(5))))
	if r := oneReport(t, d); r.Said.NotSentFlows != 5 || r.Said.Records != 1 || r.SamplingRate != 0 || r.SamplingSeveral {
		t.Errorf("got %+v", r)
	}
	mustAppend(t, d, ipfix(set(3, rates), set(300, u32(1), u32(100))))
	if r := oneReport(t, d); r.SamplingRate != 100 || r.SamplingSeveral {
		t.Errorf("one sampler: %d, several %v", r.SamplingRate, r.SamplingSeveral)
	}
	mustAppend(t, d, ipfix(set(300, u32(2), u32(200))))
	if r := oneReport(t, d); r.SamplingRate != 0 || !r.SamplingSeveral {
		t.Errorf("two samplers: %d, several %v", r.SamplingRate, r.SamplingSeveral)
	}
}

// TestOptionsSurvive saves and restores options data of every kind: the same
// state comes out again, within the bounds, and flows find it.
func TestOptionsSurvive(t *testing.T) {
	d := NewDecoder(Config{})
	mustAppend(t, d, ipfix(
		set(2, tmpl(256, 302, 4), fields(257, 2, 10, 4, 95, 4)),
		set(3, append(fields(300, 2, 1), fields(302, 4, 34, 4)...)), set(300, u32(1), u32(100), u32(2), u32(200)),
		set(3, append(fields(301, 2, 1), fields(10, 4, 82, 4)...)), set(301, u32(7), []byte("ge-7")),
		set(3, append(fields(302, 2, 1), fields(95, 4, 96, 4)...)), set(302, []byte{13, 0, 0, 9}, []byte("smtp")),
		set(3, append(fields(303, 2, 1), fields(234, 4, 236, 4)...)), set(303, u32(3), []byte("blue")),
		set(3, append(fields(304, 2, 1), fields(10, 4, 34, 4)...)), set(304, u32(8), u32(300)),
	))
	state := d.AppendState(nil, true)
	again := NewDecoder(Config{})
	if err := again.Restore(state, 3e9); err != nil {
		t.Fatal(err)
	}
	if err := checkStore(&again.store, again.cfg); err != nil {
		t.Error(err)
	}
	if got := again.AppendState(nil, true); !cmp.Equal(got, state) {
		t.Errorf("saved again: %d bytes, want the same %d", len(got), len(state))
	}
	if again.store.options != 6 || again.Stats().OptionEntries != 0 {
		t.Errorf("%d entries, %d counted as told", again.store.options, again.Stats().OptionEntries)
	}
	recs := mustAppend(t, again, ipfix(set(257, u32(7), []byte{13, 0, 0, 9})))
	if len(recs) != 1 || recs[0].InIfName != "ge-7" || recs[0].AppName != "smtp" {
		t.Errorf("got %+v", recs)
	}
	tight := NewDecoder(Config{MaxOptionEntries: 4, MaxOptionEntriesPerDomain: 2})
	if err := tight.Restore(state, 3e9); err != nil || tight.store.options != 2 || tight.Stats().OptionEntriesRefused != 4 {
		t.Errorf("%v: %d entries, %d refused", err, tight.store.options, tight.Stats().OptionEntriesRefused)
	}
	if err := checkStore(&tight.store, tight.cfg); err != nil {
		t.Error(err)
	}
}

// TestOptionsDoNotEvictTheGood: when all the room for options data is taken, a
// newcomer's are refused before a domain goes that has delivered flows.
func TestOptionsDoNotEvictTheGood(t *testing.T) {
	d := NewDecoder(Config{MaxOptionEntries: 1})
	names := append(fields(300, 2, 1), fields(10, 4, 82, 2)...)
	mustAppend(t, d, ipfix(set(2, proto1), set(256, []byte{6}), set(3, names), set(300, u32(1), []byte("e0"))))
	other := netip.MustParseAddrPort("203.0.113.1:9")
	for range 2 { // the second time it has delivered flows too
		if _, err := d.AppendRecords(nil, ipfix(set(3, names), set(300, u32(1), []byte("x0")), set(2, proto1), set(256, []byte{6})), other, 2); err != nil {
			t.Fatal(err)
		}
		if err := checkStore(&d.store, d.cfg); err != nil {
			t.Error(err)
		}
	}
	if s := d.Stats(); s.OptionEntriesRefused != 1 || s.ExportersEvicted != 1 {
		t.Errorf("got %+v", s)
	}
}
