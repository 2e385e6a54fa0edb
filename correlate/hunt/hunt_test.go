package hunt

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flowname/correlate/export/flowlog"
	"flowname/correlate/indicators"
)

const sec = int64(1e9)

var (
	alice = netip.MustParseAddr("10.0.0.1")
	bob   = netip.MustParseAddr("10.0.0.2")
	eve   = netip.MustParseAddr("10.0.0.3")
	bad   = netip.MustParseAddr("203.0.113.66")
	other = netip.MustParseAddr("203.0.113.67")
	null  = netip.MustParseAddr("0.0.0.0")
)

func hunter(t testing.TB, cfg Config, feed string) *Hunter {
	t.Helper()
	var b indicators.Builder
	if _, err := b.Read("feed", strings.NewReader(feed)); err != nil {
		t.Fatal(err)
	}
	cfg.Set = b.Set()
	return New(cfg)
}

func answer(client netip.Addr, first, last int64, name string, addr netip.Addr) Answer {
	return Answer{Name: name, Addr: addr, Client: client, FirstNs: first * sec, LastNs: last * sec, Count: 2, TTL: 60, Source: "dnstap"}
}

// flow makes what the log says of a flow at a second, of 100 bytes.
func flow(at int64, src, dst netip.Addr, name, basis string) *flowlog.Glance {
	g := &flowlog.Glance{StartNs: at * sec, EndNs: (at + 1) * sec, Bytes: 100, Packets: 2, Src: src, Dst: dst}
	g.DstName.Name, g.DstName.Basis = []byte(name), []byte(basis)
	return g
}

// told writes the flows of an indicator.
func told(x *Indicator) (all []string) {
	for _, f := range x.Flows {
		all = append(all, fmt.Sprintf("%v %v %v %d flows %d/%d %v", f.How, f.Client, f.Addr, f.Flows, f.BytesTo, f.BytesFrom, f.Names))
	}
	return all
}

func TestWhichFlowsCount(t *testing.T) {
	const name = "c2.bad.example"
	for what, c := range map[string]struct {
		answers    []Answer
		flow       *flowlog.Glance
		want       string // "" for none
		otherTimes uint64
		otherNames uint64
	}{
		"its client":                     {flow: flow(1010, alice, bad, "", ""), want: "resolved 10.0.0.1 203.0.113.66 1 flows 100/0 [c2.bad.example]"},
		"the other direction":            {flow: flow(1010, bad, alice, "", ""), want: "resolved 10.0.0.1 203.0.113.66 1 flows 0/100 [c2.bad.example]"},
		"its own name":                   {flow: flow(9999, bob, other, "x.bad.example", "client"), want: "named 10.0.0.2 203.0.113.67 1 flows 100/0 [x.bad.example]"},
		"its own name, guessed":          {flow: flow(9999, bob, other, "x.bad.example", "others"), want: "no_lookup 10.0.0.2 203.0.113.67 1 flows 100/0 [x.bad.example]"},
		"half a second early":            {flow: &flowlog.Glance{StartNs: 999*sec + sec/2, Src: alice, Dst: bad}, want: "resolved 10.0.0.1 203.0.113.66 1 flows 0/0 [c2.bad.example]"},
		"two seconds early":              {flow: flow(998, alice, bad, "", ""), otherTimes: 1},
		"within TTL and grace":           {flow: flow(1220, alice, bad, "", ""), want: "resolved 10.0.0.1 203.0.113.66 1 flows 100/0 [c2.bad.example]"},
		"past TTL and grace":             {flow: flow(1221, alice, bad, "", ""), otherTimes: 1},
		"another client without lookup":  {flow: flow(1010, bob, bad, "", ""), want: "no_lookup 10.0.0.2 203.0.113.66 1 flows 100/0 [c2.bad.example]"},
		"another client, guessed name":   {flow: flow(1010, bob, bad, "good.example", "others"), want: "no_lookup 10.0.0.2 203.0.113.66 1 flows 100/0 [c2.bad.example]"},
		"another client for other name":  {flow: flow(1010, bob, bad, "good.example", "client"), otherNames: 1},
		"its client for other name":      {flow: flow(1010, alice, bad, "good.example", "client"), want: "other_name 10.0.0.1 203.0.113.66 1 flows 100/0 [c2.bad.example]"},
		"another client's earlier time":  {flow: flow(1010, bob, bad, "", ""), answers: []Answer{answer(bob, 500, 510, name, bad)}, want: "no_lookup 10.0.0.2 203.0.113.66 1 flows 100/0 [c2.bad.example]"},
		"between two times of one":       {flow: flow(1500, alice, bad, "", ""), answers: []Answer{answer(alice, 2000, 2010, name, bad)}, otherTimes: 1},
		"evidence without a client":      {flow: flow(2000, bob, other, "", ""), answers: []Answer{answer(netip.Addr{}, 2000, 2010, name, other)}, want: "unknown_client 10.0.0.2 203.0.113.67 1 flows 100/0 [c2.bad.example]"},
		"null-routed":                    {flow: flow(1010, alice, null, "", ""), answers: []Answer{answer(alice, 1000, 1010, name, null)}},
		"an address that has no answer":  {flow: flow(1010, alice, other, "", "")},
		"its own name by an escaped dot": {flow: flow(1010, alice, other, `x\.bad.example`, "client")},
	} {
		h := hunter(t, Config{}, "bad.example\n")
		for _, a := range append(c.answers, answer(alice, 1000, 1100, name, bad)) {
			h.Add(a)
		}
		h.Flow(c.flow)
		found := h.Indicators()
		if len(found) != 1 {
			t.Fatalf("%s: got %d indicators", what, len(found))
		}
		x := found[0]
		if got := strings.Join(told(x), "; "); got != c.want || x.OtherTimes != c.otherTimes || x.OtherNames != c.otherNames {
			t.Errorf("%s: got %q, %d at other times, %d for other names; want %q, %d, %d", what, got, x.OtherTimes, x.OtherNames, c.want, c.otherTimes, c.otherNames)
		}
	}
}

