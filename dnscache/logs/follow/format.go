package follow

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"flowname/dnscache"
	"flowname/dnscache/logs"
)

// referenceAge is how old a reader's reference time may be. Less than the day
// that logs.Config.ReferenceNs leaves.
const referenceAge = int64(12 * time.Hour)

// errUnknown says that a file's format is not known.
var errUnknown = errors.New("no format is known for these lines: give it as FORMAT:PATH, or see what 'flowname check' says")

// wrapSink gives evidence on, unless a reader is only being primed.
func (f *Follower) wrapSink() logs.Sink {
	return logs.Sink{
		Response: func(x *dnscache.Response) {
			if !f.muted {
				f.stats.NewestNs = max(f.stats.NewestNs, x.TimeNs)
				f.cfg.Sink.Response(x)
			}
		},
		Connection: func(x *dnscache.Connection) {
			if !f.muted {
				f.stats.NewestNs = max(f.stats.NewestNs, x.TimeNs)
				f.cfg.Sink.Connection(x)
			}
		},
	}
}

// tell finds out a content's format; false if there is nothing to be read now.
func (f *Follower) tell(r *record) bool {
	if f.cfg.Format != nil {
		r.format, r.told = f.cfg.Format, true
	}
	for !r.told {
		head, end, err := r.src.peek(f.chunk)
		if err != nil {
			f.broken(r, err)
			return false
		}
		if f.guess(r, head, end) {
			break
		}
		if len(head) < sniffLen || r.finished {
			return false
		}
		f.passOver(r, head)
	}
	return true
}

// guess tries to tell the format by a window of the content.
func (f *Follower) guess(r *record, head []byte, end bool) bool {
	lines := bytes.Split(head, []byte{'\n'})
	lines = lines[:len(lines)-1]
	for i, line := range lines {
		lines[i] = bytes.TrimSuffix(line, []byte{'\r'})
	}
	now := f.now()
	quiet := min(now.Sub(r.grewAt), time.Duration(now.UnixNano()-r.modNs))
	still := end && (r.packed || quiet >= f.cfg.Settle || !r.movedAt.IsZero())
	format := logs.Sniff(lines)
	expected := format != nil && f.heir != nil && format == f.heir.Format() // a rotated log goes on
	if len(head) < sniffLen && len(lines) < sniffLines && !still && !expected {
		return false
	}
	if format == nil && f.heir != nil {
		format = f.heir.Format()
	}
	if format != nil {
		f.dirty = f.dirty || r.format != format
		r.format, r.told = format, true
		return true
	}
	over := len(head) == sniffLen || r.packed || f.dir && quiet >= f.cfg.Quiet
	if over && !r.tried {
		r.tried = true
		f.stats.Unknown++
		f.trouble(r.path, fmt.Errorf("%s: %w", r.path, errUnknown))
	}
	if over && (f.dir || r.packed) {
		r.close()
		r.skip, r.finished = true, true
		r.head = printOf(head[:min(len(head), headLen)])
		f.dirty = true
	}
	return false
}

// passOver counts the lines of a window of no known format.
func (f *Follower) passOver(r *record, head []byte) {
	if i := bytes.LastIndexByte(head, '\n'); i >= 0 {
		head = head[:i+1]
	}
	n, err := r.src.Read(f.chunk[:len(head)])
	if err == nil {
		f.consume(r, f.chunk[:n])
	}
}

// make makes the reader of a content whose format is known, if it has none that
// is young enough.
func (f *Follower) make(r *record) bool {
	reference := min(r.modNs, f.now().UnixNano())
	if r.reader != nil && reference-r.readRef < referenceAge {
		return true
	}
	f.park(r)
	if len(r.parked) == 0 && r.offset == 0 {
		f.inherit(r)
	}
	config := f.cfg.Logs
	config.ReferenceNs = reference
	r.reader, r.readRef = logs.NewReader(r.format, config, f.sink), reference
	switch {
	case len(r.parked) > 0:
		if err := r.reader.Restore(r.parked); err != nil {
			f.prime(r)
		}
	case r.offset > 0:
		f.prime(r)
	}
	r.parked = nil
	return true
}

// inherit takes what the parser of the content before remembers.
func (f *Follower) inherit(r *record) {
	if f.heir == nil {
		return
	}
	if f.heir.Format() == r.format {
		r.parked = f.heir.AppendState(nil)
		f.heir = nil
	}
	f.flushHeir()
}

// flushHeir has the parser of the content before give what it holds.
func (f *Follower) flushHeir() {
	if f.heir == nil {
		return
	}
	before := f.heir.Stats()
	f.heir.Flush()
	after := f.heir.Stats()
	f.stats.Read.Responses += after.Responses - before.Responses
	f.stats.Read.Connections += after.Connections - before.Connections
	f.heir = nil
}

// park puts a reader away until there is more to read.
func (f *Follower) park(r *record) {
	if r.reader != nil {
		r.parked = r.reader.AppendState(nil)
		r.reader = nil
	}
}

// prime gives a new reader the content's first lines, for what they say of the
// others, and passes over what it makes of them.
func (f *Follower) prime(r *record) {
	src, _, err := open(r.path, r.id)
	if err != nil {
		return // it reads on as far as it can
	}
	defer src.close()
	f.muted = true
	defer func() { f.muted = false }()
	head, _, _ := src.peek(make([]byte, sniffLen))
	head = head[:min(int64(len(head)), r.offset)]
	for {
		line, rest, found := bytes.Cut(head, []byte{'\n'})
		if !found {
			return
		}
		r.reader.Line(line)
		head = rest
	}
}
