package baseline

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"sync"
	"testing"
	"time"

	"flowname/dnscache"
)

const day0 = int64(20_000)

func seen(day int64, name string) *dnscache.Response {
	return &dnscache.Response{TimeNs: day*dayNs + 1000, Name: []byte(name)}
}

func client(n int) netip.Addr { return clientAddr(uint64(n)) }

// tops are the lines of a list.
func tops(t *testing.T, b *Book, from, to int64, by Measure) (s string) {
	t.Helper()
	span, err := b.Between(t.Context(), int32(from), int32(to))
	if err != nil {
		t.Fatal(err)
	}
	if span.Day == nil {
		return "none"
	}
	for _, r := range span.Day.Top(by, 0) {
		s += fmt.Sprintf("%s %d/%d/%d/%d ", r.Domain, r.Clients, r.Lookups, r.Flows, r.Bytes)
	}
	return s
}

func TestBook(t *testing.T) {
	b := openBook(t, Config{})
	for i := range 10 {
		b.See(seen(day0, "www.a.example"), client(i%4))
		b.See(seen(day0, "b.example"), client(7))
	}
	b.See(seen(day0, "host.b.example"), netip.Addr{})
	for _, name := range []string{"localhost", "com", "4.3.2.1.in-addr.arpa", "1.0.0.2.ip6.arpa", "\x01\xff.a\x00.example", ""} {
		b.See(seen(day0, name), client(1))
	}
	c := b.NewCounter()
	for range 3 {
		count(c, "b.example", day0*dayNs, 500)
		count(c, "c.example", (day0+1)*dayNs, 9)
	}
	c.Flush()
	for by, want := range map[Measure]string{
		Clients: "a.example 4/10/0/0 b.example 1/11/3/1500 ",
		Lookups: "b.example 1/11/3/1500 a.example 4/10/0/0 ",
		Bytes:   "b.example 1/11/3/1500 ",
	} {
		if got := tops(t, b, day0, day0, by); got != want {
			t.Errorf("by %v: got %q, want %q", by, got, want)
		}
	}
	if got, want := tops(t, b, day0, day0+5, Flows), "b.example 1/11/3/1500 c.example 0/0/3/27 "; got != want {
		t.Errorf("two days: got %q, want %q", got, want)
	}
	if got := tops(t, b, day0-9, day0-1, Flows); got != "none" {
		t.Errorf("days before: %q", got)
	}
	want := Stats{Lookups: 21, Flows: 6, Nameless: 5, Admitted: 3, Domains: 3, Open: 2}
	if got := b.Stats(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestDaysCloseByTheClock(t *testing.T) {
	b := openBook(t, Config{})
	tick := func(at int64) {
		t.Helper()
		if err := b.Tick(at); err != nil {
			t.Fatal(err)
		}
	}
	midnight := (day0 + 1) * dayNs
	tick(midnight - int64(time.Hour))
	b.See(seen(day0, "a.example"), client(1))
	b.See(seen(day0+2, "future.example"), client(1))
	tick(midnight + int64(time.Hour)/2)
	b.See(seen(day0, "late.example"), client(1)) // within the hour
	b.See(seen(day0+1, "b.example"), client(1))
	tick(midnight + int64(time.Hour) + 1)
	b.See(seen(day0, "too.late.example"), client(1))
	b.See(seen(day0-30, "old.example"), client(1)) // nothing is known of that day yet
	tick(midnight + 2*int64(time.Hour))
	b.See(seen(day0-30, "old.example"), client(2)) // more comes
	tick(midnight + 2*int64(time.Hour) + 1)
	tick(midnight + 2*int64(time.Hour) + 2)
	b.See(seen(day0-30, "older.example"), client(1)) // too late
	if got, want := tops(t, b, day0, day0, Lookups), "a.example 1/1/0/0 late.example 1/1/0/0 "; got != want {
		t.Errorf("the day: got %q, want %q", got, want)
	}
	if got, want := tops(t, b, day0-30, day0-30, Lookups), "old.example 2/2/0/0 "; got != want {
		t.Errorf("a day long ago: got %q, want %q", got, want)
	}
	got := b.Stats()
	want := Stats{Lookups: 5, Late: 2, Future: 1, Admitted: 4, Saved: 2, Domains: 1, Open: 1, Stored: 2}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestFewDaysAreOpen: what is of many days, in any order, opens few at a time, and the
// oldest of those that are stored go.
func TestFewDaysAreOpen(t *testing.T) {
	b := openBook(t, Config{Days: 5})
	for day := range int64(20) {
		for range handOver * 17 {
			b.See(seen(day0+day, fmt.Sprintf("d%d.example", day)), client(1))
		}
		if day%4 == 3 {
			if err := b.Save(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if s := b.Stats(); s.Open != maxOpen || s.Stored != 5 {
		t.Errorf("got %+v", s)
	}
	if days := b.Days(); len(days) != 5 || days[4] != int32(day0+19) {
		t.Errorf("the days are %v", days)
	}
}

func openCache(t *testing.T, dir string) *dnscache.Cache {
	t.Helper()
	c, err := dnscache.Open(dnscache.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestRestart: another process goes on with the day, and counts nobody again.
func TestRestart(t *testing.T) {
	dir := t.TempDir()
	look := func(seed uint64, save bool) {
		cache := openCache(t, dir)
		defer cache.Close(day0 * dayNs)
		b, err := Open(Config{Seed: seed}, cache.Shelf(dnscache.ShelfBaseline))
		if err != nil {
			t.Fatal(err)
		}
		for i := range 1000 {
			b.See(seen(day0, "many.example"), client(i))
			b.See(seen(day0, "few.example"), client(i%3))
		}
		if !save {
			return
		}
		for range 3 { // what was written before is replaced
			b.See(seen(day0, "again.example"), client(1))
			if err := b.Save(); err != nil {
				t.Fatal(err)
			}
		}
	}
	look(1, true)
	look(2, true) // the key of the first stays
	look(3, false)
	h, err := dnscache.OpenHistory(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	a, err := OpenArchive(h.Shelf(dnscache.ShelfBaseline))
	if err != nil {
		t.Fatal(err)
	}
	span, err := a.Between(t.Context(), 0, 1<<30)
	if err != nil || span.Day == nil || len(a.Days()) != 1 {
		t.Fatalf("days %v, span %+v, error %v", a.Days(), span, err)
	}
	rows := span.Day.Top(Clients, 0)
	if len(rows) != 3 || rows[0].Clients < 900 || rows[0].Clients > 1100 || rows[1].Clients != 3 || rows[1].Lookups != 2000 || rows[2].Lookups != 6 {
		t.Errorf("got %+v", rows)
	}
}

// TestBadDay: a stored day that can not be read costs only itself.
func TestBadDay(t *testing.T) {
	cache := openCache(t, t.TempDir())
	defer cache.Close(day0 * dayNs)
	shelf := cache.Shelf(dnscache.ShelfBaseline)
	b, err := Open(Config{}, shelf)
	if err != nil {
		t.Fatal(err)
	}
	for day := range int64(2) {
		b.See(seen(day0+day, "a.example"), client(1))
	}
	if err := b.Save(); err != nil {
		t.Fatal(err)
	}
	if err := shelf.Write([]dnscache.ShelfEntry{{Key: pieceKey(int32(day0), 1, 0), Value: []byte("not a day")}}); err != nil {
		t.Fatal(err)
	}
	if b, err = Open(Config{}, shelf); err != nil {
		t.Fatal(err)
	}
	span, err := b.Between(t.Context(), int32(day0), int32(day0+1))
	if err != nil || len(span.Days) != 1 || len(span.Unread) != 1 {
		t.Errorf("days %v, unread %v, error %v", span.Days, span.Unread, err)
	}
	b.See(seen(day0, "b.example"), client(1))
	if got := tops(t, b, day0, day0, Lookups); got != "b.example 1/1/0/0 " {
		t.Errorf("it begins anew with %q", got)
	}
	if b.Stats().Unread != 1 {
		t.Errorf("got %+v", b.Stats())
	}
}

// TestSameInputSameBytes, as replays promise.
func TestSameInputSameBytes(t *testing.T) {
	responses, clients := manyResponses(50_000)
	var first []byte
	for range 2 {
		b := openBook(t, Config{Domains: 2000, Pairs: 1 << 12})
		c := b.NewCounter()
		for i := range responses {
			b.See(&responses[i], clients[i])
			if i%3 == 0 {
				count(c, domainText(uint64(i%5000)), responses[i].TimeNs, uint64(i))
			}
		}
		c.Flush()
		raw, _, err := b.copyOf(b.Days()[0])
		if err != nil {
			t.Fatal(err)
		}
		if first != nil && !bytes.Equal(first, raw) {
			t.Error("two runs differ")
		}
		first = raw
	}
}

func TestNothingIsAllocated(t *testing.T) {
	responses, clients := manyResponses(1 << 9) // what comes again: a new name may cost something
	b := openBook(t, Config{})
	c := b.NewCounter()
	i := 0
	round := func() {
		for range 5000 {
			at := i & (1<<9 - 1)
			b.See(&responses[at], clients[at])
			count(c, "www.example.com"[4+at%2*4:], day0*dayNs, 1500)
			i++
		}
	}
	for range 20 {
		round()
	}
	if n := testing.AllocsPerRun(20, round); n != 0 {
		t.Errorf("%.0f allocations in 5000 look-ups and flows", n)
	}
}

// TestTogether: many sources, and who asks, do not get in each other's way.
func TestTogether(t *testing.T) {
	b := openBook(t, Config{Domains: 500})
	var all sync.WaitGroup
	const sources, each = 4, 20_000
	for s := range sources {
		all.Go(func() {
			c := b.NewCounter()
			random := rand.New(rand.NewPCG(uint64(s), 1))
			for i := range each {
				name := fmt.Sprintf("h.d%d.example", random.IntN(2000))
				b.See(seen(day0+int64(i/(each/2)), name), client(i%100))
				count(c, name[2:], day0*dayNs, 10)
			}
			c.Flush()
		})
	}
	all.Go(func() {
		for range 20 {
			if err := b.Save(); err != nil {
				t.Error(err)
			}
			if _, err := b.Between(t.Context(), int32(day0), int32(day0+1)); err != nil {
				t.Error(err)
			}
			b.Stats()
		}
	})
	all.Wait()
	tops(t, b, day0, day0, Lookups)
	if s := b.Stats(); s.Lookups != sources*each || s.Flows != sources*each {
		t.Errorf("got %+v, want %d of each", s, sources*each)
	}
}

// TestMemory: a day of a large network takes what the package comment says.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("a day of 10 million clients takes seconds")
	}
	inUse := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := inUse()
	b := openBook(t, Config{})
	random := rand.New(rand.NewPCG(1, 2))
	zipf := rand.NewZipf(random, 1.05, 8, 2_000_000)
	r := dnscache.Response{TimeNs: day0 * dayNs}
	for i := range 3_000_000 {
		r.Name = append(r.Name[:0], domainText(zipf.Uint64())...)
		b.See(&r, client(random.IntN(10_000_000)))
		if i%16 == 0 {
			b.See(&r, client(random.IntN(10_000_000)))
		}
	}
	after := inUse()
	if used := (after - before) >> 20; used > 68 {
		t.Errorf("a day takes %d MB", used)
	} else {
		t.Logf("a day takes %d MB: %+v", used, b.Stats())
	}
	runtime.KeepAlive(b)
}

// count counts a flow of a domain.
func count(c *Counter, domain string, timeNs int64, bytes uint64) {
	c.Count(c.KeyOf(domain), domain, timeNs, bytes)
}
