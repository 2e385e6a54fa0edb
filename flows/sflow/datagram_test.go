package sflow

import (
	"errors"
	"net/netip"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flowname/flows"
)

// TestAgents takes the exporter from the datagram where it is told.
func TestAgents(t *testing.T) {
	tests := []struct {
		name, address, want string
	}{
		{"IPv4", "00000001 c6336401", "198.51.100.1"},
		{"IPv6", "00000002 20010db8000000000000000000000001", "2001:db8::1"},
		{"IPv4-mapped", "00000002 00000000000000000000ffffc6336401", "198.51.100.1"},
		{"unknown", "00000000", "192.0.2.1"},
		{"0.0.0.0", "00000001 00000000", "192.0.2.1"},
		{"::", "00000002 00000000000000000000000000000000", "192.0.2.1"},
		{"::ffff:0.0.0.0", "00000002 00000000000000000000ffff00000000", "192.0.2.1"},
	}
	for _, tt := range tests {
		msg := slices.Concat(words(5), unhex(tt.address), words(7, 42, 1000, 1), flow())
		want := base()
		want.Exporter = netip.MustParseAddr(tt.want)
		if diff := cmp.Diff(want, decodeOne(t, msg), equalAddr); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
		if !IsDatagram(msg) {
			t.Errorf("%s: not taken for a datagram", tt.name)
		}
	}
}