func TestEarliestEvidence(t *testing.T) {
	h := hunter(t, Config{}, "bad.example\nlate.example\n203.0.113.66\nnever.example\n")
	h.Add(answer(bob, 200, 300, "bad.example", bad))
	h.Add(answer(alice, 100, 150, "www.bad.example", null))
	h.Add(Answer{Name: "bad.example", Client: eve, FirstNs: 90 * sec, LastNs: 95 * sec, Count: 1})
	h.Add(answer(eve, 400, 400, "good.example", bad))
	h.Flow(flow(50, alice, bad, "late.example", "client_later"))
	h.Flow(flow(210, bob, bad, "", ""))
	var got []string
	for _, x := range h.Indicators() {
		got = append(got, fmt.Sprintf("%s %d %s %v %s %d answers %d clients", x.Text, x.FirstNs/sec, x.By, x.FirstClient, x.FirstName, len(x.Answers), x.Clients()))
	}
	want := []string{
		"203.0.113.66 50 flow 10.0.0.1  2 answers 3 clients",
		"late.example 50 flow 10.0.0.1 late.example 0 answers 0 clients",
		"bad.example 90 question 10.0.0.3 bad.example 3 answers 3 clients",
	}
	if !cmp.Equal(got, want) {
		t.Errorf("%s", cmp.Diff(want, got))
	}
}

func TestTimesNarrowFlows(t *testing.T) {
	h := hunter(t, Config{FromNs: 100 * sec, ToNs: 200 * sec}, "bad.example\n")
	for _, at := range []int64{99, 100, 200, 201} {
		h.Flow(flow(at, alice, bad, "bad.example", "client"))
	}
	if x := h.Indicators()[0]; x.Flows[0].Flows != 2 || x.FirstNs != 100*sec || x.Flows[0].LastNs != 201*sec {
		t.Errorf("got %s from %d", told(x), x.FirstNs/sec)
	}
}

