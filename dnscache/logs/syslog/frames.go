package syslog

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"time"
)

// errFraming is an octet count that can not be.
var errFraming = errors.New("syslog: bad octet count")

// frames reads the messages of a connection (RFC 6587).
type frames struct {
	in      *bufio.Reader
	wait    func(time.Duration) // limits what is read next
	known   bool
	counted bool // by octets
	message []byte
}

// next is the next message, valid until the following call; one that is too long
// is cut to MaxMessage+1 bytes. io.EOF is the end between two messages.
func (f *frames) next() ([]byte, error) {
	f.wait(IdleTime)
	first, err := f.in.Peek(1)
	if err != nil {
		var timeout interface{ Timeout() bool }
		if errors.As(err, &timeout) && timeout.Timeout() {
			return nil, io.EOF // idle for too long
		}
		return nil, err
	}
	f.wait(MessageTime)
	if !f.known {
		f.known, f.counted = true, first[0] >= '1' && first[0] <= '9'
	}
	f.message = f.message[:0]
	if f.counted {
		return f.octets()
	}
	return f.line()
}

// octets reads "LENGTH MESSAGE" (section 3.4.1).
func (f *frames) octets() ([]byte, error) {
	n := 0
	for i := 0; ; i++ {
		c, err := f.in.ReadByte()
		switch {
		case err != nil:
			return nil, cut(err)
		case c == ' ' && i > 0:
			if n > MaxMessage {
				return nil, errFraming
			}
			f.message = append(f.message, make([]byte, n)...)
			_, err := io.ReadFull(f.in, f.message)
			return f.message, cut(err)
		case i == 0 && (c == '\n' || c == '\r'): // some senders end lines besides
			i--
		case c < '0' || c > '9' || i == 0 && c == '0' || i >= len("65536"):
			return nil, errFraming
		}
		if c >= '0' {
			n = n*10 + int(c-'0')
		}
	}
}

// line reads a message to its line feed or zero octet (section 3.4.2).
func (f *frames) line() ([]byte, error) {
	for {
		if _, err := f.in.Peek(1); err != nil {
			return nil, cut(err)
		}
		part, _ := f.in.Peek(f.in.Buffered())
		end := bytes.IndexAny(part, "\n\x00")
		if end >= 0 {
			part = part[:end]
		}
		f.message = append(f.message, part[:min(len(part), MaxMessage+1-len(f.message))]...)
		n := len(part)
		if end >= 0 {
			n++
		}
		if _, err := f.in.Discard(n); err != nil {
			return nil, err
		}
		if end >= 0 {
			return f.message, nil
		}
	}
}

// cut is io.ErrUnexpectedEOF for an end within a message.
func cut(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