func TestPorts(t *testing.T) {
	const several = 1 << 31
	tests := []struct {
		name     string
		sample   []byte
		in, out  uint32
		status   uint8
		outbound bool
	}{
		{"input", compact(3, 3, 4), 3, 4, 0, false},
		{"output", compact(4, 3, 4), 3, 4, 0, true},
		{"same port both ways", compact(3, 3, 3), 3, 3, 0, false},
		{"neither", compact(9, 3, 4), 3, 4, 0, false},
		{"source unknown", compact(0, 3, 0), 3, 0, 0, false},
		{"source is a VLAN", compact(1<<24|4, 3, 4), 3, 4, 0, false},
		{"the device itself", compact(3, 3, 0x3fffffff), 3, 0x3fffffff, 0, false},
		{"several", compact(3, 3, several|10), 3, several | 10, 0, false},
		{"several, at one of them", compact(5, 3, several), 3, several, 0, true},
		{"discarded, ACL", compact(3, 3, 1<<30|258), 3, 1<<30 | 258, 129, false},
		{"discarded, net unreachable", compact(3, 3, 1<<30), 3, 1 << 30, 131, false},
		{"discarded, prohibited", compact(3, 3, 1<<30|13), 3, 1<<30 | 13, 129, false},
		{"discarded, too big", compact(3, 3, 1<<30|262), 3, 1<<30 | 262, 133, false},
		{"discarded, TTL", compact(3, 3, 1<<30|257), 3, 1<<30 | 257, 137, false},
		{"discarded, RED", compact(3, 3, 1<<30|260), 3, 1<<30 | 260, 139, false},
		{"discarded, policed", compact(3, 3, 1<<30|261), 3, 1<<30 | 261, 138, false},
		{"discarded, unknown", compact(3, 3, 1<<30|256), 3, 1<<30 | 256, 128, false},
		{"discarded, other", compact(3, 3, 1<<30|9999), 3, 1<<30 | 9999, 128, false},
		{"no format", compact(3, 3, 3<<30|5), 3, 0, 0, false},
		{"expanded", expanded(3, port{0, 3}, port{0, 4}), 3, 4, 0, false},
		{"expanded, output", expanded(4, port{0, 3}, port{0, 4}), 3, 4, 0, true},
		{"expanded, big", expanded(3, port{0, 0x4b000800}, port{0, 0x8b000801}), 0x4b000800, 0x8b000801, 0, false},
		{"expanded, several", expanded(3, port{0, 3}, port{2, 10}), 3, several | 10, 0, false},
		{"expanded, discarded", expanded(3, port{0, 3}, port{1, 258}), 3, 1<<30 | 258, 129, false},
		{"expanded, no format", expanded(3, port{7, 3}, port{4, 4}), 0, 0, 0, false},
	}
	for _, tt := range tests {
		want := base()
		want.InIf, want.OutIf, want.ForwardingStatus = tt.in, tt.out, tt.status
		if tt.outbound {
			want.Direction = 1
		}
		if diff := cmp.Diff(want, decodeOne(t, message(tt.sample)), equalAddr); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// TestSamples puts samples of every kind, good and bad, before a good one.
func TestSamples(t *testing.T) {
	over := flow(v4Record)
	copy(over[4:], words(0xffffffff))
	huge := message(flow())
	copy(huge[24:], words(0xffffffff))
	fewer := message(flow(), flow(), flow())
	copy(fewer[24:], words(1))
	counters := block(2, words(1, 3, 1), block(1, make([]byte, 88)))
	tests := []struct {
		name    string
		msg     []byte
		records int
		err     error
		stats   Stats
	}{
		{"counters", message(counters, flow()), 1, nil, Stats{CounterSamples: 1}},
		{"expanded counters", message(block(4, make([]byte, 16)), flow()), 1, nil, Stats{CounterSamples: 1}},
		{"counters with nonsense", message(block(2, words(0xffffffff)), flow()), 1, nil, Stats{CounterSamples: 1}},
		{"drops", message(block(5, make([]byte, 32)), flow()), 1, nil, Stats{DropSamples: 1}},
		{"unknown format", message(block(6, make([]byte, 32)), flow()), 1, nil, Stats{UnknownSamples: 1}},
		{"another enterprise's", message(block(4413<<12|1, make([]byte, 32)), flow()), 1, nil, Stats{UnknownSamples: 1}},
		{"empty", message(block(2), flow()), 1, nil, Stats{CounterSamples: 1}},
		{"flow cut in its header", message(block(1, make([]byte, 31)), flow()), 1, ErrTruncated, Stats{BadSamples: 1}},
		{"expanded flow cut in its header", message(block(3, make([]byte, 43)), flow()), 1, ErrTruncated, Stats{BadSamples: 1}},
		{"last over its datagram", message(flow(), over), 2, ErrSample, Stats{BadSamples: 1}},
		{"last cut in a record", message(flow(), flow(v4Record, v6Record))[:28+40+40+40+30], 2, ErrSample, Stats{BadSamples: 1, BadRecords: 1}},
		{"last cut between records", message(flow(), flow(v4Record, v6Record))[:28+40+40+40], 2, ErrSample, Stats{BadSamples: 1}},
		{"last cut in its header", message(flow(), flow())[:28+40+30], 1, ErrSample, Stats{BadSamples: 1}},
		{"samples missing", huge, 1, ErrTruncated, Stats{TruncatedDatagrams: 1}},
		{"more bytes than samples", fewer, 1, nil, Stats{PaddingBytes: 80}},
		{"none", message(), 0, nil, Stats{}},
	}
	for _, tt := range tests {
		recs, stats, err := decode(tt.msg)
		if !errors.Is(err, tt.err) || len(recs) != tt.records || len(recs) > 0 && recs[0].InIf != 3 {
			t.Errorf("%s: %d records and error %v, want %d and %v", tt.name, len(recs), err, tt.records, tt.err)
		}
		tt.stats.Datagrams, tt.stats.Records = 1, uint64(tt.records)
		if diff := cmp.Diff(tt.stats, stats); diff != "" {
			t.Errorf("%s: counted (-want +got):\n%s", tt.name, diff)
		}
	}
}

// TestBadDatagrams has no record, and a decoder that reads the next one.
func TestBadDatagrams(t *testing.T) {
	good := message(flow())
	tests := []struct {
		name  string
		msg   []byte
		err   error
		stats Stats
	}{
		{"version 4", slices.Concat(words(4), good[4:]), ErrVersion, Stats{UnknownVersions: 1}},
		{"NetFlow v5", slices.Concat(unhex("0005 0001"), make([]byte, 68)), ErrVersion, Stats{UnknownVersions: 1}},
		{"empty", nil, ErrTruncated, Stats{TruncatedDatagrams: 1}},
		{"half a version", good[:2], ErrTruncated, Stats{TruncatedDatagrams: 1}},
		{"cut in the agent's address", good[:11], ErrTruncated, Stats{TruncatedDatagrams: 1}},
		{"cut in the header", good[:27], ErrTruncated, Stats{TruncatedDatagrams: 1}},
		{"bad type of address", slices.Concat(words(5, 3), good[8:]), ErrAddress, Stats{BadAddresses: 1}},
	}
	for _, tt := range tests {
		recs, stats, err := decode(tt.msg, good)
		if !errors.Is(err, tt.err) || len(recs) != 1 {
			t.Errorf("%s: %d records and error %v, want %v", tt.name, len(recs), err, tt.err)
		}
		tt.stats.Datagrams, tt.stats.Records = 1, 1
		if diff := cmp.Diff(tt.stats, stats); diff != "" {
			t.Errorf("%s: counted (-want +got):\n%s", tt.name, diff)
		}
		if IsDatagram(tt.msg) {
			t.Errorf("%s: taken for a datagram", tt.name)
		}
	}
}

// TestEveryCut cuts a datagram at each byte: samples before the cut are whole.
func TestEveryCut(t *testing.T) {
	whole := message(flow(v4Record), flow(header(1, frame("0800", ipv4(6, 0, syn)))), expanded(3, port{}, port{}, v6Record))
	full, _, err := decode(whole)
	if err != nil || len(full) != 3 {
		t.Fatalf("got %d records and %v", len(full), err)
	}
	ends := []int{28 + len(flow(v4Record)), len(whole) - len(expanded(3, port{}, port{}, v6Record)), len(whole)}
	for n := range whole {
		recs, _, err := decode(whole[:n:n])
		if err == nil {
			t.Fatalf("%d bytes: no error", n)
		}
		for i, end := range ends {
			if n >= end && (len(recs) <= i || recs[i] != full[i]) {
				t.Fatalf("%d bytes: sample %d is lost: %+v", n, i, recs)
			}
		}
	}
}

func TestMaxSamples(t *testing.T) {
	d := NewDecoder(Config{MaxSamples: 2})
	for range 2 { // the bound is a datagram's
		recs, err := d.AppendRecords(nil, message(flow(), block(2), flow(), flow(), block(2), flow()), sender, 1, nil)
		if len(recs) != 2 || !errors.Is(err, ErrTooMany) {
			t.Errorf("%d records and error %v", len(recs), err)
		}
	}
	want := Stats{Datagrams: 2, Records: 4, CounterSamples: 4, RefusedSamples: 4}
	if diff := cmp.Diff(want, d.Stats()); diff != "" {
		t.Errorf("counted (-want +got):\n%s", diff)
	}
}

func TestErrorSaysWhere(t *testing.T) {
	_, _, err := decode(message(block(2, make([]byte, 12)), flow(block(1002, words(9)))))
	const want = "sflow: sample format 1, record format 1002 at byte 88: unknown type of address"
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

// TestNothingAliases reads a datagram, overwrites it and looks at the record.
func TestNothingAliases(t *testing.T) {
	msg := message(flow(v6Record, block(1002, hop6, words(48, 48))))
	recs, _, err := decode(msg)
	if err != nil {
		t.Fatal(err)
	}
	before := recs[0]
	for i := range msg {
		msg[i] = 0xff
	}
	if recs[0] != before || recs[0].Src != netip.MustParseAddr("2001:db8::9") {
		t.Errorf("was %+v\nis %+v", before, recs[0])
	}
}

// TestAppends keeps what the caller had, and nothing of the datagram before.
func TestAppends(t *testing.T) {
	d := NewDecoder(Config{})
	had := []flows.Record{{InIf: 99}}
	recs, err := d.AppendRecords(had, message(flow(v4Record, block(1001, words(1, 1, 1, 1)))), sender, 5, nil)
	if err != nil {
		t.Fatal(err)
	}
	recs, err = d.AppendRecords(recs, message(flow()), sender, receivedNs, nil)
	if err != nil || len(recs) != 3 || recs[0] != had[0] || recs[2] != base() {
		t.Errorf("got %v and %+v", err, recs)
	}
}

func TestIsDatagram(t *testing.T) {
	good := message(flow(v4Record), flow())
	count := func(n uint32) []byte {
		b := slices.Clone(good)
		copy(b[24:], words(n))
		return b
	}
	tests := []struct {
		name string
		msg  []byte
		want bool
	}{
		{"good", good, true},
		{"fewer samples than bytes", count(1), true},
		{"no samples", message(), true},
		{"no samples, but bytes", count(0), false},
		{"more samples than there can be", count(20), false},
		{"as many as there could be", count(15), true},
		{"first sample over the end", good[:len(good)-41], false},
		{"header only", good[:28], false},
		{"DNS query", unhex("0005 0100 0001 0000 0000 0000 0377 7777 0765 7861 6d70 6c65 0363 6f6d 0000 0100 01"), false},
		{"zeros", make([]byte, 100), false},
	}
	for _, tt := range tests {
		if got := IsDatagram(tt.msg); got != tt.want {
			t.Errorf("%s: got %v", tt.name, got)
		}
	}
}

// TestEveryCounterRises sends what raises each counter of Stats, and fails for
// one that stays zero: it counts nothing, or this test misses its cause.
func TestEveryCounterRises(t *testing.T) {
	d := NewDecoder(Config{MaxSamples: 3, MaxAgents: 1, MaxSources: 1})
	five := make([]byte, 4*5)
	for i := range 5 {
		copy(five[4*i:], unhex("0001 8100"))
	}
	msgs := [][]byte{
		nil,
		make([]byte, 40), // no version
		slices.Concat(words(5, 9), make([]byte, 40)),
		append(message(block(2), block(5), block(77), block(1)), 1, 2, 3),
		message(flow(block(77), block(1001)), flow(header(1, frame("8100", five)), header(9, nil)),
			flow(header(1, frame("0800", make([]byte, 20)))), flow()),
		numbered(7, 43, 1000, flow(header(1, nil)), compact(9, 9, 4)), // a second data source
	}
	for _, m := range msgs {
		d.AppendRecords(nil, m, sender, 1, nil) // what errors there are, other tests check
	}
	v := reflect.ValueOf(d.Stats())
	for i := range v.NumField() {
		if v.Field(i).Uint() == 0 {
			t.Errorf("%s is still zero", v.Type().Field(i).Name)
		}
	}
}
