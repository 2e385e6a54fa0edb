package sources

import (
	"context"
	"io"
	"log/slog"
	"net"

	"github.com/prometheus/client_golang/prometheus"

	"flowname/cmd/flowname/evidence"
	"flowname/dnscache"
	"flowname/dnscache/dnswire"
	"flowname/dnscache/logs"
	"flowname/dnscache/logs/syslog"
)

// Config says which sources there are, and what becomes of what they bring.
// Empty addresses are of sources that there are not.
type Config struct {
	Capture  string   // interface
	Dnstap   string   // unix:PATH or tcp:ADDR
	PowerDNS string   // likewise
	DNSLog   []string // [FORMAT:]PATH; - is Stdin
	Syslog   SyslogFlags

	DNS   evidence.Config
	Data  string // directory for what is remembered of logs
	Stdin io.Reader
	Log   *slog.Logger

	// Response and Connection take evidence, which they copy where they keep it, from
	// the goroutines of all sources at once. Flush has all that they took written.
	Response   func(*dnscache.Response)
	Connection func(*dnscache.Connection)
	Flush      func() error
}

// Sources are all sources of a daemon, open.
type Sources struct {
	cfg Config

	tap      *tap            // nil: no capture
	dnstap   *dnstapServer   // nil: no dnstap
	powerDNS *powerDNSServer // nil: none
	logs     []*followedLog
	stdin    *pipedLog      // nil: no log comes by stdin
	syslog   *syslog.Server // nil: none
}

// Open opens all sources, or none.
func Open(cfg Config) (*Sources, error) {
	s := &Sources{cfg: cfg}
	for _, open := range []func() error{s.openTap, s.openServers, s.openLogs, s.openSyslog} {
		if err := open(); err != nil {
			s.Close()
			return nil, err
		}
	}
	return s, nil
}

func (s *Sources) openTap() (err error) {
	if s.cfg.Capture != "" {
		s.tap, err = newTap(s.cfg.Capture, s.cfg.DNS, s.cfg.Response)
	}
	return err
}

func (s *Sources) openServers() (err error) {
	if s.cfg.Dnstap != "" {
		if s.dnstap, err = openDnstap(s.cfg.Dnstap, s.cfg.DNS, s.cfg.Response, s.cfg.Log); err != nil {
			return err
		}
	}
	if s.cfg.PowerDNS != "" {
		s.powerDNS, err = openPowerDNS(s.cfg.PowerDNS, s.cfg.DNS, s.cfg.Response, s.cfg.Log)
	}
	return err
}

// sink files what lines tell.
func (s *Sources) sink() logs.Sink {
	return logs.Sink{Response: s.cfg.Response, Connection: s.cfg.Connection}
}

// Close closes what is open, for who does not run it.
func (s *Sources) Close() {
	if s.tap != nil {
		s.tap.live.Close()
	}
	if s.dnstap != nil {
		s.dnstap.listener.Close()
	}
	if s.powerDNS != nil {
		s.powerDNS.listener.Close()
	}
	if s.syslog != nil {
		s.syslog.Close()
	}
}

// None says whether there is no source at all.
func (s *Sources) None() bool {
	return s.tap == nil && s.dnstap == nil && s.powerDNS == nil && len(s.logs) == 0 && s.stdin == nil && s.syslog == nil
}

// Announce tells what is open.
func (s *Sources) Announce() {
	if s.tap != nil {
		s.cfg.Log.Info("watching DNS", "interface", s.cfg.Capture)
	}
	if s.dnstap != nil {
		s.cfg.Log.Info("waiting for dnstap", "address", s.dnstap.listener.Addr())
	}
	if s.powerDNS != nil {
		s.cfg.Log.Info("waiting for PowerDNS protobuf", "address", s.powerDNS.listener.Addr())
	}
	s.announceLogs()
	s.announceSyslog()
}

// Run starts tasks by spawn that take evidence until ctx ends; an error of any is
// that of its source.
func (s *Sources) Run(ctx context.Context, spawn func(func() error)) {
	if s.tap != nil {
		spawn(func() error { return s.tap.run(ctx) })
	}
	if s.dnstap != nil {
		spawn(func() error { return s.dnstap.run(ctx, spawn) })
	}
	if s.powerDNS != nil {
		spawn(func() error { return s.powerDNS.run(ctx, spawn) })
	}
	for _, l := range s.logs {
		spawn(func() error { return l.follower.Run(ctx) })
	}
	if s.stdin != nil {
		spawn(func() error { return s.stdin.run(ctx) })
	}
	if s.syslog != nil {
		s.runSyslog(ctx, spawn)
	}
}

// Ended gives what was held back, when all tasks have ended.
func (s *Sources) Ended() {
	if s.syslog != nil {
		s.syslog.Flush()
	}
}

// Metrics gives what all sources have counted, but for their DNS messages, which
// are added to wire.
func (s *Sources) Metrics(ch chan<- prometheus.Metric, wire *dnswire.Stats) {
	if s.tap != nil {
		s.tap.metrics(ch, wire)
	}
	if s.dnstap != nil {
		s.dnstap.metrics(ch, wire)
	}
	if s.powerDNS != nil {
		s.powerDNS.metrics(ch, wire)
	}
	s.logMetrics(ch)
	s.syslogMetrics(ch)
}

// DnstapAddr is where dnstap is waited for, of who has such a source.
func (s *Sources) DnstapAddr() net.Addr { return s.dnstap.listener.Addr() }

// DnstapOver says whether something came by dnstap, and no resolver is connected any
// more.
func (s *Sources) DnstapOver() bool {
	_, peers, _ := s.dnstap.account()
	return s.dnstap.server.Stats().Frames > 0 && peers == 0
}
