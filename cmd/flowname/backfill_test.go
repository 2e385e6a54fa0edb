package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"flowname/cmd/flowname/command"
)

// TestBackfillAsksTheDaemon: flows that the daemon wrote without names get them
// from it when its evidence has come; its own file is untouched.
func TestBackfillAsksTheDaemon(t *testing.T) {
	c := startCollector(t, t.TempDir(), "--wait", "0s")
	c.sendFlows()
	eventually(t, "all flows are written", func() bool { return len(lines(t, c.out)) == demoFlows })
	if err := sendDnstap(context.Background(), c.dnstap); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the dnstap stream is taken", func() bool { return c.hasMetric("flowname_dnstap_stopped_total 1") })
	packed := filepath.Join(t.TempDir(), "flows.jsonl.gz")
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	bare, err := os.ReadFile(c.out)
	if err != nil {
		t.Fatal(err)
	}
	z.Write(bare)
	z.Close()
	if err := os.WriteFile(packed, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	if code := execute([]string{"backfill", packed, c.out, "--server", "http://" + c.http}, command.Streams{Out: &out, Err: &errs}); code != exitOK {
		t.Fatalf("exit %d: %s", code, errs.String())
	}
	if got := strings.Count(out.String(), `"dst_name":"beacon.badsite.test"`); got == 0 || strings.Count(out.String(), "\n") != 2*demoFlows {
		t.Errorf("got %d flows of a name in %d lines:\n%s", got, strings.Count(out.String(), "\n"), out.String())
	}
	if !strings.HasPrefix(errs.String(), "82 lines, 80 changed\n") {
		t.Errorf("summary: got %q", errs.String())
	}
	if now, err := os.ReadFile(c.out); err != nil || !bytes.Equal(now, bare) {
		t.Errorf("the daemon's file was changed: %v", err)
	}
	if err := c.end(syscall.SIGTERM); err != nil {
		t.Fatalf("after SIGTERM: %v: %s", err, c.stderr)
	}
}
