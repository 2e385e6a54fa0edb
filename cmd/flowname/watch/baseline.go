package watch

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math/bits"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"flowname/cmd/flowname/counters"
	"flowname/cmd/flowname/metric"
	"flowname/cmd/flowname/top"
	"flowname/correlate"
	"flowname/correlate/baseline"
	"flowname/dnscache"
)

// BaselineFlags are the flags of what is usual here.
type BaselineFlags struct {
	Baseline     bool `help:"Keep which domains are asked for by most clients, most often, and move most bytes, day by day (default ${default})." default:"true" negatable:""`
	BaselineDays int  `name:"baseline-days" help:"How many days of it are kept (default ${default})." default:"400" placeholder:"N"`
}

// Check refuses what can not work.
func (f *BaselineFlags) Check() error {
	if f.BaselineDays < 1 {
		return errors.New("--baseline-days is under 1")
	}
	return nil
}

// Periods of what is done about baselines besides counting.
const (
	baselineTick  = time.Minute
	baselineSave  = 5 * time.Minute // what a kill can lose of the counts
	countersFlush = time.Second     // how long a joiner keeps flows from the book
)

// baselines are the book of days and whose evidence goes into it. Nil ones count
// nothing.
type baselines struct {
	book  *baseline.Book
	cache *dnscache.Cache
}

// openBaselines opens the book in a cache's store; nil where none is wanted. nowNs is
// the time for a book of what happens now, else 0.
func openBaselines(flags *BaselineFlags, cache *dnscache.Cache, seed uint64, nowNs int64) (*baselines, error) {
	if !flags.Baseline {
		return nil, nil
	}
	book, err := baseline.Open(baseline.Config{Seed: seed, Days: flags.BaselineDays}, cache.Shelf(dnscache.ShelfBaseline))
	if err == nil && nowNs != 0 {
		err = book.Tick(nowNs)
	}
	return &baselines{book, cache}, err
}

// answer counts what a response tells.
func (b *baselines) answer(r *dnscache.Response) {
	if b != nil && len(r.Name) > 0 {
		b.book.See(r, b.cache.Asker(r))
	}
}

// days are those that can be asked for; nil where nobody counts.
func (b *baselines) days() top.Days {
	if b == nil {
		return nil
	}
	return b.book
}

// newCounter is the counter of one joiner; nil where nobody counts.
func (b *baselines) newCounter() *baseline.Counter {
	if b == nil {
		return nil
	}
	return b.book.NewCounter()
}

// A flowCounter gives a lookout's flows to the book.
type flowCounter struct {
	*baseline.Counter       // nil: nobody counts
	flushedNs         int64 // when the book was last given all
}

// key is what flows of a domain are counted by.
func (c *flowCounter) key(domain string) baseline.Key {
	if c.Counter == nil {
		return 0
	}
	return c.KeyOf(domain)
}

// countUsual counts a flow for the domain of its server, or where that has none for the
// client's: some flows begin at the server. Where a flow's start is a day and more from
// when it was received the clock that told it is wrong.
func (l *Lookout) countUsual(f *correlate.Flow) {
	if l.usual.Counter == nil {
		return
	}
	end, other := &f.Dst, &f.Src
	if !f.ServerIsDst() {
		end, other = other, end
	}
	if end.Domain == "" {
		end = other
	}
	if end.Domain == "" {
		return
	}
	at := f.StartNs
	if f.ReceivedNs != 0 && max(at-f.ReceivedNs, f.ReceivedNs-at) > int64(24*time.Hour) {
		at = f.ReceivedNs
	}
	l.usual.Count(l.known.of(end).usual, end.Domain, at, scaled(f.Bytes, f.SamplingRate))
}

// scaled are the bytes that sampled ones stand for, as far as they fit.
func scaled(bytes, rate uint64) uint64 {
	if rate <= 1 {
		return bytes
	}
	if over, product := bits.Mul64(bytes, rate); over == 0 {
		return product
	}
	return 1<<64 - 1
}

// fetch has what a flow of a domain is counted in brought near.
func (c *flowCounter) fetch(key baseline.Key) {
	if c.Counter != nil {
		c.Fetch(key)
	}
}

// rest gives the book what was counted, from time to time.
func (c *flowCounter) rest(nowNs int64) {
	if c.Counter != nil && nowNs-c.flushedNs >= int64(countersFlush) {
		c.flushedNs = nowNs
		c.Flush()
	}
}

// keep closes days and saves those that count, until ctx ends.
func (b *baselines) keep(ctx context.Context, log *slog.Logger) error {
	if b == nil {
		return nil
	}
	tick, save := time.NewTicker(baselineTick), time.NewTicker(baselineSave)
	defer tick.Stop()
	defer save.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			err = b.book.Tick(now.UnixNano())
		case <-save.C:
			err = b.book.Save()
		}
		if err != nil {
			log.Error("baselines could not be written; it is tried again", "err", err)
		}
	}
}

// writeClosed writes the days that are over, of a book that has no clock.
func (b *baselines) writeClosed() error {
	if b == nil {
		return nil
	}
	return b.book.WriteClosed()
}

func (b *baselines) save() error {
	if b == nil {
		return nil
	}
	return b.book.Save()
}

func (b *baselines) metrics(ch chan<- prometheus.Metric) {
	if b != nil {
		metric.Account(ch, "baseline", b.book.Stats())
	}
}

func (b *baselines) summarise(w io.Writer) {
	if b != nil {
		counters.Summarise(w, "baseline", b.book.Stats())
	}
}
