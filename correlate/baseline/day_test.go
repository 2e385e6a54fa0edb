package baseline

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"testing"
	"unsafe"

	gocmp "github.com/google/go-cmp/cmp"
)

// A truth counts everything.
type truth struct {
	has   map[string]*counts
	pairs map[string]map[uint64]bool
}

func newTruth() *truth {
	return &truth{make(map[string]*counts), make(map[string]map[uint64]bool)}
}

func (tr *truth) add(domain string, client uint64, more counts) {
	c := tr.has[domain]
	if c == nil {
		c = &counts{}
		tr.has[domain] = c
		tr.pairs[domain] = make(map[uint64]bool)
	}
	if client != 0 && !tr.pairs[domain][client] {
		tr.pairs[domain][client] = true
		more[Clients] = 1
	}
	c.add(&more)
}

// of is what a domain has; those of a flood, which are not counted, have one look-up.
func (tr *truth) of(domain string) counts {
	if c := tr.has[domain]; c != nil {
		return *c
	}
	return counts{Clients: 1, Lookups: 1}
}

// top are the first n domains and those that have as much as the last of them.
func (tr *truth) top(m Measure, n int) (first []string, equals map[string]bool) {
	all := slices.Collect(maps.Keys(tr.has))
	slices.SortFunc(all, func(a, b string) int {
		return cmp.Or(cmp.Compare(tr.has[b][m], tr.has[a][m]), cmp.Compare(a, b))
	})
	n = min(n, len(all))
	least := tr.has[all[n-1]][m]
	equals = make(map[string]bool)
	for _, d := range all {
		if tr.has[d][m] == least {
			equals[d] = true
		}
	}
	return all[:n], equals
}

// recall is what share of the true first n a day's first n are, where one of those
// that are equal is as good as another.
func recall(tr *truth, d *Day, m Measure, n int) float64 {
	first, equals := tr.top(m, n)
	in := make(map[string]bool)
	for _, r := range d.Top(m, n) {
		in[r.Domain] = true
	}
	hit, spare := 0, 0
	for domain := range in {
		if equals[domain] {
			spare++
		}
	}
	for _, domain := range first {
		switch {
		case equals[domain] && spare > 0:
			spare--
			hit++
		case !equals[domain] && in[domain]:
			hit++
		}
	}
	return float64(hit) / float64(len(first))
}

// A network makes traffic by Zipf's law, in which what is asked for often need not be
// what is asked for by many, or what moves bytes.
type network struct {
	random          *rand.Rand
	byLooks, byFlow *rand.Zipf
	clients, domain int
}

func newNetwork(clients, domains int, s float64) *network {
	random := rand.New(rand.NewPCG(7, 9))
	return &network{
		random: random, clients: clients, domain: domains,
		byLooks: rand.NewZipf(random, s, 4, uint64(domains-1)), byFlow: rand.NewZipf(random, s, 4, uint64(domains-1)),
	}
}

func domainText(i uint64) string { return "d" + strconv.FormatUint(i, 36) + ".example" }

// look is a client's look-up. Every third domain is asked for by a few clients only.
func (n *network) look() (domain string, client uint64) {
	i := n.byLooks.Uint64()
	of := uint64(n.clients)
	if i%3 == 0 {
		of = 1 + i%7
	}
	return domainText(i), 1 + n.random.Uint64N(of)
}

// flow is a flow; what moves much is not what is asked for much.
func (n *network) flow() (domain string, bytes uint64) {
	i := n.byFlow.Uint64()
	i = i ^ i>>2&1<<2
	return domainText(i), 100 + n.random.Uint64N(1000)*(1+i%11)
}

func clientAddr(n uint64) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})
}

func sketchOf(n *network, d *Day, tr *truth, looks, flows int) {
	var b batch
	for i := range looks {
		domain, client := n.look()
		b.add(d.key.domain([]byte(domain)), []byte(domain), d.key.client(clientAddr(client)))
		if b.n == batchSize || i == looks-1 {
			d.lookups(&b)
			b.clear()
		}
		tr.add(domain, client, counts{Lookups: 1})
	}
	for range flows {
		domain, bytes := n.flow()
		d.flows([]tally{{id: d.key.domain([]byte(domain)), text: unsafe.StringData(domain), flows: 1, bytes: bytes}})
		tr.add(domain, 0, counts{Flows: 1, Bytes: bytes})
	}
}

