package firstseen

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flowname/dnscache"
)

const (
	t0  = 1_700_000_000
	day = 86400
)

var testServer = netip.MustParseAddr("192.0.2.1")

func testClient(n int) netip.Addr {
	if n%3 == 2 {
		return netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 15: byte(n + 1)})
	}
	return netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n + 1)})
}

// note notes a name of that second, answered with an address or not.
func note(b *Book, client netip.Addr, name string, sec int64, answered bool) {
	r := dnscache.Response{TimeNs: sec*1e9 + 5, Name: []byte(name), RCode: 3}
	if answered {
		r.RCode, r.Addrs = 0, []dnscache.Addr{{Addr: testServer, TTL: 60}}
	}
	b.Note(client, &r)
}

func newBook(t testing.TB, cfg Config) *Book {
	t.Helper()
	cfg.Seed = 1
	b, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func settle(t testing.TB, b *Book, sec int64) {
	t.Helper()
	if err := b.Settle(sec * 1e9); err != nil {
		t.Fatal(err)
	}
}

// openShelf opens a shelf in dir, and gives what closes it.
func openShelf(t testing.TB, dir string) (*dnscache.Shelf, func()) {
	t.Helper()
	c, err := dnscache.Open(dnscache.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return c.Shelf(dnscache.ShelfFirstSeen), func() {
		if err := c.Close(t0 * 1e9); err != nil {
			t.Fatal(err)
		}
	}
}

// A model is the book as simply as can be.
type model struct {
	began                 int64
	domains, names, pairs map[string]int64
}

func earliest(m map[string]int64, key string, sec int64) {
	if had, ok := m[key]; !ok || sec < had {
		m[key] = sec
	}
}

func (m *model) note(client netip.Addr, name string, sec int64, answered bool) {
	domain := domainOf(name)
	if domain == "" && !answered {
		return
	}
	if m.began == 0 || sec < m.began {
		m.began = sec
	}
	if domain != "" {
		earliest(m.domains, domain, sec)
		if client.IsValid() {
			earliest(m.pairs, domain+" "+client.String(), sec)
		}
	}
	if answered {
		earliest(m.names, name, sec)
	}
}

// pagesAsModel reads a book whole.
func pagesAsModel(t *testing.T, b *Book) *model {
	t.Helper()
	p, err := b.Pages()
	if err != nil {
		t.Fatal(err)
	}
	m := &model{int64(p.header.began), map[string]int64{}, map[string]int64{}, map[string]int64{}}
	if err := p.Beneath(".", func(s Sighting) bool {
		if s.Name != "" {
			m.names[s.Name] = int64(s.Sec)
		} else {
			m.domains[s.Domain] = int64(s.Sec)
		}
		return true
	}); err != nil {
		t.Fatal(err)
	}
	for domain := range m.domains {
		if err := p.Clients(domain, func(s Sighting) bool {
			m.pairs[domain+" "+s.Client.String()] = int64(s.Sec)
			return true
		}); err != nil {
			t.Fatal(err)
		}
	}
	since := map[string]int64{}
	last := uint32(0)
	if err := p.Since(0, func(s Sighting) bool {
		if s.Sec < last {
			t.Errorf("Since gives %d after %d", s.Sec, last)
		}
		last, since[s.Domain] = s.Sec, int64(s.Sec)
		return true
	}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(m.domains, since); diff != "" {
		t.Errorf("the index by time is not the domains' times (-domains +index):\n%s", diff)
	}
	if st := b.Stats(); int(st.Domains) != len(m.domains) || int(st.Names) != len(m.names) || int(st.Pairs) != len(m.pairs) {
		t.Errorf("Stats say %d domains, %d names, %d pairs; there are %d, %d, %d",
			st.Domains, st.Names, st.Pairs, len(m.domains), len(m.names), len(m.pairs))
	}
	return m
}

// TestModel: random evidence in any order, a memory that holds next to nothing,
// and a new process now and then leave what a naive book has.
func TestModel(t *testing.T) {
	names := []string{"printer", "github.io", "4.3.2.1.in-addr.arpa", `odd\.label.x\001y.example`, "www.bbc.co.uk"}
	for i := range 300 {
		names = append(names, fmt.Sprintf("h%d.d%d.example", i, i%40))
	}
	for _, stored := range []bool{false, true} {
		t.Run(fmt.Sprintf("stored=%t", stored), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(1, 2))
			want := &model{0, map[string]int64{}, map[string]int64{}, map[string]int64{}}
			cfg := Config{Memory: 16, WarmUp: time.Hour, Young: 72 * time.Hour, MaxAbsent: 1 << 20}
			dir, closeIt := t.TempDir(), func() {}
			if stored {
				cfg.Shelf, closeIt = openShelf(t, dir)
			}
			b := newBook(t, cfg)
			var reached Stats // by all processes
			for step := range 20_000 {
				sec := t0 + int64(step)*20 - int64(rnd.ExpFloat64()*3000)
				name, client, answered := names[rnd.IntN(len(names))], testClient(rnd.IntN(20)), rnd.IntN(3) > 0
				if rnd.IntN(10) == 0 {
					client = netip.Addr{}
				}
				note(b, client, name, sec, answered)
				want.note(client, name, sec, answered)
				if rnd.IntN(50) == 0 {
					settle(t, b, sec)
					checkAges(t, b, want, sec+int64(rnd.IntN(4*day)))
				}
				if stored && step%4700 == 4699 {
					settle(t, b, sec)
					reached.add(b.Stats())
					closeIt()
					cfg.Shelf, closeIt = openShelf(t, dir)
					b = newBook(t, cfg)
					settle(t, b, sec)
				}
			}
			settle(t, b, t0)
			if diff := cmp.Diff(want, pagesAsModel(t, b), cmp.AllowUnexported(model{})); diff != "" {
				t.Errorf("the book is not the model (-model +book):\n%s", diff)
			}
			reached.add(b.Stats())
			if st := reached; st.Earlier == 0 || st.NewDomains == 0 || st.NewNames == 0 || st.NewPairs == 0 || st.Queued == 0 || st.Overflowed != 0 {
				t.Errorf("the test did not reach all that it is about: %+v", st)
			}
			closeIt()
		})
	}
}

func (s *Stats) add(o Stats) {
	s.Earlier += o.Earlier
	s.NewDomains += o.NewDomains
	s.NewNames += o.NewNames
	s.NewPairs += o.NewPairs
	s.Queued += o.Queued
	s.Overflowed += o.Overflowed
}

// checkAges compares the ages of all domains as of a time that Settle was not told
// yet.
func checkAges(t *testing.T, b *Book, m *model, at int64) {
	t.Helper()
	for _, domain := range slices.Sorted(maps.Keys(m.domains)) {
		first := m.domains[domain]
		want := int64(-1)
		if age := max(at-first, 0); first >= m.began+int64(b.cfg.WarmUp.Seconds()) && age < int64(b.cfg.Young.Seconds()) {
			want = age * 1e9
		}
		if got := b.Age(domain, at*1e9); got != want {
			t.Fatalf("Age(%q) at %d is %d, want %d: first seen %d, began %d", domain, at, got, want, first, m.began)
		}
	}
}

func TestAge(t *testing.T) {
	b := newBook(t, Config{WarmUp: 24 * time.Hour, Young: 72 * time.Hour})
	note(b, netip.Addr{}, "www.old.example", t0, true)
	note(b, netip.Addr{}, "www.new.example", t0+25*3600, true)
	const hour = 3600 * 1e9
	check := func(when string) {
		t.Helper()
		for _, tt := range []struct {
			domain string
			at     int64
			want   int64
		}{
			{"old.example", t0*1e9 + 1, -1},      // within the warm-up
			{"new.example", t0*1e9 + 25*hour, 0}, // at once
			{"new.example", t0*1e9 + 20*hour, 0}, // before: by a clock that is behind
			{"new.example", t0*1e9 + 26*hour, hour},
			{"new.example", t0*1e9 + (25+72)*hour - 1, 72*hour - 1},
			{"new.example", t0*1e9 + (25+72)*hour, -1},
			{"never.example", t0*1e9 + 25*hour, -1},
		} {
			if got := b.Age(tt.domain, tt.at); got != tt.want {
				t.Errorf("%s: Age(%q, start+%v) = %d, want %d", when, tt.domain, time.Duration(tt.at-t0*1e9), got, tt.want)
			}
		}
	}
	settle(t, b, t0+25*3600)
	check("settled")
	note(b, netip.Addr{}, "other.new.example", t0+26*3600, true)
	check("with a younger name in the queue")
	note(b, netip.Addr{}, "www.waits.example", t0+26*3600, true)
	if got := b.Age("waits.example", t0*1e9+27*hour); got != hour {
		t.Errorf("the age of a domain that waits is %d, want an hour", got)
	}
	note(b, netip.Addr{}, "again.old.example", t0+26*3600, true)
	if got := b.Age("old.example", t0*1e9+27*hour); got != -1 {
		t.Errorf("the age of an old domain with a name that waits is %d, want none", got)
	}
}

// TestConnections: who reached a server by a name has seen it, as who was answered; what
// is an address written out is no name.
func TestConnections(t *testing.T) {
	b := newBook(t, Config{WarmUp: time.Hour, Young: 72 * time.Hour})
	note(b, testClient(0), "www.old.example", t0, true)
	for i, name := range []string{"www.new.example", "192.0.2.1", "[2001:db8::1]", "0x7f.1", ".", "", "printer", "5.2.0.192.in-addr.arpa", "a..example"} {
		b.NoteConnection(testClient(1), &dnscache.Connection{
			TimeNs: (t0 + 7200 + int64(i)) * 1e9, Source: dnscache.SourceZeekSSL, Client: testClient(1), Server: testServer, Name: []byte(name),
		})
	}
	b.NoteConnection(testClient(1), &dnscache.Connection{Name: []byte("no.time.example")})
	settle(t, b, t0+7300)
	want := &model{t0,
		map[string]int64{"old.example": t0, "new.example": t0 + 7200},
		map[string]int64{"www.old.example": t0, "www.new.example": t0 + 7200, "printer": t0 + 7206, "5.2.0.192.in-addr.arpa": t0 + 7207},
		map[string]int64{"old.example " + testClient(0).String(): t0, "new.example " + testClient(1).String(): t0 + 7200},
	}
	if diff := cmp.Diff(want, pagesAsModel(t, b), cmp.AllowUnexported(model{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if st := b.Stats(); st.BadName != 1 || st.BadTime != 1 {
		t.Errorf("%d bad names and %d bad times, want 1 and 1", st.BadName, st.BadTime)
	}
	if got := b.Age("new.example", (t0+7201)*1e9); got != 1e9 {
		t.Errorf("the age of a domain that was reached a second ago is %d", got)
	}
}

// TestBeginning: evidence of before all other ends the warm-up earlier.
func TestBeginning(t *testing.T) {
	b := newBook(t, Config{WarmUp: time.Hour, Young: 72 * time.Hour})
	note(b, netip.Addr{}, "a.first.example", t0+7200, true)
	note(b, netip.Addr{}, "a.second.example", t0+7300, true)
	settle(t, b, t0+7400)
	if got := b.Age("second.example", (t0+7400)*1e9); got != -1 {
		t.Fatalf("in the warm-up the age is %d, want none", got)
	}
	note(b, netip.Addr{}, "a.late.example", t0+3650, true)
	settle(t, b, t0+7400)
	if got := b.Age("second.example", (t0+7400)*1e9); got != 100e9 {
		t.Errorf("the age is %d, want 100 s: the warm-up ended at %d", got, t0+3650+3600)
	}
	if got := b.Age("first.example", (t0+7400)*1e9); got != -1 {
		t.Errorf("the age of what came in the warm-up is %d, want none", got)
	}
}

func TestRefused(t *testing.T) {
	b := newBook(t, Config{})
	client := testClient(0)
	for _, name := range []string{"", ".", "example", "\x00.example", "a..example", "a.example.", `trail\`} {
		note(b, client, name, t0, false)
	}
	note(b, client, "a.example", 0, true)
	note(b, client, "a.example", -5, true)
	settle(t, b, t0)
	st := b.Stats()
	if st.BadName != 4 || st.BadTime != 2 || st.Domains != 0 {
		t.Errorf("Stats are %+v, want 4 bad names, 2 bad times and nothing entered", st)
	}
}

func TestFloods(t *testing.T) {
	b := newBook(t, Config{MaxAbsent: 10, MaxDomains: 50, MaxNames: 1500, MaxPairs: 60, Memory: 1 << 10})
	for i := range 100 { // made-up domains: some of each hour
		note(b, testClient(1), fmt.Sprintf("www.dga%d.example", i), t0, false)
	}
	note(b, testClient(1), "www.dga99.example", t0, true) // which has an address now
	settle(t, b, t0)
	st := b.Stats()
	if st.Domains != 11 || st.Pairs != 11 || st.AbsentHeld != 90 || st.Names != 1 {
		t.Errorf("after made-up domains: %+v", st)
	}
	for i := range 1200 { // made-up names of one domain: some of each day
		note(b, testClient(1), fmt.Sprintf("n%d.tunnel.example", i), t0, true)
	}
	settle(t, b, t0)
	if st = b.Stats(); st.NamesHeld != 200 || st.Names != 1001 || st.Domains != 12 {
		t.Errorf("after made-up names: %+v", st)
	}
	for i := range 100 {
		note(b, testClient(i), fmt.Sprintf("x.full%d.example", i), t0, true)
		for k := range 10 {
			note(b, testClient(i), fmt.Sprintf("x%d.full%d.example", k, i), t0, true)
		}
	}
	settle(t, b, t0)
	if st = b.Stats(); st.Domains != 50 || st.Names > 1500 || st.Pairs > 60 || st.Full == 0 {
		t.Errorf("when it is full: %+v", st)
	}
}

func TestQueueOverflows(t *testing.T) {
	b := newBook(t, Config{MaxQueue: 3 * thingMost})
	for i := range 500 {
		note(b, testClient(0), fmt.Sprintf("a.d%d.example", i), t0, true)
	}
	settle(t, b, t0)
	st := b.Stats()
	if st.Overflowed == 0 || st.Overflowed+st.Queued != 500 || st.Domains != st.Queued || st.Waiting != 0 {
		t.Fatalf("the queue was to overflow: %+v", st)
	}
	note(b, testClient(0), "a.d499.example", t0+1, true)
	if w := b.Stats().Waiting; w != 1 {
		t.Errorf("%d wait, want 1: what was not taken is not known", w)
	}
	settle(t, b, t0)
	if got := b.Stats().Domains; got != st.Domains+1 {
		t.Errorf("%d domains, want %d", got, st.Domains+1)
	}
}

// TestYoungTable: with more young domains than it holds, the youngest stay.
func TestYoungTable(t *testing.T) {
	table := newYoungTable(youngLeast)
	put := func(h uint64, sec uint32) (displaced int) {
		if table.full() {
			table, displaced = table.renewed(50, 2000)
		}
		table.put(h, sec)
		return displaced
	}
	rnd, displaced := rand.New(rand.NewPCG(3, 4)), 0
	hashes := make([]uint64, 5000)
	for i := range hashes {
		hashes[i] = rnd.Uint64() | 1
		displaced += put(hashes[i], uint32(i+1))
	}
	if displaced == 0 {
		t.Error("nothing was displaced")
	}
	for i, h := range hashes[4900:] {
		if got := table.find(h); got != uint32(4900+i+1) {
			t.Errorf("domain %d was first seen at %d, want %d", 4900+i, got, 4900+i+1)
		}
	}
	if got := table.find(hashes[10]); got != 0 {
		t.Errorf("a domain from before the limit is there: %d", got)
	}
	same := newYoungTable(youngLeast)
	for i := range 512 {
		same.put(hashes[i], 77)
	}
	next, displaced := same.renewed(1, 100)
	if displaced != 512 || next.n.Load() != 0 {
		t.Errorf("of too many of one moment %d were displaced and %d stay; want all and none", displaced, next.n.Load())
	}
}

// TestYoungDisplaced: with more young domains than the table takes, Stats say so, and
// the youngest keep their age.
func TestYoungDisplaced(t *testing.T) {
	b := newBook(t, Config{Young: 72 * time.Hour})
	b.youngMost = youngLeast
	const n = 4 * youngLeast
	for i := range int64(n) {
		note(b, netip.Addr{}, fmt.Sprintf("a.d%d.example", i), t0+i, true)
	}
	settle(t, b, t0+n)
	if st := b.Stats(); st.YoungDisplaced == 0 || st.Young+st.YoungDisplaced != n || st.Domains != n {
		t.Errorf("of %d domains: %+v, want all kept, and each either young or displaced", n, st)
	}
	for i, want := range map[int64]int64{0: -1, n - 2: 2e9, n - 1: 1e9} {
		if got := b.Age(fmt.Sprintf("d%d.example", i), (t0+n)*1e9); got != want {
			t.Errorf("the age of domain %d is %d, want %d", i, got, want)
		}
	}
}

func TestNoteAllocates(t *testing.T) {
	b := newBook(t, Config{})
	r := &dnscache.Response{TimeNs: t0 * 1e9, Name: []byte("a.very.long.name.beneath.a.domain.example"), Addrs: make([]dnscache.Addr, 1)}
	client := testClient(0)
	b.Note(client, r)
	settle(t, b, t0)
	if n := testing.AllocsPerRun(1000, func() { b.Note(client, r) }); n != 0 {
		t.Errorf("Note of what is known: %v allocations, want 0", n)
	}
	x := &dnscache.Connection{TimeNs: t0 * 1e9, Name: r.Name}
	if n := testing.AllocsPerRun(1000, func() { b.NoteConnection(client, x) }); n != 0 {
		t.Errorf("NoteConnection of what is known: %v allocations, want 0", n)
	}
	key := b.KeyOf("domain.example")
	if n := testing.AllocsPerRun(1000, func() { b.AgeOf(key, "domain.example", t0*1e9) }); n != 0 {
		t.Errorf("AgeOf: %v allocations, want 0", n)
	}
}

// TestFormat: a shelf of another format is refused.
func TestFormat(t *testing.T) {
	dir := t.TempDir()
	shelf, closeIt := openShelf(t, dir)
	defer closeIt()
	if err := shelf.Write([]dnscache.ShelfEntry{{Key: []byte{kindBook}, Value: []byte{99}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Config{Shelf: shelf}); err != ErrFormat {
		t.Errorf("New says %v, want %v", err, ErrFormat)
	}
	if _, err := Read(shelf); err != ErrFormat {
		t.Errorf("Read says %v, want %v", err, ErrFormat)
	}
}

// TestDiskSize tells what names and pairs take on disk. Set FLOWNAME_SIZE to have it
// measured.
func TestDiskSize(t *testing.T) {
	if os.Getenv("FLOWNAME_SIZE") == "" {
		t.Skip("measures only where FLOWNAME_SIZE is set")
	}
	for _, what := range []string{"pairs", "names", "domains"} {
		dir := t.TempDir()
		shelf, closeIt := openShelf(t, dir)
		b := newBook(t, Config{Shelf: shelf, MaxAbsent: 1 << 30})
		const n = 1_000_000
		for i := range n {
			name, client := "", netip.Addr{}
			switch what {
			case "pairs":
				name, client = fmt.Sprintf("www.shop-%d.example", i%5000), netip.AddrFrom4([4]byte{10, 0, byte(i / 5000 >> 8), byte(i / 5000)})
			case "names":
				name = fmt.Sprintf("host-%d.shop-%d.example", i, i%5000)
			case "domains":
				name = fmt.Sprintf("shop-%d.example", i)
			}
			note(b, client, name, t0+int64(i)/100, what != "domains" || i%1000 == 0)
			if i%50_000 == 0 {
				settle(t, b, t0)
			}
		}
		settle(t, b, t0)
		st := b.Stats()
		closeIt()
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		total := int64(0)
		for _, e := range entries {
			if info, err := e.Info(); err == nil && len(e.Name()) > 4 && e.Name()[len(e.Name())-4:] == ".sst" {
				total += info.Size()
			}
		}
		t.Logf("%s: %+v: %d bytes of tables", what, st, total)
	}
}

func BenchmarkNote(b *testing.B) {
	for _, names := range []int{1000, 200_000} {
		b.Run(fmt.Sprintf("names=%d", names), func(b *testing.B) {
			book := newBook(b, Config{})
			rs := make([]dnscache.Response, names)
			for i := range rs {
				rs[i] = dnscache.Response{TimeNs: t0 * 1e9, Name: fmt.Appendf(nil, "host%d.shop%d.example", i, i%5000), Addrs: make([]dnscache.Addr, 1)}
				book.Note(testClient(i%200), &rs[i])
				if i%10000 == 0 {
					settle(b, book, t0)
				}
			}
			settle(b, book, t0)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				at := i % names
				book.Note(testClient(at%200), &rs[at])
			}
		})
	}
}

// BenchmarkSettle is what the memory does not know, new and known to the shelf.
func BenchmarkSettle(b *testing.B) {
	shelf, closeIt := openShelf(b, b.TempDir())
	defer closeIt()
	book := newBook(b, Config{Shelf: shelf, Memory: 16})
	for _, what := range []string{"new", "known"} {
		b.Run(what, func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				k := i
				if what == "known" {
					k %= 10_000
				}
				note(book, testClient(k%200), fmt.Sprintf("h%d.d%d.example", k, k/5), t0, true)
				if i%1000 == 999 {
					settle(b, book, t0)
				}
			}
		})
	}
}
