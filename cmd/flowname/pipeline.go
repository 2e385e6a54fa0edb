package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"
	"time"

	"flowname/cmd/flowname/command"
	"flowname/cmd/flowname/datadir"
	"flowname/cmd/flowname/evidence"
	"flowname/cmd/flowname/exports"
	"flowname/cmd/flowname/input"
	"flowname/cmd/flowname/reorder"
	"flowname/cmd/flowname/sinkholes"
	"flowname/cmd/flowname/watch"
	"flowname/correlate"
	"flowname/correlate/export"
	"flowname/dnscache"
	"flowname/flows/netflow"
	"flowname/geo"
)

// flowWindow is how many datagrams of files are held back to put them in order by
// time. With the window of evidence it bounds a replay's memory.
const flowWindow = 1 << 13

// replaySeed spreads what bounded tables hold the same way each time, so that
// even what they forget is the same.
const replaySeed = 1

// A replay is the pipeline over files, in one goroutine: what is done in which
// order depends on the files alone.
type replay struct {
	out        *export.File
	cache      *dnscache.Cache
	decoder    *netflow.Decoder
	samples    *exports.FileSamples
	correlator *correlate.Correlator
	watch      *watch.Watch
	lookout    *watch.Lookout
	sinkholes  sinkholes.List
	filedNs    int64 // when the evidence is filed: now, whatever its own time

	dns         []*evidence.File
	flows       []*exports.File
	dnsSources  []*reorder.Buffer[evidence.Piece]
	flowSources []*reorder.Buffer[exports.Datagram]

	progress *progress
	line     []byte
	encoder  export.Encoder
	err      error // the first that ends it
	begun    bool  // time has passed
	filed    uint64
}

func (c *replayCmd) open(std command.Streams, now time.Time) (r *replay, err error) {
	r = &replay{decoder: netflow.NewDecoder(netflow.Config{}), filedNs: now.UnixNano()}
	defer func() {
		if err != nil {
			r.closeFiles()
		}
	}()
	dns, err := evidence.ConfigOf(&c.DNSFlags, &c.LogFlags)
	if err != nil {
		return r, err
	}
	if err := c.FeedFlags.Check(); err != nil {
		return r, err
	}
	r.samples = exports.NewFileSamples(dns)
	for _, path := range c.DNS {
		f, err := evidence.Open(path, dns)
		if err != nil {
			return r, err
		}
		r.dns = append(r.dns, f)
		r.dnsSources = append(r.dnsSources, reorder.New(f.Pull, max(1, evidence.Window/len(c.DNS))))
	}
	for _, path := range c.Flows {
		f, err := exports.Open(path, r.decoder, r.samples)
		if err != nil {
			return r, err
		}
		r.flows = append(r.flows, f)
		r.flowSources = append(r.flowSources, reorder.New(f.Pull, max(1, flowWindow/len(c.Flows))))
	}
	places, err := geo.New(c.ASN, c.Geo)
	if err != nil {
		return r, err
	}
	if r.cache, err = datadir.Open(dnscache.Config{Dir: c.Data, Seed: replaySeed, Forwarders: dns.Forwarders, MaxClients: c.MaxClients}); err != nil {
		return r, err
	}
	if r.out, err = createOutput(c.Out, std.Out); err != nil {
		return r, err
	}
	known, err := sinkholes.Read(c.Sinkholes, std.Err)
	if err != nil {
		return r, err
	}
	r.sinkholes.Use(known)
	usual := c.BaselineFlags
	usual.Baseline = usual.Baseline && c.Data != "" // else nobody could ask
	if r.watch, err = watch.Open(watch.Config{
		Findings: c.FindingFlags, FirstSeen: c.FirstSeenFlags, Feeds: c.FeedFlags, Clients: c.ClientFlags, Baseline: usual,
		Cache: r.cache, Places: places, DNS: dns, Sinkholes: &r.sinkholes, Seed: replaySeed, NowNs: now.UnixNano(),
		Out: c.Out, OpenFile: output(createOutput, std.Out),
		Lost: func(err error) {
			fmt.Fprintf(std.Err, "what was known of clients is lost in part; they are counted anew: %v\n", err)
		},
	}); err != nil {
		return r, err
	}
	r.lookout = r.watch.NewLookout(&sync.Mutex{})
	r.correlator = correlate.New(correlate.Config{
		Wait: c.Wait, FixClocks: c.FixClocks, Seed: replaySeed, Ahead: r.lookout.Ahead,
	}, r.cache, places.NewCursor())
	r.progress = newProgress(std.Err, r.inputs())
	return r, nil
}

// run merges evidence and records by time: at each moment all evidence up to
// it is filed before the flows that were received then are joined.
func (r *replay) run(ctx context.Context) {
	for ctx.Err() == nil && r.err == nil {
		flowSource, flowNs := reorder.Earliest(r.flowSources)
		dnsSource, dnsNs := reorder.Earliest(r.dnsSources)
		switch {
		case dnsSource != nil && (flowSource == nil || dnsNs <= flowNs):
			r.advance(dnsNs)
			r.file(dnsSource.Pop().Value)
		case flowSource != nil:
			r.advance(flowNs)
			datagram := flowSource.Pop().Value
			for _, e := range datagram.Evidence {
				r.file(evidence.Piece{Response: e})
			}
			r.correlator.Join(datagram.Records, flowNs, r.write)
		default:
			r.correlator.Drain(r.write)
			return
		}
		r.progress.step()
	}
	r.correlator.Drain(r.write)
}

// advance lets time pass: flows that have waited long enough by then are
// written before anything later is filed.
func (r *replay) advance(atNs int64) {
	if !r.begun {
		r.begun = true
		r.fail(r.watch.Settle(atNs)) // from here on it is known what is young
	}
	r.watch.Pass(atNs)
	r.correlator.Release(atNs-1, r.write)
}

func (r *replay) file(t evidence.Piece) {
	r.watch.File(&t, r.filedNs)
	if r.filed++; r.filed%evidence.FlushEvery == 0 {
		r.fail(errors.Join(r.cache.Flush(r.filedNs), r.watch.Settle(t.TimeNs()), r.watch.WriteFindings(), r.watch.WriteClosed()))
	}
}

// fail ends the replay, if err is one.
func (r *replay) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *replay) write(f *correlate.Flow) {
	if r.err != nil {
		return
	}
	r.lookout.Flow(f)
	r.line = r.encoder.AppendJSON(r.line[:0], f)
	r.err = r.out.Write(r.line)
}

func (r *replay) inputs() []*input.File {
	var all []*input.File
	for _, f := range r.dns {
		all = append(all, f.Input())
	}
	for _, f := range r.flows {
		all = append(all, f.Input())
	}
	return all
}

// close writes what is left and closes all.
func (r *replay) close() error {
	r.lookout.Rest(math.MaxInt64)
	err := errors.Join(r.err, r.out.Close(), r.watch.Close(0), r.cache.Close(r.filedNs))
	r.closeFiles()
	return err
}

func (r *replay) closeFiles() {
	for _, f := range r.dns {
		f.Close()
	}
	for _, f := range r.flows {
		f.Close()
	}
}

// createOutput opens the sink of a replay, which writes a file anew: the same
// input gives the same bytes.
func createOutput(path string, stdout io.Writer) (*export.File, error) {
	if path == "-" {
		return export.NewStream(stdout), nil
	}
	return export.CreateFile(path)
}
