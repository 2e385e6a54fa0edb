package powerdns

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

const (
	// MaxFrame is the longest frame that is read. Frames of two octets' length
	// can not be longer.
	MaxFrame = 64<<10 - 1
	// MaxRecords is how many records of a response are read.
	MaxRecords = 256
	// DefaultTimeout is how long a peer may take for a frame.
	DefaultTimeout = 10 * time.Second

	minFrame = 4 // octets of the shortest message: its type and a transport
)

// What can go wrong with a stream. Returned errors wrap one of these.
var (
	// ErrFrame is one frame that can not be used. The stream goes on.
	ErrFrame = errors.New("powerdns: bad frame")
	// ErrStream is the loss of the framing. The stream ends with it.
	ErrStream = errors.New("powerdns: broken stream")
)

// A Reader reads the messages of a stream. It is for one goroutine.
type Reader struct {
	in     *bufio.Reader
	prefix int // 0: not known yet
	offset int64
	frame  []byte
	stats  Stats
	end    error

	conn  net.Conn // nil for a file
	limit time.Duration
	idle  func()
}

// NewReader reads the stream that r gives.
func NewReader(r io.Reader) *Reader {
	return &Reader{in: bufio.NewReaderSize(r, 64<<10), stats: Stats{Streams: 1}}
}

// Stats returns the counters so far.
func (r *Reader) Stats() Stats { return r.stats }

// Next reads the next message into m, valid until the following call. At the end
// of the stream it gives io.EOF; see ErrFrame and ErrStream.
func (r *Reader) Next(m *Message) error {
	if r.end != nil {
		return r.end
	}
	at := r.offset
	if err := r.read(); err != nil {
		if r.end = err; err == io.EOF {
			r.stats.Ended++
		} else {
			r.stats.Broken++
			r.end = fmt.Errorf("%w: frame at offset %d: %w", ErrStream, at, err)
		}
		return r.end
	}
	o, err := m.decode(r.frame)
	if err != nil {
		r.stats.BadProtobuf++
		return fmt.Errorf("%w at offset %d: %w", ErrFrame, at, err)
	}
	r.stats.count(m, o)
	return nil
}

// read reads a frame.
func (r *Reader) read() error {
	if r.idle != nil && r.in.Buffered() == 0 {
		r.idle()
	}
	if _, err := r.in.Peek(1); err != nil {
		return err // io.EOF: between two frames
	}
	if r.conn != nil {
		r.deadline(time.Now().Add(r.limit))
	}
	if r.prefix == 0 {
		head, err := r.in.Peek(2)
		if err != nil {
			return cut(err)
		}
		r.prefix = prefixOf([2]byte(head))
	}
	head, err := r.in.Peek(r.prefix)
	if err != nil {
		return cut(err)
	}
	n := frameLen(head, r.prefix)
	if n > MaxFrame {
		return fmt.Errorf("more than %d octets", MaxFrame)
	}
	if _, err := r.in.Discard(r.prefix); err != nil {
		return err
	}
	r.stats.Frames++
	if cap(r.frame) < n {
		r.frame = make([]byte, n, max(n, 4<<10))
	}
	r.frame = r.frame[:n]
	if _, err := io.ReadFull(r.in, r.frame); err != nil {
		return cut(err)
	}
	r.offset += int64(r.prefix + n)
	r.deadline(time.Time{})
	return nil
}

// deadline limits the time for the rest of a frame that the peer must be waited
// for; the zero time is none. A connection that can not do that fails at its next
// read.
func (r *Reader) deadline(at time.Time) {
	if r.conn != nil {
		_ = r.conn.SetReadDeadline(at)
	}
}

// cut is io.ErrUnexpectedEOF for an end within a frame.
func cut(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
