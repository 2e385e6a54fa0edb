package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"flowname/cmd/flowname/api"
	"flowname/cmd/flowname/guard"
	"flowname/dnscache"
)

// Bounds of the HTTP server: it is for people and scrapers, not for crowds.
const (
	httpHeaderTimeout = 10 * time.Second
	httpIdleTimeout   = 2 * time.Minute
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
	out := api.NewWriter(w)
	var rowErr error
	err = cache.History(r.Context(), q, func(row dnscache.Row) bool {
		rowErr = out.Write(rowOf(row))
		return rowErr == nil
	})
	switch {
	case rowErr != nil:
		return
	case out.Rows() == 0 && errors.Is(err, dnscache.ErrBadQuery):
		guard.Refuse(w, http.StatusBadRequest, err.Error())
	case err != nil && out.Rows() == 0:
		guard.Refuse(w, http.StatusInternalServerError, err.Error())
	case err != nil:
		panic(http.ErrAbortHandler) // the reader sees that the answer is cut
	default:
		out.Flush()
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
