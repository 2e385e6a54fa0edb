package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"flowname/cmd/flowname/command"
	"flowname/dnscache"
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

// TestBackfillRefusesASecondAsker: each asker costs memory.
func TestBackfillRefusesASecondAsker(t *testing.T) {
	c := startCollector(t, t.TempDir())
	post := func(body io.Reader) *http.Response {
		t.Helper()
		resp, err := http.Post("http://"+c.http+"/api/v1/backfill", "application/x-ndjson", body)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { resp.Body.Close() })
		return resp
	}
	// Of so many lines the first ones come back while more are awaited: the first
	// asker is being served when post returns.
	more, end := io.Pipe()
	defer end.Close()
	first := post(io.MultiReader(strings.NewReader(strings.Repeat("{}\n", 1<<14)), more))
	if second := post(strings.NewReader("{}\n")); second.StatusCode != http.StatusTooManyRequests || second.Header.Get("Retry-After") == "" {
		t.Errorf("the second: got %s, Retry-After %q, want 429 and a time", second.Status, second.Header.Get("Retry-After"))
	}
	end.Close()
	if got, err := io.ReadAll(first.Body); err != nil || len(got) != 3<<14 {
		t.Errorf("the first got %d bytes, %v, want %d", len(got), err, 3<<14)
	}
	if third := post(strings.NewReader("{}\n")); third.StatusCode != http.StatusOK {
		t.Errorf("after the first: got %s, want 200", third.Status)
	}
}

// TestBackfillRefusesEndlessLines: what came before is written.
func TestBackfillRefusesEndlessLines(t *testing.T) {
	cache, err := dnscache.Open(dnscache.Config{Seed: replaySeed})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	in := strings.NewReader("{}\n" + strings.Repeat("x", maxFlowLine))
	b, err := newBackfill(cache)
	if err != nil {
		t.Fatal(err)
	}
	err = b.run(t.Context(), in, &out)
	if err == nil || !strings.Contains(err.Error(), "line 2 is longer") || out.String() != "{}\n" {
		t.Errorf("got %v and %q", err, out.String())
	}
}
