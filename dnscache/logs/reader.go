package logs

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"flowname/dnscache"
)

// MaxLine is the longest line that is read, in bytes. The longest that any
// format writes is an event with a whole DNS message of 64 kB in hex.
const MaxLine = 512 << 10

// Stats count what a Reader was given.
type Stats struct {
	// Lines is the sum of ByReason.
	Lines uint64
	// ByReason counts lines by what became of them.
	ByReason [numReasons]uint64
	// Responses and Connections are evidence given.
	Responses, Connections uint64
}

// A Reader reads lines of one format.
type Reader struct {
	format *Format
	cfg    Config
	parser Parser
	to     Sink // counts, and passes on to out
	out    Sink
	stats  Stats
}

// NewReader returns a Reader of a format's lines that gives evidence to out.
func NewReader(f *Format, cfg Config, out Sink) *Reader {
	r := &Reader{format: f, cfg: cfg, parser: f.open(cfg), out: out}
	r.to = Sink{
		Response: func(x *dnscache.Response) {
			r.stats.Responses++
			r.out.Response(x)
		},
		Connection: func(x *dnscache.Connection) {
			r.stats.Connections++
			r.out.Connection(x)
		},
	}
	return r
}

// Format is the format that is read.
func (r *Reader) Format() *Format { return r.format }

// Stats returns the counters so far.
func (r *Reader) Stats() Stats { return r.stats }

// Line takes one line without its end; a carriage return before it is dropped.
// It says what became of the line.
func (r *Reader) Line(line []byte) Reason {
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	reason := Passed
	switch {
	case len(line) > MaxLine:
		reason = TooLong
	case len(line) > 0:
		reason = r.parser.Line(line, &r.to)
	}
	r.stats.Lines++
	r.stats.ByReason[reason]++
	return reason
}

// Unended takes what stands behind the last line end of a file that is complete.
// It may be the beginning of a longer line that would say something else, and is
// refused as torn, unless it is whole by itself: a JSON object, an array of them,
// an event in XML.
func (r *Reader) Unended(line []byte) Reason {
	if n := len(line); n > 0 && n <= MaxLine {
		first, last := line[0], line[n-1]
		if first == '{' && last == '}' || first == '[' && last == ']' || bytes.HasSuffix(line, []byte("</Event>")) {
			return r.Line(line)
		}
	}
	r.stats.Lines++
	r.stats.ByReason[Torn]++
	return Torn
}

// Flush gives evidence that waits for later lines: there are none.
func (r *Reader) Flush() { r.parser.Flush(&r.to) }

// AppendState appends what the Reader needs to go on in another process.
func (r *Reader) AppendState(dst []byte) []byte {
	if s, ok := r.parser.(Stateful); ok {
		return s.AppendState(dst)
	}
	return dst
}

// Restore takes the state back that AppendState gave.
func (r *Reader) Restore(state []byte) error {
	s, ok := r.parser.(Stateful)
	switch {
	case ok:
		return s.Restore(state)
	case len(state) > 0:
		return errors.New("logs: a state for a format that has none")
	}
	return nil
}

// Lines splits a stream into lines in constant memory.
type Lines struct {
	in   *bufio.Reader
	line []byte
}

// NewLines splits what in gives.
func NewLines(in io.Reader) *Lines {
	return &Lines{in: bufio.NewReaderSize(in, 64<<10)}
}

// Next gives the next line without its end, valid until the next call. Of a line
// over MaxLine bytes it gives the first MaxLine+1, so that Reader.Line refuses
// it. ended is false for what stands behind the last line end. At the end of the
// input the error is io.EOF.
func (l *Lines) Next() (line []byte, ended bool, err error) {
	l.line = l.line[:0]
	for {
		part, err := l.in.ReadSlice('\n')
		if err == nil {
			part = part[:len(part)-1]
			if len(l.line) == 0 {
				return part, true, nil
			}
		}
		l.line = append(l.line, part[:min(len(part), MaxLine+1-len(l.line))]...)
		switch {
		case err == nil:
			return l.line, true, nil
		case errors.Is(err, bufio.ErrBufferFull):
		case len(l.line) > 0 && err == io.EOF:
			return l.line, false, nil
		default:
			return nil, false, err
		}
	}
}