// What is over the bound is counted, and the earliest evidence stays right.
func TestMaxEvidence(t *testing.T) {
	h := hunter(t, Config{MaxEvidence: 2}, "bad.example\n")
	for i, first := range []int64{300, 200, 100} {
		h.Add(answer(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), first, first, "bad.example", bad))
		h.Flow(flow(first, alice, netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}), "bad.example", "client"))
	}
	if x := h.Indicators()[0]; h.LeftOut != 2 || len(x.Answers) != 2 || len(x.Flows) != 2 || x.FirstNs != 100*sec {
		t.Errorf("got %d left out, %d answers, %s, from %d", h.LeftOut, len(x.Answers), told(x), x.FirstNs/sec)
	}
}

func TestSharedAddresses(t *testing.T) {
	h := hunter(t, Config{}, "bad.example\nworse.example\n")
	h.Add(answer(alice, 1000, 1100, "bad.example", bad))
	h.Add(answer(bob, 2000, 2000, "c2.bad.example", bad))
	h.Add(answer(bob, 2000, 2000, "worse.example", null))
	questions := h.Questions()
	if len(questions) != 1 || questions[0].Addr != bad || questions[0].FromNs != 999*sec || questions[0].ToNs != 2120*sec {
		t.Fatalf("got %+v", questions)
	}
	q := &questions[0]
	for _, name := range []string{"www.bad.example", "shop.example", "worse.example", "blog.example", "shop.example"} {
		if !h.Share(q, name) {
			t.Errorf("%s: no more wanted", name)
		}
	}
	found := h.Indicators()
	if want := []Shared{{bad, []string{"blog.example", "shop.example", "worse.example"}, false}}; !cmp.Equal(found[0].Shared, want, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })) {
		t.Errorf("got %+v, want %+v", found[0].Shared, want)
	}
	more := true
	for i := 0; more; i++ {
		more = h.Share(q, fmt.Sprint(i, ".example"))
	}
	if s := found[0].Shared[0]; !s.More || len(s.Names) != MaxShared || !slices.IsSorted(s.Names) {
		t.Errorf("got %d names, more %v", len(s.Names), s.More)
	}
}

func TestFeedsOfAnIndicator(t *testing.T) {
	var b indicators.Builder
	for _, feed := range [][2]string{{"list", "bad.example"}, {"hosts", "0.0.0.0 bad.example"}, {"urls", "http://bad.example/x"}} {
		if _, err := b.Read(feed[0], strings.NewReader(feed[1])); err != nil {
			t.Fatal(err)
		}
	}
	h := New(Config{Set: b.Set()})
	h.Add(answer(alice, 1, 1, "x.bad.example", bad))
	if x := h.Indicators()[0]; !slices.Equal(x.Feeds, []string{"list"}) || x.URL || !x.Beneath {
		t.Errorf("got %+v", x)
	}
	h.Add(answer(alice, 1, 1, "bad.example", bad))
	if found := h.Indicators(); len(found) != 1 || !slices.Equal(found[0].Feeds, []string{"list", "hosts", "urls"}) {
		t.Errorf("got %+v", found)
	}
}

// An address that a thousand bad names share costs a flow no more than a look at
// each of them.
func BenchmarkFlow(b *testing.B) {
	h := hunter(b, Config{}, "bad.example\n192.0.2.0/24\n2001:db8::/32\n")
	h.Add(answer(alice, 1000, 1100, "bad.example", bad))
	miss := flow(1010, alice, other, "www.some.example", "client")
	hit := flow(1010, alice, bad, "", "")
	h.Flow(hit)
	for name, g := range map[string]*flowlog.Glance{"miss": miss, "hit": hit} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				h.Flow(g)
			}
		})
	}
}

func TestFlowsAllocateNothing(t *testing.T) {
	h := hunter(t, Config{}, "bad.example\n192.0.2.0/24\n")
	h.Add(answer(alice, 1000, 1100, "bad.example", bad))
	for what, g := range map[string]*flowlog.Glance{
		"miss": flow(1010, alice, other, "www.some.example", "client"), "hit": flow(1010, alice, bad, "", ""),
		"named": flow(1010, alice, bad, "bad.example", "client"),
	} {
		h.Flow(g)
		if n := testing.AllocsPerRun(100, func() { h.Flow(g) }); n != 0 {
			t.Errorf("%s: got %v allocations, want 0", what, n)
		}
	}
}
