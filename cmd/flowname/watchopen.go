package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"flowname/cmd/flowname/counters"
	"flowname/cmd/flowname/evidence"
	"flowname/cmd/flowname/metric"
	"flowname/cmd/flowname/sinkholes"
	"flowname/cmd/flowname/top"
	"flowname/correlate/export"
	"flowname/correlate/visibility"
	"flowname/dnscache"
	"flowname/dnscache/firstseen"
	"flowname/geo"
)

// watchConfig says what a watch looks for, and what it needs to.
type watchConfig struct {
	findings  FindingFlags
	firstSeen FirstSeenFlags
	feeds     FeedFlags
	clients   ClientFlags
	baseline  BaselineFlags

	cache     *dnscache.Cache // which has its books too
	places    *geo.Reader
	dns       evidence.Config
	sinkholes *sinkholes.List
	seed      uint64 // 0: a secret one
	live      bool   // what comes happens now
	nowNs     int64  // Unix nanoseconds

	out      string // where flows go: findings can not go to stdout too
	openFile func(path string) (*export.File, error)
	lost     func(error) // is told where what was known of clients is lost in part
}

// openWatch opens the books of a cache.
func openWatch(cfg watchConfig) (w *watch, err error) {
	w = &watch{cache: cfg.cache}
	all, err := cfg.feeds.parse()
	if err != nil {
		return nil, err
	}
	var beganNs int64 // of books that have a clock
	desk := reporterConfig{
		dns: cfg.dns, cache: cfg.cache, places: cfg.places, young: cfg.firstSeen.NewDomain, nulls: cfg.sinkholes, seed: cfg.seed,
		out: cfg.out, open: cfg.openFile, feeds: feedNames(all),
	}
	if cfg.live {
		beganNs, desk.seed, desk.told = cfg.nowNs, rand.Uint64(), cfg.cache.Shelf(dnscache.ShelfFindings)
	}
	if w.seen, err = openSightings(&cfg.firstSeen, cfg.cache, cfg.seed, beganNs); err != nil {
		return nil, err
	}
	desk.seen = w.seen
	if w.reporter, err = openReporter(&cfg.findings, desk); err != nil {
		return nil, err
	}
	reporter := w.reporter
	defer func() {
		if err != nil {
			reporter.close()
		}
	}()
	if cfg.live {
		w.pass(cfg.nowNs)
	}
	var lost error
	if w.clients, lost = openClientBook(clientConfig{
		flags: &cfg.clients, cache: cfg.cache, forwarders: cfg.dns.Forwarders, reporter: w.reporter, seed: cfg.seed,
	}); lost != nil {
		cfg.lost(lost)
	}
	if w.usual, err = openBaselines(&cfg.baseline, cfg.cache, cfg.seed, beganNs); err != nil {
		return nil, err
	}
	if w.feeds, err = w.openFeeds(all, cfg.cache, cfg.nowNs); err != nil {
		return nil, err
	}
	return w, nil
}

// announce tells what is looked for.
func (w *watch) announce(log *slog.Logger) {
	w.feeds.announce(log)
	w.reporter.announce(log)
}

// keep starts tasks by spawn that do from time to time what does not wait for
// evidence or flows, until ctx ends.
func (w *watch) keep(ctx context.Context, spawn func(func() error), log *slog.Logger) {
	spawn(func() error { return w.clients.keep(ctx, log) })
	spawn(func() error { return w.seen.keep(ctx, log) })
	spawn(func() error { return w.usual.keep(ctx, log) })
	spawn(func() error { return w.reporter.keep(ctx, log) })
	spawn(func() error { return w.feeds.keep(ctx, log) })
}

// pass says what time it is.
func (w *watch) pass(nowNs int64) { w.reporter.pass(nowNs) }

// writeFindings writes what was found. It belongs to one goroutine, with reload and
// close.
func (w *watch) writeFindings() error { return w.reporter.write() }

// writeClosed writes what of the books is over, where no clock does.
func (w *watch) writeClosed() error { return w.usual.writeClosed() }

// reload reads anew what is in files, and opens the file of findings anew.
func (w *watch) reload(log *slog.Logger) {
	w.feeds.ask()
	if err := w.reporter.reopen(); err != nil {
		log.Error("the file of findings could not be reopened; the old file stays in use", "err", err)
	}
}

// close writes what is left.
func (w *watch) close(nowNs int64) error {
	return errors.Join(w.reporter.close(), w.settle(nowNs), w.clients.save(), w.usual.save())
}

// abandon closes what a failed open has opened.
func (w *watch) abandon() { w.reporter.close() }

// metrics gives what was counted; clients is the sum of what all lookouts have.
func (w *watch) metrics(ch chan<- prometheus.Metric, clients *visibility.Stats, now time.Time) {
	w.reporter.metrics(ch)
	w.clients.metrics(ch, clients)
	if w.seen != nil {
		metric.Account(ch, "first_seen", w.seen.book.Stats())
	}
	w.feeds.metrics(ch, now)
	w.usual.metrics(ch)
}

// clientsSummary is a line for the summary of a replay; empty where there are no clients.
func (w *watch) clientsSummary() string { return w.clients.summarise() }

// summarise tells what else a replay has seen.
func (w *watch) summarise(out io.Writer) {
	w.feeds.summarise(out)
	if w.seen != nil {
		counters.Summarise(out, "first seen", w.seen.book.Stats())
	}
	w.usual.summarise(out)
}

// serveClients answers GET /api/v1/clients.
func (w *watch) serveClients(out http.ResponseWriter, r *http.Request) { w.clients.serve(out, r) }

// days are the days that GET /api/v1/top can be asked for; nil where nobody counts.
func (w *watch) days() top.Days { return w.usual.days() }

// pages gives the first sightings; nil where nobody keeps them.
func (w *watch) pages() func() (*firstseen.Pages, error) { return w.seen.pages() }
