package watch

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"

	"flowname/cmd/flowname/exports/exportstest"
	"flowname/dnscache"
)

// watchedBound is what a flow may take with all that looks at flows besides the
// join, of what it takes from a datagram to a line without. It is for a machine that is
// others' too; `flowload compare --watched` measures the whole process, which is what
// 15 % more are allowed of.
const watchedBound = 1.8

// A wideWorld is one of so many clients, and as many names and addresses, each
// looked up by two of the clients. A tenth of the names are new.
type wideWorld struct {
	cache *dnscache.Cache
	watch *Watch
	size  uint32
}

func newWideWorld(tb testing.TB, size int) *wideWorld {
	tb.Helper()
	w := &wideWorld{size: uint32(size)}
	var err error
	if w.cache, err = dnscache.Open(dnscache.Config{MaxVersions: max(8*size, 1<<20)}); err != nil {
		tb.Fatal(err)
	}
	w.watch = everything(tb, w.cache)
	tb.Cleanup(func() { w.cache.Close(exportstest.Start * 1e9) })
	r := dnscache.Response{Source: dnscache.SourcePackets, Type: 1, Addrs: make([]dnscache.Addr, 1)}
	for i := range 3 * w.size {
		client, server := w.pair(i)
		if server%10 == 0 && i < w.size { // is young
			continue
		}
		r.TimeNs = (exportstest.Start-1000)*1e9 + int64(i)*900e9/int64(3*w.size)
		r.Client = exportstest.Client(client)
		r.Name = fmt.Appendf(r.Name[:0], "www%d.shop%d.example", server%3, server)
		r.Addrs[0] = dnscache.Addr{Addr: exportstest.Server(server), TTL: 3600}
		if i < w.size {
			r.TimeNs -= 30 * 24 * 3600e9
		} else {
			w.cache.File(&r, r.TimeNs)
		}
		w.watch.Evidence(&r)
		if i%10_000 == 0 {
			w.settle(tb)
		}
	}
	w.settle(tb)
	return w
}

func (w *wideWorld) settle(tb testing.TB) {
	tb.Helper()
	if err := w.watch.Settle(exportstest.Start * 1e9); err != nil {
		tb.Fatal(err)
	}
}

// pair is who was answered what in a lookup.
func (w *wideWorld) pair(lookup uint32) (client, server uint32) {
	return lookup % w.size, uint32((uint64(lookup)*7919 + uint64(lookup/w.size)) % uint64(w.size))
}

// path is the path of flows through this world, with its watch or without.
func (w *wideWorld) path(tb testing.TB, watched bool) *flowPath {
	tb.Helper()
	var l *Lookout
	if watched {
		l = w.watch.NewLookout(&sync.Mutex{})
	}
	p := openFlowPath(tb, w.cache, l)
	p.datagram(tb, exportstest.Template())
	return p
}

// datagrams are n messages of flows, each the flow of a lookup: the popular ones
// of them often.
func (w *wideWorld) datagrams(n int, next func(int) func() int) [][]byte {
	lookup := next(int(2 * w.size)) // but those of long ago
	msgs := make([][]byte, n)
	for i := range msgs {
		clients, servers := make([]uint32, flowsEach), make([]uint32, flowsEach)
		for k := range clients {
			clients[k], servers[k] = w.pair(w.size + uint32(lookup()))
		}
		msgs[i] = exportstest.Data(clients, servers)
	}
	return msgs
}

// TestWatchedSpeed compares the path of a flow with all that looks at flows with
// the path without, in one run, in turns, by the median of the turns' ratios. It
// measures where FLOWNAME_SPEED is set; FLOWNAME_SPEED=1000000 has a million
// clients, names and addresses.
func TestWatchedSpeed(t *testing.T) {
	size, err := strconv.Atoi(os.Getenv("FLOWNAME_SPEED"))
	if err != nil {
		t.Skip("measures only where FLOWNAME_SPEED is set, as in .ci/run")
	}
	const bound = watchedBound
	size = max(size, 100_000)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	w := newWideWorld(t, size)
	for _, tr := range []traffic{{"zipf", true, zipf}, {"uniform", true, uniform}} {
		without, with := w.path(t, false), w.path(t, true)
		msgs := w.datagrams(min(size/flowsEach, 20_000)/28*28, tr.next)
		var base, cost []float64
		for turn := range 15 {
			port := uint16(2*turn + 1)
			off := turnOf(t, without, msgs, port)
			on := turnOf(t, with, msgs, port+1)
			if turn > 0 { // all is known and warm
				base, cost = append(base, off), append(cost, on/off)
			}
		}
		slices.Sort(base)
		slices.Sort(cost)
		ratio := cost[len(cost)/2]
		t.Logf("%s, %d clients: a flow takes %.0f ns without and %+.1f %% with all that looks at it (%+.1f to %+.1f); bound %+.0f %%",
			tr.name, size, base[len(base)/2], 100*(ratio-1), 100*(cost[0]-1), 100*(cost[len(cost)-1]-1), 100*(bound-1))
		if ratio > bound {
			t.Errorf("%s: a flow takes %.2f times as much with all that looks at it; more than %v", tr.name, ratio, bound)
		}
	}
}

// turnOf gives nanoseconds a flow. Each turn's flows are new connections.
func turnOf(t *testing.T, p *flowPath, msgs [][]byte, port uint16) float64 {
	const burst = 28 // datagrams are what a receiver joins at once
	for _, m := range msgs {
		renew(m, port)
	}
	p.named = 0
	joined := 0
	began := threadTime(t)
	for at := 0; at < len(msgs); at += burst {
		p.burst(t, msgs[at:at+burst]...)
		joined += len(p.records)
	}
	took := threadTime(t) - began
	if p.named != joined {
		t.Fatalf("named %d of %d flows by their clients' answers", p.named, joined)
	}
	return float64(took) / float64(joined)
}

func TestWatchedFlowsAllocateNothing(t *testing.T) {
	w := newWideWorld(t, 2000)
	p := w.path(t, true)
	msgs := w.datagrams(28, uniform)
	p.burst(t, msgs...) // names are known from here on
	if p.named != len(msgs)*flowsEach {
		t.Fatalf("named %d of %d flows by their clients' answers", p.named, len(msgs)*flowsEach)
	}
	if n := testing.AllocsPerRun(100, func() { p.burst(t, msgs...) }); n != 0 {
		t.Errorf("%v allocations for %d flows, want 0", n, len(msgs)*flowsEach)
	}
}
