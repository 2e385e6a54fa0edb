package dnscache

import (
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"time"
)

// traffic makes answers as a provider sees them: clients that share addresses,
// addresses that share names.
type traffic struct {
	base              int64
	clients, perNames int
	names             [][]byte
	r                 Response
}

func newTraffic(clients, addrs, namesN int) *traffic {
	tr := &traffic{base: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).UnixNano(), clients: clients, perNames: addrs}
	for i := range namesN {
		tr.names = append(tr.names, fmt.Appendf(nil, "host-%d.service-%d.example.com", i, i%97))
	}
	tr.r.Addrs = make([]Addr, 1)
	return tr
}

// at is the i-th answer; another i gives another (client, address).
func (tr *traffic) at(i int) *Response {
	a := i / tr.clients % tr.perNames
	tr.r.TimeNs = tr.base + int64(i)*int64(time.Microsecond)
	tr.r.Client = tr.client(i)
	tr.r.Source = SourcePackets
	tr.r.Name = tr.names[a%len(tr.names)]
	tr.r.Addrs[0] = Addr{tr.addr(a), 300}
	return &tr.r
}

func (tr *traffic) client(i int) netip.Addr {
	c := i % tr.clients
	return netip.AddrFrom4([4]byte{10, byte(c >> 16), byte(c >> 8), byte(c)})
}

func (tr *traffic) addr(a int) netip.Addr {
	return netip.AddrFrom4([4]byte{byte(a>>24 + 32), byte(a >> 16), byte(a >> 8), byte(a)})
}

const million = 1_000_000

// fillMillion files a million different (client, address): 20 clients an
// address, 50,000 addresses, 25,000 names.
func fillMillion(tb testing.TB, cfg Config) (*Cache, *traffic) {
	tb.Helper()
	c, err := Open(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tr := newTraffic(20, 50_000, 25_000)
	for i := range million {
		c.File(tr.at(i), tr.base)
		if i%100_000 == 0 {
			if err := c.Flush(tr.base); err != nil {
				tb.Fatal(err)
			}
		}
	}
	return c, tr
}

func heap() float64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// TestMemory keeps the promise of 100 MB for a million (client, address,
// version).
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("files a million answers")
	}
	before := heap()
	c, _ := fillMillion(t, Config{})
	mb := (heap() - before) / 1e6
	st := c.Stats()
	t.Logf("%.1f MB for %d pairs of %d addresses, %d versions, %d names", mb, st.Pairs, st.Addresses, st.Versions, st.Names)
	if st.Pairs != million || mb > 100 {
		t.Errorf("%d pairs in %.1f MB, want %d in at most 100 MB", st.Pairs, mb, million)
	}
	runtime.KeepAlive(c)
}

func BenchmarkFile(b *testing.B) {
	b.Run("new", func(b *testing.B) {
		tr := newTraffic(20, 50_000, 25_000)
		var c *Cache
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if i%million == 0 {
				c, _ = Open(Config{})
			}
			c.File(tr.at(i), tr.base)
		}
	})
	b.Run("again", func(b *testing.B) {
		c, tr := fillMillion(b, Config{})
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			r := tr.at(i % million)
			r.TimeNs += int64(i/million+1) * int64(time.Minute)
			c.File(r, tr.base)
		}
	})
	b.Run("disk", func(b *testing.B) {
		c, err := Open(Config{Dir: b.TempDir()})
		if err != nil {
			b.Fatal(err)
		}
		tr := newTraffic(20, 50_000, 25_000)
		now := time.Now().UnixNano()
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			c.File(tr.at(i), now)
			if i%37_500 == 0 { // half a second of 75,000 a second
				if err := c.Flush(now); err != nil {
					b.Fatal(err)
				}
			}
		}
		if err := c.Close(now); err != nil {
			b.Fatal(err)
		}
	})
}

