package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"flowname/cmd/flowname/guard"
	"flowname/cmd/flowname/table"
	"flowname/dnscache"
)

// Bounds of the HTTP server: it is for people and scrapers, not for crowds.
const (
	httpHeaderTimeout = 10 * time.Second
	httpIdleTimeout   = 2 * time.Minute
	historyWriteEvery = 30 * time.Second // a reader that takes nothing for so long is left
)

// newHTTPServer serves what others see of the daemon: openapi.yaml describes it.
func newHTTPServer(d *daemon) *http.Server {
	mux := serveRoutes(d.routes(), pdnsHandler(d.cache))
	return &http.Server{Handler: d.access.protect(mux, d.log), ReadHeaderTimeout: httpHeaderTimeout, IdleTimeout: httpIdleTimeout}
}

func serveHistory(w http.ResponseWriter, r *http.Request, cache *dnscache.Cache) {
	q, err := parseHistoryQuery(r.URL.Query(), time.Now())
	if err != nil {
		guard.Refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	deadline := http.NewResponseController(w)
	b := bufio.NewWriter(w)
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	n := 0
	var rowErr error
	err = cache.History(r.Context(), q, func(row dnscache.Row) bool {
		if n%table.Block == 0 {
			deadline.SetWriteDeadline(time.Now().Add(historyWriteEvery))
		}
		n++
		rowErr = enc.Encode(rowOf(row))
		return rowErr == nil
	})
	switch {
	case rowErr != nil:
		return
	case n == 0 && errors.Is(err, dnscache.ErrBadQuery):
		guard.Refuse(w, http.StatusBadRequest, err.Error())
	case err != nil && n == 0:
		guard.Refuse(w, http.StatusInternalServerError, err.Error())
	case err != nil:
		panic(http.ErrAbortHandler) // the reader sees that the answer is cut
	default:
		b.Flush()
	}
}

// serveHTTP serves until ctx ends, then lets requests that are under way
// finish for a moment.
func serveHTTP(ctx context.Context, s *http.Server, l net.Listener) error {
	stop := context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		if s.Shutdown(grace) != nil {
			s.Close()
		}
	})
	defer stop()
	if err := s.Serve(l); err != http.ErrServerClosed {
		return fmt.Errorf("http: %w", err)
	}
	return nil
}