// TestTop holds the lists against the truth: a million and more pairs of client and
// domain, of 300,000 domains.
func TestTop(t *testing.T) {
	looks, flows, n := 1_500_000, 1_000_000, 5000
	if testing.Short() {
		looks, flows, n = 150_000, 100_000, 500
	}
	for _, tt := range []struct {
		name   string
		cfg    Config
		recall [numMeasures]float64
	}{
		{"as configured", Config{}.withDefaults(), [numMeasures]float64{0.99, 0.99, 0.99, 0.99}},
		// With pairs for a tenth only the estimates are left, which move equals about.
		{"few pairs", Config{Pairs: looks / 20}.withDefaults(), [numMeasures]float64{0.97, 0.99, 0.99, 0.99}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := newKey(1)
			domains := tt.cfg.Domains * n / 5000
			d, tr := newDay(1, &k, domains, tt.cfg.Pairs), newTruth()
			sketchOf(newNetwork(200_000, 1_000_000, 1.15), d, tr, looks, flows)
			if d.swept == 0 || len(d.records) > domains {
				t.Fatalf("%d domains are tracked, %d were forgotten: nothing is tried", len(d.records), d.swept)
			}
			for m, want := range tt.recall {
				if got := recall(tr, d, Measure(m), n); got < want {
					t.Errorf("%v: %.4f of the first %d are listed, want %.2f", Measure(m), got, n, want)
				}
			}
			checkBounds(t, tr, d)
		})
	}
}

// checkBounds holds what a day says of its errors against the truth.
func checkBounds(t *testing.T, tr *truth, d *Day) {
	t.Helper()
	for m := range numMeasures {
		missing, wrong := d.missing(m), 0
		listed := make(map[string]bool)
		for _, r := range d.Top(m, 0) {
			listed[r.Domain] = true
			is, slack := tr.of(r.Domain)[m], uint64(0)
			if m == Clients && !d.exact() {
				slack = 2 + is/10 // more than four standard errors
			}
			if got := r.value(m); got > addSat(addSat(is, r.Over), slack) || addSat(got, addSat(missing, slack)) < is {
				if wrong++; wrong < 5 {
					t.Errorf("%v of %s: %d, of which %d may be others' and up to %d are missing, but it is %d", m, r.Domain, got, r.Over, missing, is)
				}
			}
		}
		if m == Clients && !d.exact() {
			missing = 2*missing + 2 // it is itself an estimate then
		}
		for domain, has := range tr.has {
			if !listed[domain] && has[m] > missing {
				if wrong++; wrong < 5 {
					t.Errorf("%v: %s has %d and is not listed; %d can be missing", m, domain, has[m], missing)
				}
			}
		}
	}
}

// TestFlood: made-up domains, each once, do not push out what is asked for again, if
// it is asked for more often than what a cell gets of them.
func TestFlood(t *testing.T) {
	k := newKey(2)
	d, tr := newDay(1, &k, 2000, 1<<14), newTruth()
	n := newNetwork(5000, 1500, 1.1)
	var b batch
	flood := 0
	for range 100 {
		sketchOf(n, d, tr, 4000, 200)
		for range 10_000 {
			flood++
			text := []byte(fmt.Sprintf("x%d.example", flood))
			if b.add(k.domain(text), text, 77); b.n == batchSize {
				d.lookups(&b)
				b.clear()
			}
		}
	}
	if len(d.records) > 2000 {
		t.Errorf("%d domains are tracked, at most 2000 should be", len(d.records))
	}
	for m := range numMeasures {
		if got := recall(tr, d, m, 500); got < 0.99 {
			t.Errorf("%v: of the first 500 only %.3f are left", m, got)
		}
	}
	checkBounds(t, tr, d)
	if len(d.pairs.slots) > 1<<15 || d.pairs.skip == 0 {
		t.Errorf("pairs: %d slots, skip %d", len(d.pairs.slots), d.pairs.skip)
	}
	if s := d.Summary(Lookups); s.Domains < 950_000 || s.Domains > 1_050_000 || s.Lookups != uint64(100*4000+100*10_000/batchSize*batchSize) {
		t.Errorf("the whole day: %+v, want about a million domains", s)
	}
}

// TestSmallNetwork: where everything has room, everything is exact.
func TestSmallNetwork(t *testing.T) {
	k := newKey(3)
	d, tr := newDay(1, &k, 18_000, 3<<19), newTruth()
	sketchOf(newNetwork(300, 4000, 1.1), d, tr, 100_000, 50_000)
	for m := range numMeasures {
		if d.missing(m) != 0 {
			t.Errorf("%v: %d can be missing", m, d.missing(m))
		}
		for _, r := range d.Top(m, 0) {
			if is := tr.has[r.Domain][m]; r.value(m) != is || r.Over != 0 {
				t.Errorf("%v of %s: %d, over %d, want %d", m, r.Domain, r.value(m), r.Over, is)
			}
		}
	}
}

