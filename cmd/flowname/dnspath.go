package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"flowname/dnscache"
	"flowname/dnscache/dnstap"
	"flowname/dnscache/dnswire"
	"flowname/dnscache/sensor"
	"flowname/dnscache/sensor/capture"
)

// fileLive files evidence that arrives now.
func fileLive(cache *dnscache.Cache) func(*dnscache.Response) {
	return func(r *dnscache.Response) { cache.File(r, time.Now().UnixNano()) }
}

// A wireTap watches DNS on an interface.
type wireTap struct {
	live   *capture.Live
	sensor *sensor.Sensor
	intake *intake

	sensorStats snapshot[sensor.Stats]
	dnsStats    snapshot[dnswire.Stats]
}

func openWireTap(iface string, config dnsConfig, cache *dnscache.Cache) (*wireTap, error) {
	live, err := capture.OpenInterface(iface, capture.LiveConfig{Ports: config.sensor.Ports})
	if err != nil {
		return nil, err
	}
	return &wireTap{
		live:   live,
		sensor: sensor.New(config.sensor),
		intake: newIntake(config.wire, fileLive(cache)),
	}, nil
}

// statsEvery is after how many frames a tap's counters are published.
const statsEvery = 64

// run watches until ctx ends.
func (t *wireTap) run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { t.live.Close() })
	defer stop()
	defer t.publish()
	for n := 0; ; n++ {
		frame, err := t.live.Next()
		switch {
		case ctx.Err() != nil:
			t.sensor.Flush(t.intake.packet)
			return nil
		case err != nil:
			return fmt.Errorf("capture: %w", err)
		}
		t.sensor.Frame(frame, t.intake.packet)
		if n%statsEvery == 0 {
			t.publish()
		}
	}
}

func (t *wireTap) publish() {
	t.sensorStats.store(t.sensor.Stats())
	t.dnsStats.store(t.intake.parser.Stats())
}

// maxDnstapPeers is how many resolvers are connected at once at most.
const maxDnstapPeers = 64

// A dnstapServer takes the connections of resolvers.
type dnstapServer struct {
	listener net.Listener
	server   *dnstap.Server
	config   dnswire.Config
	cache    *dnscache.Cache
	log      *slog.Logger

	mu    sync.Mutex
	dns   dnswire.Stats // of connections that have ended
	peers map[*dnstapPeer]bool
	over  uint64 // connections refused: too many at once
}

// A dnstapPeer is a connected resolver.
type dnstapPeer struct {
	intake *intake
	dns    snapshot[dnswire.Stats]
}

func openDnstap(addr string, config dnsConfig, cache *dnscache.Cache, log *slog.Logger) (*dnstapServer, error) {
	server, err := dnstap.NewServer(dnstap.Config{})
	if err != nil {
		return nil, err
	}
	l, err := dnstap.Listen(addr)
	if err != nil {
		return nil, err
	}
	return &dnstapServer{
		listener: l, server: server, config: config.wire, cache: cache, log: log,
		peers: map[*dnstapPeer]bool{},
	}, nil
}

// run accepts until ctx ends; each connection is served by a task of its own.
func (s *dnstapServer) run(ctx context.Context, spawn func(func() error)) error {
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
			return fmt.Errorf("dnstap: %w", err)
		case err != nil:
			s.log.Warn("a dnstap connection could not be accepted", "err", err)
			s.pause(ctx)
			continue
		}
		peer := s.enter()
		if peer == nil {
			conn.Close()
			s.log.Warn("a dnstap connection was refused: too many", "most", maxDnstapPeers)
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
func (s *dnstapServer) pause(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(time.Second):
	}
}

func (s *dnstapServer) enter() *dnstapPeer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.peers) == maxDnstapPeers {
		s.over++
		return nil
	}
	p := &dnstapPeer{intake: newIntake(s.config, fileLive(s.cache))}
	s.peers[p] = true
	return p
}

func (s *dnstapServer) leave(p *dnstapPeer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.peers, p)
	addCounters(&s.dns, p.intake.parser.Stats())
}

// serve takes the messages of one resolver. A connection that breaks is said
// and the next one waited for; it never ends the daemon.
func (s *dnstapServer) serve(ctx context.Context, conn net.Conn, p *dnstapPeer) {
	s.log.Info("a resolver is connected by dnstap", "peer", conn.RemoteAddr())
	err := s.server.Serve(ctx, conn, func(m *dnstap.Message) error {
		p.intake.dnstap(m)
		return nil
	}, func() { p.dns.store(p.intake.parser.Stats()) })
	if err != nil {
		s.log.Warn("a dnstap connection broke", "peer", conn.RemoteAddr(), "err", err)
		return
	}
	s.log.Info("a dnstap connection ended", "peer", conn.RemoteAddr())
}

// account sums the counters of all connections.
func (s *dnstapServer) account() (taps dnstap.Stats, dns dnswire.Stats, peers, over uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	dns = s.dns
	for p := range s.peers {
		addCounters(&dns, p.dns.load())
	}
	return s.server.Stats(), dns, uint64(len(s.peers)), s.over
}
