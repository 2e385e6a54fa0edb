package follow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"time"

	"flowname/dnscache/logs"
)

const (
	// sniffLen and sniffLines are from how much of a content its format is told.
	sniffLen   = 64 << 10
	sniffLines = 20
	chunkLen   = 256 << 10
)

// readAll reads what has come, in the order of the records.
func (f *Follower) readAll(ctx context.Context) {
	for _, r := range slices.Clone(f.records) {
		if r.finished {
			continue
		}
		if ctx.Err() != nil {
			return
		}
		if r.due() {
			f.read(ctx, r)
		}
		now := f.now()
		if !r.finished {
			f.finishInTime(r, now)
		}
		// What was rotated comes first, unless its writer does not let go of it.
		if !f.dir && !r.finished && !r.movedAt.IsZero() && now.Sub(r.movedAt) < 10*f.cfg.Grace {
			return
		}
	}
}

// read reads a content as far as it goes now.
func (f *Follower) read(ctx context.Context, r *record) {
	if !f.open(r) || !f.tell(r) || !f.make(r) {
		return
	}
	for ctx.Err() == nil {
		n, err := r.src.Read(f.chunk)
		if n > 0 && !r.unchanged() {
			r.close()
			f.nextScan = time.Time{} // which sees what it is now
			return
		}
		if n > 0 {
			r.grewAt = f.now()
			f.consume(r, f.chunk[:n])
			f.saveInTime()
		}
		switch {
		case err == nil:
		case err != io.EOF:
			f.broken(r, err)
			return
		case r.src.packed:
			f.finish(r)
			return
		default:
			r.ended = true
			return
		}
	}
}

// broken closes a file that can not be read on.
func (f *Follower) broken(r *record, err error) {
	f.trouble(r.path, fmt.Errorf("%s: %w", r.path, err))
	r.torn = r.src != nil && r.src.packed
	f.park(r)
	r.close()
}

// open opens the file at the offset if it is not open.
func (f *Follower) open(r *record) bool {
	f.turns++
	r.usedAt = f.turns
	if r.src != nil {
		return true
	}
	f.makeRoom()
	src, _, err := open(r.path, r.id)
	if err != nil {
		if !errors.Is(err, errReplaced) && !errors.Is(err, fs.ErrNotExist) {
			f.trouble(r.path, err)
		}
		return false // the next scan sees what became of it
	}
	same, err := src.has(r.offset, r.tail)
	r.src, r.packed = src, src.packed
	switch {
	case err != nil:
		f.broken(r, err)
		return false
	case !same:
		f.rewritten(r)
		return false
	}
	r.headRaw, r.tailRaw = nil, src.again(r.offset-int64(r.tail.n), r.tail.n)
	if r.head.n < headLen {
		r.headRaw = src.again(0, r.head.n)
	}
	f.well(r.path)
	return true
}

// makeRoom closes the file that was not read for longest if too many are open.
func (f *Follower) makeRoom() {
	var oldest *record
	n := 0
	for _, r := range f.records {
		if r.src == nil {
			continue
		}
		if n++; oldest == nil || r.usedAt < oldest.usedAt {
			oldest = r
		}
	}
	if n >= MaxOpen {
		f.park(oldest)
		oldest.close()
	}
}

// consume gives the lines of a part of the content to its reader.
func (f *Follower) consume(r *record, b []byte) {
	before := readerStats(r)
	begun := r.offset
	start := 0 // of what is not given yet
	for {
		i := bytes.IndexByte(b[start:], '\n')
		if i < 0 {
			break
		}
		line := b[start : start+i]
		start += i + 1
		if r.held == 0 {
			f.line(r, line)
			continue
		}
		r.hold(line)
		f.line(r, r.partial)
		r.advanceHeld()
		r.advance(b[start-1 : start])
		b, start = b[start:], 0
	}
	r.advance(b[:start])
	r.hold(b[start:])
	f.count(r, before)
	f.stats.Bytes += uint64(r.offset - begun)
	f.dirty = f.dirty || r.offset != begun
}

