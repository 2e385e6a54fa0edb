package main

import (
	"bytes"
	"strings"
	"syscall"
	"testing"

	"flowname/cmd/flowname/command"
)

// topOf asks for a list.
func topOf(t *testing.T, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if code := execute(append([]string{"top"}, args...), command.Streams{Out: &out, Err: &errs}); code != exitOK {
		t.Fatalf("top %q: exit %d: %s", args, code, errs.String())
	}
	return out.String()
}

// TestRunKeepsBaselines: what a daemon counts it tells while it runs, keeps when it
// ends, and goes on with.
func TestRunKeepsBaselines(t *testing.T) {
	dir := t.TempDir()
	c := startCollector(t, dir, "--http-rate", "0")
	c.play()
	all := []string{"--from", "2020-01-01", "--by", "lookups"}
	eventually(t, "its flows are counted", func() bool {
		topOf(t, append(all, "--server", c.http)...) // what waits is counted for an answer
		return c.hasMetric("flowname_baseline_flows_total 36")
	})
	asked := topOf(t, append(all, "--server", c.http)...)
	c.wantMetrics("flowname_baseline_domains 11", "flowname_baseline_lookups_total 35", "flowname_baseline_nameless_total 1", "flowname_baseline_evicted_total 0", "flowname_baseline_late_total 0")
	if !strings.Contains(asked, " badsite.test ") {
		t.Errorf("got %s", asked)
	}
	if err := c.end(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if left := topOf(t, append(all, "--data", c.data)...); left != asked {
		t.Errorf("it told\n%s and left\n%s", asked, left)
	}
	c = startCollector(t, dir, "--no-baseline")
	if text := c.get("/api/v1/top"); !strings.Contains(text, "--no-baseline") {
		t.Errorf("switched off: %s", text)
	}
}
