package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/signal"
	"syscall"
	"time"

	"flowname/cmd/flowname/command"
	"flowname/cmd/flowname/counters"
	"flowname/cmd/flowname/datadir"
	"flowname/cmd/flowname/evidence"
	"flowname/cmd/flowname/input"
	"flowname/cmd/flowname/table"
	"flowname/correlate"
	"flowname/correlate/export/flowlog"
	"flowname/dnscache"
	"flowname/dnscache/firstseen"
	"flowname/flows"
)

type backfillCmd struct {
	Files  []string `arg:"" optional:"" name:"file" help:"Files of enriched flows, plain or packed with gzip or zstd; - is stdin (the default)."`
	Server string   `help:"Ask the running daemon for the names (default ${default})." default:"http://127.0.0.1:8470" placeholder:"URL"`
	Data   string   `help:"Take names from this data directory instead; no daemon must be using it." placeholder:"DIR"`
	DNS    []string `name:"dns" help:"Take names from this file of DNS evidence instead (repeatable); with --data it is added to the history." placeholder:"FILE" sep:"none"`
	Out    string   `help:"Where the lines go (default ${default}: stdout); none of the files." default:"-" placeholder:"FILE"`
	evidence.DNSFlags
	evidence.LogFlags
}

// Run gives lines the names that are known by now.
func (c *backfillCmd) Run(std command.Streams) (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends at once

	if len(c.Files) == 0 {
		c.Files = []string{"-"}
	}
	out, closeOut, err := c.output(std.Out)
	if err != nil {
		return fmt.Errorf("backfill: %w", err)
	}
	var stats backfillStats
	if c.Data != "" || len(c.DNS) > 0 {
		err = c.local(ctx, std, out, &stats)
	} else {
		err = c.remote(ctx, std, out, &stats)
	}
	if err = errors.Join(err, closeOut()); err != nil {
		return fmt.Errorf("backfill: %w", err)
	}
	stats.summarise(std.Err)
	return nil
}

// output opens where lines go. It is never one of the files that are read: a
// run that is cut short would take the rest of it away.
func (c *backfillCmd) output(stdout io.Writer) (w io.Writer, closeIt func() error, err error) {
	if c.Out == "-" {
		b := bufio.NewWriterSize(stdout, 1<<18)
		return b, b.Flush, nil
	}
	if there, err := os.Stat(c.Out); err == nil {
		for _, path := range c.Files {
			if in, err := os.Stat(path); err == nil && os.SameFile(in, there) {
				return nil, nil, fmt.Errorf("--out %s is read too: give another file, and replace the one by the other when it is done", c.Out)
			}
		}
	}
	file, err := os.Create(c.Out)
	if err != nil {
		return nil, nil, err
	}
	b := bufio.NewWriterSize(file, 1<<18)
	return b, func() error { return errors.Join(b.Flush(), file.Close()) }, nil
}

// local joins in this process.
func (c *backfillCmd) local(ctx context.Context, std command.Streams, out io.Writer, stats *backfillStats) (err error) {
	dns, err := evidence.ConfigOf(&c.DNSFlags, &c.LogFlags)
	if err != nil {
		return err
	}
	if c.Data != "" && len(c.DNS) == 0 { // nothing is made where only something is asked
		h, err := datadir.OpenHistory(c.Data)
		if err != nil {
			return err
		}
		if err := h.Close(); err != nil {
			return err
		}
	}
	cache, err := datadir.Open(dnscache.Config{Dir: c.Data, Seed: replaySeed})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cache.Close(time.Now().UnixNano())) }()
	for _, path := range c.DNS {
		if _, problem, err := evidence.Load(path, dns, func(t *evidence.Piece, nowNs int64) { t.FileIn(cache, nowNs) }, cache.Flush); err != nil {
			return err
		} else if problem != nil {
			fmt.Fprintf(std.Err, "%v: what came before is used\n", problem)
		}
	}
	b, err := newBackfill(cache)
	if err != nil {
		return err
	}
	err = c.eachFile(std.In, func(in io.Reader) error { return b.run(ctx, in, out) })
	stats.add(&b.stats)
	return err
}

