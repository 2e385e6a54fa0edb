package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"flowname/cmd/flowname/command"
)

// writeFeed writes a feed in place by renaming.
func writeFeed(tb testing.TB, path, text string) {
	tb.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		tb.Fatal(err)
	}
}

// TestFeedsAreReplaced: a running daemon takes a feed that was replaced, and keeps
// the old one where the new one is broken.
func TestFeedsAreReplaced(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "c2.txt")
	writeFeed(t, path, "unheard.example\n")
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
	writeFeed(t, path, "") // broken
	if err := c.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the empty feed is refused", entries("1", "0", "1"))
	writeFeed(t, path, "shop.example\nblog.example\n")
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
