package dnscache

import (
	"bytes"
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var (
	t0     = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).UnixNano()
	alice  = netip.MustParseAddr("10.0.0.1")
	bob    = netip.MustParseAddr("2001:db8::b")
	server = netip.MustParseAddr("192.0.2.1")
	other  = netip.MustParseAddr("198.51.100.7")
)

const (
	sec = int64(time.Second)
	ms  = int64(time.Millisecond)
)

func open(t testing.TB, cfg Config) *Cache {
	t.Helper()
	c, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(t0); err != nil {
			t.Error(err)
		}
	})
	return c
}

// answer files one answer, filed at its own time.
func answer(c *Cache, client netip.Addr, at int64, name string, addrs ...netip.Addr) {
	fileAt(c, at, client, at, name, addrs...)
}

func fileAt(c *Cache, filed int64, client netip.Addr, at int64, name string, addrs ...netip.Addr) {
	r := Response{TimeNs: at, Client: client, Name: []byte(name), Source: SourcePackets}
	for _, a := range addrs {
		r.Addrs = append(r.Addrs, Addr{a, 300})
	}
	c.File(&r, filed)
}

// times writes matches as "name@seconds" after t0.
func times(m []Match) string {
	var b strings.Builder
	for _, x := range m {
		fmt.Fprintf(&b, "%s@%g ", x.Name, float64(x.AtNs-t0)/1e9)
	}
	return strings.TrimSpace(b.String())
}

func TestAppendClient(t *testing.T) {
	type filed struct {
		at   float64
		name string
	}
	tests := []struct {
		name                string
		filed               []filed
		start, tol, horizon float64
		want                string
	}{
		{"nothing", nil, 10, 1, 20, ""},
		{"newest before", []filed{{1, "a"}, {8, "a"}}, 10, 0, 10, "a@8"},
		{"candidates by nearness", []filed{{1, "a"}, {8, "b"}, {5, "c"}}, 10, 0, 10, "b@8 c@5 a@1"},
		{"strictly before without tolerance", []filed{{1, "a"}, {10.5, "b"}}, 10, 0, 10, "a@1"},
		{"nearest within the tolerance", []filed{{1, "a"}, {10.5, "b"}}, 10, 1, 11, "b@10.5 a@1"},
		{"before and after as near: the newer", []filed{{9, "a"}, {20, "x"}, {11, "a"}}, 10, 1, 11, "a@11"},
		{"two as near: the newer first", []filed{{9, "a"}, {11, "b"}}, 10, 1, 11, "b@11 a@9"},
		{"the same time: by name", []filed{{9, "b"}, {9, "a"}}, 10, 0, 10, "a@9 b@9"},
		{"only later, earliest", []filed{{30, "a"}, {20, "a"}, {25, "b"}}, 10, 1, 40, "a@20 b@25"},
		{"later beyond the horizon", []filed{{30, "a"}, {20, "b"}}, 10, 1, 25, "b@20"},
		{"earlier before later", []filed{{1, "a"}, {12, "b"}}, 10, 1, 25, "a@1 b@12"},
		{"a name with both counts as earlier", []filed{{1, "a"}, {12, "a"}}, 10, 1, 25, "a@1"},
		{"late insert", []filed{{8, "b"}, {4, "a"}, {6, "a"}}, 7, 0, 7, "a@6"},
		{"run: its last", []filed{{1, "a"}, {2, "a"}, {3, "a"}}, 10, 0, 10, "a@3"},
		{"run across the start: its first", []filed{{1, "a"}, {4, "a"}}, 2, 0, 2, "a@1"},
		{"run that another name ends", []filed{{1, "a"}, {2, "b"}, {3, "a"}}, 2.5, 0, 2.5, "b@2 a@1"},
		{"and after it", []filed{{1, "a"}, {2, "b"}, {3, "a"}}, 4, 0, 4, "a@3 b@2"},
		{"horizon before the limit", []filed{{10.5, "a"}}, 10, 1, 0, "a@10.5"},
		{"no end of time", []filed{{30, "a"}}, 10, math.MaxInt64, math.MaxInt64, "a@30"},
	}
	ns := func(s float64) int64 {
		if s == math.MaxInt64 {
			return math.MaxInt64
		}
		return int64(s * 1e9)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := open(t, Config{})
			for _, f := range tt.filed {
				answer(c, alice, t0+ns(f.at), f.name, server)
			}
			answer(c, bob, t0+ns(9), "not-hers", server)
			answer(c, alice, t0+ns(9), "elsewhere", other)
			got := c.AppendClient(nil, alice, server, t0+ns(tt.start), ns(tt.tol), addSat(t0, ns(tt.horizon)))
			if times(got) != tt.want {
				t.Errorf("filed %v, asked %g+%g to %g:\n got %s\nwant %s",
					tt.filed, tt.start, tt.tol, tt.horizon, times(got), tt.want)
			}
		})
	}
}

