package world

import (
	"fmt"
	"maps"
	"net/netip"
	"path/filepath"
	"testing"

	"flowname/correlate"
	"flowname/flows"
	"flowname/geo"
)

// small is a world of few of everything, in which all is repeated often.
func small() Config {
	c := Default()
	c.Clients, c.Answers, c.Turns, c.Flows, c.Other, c.IPv6 = 40, 6000, 10, 5000, 40, 30
	return c
}

func mustNew(t testing.TB, c Config) *World {
	t.Helper()
	w, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// A told is one answer as a list of all would have it.
type told struct {
	atNs int64
	name string
}

// truth answers by going through all answers: slow and obvious.
type truth struct {
	byPair map[[2]netip.Addr][]told
	byAddr map[netip.Addr]map[string]bool
	seen   map[netip.Addr]bool
}

func allOf(w *World) truth {
	tr := truth{map[[2]netip.Addr][]told{}, map[netip.Addr]map[string]bool{}, map[netip.Addr]bool{}}
	for i := range w.Answers() {
		a := w.Answer(i)
		name := string(a.Name(nil))
		key := [2]netip.Addr{a.Client.Addr(), a.Addr}
		tr.byPair[key] = append(tr.byPair[key], told{a.TimeNs, name})
		if tr.byAddr[a.Addr] == nil {
			tr.byAddr[a.Addr] = map[string]bool{}
		}
		tr.byAddr[a.Addr][name] = true
		tr.seen[a.Client.Addr()] = true
	}
	return tr
}

// want is the rule of package correlate, with a second of error either way.
func (tr *truth) want(t *testing.T, w *World, f *Flow) string {
	client, server := f.Client.Addr(), f.Server.Addr()
	name, at := "", int64(0)
	for _, a := range tr.byPair[[2]netip.Addr{client, server}] {
		switch d := f.StartNs - a.atNs; {
		case d > -2e9 && d < 2e9:
			t.Errorf("flow %d begins %d ns after an answer of its pair: too near to tell", f.Number, d)
		case d > 0 && a.atNs > at:
			name, at = a.name, a.atNs
		}
	}
	switch {
	case server.IsMulticast():
		return "not_resolvable"
	case at != 0:
		return fmt.Sprintf("%s client %d", name, at)
	case f.StartNs < w.Answer(0).TimeNs-2e9:
		return "before_sensor"
	case len(tr.byAddr[server]) == 1:
		for only := range maps.Keys(tr.byAddr[server]) {
			return only + " others 0"
		}
	case len(tr.byAddr[server]) > 1:
		return "ambiguous"
	case !tr.seen[client]:
		return "client_unseen"
	}
	return "no_answer"
}

func (w *Want) describe() string {
	if w.Reason != 0 {
		return w.Reason.String()
	}
	return fmt.Sprintf("%s %s %d", w.Name(nil), w.Basis, w.AnsweredNs)
}

// What a flow is said to want is what the list of all answers makes of it.
func TestWantIsTheTruth(t *testing.T) {
	for _, change := range []func(*Config){
		func(*Config) {},
		func(c *Config) { c.Seed = 7; c.IPv6 = 100 },
		func(c *Config) { c.Turns = 1; c.PeriodMs = 20_000 },
		func(c *Config) { c.Clients, c.Answers, c.Turns = 2, 9, 3 },
		func(c *Config) { c.Clients, c.Answers, c.Turns = 1000, 64_000, 2 },
	} {
		c := small()
		change(&c)
		w := mustNew(t, c)
		tr := allOf(w)
		got := map[string]int{}
		for i := range c.Flows {
			f := w.Flow(i)
			if want := tr.want(t, w, &f); f.Want.describe() != want {
				t.Fatalf("%+v: flow %d, %v to %v: wants %s, the truth is %s", c, i, f.Client, f.Server, f.Want.describe(), want)
			}
			got[f.Want.Basis.String()+f.Want.Reason.String()]++
		}
		if c == small() && len(got) != int(numKinds) {
			t.Errorf("%+v: got %v, want all kinds of flow", c, got)
		}
	}
}

// Flows of one 5-tuple have one name, or are told apart by any collector.
func TestConnectionsAreTold(t *testing.T) {
	c := small()
	c.Clients, c.Answers, c.Turns, c.Flows = 2, 40, 20, 100_000
	w := mustNew(t, c)
	type tuple struct {
		proto          uint8
		client, server netip.AddrPort
	}
	last := map[tuple]Flow{}
	for i := range w.cfg.Flows {
		f := w.Flow(i)
		key := tuple{f.Proto, f.Client, f.Server}
		had, again := last[key]
		last[key] = f
		if again && f.StartNs-had.EndNs < maxGap*1e6 && had.Want.describe() != f.Want.describe() {
			t.Errorf("flows %d and %d have one 5-tuple, %v, and want %s and %s", had.Number, i, key, had.Want.describe(), f.Want.describe())
		}
	}
	if len(last) > w.cfg.Flows*9/10 {
		t.Error("hardly a 5-tuple came twice: the test shows nothing")
	}
}

func TestSameConfigSameWorld(t *testing.T) {
	a, b := mustNew(t, small()), mustNew(t, small())
	other := small()
	other.Seed++
	c := mustNew(t, other)
	same := 0
	for i := range a.cfg.Flows {
		if a.Flow(i) != b.Flow(i) {
			t.Fatalf("flow %d: got %+v and %+v", i, a.Flow(i), b.Flow(i))
		}
		if a.Flow(i) == c.Flow(i) {
			same++
		}
	}
	for i := range a.Answers() {
		if a.Answer(i) != b.Answer(i) {
			t.Fatalf("answer %d: got %+v and %+v", i, a.Answer(i), b.Answer(i))
		}
	}
	if same > 0 {
		t.Errorf("%d flows are the same with another seed, want none", same)
	}
}

// Time goes on, names share addresses, names move, and clients differ.
func TestTheWorldIsAsSaid(t *testing.T) {
	w := mustNew(t, small())
	addrs := map[string]map[netip.Addr]bool{}
	names := map[netip.Addr]map[string]bool{}
	var mixed, tcp, canonical, v6 int
	before := int64(0)
	for i := range w.Answers() {
		a := w.Answer(i)
		if a.TimeNs < before {
			t.Fatalf("answer %d is before the one before it", i)
		}
		before = a.TimeNs
		name := string(a.Name(nil))
		if addrs[name] == nil {
			addrs[name] = map[netip.Addr]bool{}
		}
		if names[a.Addr] == nil {
			names[a.Addr] = map[string]bool{}
		}
		addrs[name][a.Addr], names[a.Addr][name] = true, true
		count := func(n *int, yes bool) {
			if yes {
				*n++
			}
		}
		count(&mixed, a.Mixed)
		count(&tcp, a.TCP)
		count(&canonical, len(a.Canonical(nil)) > 0)
		count(&v6, a.Addr.Is6())
	}
	share, move := 0, 0
	for _, n := range names {
		if len(n) > 1 {
			share++
		}
	}
	for _, a := range addrs {
		if len(a) > 1 {
			move++
		}
	}
	if share == 0 || move == 0 || mixed == 0 || tcp == 0 || canonical == 0 || v6 == 0 {
		t.Errorf("addresses of several names %d, names of several addresses %d, mixed case %d, TCP %d, CNAME %d, IPv6 %d: want some of each",
			share, move, mixed, tcp, canonical, v6)
	}
	before = 0
	for i := range w.cfg.Flows {
		f := w.Flow(i)
		at := w.ExportNs(i)
		if at < before || f.EndNs > at || f.StartNs > f.EndNs {
			t.Fatalf("flow %d: exported at %d after %d, from %d to %d", i, at, before, f.StartNs, f.EndNs)
		}
		before = at
		if n, ok := w.NumberOf(f.Bytes); !ok || n != uint64(i) {
			t.Fatalf("flow %d: its bytes say %d, %v", i, n, ok)
		}
	}
	if _, ok := w.NumberOf(minBytes - 1); ok {
		t.Error("a flow of too few bytes is said to be of this world")
	}
	if _, ok := w.NumberOf(uint64(minBytes + w.cfg.Flows)); ok {
		t.Error("a flow of too many bytes is said to be of this world")
	}
}

func TestValidate(t *testing.T) {
	for _, change := range []func(*Config){
		func(c *Config) { c.Clients = 3 },
		func(c *Config) { c.Clients = 0 },
		func(c *Config) { c.Turns = 0 },
		func(c *Config) { c.Answers = c.Clients*c.Turns - 1 },
		func(c *Config) { c.Flows = 0 },
		func(c *Config) { c.Other = 101 },
		func(c *Config) { c.IPv6 = -1 },
		func(c *Config) { c.Exporters = 0 },
		func(c *Config) { c.PerDatagram = 31 },
		func(c *Config) { c.PeriodMs = 19_999 },
		func(c *Config) { c.StartNs++ },
		func(c *Config) { c.Turns, c.PeriodMs = 9, 20_000 },
	} {
		c := small()
		change(&c)
		if _, err := New(c); err == nil {
			t.Errorf("%+v: is taken", c)
		}
	}
}

func TestSaveAndLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "world.json")
	c := small()
	if err := c.Save(path); err != nil {
		t.Fatal(err)
	}
	if got, err := Load(path); err != nil || got != c {
		t.Errorf("got %+v, %v, want %+v", got, err, c)
	}
	if _, err := Load(path + "no"); err == nil {
		t.Error("a file that is not there is loaded")
	}
}

