package powerdns

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// A Server reads messages from connections. It may serve any number at once; the
// caller accepts them and owns their goroutines. The zero Server is ready.
type Server struct {
	// Timeout is how long a peer may take for a frame; 0 is DefaultTimeout.
	Timeout time.Duration

	mu    sync.Mutex
	stats Stats
}

// Stats returns the sum over all connections, as of when each last had nothing
// more to read.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}

// Serve reads messages from a connection and gives each to yield until the peer
// ends or ctx does. It closes the connection. A message without a time gets that
// of its arrival. Where idle is not nil it is called whenever the peer must be
// waited for, and at the end.
func (s *Server) Serve(ctx context.Context, conn net.Conn, yield func(*Message), idle func()) error {
	defer conn.Close()
	release := context.AfterFunc(ctx, func() { conn.Close() })
	defer release()
	r := NewReader(conn)
	r.conn, r.limit = conn, s.Timeout
	if r.limit == 0 {
		r.limit = DefaultTimeout
	}
	r.idle = func() {
		s.mu.Lock()
		s.stats.add(&r.stats)
		s.mu.Unlock()
		r.stats = Stats{}
		if idle != nil {
			idle()
		}
	}
	defer r.idle()
	var m Message
	for {
		err := r.Next(&m)
		switch {
		case err == nil:
			if m.TimeNs == 0 {
				m.TimeNs = time.Now().UnixNano()
			}
			yield(&m)
		case errors.Is(err, ErrFrame):
		case err == io.EOF || ctx.Err() != nil:
			return nil
		default:
			return err
		}
	}
}
