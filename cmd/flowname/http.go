package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"time"

	"flowname/cmd/flowname/guard"
	"flowname/dnscache"
)

// Bounds of the HTTP server: it is for people and scrapers, not for crowds.
const (
	httpHeaderTimeout = 10 * time.Second
	httpIdleTimeout   = 2 * time.Minute
	historyWriteEvery = 30 * time.Second // a reader that takes nothing for so long is left
)

// newHTTPServer serves what others see of the daemon:
//
//	GET /healthz          200 "ok" while the daemon works
//	GET /metrics          Prometheus text format
//	GET /api/v1/history   q, client, at, from, to: one JSON object a line
//	GET /pdns/query/SUBJECT, GET /dnsdb/v2/...: passive DNS, see package pdns
//	POST /api/v1/backfill enriched flows, one a line; gives them back with the
//	                      names known by now, and counters in the trailer
//	GET /api/v1/exporters the ledger: one JSON object a line, of kind "collector" for
//	                      the whole, then of kind "exporter" for each observation
//	                      domain of each address (collectorRow, exporterRow). Of each
//	                      bytes = header_bytes + flow_bytes + options_bytes +
//	                      template_bytes + padding_bytes + waiting.bytes + the bytes of
//	                      each reason in refused; the exporters', those of
//	                      forgotten and those of ended are together account, whose
//	                      bytes are datagram_bytes + stream_bytes; account.flows +
//	                      sflow_flows = exported_flows + flows_inside + lost_lines;
//	                      in sequence numbers, which count data_records and not the
//	                      flows made of them, what was sent is what came, lost and
//	                      missing.
//
// An error is an object with its text as "error".
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
		if n%tableBlock == 0 {
			deadline.SetWriteDeadline(time.Now().Add(historyWriteEvery))
		}
		n++
		rowErr = enc.Encode(rowOf(row))
		return rowErr == nil
	})
	switch {
	case rowErr != nil:
		return
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
