package stream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"flowname/flows/listen"
)

// A Listener is one address that exporters connect to.
type Listener struct {
	cfg   Config
	inner net.Listener
	tls   atomic.Pointer[tls.Config] // nil for plain TCP

	mu    sync.Mutex
	stats Stats
	peers map[netip.AddrPort]bool // of connections that are not closed
	hosts map[netip.Addr]int      // how many of them an address has
}

// Open reads the files of TLS, if any, and listens. Connections wait in the
// kernel from then on until Run is called.
func Open(cfg Config) (*Listener, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	l := newListener(cfg, nil)
	if err := l.Reload(); err != nil {
		return nil, err
	}
	lc := net.ListenConfig{KeepAliveConfig: keepAlive}
	inner, err := lc.Listen(context.Background(), "tcp", cfg.Addr)
	if err != nil {
		return nil, bindError(cfg.Addr, err)
	}
	l.inner = inner
	return l, nil
}

func newListener(cfg Config, inner net.Listener) *Listener {
	return &Listener{
		cfg: cfg.withDefaults(), inner: inner,
		peers: map[netip.AddrPort]bool{}, hosts: map[netip.Addr]int{},
	}
}

func bindError(addr string, err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("listen: tcp %s: %w: another process, perhaps another collector, holds this port; "+
			"stop it or choose another port (%w)", addr, listen.ErrInUse, err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("listen: tcp %s: %w: no interface of this host has it; "+
			"choose one that has, or leave the host empty for all (%w)", addr, listen.ErrAddress, err)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("listen: tcp %s: %w: not allowed; "+
			"choose a port of 1024 or more, or give the process CAP_NET_BIND_SERVICE (%w)", addr, listen.ErrAddress, err)
	}
	return fmt.Errorf("listen: tcp %s: %w: %w", addr, listen.ErrAddress, err)
}

// Reload reads the files of TLS anew. Where they can not be used it returns an
// error and goes on with the old ones.
func (l *Listener) Reload() error {
	if l.cfg.TLS == nil {
		return nil
	}
	config, err := l.cfg.TLS.load()
	if err != nil {
		return err
	}
	l.tls.Store(config)
	return nil
}

// Addr is the address that is listened on, its port never 0.
func (l *Listener) Addr() netip.AddrPort { return l.inner.Addr().(*net.TCPAddr).AddrPort() }

// Close ends the listening; connections stand until they are closed themselves.
func (l *Listener) Close() error { return l.inner.Close() }

// Stats may be called at any time.
func (l *Listener) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stats
}

// Connections is how many stand now, those in their handshake included.
func (l *Listener) Connections() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.peers)
}

// count adds to the stats.
func (l *Listener) count(s Stats) {
	l.mu.Lock()
	l.stats.add(&s)
	l.mu.Unlock()
}

// Run accepts until ctx ends, then stops listening and returns nil; any other
// return is an error that does not pass. It gives each connection to serve,
// which has to pass it on to another goroutine and to see to its Close. What
// could not be accepted is given to refused, as an error that says which peer
// and why.
func (l *Listener) Run(ctx context.Context, serve func(*Conn), refused func(error)) error {
	stop := context.AfterFunc(ctx, func() { l.inner.Close() })
	defer stop()
	for {
		conn, err := l.inner.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				conn.Close()
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("listen: tcp %s: %w", l.inner.Addr(), err)
		case err != nil:
			l.count(Stats{AcceptErrors: 1})
			refused(fmt.Errorf("listen: tcp %s: %w", l.inner.Addr(), err))
			pause(ctx)
			continue
		}
		c, err := l.enter(conn)
		if err != nil {
			conn.Close()
			refused(err)
			continue
		}
		serve(c)
	}
}

func pause(ctx context.Context) {
	t := time.NewTimer(acceptPause)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// enter makes a Conn of an accepted connection, where it may be. Who may not
// connect is judged first, so that strangers take no place from others.
func (l *Listener) enter(conn net.Conn) (*Conn, error) {
	peer := peerOf(conn)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case !l.allows(peer.Addr()):
		l.stats.RefusedNotAllowed++
		return nil, fmt.Errorf("%v: %w", peer, ErrNotAllowed)
	case len(l.peers) >= l.cfg.MaxConnections:
		l.stats.RefusedFull++
		return nil, fmt.Errorf("%v: %w: %d stand", peer, ErrFull, len(l.peers))
	case l.hosts[peer.Addr()] >= l.cfg.MaxPerAddress:
		l.stats.RefusedAddress++
		return nil, fmt.Errorf("%v: %w: %d of this address stand", peer, ErrFull, l.hosts[peer.Addr()])
	case l.peers[peer]:
		l.stats.RefusedDuplicate++
		return nil, fmt.Errorf("%v: %w", peer, ErrDuplicate)
	}
	l.peers[peer] = true
	l.hosts[peer.Addr()]++
	return &Conn{listener: l, peer: peer, conn: conn}, nil
}

func (l *Listener) allows(addr netip.Addr) bool {
	return len(l.cfg.Allow) == 0 || slices.ContainsFunc(l.cfg.Allow, func(p netip.Prefix) bool { return p.Contains(addr) })
}

func (l *Listener) leave(peer netip.AddrPort) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.peers[peer] {
		return
	}
	delete(l.peers, peer)
	if l.hosts[peer.Addr()]--; l.hosts[peer.Addr()] == 0 {
		delete(l.hosts, peer.Addr())
	}
}

// peerOf is the other end, unmapped and without a zone, as in a Datagram.
func peerOf(conn net.Conn) netip.AddrPort {
	addr := conn.RemoteAddr().(*net.TCPAddr).AddrPort()
	return netip.AddrPortFrom(addr.Addr().Unmap().WithZone(""), addr.Port())
}
