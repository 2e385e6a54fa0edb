package dnstap

import (
	"errors"
	"fmt"
	"io"
	"time"

	framestream "github.com/farsightsec/golang-framestream"
)

// DefaultMaxFrame has room for a query and a response of the greatest length in
// one frame, and for what is around them.
const DefaultMaxFrame = 192 << 10

// DefaultTimeout is how long a peer may take for a handshake or a frame.
const DefaultTimeout = 10 * time.Second

// Config is what a Reader or a Server may be told. The zero Config is usable.
type Config struct {
	// MaxFrame is the longest frame that is read, in octets; at most 1 MiB. 0 is
	// DefaultMaxFrame.
	MaxFrame int
	// Timeout bounds a peer's handshake and each of its frames. 0 is
	// DefaultTimeout. Files have none.
	Timeout time.Duration
}

// Validate says what is wrong with the configuration.
func (c Config) Validate() error {
	if c.MaxFrame < 0 || c.MaxFrame > maxSkip {
		return fmt.Errorf("dnstap: MaxFrame %d is not from 0 to %d", c.MaxFrame, maxSkip)
	}
	if c.Timeout < 0 {
		return fmt.Errorf("dnstap: Timeout %v is negative", c.Timeout)
	}
	return nil
}

func (c Config) maxFrame() int {
	if c.MaxFrame == 0 {
		return DefaultMaxFrame
	}
	return c.MaxFrame
}

func (c Config) timeout() time.Duration {
	if c.Timeout == 0 {
		return DefaultTimeout
	}
	return c.Timeout
}

// IsFrameStream says whether a file whose first octets these are is a frame
// stream, of dnstap or of something else. It wants 12 of them.
func IsFrameStream(head []byte) bool {
	const begin = "\x00\x00\x00\x00\x00\x00" // introduction, and a length under 512
	return len(head) >= 12 && string(head[:len(begin)]) == begin &&
		head[6] <= framestream.CONTROL_FRAME_LENGTH_MAX>>8 &&
		string(head[8:12]) == "\x00\x00\x00\x02"
}

// A Reader reads the messages of a frame stream in a file. It is for one
// goroutine.
type Reader struct {
	f   *framer
	end error // what ended the stream
}

// NewReader reads the beginning of a stream. Errors are ErrNotFrameStream,
// ErrContentType or what Validate finds.
func NewReader(r io.Reader, cfg Config) (*Reader, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	f := newFramer(r, cfg)
	if err := f.start(); err != nil {
		return nil, err
	}
	f.stats.Streams++
	return &Reader{f: f}, nil
}

// Next reads the next message into m, whose slices are valid until the
// following call. It gives io.EOF at the end of the stream. After ErrFrame the
// next call reads on; after ErrStream and io.EOF each call gives the same.
func (r *Reader) Next(m *Message) error {
	if r.end != nil {
		return r.end
	}
	err := r.f.message(m)
	if err != nil && !errors.Is(err, ErrFrame) {
		r.end = err
		r.f.countEnd(err)
	}
	return err
}

// Stats returns what the reader has counted so far.
func (r *Reader) Stats() Stats { return r.f.stats }
