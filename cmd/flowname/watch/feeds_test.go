package watch

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"flowname/cmd/flowname/exports/exportstest"
	"flowname/correlate/feeds"
	"flowname/dnscache"
)

// feedFile writes a feed in place by renaming.
func feedFile(tb testing.TB, path, text string) {
	tb.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		tb.Fatal(err)
	}
}

// fedPath is a flow path with all that looks at flows, and feeds that have every
// name and the addresses of some.
func fedPath(tb testing.TB, answers int) *flowPath {
	tb.Helper()
	cache := flowCache(tb, answers)
	w := everything(tb, cache)
	names, addrs := filepath.Join(tb.TempDir(), "names.txt"), filepath.Join(tb.TempDir(), "addrs.txt")
	var text strings.Builder
	for i := range 50 {
		fmt.Fprintf(&text, "service%d.example\n", 2*i)
	}
	feedFile(tb, names, text.String())
	feedFile(tb, addrs, "198.16.0.0/14\n10.0.0.0/8\n")
	var err error
	all := []feeds.Feed{{Name: "names", Path: names}, {Name: "addrs", Path: addrs}}
	if w.reporter, err = openReporter(&FindingFlags{}, reporterConfig{cache: cache, seed: 1, feeds: feedNames(all)}); err != nil {
		tb.Fatal(err)
	}
	if w.feeds, err = w.openFeeds(all, cache, 1); err != nil {
		tb.Fatal(err)
	}
	r := dnscache.Response{TimeNs: (exportstest.Start - 10) * 1e9, Source: dnscache.SourcePackets, Type: 1, Addrs: make([]dnscache.Addr, 1)}
	for i := range uint32(answers) {
		fillAnswer(&r, i)
		w.Evidence(&r)
	}
	if err := w.Settle(exportstest.Start * 1e9); err != nil {
		tb.Fatal(err)
	}
	return openFlowPath(tb, cache, w.NewLookout(&sync.Mutex{}))
}

// TestMarkedFlowsAllocateNothing: once a finding was told.
func TestMarkedFlowsAllocateNothing(t *testing.T) {
	if underRace {
		t.Skip("the race detector allocates")
	}
	p := fedPath(t, 1000)
	p.datagram(t, exportstest.Template())
	msgs := testDatagrams(1000, 20)
	for range 3 {
		for _, m := range msgs {
			p.datagram(t, m)
		}
	}
	if n := bytes.Count(p.lines, []byte(`"findings":["feed:names","feed:addrs"]`)) + bytes.Count(p.lines, []byte(`"findings":["feed:addrs"]`)); n == 0 {
		t.Fatalf("no flow is marked: %s", p.lines)
	}
	i := 0
	if n := testing.AllocsPerRun(200, func() { p.datagram(t, msgs[i%len(msgs)]); i++ }); n != 0 {
		t.Errorf("%v allocations for 18 marked flows, want 0", n)
	}
}

// TestAheadChangesNothing: what flows are told of early is the same without it.
func TestAheadChangesNothing(t *testing.T) {
	p := fedPath(t, 5000)
	p.datagram(t, exportstest.Template())
	l := p.lookout
	for _, m := range testDatagrams(5000, 200) {
		p.datagram(t, m)
		told := string(p.lines)
		p.lookout = l.watch.NewLookout(&sync.Mutex{}) // which is told of nothing
		p.datagram(t, m)
		if got := string(p.lines); got != told {
			t.Fatalf("not told of flows ahead it writes\n%s\nand else\n%s", got, told)
		}
		p.lookout = l
	}
}