// eachFile opens the files one after the other.
func (c *backfillCmd) eachFile(stdin io.Reader, do func(io.Reader) error) error {
	for _, path := range c.Files {
		if path == "-" {
			if err := do(stdin); err != nil {
				return fmt.Errorf("stdin: %w", err)
			}
			continue
		}
		in, err := input.OpenPacked(path)
		if err != nil {
			return err
		}
		if in == nil {
			continue // an empty file
		}
		err = do(in.Reader)
		in.Close()
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

// backfillStats count lines by what became of them, and ends by what they got.
type backfillStats struct {
	Lines    uint64 `json:"lines"`
	Changed  uint64 `json:"changed"`
	NotFlows uint64 `json:"not_flows"` // passed on as they are

	Named     uint64 `json:"named"`
	Renamed   uint64 `json:"renamed"`
	Listed    uint64 `json:"listed"`
	Withdrawn uint64 `json:"withdrawn"`
	Reasons   uint64 `json:"reasons"`
}

func (s *backfillStats) add(o *backfillStats) { counters.Add(s, *o) }

func (s *backfillStats) count(c flowlog.Change) {
	if c.Any() {
		s.Changed++
	}
	s.Named += uint64(c.Named)
	s.Renamed += uint64(c.Renamed)
	s.Listed += uint64(c.Listed)
	s.Withdrawn += uint64(c.Withdrawn)
	if c.Reason {
		s.Reasons++
	}
}

func (s *backfillStats) summarise(w io.Writer) {
	fmt.Fprintf(w, "%s lines, %s changed\n", table.Grouped(s.Lines), table.Grouped(s.Changed))
	for _, row := range []struct {
		n    uint64
		what string
	}{
		{s.Named, "ends have a name now"},
		{s.Renamed, "ends have a better name"},
		{s.Listed, "ends have more candidates, or a process"},
		{s.Withdrawn, "ends lost a name that is one of several"},
		{s.Reasons, "flows have another reason for no name"},
		{s.NotFlows, "lines are no enriched flows and were passed on as they are"},
	} {
		if row.n > 0 {
			fmt.Fprintf(w, "%12s %s\n", table.Grouped(row.n), row.what)
		}
	}
}

// backfillBatch is how many lines are joined together.
const backfillBatch = 256

// maxFlowLine is the longest line of a flow, in bytes; names in it are at most
// 16, of 1100 bytes.
const maxFlowLine = 1 << 17

// A backfill gives lines better names, in the order of the lines.
type backfill struct {
	correlator *correlate.Correlator
	pages      *firstseen.Pages
	seen       map[string]firstseen.Sighting // domains that were asked for
	stats      backfillStats

	reader  flowlog.Reader
	text    []byte // of the batch's lines
	ends    []int  // where in text each line ends
	flows   []flowlog.Flow
	flow    []int // for each line the number of its flow, -1 for none
	records []flows.Record
	out     []byte
}

func newBackfill(cache *dnscache.Cache) (*backfill, error) {
	pages, err := firstseen.Read(cache.Shelf(dnscache.ShelfFirstSeen))
	return &backfill{
		pages: pages, seen: map[string]firstseen.Sighting{},
		correlator: correlate.New(correlate.Config{Seed: replaySeed}, cache, nil),
		flows:      make([]flowlog.Flow, 0, backfillBatch),
	}, err
}

// run writes the lines of in to out. Where ctx ends, or a line is too long, it
// ends behind a whole batch.
func (b *backfill) run(ctx context.Context, in io.Reader, out io.Writer) error {
	r := bufio.NewReaderSize(in, maxFlowLine)
	for {
		line, err := r.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			return errors.Join(fmt.Errorf("line %d is longer than any flow", b.stats.Lines+uint64(len(b.ends))+1), b.flush(out))
		case err != nil && err != io.EOF:
			return errors.Join(err, b.flush(out))
		}
		if len(line) > 0 {
			b.add(line)
		}
		if err == io.EOF || len(b.ends) == backfillBatch {
			if err := b.flush(out); err != nil {
				return err
			}
			if err := ctx.Err(); err != nil {
				return errors.New("interrupted: the output is whole up to here")
			}
		}
		if err == io.EOF {
			return nil
		}
	}
}

// add takes a line into the batch.
func (b *backfill) add(line []byte) {
	b.text = append(b.text, line...)
	b.ends = append(b.ends, len(b.text))
	var f flowlog.Flow
	if b.reader.Read(&f, line) != nil {
		b.flow = append(b.flow, -1)
		return
	}
	b.flow = append(b.flow, len(b.flows))
	b.flows = append(b.flows, f)
	b.records = append(b.records, f.Record)
}

// flush joins the batch and writes its lines.
func (b *backfill) flush(out io.Writer) error {
	next, start := 0, 0 // the line to be written and where it begins
	write := func(now *correlate.Flow) {
		for ; next < len(b.ends) && (b.flow[next] < 0 || now != nil); next++ {
			line := b.text[start:b.ends[next]]
			start = b.ends[next]
			b.stats.Lines++
			if b.flow[next] < 0 {
				b.stats.NotFlows++
				b.out = append(b.out, line...)
				continue
			}
			b.domain(&now.Src, now.StartNs)
			b.domain(&now.Dst, now.StartNs)
			var change flowlog.Change
			b.out, change = b.reader.AppendNamed(b.out, line, &b.flows[b.flow[next]], now)
			b.stats.count(change)
			now = nil
		}
	}
	b.correlator.Join(b.records, 0, write) // nothing waits: in order, each once
	write(nil)
	b.text, b.ends, b.flow = b.text[:0], b.ends[:0], b.flow[:0]
	b.flows, b.records = b.flows[:0], b.records[:0]
	_, err := out.Write(b.out)
	b.out = b.out[:0]
	return err
}

// backfillDomains is how many domains' first sightings are remembered.
const backfillDomains = 1 << 16

// domain fills in the domain of an end's name, and how young it was.
func (b *backfill) domain(e *correlate.End, startNs int64) {
	e.Domain, e.YoungNs = "", -1
	if !e.Named {
		return
	}
	c := &e.Candidates[0]
	var ok bool
	if e.Domain, ok = dnscache.DomainOf(c.Name, c.DomainAt); !ok {
		e.Domain = dnscache.Domain(c.Name)
	}
	if e.Domain == "" {
		return
	}
	s, ok := b.seen[e.Domain]
	if !ok {
		var err error
		if s, _, err = b.pages.Domain(e.Domain, netip.Addr{}); err != nil {
			return // how young it was is left out
		}
		if len(b.seen) == backfillDomains {
			clear(b.seen)
		}
		b.seen[e.Domain] = s
	}
	e.YoungNs = b.pages.Age(s, startNs)
}
