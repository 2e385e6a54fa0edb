package timeline

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"flowname/dnscache"
)

// A picture is what a name is for a while, in a made life.
type picture struct {
	state State
	addrs []netip.Addr
	from  int64
}

// A made life knows its truth.
type madeLife struct {
	pictures []picture
	ttl      uint32
	end      int64
	clients  int
	asks     int // the most of a client
	seed     uint64
}

// told is what a client was told.
type told struct {
	client  netip.Addr
	at      int64
	picture int
	six     bool
}

// each makes the evidence, client by client, in order of each client's times.
// Caches give what they had for up to the TTL.
func (m *madeLife) each(yield func(told)) {
	rnd := rand.New(rand.NewPCG(m.seed, 1))
	for i := range m.clients {
		client := netip.AddrFrom4([4]byte{10, byte(i / 250 >> 8), byte(i / 250), byte(1 + i%250)})
		asks := make([]int64, 1+rnd.IntN(m.asks))
		for k := range asks {
			asks[k] = m.pictures[0].from + rnd.Int64N(m.end-m.pictures[0].from)
		}
		slices.Sort(asks)
		cached := int64(0)
		for _, at := range asks {
			cached = max(cached, at-rnd.Int64N(int64(m.ttl)*1e9)) // a cache does not go back
			p, _ := slices.BinarySearchFunc(m.pictures, cached, func(p picture, at int64) int { return cmp.Compare(p.from, at) })
			p = max(p-1, 0)
			yield(told{client, at, p, false})
			if rnd.IntN(2) == 0 {
				yield(told{client, at + rnd.Int64N(1e9), p, true})
			}
		}
	}
}

// response is what a source gives of it. IPv6 follows IPv4 in every second address.
func (m *madeLife) response(x *told) dnscache.Response {
	p := &m.pictures[x.picture]
	r := dnscache.Response{TimeNs: x.at, Client: x.client, Name: []byte(subject), Source: dnscache.SourceDnstap, Type: 1}
	if x.six {
		r.Type = 28
	}
	switch p.state {
	case Absent:
		r.RCode = 3
	case Failed:
		r.RCode = 2
	}
	for _, a := range p.addrs {
		if a.Is4() != x.six {
			r.Addrs = append(r.Addrs, dnscache.Addr{Addr: a, TTL: m.ttl})
		}
	}
	return r
}

// truth is the phases of the evidence, as the generator knows them.
func (m *madeLife) truth() []string {
	type sum struct {
		first, last int64
		who         netip.Addr
		count       int
		client      netip.Addr
		clients     int
		seen        map[netip.Addr]bool
	}
	sums := make([]sum, len(m.pictures))
	m.each(func(x told) {
		s := &sums[x.picture]
		r := m.response(&x)
		if len(r.Addrs) == 0 && r.RCode == 0 && len(m.pictures[x.picture].addrs) > 0 {
			return // beside, in the phase of its time
		}
		if s.count == 0 || x.at < s.first {
			s.first, s.who = x.at, x.client
		}
		s.last = max(s.last, x.at)
		s.count += max(1, len(r.Addrs))
		if s.client != x.client {
			s.client = x.client
			s.clients++
		}
		if s.seen == nil {
			s.seen = map[netip.Addr]bool{}
		}
		for _, a := range r.Addrs {
			s.seen[a.Addr] = true
		}
	})
	var all []string
	for i, s := range sums {
		if s.count > 0 {
			addrs := slices.SortedFunc(maps.Keys(s.seen), netip.Addr.Compare)
			all = append(all, fmt.Sprintf("%v %v first %d by %v last %d, %d answers, %d clients", m.pictures[i].state, addrs, s.first, s.who, s.last, s.count, s.clients))
		}
	}
	return all
}

// found is what was found, in the form of truth.
func found(life *Life) (all []string) {
	for _, p := range life.Phases {
		addrs := []netip.Addr{}
		for _, a := range p.Addresses {
			addrs = append(addrs, a.Addr)
		}
		slices.SortFunc(addrs, netip.Addr.Compare)
		if len(addrs) == 0 {
			addrs = nil
		}
		var who netip.Addr
		if len(p.Clients) > 0 {
			who = p.Clients[0].Addr
		}
		all = append(all, fmt.Sprintf("%v %v first %d by %v last %d, %d answers, %d clients", p.State, addrs, p.FirstNs, who, p.LastNs, p.Count, p.ClientCount))
	}
	return all
}

