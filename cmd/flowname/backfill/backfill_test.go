package backfill

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"flowname/cmd/flowname/api/apitest"
	"flowname/dnscache"
)

// TestBackfillRefusesASecondAsker: each asker costs memory.
func TestBackfillRefusesASecondAsker(t *testing.T) {
	cache, err := dnscache.Open(dnscache.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer cache.Close(time.Now().UnixNano())
	var filling sync.Mutex
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { Serve(w, r, cache, &filling) }))
	defer server.Close()
	post := func(body io.Reader) *http.Response {
		t.Helper()
		resp, err := http.Post(server.URL, "application/x-ndjson", body)
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
	cache, err := dnscache.Open(dnscache.Config{Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	in := strings.NewReader("{}\n" + strings.Repeat("x", maxFlowLine))
	b, err := newFiller(cache)
	if err != nil {
		t.Fatal(err)
	}
	err = b.run(t.Context(), in, &out)
	if err == nil || !strings.Contains(err.Error(), "line 2 is longer") || out.String() != "{}\n" {
		t.Errorf("got %v and %q", err, out.String())
	}
}

func TestStatsHaveTheirSchema(t *testing.T) {
	apitest.Load(t).HoldRow("BackfillStats", tally{})
}
