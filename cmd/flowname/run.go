package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"flowname/cmd/flowname/command"
	"flowname/cmd/flowname/evidence"
	"flowname/cmd/flowname/server"
	"flowname/cmd/flowname/sinkholes"
	"flowname/cmd/flowname/sources"
	"flowname/cmd/flowname/watch"
	"flowname/correlate"
)

type runCmd struct {
	Netflow  string        `help:"UDP address for NetFlow v5, v9 and IPFIX (default ${default}); off for none." default:":2055" placeholder:"ADDR"`
	SFlow    string        `name:"sflow" help:"UDP address for sFlow v5, such as :6343 (default ${default})." default:"off" placeholder:"ADDR"`
	Dnstap   string        `help:"Where resolvers connect with dnstap: unix:PATH or tcp:ADDR." placeholder:"ADDR"`
	PowerDNS string        `name:"powerdns" help:"Where PowerDNS Recursor and dnsdist connect with protobuf: unix:PATH or tcp:ADDR." placeholder:"ADDR"`
	Capture  string        `help:"Interface to watch DNS on." placeholder:"IFACE"`
	DNSLog   []string      `name:"dns-log" help:"DNS log to follow: a file, a directory, or - for stdin; its format is told from its lines unless given (repeatable)." placeholder:"[FORMAT:]PATH" sep:"none"`
	DNS      []string      `name:"dns" help:"File of DNS evidence to load before listening (repeatable)." placeholder:"FILE" sep:"none"`
	Data     string        `help:"Data directory: the history (default ${default})." default:"./flowname-data" placeholder:"DIR"`
	ASN      string        `name:"asn" help:"MMDB file with autonomous systems." placeholder:"FILE.mmdb"`
	Geo      string        `help:"MMDB file with countries and cities." placeholder:"FILE.mmdb"`
	Out      string        `help:"Where enriched flows go, as JSON lines (default ${default}: stdout)." default:"-" placeholder:"FILE"`
	Wait     time.Duration `help:"How long a flow waits for an answer that is on its way." default:"2s"`

	Retention     time.Duration `help:"How long the history is kept, counted from when it was filed." default:"720h"`
	IndexWindow   time.Duration `help:"How long answers stay in memory, in event time." default:"1h"`
	IndexVersions int           `help:"How many answers stay in memory at most; 0 is the built-in bound." default:"0"`
	Sockets       int           `help:"UDP sockets that share the NetFlow address; 0 is half the processors." default:"0"`
	ReceiveBuffer int           `help:"Bytes of receive buffer wanted for each UDP socket." default:"33554432"`
	Exporter      []string      `help:"Who may export, by UDP, TCP or TLS, and sFlow: a network or an address (repeatable); none means all." placeholder:"CIDR" aliases:"allow-exporter" sep:"none"`
	server.HTTPFlags
	ClockFlags
	watch.FindingFlags
	watch.FirstSeenFlags
	watch.FeedFlags
	StreamFlags
	evidence.DNSFlags
	sources.SyslogFlags
	evidence.LogFlags
	watch.ClientFlags
	watch.BaselineFlags
	sinkholes.SinkholeFlags

	allowed []netip.Prefix // of Exporter

	Config kong.ConfigFlag `help:"YAML file with a key for each flag." placeholder:"FILE.yaml"`
}

// Validate refuses what can not work.
func (c *runCmd) Validate() error {
	switch {
	case c.Wait < 0:
		return errors.New("--wait is negative")
	case c.Retention < time.Minute:
		return errors.New("--retention is under a minute")
	case c.IndexWindow < time.Second:
		return errors.New("--index-window is under a second")
	case c.Sockets < 0, c.IndexVersions < 0, c.ReceiveBuffer < 0:
		return errors.New("--sockets, --index-versions and --receive-buffer are not negative")
	}
	var err error
	if c.allowed, err = command.ParseNetworks("--exporter", c.Exporter); err != nil {
		return err
	}
	if err := c.HTTPFlags.Check(); err != nil {
		return err
	}
	if err := c.ClientFlags.Check(); err != nil {
		return err
	}
	if err := c.BaselineFlags.Check(); err != nil {
		return err
	}
	if err := c.FeedFlags.Check(); err != nil {
		return err
	}
	if err := c.FirstSeenFlags.Check(); err != nil {
		return err
	}
	return c.StreamFlags.validate()
}

// joining is how flows are joined.
func (c *runCmd) joining() correlate.Config {
	return correlate.Config{Wait: c.Wait, FixClocks: c.FixClocks, Seed: rand.Uint64()}
}

// Run collects until a signal ends it. SIGINT and SIGTERM drain and flush, a
// second one leaves at once; SIGHUP reopens the output and reads the databases
// and the TLS files anew.
func (c *runCmd) Run(std command.Streams) error {
	log := slog.New(slog.NewTextHandler(std.Err, nil))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	defer signal.Stop(reload)

	d, err := openDaemon(c, std, log)
	if err != nil {
		return fmt.Errorf("run: %w", err)
	}
	if err := d.run(ctx, reload); err != nil {
		return fmt.Errorf("run: %w", err)
	}
	return nil
}