func TestAppendOthers(t *testing.T) {
	c := open(t, Config{Retention: time.Hour})
	answer(c, alice, t0, "old", server)
	answer(c, alice, t0+10*sec, "a", server)
	answer(c, bob, t0+20*sec, "b", server)
	answer(c, netip.Addr{}, t0+30*sec, "anyone", server)
	answer(c, bob, t0+40*sec, "a", server)
	for _, tt := range []struct {
		until int64
		want  string
	}{
		{t0 - 1, ""},
		{t0, "old@0"},
		{t0 + 25*sec, "b@20 a@10 old@0"},
		{t0 + 40*sec, "a@40 anyone@30 b@20 old@0"},
		{t0 + 3600*sec - 1, "a@40 anyone@30 b@20 old@0"},
		{t0 + 3600*sec, "a@40 anyone@30 b@20"},
		{t0 + 9000*sec, ""},
	} {
		if got := times(c.AppendOthers(nil, server, tt.until)); got != tt.want {
			t.Errorf("AppendOthers(until %d s) = %q, want %q", (tt.until-t0)/sec, got, tt.want)
		}
	}
	if got := c.AppendClient(nil, netip.Addr{}, server, t0+60*sec, 0, t0+60*sec); len(got) != 0 {
		t.Errorf("AppendClient of no client = %v, want none", got)
	}
}

func TestMatchesAreAppendedAndBounded(t *testing.T) {
	c := open(t, Config{})
	for i := range 40 {
		answer(c, alice, t0+int64(i)*sec, fmt.Sprintf("n%d", i), server)
	}
	before := Match{Name: "mine"}
	got := c.AppendClient([]Match{before}, alice, server, t0+100*sec, 0, t0+100*sec)
	if len(got) != 1+MaxMatches || got[0] != before || got[1].Name != "n39" || got[16].Name != "n24" {
		t.Errorf("AppendClient = %d matches: %s", len(got), times(got))
	}
	got = c.AppendClient(nil, alice, server, t0-sec, 0, t0+100*sec)
	if len(got) != MaxMatches || got[0].Name != "n0" || got[15].Name != "n15" {
		t.Errorf("AppendClient of later ones = %d matches: %s", len(got), times(got))
	}
}

func TestWhatAMatchSays(t *testing.T) {
	c := open(t, Config{})
	r := Response{
		TimeNs: t0, Client: alice, Name: []byte("www.example.org"), Canonical: []byte("edge.cdn.example"),
		Source: SourceDnstap, Addrs: []Addr{{server, math.MaxUint32}, {netip.MustParseAddr("::ffff:198.51.100.7"), 60}},
	}
	c.File(&r, t0)
	copy(r.Name, "xxxxxxxxxxxxxxx")
	copy(r.Canonical, "yyyyyyyyyyyyyyyy")
	want := []Match{{"www.example.org", "edge.cdn.example", t0, MaxTTL, SourceDnstap, 5, 6}}
	if d := gocmp.Diff(want, c.AppendClient(nil, alice, server, t0, 0, t0)); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	want[0].TTL = 60
	if d := gocmp.Diff(want, c.AppendOthers(nil, other, t0)); d != "" {
		t.Errorf("mapped address: -want +got\n%s", d)
	}
}

