package findings

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"flowname/correlate"
	"flowname/flows"
)

var (
	alice = netip.MustParseAddr("10.0.0.1")
	bob   = netip.MustParseAddr("10.0.0.2")
	t0    = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()
)

func newDesk(t testing.TB, cfg Config) *Desk {
	t.Helper()
	d, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	d.Pass(t0)
	return d
}

func TestDeskTellsOnce(t *testing.T) {
	d := newDesk(t, Config{Lines: true})
	day := int64(24 * time.Hour)
	for i, c := range []struct {
		code    Code
		client  netip.Addr
		subject string
		atNs    int64
		want    bool
	}{
		{NewDomain, alice, "a.example", 0, true},
		{NewDomain, alice, "a.example", 1, false},
		{NewDomain, alice, "b.example", 1, true},
		{NewDomain, bob, "a.example", 1, true},
		{StaleName, alice, "a.example", 1, true},
		{NewDomain, alice, "a.example", day - 1, false},
		{NewDomain, alice, "a.example", -day + 1, false},
		{NewDomain, alice, "a.example", day, true},
		{NewDomain, alice, "a.example", 2*day - 1, false},
		{NewDomain, netip.Addr{}, "a.example", 0, true},
	} {
		got := d.Admit(c.code, c.client, NameSubject(d, c.subject), t0+c.atNs)
		if got != c.want {
			t.Errorf("%d: %v of %v about %s: admitted %v, want %v", i, c.code, c.client, c.subject, got, c.want)
		}
		if got {
			d.Report(&Finding{Code: c.code, TimeNs: t0 + c.atNs, Client: c.client, Name: c.subject})
		}
	}
	counts, _ := d.Counts()
	if n := counts[NewDomain-1]; n != (Count{"new_domain", 5, 4, 0}) {
		t.Errorf("counts %+v, want 5 told and 4 repeated", n)
	}
	if lines := string(d.Take(nil)); strings.Count(lines, "\n") != 6 || len(d.Take(nil)) != 0 {
		t.Errorf("lines %q, want 6 and then none", lines)
	}
}

func TestDeskLimits(t *testing.T) {
	d := newDesk(t, Config{})
	admitted := func(c Code, n int) (k int) {
		for i := range n {
			if d.Admit(c, alice, uint64(i)<<32|uint64(d.counts[c].Limited), t0) {
				k++
			}
		}
		return k
	}
	told := 0
	for c := NewDomain; c < numCodes; c++ {
		n := admitted(c, PerCode+50)
		if n > PerCode {
			t.Errorf("%d of %v in a minute", n, c)
		}
		told += n
	}
	if told != InAll {
		t.Errorf("%d in a minute, want %d", told, InAll)
	}
	counts, _ := d.Counts()
	limited := uint64(0)
	for _, n := range counts {
		limited += n.Limited
	}
	if want := uint64((int(numCodes)-1)*(PerCode+50) - InAll); limited != want {
		t.Errorf("%d limited, want %d", limited, want)
	}
	d.Pass(t0 + int64(59*time.Second))
	if d.Admit(NewDomain, bob, 1, t0) {
		t.Error("admitted before the minute was over")
	}
	for _, nowNs := range []int64{t0 + int64(time.Minute), t0 - int64(time.Hour)} { // clocks are set back, too
		d.Pass(nowNs)
		if !d.Admit(NewDomain, bob, uint64(nowNs), t0) {
			t.Error("not admitted in another minute")
		}
	}
}

// What was held back is not taken for told.
func TestLimitedIsToldLater(t *testing.T) {
	d := newDesk(t, Config{})
	for i := range PerCode {
		d.Admit(NoLookup, alice, uint64(i), t0)
	}
	if d.Admit(NoLookup, alice, 1<<40, t0) {
		t.Fatal("admitted over the limit")
	}
	d.Pass(t0 + int64(time.Minute))
	if !d.Admit(NoLookup, alice, 1<<40, t0) {
		t.Error("not admitted later")
	}
}

func TestDeskForgets(t *testing.T) {
	d := newDesk(t, Config{})
	for i := range 2 * seenEntries {
		if i%PerCode == 0 {
			d.Pass(t0 + int64(i)*int64(time.Minute))
		}
		if !d.Admit(NoLookup, alice, uint64(i), t0+int64(i)) {
			t.Fatalf("%d is not admitted", i)
		}
	}
	_, stats := d.Counts()
	if stats.Forgotten < seenEntries || stats.Forgotten > 2*seenEntries {
		t.Errorf("%d forgotten, want at least %d", stats.Forgotten, seenEntries)
	}
	if d.Admit(NoLookup, alice, 2*seenEntries-1, t0) {
		t.Error("the newest is forgotten")
	}
}

func TestDeskBounds(t *testing.T) {
	d := newDesk(t, Config{Lines: true})
	name := strings.Repeat("a", 1000)
	const n = Recent + 10
	for i := range n {
		d.Report(&Finding{Code: NewDomain, TimeNs: t0 + int64(i), Name: name})
	}
	if got := strings.Count(string(d.Recent(nil, &Query{})), "\n"); got != Recent {
		t.Errorf("%d are kept, want %d", got, Recent)
	}
	lines := uint64(strings.Count(string(d.Take(nil)), "\n"))
	if _, stats := d.Counts(); stats.LostLines == 0 || stats.LostLines+lines != n {
		t.Errorf("%d lines and %d lost of %d", lines, stats.LostLines, n)
	}
	d.Report(&Finding{Code: NewDomain, Evidence: func() {}})
	if _, stats := d.Counts(); stats.Unwritable != 1 {
		t.Error("a finding that can not be encoded is not counted")
	}
}

