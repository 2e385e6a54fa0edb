package indicators

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func build(t testing.TB, feeds ...string) *Set {
	t.Helper()
	var b Builder
	for i, text := range feeds {
		if _, err := b.Read(fmt.Sprintf("feed%d", i), strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
	}
	return b.Set()
}

func TestLookup(t *testing.T) {
	s := build(t, "bad.example\n*.wild.example\ngithub.io\n192.0.2.0/24\n192.0.2.7\n2001:db8::/32\n",
		"0.0.0.0 bad.example\n0.0.0.0 hosts.example\n", "192.0.2.0/24\nhttp://wild.example/x\n*.zip\n")
	for name, want := range map[string]string{
		"bad.example":        "feed0 bad.example, feed1 bad.example",
		"a.b.bad.example":    "feed0 bad.example",
		"notbad.example":     "",
		`a\.bad.example`:     "",
		`x.a\.b.bad.example`: "feed0 bad.example",
		"wild.example":       "feed2 wild.example",
		"x.wild.example":     "feed0 *.wild.example",
		"github.io":          "feed0 github.io",
		"someone.github.io":  "",
		"www.hosts.example":  "",
		"hosts.example":      "feed1 hosts.example",
		"evil.zip":           "feed2 *.zip",
		"example":            "", "": "", ".": "", "x.": "", `\`: "",
		"192.0.2.7":    "feed0 192.0.2.7, feed0 192.0.2.0/24, feed2 192.0.2.0/24",
		"192.0.3.7":    "",
		"2001:db8:1::": "feed0 2001:db8::/32",
		"2001:db9::":   "",
	} {
		var got []Entry
		if addr, err := netip.ParseAddr(name); err == nil {
			got = s.AppendAddr(nil, addr)
		} else {
			got = s.AppendName(nil, name)
			if bytes := s.AppendNameBytes(nil, []byte(name)); !slices.Equal(got, bytes) {
				t.Errorf("%q: as bytes %v, as a string %v", name, bytes, got)
			}
		}
		var texts []string
		for _, e := range got {
			texts = append(texts, e.Feed+" "+e.String())
			if s.Entry(e.ID) != e {
				t.Errorf("%v: its ID gives %v", e, s.Entry(e.ID))
			}
		}
		slices.Sort(texts)
		wants := strings.Split(want, ", ")
		slices.Sort(wants)
		if strings.Join(texts, ", ") != strings.Join(wants, ", ") {
			t.Errorf("%s: got %q, want %q", name, texts, wants)
		}
	}
	if got := s.AppendAddr(nil, netip.MustParseAddr("::ffff:192.0.2.7")); len(got) != 3 {
		t.Errorf("a mapped address: got %v", got)
	}
	var none Set
	if got := none.AppendAddr(none.AppendName(nil, "a.example"), netip.IPv6Loopback()); got != nil {
		t.Errorf("the zero Set: got %v", got)
	}
}

// A set against the slow way: every entry is compared.
func TestModel(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	label := func() string { return string("abc"[random.IntN(3)]) }
	name := func() string {
		n := label()
		for range 1 + random.IntN(3) {
			n = label() + "." + n
		}
		return n
	}
	addr := func() netip.Addr {
		return netip.AddrFrom4([4]byte{100, byte(random.IntN(4)), byte(random.IntN(4)), byte(random.IntN(8))})
	}
	for range 60 {
		fmt.Fprintln(&b, []string{"", "*."}[random.IntN(2)]+name())
		fmt.Fprintln(&b, netip.PrefixFrom(addr(), 8+random.IntN(25)))
	}
	s := build(t, b.String(), b.String()[b.Len()/2:])
	for range 3000 {
		n, a := name(), addr()
		var want []Entry
		for e := range s.All() {
			if e.Prefix.IsValid() {
				if e.Prefix.Contains(a) {
					want = append(want, e)
				}
			} else if e.Self && n == e.Name || e.Beneath && strings.HasSuffix(n, "."+e.Name) {
				want = append(want, e)
			}
		}
		got := s.AppendAddr(s.AppendName(nil, n), a)
		byID := func(a, b Entry) int { return int(a.ID) - int(b.ID) }
		slices.SortFunc(got, byID)
		if !slices.Equal(got, want) {
			t.Fatalf("%s %v: got %v, want %v", n, a, got, want)
		}
	}
}

func TestLookupAllocatesNothing(t *testing.T) {
	s := build(t, "bad.example\n192.0.2.0/24\n2001:db8::1\n")
	dst := make([]Entry, 0, 8)
	name := []byte("www.bad.example")
	addr := netip.MustParseAddr("192.0.2.1")
	if n := testing.AllocsPerRun(100, func() {
		dst = s.AppendAddr(s.AppendNameBytes(dst[:0], name), addr)
	}); n != 0 || len(dst) != 2 {
		t.Errorf("got %v allocations and %d entries, want 0 and 2", n, len(dst))
	}
}

// manyNames is a feed of made names of 20 bytes.
func manyNames(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "host%07d.c%02d.test\n", i, i%97)
	}
	return b.String()
}

func TestBytesAnEntry(t *testing.T) {
	n := 1_000_000
	if testing.Short() {
		n = 100_000
	}
	text := manyNames(n)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	s := build(t, text)
	runtime.GC()
	runtime.ReadMemStats(&after)
	each := float64(after.HeapAlloc-before.HeapAlloc) / float64(n)
	t.Logf("%d names of 20 bytes: %.1f bytes each", s.Len(), each)
	if s.Len() != n || each > 64 {
		t.Errorf("got %d entries of %.1f bytes, want %d of at most 64", s.Len(), each, n)
	}
	runtime.KeepAlive(text)
}

func BenchmarkRead(b *testing.B) {
	names := strings.TrimSpace(manyNames(10_000))
	for name, text := range map[string]string{
		"list": names,
		"rpz":  "$TTL 1\n" + strings.ReplaceAll(names, "\n", " CNAME .\n") + " CNAME .\n",
		"misp": `[{"value":"` + strings.ReplaceAll(names, "\n", `","to_ids":true,"type":"domain","comment":""},{"value":"`) + `","type":"domain"}]`,
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if s := build(b, text); s.Len() != 10_000 {
					b.Fatal(s.Len())
				}
			}
		})
	}
}

func BenchmarkLookup(b *testing.B) {
	s := build(b, manyNames(1_000_000), "192.0.2.0/24\n198.51.100.0/25\n2001:db8::/32\n203.0.113.1\n")
	addr := netip.MustParseAddr("10.1.2.3")
	var dst []Entry
	for _, name := range []string{"host0500000.c06.test", "www.some.example.com"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				dst = s.AppendName(dst[:0], name)
			}
		})
	}
	b.Run("address", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			dst = s.AppendAddr(dst[:0], addr)
		}
	})
}
