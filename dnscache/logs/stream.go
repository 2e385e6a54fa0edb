package logs

import (
	"bytes"
	"time"
)

const (
	// streamLines and streamBytes are how much of a stream is held until its
	// format is told.
	streamLines = 20
	streamBytes = 64 << 10
	// referenceAge is how old Config.ReferenceNs may become: less than the day
	// that it leaves.
	referenceAge = int64(12 * time.Hour)
)

// A Stream reads lines that come one by one and have no file, and tells their
// format from the first ones. The lines that it is not told from within 20 lines
// and 64 kB are refused, and it is tried with the next.
type Stream struct {
	cfg    Config
	out    Sink
	reader *Reader // nil until the format is known
	held   [][]byte
	size   int
	stats  Stats // of lines that no reader was given
}

// NewStream returns a Stream that gives evidence to out. f is nil if the lines
// are to tell the format.
func NewStream(f *Format, cfg Config, out Sink) *Stream {
	s := &Stream{cfg: cfg, out: out}
	if f != nil {
		s.reader = NewReader(f, cfg, out)
	}
	return s
}

// Format is the format if it is known, else nil.
func (s *Stream) Format() *Format {
	if s.reader == nil {
		return nil
	}
	return s.reader.Format()
}

// Stats returns the counters so far. Lines that are held are not yet counted.
func (s *Stream) Stats() Stats {
	if s.reader == nil {
		return s.stats
	}
	sum := s.reader.Stats()
	sum.Add(&s.stats)
	return sum
}

// Line takes one line without its end. nowNs is when it came.
func (s *Stream) Line(line []byte, nowNs int64) {
	if s.reader != nil {
		s.reader.refresh(nowNs)
		s.reader.Line(line)
		return
	}
	s.cfg.ReferenceNs = nowNs
	if len(line) > MaxLine {
		s.stats.count(TooLong)
		return
	}
	line = bytes.TrimSuffix(line, []byte{'\r'})
	s.held = append(s.held, bytes.Clone(line))
	s.size += len(line)
	if f := Sniff(s.held); f != nil {
		s.reader = NewReader(f, s.cfg, s.out)
		for _, held := range s.held {
			s.reader.Line(held)
		}
		s.held = nil
		return
	}
	if len(s.held) >= streamLines || s.size >= streamBytes {
		s.drop()
	}
}

// drop refuses what is held.
func (s *Stream) drop() {
	for range s.held {
		s.stats.count(NotTheFormat)
	}
	s.held, s.size = s.held[:0], 0
}

// Flush ends the stream: evidence that waits for later lines is given.
func (s *Stream) Flush() {
	s.drop()
	if s.reader != nil {
		s.reader.Flush()
	}
}

// refresh moves the reader's reference time to now when it has become old.
func (r *Reader) refresh(nowNs int64) {
	if nowNs-r.cfg.ReferenceNs < referenceAge {
		return
	}
	state := r.AppendState(nil)
	r.cfg.ReferenceNs = nowNs
	parser := r.format.open(r.cfg)
	if s, ok := parser.(Stateful); ok && s.Restore(state) != nil {
		return
	}
	r.parser = parser
}

// Add adds other to s.
func (s *Stats) Add(other *Stats) {
	s.Lines += other.Lines
	for i := range s.ByReason {
		s.ByReason[i] += other.ByReason[i]
	}
	s.Responses += other.Responses
	s.Connections += other.Connections
}

func (s *Stats) count(reason Reason) {
	s.Lines++
	s.ByReason[reason]++
}