func TestClientSeen(t *testing.T) {
	c := open(t, Config{})
	if c.ClientSeen(alice) || c.BeganNs() != 0 {
		t.Error("an empty cache knows a client, or a beginning")
	}
	c.Saw(netip.Addr{}, t0+7)
	if got := c.BeganNs(); got != t0+7 || c.Stats().Clients != 0 {
		t.Errorf("nobody was seen at t0+7: BeganNs() = t0%+d, %d clients", got-t0, c.Stats().Clients)
	}
	c.Saw(alice, t0+5)
	answer(c, bob, t0+9, "nxdomain.example")
	answer(c, netip.Addr{}, t0+3, "a.example", server)
	for _, tt := range []struct {
		client netip.Addr
		want   bool
	}{{alice, true}, {bob, true}, {other, false}, {netip.Addr{}, false}, {netip.IPv6Unspecified(), false}} {
		if got := c.ClientSeen(tt.client); got != tt.want {
			t.Errorf("ClientSeen(%v) = %v, want %v", tt.client, got, tt.want)
		}
	}
	if got := c.BeganNs(); got != t0+3 {
		t.Errorf("BeganNs() = t0%+d, want t0+3", got-t0)
	}
}

// TestHostileInput files what no source should make, with good answers between.
func TestHostileInput(t *testing.T) {
	c := open(t, Config{})
	for range 3 {
		answer(c, alice, 0, "a", server)
		answer(c, alice, math.MinInt64, "a", server)
		answer(c, alice, t0, "", server)
		answer(c, alice, t0, strings.Repeat("x", maxName+1), server)
		answer(c, alice, t0, "a\x00b", server)
		answer(c, alice, t0, "caf\xc3\xa9", server)
		answer(c, alice, t0, "a", netip.Addr{})
		c.File(&Response{TimeNs: t0, Name: []byte("a"), Canonical: []byte("\n"), Addrs: []Addr{{server, 1}}}, t0)
		c.Saw(alice, -1)
		c.Saw(netip.Addr{}, t0)
	}
	answer(c, alice, t0, "good", server, other)
	st := c.Stats()
	want := Stats{
		Responses: 25, Answers: 2, BadTime: 9, BadName: 15, BadAddr: 3,
		Versions: 4, Pairs: 2, Addresses: 2, Clients: 1, Names: 1, NameBytes: st.NameBytes,
	}
	if d := gocmp.Diff(want, st); d != "" {
		t.Errorf("Stats: -want +got\n%s", d)
	}
	answer(c, alice, math.MaxInt64, "end of time", server)
	got := c.AppendClient(nil, alice, server, math.MaxInt64, math.MaxInt64, math.MaxInt64)
	if len(got) != 2 || got[0].Name != "end of time" {
		t.Errorf("at the end of time: %s", times(got))
	}
	c.AppendClient(nil, alice, server, math.MinInt64, math.MinInt64, math.MinInt64)
	c.AppendOthers(nil, server, math.MinInt64)
	checkInvariants(t, c)
}

func TestValidate(t *testing.T) {
	for _, cfg := range []Config{
		{Retention: -1}, {Window: -1}, {MaxVersions: -1}, {MaxVersions: limitMaxVersions + 1},
		{MaxPending: -1}, {MaxClients: -1}, {BlockCache: -1},
	} {
		if _, err := Open(cfg); err == nil {
			t.Errorf("Open(%+v) took it", cfg)
		}
	}
}

// TestBound files far more than the bound, for memory only.
func TestBound(t *testing.T) {
	run := func() (*Cache, string) {
		c := open(t, Config{MaxVersions: 2000, MaxClients: 100, Seed: 1})
		for i := range 20_000 {
			client := netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
			addr := netip.AddrFrom4([4]byte{192, byte(i >> 12), byte(i >> 4), byte(i)})
			answer(c, client, t0+int64(i)*ms, fmt.Sprintf("n%d", i%1000), addr)
		}
		checkInvariants(t, c)
		st := c.Stats()
		return c, fmt.Sprintf("%+v", st)
	}
	c, first := run()
	st := c.Stats()
	if st.Versions > 2000+128 || st.EvictedBound == 0 || st.EvictedClients == 0 || st.Clients > 112 {
		t.Errorf("bounds are not kept: %s", first)
	}
	if _, again := run(); again != first {
		t.Errorf("the same seed and input evict otherwise:\n%s\n%s", first, again)
	}
}

