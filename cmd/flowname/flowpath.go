package main

import (
	"context"
	"log/slog"
	"math"
	"net/netip"
	"sync"
	"time"

	"flowname/cmd/flowname/counters"
	"flowname/cmd/flowname/exports"
	"flowname/cmd/flowname/watch"
	"flowname/correlate"
	"flowname/correlate/export"
	"flowname/correlate/visibility"
	"flowname/dnscache"
	"flowname/flows"
	"flowname/flows/listen"
	"flowname/flows/netflow"
)

// The path of a flow, for each socket: a receiver decodes some datagrams to
// records and has its joiner make lines of them, before it decodes the next:
// what one stage has written is still in the core's cache when the next one
// reads it, and nobody is woken for it. Line buffers go round in a fixed number,
// so that a writer that is behind holds up the joiner, and at last the socket,
// where the kernel drops and counts. Records are passed on when there are
// recordsPerBatch, so that only their last datagram can exceed that; room for them
// that has grown beyond recordsKept, which takes a hostile datagram, is made anew.
const (
	recordsPerBatch = 512 // of 472 bytes each: an eighth of a second-level cache
	recordsKept     = 16 * recordsPerBatch
	linesPerSocket  = 4
	linesSize       = 256 << 10
	joinerTick      = 100 * time.Millisecond
	complaintEvery  = 10 * time.Second
)

// A receiver owns a socket and its decoder. Others look into the decoder only
// with mu, which the receiver has for a batch at a time: a copy that it would
// have to publish is either old on a quiet socket or made more often than read.
type receiver struct {
	socket  *listen.Socket // nil for one that a streamServer feeds
	mu      sync.Mutex
	decoder *netflow.Decoder
	records []flows.Record
	join    func([]flows.Record) // lent until it returns
	ended   chan struct{}        // closed after the last join
	stats   counters.Snapshot[netflow.Stats]
	log     *slog.Logger

	dns     exports.DNS
	answers []netflow.Answer
	file    func(*dnscache.Response) // takes DNS of flow records

	complainedNs int64
}

func newReceiver(socket *listen.Socket, cfg netflow.Config, file func(*dnscache.Response), log *slog.Logger) *receiver {
	r := &receiver{
		socket:  socket,
		decoder: netflow.NewDecoder(cfg),
		ended:   make(chan struct{}),
		file:    file,
		log:     log,
	}
	r.empty()
	return r
}

// run receives until ctx ends and the socket's queue is drained.
func (r *receiver) run(ctx context.Context) error {
	defer close(r.ended)
	return r.socket.Run(ctx, r.handle)
}

func (r *receiver) handle(datagrams []listen.Datagram) {
	for len(datagrams) > 0 {
		r.empty()
		datagrams = r.fill(datagrams)
		// Before the flows, so that those of this batch find it.
		for i := range r.answers {
			r.file(r.dns.Evidence(&r.answers[i]))
		}
		r.stats.Store(r.decoder.Stats())
		r.join(r.records)
	}
}

// empty makes room for records.
func (r *receiver) empty() {
	if c := cap(r.records); c < recordsPerBatch || c > recordsKept {
		r.records = make([]flows.Record, 0, recordsPerBatch)
	}
	r.records = r.records[:0]
}

// fill decodes datagrams until there are enough records, and returns those that
// are left.
func (r *receiver) fill(datagrams []listen.Datagram) []listen.Datagram {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for n < len(datagrams) && len(r.records) < recordsPerBatch {
		d := &datagrams[n]
		var err error
		r.records, err = r.decoder.AppendRecords(r.records, d.Payload, d.From, d.ReceivedNs)
		if err != nil {
			r.complain(d, err)
		}
		n++
	}
	r.answers = r.decoder.TakeAnswers(r.answers[:0])
	return datagrams[n:]
}

// appendState appends what has to outlive a restart.
func (r *receiver) appendState(dst []byte, unheard bool) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.decoder.AppendState(dst, unheard)
}

// appendReports appends the accounts of exporters, and gives the sums of those
// that were forgotten to make room and of those whose connection ended.
func (r *receiver) appendReports(dst []netflow.Report) (all []netflow.Report, gone, ended netflow.Account) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.decoder.AppendReports(dst), r.decoder.Gone(), r.decoder.Ended()
}

// forget drops what a connection told that has ended.
func (r *receiver) forget(exporter netip.AddrPort) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.decoder.Forget(exporter)
	r.stats.Store(r.decoder.Stats())
}

// complain logs what was refused, seldom: the counters tell how often.
func (r *receiver) complain(d *listen.Datagram, err error) {
	if d.ReceivedNs-r.complainedNs < int64(complaintEvery) {
		return
	}
	r.complainedNs = d.ReceivedNs
	r.log.Warn("part of an export message was refused; /metrics counts all", "exporter", d.From, "err", err)
}

// joinStats is a correlator's account and how many flows wait in it.
type joinStats struct {
	correlate.Stats
	waiting int
	clients visibility.Stats
}

// A joiner turns the records of its receiver into lines: in the receiver's
// goroutine as they come, and in its own those that have waited.
type joiner struct {
	ended  <-chan struct{} // the receiver has
	lines  chan<- lineBuffer
	spare  chan []byte
	stats  counters.Snapshot[joinStats]
	clocks counters.Snapshot[[]correlate.Clock]

	mu         sync.Mutex
	correlator *correlate.Correlator
	lookout    *watch.Lookout
	changes    uint64 // of clocks
	buf        []byte
	encoder    export.Encoder
}

// newJoiner makes a joiner and gives it to its receiver.
func (d *daemon) newJoiner(cfg correlate.Config, r *receiver) *joiner {
	j := &joiner{ended: r.ended, lines: d.writer.in, spare: make(chan []byte, linesPerSocket)}
	j.lookout = d.watch.NewLookout(&j.mu)
	cfg.Ahead = j.lookout.Ahead
	j.correlator = correlate.New(cfg, d.cache, d.places.NewCursor())
	r.join = j.join
	for range linesPerSocket - 1 {
		j.spare <- make([]byte, 0, linesSize)
	}
	j.buf = make([]byte, 0, linesSize)
	return j
}

// run hands out what has waited until the receiver has ended, then what waits
// still.
func (j *joiner) run() {
	tick := time.NewTicker(joinerTick)
	defer tick.Stop()
	for {
		select {
		case <-j.ended:
			j.release(math.MaxInt64)
			return
		case now := <-tick.C:
			j.release(now.UnixNano())
		}
	}
}

func (j *joiner) join(records []flows.Record) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.correlator.Join(records, time.Now().UnixNano(), j.emitLocked)
}

func (j *joiner) release(untilNs int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.correlator.Release(untilNs, j.emitLocked)
	j.lookout.Rest(untilNs)
	j.passLocked()
}

func (j *joiner) emitLocked(f *correlate.Flow) {
	j.lookout.Flow(f)
	j.buf = j.encoder.AppendJSON(j.buf, f)
	if len(j.buf) >= linesSize {
		j.passLocked()
	}
}

// passLocked gives the lines to the writer and takes an empty buffer.
func (j *joiner) passLocked() {
	j.stats.Store(joinStats{j.correlator.Stats(), j.correlator.Waiting(), j.lookout.ClientStats()})
	if n := j.correlator.ClockChanges(); n != j.changes {
		j.changes = n
		j.clocks.Store(j.correlator.AppendClocks(nil)) // a new slice: others have the old one
	}
	if len(j.buf) == 0 {
		return
	}
	j.lines <- lineBuffer{j.buf, j.spare}
	j.buf = (<-j.spare)[:0]
}
