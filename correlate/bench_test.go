package correlate

import (
	"fmt"
	"net/netip"
	"testing"

	"flowname/dnscache"
	"flowname/flows"
)

// benchWorld is a cache of so many answers, each client knowing twenty
// addresses, and records of which each third is named by its client, by others,
// and not at all.
func benchWorld(tb testing.TB, answers int) (*Correlator, []flows.Record) {
	tb.Helper()
	cache, err := dnscache.Open(dnscache.Config{MaxVersions: max(4*answers, 1<<20)})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { cache.Close(t0) })
	client := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}) }
	address := func(i int) netip.Addr {
		return netip.AddrFrom4([4]byte{198, 16 + byte(i>>16)&63, byte(i >> 8), byte(i)})
	}
	r := dnscache.Response{TimeNs: t0 - second, Source: dnscache.SourcePackets, Addrs: make([]dnscache.Addr, 1)}
	for i := range answers {
		r.Client, r.Name = client(i/20), fmt.Appendf(r.Name[:0], "host%d.example", i)
		r.Addrs[0] = dnscache.Addr{Addr: address(i), TTL: 300}
		cache.File(&r, t0)
	}
	records := make([]flows.Record, 3*1024)
	for i := range records {
		n := i * 7919 % answers
		switch i % 3 {
		case 0:
			records[i] = flow(client(n/20), address(n), 0)
		case 1:
			records[i] = flow(client((n/20+1)%(answers/20)), address(n), 0)
		case 2:
			records[i] = flow(client(n/20), netip.AddrFrom4([4]byte{203, 0, byte(n >> 8), byte(n)}), 0)
		}
		records[i].SrcPort = uint16(i)
	}
	return New(Config{}, cache, nil), records
}

func TestJoinAllocatesNothing(t *testing.T) {
	c, records := benchWorld(t, 20_000)
	c.Join(records, t0, func(*Flow) {})
	s := c.Stats()
	if s.Named[Client].Flows == 0 || s.Named[Others].Flows == 0 || s.Unnamed[NoAnswer].Flows == 0 {
		t.Fatalf("not all cases are met: %+v", s)
	}
	if n := testing.AllocsPerRun(10, func() { c.Join(records, t0, func(*Flow) {}) }); n != 0 {
		t.Errorf("%v allocations for %d flows, want 0", n, len(records))
	}
}

func TestWaitingAllocatesNothing(t *testing.T) {
	c, records := benchWorld(t, 20_000)
	w := New(Config{Wait: 1, WaitRoom: len(records)}, c.cache, nil)
	emit := func(*Flow) {}
	if n := testing.AllocsPerRun(10, func() { w.Join(records, t0, emit); w.Drain(emit) }); n != 0 {
		t.Errorf("%v allocations for %d flows, want 0", n, len(records))
	}
}

func BenchmarkJoin(b *testing.B) {
	for _, answers := range []int{10_000, 1_000_000} {
		b.Run(fmt.Sprintf("answers=%d", answers), func(b *testing.B) {
			c, records := benchWorld(b, answers)
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				c.Join(records, t0, func(*Flow) {})
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(records)), "ns/flow")
		})
	}
}
