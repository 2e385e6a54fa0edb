package syslog

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"time"
)

const (
	// MaxConnections is how many stand at once.
	MaxConnections = 256
	// IdleTime is how long a connection may be silent, MessageTime how long a
	// message may take.
	IdleTime    = time.Hour
	MessageTime = 30 * time.Second

	receiveBuffer = 4 << 20
	acceptPause   = time.Second
)

// A Server has the sockets of one address.
type Server struct {
	*Receiver
	udp         *net.UDPConn
	tcp         net.Listener
	connections atomic.Int64
}

// Listen opens the sockets of an address for UDP and TCP. With port 0 they get
// ports of their own.
func Listen(addr string, c Config) (*Server, error) {
	at, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		return nil, fmt.Errorf("syslog: %w", err)
	}
	udp, err := net.ListenUDP("udp", at)
	if err != nil {
		return nil, fmt.Errorf("syslog: %w", err)
	}
	_ = udp.SetReadBuffer(receiveBuffer) // as much as the system allows
	tcp, err := net.Listen("tcp", addr)
	if err != nil {
		udp.Close()
		return nil, fmt.Errorf("syslog: %w", err)
	}
	return &Server{Receiver: NewReceiver(c), udp: udp, tcp: tcp}, nil
}

// Addrs are the addresses that are listened on.
func (s *Server) Addrs() (udp, tcp net.Addr) { return s.udp.LocalAddr(), s.tcp.Addr() }

// Connections is how many peers are connected now.
func (s *Server) Connections() int { return int(s.connections.Load()) }

// Close closes the sockets, where Run was not called.
func (s *Server) Close() error { return errors.Join(s.udp.Close(), s.tcp.Close()) }

// RunUDP takes datagrams until ctx ends.
func (s *Server) RunUDP(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() { s.udp.Close() })()
	buf := make([]byte, MaxMessage+1)
	for {
		n, from, err := s.udp.ReadFromUDPAddrPort(buf)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("syslog: %w", err)
		case err == nil:
			s.Take(buf[:n], from.Addr(), time.Now())
		}
	}
}

// RunTCP accepts connections until ctx ends; each is served by a task that spawn
// starts.
func (s *Server) RunTCP(ctx context.Context, spawn func(func() error)) error {
	defer context.AfterFunc(ctx, func() { s.tcp.Close() })()
	for {
		conn, err := s.tcp.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				conn.Close()
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("syslog: %w", err)
		case err != nil:
			select { // for want of file descriptors, for one
			case <-ctx.Done():
			case <-time.After(acceptPause):
			}
			continue
		case s.connections.Add(1) > MaxConnections:
			s.connections.Add(-1)
			s.count(&s.stats.Refused)
			conn.Close()
			continue
		}
		s.count(&s.stats.Connections)
		spawn(func() error {
			defer s.connections.Add(-1)
			s.Serve(ctx, conn)
			return nil
		})
	}
}

// Serve takes the messages of a connection until it ends or ctx does, and closes
// it.
func (s *Server) Serve(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	from, _ := netip.ParseAddrPort(conn.RemoteAddr().String())
	f := &frames{in: bufio.NewReaderSize(conn, 16<<10), wait: func(d time.Duration) {
		_ = conn.SetReadDeadline(time.Now().Add(d)) // one that can not fails at its next read
	}}
	for {
		message, err := f.next()
		switch {
		case err == nil:
			s.Take(message, from.Addr(), time.Now())
			continue
		case ctx.Err() != nil || err == io.EOF:
		case errors.Is(err, errFraming):
			s.count(&s.stats.BadFraming)
		default:
			s.count(&s.stats.Torn)
		}
		return
	}
}
