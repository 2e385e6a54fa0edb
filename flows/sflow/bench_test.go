package sflow

import (
	"encoding/binary"
	"maps"
	"slices"
	"testing"

	"flowname/flows"
)

// perDatagram is how many samples with headers of 128 bytes fit an Ethernet
// frame.
const perDatagram = 7

// speedCases are datagrams of seven flow samples as switches send them.
func speedCases() map[string][]byte {
	tcp := header(1, frame("8100 0064 0800", append(ipv4(6, 0x4000, syn), make([]byte, 70)...)))
	udp := header(1, frame("86dd", append(ipv6(17, query), make([]byte, 54)...)))
	repeat := func(sample []byte) []byte { return message(slices.Repeat([][]byte{sample}, perDatagram)...) }
	return map[string][]byte{
		"header": repeat(flow(tcp)),
		"IPv6":   repeat(flow(udp)),
		"router": repeat(expanded(3, port{0, 3}, port{0, 4}, tcp, block(1001, words(10, 1, 20, 2)), block(1002, hop4, words(24, 16)),
			gateway(hop4, 64501, 1, 2, 3, 65001, 65002, 65003, 2, 7, 8, 100))),
		"fields": repeat(flow(v4Record)),
	}
}

// TestAllocs asks for no allocation a datagram, with the headers handed on.
func TestAllocs(t *testing.T) {
	for name, msg := range speedCases() {
		d := NewDecoder(Config{})
		recs := make([]flows.Record, 0, perDatagram)
		yielded := 0
		yield := func(uint32, []byte, int) { yielded++ }
		allocs := testing.AllocsPerRun(100, func() {
			var err error
			if recs, err = d.AppendRecords(recs[:0], msg, sender, receivedNs, yield); err != nil || len(recs) != perDatagram {
				t.Fatalf("%s: %d records, %v", name, len(recs), err)
			}
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations a datagram, want 0", name, allocs)
		}
		if name != "fields" && yielded == 0 {
			t.Errorf("%s: no header was yielded", name)
		}
	}
}

// TestHostileAllocs asks for no more than the error, and the records there are,
// of datagrams whose counts and lengths are as high as can be.
func TestHostileAllocs(t *testing.T) {
	for name, msg := range speedCases() {
		for at := 24; at+4 <= len(msg); at += 4 {
			bad := slices.Clone(msg)
			copy(bad[at:], words(0xffffffff))
			d := NewDecoder(Config{})
			recs := make([]flows.Record, 0, perDatagram)
			allocs := testing.AllocsPerRun(2, func() {
				recs, _ = d.AppendRecords(recs[:0], bad, sender, receivedNs, nil)
			})
			if allocs > 1 || len(recs) > perDatagram {
				t.Errorf("%s, all ones at byte %d: %v allocations, %d records", name, at, allocs, len(recs))
			}
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	cases := speedCases()
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		msg := cases[name]
		b.Run(name, func(b *testing.B) {
			d := NewDecoder(Config{})
			recs := make([]flows.Record, 0, perDatagram)
			var err error
			b.SetBytes(int64(len(msg)))
			b.ReportAllocs()
			for number := uint32(0); b.Loop(); number++ {
				binary.BigEndian.PutUint32(msg[16:], number) // the agent's count of datagrams
				if recs, err = d.AppendRecords(recs[:0], msg, sender, receivedNs, nil); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/perDatagram, "ns/sample")
		})
	}
}
