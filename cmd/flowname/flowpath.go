package main

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"flowname/correlate"
	"flowname/correlate/export"
	"flowname/dnscache"
	"flowname/flows"
	"flowname/flows/listen"
	"flowname/flows/netflow"
)

// The path of a flow, for each socket: a receiver decodes datagrams to batches
// of records, a joiner makes lines of them. Batches and line buffers go round
// in a fixed number, so that a stage that is behind holds up the one before it,
// and at last the socket, where the kernel drops and counts. A batch is passed on
// when it has recordsPerBatch, so that only its last datagram can exceed that; one
// that has grown beyond recordsKept, which takes a hostile datagram, is made anew.
const (
	batchesPerSocket = 8
	recordsPerBatch  = 4096
	recordsKept      = 2 * recordsPerBatch
	linesPerSocket   = 4
	linesSize        = 256 << 10
	joinerTick       = 100 * time.Millisecond
	complaintEvery   = 10 * time.Second
)

type flowBatch struct{ records []flows.Record }

// A receiver owns a socket and its decoder. Others look into the decoder only
// with mu, which the receiver has for a batch at a time: a copy that it would
// have to publish is either old on a quiet socket or made more often than read.
type receiver struct {
	socket  *listen.Socket // nil for one that a streamServer feeds
	mu      sync.Mutex
	decoder *netflow.Decoder
	free    chan *flowBatch
	full    chan *flowBatch // closed when the socket is
	stats   snapshot[netflow.Stats]
	log     *slog.Logger

	dns     flowDNS
	answers []netflow.Answer
	file    func(*dnscache.Response) // takes DNS of flow records

	complainedNs int64
}

func newReceiver(socket *listen.Socket, cfg netflow.Config, file func(*dnscache.Response), log *slog.Logger) *receiver {
	r := &receiver{
		socket:  socket,
		decoder: netflow.NewDecoder(cfg),
		free:    make(chan *flowBatch, batchesPerSocket),
		full:    make(chan *flowBatch, batchesPerSocket),
		file:    file,
		log:     log,
	}
	for range batchesPerSocket {
		r.free <- &flowBatch{records: make([]flows.Record, 0, recordsPerBatch)}
	}
	return r
}

// run receives until ctx ends and the socket's queue is drained.
func (r *receiver) run(ctx context.Context) error {
	defer close(r.full)
	return r.socket.Run(ctx, r.handle)
}

func (r *receiver) handle(datagrams []listen.Datagram) {
	for len(datagrams) > 0 {
		b := r.batch()
		datagrams = r.fill(b, datagrams)
		// Before the flows, so that those of this batch find it.
		for i := range r.answers {
			r.file(r.dns.evidence(&r.answers[i]))
		}
		r.stats.store(r.decoder.Stats())
		r.full <- b
	}
}

// batch is an empty batch, as soon as one is free.
func (r *receiver) batch() *flowBatch {
	b := <-r.free
	if cap(b.records) > recordsKept {
		b.records = make([]flows.Record, 0, recordsPerBatch)
	}
	b.records = b.records[:0]
	return b
}

// fill decodes datagrams into a batch until it is full, and returns those that
// are left.
func (r *receiver) fill(b *flowBatch, datagrams []listen.Datagram) []listen.Datagram {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for n < len(datagrams) && len(b.records) < recordsPerBatch {
		d := &datagrams[n]
		var err error
		b.records, err = r.decoder.AppendRecords(b.records, d.Payload, d.From, d.ReceivedNs)
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
	r.stats.store(r.decoder.Stats())
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
}

// A joiner owns a correlator and turns batches into lines.
type joiner struct {
	correlator *correlate.Correlator
	in         <-chan *flowBatch
	free       chan<- *flowBatch
	lines      chan<- lineBuffer
	spare      chan []byte
	buf        []byte
	encoder    export.Encoder
	stats      snapshot[joinStats]
}

func newJoiner(c *correlate.Correlator, r *receiver, lines chan<- lineBuffer) *joiner {
	j := &joiner{
		correlator: c, in: r.full, free: r.free, lines: lines,
		spare: make(chan []byte, linesPerSocket),
	}
	for range linesPerSocket - 1 {
		j.spare <- make([]byte, 0, linesSize)
	}
	j.buf = make([]byte, 0, linesSize)
	return j
}

// run joins until its batches end, then hands out what waits still.
func (j *joiner) run() {
	tick := time.NewTicker(joinerTick)
	defer tick.Stop()
	for {
		select {
		case b, ok := <-j.in:
			if !ok {
				j.correlator.Drain(j.emit)
				j.pass()
				return
			}
			j.correlator.Join(b.records, time.Now().UnixNano(), j.emit)
			j.free <- b
		case now := <-tick.C:
			j.correlator.Release(now.UnixNano(), j.emit)
			j.pass()
		}
	}
}

func (j *joiner) emit(f *correlate.Flow) {
	j.buf = j.encoder.AppendJSON(j.buf, f)
	if len(j.buf) >= linesSize {
		j.pass()
	}
}

// pass gives the lines to the writer and takes an empty buffer.
func (j *joiner) pass() {
	j.stats.store(joinStats{j.correlator.Stats(), j.correlator.Waiting()})
	if len(j.buf) == 0 {
		return
	}
	j.lines <- lineBuffer{j.buf, j.spare}
	j.buf = (<-j.spare)[:0]
}
