package main

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"syscall"
	"testing"

	"flowname/cmd/flowname/counters"
	"flowname/cmd/flowname/exports"
	"flowname/cmd/flowname/guard"
	"flowname/correlate"
	"flowname/correlate/baseline"
	"flowname/correlate/export"
	"flowname/correlate/findings"
	"flowname/correlate/visibility"
	"flowname/dnscache"
	"flowname/dnscache/dnstap"
	"flowname/dnscache/dnswire"
	"flowname/dnscache/firstseen"
	"flowname/dnscache/logs/follow"
	"flowname/dnscache/logs/syslog"
	"flowname/dnscache/powerdns"
	"flowname/flows/listen"
	"flowname/flows/listen/stream"
	"flowname/flows/netflow"
	"flowname/flows/sflow"
	"flowname/geo"
)

// TestMetricsHaveEveryCounter: a counter that is not in /metrics is one that nobody
// sees. The capture's need rights.
func TestMetricsHaveEveryCounter(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "dns.log")
	if err := os.WriteFile(log, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c := startCollector(t, dir, "--netflow-tcp", "127.0.0.1:0", "--sflow", "127.0.0.1:0", "--powerdns", "tcp:127.0.0.1:0",
		"--syslog", "127.0.0.1:0", "--dns-log", log, "--findings", filepath.Join(dir, "findings.jsonl"))
	there := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^flowname_(\w+?)(_total)?[{ ]`).FindAllStringSubmatch(c.get("/metrics"), -1) {
		there[m[1]] = true
	}
	for stage, stats := range map[string]any{
		"baseline":        baseline.Stats{},
		"cache":           dnscache.Stats{},
		"dns":             dnswire.Stats{},
		"dnstap":          dnstap.Stats{},
		"findings":        findings.DeskStats{},
		"findings_output": export.FileStats{},
		"first_seen":      firstseen.Stats{},
		"geo":             geo.Stats{},
		"http":            guard.Stats{},
		"join":            correlate.Stats{},
		"listen":          listen.Stats{},
		"lives":           findings.NamesStats{},
		"log":             follow.Stats{},
		"netflow":         netflow.Stats{},
		"output":          export.FileStats{},
		"powerdns":        powerdns.Stats{},
		"sflow":           sflow.Stats{},
		"sflow_dns":       exports.SampledStats{},
		"stream":          stream.Stats{},
		"syslog":          syslog.Stats{},
		"visibility":      visibility.Stats{},
	} {
		names := counterNames(stats)
		for _, name := range names {
			if !there[stage+"_"+name] {
				t.Errorf("%T: flowname_%s_%s is not in /metrics", stats, stage, name)
			}
		}
		if len(names) == 0 {
			t.Errorf("%T has no counters", stats)
		}
	}
	if err := c.end(syscall.SIGTERM); err != nil {
		t.Fatalf("after SIGTERM: %v: %s", err, c.stderr)
	}
}

// counterNames are the names of the counters of a Stats struct. Those in structs and
// arrays in it are metrics with labels, which have tests of their own.
func counterNames(stats any) []string {
	var all []string
	for _, f := range reflect.VisibleFields(reflect.TypeOf(stats)) {
		if f.IsExported() && f.Type.Kind() == reflect.Uint64 {
			all = append(all, counters.SnakeCase(f.Name))
		}
	}
	return all
}