func TestRecent(t *testing.T) {
	d := newDesk(t, Config{Feeds: []string{"bad"}})
	for i, f := range []Finding{
		{Code: NewDomain, Client: alice, Name: "www.a.example", Domain: "a.example"},
		{Code: NoLookup, Client: bob},
		{Code: FeedCode(0), Client: alice, Name: "b.example", Domain: "b.example"},
	} {
		f.TimeNs = t0 + int64(i)*int64(time.Second)
		d.Report(&f)
	}
	second := int64(time.Second)
	for _, c := range []struct {
		q    Query
		want string
	}{
		{Query{}, "new_domain no_lookup feed:bad"},
		{Query{Code: "no_lookup"}, "no_lookup"},
		{Query{Code: "feed:bad"}, "feed:bad"},
		{Query{Code: "feed"}, "feed:bad"},
		{Query{Client: alice}, "new_domain feed:bad"},
		{Query{Name: "a.example"}, "new_domain"},
		{Query{Name: "www.a.example"}, "new_domain"},
		{Query{Name: "*.a.example"}, "new_domain"},
		{Query{Name: "*.example"}, "new_domain feed:bad"},
		{Query{Name: "*.b.example"}, "feed:bad"},
		{Query{Name: "example"}, ""},
		{Query{FromNs: t0 + second}, "no_lookup feed:bad"},
		{Query{ToNs: t0 + second}, "new_domain no_lookup"},
		{Query{Limit: 2}, "no_lookup feed:bad"},
		{Query{Limit: 1, Client: alice}, "feed:bad"},
	} {
		var got []string
		for l := range strings.Lines(string(d.Recent(nil, &c.q))) {
			var f struct{ Code string }
			if err := json.Unmarshal([]byte(l), &f); err != nil {
				t.Fatal(err)
			}
			got = append(got, f.Code)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%+v: got %q, want %q", c.q, got, c.want)
		}
	}
}

func TestOff(t *testing.T) {
	d := newDesk(t, Config{Feeds: []string{"a", "b"}, Off: []string{"no_lookup", "feed:a"}})
	if got := strings.Join(d.Codes(), " "); got != "new_domain outside_resolver stale_name name_moved null_routed_then_live many_addresses query_burst feed:b" {
		t.Errorf("codes %s", got)
	}
	if d.Admit(NoLookup, alice, 1, t0) || !d.Admit(FeedCode(1), alice, 1, t0) || d.Text(FeedCode(1)) != "feed:b" {
		t.Error("what is off is told, or the other way round")
	}
	if all := newDesk(t, Config{Feeds: []string{"a", "b"}, Off: []string{"feed"}}); all.On(FeedCode(0)) || all.On(FeedCode(1)) {
		t.Error("feed is not all feeds")
	}
	for _, text := range []string{"", "nolookup", "feed:c", "NO_LOOKUP"} {
		if _, err := New(Config{Feeds: []string{"a"}, Off: []string{text}}); err == nil || !strings.Contains(err.Error(), "no_lookup") {
			t.Errorf("%q: error %v, want one that lists the codes", text, err)
		}
	}
	if _, err := New(Config{Feeds: make([]string, 300)}); err == nil {
		t.Error("300 feeds are taken")
	}
	var none *Desk
	if none.On(NoLookup) {
		t.Error("no desk tells")
	}
}

func TestFindingLine(t *testing.T) {
	server := netip.MustParseAddr("192.0.2.1")
	f := &correlate.Flow{Record: &flows.Record{
		Exporter: netip.MustParseAddr("10.255.0.1"), SequenceNum: 7, Src: alice, SrcPort: 40000, Dst: server, DstPort: 443, Proto: flows.ProtoTCP,
		StartNs: t0 + 1e6, EndNs: t0 + 2e6, Bytes: 5,
	}}
	f.Dst.Named, f.Dst.Domain = true, "a.example"
	f.Dst.Candidates = []correlate.Candidate{{Name: "www.a.example", Basis: correlate.ClientExpired}}
	d := newDesk(t, Config{})
	d.Report(AtFlow(StaleName, f, struct {
		X int `json:"x"`
	}{3}))
	d.Report(&Finding{Code: NullRoutedThenLive, TimeNs: t0, Name: `a\"b<c>.example`})
	want := `{"time":"2026-01-01T00:00:00.001Z","code":"stale_name","client":"10.0.0.1","addr":"192.0.2.1","port":443,"proto":"TCP",` +
		`"name":"www.a.example","domain":"a.example","basis":"client_expired","evidence":{"x":3},"flow":{"sampler_address":"10.255.0.1","sequence_num":7,` +
		`"time_flow_start_ns":1767225600001000000,"time_flow_end_ns":1767225600002000000,"src_addr":"10.0.0.1","src_port":40000,` +
		`"dst_addr":"192.0.2.1","dst_port":443,"bytes":5,"sampling_rate":0}}` + "\n" +
		`{"time":"2026-01-01T00:00:00Z","code":"null_routed_then_live","name":"a\\\"b<c>.example","evidence":{}}` + "\n"
	if got := string(d.Recent(nil, &Query{})); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func BenchmarkAdmitRepeated(b *testing.B) {
	d := newDesk(b, Config{})
	d.Admit(NoLookup, alice, 1, t0)
	b.ReportAllocs()
	for b.Loop() {
		if d.Admit(NoLookup, alice, 1, t0) {
			b.Fatal("told twice")
		}
	}
}

func TestAdmitAllocatesNothing(t *testing.T) {
	d := newDesk(t, Config{})
	i := uint64(0)
	if n := testing.AllocsPerRun(1000, func() { i++; d.Admit(NoLookup, alice, i%7, t0) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
