package backfill

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"

	"flowname/cmd/flowname/api"
	"flowname/cmd/flowname/command"
	"flowname/cmd/flowname/guard"
	"flowname/dnscache"
)

// trailer carries the counters, as JSON, behind the lines. Without it
// the answer is cut.
const trailer = "Flowname-Backfill"

// Serve takes enriched flows and gives them back, line by line while
// they come, with the names that are known by now. One request at a time is
// served, filling being locked meanwhile: each has a memory of connections of its
// own.
func Serve(w http.ResponseWriter, r *http.Request, cache *dnscache.Cache, filling *sync.Mutex) {
	if !filling.TryLock() {
		w.Header().Set("Retry-After", "10")
		guard.Refuse(w, http.StatusTooManyRequests, "flows are being filled in for somebody else: try again later")
		return
	}
	defer filling.Unlock()
	if err := http.NewResponseController(w).EnableFullDuplex(); err != nil {
		guard.Refuse(w, http.StatusHTTPVersionNotSupported, err.Error())
		return
	}
	b, err := newFiller(cache)
	if err != nil {
		guard.Refuse(w, http.StatusInternalServerError, err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("Trailer", trailer)
	both := api.NewPatient(r.Body, w)
	if b.run(r.Context(), both, both) != nil {
		panic(http.ErrAbortHandler) // the asker sees that the answer is cut
	}
	stats, err := json.Marshal(b.stats)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set(trailer, string(stats))
}

// remote lets the daemon join.
func (c *Cmd) remote(ctx context.Context, std command.Streams, out io.Writer, stats *tally) error {
	return c.eachFile(std.In, func(in io.Reader) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		resp, err := api.Ask(ctx, http.MethodPost, c.Server, "/api/v1/backfill", io.NopCloser(in), ", or --data DIR or --dns FILE where none runs")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if _, err := io.Copy(out, resp.Body); err != nil {
			return fmt.Errorf("the answer of %s ends early: %w", api.Redacted(c.Server), err)
		}
		var got tally
		if err := json.Unmarshal([]byte(resp.Trailer.Get(trailer)), &got); err != nil {
			return fmt.Errorf("the answer of %s ends early", api.Redacted(c.Server))
		}
		stats.add(&got)
		return nil
	})
}