// line gives a line to the reader. Where the format is not known there is none.
func (f *Follower) line(r *record, line []byte) {
	switch {
	case r.reader != nil:
		r.reader.Line(line)
	case len(line) > logs.MaxLine:
		f.refuse(logs.TooLong)
	default:
		f.refuse(logs.NotTheFormat)
	}
}

// refuse counts a line that no reader was given.
func (f *Follower) refuse(reason logs.Reason) {
	f.stats.Read.Lines++
	f.stats.Read.ByReason[reason]++
}

func readerStats(r *record) logs.Stats {
	if r.reader == nil {
		return logs.Stats{}
	}
	return r.reader.Stats()
}

// count adds what a reader has counted since before.
func (f *Follower) count(r *record, before logs.Stats) {
	after := readerStats(r)
	read := &f.stats.Read
	read.Lines += after.Lines - before.Lines
	for i := range read.ByReason {
		read.ByReason[i] += after.ByReason[i] - before.ByReason[i]
	}
	read.Responses += after.Responses - before.Responses
	read.Connections += after.Connections - before.Connections
}

// finishInTime finishes a content that has had its time to grow.
func (f *Follower) finishInTime(r *record, now time.Time) {
	still := r.grewAt
	if r.movedAt.After(still) {
		still = r.movedAt
	}
	quiet := now.Sub(still)
	moved := !r.movedAt.IsZero()
	switch {
	case r.src == nil && !r.here:
		if quiet >= f.graceOf(r) && r.missed >= minMissed {
			f.giveUp(r)
		}
	case !moved:
		if f.dir && quiet >= f.cfg.Quiet && r.read() {
			f.finish(r)
		}
	case quiet < f.graceOf(r):
	case r.torn:
		f.abandon(r)
	case r.read() && (f.dir || f.followed(r)):
		f.finish(r)
	}
}

// handover is how long a rotated content is waited for that has a successor with
// something in it: its writer has let go of it, but for threads of it that are
// behind. Evidence in the successor waits for as long, and flows wait two seconds.
const handover = 500 * time.Millisecond

// graceOf is how long a rotated content may still grow.
func (f *Follower) graceOf(r *record) time.Duration {
	after := f.records[slices.Index(f.records, r)+1:]
	if !f.dir && slices.ContainsFunc(after, func(x *record) bool { return !x.finished && x.size > 0 }) {
		return min(f.cfg.Grace, handover)
	}
	return f.cfg.Grace
}

// minMissed is how many scans must not have seen a file before it is gone: one
// that is renamed while a directory is read may be missed.
const minMissed = 3

// giveUp gives up a content that is nowhere to be found.
func (f *Follower) giveUp(r *record) {
	delete(f.byID, r.id)
	r.id = identity{}
	switch {
	case r.offset == 0:
		// Whatever comes up again is new.
		f.records = slices.DeleteFunc(f.records, func(x *record) bool { return x == r })
		f.dirty = true
	case r.packed || r.size > r.offset:
		f.abandon(r)
	default:
		f.finish(r)
	}
}

// followed says whether a content has a successor. Until it has, its writer may
// be about to write to it.
func (f *Follower) followed(r *record) bool {
	after := f.records[slices.Index(f.records, r)+1:]
	return slices.ContainsFunc(after, func(x *record) bool { return !x.finished })
}

// finish ends the reading of a content.
func (f *Follower) finish(r *record) {
	if r.reader == nil && len(r.parked) > 0 {
		f.make(r)
	}
	before := readerStats(r)
	if r.held > 0 {
		if r.reader != nil {
			r.reader.Unended(r.partial)
		} else {
			f.refuse(logs.Torn)
		}
		f.stats.Bytes += uint64(r.held)
		r.advanceHeld()
	}
	f.pass(r)
	f.count(r, before)
	r.close()
	r.reader, r.parked, r.finished = nil, nil, true
	r.headRaw, r.tailRaw = nil, nil
	f.stats.Finished++
	f.dirty = true
}

// pass keeps the reader of a rotated content for the next one, or has it give
// what it holds.
func (f *Follower) pass(r *record) {
	switch {
	case r.reader == nil:
	case f.dir:
		r.reader.Flush()
	default:
		f.flushHeir()
		f.heir = r.reader
	}
}
