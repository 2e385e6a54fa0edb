package syslog

import (
	"bytes"
	"net/netip"
	"sync"
	"time"

	"flowname/dnscache/logs"
)

const (
	// MaxMessage is the longest message that is taken, in bytes.
	MaxMessage = 64 << 10
	// MaxStreams is how many senders' programs are told apart.
	MaxStreams = 256
)

// Stats counts what a Receiver was given.
type Stats struct {
	// Messages is all of them; Empty had no content, NotAllowed came from where
	// none are taken, TooLong were over MaxMessage bytes.
	Messages, Empty, NotAllowed, TooLong uint64
	// Headless messages had no header.
	Headless uint64
	// Connections were taken, Refused were too many, BadFraming ended because
	// their octet counts could not be, Torn ended within a message.
	Connections, Refused, BadFraming, Torn uint64
	// Evicted streams made room for others.
	Evicted uint64
	// Read counts lines by what became of them, and their evidence.
	Read logs.Stats
	// Streams is how many there are now.
	Streams uint64
}

// A key is one program on one host of one sender, which may be a relay.
type key struct {
	sender    netip.Addr
	host, app string
}

type stream struct {
	*logs.Stream
	used uint64 // turn of its last message
}

// A Receiver turns messages into evidence.
type Receiver struct {
	format *logs.Format
	config logs.Config
	sink   logs.Sink
	allow  []netip.Prefix

	mu      sync.Mutex
	streams map[key]*stream
	turns   uint64
	line    []byte
	stats   Stats // Read holds the streams that are gone
}

// Config says what a Receiver does.
type Config struct {
	// Format is that of all lines; nil: told for each sender's program.
	Format *logs.Format
	// Logs is what lines do not say of themselves. ReferenceNs is the Receiver's
	// to set.
	Logs logs.Config
	// Sink takes the evidence, by one goroutine at a time.
	Sink logs.Sink
	// Allow are the senders from which messages are taken; none means all.
	Allow []netip.Prefix
}

// NewReceiver returns a Receiver.
func NewReceiver(c Config) *Receiver {
	return &Receiver{format: c.Format, config: c.Logs, sink: c.Sink, allow: c.Allow, streams: map[key]*stream{}}
}

// Stats returns the counters so far.
func (r *Receiver) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	sum := r.stats
	sum.Streams = uint64(len(r.streams))
	for _, s := range r.streams {
		read := s.Stats()
		sum.Read.Add(&read)
	}
	return sum
}

// Take takes one message of a sender.
func (r *Receiver) Take(b []byte, from netip.Addr, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	from = from.Unmap()
	r.stats.Messages++
	switch {
	case !r.allowed(from):
		r.stats.NotAllowed++
		return
	case len(b) > MaxMessage:
		r.stats.TooLong++
		return
	}
	zone := r.config.Location
	if zone == nil {
		zone = time.UTC
	}
	now = now.In(zone)
	m := Parse(b, now)
	if !m.Header {
		r.stats.Headless++
	}
	if len(bytes.TrimSpace(m.Content)) == 0 {
		r.stats.Empty++
		return
	}
	r.line = oneLine(m.AppendLine(r.line[:0], now))
	r.streamLocked(key{from, string(m.Host), string(m.App)}, now).Line(r.line, now.UnixNano())
}

func (r *Receiver) allowed(from netip.Addr) bool {
	for _, p := range r.allow {
		if p.Contains(from) {
			return true
		}
	}
	return len(r.allow) == 0
}

// oneLine makes spaces of line ends: a message is one line, whatever is in it.
func oneLine(line []byte) []byte {
	for i, c := range line {
		if c == '\n' || c == '\r' {
			line[i] = ' '
		}
	}
	return line
}

// streamLocked is the stream of a sender's program.
func (r *Receiver) streamLocked(k key, now time.Time) *stream {
	r.turns++
	s := r.streams[k]
	if s == nil {
		r.makeRoomLocked()
		config := r.config
		config.ReferenceNs = now.UnixNano()
		s = &stream{Stream: logs.NewStream(r.format, config, r.sink)}
		r.streams[k] = s
	}
	s.used = r.turns
	return s
}

// makeRoomLocked ends the stream that was longest without a message if there are
// too many.
func (r *Receiver) makeRoomLocked() {
	if len(r.streams) < MaxStreams {
		return
	}
	var oldest key
	var least *stream
	for k, s := range r.streams {
		if least == nil || s.used < least.used {
			oldest, least = k, s
		}
	}
	r.endLocked(oldest, least)
	r.stats.Evicted++
}

func (r *Receiver) endLocked(k key, s *stream) {
	s.Flush()
	read := s.Stats()
	r.stats.Read.Add(&read)
	delete(r.streams, k)
}

// Flush ends all streams: evidence that waits for later lines is given.
func (r *Receiver) Flush() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for k, s := range r.streams {
		r.endLocked(k, s)
	}
}

// count raises a counter.
func (r *Receiver) count(n *uint64) {
	r.mu.Lock()
	*n++
	r.mu.Unlock()
}
