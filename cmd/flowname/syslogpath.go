package main

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
func (d *daemon) openSyslog(f *SyslogFlags) (err error) {
	if !enabled(f.Syslog) {
		return nil
	}
	config := syslog.Config{Logs: d.dns.Logs, Sink: d.logSink()}
	if f.SyslogFormat != "" {
		if config.Format = logs.ByName(f.SyslogFormat); config.Format == nil {
			return command.Usagef("--syslog-format: there is no format %q; 'flowname formats' lists them", f.SyslogFormat)
		}
	}
	if config.Allow, err = command.ParseNetworks("--syslog-allow", f.SyslogAllow); err != nil {
		return command.Usagef("%v", err)
	}
	if d.syslog, err = syslog.Listen(f.Syslog, config); err != nil {
		return fmt.Errorf("%w: give another --syslog", err)
	}
	return nil
}

// announceSyslog tells what is listened on.
func (d *daemon) announceSyslog() {
	if d.syslog == nil {
		return
	}
	udp, tcp := d.syslog.Addrs()
	d.log.Info("waiting for syslog by UDP", "address", udp)
	d.log.Info("waiting for syslog by TCP", "address", tcp)
}

// runSyslog takes messages until ctx ends.
func (d *daemon) runSyslog(ctx context.Context, spawn func(func() error)) {
	spawn(func() error { return d.syslog.RunUDP(ctx) })
	spawn(func() error { return d.syslog.RunTCP(ctx, spawn) })
}

// syslog gives the account of what comes by syslog.
func (c stageCollector) syslog(ch chan<- prometheus.Metric) {
	if c.d.syslog == nil {
		return
	}
	s := c.d.syslog.Stats()
	logLines(ch, &s.Read, "log", "syslog")
	metric.Account(ch, "syslog", s)
	metric.Size(ch, "flowname_syslog_connections_now", "Senders that are connected by TCP now.", uint64(c.d.syslog.Connections()))
}
