package dnscache

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	badger "github.com/dgraph-io/badger/v4"
	gocmp "github.com/google/go-cmp/cmp"
)

// forEver is a retention that keeps what was filed long ago.
const forEver = 100 * 365 * 24 * time.Hour

// outcomeAt files a response without addresses.
func outcomeAt(c *Cache, client netip.Addr, at int64, name string, typ, rcode uint16) {
	c.File(&Response{TimeNs: at, Client: client, Name: []byte(name), Source: SourcePackets, Type: typ, RCode: rcode}, t0)
}

type runner interface {
	Runs(ctx context.Context, q Query, yield func(*Run) bool) error
}

// runsOf writes runs as "name client what first-last xcount".
func runsOf(t testing.TB, h runner, q Query) (all []string) {
	t.Helper()
	err := h.Runs(t.Context(), q, func(r *Run) bool {
		what := r.Addr.String()
		switch r.Kind {
		case KindOutcome:
			what = fmt.Sprintf("type%d/rcode%d", r.Type, r.RCode)
		case KindQuestion:
			what = "asked"
		case KindConnection:
			what += "/made"
		}
		all = append(all, fmt.Sprintf("%s %v %s %g-%g x%d", r.Name, r.Client, what, float64(r.FirstNs-t0)/1e9, float64(r.LastNs-t0)/1e9, r.Count))
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestWhatIsAnOutcome(t *testing.T) {
	for _, c := range []struct {
		typ, rcode uint16
		want       string
	}{
		{1, 0, "type1/rcode0"}, {28, 0, "type28/rcode0"}, {65, 0, "type65/rcode0"}, {64, 0, "type64/rcode0"},
		{15, 0, ""}, {255, 0, ""}, {0, 0, ""},
		{1, 3, "type1/rcode3"}, {15, 3, "type0/rcode3"}, {0, 3, "type0/rcode3"},
		{28, 2, "type28/rcode2"}, {0, 5, "type0/rcode5"}, {16, 2, ""}, {1, 3841, "type1/rcode3841"},
	} {
		cache := open(t, Config{})
		outcomeAt(cache, alice, t0, "a.example", c.typ, c.rcode)
		got := strings.Join(runsOf(t, cache, Query{Name: "a.example"}), "; ")
		want := ""
		if c.want != "" {
			want = "a.example 10.0.0.1 " + c.want + " 0-0 x1"
		}
		if got != want {
			t.Errorf("type %d, rcode %d: got %q, want %q", c.typ, c.rcode, got, want)
		}
	}
}

func TestOutcomesRefused(t *testing.T) {
	c := open(t, Config{})
	for _, r := range []Response{
		{TimeNs: t0, Client: alice, Type: 1, RCode: 3},
		{TimeNs: t0, Client: alice, Type: 1, Name: []byte("a.example"), Partial: true},
		{TimeNs: t0, Client: alice, Type: 1, RCode: 3, Name: []byte("a..example")},
		{TimeNs: t0, Client: alice, Type: 1, Name: []byte("a.example"), Canonical: []byte("b..example")},
		{Client: alice, Type: 1, RCode: 3, Name: []byte("a.example")},
	} {
		c.File(&r, t0)
	}
	if got := runsOf(t, c, Query{Name: "*."}); got != nil {
		t.Errorf("got %q", got)
	}
	if st := c.Stats(); st.Outcomes != 0 || st.BadName != 2 || st.BadTime != 1 || st.OutcomeRuns != 0 || !c.ClientSeen(alice) {
		t.Errorf("got %+v", st)
	}
	if err := c.Runs(t.Context(), Query{Name: "a.example", AtNs: 1}, nil); err == nil {
		t.Error("runs of a moment")
	}
	if err := c.Runs(t.Context(), Query{}, nil); err == nil {
		t.Error("runs of nothing")
	}
}

// fileBothKinds files a name's life, out of order.
func fileBothKinds(c *Cache) {
	const name = "www.example.org"
	outcomeAt(c, alice, t0+300*sec, name, 1, 3)
	outcomeAt(c, alice, t0, name, 1, 3)
	outcomeAt(c, alice, t0+2*sec, name, 1, 3)
	outcomeAt(c, alice, t0+2*sec, name, 1, 3) // the same
	outcomeAt(c, alice, t0+sec, name, 1, 3)
	outcomeAt(c, alice, t0+sec, name, 28, 0)
	outcomeAt(c, alice, t0+5*sec, name, 1, 3)
	outcomeAt(c, bob, t0+5*sec, name, 1, 2)
	outcomeAt(c, netip.Addr{}, t0+6*sec, name, 1, 5)
	outcomeAt(c, bob, t0+6*sec, "x.www.example.org", 1, 3)
	outcomeAt(c, bob, t0+6*sec, "wwww.example.org", 1, 3)
	answer(c, alice, t0+100*sec, name, server, other)
	answer(c, alice, t0+101*sec, name, server)
	answer(c, alice, t0+200*sec, name, server)
	c.File(&Response{TimeNs: t0 + 7*sec, Client: alice, Name: []byte(name), QuestionOnly: true}, t0)
	c.FileConnection(&Connection{TimeNs: t0 + 8*sec, Client: alice, Server: server, Name: []byte(name), Source: SourceZeekSSL}, t0)
	answer(c, bob, t0, "other.example.org", server)
}

func TestRuns(t *testing.T) {
	const any = "invalid IP"
	of := func(rest ...string) (all []string) {
		for _, r := range rest {
			all = append(all, "www.example.org "+r)
		}
		return all
	}
	tests := []struct {
		name string
		q    Query
		want []string
	}{
		{"name", Query{Name: "WWW.example.org."}, of(
			any+" type1/rcode5 6-6 x1",
			"10.0.0.1 asked 7-7 x1", // by address, of which a question has an odd one
		)},
		{"client and time", Query{Name: "www.example.org", Client: alice, FromNs: t0 + sec, ToNs: t0 + 4*sec}, of(
			"10.0.0.1 type1/rcode3 2-2 x2",
			"10.0.0.1 type28/rcode0 1-1 x1",
		)},
		{"beneath", Query{Name: "*.www.example.org", FromNs: t0 + 6*sec, ToNs: t0 + 6*sec}, []string{
			"www.example.org " + any + " type1/rcode5 6-6 x1", "x.www.example.org 2001:db8::b type1/rcode3 6-6 x1",
		}},
		{"limit", Query{Name: "www.example.org", Limit: 1}, of(any + " type1/rcode5 6-6 x1")},
		{"address", Query{Addr: server, Name: "www.example.org"}, of(
			"10.0.0.1 192.0.2.1 200-200 x1", "10.0.0.1 192.0.2.1 100-101 x2", "10.0.0.1 192.0.2.1/made 8-8 x1",
		)},
	}
	tests[0].want = of(
		any+" type1/rcode5 6-6 x1",
		"10.0.0.1 192.0.2.1 200-200 x1", "10.0.0.1 192.0.2.1 100-101 x2",
		"10.0.0.1 198.51.100.7 100-100 x1",
		"10.0.0.1 asked 7-7 x1",
		"10.0.0.1 type1/rcode3 300-300 x1", "10.0.0.1 type1/rcode3 5-5 x1", "10.0.0.1 type1/rcode3 0-2 x3",
		"10.0.0.1 type28/rcode0 1-1 x1",
		"2001:db8::b type1/rcode2 5-5 x1",
		"10.0.0.1 192.0.2.1/made 8-8 x1",
	)
	dir := t.TempDir()
	disk, memory := openDisk(t, dir, Config{Retention: forEver}), open(t, Config{})
	fileBothKinds(disk)
	fileBothKinds(memory)
	check := func(what string, h runner) {
		for _, tt := range tests {
			if d := gocmp.Diff(tt.want, runsOf(t, h, tt.q)); d != "" {
				t.Errorf("%s, %s: -want +got\n%s", what, tt.name, d)
			}
		}
	}
	check("index", memory)
	check("store", disk)
	closeDisk(t, disk, t0)
	disk = openDisk(t, dir, Config{Retention: forEver})
	check("store, opened again", disk)
	fileBothKinds(disk)
	check("filed again", disk)
	if st := disk.Stats(); st.Outcomes != 11 || st.OutcomesDropped != 0 {
		t.Errorf("got %+v", st)
	}
	closeDisk(t, disk, t0)
	h, err := OpenHistory(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	check("history", h)
}

// TestOutcomesAreNoRows keeps them out of what others read.
func TestOutcomesAreNoRows(t *testing.T) {
	for _, dir := range []string{"", t.TempDir()} {
		c := open(t, Config{Dir: dir, Retention: forEver})
		outcomeAt(c, alice, t0, "a.example", 1, 3)
		answer(c, bob, t0, "b.example", server)
		if got := historyOf(t, c, Query{Name: "*."}); got != "b.example 192.0.2.1 2001:db8::b 0-0 x1\n" {
			t.Errorf("got %q", got)
		}
		if c.HasQuestions() || c.HasConnections() {
			t.Error("an outcome is taken for another fact")
		}
	}
}

// TestFloodOfOutcomes makes up names. It costs answers nothing.
func TestFloodOfOutcomes(t *testing.T) {
	c := openDisk(t, t.TempDir(), Config{Retention: forEver, MaxVersions: 4096, MaxPending: 100})
	defer closeDisk(t, c, t0)
	answer(c, alice, t0, "www.example.org", server)
	before := c.Stats()
	for i := range 10_000 {
		if i == 500 {
			flush(t, c, t0)
		}
		outcomeAt(c, bob, t0+int64(i), fmt.Sprintf("n%d.example.org", i), 1, 3)
	}
	st := c.Stats()
	if st.OutcomeRuns != 512 || st.OutcomesEvicted == 0 || st.OutcomesEvicted > 500 || st.OutcomesDropped != 10_000-512-st.OutcomesEvicted {
		t.Errorf("got %+v", st)
	}
	if st.Versions != before.Versions || st.Pairs != before.Pairs || st.Addresses != before.Addresses || st.Dropped != 0 || st.EvictedBound != 0 || st.Lookups != 0 {
		t.Errorf("the flood changed the index: %+v", st)
	}
	flush(t, c, t0)
	if got := uint64(len(runsOf(t, c, Query{Name: "*.example.org"}))); got != 1+st.OutcomeRuns+st.OutcomesEvicted {
		t.Errorf("the history has %d runs, want those that were not dropped: %+v", got, st)
	}
	for i := range 100 { // what made room is found on disk when its evidence comes again
		outcomeAt(c, bob, t0+int64(i), fmt.Sprintf("n%d.example.org", i), 1, 3)
	}
	if got := runsOf(t, c, Query{Name: "n7.example.org"}); len(got) != 1 || !strings.HasSuffix(got[0], " x1") {
		t.Errorf("filed again: %q", got)
	}
}

func TestOutcomesOfAClientAreBounded(t *testing.T) {
	c := openDisk(t, t.TempDir(), Config{Retention: forEver})
	defer closeDisk(t, c, t0)
	outcomeAt(c, alice, t0, "a.example", 1, 3)
	p := ipOf(alice)
	h := c.hash.ip(p, saltClient)
	s := c.clientShard(h)
	s.entries.at(s.find(p, h)).outcomes = clientOutcomes
	outcomeAt(c, alice, t0, "b.example", 1, 3)
	outcomeAt(c, alice, t0+sec, "a.example", 1, 3) // a run that is there grows
	outcomeAt(c, bob, t0, "b.example", 1, 3)
	outcomeAt(c, netip.Addr{}, t0, "b.example", 1, 3)
	c.File(&Response{TimeNs: t0, Client: alice, Name: []byte("c.example"), Type: 1, RCode: 3}, t0+int64(time.Hour))
	want := []string{
		"a.example 10.0.0.1 type1/rcode3 0-1 x2", "b.example invalid IP type1/rcode3 0-0 x1",
		"b.example 2001:db8::b type1/rcode3 0-0 x1", "c.example 10.0.0.1 type1/rcode3 0-0 x1",
	}
	if got := runsOf(t, c, Query{Name: "*.example"}); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if n := c.Stats().OutcomesDropped; n != 1 {
		t.Errorf("%d dropped", n)
	}
}

func TestAllowance(t *testing.T) {
	var a allowance
	takes := func(hour uint32, answers uint64) (n uint64) {
		for a.take(hour, answers) {
			n++
		}
		return n
	}
	for _, step := range []struct {
		hour          uint32
		answers, want uint64
	}{
		{10, 0, outcomesAnHour}, {10, 5, 5}, {11, 7, outcomesAnHour + 7}, {11, 8, 1}, {12, 8, outcomesAnHour + 1}, {13, 8, outcomesAnHour},
	} {
		if got := takes(step.hour, step.answers); got != step.want {
			t.Errorf("hour %d, %d answers: took %d, want %d", step.hour, step.answers, got, step.want)
		}
	}
}

// TestOutcomesAgainstAList files at random, out of order, with restarts, and
// compares with a list.
func TestOutcomesAgainstAList(t *testing.T) {
	type key struct {
		client    netip.Addr
		name      string
		typ, code uint16
	}
	for _, stored := range []bool{false, true} {
		rnd := rand.New(rand.NewPCG(7, 7))
		cfg := Config{Retention: forEver}
		if stored {
			cfg.Dir = t.TempDir()
		}
		c := openDisk(t, cfg.Dir, cfg)
		times := map[key]map[int64]bool{}
		for i := range 3000 {
			k := key{alice, fmt.Sprintf("n%d.example", rnd.IntN(4)), []uint16{1, 28}[rnd.IntN(2)], []uint16{0, 2, 3}[rnd.IntN(3)]}
			if rnd.IntN(2) == 0 {
				k.client = bob
			}
			at := t0 + rnd.Int64N(200)*sec*5
			if times[k] == nil {
				times[k] = map[int64]bool{}
			}
			times[k][at] = true
			outcomeAt(c, k.client, at, k.name, k.typ, k.code)
			if stored && i%700 == 0 {
				closeDisk(t, c, t0)
				c = openDisk(t, cfg.Dir, cfg)
			}
		}
		got := map[key]map[int64]bool{}
		err := c.Runs(t.Context(), Query{Name: "*."}, func(r *Run) bool {
			k := key{r.Client, r.Name, r.Type, r.RCode}
			if got[k] == nil {
				got[k] = map[int64]bool{}
			}
			got[k][r.FirstNs] = true
			if r.Count != 1 || r.LastNs != r.FirstNs || r.TTL != UnknownTTL {
				t.Errorf("got %+v", r)
			}
			return true
		})
		if err != nil {
			t.Fatal(err)
		}
		if d := gocmp.Diff(times, got, gocmp.Comparer(func(a, b netip.Addr) bool { return a == b })); d != "" {
			t.Errorf("stored=%v: -want +got\n%s", stored, d)
		}
		closeDisk(t, c, t0)
	}
}

func TestFailedFlushOfOutcomes(t *testing.T) {
	c := openDisk(t, t.TempDir(), Config{Retention: forEver})
	outcomeAt(c, alice, t0, "a.example", 1, 3)
	s := &c.outcomes.shards[0]
	for i := range c.outcomes.shards {
		if len(c.outcomes.shards[i].dirty) > 0 {
			s = &c.outcomes.shards[i]
		}
	}
	w := writer{cache: c}
	w.outcomes(s)
	c.outcomesLanded(s, false)
	if len(s.dirty) != 1 || len(s.inFlight) != 0 {
		t.Errorf("%d dirty, %d in flight", len(s.dirty), len(s.inFlight))
	}
	if got := runsOf(t, c, Query{Name: "a.example"}); len(got) != 1 {
		t.Errorf("got %q", got)
	}
	closeDisk(t, c, t0)
}

func TestMalformedOutcomes(t *testing.T) {
	x := outcomeRun{name: "a.example", client: ipOf(alice), about: 1, rcode: 3, run: run{first: t0}}
	good := appendOutcomeKey(nil, &x)
	if got, err := readOutcomeKey(good); err != nil || got.name != x.name || got.client != x.client || got.about != 1 || got.rcode != 3 || got.run.first != t0 {
		t.Errorf("got %+v, error %v", got, err)
	}
	for n := range good {
		if _, err := readOutcomeKey(good[:n]); err == nil && n < len(good) {
			t.Errorf("a key of %d bytes is read", n)
		}
	}
	c := openDisk(t, t.TempDir(), Config{Retention: forEver})
	defer closeDisk(t, c, t0)
	txn := c.store.db.NewTransactionAt(1, true)
	if err := txn.SetEntry(badger.NewEntry(good, []byte{0xff})); err != nil {
		t.Fatal(err)
	}
	if err := txn.CommitAt(1, nil); err != nil {
		t.Fatal(err)
	}
	if err := c.Runs(t.Context(), Query{Name: "a.example"}, func(*Run) bool { return true }); err == nil {
		t.Error("a malformed value is read")
	}
}

// BenchmarkFileOutcome is a response without addresses: another name each time,
// and those of before again and again.
func BenchmarkFileOutcome(b *testing.B) {
	for _, names := range []int{million, 1000} {
		b.Run(fmt.Sprintf("names=%d", names), func(b *testing.B) {
			c, err := Open(Config{})
			if err != nil {
				b.Fatal(err)
			}
			tr := newTraffic(20, 50_000, names)
			r := Response{Type: typeA, RCode: rcodeNXDomain}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				r.Client, r.Name, r.TimeNs = tr.client(i), tr.names[i%names], tr.base+int64(i)*1000
				c.File(&r, tr.base)
			}
		})
	}
}