// The databases say of each address what the world says.
func TestPlaces(t *testing.T) {
	w := mustNew(t, small())
	dir := t.TempDir()
	asn, city := filepath.Join(dir, "asn.mmdb"), filepath.Join(dir, "city.mmdb")
	if err := w.WritePlaces(asn, city); err != nil {
		t.Fatal(err)
	}
	r, err := geo.New(asn, city)
	if err != nil {
		t.Fatal(err)
	}
	cursor := r.NewCursor()
	known := 0
	for i := range w.cfg.Flows {
		f := w.Flow(i)
		for _, a := range []netip.Addr{f.Client.Addr(), f.Server.Addr()} {
			var got geo.Info
			cursor.Lookup(&got, a)
			want := w.PlaceOf(a)
			if got.ASN != want.ASN || got.Org != string(want.AppendOrg(nil)) || got.Country != want.Country || got.City != want.City {
				t.Fatalf("%v: got %+v, want %+v %s", a, got, want, want.AppendOrg(nil))
			}
			if want.ASN != 0 {
				known++
			}
		}
	}
	if known == 0 {
		t.Error("no address has a place")
	}
}

func TestAllocs(t *testing.T) {
	w := mustNew(t, small())
	name := make([]byte, 0, 100)
	i := 0
	if n := testing.AllocsPerRun(100, func() {
		f := w.Flow(i % w.cfg.Flows)
		name = f.Want.Canonical(f.Want.Name(name[:0]))
		a := w.Answer(i % w.Answers())
		name = a.Name(name[:0])
		i++
	}); n != 0 {
		t.Errorf("%v allocations a flow and answer, want 0", n)
	}
}

func BenchmarkFlow(b *testing.B) {
	c := Default()
	c.Clients, c.Answers, c.Flows = 50_000, 1_000_000, 1_000_000
	w := mustNew(b, c)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		f := w.Flow(i % c.Flows)
		if f.Proto != flows.ProtoTCP && f.Proto != flows.ProtoUDP || f.Want.Basis > correlate.Others {
			b.Fatal(f)
		}
	}
}
