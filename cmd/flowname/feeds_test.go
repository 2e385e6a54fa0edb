package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"flowname/cmd/flowname/command"
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
	if w.reporter, err = openReporter(&FindingFlags{}, reporterConfig{cache: cache, seed: replaySeed, feeds: feedNames(all)}); err != nil {
		tb.Fatal(err)
	}
	if w.feeds, err = w.openFeeds(all, cache, 1); err != nil {
		tb.Fatal(err)
	}
	r := dnscache.Response{TimeNs: (exportstest.Start - 10) * 1e9, Source: dnscache.SourcePackets, Type: 1, Addrs: make([]dnscache.Addr, 1)}
	for i := range uint32(answers) {
		fillAnswer(&r, i)
		w.evidence(&r)
	}
	if err := w.settle(exportstest.Start * 1e9); err != nil {
		tb.Fatal(err)
	}
	return openFlowPath(tb, cache, w.newLookout(&sync.Mutex{}))
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
		p.lookout = l.watch.newLookout(&sync.Mutex{}) // which is told of nothing
		p.datagram(t, m)
		if got := string(p.lines); got != told {
			t.Fatalf("not told of flows ahead it writes\n%s\nand else\n%s", got, told)
		}
		p.lookout = l
	}
}

// TestFeedsAreReplaced: a running daemon takes a feed that was replaced, and keeps
// the old one where the new one is broken.
func TestFeedsAreReplaced(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "c2.txt")
	feedFile(t, path, "unheard.example\n")
	c := startCollector(t, dir, "--feed", path)
	entries := func(n, reloads, errors string) func() bool {
		return func() bool {
			text := c.get("/metrics")
			return strings.Contains(text, `flowname_feed_entries{feed="c2"} `+n+"\n") &&
				strings.Contains(text, `flowname_feed_reloads_total{feed="c2"} `+reloads+"\n") &&
				strings.Contains(text, `flowname_feed_errors_total{feed="c2"} `+errors+"\n")
		}
	}
	eventually(t, "the feed is in /metrics", entries("1", "0", "0"))
	feedFile(t, path, "") // broken
	if err := c.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the empty feed is refused", entries("1", "0", "1"))
	feedFile(t, path, "shop.example\nblog.example\n")
	eventually(t, "the new feed is taken without being told", entries("2", "1", "1"))
	c.play()
	eventually(t, "flows and answers are marked", func() bool {
		text := c.get("/metrics")
		return strings.Contains(text, `flowname_feed_flows_total{feed="c2"} `) && !strings.Contains(text, `flowname_feed_flows_total{feed="c2"} 0`)
	})
}

// TestFirstSeenOutlivesAKill: what was seen a second before is kept.
func TestFirstSeenOutlivesAKill(t *testing.T) {
	dir := t.TempDir()
	c := startCollector(t, dir)
	c.play()
	const want = `"domain":"shop.example","first_seen":`
	eventually(t, "the domain is settled", func() bool {
		return strings.Contains(c.get("/api/v1/first-seen?q=shop.example"), want)
	})
	c.end(syscall.SIGKILL)
	var out, errs bytes.Buffer
	if code := execute([]string{"first-seen", "--data", c.data, "--format", "json", "shop.example"}, command.Streams{Out: &out, Err: &errs}); code != exitOK || !strings.Contains(out.String(), want) {
		t.Errorf("after a kill: exit %d, %q, %q; want %s", code, out.String(), errs.String(), want)
	}
}
