package sources

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"flowname/cmd/flowname/counters"
	"flowname/cmd/flowname/evidence"
	"flowname/cmd/flowname/metric"
	"flowname/dnscache"
	"flowname/dnscache/dnstap"
	"flowname/dnscache/dnswire"
	"flowname/dnscache/powerdns"
)

// maxResolvers is how many resolvers are connected at once at most, by each
// protocol.
const maxResolvers = 64

// A resolverServer takes the connections of resolvers that report by one protocol.
type resolverServer struct {
	protocol string // as people call it
	listener net.Listener
	config   dnswire.Config
	file     func(*dnscache.Response)
	log      *slog.Logger
	// read reads one connection to its end.
	read func(ctx context.Context, conn net.Conn, in *evidence.Intake, idle func()) error

	mu    sync.Mutex
	dns   dnswire.Stats // of connections that have ended
	peers map[*resolverPeer]bool
	over  uint64 // connections refused: too many at once
}

// A resolverPeer is a connected resolver.
type resolverPeer struct {
	intake *evidence.Intake
	dns    counters.Snapshot[dnswire.Stats]
}

// openResolvers opens the socket of an address of the form unix:PATH or tcp:ADDR.
func openResolvers(protocol, addr string, config evidence.Config, file func(*dnscache.Response), log *slog.Logger) (*resolverServer, error) {
	l, err := dnstap.Listen(addr)
	if err != nil {
		return nil, err
	}
	return &resolverServer{
		protocol: protocol, listener: l, config: config.Wire, file: file, log: log, peers: map[*resolverPeer]bool{},
	}, nil
}

// A dnstapServer takes the connections of resolvers by dnstap.
type dnstapServer struct {
	*resolverServer
	server *dnstap.Server
}

func openDnstap(addr string, config evidence.Config, file func(*dnscache.Response), log *slog.Logger) (*dnstapServer, error) {
	server, err := dnstap.NewServer(dnstap.Config{})
	if err != nil {
		return nil, err
	}
	s, err := openResolvers("dnstap", addr, config, file, log)
	if err != nil {
		return nil, err
	}
	s.read = func(ctx context.Context, conn net.Conn, in *evidence.Intake, idle func()) error {
		return server.Serve(ctx, conn, func(m *dnstap.Message) error {
			in.Dnstap(m)
			return nil
		}, idle)
	}
	return &dnstapServer{s, server}, nil
}

// A powerDNSServer takes the connections of PowerDNS Recursors and dnsdists.
type powerDNSServer struct {
	*resolverServer
	server powerdns.Server
}

func openPowerDNS(addr string, config evidence.Config, file func(*dnscache.Response), log *slog.Logger) (*powerDNSServer, error) {
	r, err := openResolvers("PowerDNS protobuf", addr, config, file, log)
	if err != nil {
		return nil, fmt.Errorf("powerdns: %w", err)
	}
	s := &powerDNSServer{resolverServer: r}
	r.read = func(ctx context.Context, conn net.Conn, in *evidence.Intake, idle func()) error {
		return s.server.Serve(ctx, conn, in.PowerDNS, idle)
	}
	return s, nil
}

// run accepts until ctx ends; each connection is served by a task of its own.
func (s *resolverServer) run(ctx context.Context, spawn func(func() error)) error {
	stop := context.AfterFunc(ctx, func() { s.listener.Close() })
	defer stop()
	for {
		conn, err := s.listener.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				conn.Close()
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("%s: %w", s.protocol, err)
		case err != nil:
			s.log.Warn("a connection could not be accepted", "protocol", s.protocol, "err", err)
			s.pause(ctx)
			continue
		}
		peer := s.enter()
		if peer == nil {
			conn.Close()
			s.log.Warn("a connection was refused: too many", "protocol", s.protocol, "most", maxResolvers)
			continue
		}
		spawn(func() error {
			defer s.leave(peer)
			s.serve(ctx, conn, peer)
			return nil
		})
	}
}

// pause lets a moment go by after accept has failed, for want of file
// descriptors for one, so that trying again does not take a whole processor.
func (s *resolverServer) pause(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(time.Second):
	}
}

func (s *resolverServer) enter() *resolverPeer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.peers) == maxResolvers {
		s.over++
		return nil
	}
	p := &resolverPeer{intake: evidence.NewIntake(s.config, s.file)}
	s.peers[p] = true
	return p
}

func (s *resolverServer) leave(p *resolverPeer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.peers, p)
	counters.Add(&s.dns, p.intake.Stats())
}

// serve takes the messages of one resolver. A connection that breaks is said
// and the next one waited for; it never ends the daemon.
func (s *resolverServer) serve(ctx context.Context, conn net.Conn, p *resolverPeer) {
	who := []any{"protocol", s.protocol, "peer", conn.RemoteAddr()}
	s.log.Info("a resolver is connected", who...)
	if err := s.read(ctx, conn, p.intake, func() { p.dns.Store(p.intake.Stats()) }); err != nil {
		s.log.Warn("a resolver's connection broke", append(who, "err", err)...)
		return
	}
	s.log.Info("a resolver's connection ended", who...)
}

// account sums the counters of all connections.
func (s *resolverServer) account() (dns dnswire.Stats, peers, over uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	dns = s.dns
	for p := range s.peers {
		counters.Add(&dns, p.dns.Load())
	}
	return dns, uint64(len(s.peers)), s.over
}

// metrics gives what resolvers' connections have in common, and adds up what
// their messages were.
func (s *resolverServer) metrics(ch chan<- prometheus.Metric, stage string, wire *dnswire.Stats) {
	dns, peers, over := s.account()
	metric.Account(ch, stage, struct{ ConnectionsRefused uint64 }{over})
	counters.Add(wire, dns)
	metric.Size(ch, "flowname_"+stage+"_connections", "Resolvers that are connected now.", peers)
}

// metrics gives what came by dnstap.
func (s *dnstapServer) metrics(ch chan<- prometheus.Metric, wire *dnswire.Stats) {
	metric.Account(ch, "dnstap", s.server.Stats())
	s.resolverServer.metrics(ch, "dnstap", wire)
}

// metrics gives what came by PowerDNS's protocol.
func (s *powerDNSServer) metrics(ch chan<- prometheus.Metric, wire *dnswire.Stats) {
	stats := s.server.Stats()
	metric.Account(ch, "powerdns", stats)
	for i, n := range stats.ByType {
		metric.Count(ch, "flowname_powerdns_messages_total", "Messages of PowerDNS, by type.",
			n, "type", strings.ToLower(powerdns.MessageType(i).String()))
	}
	s.resolverServer.metrics(ch, "powerdns", wire)
}
