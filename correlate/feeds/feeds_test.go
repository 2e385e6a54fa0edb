package feeds

import (
	"errors"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"flowname/correlate/indicators"
	"flowname/dnscache"
)

// write puts a feed in place by renaming, at a time of its own.
func write(t testing.TB, path, text string, age time.Duration) {
	t.Helper()
	next := path + ".new"
	if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	at := time.Unix(1_700_000_000, 0).Add(-age)
	if err := os.Chtimes(next, at, at); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, path); err != nil {
		t.Fatal(err)
	}
}

var domainSeed = maphash.MakeSeed()

func hashDomain(domain string) uint64 { return maphash.String(domainSeed, domain) }

// mayHave says whether a feed may have a name, by its domain.
func (l *Lists) mayHave(name string) bool {
	domain := dnscache.Domain(name)
	return l.MayHaveIn(domain, hashDomain(domain))
}

func open(t testing.TB, texts ...string) (*Reader, []string) {
	t.Helper()
	var all []Feed
	var paths []string
	for i, text := range texts {
		path := filepath.Join(t.TempDir(), fmt.Sprintf("list%d.txt", i))
		write(t, path, text, time.Hour)
		all, paths = append(all, Feed{fmt.Sprintf("list%d", i), path}), append(paths, path)
	}
	r, err := New(all, hashDomain, 5)
	if err != nil {
		t.Fatal(err)
	}
	return r, paths
}

func TestParse(t *testing.T) {
	long := strings.Repeat("x", 100)
	for text, want := range map[string]Feed{
		"bad.txt":                     {"bad", "bad.txt"},
		"/var/feeds/URLhaus.csv.gz":   {"urlhaus", "/var/feeds/URLhaus.csv.gz"},
		"abuse.ch.txt":                {"abuse.ch", "abuse.ch.txt"},
		"threat intel (new).json.zst": {"threat-intel--new-", "threat intel (new).json.zst"},
		"nrd:/var/feeds/today.txt":    {"nrd", "/var/feeds/today.txt"},
		"./a:b":                       {"a-b", "./a:b"},
		"name:/odd:file":              {"name", "/odd:file"},
		long + ".txt":                 {long[:64], long + ".txt"},
		"Bad:x":                       {},
		"a b:x":                       {},
		":x":                          {},
		"nrd:":                        {},
		".txt":                        {},
		long + ":x":                   {},
		"\u00e9vil.txt":               {"-vil", "\u00e9vil.txt"},
	} {
		got, err := Parse(text)
		if got != want || (err != nil) != (want == Feed{}) {
			t.Errorf("Parse(%q) = %+v, %v, want %+v", text, got, err, want)
		}
	}
}

