package findings

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"flowname/dnscache"
)

func newNames(t testing.TB, cfg NamesConfig) *Names {
	t.Helper()
	cfg.Seed = 1
	n, err := NewNames(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// answered is a response of some hours after t0.
func answered(client netip.Addr, name string, hours float64, addrs ...string) (*dnscache.Response, netip.Addr) {
	a := &dnscache.Response{
		TimeNs: t0 + int64(hours*float64(time.Hour)), Client: client, Server: netip.MustParseAddr("10.0.0.53"),
		Source: dnscache.SourcePackets, Name: []byte(name), Type: 1,
	}
	for _, text := range addrs {
		a.Addrs = append(a.Addrs, dnscache.Addr{Addr: netip.MustParseAddr(text), TTL: 60})
	}
	return a, client
}

func (n *Names) answer(client netip.Addr, name string, hours float64, addrs ...string) Shown {
	var v Verdict
	a, who := answered(client, name, hours, addrs...)
	return n.Answer(a, who, &v)
}

// A null-routed name is remembered over a restart, and so is where names had
// settled.
func TestNamesAreKept(t *testing.T) {
	dir := t.TempDir()
	names := func() (*Names, func()) {
		cache, err := dnscache.Open(dnscache.Config{Dir: dir, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		n, err := NewNames(NamesConfig{Seed: rand.Uint64(), Entries: 4096, Shelf: cache.Shelf(dnscache.ShelfNames)})
		if err != nil {
			t.Fatal(err)
		}
		return n, func() {
			if err := n.Save(); err != nil {
				t.Fatal(err)
			}
			cache.Close(t0)
		}
	}
	n, end := names()
	for h := range 30 {
		n.answer(alice, "c2.example", float64(h), "0.0.0.0")
		for i := range 50 {
			n.answer(alice, fmt.Sprintf("www%d.example", i), float64(h), "192.0.2.1")
		}
	}
	n.answer(alice, "once.example", 1, "192.0.2.1")
	lives := map[uint64]life{}
	for i := range n.shards {
		for _, l := range n.shards[i].lives {
			if l.proven || l.nullCount > 0 {
				l.signature, l.dayFrom, l.dayOf, l.addresses, l.networks = 0, 0, 0, 0, 0
				lives[l.key] = l
			}
		}
	}
	end()

	n, end = names()
	kept := 0
	for i := range n.shards {
		for k, l := range n.shards[i].lives {
			if l.key == 0 {
				continue
			}
			kept++
			want := lives[l.key]
			if near(want.touched, l.touched, keepEvery) {
				want.touched, want.liveTo = l.touched, l.liveTo // which may be behind
			}
			if l != want || n.shards[i].find(l.key) != &n.shards[i].lives[k] {
				t.Errorf("got %+v, want %+v", l, want)
			}
		}
	}
	if kept != 51 || len(lives) != 51 {
		t.Errorf("%d of %d lives are kept, want 51", kept, len(lives))
	}
	if got := n.answer(alice, "c2.example", 31, "203.0.113.9"); !got.Has(NullRoutedThenLive) {
		t.Errorf("after a restart the name shows %b", got)
	}
	end()

	n, end = names()
	if got := n.answer(alice, "c2.example", 32, "203.0.113.10"); got.Has(NullRoutedThenLive) {
		t.Error("it is told again after the next restart")
	}
	end()
}

func TestShelfOfAnotherLayout(t *testing.T) {
	cache, err := dnscache.Open(dnscache.Config{Dir: t.TempDir(), Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer cache.Close(t0)
	shelf := cache.Shelf(dnscache.ShelfNames)
	make1 := func(entries int) *Names {
		n, err := NewNames(NamesConfig{Seed: 7, Entries: entries, Shelf: shelf})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	n := make1(4096)
	for h := range 3 {
		n.answer(alice, "a.example", float64(h), "0.0.0.0")
	}
	if err := n.Save(); err != nil {
		t.Fatal(err)
	}
	if got := make1(4096).Stats(); got.Names != 1 {
		t.Fatalf("%+v, want one name", got)
	}
	if got := make1(8192).Stats(); got.Names != 0 {
		t.Errorf("%+v of another size, want none", got)
	}
	keys := 0
	shelf.Range(nil, func(_, _ []byte) bool { keys++; return true })
	if keys != 1 {
		t.Errorf("%d keys are left, want the header", keys)
	}
	for _, e := range []dnscache.ShelfEntry{
		{Key: []byte("s"), Value: []byte("x")}, {Key: []byte("s\x00\x00\x00\x01"), Value: []byte("torn")},
		{Key: []byte("s\xff\xff\xff\xff"), Value: make([]byte, lifeSize)}, {Key: []byte("s\x00\x00\x00\x02"), Value: make([]byte, lifeSize*(nameWays+1))},
	} {
		if err := shelf.Write([]dnscache.ShelfEntry{e}); err != nil {
			t.Fatal(err)
		}
	}
	if got := make1(8192).Stats(); got.Unreadable != 4 || got.Names != 0 {
		t.Errorf("%+v, want 4 sets unreadable", got)
	}
}

// The table never grows; what was asked for in two hours stays when names are
// made up.
func TestNamesAreBounded(t *testing.T) {
	const entries = nameShards * nameWays * 4
	n := newNames(t, NamesConfig{Entries: entries})
	for h := range 3 {
		for i := range 200 {
			n.answer(alice, fmt.Sprintf("good%d.example", i), float64(h)*1.1, "192.0.2.1")
		}
	}
	before := n.Stats()
	if before.Evicted != 0 || before.Full != 0 {
		t.Fatalf("%+v of 200 names in room for %d", before, entries)
	}
	for i := range 20 * entries {
		n.answer(bob, fmt.Sprintf("flood%d.example", i), 3, "192.0.2.2")
	}
	got := n.Stats()
	if got.Names > entries || got.Evicted == 0 {
		t.Errorf("%+v, want at most %d names and some evicted", got, entries)
	}
	for i := range 200 {
		key := n.Key(fmt.Sprintf("good%d.example", i))
		if n.shards[key>>58].find(key) == nil {
			t.Errorf("good%d.example was pushed out", i)
		}
	}
	full := newNames(t, NamesConfig{Entries: nameShards * nameWays})
	for i := range 20 * entries / 8 {
		for h := range 3 {
			full.answer(alice, fmt.Sprintf("good%d.example", i), float64(h)*1.1, "192.0.2.1")
		}
	}
	if got := full.Stats(); got.Full == 0 {
		t.Errorf("%+v: names that are in use do not fill the table", got)
	}
}

// What is hostile about times must not panic, and a name stays usable after it.
func TestWildAnswers(t *testing.T) {
	n := newNames(t, NamesConfig{Entries: 4096, Young: time.Hour, Age: func(string, int64) int64 { return 0 }})
	r := rand.New(rand.NewPCG(1, 2))
	addrs := []string{"0.0.0.0", "127.0.0.1", "::", "::1", "203.0.113.1", "198.51.100.1", "2001:db8::1", "10.0.0.1", "224.0.0.1", "255.255.255.255"}
	for range 50_000 {
		var v Verdict
		a, client := answered([]netip.Addr{alice, bob, {}}[r.IntN(3)], []string{"a.example", "b.example", ".", "x", `a\.b.c`, ""}[r.IntN(6)], 0)
		a.TimeNs = []int64{r.Int64(), -r.Int64(), t0 + r.Int64N(1e18), 0, 1<<63 - 1}[r.IntN(5)]
		for range r.IntN(4) {
			a.Addrs = append(a.Addrs, dnscache.Addr{Addr: netip.MustParseAddr(addrs[r.IntN(len(addrs))]), TTL: r.Uint32()})
		}
		if r.IntN(9) == 0 {
			a.Server = netip.Addr{}
		}
		n.Answer(a, client, &v)
	}
	long := make([]dnscache.Addr, 1000)
	for i := range long {
		long[i].Addr = netip.AddrFrom4([4]byte{203, 0, byte(i >> 8), byte(i)})
	}
	var v Verdict
	a, client := answered(alice, "long.example", 1)
	a.Addrs = long
	n.Answer(a, client, &v)
}

func TestAnswerAllocatesNothing(t *testing.T) {
	n := newNames(t, NamesConfig{Entries: 4096})
	same, client := answered(alice, "www.example", 1, "192.0.2.1", "192.0.2.2")
	none, _ := answered(alice, "none.example", 1)
	other, _ := answered(alice, "rotates.example", 1, "192.0.2.1")
	null, _ := answered(alice, "null.example", 1, "0.0.0.0")
	i := byte(0)
	if k := testing.AllocsPerRun(1000, func() {
		var v Verdict
		i++
		other.Addrs[0].Addr = netip.AddrFrom4([4]byte{192, 0, 2, i})
		for _, a := range []*dnscache.Response{same, none, other, null} {
			n.Answer(a, client, &v)
		}
	}); k != 0 {
		t.Errorf("%v allocations", k)
	}
}

func TestMarks(t *testing.T) {
	n := newNames(t, NamesConfig{Entries: 4096})
	key, hour := n.Key("a.example"), int64(time.Hour)
	if n.Marked(key, t0) != 0 {
		t.Error("marked without a finding")
	}
	n.marks.add(key, 1<<NameMoved, uint32(t0/1e9))
	n.marks.add(key, 1<<ManyAddresses, uint32((t0+hour)/1e9))
	for _, c := range []struct {
		atNs int64
		want Shown
	}{
		{t0 + hour, 1<<NameMoved | 1<<ManyAddresses}, {t0 + 24*hour, 1<<NameMoved | 1<<ManyAddresses}, {t0 + 25*hour, 0}, {t0 - hour, 0}, {t0 + hour/2, 1<<NameMoved | 1<<ManyAddresses},
	} {
		if got := n.Marked(key, c.atNs); got != c.want {
			t.Errorf("at %v: got %b, want %b", time.Duration(c.atNs-t0), got, c.want)
		}
	}
	if n.Marked(n.Key("b.example"), t0+hour) != 0 {
		t.Error("another name is marked")
	}
}

// Phases by an obvious model: a list of all answers.
func TestRevivedAgainstAModel(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	raised := 0
	for round := range 3000 {
		var l life
		var told []uint32 // times of null answers since the last live one, of asker 1
		lived := false
		sec := uint32(1000)
		for range 30 {
			sec += uint32(r.IntN(3 * 24 * 3600 >> r.IntN(12)))
			if r.IntN(4) > 0 {
				l.nulled(1, sec)
				told = append(told, sec)
				continue
			}
			least := nullLeast
			if lived {
				least = nullAfterLife
			}
			want := len(told) >= nullAnswers && told[len(told)-1]-told[0] >= least
			if !lived && len(told) > 0 && sec-told[0] >= nullAlone {
				want = true
			}
			if got := l.revived(1, sec); got != want {
				t.Fatalf("round %d: at %d after %v, lived before %v: got %v, want %v", round, sec, told, lived, got, want)
			}
			if want {
				raised++
				l.endNull()
				l.liveTo = sec
			}
			told, lived = nil, true
		}
	}
	if raised < 1000 {
		t.Errorf("only %d cases raise it", raised)
	}
}

func TestPools(t *testing.T) {
	for name, want := range map[string]bool{
		"pool.ntp.org": true, "2.de.pool.ntp.org": true, "xpool.ntp.org": false, "ntp.org": false, "": false, "router.bittorrent.com": true,
	} {
		if got := isPool([]byte(name)); got != want {
			t.Errorf("%q: got %v, want %v", name, got, want)
		}
	}
	if all := contentNetworks(); len(all) < 50 || !all[13335] || all[0] {
		t.Errorf("%d content networks", len(all))
	}
}

func BenchmarkAnswer(b *testing.B) {
	n := newNames(b, NamesConfig{})
	const names = 100_000
	answers := make([]*dnscache.Response, names)
	for i := range answers {
		answers[i], _ = answered(alice, fmt.Sprintf("www%d.shop%d.example", i%10, i), 1, fmt.Sprintf("192.0.%d.%d", i%7, i%250), "192.0.2.1")
	}
	r := rand.New(rand.NewPCG(5, 6))
	order := make([]int, 1<<16)
	for i := range order {
		order[i] = int(float64(names) * r.Float64() * r.Float64() * r.Float64())
	}
	for i := range answers {
		var v Verdict
		n.Answer(answers[i], alice, &v)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		var v Verdict
		i++
		n.Answer(answers[order[i&(1<<16-1)]], alice, &v)
	}
}
