package stream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"flowname/flows/listen"
)

// A Conn is one connection of an exporter. Handshake, Run and Close are called
// in this order, from one goroutine.
type Conn struct {
	listener *Listener
	peer     netip.AddrPort
	name     string

	conn net.Conn // from Handshake on a *tls.Conn where there is TLS

	mu       sync.Mutex
	draining bool // the deadline that ends the reading is set
}

// Peer is the exporter's end, which names the session while it is not closed.
func (c *Conn) Peer() netip.AddrPort { return c.peer }

// Name is what the exporter's certificate calls it, any text of its authority's
// choice; empty before Handshake and without TLS.
func (c *Conn) Name() string { return c.name }

// Close closes the connection and gives its place free.
func (c *Conn) Close() error {
	err := c.conn.Close()
	c.listener.leave(c.peer)
	return err
}

// Handshake agrees on TLS where the listener has it. The error of one that
// failed is ErrCertificate or ErrHandshake with its cause, and nil where ctx
// ended: Run sees that too.
func (c *Conn) Handshake(ctx context.Context) error {
	config := c.listener.tls.Load()
	if config == nil {
		c.listener.count(Stats{Sessions: 1})
		return nil
	}
	conn := tls.Server(c.conn, config)
	c.conn = conn
	limited, cancel := context.WithTimeout(ctx, handshakeTime)
	defer cancel()
	err := conn.HandshakeContext(limited)
	if err == nil {
		c.name = exporterName(conn.ConnectionState())
		c.listener.count(Stats{Sessions: 1})
		return nil
	}
	if ctx.Err() != nil {
		return nil
	}
	if err = handshakeError(err); errors.Is(err, ErrCertificate) {
		c.listener.count(Stats{RefusedCertificate: 1})
	} else {
		c.listener.count(Stats{FailedHandshakes: 1})
	}
	return fmt.Errorf("%v: %w", c.peer, err)
}

// Run reads messages until the peer ends the stream, ctx ends or the stream
// can not go on, and hands them over in batches, from the calling goroutine.
// Batch and payloads belong to the Conn again when handle returns. Run returns
// nil when the peer ended between two messages, and when ctx ended.
func (c *Conn) Run(ctx context.Context, handle func(batch []listen.Datagram)) error {
	stop := context.AfterFunc(ctx, c.drain)
	defer stop()
	s := session{framer: newFramer(), batch: make([]listen.Datagram, 0, batchSize), from: c.peer, handle: handle}
	err := c.read(&s)
	s.stats.BytesLost = uint64(s.pending())
	if err != nil && ctx.Err() != nil && s.mayGoOn {
		err = nil // it is this side that ends it
	}
	if err != nil {
		s.countEnd(err)
		err = fmt.Errorf("%v: %w", c.peer, err)
	}
	c.listener.count(s.stats)
	return err
}

// A session is what Run works with.
type session struct {
	framer
	batch   []listen.Datagram
	from    netip.AddrPort
	handle  func(batch []listen.Datagram)
	stats   Stats // not yet added to the listener's
	mayGoOn bool  // the bytes so far are good
}

func (c *Conn) read(s *session) error {
	waiting := false // for the rest of a message, with its deadline set
	c.setDeadline(time.Now().Add(firstTime))
	for {
		n, readErr := c.conn.Read(s.room())
		s.filled(n)
		given, err := s.pass(time.Now().UnixNano())
		c.listener.count(s.stats)
		s.stats = Stats{}
		s.mayGoOn = err == nil
		switch {
		case err != nil:
			return err
		case readErr != nil:
			return s.end(readErr)
		case s.pending() == 0 && given:
			c.setDeadline(time.Now().Add(idleTime))
			waiting = false
		case s.pending() > 0 && (given || !waiting):
			c.setDeadline(time.Now().Add(messageTime))
			waiting = true
		}
	}
}

// pass hands over the whole messages there are, and tells whether there were
// any.
func (s *session) pass(nowNs int64) (given bool, err error) {
	for {
		var msg []byte
		msg, err = s.next()
		if msg != nil {
			s.batch = append(s.batch, listen.Datagram{Payload: msg, From: s.from, ReceivedNs: nowNs})
			s.stats.Bytes += uint64(len(msg))
		}
		if len(s.batch) == batchSize || msg == nil && len(s.batch) > 0 {
			s.stats.Messages += uint64(len(s.batch))
			s.stats.Batches++
			s.handle(s.batch)
			s.batch = s.batch[:0]
			given = true
		}
		if msg == nil {
			return given, err
		}
	}
}

// end says what the end of reading means.
func (s *session) end(err error) error {
	switch {
	case err == io.EOF && s.pending() == 0:
		return nil
	case err == io.EOF:
		return fmt.Errorf("%w: %d bytes of it came", ErrCutShort, s.pending())
	case errors.Is(err, os.ErrDeadlineExceeded) && s.pending() == 0:
		return fmt.Errorf("%w for too long", ErrSilent)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%w in %v: %d bytes of it came", ErrSlow, messageTime, s.pending())
	}
	return err
}

func (s *session) countEnd(err error) {
	switch {
	case errors.Is(err, ErrVersion):
		s.stats.BadVersions++
	case errors.Is(err, ErrLength):
		s.stats.BadLengths++
	case errors.Is(err, ErrSlow):
		s.stats.Slow++
	case errors.Is(err, ErrSilent):
		s.stats.Silent++
	case errors.Is(err, ErrCutShort):
		s.stats.CutShort++
	default:
		s.stats.Broken++
	}
}

// drain lets the reading go on for as long as what has come may take.
func (c *Conn) drain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.draining = true
	c.conn.SetReadDeadline(time.Now().Add(drainFor))
}

// setDeadline is for the reading alone; drain outranks it.
func (c *Conn) setDeadline(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.draining {
		c.conn.SetReadDeadline(t)
	}
}