func TestEstimate(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var scratch []byte
	for _, n := range []int{0, 1, 10, 100, 3000, 20_000, 1_000_000} {
		var ours, theirs float64
		const rounds = 20
		for range rounds {
			s := newSketch(setPrecision)
			for range n {
				s.InsertHash(random.Uint64())
			}
			ours += square(float64(estimate(s, setPrecision, &scratch)) - float64(n))
			theirs += square(float64(s.Estimate()) - float64(n))
		}
		ours, theirs = math.Sqrt(ours/rounds), math.Sqrt(theirs/rounds)
		if limit := 0.035*float64(n) + 0.5; ours > limit || ours > 1.2*theirs+0.5 {
			t.Errorf("of %d: the error is %.1f, the library's %.1f, want at most %.1f", n, ours, theirs, limit)
		}
	}
}

func square(x float64) float64 { return x * x }

func TestMergeIsUnion(t *testing.T) {
	k := newKey(4)
	days, tr := []*Day{}, newTruth()
	n := newNetwork(2000, 3000, 1.1)
	for i := range 4 {
		d := newDay(int32(i), &k, 18_000, 3<<19)
		sketchOf(n, d, tr, 30_000, 10_000)
		days = append(days, d)
	}
	both := newDay(0, &k, mergedDomains, 0)
	for _, d := range days {
		if err := both.merge(d); err != nil {
			t.Fatal(err)
		}
	}
	for m := range numMeasures {
		for _, r := range both.Top(m, 0) {
			is := tr.has[r.Domain][m]
			if diff := math.Abs(float64(r.value(m)) - float64(is)); m != Clients && diff > 0 || diff > 2+float64(is)/10 {
				t.Errorf("%v of %s: %d, want %d", m, r.Domain, r.value(m), is)
			}
		}
	}
	checkBounds(t, tr, both)
	if s := both.Summary(Lookups); s.Lookups != 120_000 || s.Flows != 40_000 || s.Exact || s.Clients < 1900 || s.Clients > 2100 {
		t.Errorf("all days: %+v", s)
	}
	// In another order it is the same.
	other := newDay(0, &k, mergedDomains, 0)
	for _, d := range slices.Backward(days) {
		if err := other.merge(d); err != nil {
			t.Fatal(err)
		}
	}
	if diff := gocmp.Diff(both.Top(Clients, 0), other.Top(Clients, 0)); diff != "" {
		t.Errorf("days in another order (-forward +backward):\n%s", diff)
	}
}

// TestMergeIsBounded: days that have little in common do not add up in memory.
func TestMergeIsBounded(t *testing.T) {
	k := newKey(5)
	sum, tr := newDay(0, &k, 500, 0), newTruth()
	for i := range 10 {
		d := newDay(int32(i), &k, 400, 1<<12)
		var b batch
		for at := range 300 {
			text := []byte(fmt.Sprintf("d%d.example", at+(at/100)*1000*i)) // a hundred are always the same
			for range 1 + 300/(at+1) {
				b.add(k.domain(text), text, uint64(at+1))
				d.lookups(&b)
				b.clear()
				tr.add(string(text), uint64(at+1), counts{Lookups: 1})
			}
		}
		if err := sum.merge(d); err != nil {
			t.Fatal(err)
		}
	}
	if len(sum.records) > 500 || sum.swept == 0 {
		t.Errorf("%d domains are tracked, %d were forgotten", len(sum.records), sum.swept)
	}
	if got := recall(tr, sum, Lookups, 90); got < 0.99 {
		t.Errorf("of the first 90 %.2f are listed", got)
	}
	checkBounds(t, tr, sum)
}

func TestChanges(t *testing.T) {
	list := func(domains ...string) (rows []Row) {
		for i, d := range domains {
			rows = append(rows, Row{Rank: i + 1, Domain: d})
		}
		return rows
	}
	entered, left := Changes(list("a", "new", "up", "c", "down"), list("a", "down", "c", "up", "gone"), 3)
	show := func(changes []Change) (s string) {
		for _, c := range changes {
			s += fmt.Sprintf("%s %d %d, ", c.Domain, c.Then, c.Now)
		}
		return s
	}
	if got, want := show(entered)+"| "+show(left), "new 0 2, up 4 3, | down 2 5, c 3 4, "; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestCountsStop: what an exporter makes up does not go round.
func TestCountsStop(t *testing.T) {
	k := newKey(1)
	d := newDay(1, &k, 8, 100)
	text := []byte("a.example")
	for range 3 {
		d.flows([]tally{{id: k.domain(text), text: &text[0], flows: 1, bytes: math.MaxUint64 - 5}})
	}
	if r := d.Top(Bytes, 1); len(r) != 1 || r[0].Bytes != math.MaxUint64 || r[0].Flows != 3 {
		t.Errorf("got %+v", r)
	}
}
