package dnstap

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	framestream "github.com/farsightsec/golang-framestream"
)

// A Server reads dnstap from connections. It may serve any number of them at
// once; the caller accepts them and owns their goroutines.
type Server struct {
	cfg Config

	mu    sync.Mutex
	stats Stats
}

// NewServer makes a Server of a configuration that Validate accepts.
func NewServer(cfg Config) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Server{cfg: cfg}, nil
}

// Stats returns the sum over all connections, past and present. What a
// connection counts is added when it has nothing more to read for now.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}

// Serve reads messages from a connection and gives each to yield, until the
// peer stops, ctx ends or yield gives an error. It closes the connection.
//
// The message and its slices are valid until yield returns. A message without
// a time of its own gets the time of its arrival. Where idle is not nil it is
// called whenever all that has come was yielded and the peer must be waited
// for, and at the end: the place to hand on a batch.
//
// Serve returns nil when the peer stops, also without STOP between two frames,
// and when ctx ends; yield's error as it is; else what was wrong with the
// stream. Frames that ErrFrame would be given for are counted and passed over.
func (s *Server) Serve(ctx context.Context, conn net.Conn, yield func(*Message) error, idle func()) error {
	defer conn.Close()
	release := context.AfterFunc(ctx, func() { conn.Close() })
	defer release()

	f := newFramer(conn, s.cfg)
	f.conn = conn
	f.idle = func() {
		s.collect(f)
		if idle != nil {
			idle()
		}
	}
	defer f.idle()

	err := f.handshake()
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		f.stats.BadStart++
		return err
	}
	f.stats.Streams++
	yieldErr, err := f.yieldAll(yield)
	switch {
	case yieldErr != nil:
		return yieldErr
	case ctx.Err() != nil && err != io.EOF:
		return nil
	}
	f.countEnd(err)
	if err != io.EOF {
		return err
	}
	f.sendFinish()
	return nil
}

// collect moves a connection's counts into the server's.
func (s *Server) collect(f *framer) {
	s.mu.Lock()
	s.stats.add(&f.stats)
	s.mu.Unlock()
	f.stats = Stats{}
}

// handshake reads the stream's beginning within the time limit.
func (f *framer) handshake() error {
	if err := f.conn.SetDeadline(time.Now().Add(f.limit)); err != nil {
		return fmt.Errorf("%w: %w", ErrNotFrameStream, err)
	}
	if err := f.start(); err != nil {
		return err
	}
	if err := f.conn.SetDeadline(time.Time{}); err != nil {
		return fmt.Errorf("%w: %w", ErrNotFrameStream, err)
	}
	return nil
}

// yieldAll yields messages until there are no more. It returns yield's error or
// the stream's.
func (f *framer) yieldAll(yield func(*Message) error) (yieldErr, err error) {
	var m Message
	for {
		err := f.message(&m)
		switch {
		case errors.Is(err, ErrFrame):
			continue
		case err != nil:
			return nil, err
		}
		if m.TimeNs == 0 {
			m.TimeNs = time.Now().UnixNano()
		}
		if err := yield(&m); err != nil {
			return err, nil
		}
	}
}

// sendFinish tells a peer that shook hands and said STOP that all has been
// read. A peer that has gone already loses nothing by not hearing it.
func (f *framer) sendFinish() {
	if !f.finish || !f.stop {
		return
	}
	_ = f.conn.SetWriteDeadline(time.Now().Add(f.limit))
	cf := framestream.ControlFrame{ControlType: framestream.CONTROL_FINISH}
	_ = cf.EncodeFlush(bufio.NewWriter(f.conn))
}