func TestMarks(t *testing.T) {
	r, _ := open(t,
		"bad.example\n192.0.2.0/24\n2001:db8:1:2::/64\n2001:db8:f000::/36\n",
		"*.wild.example\n.dot.example\nbad.example\n203.0.113.7\nodd\\\\.label.example\n",
		"10.0.0.1 only.example\n10.0.0.1 a.bad.example\n",
	)
	l := r.Current()
	for name, want := range map[string]Marks{
		"bad.example": 0b011, "www.bad.example": 0b011, "a.bad.example": 0b111, "x.a.bad.example": 0b011,
		"notbad.example": 0, "example": 0, "": 0, "wild.example": 0, "x.wild.example": 0b010, "dot.example": 0b010,
		"a.b.dot.example": 0b010, "only.example": 0b100, "x.only.example": 0, `x\.bad.example`: 0, `\\.bad.example`: 0b011,
		`bad\.example`: 0, ".": 0, "..": 0, `\`: 0, "bad.example.": 0,
	} {
		if got := l.OfName(name); got != want {
			t.Errorf("OfName(%q) = %b, want %b", name, got, want)
		}
		if got := l.OfNameBytes([]byte(name)); got != want {
			t.Errorf("OfNameBytes(%q) = %b, want %b", name, got, want)
		}
	}
	for addr, want := range map[string]Marks{
		"192.0.2.0": 1, "192.0.2.255": 1, "192.0.3.0": 0, "203.0.113.7": 2, "203.0.113.8": 0, "::ffff:203.0.113.7": 2,
		"2001:db8:1:2::5": 1, "2001:db8:1:3::5": 0, "2001:db8:ffff::1": 1, "2001:db8:e000::1": 0, "10.0.0.1": 0,
	} {
		if got := l.OfAddr(netip.MustParseAddr(addr)); got != want {
			t.Errorf("OfAddr(%s) = %b, want %b", addr, got, want)
		}
	}
	if got := l.OfAddr(netip.Addr{}); got != 0 {
		t.Errorf("OfAddr of no address = %b, want 0", got)
	}
	if e := l.NameEntry(1, "a.b.dot.example"); e.Feed != "list1" || e.String() != "dot.example" {
		t.Errorf("NameEntry = %+v", e)
	}
	if e := l.AddrEntry(0, netip.MustParseAddr("::ffff:192.0.2.9")); e.String() != "192.0.2.0/24" {
		t.Errorf("AddrEntry = %+v", e)
	}
	if e := l.NameEntry(2, "bad.example"); e.String() != "invalid Prefix" && e.Name != "" {
		t.Errorf("NameEntry of a feed without it = %+v", e)
	}
	if m := Marks(0b1100); m.First() != 2 || !m.Has(3) || m.Has(1) {
		t.Errorf("Marks of two feeds: first %d", m.First())
	}
}

// TestMayHaveIn: a domain is asked for by itself, whatever entries its names have.
func TestMayHaveIn(t *testing.T) {
	const texts = "bad.example\n*.sub.wild.example\namazonaws.com\ngithub.io\nx.co.uk\nc2.a.b.c.deep.example\n"
	r, _ := open(t, texts)
	for name, want := range map[string]bool{
		"bad.example": true, "www.bad.example": true, "good.example": false, "www.good.example": false,
		"a.wild.example": true, "other.deep.example": true, // the domain has others
		"x.s3.amazonaws.com": true, "amazonaws.com": true, "mine.github.io": true, "github.io": true,
		"www.x.co.uk": true, "x.example": false, "example": true, "": true,
	} {
		if got := r.Current().mayHave(name); got != want {
			t.Errorf("a feed may have names in the domain of %q: %t, want %t", name, got, want)
		}
	}
	r, _ = open(t, texts+"*.zip\n")
	if !r.Current().mayHave("x.zip") || !r.Current().mayHave("www.good.example") {
		t.Error("an entry for a top-level domain may have every name in it")
	}
}

// TestFilter: nothing that a set has is stopped by the filter, and nearly all that it
// has not is.
func TestFilter(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var text strings.Builder
	name := func() string {
		labels := make([]string, 2+rnd.IntN(4))
		for i := range labels {
			labels[i] = fmt.Sprintf("%x", rnd.IntN(1<<(4+rnd.IntN(3)*4)))
		}
		return strings.Join(labels, ".") + ".example"
	}
	addr := func() netip.Addr {
		if rnd.IntN(2) == 0 {
			return netip.AddrFrom4([4]byte{11, byte(rnd.IntN(4)), byte(rnd.IntN(256)), byte(rnd.IntN(256))})
		}
		return netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, byte(rnd.IntN(2)), byte(rnd.IntN(4)), byte(rnd.IntN(256)), byte(rnd.IntN(256)), 15: 1})
	}
	for range 5000 {
		switch rnd.IntN(4) {
		case 0:
			a := addr()
			p, _ := a.Prefix(min(a.BitLen(), 16+rnd.IntN(70)))
			if rnd.IntN(10) == 0 || p.Bits() > 23 {
				fmt.Fprintln(&text, p)
			}
		case 1:
			fmt.Fprintln(&text, "*."+name())
		default:
			fmt.Fprintln(&text, name())
		}
	}
	r, _ := open(t, text.String())
	l, passed, had, none := r.Current(), 0, 0, 0
	for range 100_000 {
		n, a := name(), addr()
		if rnd.IntN(3) == 0 {
			n = "www." + n
		}
		want := l.lookUpName(n)
		if got := l.OfName(n); got != want {
			t.Fatalf("OfName(%q) = %b, the set says %b", n, got, want)
		}
		if want != 0 && !l.mayHave(n) {
			t.Fatalf("a feed has %s, and may have nothing in its domain", n)
		}
		switch {
		case want != 0:
			had++
		case l.filter.mayHaveName(n):
			passed++
		default:
			none++
		}
		if got, want := l.OfAddr(a), l.lookUpAddr(a); got != want {
			t.Fatalf("OfAddr(%s) = %b, the set says %b", a, got, want)
		}
	}
	if had == 0 || none == 0 || passed > (passed+none)/50 {
		t.Errorf("%d names were had, %d stopped by the filter, %d passed it for nothing: want some, most and less than one in fifty", had, none, passed)
	}
}

// changes asks twice: a file counts as changed when it then stays the same.
func changes(r *Reader) bool {
	first := r.Changed()
	return r.Changed() || first
}

func TestReload(t *testing.T) {
	r, paths := open(t, "old.example\n", "other.example\n")
	if changes(r) {
		t.Error("files that nobody touched have changed")
	}
	if changed, err := r.Reload(6); changed || err != nil {
		t.Errorf("Reload of the same files: %v, %v", changed, err)
	}
	before := r.Current()
	write(t, paths[0], "new.example\n", time.Minute)
	if r.Changed() {
		t.Error("a file that has just changed is not awaited")
	}
	if !r.Changed() {
		t.Error("a file that has changed and stays so is not seen")
	}
	if changed, err := r.Reload(7); !changed || err != nil {
		t.Fatalf("Reload: %v, %v", changed, err)
	}
	if changes(r) {
		t.Error("a file that was taken has changed")
	}
	l := r.Current()
	if l.OfName("new.example") != 1 || l.OfName("old.example") != 0 || l.OfName("other.example") != 2 {
		t.Error("the new list is not in use, or the other one not any more")
	}
	if before.OfName("old.example") != 1 || l.Generation != before.Generation+1 {
		t.Errorf("the lists before are not what they were; generations %d and %d", before.Generation, l.Generation)
	}
	s := r.States()
	if s[0].Reloads != 1 || s[0].TakenNs != 7 || s[0].Report.Entries != 1 || s[1].TakenNs != 5 || s[1].Reloads != 0 {
		t.Errorf("States are %+v", s)
	}
}

// TestBroken: what can not be used leaves the old list in use, and is said once.
func TestBroken(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       error
	}{
		{"empty", "", ErrEmpty},
		{"comments only", "# nothing\n", ErrEmpty},
		{"nonsense only", "<html><body>Not Found\n", ErrEmpty},
		{"torn JSON", `{"type":"bundle","objects":[{"type":"indicator","pattern":"[domain-name:value = 'new.example']"},{"ty`, indicators.ErrSyntax},
	} {
		r, paths := open(t, "old.example\n")
		write(t, paths[0], tt.text, time.Minute)
		r.Changed()
		if !r.Changed() {
			t.Errorf("%s: the change is not seen", tt.name)
		}
		changed, err := r.Reload(7)
		if changed || !errors.Is(err, tt.want) && !strings.Contains(fmt.Sprint(err), tt.want.Error()) {
			t.Errorf("%s: Reload: %v, %v, want %v", tt.name, changed, err, tt.want)
		}
		if changes(r) {
			t.Errorf("%s: what was refused is tried again", tt.name)
		}
		if r.Current().OfName("old.example") != 1 || r.States()[0].Refused != 1 {
			t.Errorf("%s: the old list is not in use any more, or it is not counted: %+v", tt.name, r.States()[0])
		}
		if err := os.Remove(paths[0]); err != nil {
			t.Fatal(err)
		}
		if changes(r) {
			t.Errorf("%s: a file that is missing has changed", tt.name)
		}
		write(t, paths[0], "new.example\n", 0)
		r.Changed()
		if !r.Changed() {
			t.Errorf("%s: the file after it is not seen", tt.name)
		}
		if changed, err := r.Reload(8); !changed || err != nil || r.Current().OfName("new.example") != 1 {
			t.Errorf("%s: the file after it: %v, %v", tt.name, changed, err)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	dir := t.TempDir()
	good, empty := filepath.Join(dir, "good"), filepath.Join(dir, "empty")
	write(t, good, "bad.example\n", 0)
	write(t, empty, "", 0)
	many := make([]Feed, Most+1)
	for i := range many {
		many[i] = Feed{fmt.Sprint("f", i), good}
	}
	for _, tt := range []struct {
		feeds []Feed
		want  string
	}{
		{[]Feed{{"x", empty}}, "feed x: " + empty + ": it has no indicators"},
		{[]Feed{{"x", good}, {"x", good}}, "two feeds are named x"},
		{[]Feed{{"x", filepath.Join(dir, "none")}}, "no such file"},
		{[]Feed{{"x", dir}}, "not a regular file"},
		{many, "65 feeds"},
	} {
		if _, err := New(tt.feeds, hashDomain, 0); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("New(%v) says %v, want %q", tt.feeds, err, tt.want)
		}
	}
	if _, err := New(many[:Most], hashDomain, 0); err != nil {
		t.Errorf("New of %d feeds: %v", Most, err)
	}
}

// TestReloadBesideReaders is for the race detector.
func TestReloadBesideReaders(t *testing.T) {
	r, paths := open(t, "a.example\n192.0.2.1\n")
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		wg.Go(func() {
			for last := uint64(0); ; {
				select {
				case <-stop:
					return
				default:
				}
				l := r.Current()
				if l.Generation < last {
					t.Errorf("generation %d after %d", l.Generation, last)
				}
				last = l.Generation
				if n := l.OfName("a.example") + l.OfName("b.example"); n != 1 {
					t.Errorf("lists with %d of the two names", n)
				}
			}
		})
	}
	for i := range 50 {
		write(t, paths[0], []string{"b.example\n", "a.example\n"}[i%2], time.Duration(i+1)*time.Second)
		if changed, err := r.Reload(int64(i)); !changed || err != nil {
			t.Errorf("Reload %d: %v, %v", i, changed, err)
		}
	}
	close(stop)
	wg.Wait()
}

func TestAllocates(t *testing.T) {
	r, _ := open(t, "bad.example\n192.0.2.0/24\n2001:db8::/32\n")
	l := r.Current()
	name, addrs := []byte("a.long.name.beneath.bad.example"), []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("9.9.9.9")}
	if n := testing.AllocsPerRun(1000, func() {
		l.OfName("a.good.example")
		l.OfNameBytes(name)
		for _, a := range addrs {
			l.OfAddr(a)
		}
	}); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

// FuzzOfName: the filter stops nothing that a set has, whatever the name.
func FuzzOfName(f *testing.F) {
	for _, s := range []string{"a.bad.example", `x\.y.example`, `\\.example`, "", ".", `\`, "x..y", "x.s3.amazonaws.com", "x.github.io", "a.b.ck"} {
		f.Add(s)
	}
	r, _ := open(f, "bad.example\n*.example.net\n$x\namazonaws.com\ngithub.io\n*.ck\n", `$ORIGIN rpz.
@ SOA a b 1 2 3 4 5
x\.y.example CNAME .
*.\000z.example CNAME .
`)
	l := r.Current()
	f.Fuzz(func(t *testing.T, name string) {
		if got, want := l.OfName(name), l.lookUpName(name); got != want && name != "" {
			t.Errorf("OfName(%q) = %b, the sets say %b", name, got, want)
		}
		if l.OfName(name) != 0 && !l.mayHave(name) {
			t.Errorf("a feed has %q, and may have nothing in its domain", name)
		}
	})
}

// TestSize tells what a million names and addresses take. Set FLOWNAME_SIZE to have
// it measured.
func TestSize(t *testing.T) {
	if os.Getenv("FLOWNAME_SIZE") == "" {
		t.Skip("measures only where FLOWNAME_SIZE is set")
	}
	for _, n := range []int{1_000_000, 5_000_000} {
		for _, what := range []string{"names", "addresses"} {
			path := filepath.Join(t.TempDir(), "list.txt")
			f, err := os.Create(path)
			if err != nil {
				t.Fatal(err)
			}
			for i := range n {
				if what == "names" {
					fmt.Fprintf(f, "host-%08d.example\n", i*7)
				} else {
					fmt.Fprintln(f, netip.AddrFrom4([4]byte{byte(20 + i>>20), byte(i >> 12), byte(i >> 4), byte(i * 16)}))
				}
			}
			f.Close()
			used := func() uint64 {
				runtime.GC()
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				return m.HeapAlloc
			}
			before, begun := used(), time.Now()
			r, err := New([]Feed{{"list", path}}, hashDomain, 0)
			if err != nil {
				t.Fatal(err)
			}
			took := time.Since(begun)
			t.Logf("%d %s: %d MB, %.1f bytes each, read in %v", n, what, (used()-before)>>20, float64(used()-before)/float64(n), took)
			runtime.KeepAlive(r)
		}
	}
}

// BenchmarkOfName is names that a feed of a million has not.
func BenchmarkOfName(b *testing.B) {
	var text strings.Builder
	for i := range 1_000_000 {
		fmt.Fprintf(&text, "host%d.shop%d.example\n", i*7919, i%100_000)
	}
	r, _ := open(b, text.String())
	l := r.Current()
	names := make([]string, 1<<16)
	for i := range names {
		names[i] = fmt.Sprintf("www%d.service%d.example", i, i%1000)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		l.OfName(names[i%len(names)])
	}
}
