package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"
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
