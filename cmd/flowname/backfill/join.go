package backfill

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"

	"flowname/correlate"
	"flowname/correlate/export/flowlog"
	"flowname/dnscache"
	"flowname/dnscache/firstseen"
	"flowname/flows"
)

// seed spreads what bounded tables hold the same way each time.
const seed = 1

// batchLines is how many lines are joined together.
const batchLines = 256

// maxFlowLine is the longest line of a flow, in bytes; names in it are at most
// 16, of 1100 bytes.
const maxFlowLine = 1 << 17

// A filler gives lines better names, in the order of the lines.
type filler struct {
	correlator *correlate.Correlator
	pages      *firstseen.Pages
	seen       map[string]firstseen.Sighting // domains that were asked for
	stats      tally

	reader  flowlog.Reader
	text    []byte // of the batch's lines
	ends    []int  // where in text each line ends
	flows   []flowlog.Flow
	flow    []int // for each line the number of its flow, -1 for none
	records []flows.Record
	out     []byte
}

func newFiller(cache *dnscache.Cache) (*filler, error) {
	pages, err := firstseen.Read(cache.Shelf(dnscache.ShelfFirstSeen))
	return &filler{
		pages: pages, seen: map[string]firstseen.Sighting{},
		correlator: correlate.New(correlate.Config{Seed: seed}, cache, nil),
		flows:      make([]flowlog.Flow, 0, batchLines),
	}, err
}

// run writes the lines of in to out. Where ctx ends, or a line is too long, it
// ends behind a whole batch.
func (b *filler) run(ctx context.Context, in io.Reader, out io.Writer) error {
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
		if err == io.EOF || len(b.ends) == batchLines {
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
func (b *filler) add(line []byte) {
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
func (b *filler) flush(out io.Writer) error {
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

// rememberedDomains is how many domains' first sightings are remembered.
const rememberedDomains = 1 << 16

// domain fills in the domain of an end's name, and how young it was.
func (b *filler) domain(e *correlate.End, startNs int64) {
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
		if len(b.seen) == rememberedDomains {
			clear(b.seen)
		}
		b.seen[e.Domain] = s
	}
	e.YoungNs = b.pages.Age(s, startNs)
}
