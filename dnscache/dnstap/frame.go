package dnstap

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	framestream "github.com/farsightsec/golang-framestream"
)

const (
	// bufferSize is what a stream buffers: a few hundred frames, and any frame
	// but those of the largest DNS messages.
	bufferSize = 64 << 10
	// maxSkip is the longest frame that is skipped. A longer one, by any
	// writer's bound, is no frame but the sign that framing is lost.
	maxSkip = framestream.DEFAULT_MAX_PAYLOAD_SIZE
)

// A framer reads the frames of one stream. Control frames are read and written
// by golang-framestream. Data frames are not: its reader allocates for each,
// can not tell a stream cut behind a frame's length from one that ends, and
// gives a slow peer its time-out anew for every read.
type framer struct {
	in     *bufio.Reader
	large  []byte // holds frames longer than in's buffer; made when first needed
	held   int    // octets in in's buffer that the last frame returned occupies
	frames uint64 // data frames begun
	max    int    // octets of a frame
	stats  Stats

	finish bool     // the peer shook hands and awaits FINISH
	stop   bool     // STOP was read
	conn   net.Conn // nil for a file
	limit  time.Duration
	timed  bool   // conn has a read deadline
	idle   func() // called before a wait for conn; may be nil
}

func newFramer(r io.Reader, cfg Config) *framer {
	return &framer{
		in:    bufio.NewReaderSize(r, bufferSize),
		max:   cfg.maxFrame(),
		limit: cfg.timeout(),
	}
}

// message reads the next message into m. It passes over frames without one.
func (f *framer) message(m *Message) error {
	for {
		frame, err := f.next()
		if err != nil {
			return err
		}
		o, err := m.decode(frame)
		switch {
		case err == nil:
			f.stats.count(m, o)
			return nil
		case errors.Is(err, errNotMessage):
			f.stats.NotMessage++
		default:
			f.stats.BadProtobuf++
			return fmt.Errorf("%w %d: %w", ErrFrame, f.frames, err)
		}
	}
}

// next returns the next data frame, valid until the following call, or io.EOF
// at the end of the stream.
func (f *framer) next() ([]byte, error) {
	if _, err := f.in.Discard(f.held); err != nil {
		return nil, f.broken(f.frames, err)
	}
	f.held = 0
	for {
		n, err := f.length()
		if err != nil {
			return nil, err
		}
		if n > 0 {
			f.frames++
			f.stats.Frames++
			return f.payload(n)
		}
		if err := f.control(); err != nil {
			return nil, err
		}
	}
}

// length reads a frame's length; 0 introduces a control frame. Only the wait
// for its first octet is without a limit.
func (f *framer) length() (int, error) {
	f.relax()
	if f.idle != nil && f.in.Buffered() == 0 {
		f.idle()
	}
	if _, err := f.in.Peek(1); err != nil {
		if err == io.EOF {
			return 0, io.EOF
		}
		return 0, f.broken(f.frames+1, err)
	}
	f.hurry(4)
	head, err := f.in.Peek(4)
	if err != nil {
		return 0, f.broken(f.frames+1, cut(err))
	}
	n := binary.BigEndian.Uint32(head)
	if _, err := f.in.Discard(4); err != nil {
		return 0, f.broken(f.frames+1, err)
	}
	if n > maxSkip {
		return 0, f.broken(f.frames+1, fmt.Errorf("%w: %d octets", errTooLarge, n))
	}
	return int(n), nil
}

// payload reads the n octets of a frame.
func (f *framer) payload(n int) ([]byte, error) {
	f.hurry(n)
	switch {
	case n > f.max:
		if _, err := f.in.Discard(n); err != nil {
			return nil, f.broken(f.frames, cut(err))
		}
		f.stats.TooLarge++
		return nil, fmt.Errorf("%w %d: %w: %d octets", ErrFrame, f.frames, errTooLarge, n)
	case n > f.in.Size():
		if f.large == nil {
			f.large = make([]byte, f.max)
		}
		if _, err := io.ReadFull(f.in, f.large[:n]); err != nil {
			return nil, f.broken(f.frames, cut(err))
		}
		return f.large[:n], nil
	}
	frame, err := f.in.Peek(n)
	if err != nil {
		return nil, f.broken(f.frames, cut(err))
	}
	f.held = n
	return frame, nil
}

// control reads a control frame whose introduction has been read. It returns
// io.EOF for STOP; other control frames mean nothing between data frames.
func (f *framer) control() error {
	f.hurry(framestream.CONTROL_FRAME_LENGTH_MAX)
	var cf framestream.ControlFrame
	if err := cf.Decode(f.in); err != nil {
		return f.broken(f.frames+1, cut(err))
	}
	if cf.ControlType != framestream.CONTROL_STOP {
		f.stats.Controls++
		return nil
	}
	f.stop = true
	return io.EOF
}

// start reads the stream's beginning. READY is answered where there is a
// connection to answer on.
func (f *framer) start() error {
	var first, second framestream.ControlFrame
	if err := first.DecodeEscape(f.in); err != nil {
		return fmt.Errorf("%w: %w", ErrNotFrameStream, cut(err))
	}
	if err := checkContentType(&first); err != nil {
		return err
	}
	if first.ControlType == framestream.CONTROL_READY && f.conn != nil {
		if err := f.accept(&first); err != nil {
			return err
		}
		f.finish = true
		if err := second.DecodeEscape(f.in); err != nil {
			return fmt.Errorf("%w: after READY: %w", ErrNotFrameStream, cut(err))
		}
		first = second
	}
	if first.ControlType != framestream.CONTROL_START {
		return fmt.Errorf("%w: control frame %d where START should be", ErrNotFrameStream, first.ControlType)
	}
	return checkContentType(&first)
}

// accept answers READY with the content type, if READY named any.
func (f *framer) accept(ready *framestream.ControlFrame) error {
	cf := framestream.ControlFrame{ControlType: framestream.CONTROL_ACCEPT}
	if len(ready.ContentTypes) > 0 {
		cf.SetContentType([]byte(ContentType))
	}
	return cf.EncodeFlush(bufio.NewWriter(f.conn))
}

// checkContentType refuses a control frame that names content types, ours not
// among them.
func checkContentType(cf *framestream.ControlFrame) error {
	if !cf.MatchContentType([]byte(ContentType)) {
		return fmt.Errorf("%w: it is %q", ErrContentType, cf.ContentTypes)
	}
	return nil
}

// hurry sets a limit to what follows if the connection has to be waited for
// before n octets are there.
func (f *framer) hurry(n int) {
	if f.conn == nil || f.timed || f.in.Buffered() >= n {
		return
	}
	if f.idle != nil {
		f.idle()
	}
	// A connection that can not set a deadline fails at its next read.
	_ = f.conn.SetReadDeadline(time.Now().Add(f.limit))
	f.timed = true
}

// relax takes the limit away.
func (f *framer) relax() {
	if f.timed {
		_ = f.conn.SetReadDeadline(time.Time{})
		f.timed = false
	}
}

// broken is the error that ends a stream in a frame.
func (f *framer) broken(frame uint64, err error) error {
	return fmt.Errorf("%w at frame %d: %w", ErrStream, frame, err)
}

// countEnd counts how a stream that had begun has ended.
func (f *framer) countEnd(err error) {
	switch {
	case err != io.EOF:
		f.stats.Broken++
	case f.stop:
		f.stats.Stopped++
	default:
		f.stats.Unstopped++
	}
}

// cut is io.ErrUnexpectedEOF for an end in the middle of something.
func cut(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