var (
	poolOf4 = []string{"198.51.100.1", "198.51.100.2", "203.0.113.3", "203.0.113.4", "203.0.113.5"}
	poolOf6 = []string{"2001:db8::1", "2001:db8::2", "2001:db8::3"}
)

// randomPicture has nothing in common with the one before: of what both have
// nobody can tell of which it is while caches give both. Without IPv6 a name is
// never empty, for the same reason.
func randomPicture(rnd *rand.Rand, before *picture, both bool) picture {
	for {
		p := picture{state: []State{Live, Live, Live, NullRouted, Absent, Private, Empty}[rnd.IntN(7)]}
		from := func(pool []string) {
			for _, i := range rnd.Perm(len(pool))[:1+rnd.IntN(2)] {
				if a := netip.MustParseAddr(pool[i]); both || a.Is4() {
					p.addrs = append(p.addrs, a)
				}
			}
		}
		switch p.state {
		case Live:
			from(poolOf4)
			from(poolOf6)
		case NullRouted:
			from([]string{"0.0.0.0", "127.0.0.1"})
			from([]string{"::", "::1"})
		case Private:
			from([]string{"10.9.9.9", "192.168.1.1"})
			from([]string{"fd00::9", "fe80::1"})
		}
		common := slices.ContainsFunc(p.addrs, func(a netip.Addr) bool { return before != nil && slices.Contains(before.addrs, a) })
		if !common && (both || p.state != Empty) && (before == nil || p.state != before.state || len(p.addrs) > 0) {
			return p
		}
	}
}

// shuffledSource is evidence in the order that a history gives it: by client, and
// of a client by what it was told.
type shuffledSource []dnscache.Run

func (s shuffledSource) Runs(_ context.Context, _ dnscache.Query, yield func(*dnscache.Run) bool) error {
	for i := range s {
		if !yield(&s[i]) {
			return nil
		}
	}
	return nil
}

func sourceOf(responses []dnscache.Response) shuffledSource {
	var all shuffledSource
	for _, r := range responses {
		run := dnscache.Run{Name: string(r.Name), Client: r.Client, FirstNs: r.TimeNs, LastNs: r.TimeNs, Count: 1, TTL: dnscache.UnknownTTL, Source: r.Source}
		if len(r.Addrs) == 0 {
			run.Kind, run.Type, run.RCode = dnscache.KindOutcome, r.Type, r.RCode
			all = append(all, run)
		}
		for _, a := range r.Addrs {
			run.Addr, run.TTL = a.Addr, a.TTL
			all = append(all, run)
		}
	}
	slices.SortStableFunc(all, func(a, b dnscache.Run) int {
		return cmp.Or(a.Client.Compare(b.Client), cmp.Compare(a.Kind, b.Kind), a.Addr.Compare(b.Addr), cmp.Compare(a.Type, b.Type), cmp.Compare(b.FirstNs, a.FirstNs))
	})
	return all
}

// TestMadeLives compares the phases of random lives with their generator's truth.
func TestMadeLives(t *testing.T) {
	rounds := 300
	if testing.Short() {
		rounds = 50
	}
	for seed := range rounds {
		rnd := rand.New(rand.NewPCG(uint64(seed), 7))
		m := madeLife{ttl: 300, clients: 50 + rnd.IntN(500), asks: 20, seed: uint64(seed)}
		at := begin.UnixNano()
		var before *picture
		for range 1 + rnd.IntN(9) {
			p := randomPicture(rnd, before, seed%2 == 0)
			p.from = at
			m.pictures = append(m.pictures, p)
			before = &m.pictures[len(m.pictures)-1]
			at += int64(4*time.Hour) + rnd.Int64N(int64(40*time.Hour))
		}
		m.end = at
		var responses []dnscache.Response
		m.each(func(x told) { responses = append(responses, m.response(&x)) })
		life, err := Of(t.Context(), sourceOf(responses), dnscache.Query{Name: subject}, Config{})
		if err != nil {
			t.Fatal(err)
		}
		if d := gocmp.Diff(m.truth(), found(life)); d != "" {
			t.Fatalf("seed %d: -want +got\n%s", seed, d)
		}
	}
}

