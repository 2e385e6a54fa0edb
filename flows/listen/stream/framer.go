package stream

import (
	"encoding/binary"
	"fmt"
)

const (
	version   = 10
	headerLen = 16 // RFC 7011 section 3.1
	// bufferSize holds the longest message there is, its length having 16 bits.
	bufferSize = 1 << 16
)

// A framer cuts a stream into messages.
type framer struct {
	buf   []byte // bufferSize
	start int    // of what was not given yet
	end   int    // of what has come
}

func newFramer() framer { return framer{buf: make([]byte, bufferSize)} }

// room is where the stream goes on; never empty when next has said that it
// needs more. Messages that next gave are not valid any more.
func (f *framer) room() []byte {
	if f.start > 0 { // once a message, however slowly it comes
		f.end = copy(f.buf, f.buf[f.start:f.end])
		f.start = 0
	}
	return f.buf[f.end:]
}

// filled says how many bytes came into room.
func (f *framer) filled(n int) { f.end += n }

// pending is how many bytes have come that next has not given.
func (f *framer) pending() int { return f.end - f.start }

// next gives the next whole message, which is valid until room is called, or
// nil where more has to come. A header that can not be one is an error as soon
// as it shows, and for ever after.
func (f *framer) next() ([]byte, error) {
	b := f.buf[f.start:f.end]
	if len(b) < 2 {
		return nil, nil
	}
	if v := binary.BigEndian.Uint16(b); v != version {
		return nil, fmt.Errorf("%w: version %d where %d is wanted", ErrVersion, v, version)
	}
	if len(b) < 4 {
		return nil, nil
	}
	size := int(binary.BigEndian.Uint16(b[2:]))
	if size < headerLen {
		return nil, fmt.Errorf("%w: %d bytes, less than a header", ErrLength, size)
	}
	if size > len(b) {
		return nil, nil
	}
	f.start += size
	return b[:size:size], nil
}
