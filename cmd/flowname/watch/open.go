package watch

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

// Config says what a watch looks for, and what it needs to.
type Config struct {
	Findings  FindingFlags
	FirstSeen FirstSeenFlags
	Feeds     FeedFlags
	Clients   ClientFlags
	Baseline  BaselineFlags

	Cache     *dnscache.Cache // which has its books too
	Places    *geo.Reader
	DNS       evidence.Config
	Sinkholes *sinkholes.List
	Seed      uint64 // 0: a secret one
	Live      bool   // what comes happens now
	NowNs     int64  // Unix nanoseconds

	Out      string // where flows go: findings can not go to stdout too
	OpenFile func(path string) (*export.File, error)
	Lost     func(error) // is told where what was known of clients is lost in part
}

// Open opens the books of a cache.
func Open(cfg Config) (w *Watch, err error) {
	w = &Watch{cache: cfg.Cache}
	all, err := cfg.Feeds.parse()
	if err != nil {
		return nil, err
	}
	var beganNs int64 // of books that have a clock
	desk := reporterConfig{
		dns: cfg.DNS, cache: cfg.Cache, places: cfg.Places, young: cfg.FirstSeen.NewDomain, nulls: cfg.Sinkholes, seed: cfg.Seed,
		out: cfg.Out, open: cfg.OpenFile, feeds: feedNames(all),
	}
	if cfg.Live {
		beganNs, desk.seed, desk.told = cfg.NowNs, rand.Uint64(), cfg.Cache.Shelf(dnscache.ShelfFindings)
	}
	if w.seen, err = openSightings(&cfg.FirstSeen, cfg.Cache, cfg.Seed, beganNs); err != nil {
		return nil, err
	}
	desk.seen = w.seen
	if w.reporter, err = openReporter(&cfg.Findings, desk); err != nil {
		return nil, err
	}
	reporter := w.reporter
	defer func() {
		if err != nil {
			reporter.close()
		}
	}()
	if cfg.Live {
		w.Pass(cfg.NowNs)
	}
	var lost error
	if w.clients, lost = openClientBook(clientConfig{
		flags: &cfg.Clients, cache: cfg.Cache, forwarders: cfg.DNS.Forwarders, reporter: w.reporter, seed: cfg.Seed,
	}); lost != nil {
		cfg.Lost(lost)
	}
	if w.usual, err = openBaselines(&cfg.Baseline, cfg.Cache, cfg.Seed, beganNs); err != nil {
		return nil, err
	}
	if w.feeds, err = w.openFeeds(all, cfg.Cache, cfg.NowNs); err != nil {
		return nil, err
	}
	return w, nil
}

// Announce tells what is looked for.
func (w *Watch) Announce(log *slog.Logger) {
	w.feeds.announce(log)
	w.reporter.announce(log)
}

// Keep starts tasks by spawn that do from time to time what does not wait for
// evidence or flows, until ctx ends.
func (w *Watch) Keep(ctx context.Context, spawn func(func() error), log *slog.Logger) {
	spawn(func() error { return w.clients.keep(ctx, log) })
	spawn(func() error { return w.seen.keep(ctx, log) })
	spawn(func() error { return w.usual.keep(ctx, log) })
	spawn(func() error { return w.reporter.keep(ctx, log) })
	spawn(func() error { return w.feeds.keep(ctx, log) })
}

// Pass says what time it is.
func (w *Watch) Pass(nowNs int64) { w.reporter.pass(nowNs) }

// WriteFindings writes what was found. It belongs to one goroutine, with reload and
// close.
func (w *Watch) WriteFindings() error { return w.reporter.write() }

// WriteClosed writes what of the books is over, where no clock does.
func (w *Watch) WriteClosed() error { return w.usual.writeClosed() }

// Reload reads anew what is in files, and opens the file of findings anew.
func (w *Watch) Reload(log *slog.Logger) {
	w.feeds.ask()
	if err := w.reporter.reopen(); err != nil {
		log.Error("the file of findings could not be reopened; the old file stays in use", "err", err)
	}
}

// Close writes what is left.
func (w *Watch) Close(nowNs int64) error {
	return errors.Join(w.reporter.close(), w.Settle(nowNs), w.clients.save(), w.usual.save())
}

// Abandon closes what a failed open has opened.
func (w *Watch) Abandon() { w.reporter.close() }

// Metrics gives what was counted; clients is the sum of what all lookouts have.
func (w *Watch) Metrics(ch chan<- prometheus.Metric, clients *visibility.Stats, now time.Time) {
	w.reporter.metrics(ch)
	w.clients.metrics(ch, clients)
	if w.seen != nil {
		metric.Account(ch, "first_seen", w.seen.book.Stats())
	}
	w.feeds.metrics(ch, now)
	w.usual.metrics(ch)
}

// ClientsSummary is a line for the summary of a replay; empty where there are no clients.
func (w *Watch) ClientsSummary() string { return w.clients.summarise() }

// Summarise tells what else a replay has seen.
func (w *Watch) Summarise(out io.Writer) {
	w.feeds.summarise(out)
	if w.seen != nil {
		counters.Summarise(out, "first seen", w.seen.book.Stats())
	}
	w.usual.summarise(out)
}

// ServeClients answers GET /api/v1/clients.
func (w *Watch) ServeClients(out http.ResponseWriter, r *http.Request) { w.clients.serve(out, r) }

// Days are the days that GET /api/v1/top can be asked for; nil where nobody counts.
func (w *Watch) Days() top.Days { return w.usual.days() }

// Pages gives the first sightings; nil where nobody keeps them.
func (w *Watch) Pages() func() (*firstseen.Pages, error) { return w.seen.pages() }
