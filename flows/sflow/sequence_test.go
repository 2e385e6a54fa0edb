package sflow

import (
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func addrPort(a netip.Addr) netip.AddrPort { return netip.AddrPortFrom(a, 6343) }

// A beat is the number and the uptime of a datagram.
type beat struct{ number, uptime uint32 }

func beats(numbers ...uint32) []beat {
	var all []beat
	for _, n := range numbers {
		all = append(all, beat{n, 0})
	}
	return all
}

func countUp(from, n uint32) []uint32 {
	var all []uint32
	for i := range n {
		all = append(all, from+i)
	}
	return all
}

func TestSequence(t *testing.T) {
	const top = ^uint32(0)
	still := make([]beat, 40)
	tests := []struct {
		name  string
		beats []beat
		want  Account
	}{
		{"in order", beats(1, 2, 3), Account{}},
		{"over the top", beats(top-1, top, 0, 1), Account{}},
		{"one missing", beats(1, 3), Account{Missing: 1}},
		{"one late", beats(1, 3, 2, 4), Account{Reordered: 1}},
		{"late over the top", beats(top, 1, 0, 2), Account{Reordered: 1}},
		{"one twice", beats(1, 2, 2, 1, 3), Account{Repeated: 2}},
		{"late and again", beats(1, 3, 2, 2), Account{Reordered: 1, Repeated: 1}},
		{"lost for good", beats(append([]uint32{1}, countUp(3, 64)...)...), Account{Lost: 1}},
		{"not yet for good", beats(append([]uint32{1}, countUp(3, 62)...)...), Account{Missing: 1}},
		{"a wide gap", beats(1, 1002), Account{Lost: 1000 - 63, Missing: 63}},
		{"two wide gaps", beats(1, 101, 201), Account{Lost: 198 - 63, Missing: 63}},
		{"too wide a gap", beats(1, 1<<20, 1<<20+1), Account{SequenceJumps: 1}},
		{"far behind", beats(1000, 1, 2), Account{Restarts: 1}},
		{"far behind, one missing", beats(1000, 1002, 1), Account{Restarts: 1, Lost: 1}},
		{"uptime fell", []beat{{5, 100_000}, {6, 101_000}, {1, 500}, {2, 1500}}, Account{Restarts: 1}},
		{"uptime fell, number went on", []beat{{5, 100_000}, {6, 500}}, Account{Restarts: 1}},
		{"uptime fell a little", []beat{{5, 100_000}, {7, 101_000}, {6, 99_000}}, Account{Reordered: 1}},
		{"uptime is over its 32 bits", []beat{{5, top - 500}, {6, 500}}, Account{}},
		{"number stands still", still, Account{Unverified: 39}},
		{"and runs again", append(still, beats(1, 2)...), Account{Unverified: 39}},
	}
	for _, tt := range tests {
		var s sequence
		var got Account
		for _, b := range tt.beats {
			s.observe(&got, b.number, b.uptime)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// TestSequenceModel loses, doubles and swaps datagrams by chance, and counts them
// by what was done.
func TestSequenceModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for round := range 50 {
		var s sequence
		var got, want Account
		number := rng.Uint32()
		s.observe(&got, number, 0)
		for range 2000 {
			number++
			switch n := rng.IntN(20); n {
			case 0:
				want.Lost++
				continue
			case 1:
				s.observe(&got, number+1, 0)
				s.observe(&got, number, 0)
				want.Reordered++
				number++
				continue
			case 2:
				s.observe(&got, number, 0)
				want.Repeated++
			}
			s.observe(&got, number, 0)
		}
		for range lateDatagrams {
			number++
			s.observe(&got, number, 0)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("round %d (-want +got):\n%s", round, diff)
		}
	}
}

// counted builds a flow sample of a data source with its numbers.
func counted(index, number, pool, drops uint32) []byte {
	return block(1, words(number, index, 100, pool, drops, 1, 2, 0))
}

// TestSources follows the numbers of flow samples.
func TestSources(t *testing.T) {
	const top = ^uint32(0)
	one := func(number, pool, drops uint32) [][]byte { return [][]byte{counted(7, number, pool, drops)} }
	tests := []struct {
		name      string
		datagrams [][][]byte // by number, from 1; nil is not sent
		want      Account
		rate      float64
	}{
		{"in order", [][][]byte{one(1, 100, 0), one(2, 200, 0), one(3, 300, 0)}, Account{SamplePool: 200, PoolSamples: 2}, 100},
		{"lost with a datagram", [][][]byte{one(1, 100, 0), nil, one(3, 300, 0)}, Account{SamplesLost: 1, SamplePool: 200, PoolSamples: 2, Missing: 1}, 100},
		{"made and not sent", [][][]byte{one(1, 100, 0), one(5, 500, 0)}, Account{SamplesLost: 3, SamplePool: 400, PoolSamples: 4}, 100},
		{"not made", [][][]byte{one(1, 100, 0), one(2, 500, 3)}, Account{SamplesDropped: 3, SamplePool: 400, PoolSamples: 1}, 400},
		{"over the top", [][][]byte{one(top, top-49, top), one(0, 50, 1)}, Account{SamplesDropped: 2, SamplePool: 100, PoolSamples: 1}, 100},
		{"two sources", [][][]byte{{counted(7, 1, 100, 0), counted(8, 50, 9, 5)}, {counted(7, 2, 200, 0), counted(8, 52, 209, 6)}},
			Account{SamplesLost: 1, SamplesDropped: 1, SamplePool: 300, PoolSamples: 3}, 100},
		{"a source begins anew", [][][]byte{one(500, 50_000, 9), one(1, 100, 0), one(2, 200, 0)}, Account{SamplePool: 100, PoolSamples: 1}, 100},
		{"numbers stand still", [][][]byte{one(0, 0, 0), one(0, 0, 0)}, Account{}, 0},
		{"drops fall", [][][]byte{one(1, 100, 9), one(2, 200, 0)}, Account{SamplePool: 100, PoolSamples: 1}, 100},
	}
	for _, tt := range tests {
		d := NewDecoder(Config{})
		for i, samples := range tt.datagrams {
			if samples == nil {
				continue
			}
			if _, err := d.AppendRecords(nil, numbered(0, uint32(i+1), 0, samples...), sender, 1, nil); err != nil {
				t.Fatal(err)
			}
		}
		r := d.AppendReports(nil)[0]
		got := Account{
			SamplesLost: r.SamplesLost, SamplesDropped: r.SamplesDropped, SamplePool: r.SamplePool, PoolSamples: r.PoolSamples, Missing: r.Missing,
		}
		if diff := cmp.Diff(tt.want, got); diff != "" || r.RateInEffect() != tt.rate {
			t.Errorf("%s: rate %v, want %v (-want +got):\n%s", tt.name, r.RateInEffect(), tt.rate, diff)
		}
	}
}

// TestSourcesOfLateDatagrams takes a loss back when the datagram comes late, and
// counts nothing of one that comes again.
func TestSourcesOfLateDatagrams(t *testing.T) {
	d := NewDecoder(Config{})
	read := func(number uint32) Report {
		t.Helper()
		if _, err := d.AppendRecords(nil, numbered(0, number, 0, counted(7, number, number*100, 0)), sender, 1, nil); err != nil {
			t.Fatal(err)
		}
		return d.AppendReports(nil)[0]
	}
	read(1)
	if r := read(3); r.SamplesLost != 1 || r.Missing != 1 {
		t.Errorf("a gap: %+v", r)
	}
	if r := read(2); r.SamplesLost != 0 || r.Missing != 0 || r.Reordered != 1 {
		t.Errorf("filled late: %+v", r)
	}
	if r := read(2); r.SamplesLost != 0 || r.Repeated != 1 || r.SamplePool != 200 {
		t.Errorf("again: %+v", r)
	}
	if r := read(4); r.SamplesLost != 0 || r.SamplePool != 300 || r.PoolSamples != 3 {
		t.Errorf("on: %+v", r)
	}
	for range 20 {
		read(4)
	}
	if r := read(4); !r.NumbersStill {
		t.Errorf("a number that stands still is not said: %+v", r)
	}
}