func BenchmarkLookup(b *testing.B) {
	c, tr := fillMillion(b, Config{})
	b.ReportMetric(0, "ns/op")
	dst := make([]Match, 0, MaxMatches)
	at := tr.base + int64(time.Minute)
	const step = 7919 // so that look-ups jump about in memory
	b.Run("hit", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i += step {
			k := i % million
			if len(c.AppendClient(dst, tr.client(k), tr.addr(k/tr.clients), at, 0, at)) != 1 {
				b.Fatal("no match")
			}
		}
	})
	b.Run("miss", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i += step {
			if len(c.AppendClient(dst, tr.client(i), tr.addr(1<<24+i%million), at, 0, at)) != 0 {
				b.Fatal("a match")
			}
		}
	})
	b.Run("others", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i += step {
			if len(c.AppendOthers(dst, tr.addr(i%tr.perNames), at)) != 1 {
				b.Fatal("no match")
			}
		}
	})
	b.Run("client seen", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if !c.ClientSeen(tr.client(i)) {
				b.Fatal("not seen")
			}
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			dst := make([]Match, 0, MaxMatches)
			for i := 0; pb.Next(); i += step {
				k := i % million
				dst = c.AppendClient(dst[:0], tr.client(k), tr.addr(k/tr.clients), at, 0, at)
			}
		})
	})
}

// BenchmarkCold reads Badger for every look-up.
func BenchmarkCold(b *testing.B) {
	cfg := Config{Dir: b.TempDir(), MaxVersions: 1 << shardBits}
	c, tr := fillMillion(b, Config{Dir: cfg.Dir, Retention: 10 * 365 * 24 * time.Hour})
	now := time.Now().UnixNano()
	if err := c.Close(now); err != nil {
		b.Fatal(err)
	}
	start := time.Now()
	c, err := Open(cfg)
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("opened %d keys' worth in %v", 3*million, time.Since(start))
	dst := make([]Match, 0, MaxMatches)
	at := tr.base + int64(time.Minute)
	b.ReportAllocs()
	for i := 0; b.Loop(); i += 7919 {
		k := i % million
		if len(c.AppendClient(dst, tr.client(k), tr.addr(k/tr.clients), at, 0, at)) != 1 {
			b.Fatal("no match")
		}
	}
	b.StopTimer()
	if err := c.Close(now); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkWarm opens a history whose million pairs are all of the last hour.
func BenchmarkWarm(b *testing.B) {
	dir := b.TempDir()
	now := time.Now().UnixNano()
	c, _ := fillMillion(b, Config{Dir: dir, Retention: 10 * 365 * 24 * time.Hour})
	if err := c.Close(now); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		c, err := Open(Config{Dir: dir})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(c.Stats().Warmed), "versions")
		b.StopTimer()
		if err := c.Close(now); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// BenchmarkEvidence looks up what there is besides answers, among a million of
// those, for a client that asked, one that did not, and connections.
func BenchmarkEvidence(b *testing.B) {
	c, tr := fillMillion(b, Config{})
	r := *tr.at(0)
	addr, name, at := r.Addrs[0].Addr, string(r.Name), r.TimeNs
	question(c, alice, at, name)
	x := seen(at, name)
	x.Server = addr
	c.FileConnection(&x, at)
	t := seenTuple()
	t.Server = addr
	other := *t
	other.ClientPort++
	matches, made := make([]Match, 0, 4*MaxMatches), make([]Made, 0, MaxMatches)
	for _, bb := range []struct {
		name string
		fn   func() int
		want int
	}{
		{"asked", func() int { return len(c.AppendAsked(matches, alice, addr, at, sec)) }, 1},
		{"not asked", func() int { return len(c.AppendAsked(matches, bob, addr, at, sec)) }, 0},
		{"made", func() int { return len(c.AppendMade(made, matches, t, at, sec)) }, 1},
		{"not made", func() int { return len(c.AppendMade(made, matches, &other, at, sec)) }, 0},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if n := bb.fn(); n != bb.want {
					b.Fatalf("got %d, want %d", n, bb.want)
				}
			}
		})
	}
}
