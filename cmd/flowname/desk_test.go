package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// What is found while flows come is in the file, in the API and in /metrics; a SIGHUP
// opens the file again.
func TestRunTellsFindings(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "findings.jsonl")
	c := startCollector(t, dir, append(apiFlags, "--findings", path)...)
	c.play()
	eventually(t, "the finding is written", func() bool { return len(lines(t, path)) == 1 })
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the file is there again", func() bool { _, err := os.Stat(path); return err == nil })
	c.sendFlows() // the same once more: a repetition
	eventually(t, "it is counted", func() bool {
		return strings.Contains(c.get("/metrics"), `flowname_findings_suppressed_total{code="outside_resolver",reason="repeated"} 1`)
	})
	metrics := c.get("/metrics")
	for _, want := range []string{
		`flowname_findings_total{code="outside_resolver"} 1`, `flowname_findings_total{code="no_lookup"} 0`,
		`flowname_findings_suppressed_total{code="outside_resolver",reason="rate_limit"} 0`, "flowname_findings_forgotten_total 0",
		"flowname_findings_lost_lines_total 0", "flowname_findings_unwritable_total 0", "flowname_findings_output_errors_total 0",
		"flowname_lives_evicted_total 0", "flowname_lives_full_total 0", "flowname_lives_unreadable_total 0",
	} {
		if !strings.Contains(metrics, want+"\n") {
			t.Errorf("/metrics lacks %s", want)
		}
	}
	if strings.Contains(metrics, "flowname_lives_names 0\n") {
		t.Error("no name is remembered")
	}
	told := lines(t, path+".1")
	for query, want := range map[string]int{
		"": 1, "?code=outside_resolver": 1, "?code=feed": 0, "?client=192.0.2.11": 1, "?client=192.0.2.12": 0, "?name=cloud.example": 1,
		"?name=*.example&limit=5": 1, "?from=2026-01-01&to=now": 1, "?to=2020-01-01": 0,
	} {
		got := c.get("/api/v1/findings" + query)
		if strings.Count(got, "\n") != want || want > 0 && strings.TrimSpace(got) != strings.TrimSpace(told[0]) {
			t.Errorf("findings%s: got %q, want %d lines as in the file", query, got, want)
		}
	}
	var f findingLine
	if err := json.Unmarshal([]byte(told[0]), &f); err != nil || f.Code != "outside_resolver" || f.Flow["src_addr"] != "192.0.2.11" {
		t.Errorf("%v: %s", err, told[0])
	}
	if err := c.end(syscall.SIGTERM); err != nil {
		t.Errorf("after SIGTERM: %v: %s", err, c.stderr)
	}
	if got := lines(t, path); len(got) != 0 {
		t.Errorf("the new file has %q", got)
	}
}

// TestRestartRepeatsNoFinding: what the day's file of findings has is not in it twice
// because the daemon was killed, or ended, in between.
func TestRestartRepeatsNoFinding(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "findings.jsonl")
	start := func() *collector { return startCollector(t, dir, append(apiFlags, "--findings", path)...) }
	const repeated = `flowname_findings_suppressed_total{code="outside_resolver",reason="repeated"} `

	c := start()
	c.play()
	eventually(t, "the finding is written", func() bool { return len(lines(t, path)) == 1 })
	eventually(t, "it is remembered", func() bool { return c.hasMetric("flowname_findings_unsaved 0") })
	c.cmd.Process.Kill()
	<-c.exited

	for _, how := range []string{"killed", "ended"} {
		c = start()
		c.play()
		eventually(t, "the repetition is counted by one whose predecessor was "+how, func() bool { return c.hasMetric(repeated + "1") })
		if !c.hasMetric(`flowname_findings_total{code="outside_resolver"} 0`) {
			t.Errorf("it was told again by one whose predecessor was %s", how)
		}
		if err := c.end(syscall.SIGTERM); err != nil {
			t.Errorf("after SIGTERM: %v: %s", err, c.stderr)
		}
	}
	if got := lines(t, path); len(got) != 1 {
		t.Errorf("the file has %d lines, want the first one's:\n%s", len(got), strings.Join(got, "\n"))
	}
}