func TestTrim(t *testing.T) {
	c := open(t, Config{})
	for i := range 500 {
		answer(c, alice, t0+int64(i)*5*sec, fmt.Sprintf("n%d", i%3), server)
	}
	checkInvariants(t, c)
	if st := c.Stats(); st.Versions > 2*maxChain || st.Trimmed == 0 {
		t.Errorf("%d versions in two chains, trimmed %d", st.Versions, st.Trimmed)
	}
	if got := times(c.AppendClient(nil, alice, server, t0+3000*sec, 0, t0)); got != "n1@2495 n0@2490 n2@2485" {
		t.Errorf("after trimming: %s", got)
	}
}

func TestRunsAndDuplicates(t *testing.T) {
	c := open(t, Config{})
	for _, at := range []int64{0, 1, 2, 2, 0, 4, 5} { // 5 is past the run's end
		answer(c, alice, t0+at*sec, "a", server)
	}
	answer(c, alice, t0-sec, "a", server)
	st := c.Stats()
	if st.Extended != 6 || st.Duplicates != 4 || st.Late != 2 || st.Versions != 6 {
		t.Errorf("%+v", st)
	}
	rows := rowsOf(t, c, Query{Addr: server})
	want := []Row{{
		Name: "a", Addr: server, Client: alice, FirstNs: t0 - sec, LastNs: t0 + 5*sec, Count: 6, TTL: 300,
		Source: SourcePackets,
	}}
	if d := gocmp.Diff(want, rows, addrsEqual); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}

func TestNoAllocations(t *testing.T) {
	c := open(t, Config{})
	r := Response{TimeNs: t0, Client: alice, Name: []byte("www.example.org"), Addrs: []Addr{{server, 60}, {other, 60}}}
	c.File(&r, t0)
	dst := make([]Match, 0, MaxMatches)
	var b Batch
	for name, fn := range map[string]func(){
		"File":         func() { r.TimeNs += 100 * ms; c.File(&r, t0) },
		"Saw":          func() { c.Saw(alice, r.TimeNs) },
		"AppendClient": func() { c.AppendClient(dst, alice, server, r.TimeNs, sec, r.TimeNs) },
		"AppendOthers": func() { c.AppendOthers(dst, server, r.TimeNs) },
		"a miss":       func() { c.AppendClient(dst, bob, server, r.TimeNs, sec, r.TimeNs) },
		"ClientSeen":   func() { c.ClientSeen(alice) },
		"LookUp": func() {
			b.Reset()
			b.Add(alice, server, r.TimeNs, sec, r.TimeNs)
			b.Add(bob, other, r.TimeNs, sec, r.TimeNs)
			c.LookUp(&b)
		},
	} {
		if n := testing.AllocsPerRun(1000, fn); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}

// TestStatsAreCovered fails when a counter is added that no test looks at.
func TestStatsAreCovered(t *testing.T) {
	var all bytes.Buffer
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Stats]()) {
		fmt.Fprintln(&all, f.Name)
	}
	known := strings.Fields(`Responses Connections Answers Questions Outcomes OutcomesDropped
		OutcomesEvicted OutcomeRuns BadTime BadName BadAddr Reserved
		Forwarded Masked Extended Duplicates Late ChainFull
		Dropped Versions Pairs Addresses Clients Names NameBytes Pending EvictedWindow EvictedBound Trimmed
		EvictedClients Lookups Hits Filtered ColdReads ColdErrors ColdCut Written WriteErrors Warmed
		TableBytes ExpiredBytes`)
	if d := gocmp.Diff(known, strings.Fields(all.String()), cmpopts.EquateEmpty()); d != "" {
		t.Errorf("-known +there\n%s", d)
	}
}
