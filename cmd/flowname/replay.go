package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"flowname/cmd/flowname/command"
	"flowname/cmd/flowname/evidence"
	"flowname/cmd/flowname/sinkholes"
	"flowname/cmd/flowname/watch"
)

type replayCmd struct {
	DNS   []string      `name:"dns" help:"File of DNS evidence (repeatable): pcap, pcapng, dnstap, PowerDNS protobuf, a log ([FORMAT:]FILE); plain, gzip or zstd." placeholder:"FILE" sep:"none"`
	Flows []string      `help:"Capture of export packets (repeatable): NetFlow v5, v9, IPFIX, sFlow v5." placeholder:"FILE" sep:"none"`
	ASN   string        `name:"asn" help:"MMDB file with autonomous systems." placeholder:"FILE.mmdb"`
	Geo   string        `help:"MMDB file with countries and cities." placeholder:"FILE.mmdb"`
	Out   string        `help:"Where enriched flows go, as JSON lines (default ${default}: stdout)." default:"-" placeholder:"FILE"`
	Data  string        `help:"Keep the history in this directory; without it none is kept." placeholder:"DIR"`
	Wait  time.Duration `help:"How long a flow waits for an answer, in packet time." default:"2s"`
	ClockFlags
	watch.FindingFlags
	sinkholes.SinkholeFlags
	watch.FirstSeenFlags
	watch.FeedFlags
	evidence.DNSFlags
	evidence.LogFlags
	watch.ClientFlags
	watch.BaselineFlags
}

// Validate refuses what can not work.
func (c *replayCmd) Validate() error {
	return errors.Join(c.ClientFlags.Check(), c.BaselineFlags.Check())
}

// Run replays the files.
func (c *replayCmd) Run(std command.Streams) (err error) {
	if len(c.Flows) == 0 && (len(c.DNS) == 0 || c.Data == "") {
		return command.Usagef("replay: nothing to do: give --flows FILE, or --dns FILE with --data DIR to keep a history")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends at once

	started := time.Now()
	r, err := c.open(std, started)
	if err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	r.run(ctx)
	err = r.close()
	r.summarise(std.Err)
	if err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	if ctx.Err() != nil {
		return errors.New("replay: interrupted: the output is whole up to here")
	}
	return nil
}