// A month of a name that very many ask for: its evidence comes late and out of
// order. TIMELINE_CLIENTS says how many clients, such as 1000000; of a few thousand there
// is too little evidence in some hours for the truth to show.
func TestMonth(t *testing.T) {
	clients, err := strconv.Atoi(os.Getenv("TIMELINE_CLIENTS"))
	if err != nil {
		if clients = 20_000; testing.Short() {
			t.Skip("takes a month of 20,000 clients")
		}
	}
	m := monthOf(clients)
	dir := t.TempDir()
	took := fileMonth(t, m, dir)
	h, err := dnscache.OpenHistory(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	src := &sampled{Source: h, before: heapInUse()}
	begun := time.Now()
	life, err := Of(t.Context(), src, dnscache.Query{Name: subject}, Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d clients, %d answers filed in %v; told in %v, with at most %d MB more", clients, life.Count, took, time.Since(begun), src.most>>20)
	want := m.truth()
	if d := gocmp.Diff(want, found(life)); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	if life.ClientCount != clients || life.FirstNs != life.Phases[0].FirstNs || life.FirstClient != life.Phases[0].Clients[0].Addr {
		t.Errorf("%d clients, first evidence %d by %v", life.ClientCount, life.FirstNs, life.FirstClient)
	}
}

// monthOf is not there for three days, null-routed, live, away for 40 minutes, and
// so on.
func monthOf(clients int) *madeLife {
	addr := netip.MustParseAddr
	hour := int64(time.Hour)
	m := &madeLife{ttl: 300, clients: clients, asks: 6, seed: 31}
	at := begin.UnixNano()
	for _, p := range []struct {
		hours float64
		picture
	}{
		{72, picture{state: Absent}},
		{50, picture{state: NullRouted, addrs: []netip.Addr{addr("0.0.0.0"), addr("::")}}},
		{120, picture{addrs: []netip.Addr{addr("198.51.100.31"), addr("2001:db8::31")}}},
		{1, picture{state: NullRouted, addrs: []netip.Addr{addr("0.0.0.0"), addr("::")}}},
		{96, picture{addrs: []netip.Addr{addr("198.51.100.31"), addr("2001:db8::31")}}},
		{100, picture{addrs: []netip.Addr{addr("203.0.113.31"), addr("203.0.113.32"), addr("2001:db8::32")}}},
		{48, picture{state: Empty}},
		{90, picture{addrs: []netip.Addr{addr("203.0.113.32"), addr("198.51.100.31"), addr("2001:db8::33")}}},
		{70, picture{state: NullRouted, addrs: []netip.Addr{addr("127.0.0.1"), addr("::1")}}},
		{73, picture{state: Absent}},
	} {
		p.from = at
		m.pictures = append(m.pictures, p.picture)
		at += int64(p.hours * float64(hour))
	}
	m.end = at
	return m
}

// fileMonth files the evidence: most as it comes, some up to two days late. What
// comes at a time is a part of all clients.
func fileMonth(t *testing.T, m *madeLife, dir string) time.Duration {
	t.Helper()
	begun := time.Now()
	cache, err := dnscache.Open(dnscache.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UnixNano()
	var all []told
	m.each(func(x told) { all = append(all, x) })
	rnd := rand.New(rand.NewPCG(3, 3))
	comes := func(x told) int64 {
		if rnd.IntN(10) == 0 {
			return x.at + rnd.Int64N(int64(48*time.Hour))
		}
		return x.at
	}
	order := make([]struct {
		at int64
		i  int
	}, len(all))
	for i, x := range all {
		order[i].at, order[i].i = comes(x), i
	}
	slices.SortFunc(order, func(a, b struct {
		at int64
		i  int
	}) int {
		return cmp.Compare(a.at, b.at)
	})
	for n, o := range order {
		r := m.response(&all[o.i])
		cache.File(&r, now)
		if n%50_000 == 0 {
			if err := cache.Flush(now); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cache.Close(now); err != nil {
		t.Fatal(err)
	}
	return time.Since(begun)
}

// sampled looks now and then how much memory is in use.
type sampled struct {
	Source
	before, most int64
	n            int
}

func (s *sampled) Runs(ctx context.Context, q dnscache.Query, yield func(*dnscache.Run) bool) error {
	return s.Source.Runs(ctx, q, func(r *dnscache.Run) bool {
		if s.n++; s.n%(1<<20) == 1000 {
			s.most = max(s.most, heapInUse()-s.before)
		}
		return yield(r)
	})
}

func heapInUse() int64 {
	var s runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}
