package sources

import (
	"context"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"flowname/cmd/flowname/command"
	"flowname/cmd/flowname/metric"
	"flowname/dnscache/logs"
	"flowname/dnscache/logs/syslog"
)

// SyslogFlags are the flags of what comes by syslog.
type SyslogFlags struct {
	Syslog       string   `help:"UDP and TCP address for DNS logs by syslog (RFC 3164, RFC 5424), such as :514." placeholder:"ADDR"`
	SyslogFormat string   `name:"syslog-format" help:"Format of all that comes by syslog; else it is told for each sender's programs." placeholder:"FORMAT"`
	SyslogAllow  []string `name:"syslog-allow" help:"Who may send by syslog: a network or an address (repeatable); none means all." placeholder:"CIDR" sep:"none"`
}

// openSyslog opens the sockets of --syslog.
func (s *Sources) openSyslog() (err error) {
	f := &s.cfg.Syslog
	if !command.Enabled(f.Syslog) {
		return nil
	}
	config := syslog.Config{Logs: s.cfg.DNS.Logs, Sink: s.sink()}
	if f.SyslogFormat != "" {
		if config.Format = logs.ByName(f.SyslogFormat); config.Format == nil {
			return command.Usagef("--syslog-format: there is no format %q; 'flowname formats' lists them", f.SyslogFormat)
		}
	}
	if config.Allow, err = command.ParseNetworks("--syslog-allow", f.SyslogAllow); err != nil {
		return command.Usagef("%v", err)
	}
	if s.syslog, err = syslog.Listen(f.Syslog, config); err != nil {
		return fmt.Errorf("%w: give another --syslog", err)
	}
	return nil
}

// announceSyslog tells what is listened on.
func (s *Sources) announceSyslog() {
	if s.syslog == nil {
		return
	}
	udp, tcp := s.syslog.Addrs()
	s.cfg.Log.Info("waiting for syslog by UDP", "address", udp)
	s.cfg.Log.Info("waiting for syslog by TCP", "address", tcp)
}

// runSyslog takes messages until ctx ends.
func (s *Sources) runSyslog(ctx context.Context, spawn func(func() error)) {
	spawn(func() error { return s.syslog.RunUDP(ctx) })
	spawn(func() error { return s.syslog.RunTCP(ctx, spawn) })
}

// syslogMetrics gives the account of what comes by syslog.
func (s *Sources) syslogMetrics(ch chan<- prometheus.Metric) {
	if s.syslog == nil {
		return
	}
	stats := s.syslog.Stats()
	logLines(ch, &stats.Read, "log", "syslog")
	metric.Account(ch, "syslog", stats)
	metric.Size(ch, "flowname_syslog_connections_now", "Senders that are connected by TCP now.", uint64(s.syslog.Connections()))
}
