package listen

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
)

// A Group is the sockets that share one address.
type Group struct {
	sockets []*Socket
	addr    netip.AddrPort
	wanted  int
}

// Open binds the sockets of a group. They queue datagrams from then on, whether
// or not Run has been called.
func Open(cfg Config) (*Group, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	g := &Group{wanted: cfg.ReceiveBuffer}
	addr := cfg.Addr
	for i := range cfg.Sockets {
		conn, err := bind(addr, i > 0)
		if err != nil {
			g.Close()
			return nil, bindError(addr, err)
		}
		if i == 0 {
			g.addr = conn.LocalAddr().(*net.UDPAddr).AddrPort()
			addr = conn.LocalAddr().String()
		}
		if err := g.add(conn, i == 0 && cfg.Sockets > 1); err != nil {
			g.Close()
			return nil, fmt.Errorf("listen: udp %s: %w", addr, err)
		}
	}
	return g, nil
}

// add makes a Socket of conn, which others may be bound beside if share is set.
func (g *Group) add(conn *net.UDPConn, share bool) error {
	rx, err := newReceiver(conn, g.wanted, batchSize, maxDatagram)
	if err != nil {
		return err
	}
	g.sockets = append(g.sockets, newSocket(rx, g.addr))
	if share {
		if err := rx.allowSharing(); err != nil {
			return fmt.Errorf("sharing the port: %w", err)
		}
	}
	return nil
}

// bind opens one socket.
func bind(addr string, share bool) (*net.UDPConn, error) {
	lc := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var err error
		if ctlErr := raw.Control(func(fd uintptr) { err = prepare(fd, share) }); ctlErr != nil {
			return ctlErr
		}
		return err
	}}
	conn, err := lc.ListenPacket(context.Background(), "udp", addr)
	if err != nil {
		return nil, err
	}
	return conn.(*net.UDPConn), nil
}

func bindError(addr string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("listen: udp %s: %w: another process, perhaps another collector, holds this port; "+
			"stop it or choose another port (%w)", addr, ErrInUse, err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("listen: udp %s: %w: no interface of this host has it; "+
			"choose one that has, or leave the host empty for all (%w)", addr, ErrAddress, err)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("listen: udp %s: %w: not allowed; "+
			"choose a port of 1024 or more, or give the process CAP_NET_BIND_SERVICE (%w)", addr, ErrAddress, err)
	}
	return fmt.Errorf("listen: udp %s: %w: %w", addr, ErrAddress, err)
}

// Sockets are the group's sockets; each wants one goroutine in its Run. The
// slice belongs to the group.
func (g *Group) Sockets() []*Socket { return g.sockets }

// Addr is the address that the group listens on, its port never 0.
func (g *Group) Addr() netip.AddrPort { return g.addr }

// Close closes every socket. Run returns an error on a socket closed under it;
// end its context instead.
func (g *Group) Close() error {
	var errs []error
	for _, s := range g.sockets {
		errs = append(errs, s.close())
	}
	return errors.Join(errs...)
}

// Stats is the sum over the group's sockets.
func (g *Group) Stats() Stats {
	var sum Stats
	for _, s := range g.sockets {
		sum.add(s.Stats())
	}
	return sum
}

// BufferWarning is a sentence that says what to do when the kernel gave less
// receive buffer than wanted, and is empty when it gave all.
func (g *Group) BufferWarning() string {
	got := g.wanted
	for _, s := range g.sockets {
		if b := s.ReceiveBuffer(); b > 0 {
			got = min(got, b)
		}
	}
	if got >= g.wanted {
		return ""
	}
	return fmt.Sprintf("the kernel gives %d KiB of receive buffer where %d KiB are wanted: "+
		"bursts beyond that are lost; %s", got>>10, g.wanted>>10, bufferAdvice(g.wanted))
}
