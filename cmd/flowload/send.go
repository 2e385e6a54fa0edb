package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"flowname/cmd/flowload/feed"
	"flowname/cmd/flowload/wire"
)

type sendCmd struct {
	Expect     string `help:"The world, as write has written it." required:"" placeholder:"WORLD.json"`
	To         string `help:"Where flows go, HOST:PORT by UDP." placeholder:"ADDR"`
	Format     string `help:"Export protocol: v5, v9, ipfix or sflow (default ${default})." default:"ipfix"`
	Rate       int    `help:"Flows a second; 0 is as fast as the receiver, on this machine, reads." default:"0"`
	Queue      uint64 `help:"With --rate 0: bytes that may wait in the receiver's queue (default ${default})." default:"98304"`
	Dnstap     string `help:"Where answers go first: unix:PATH or tcp:HOST:PORT." placeholder:"ADDR"`
	AnswerRate int    `help:"Answers a second; 0 is as fast as the other end reads." default:"0"`
}

// Run sends a world's answers, then its flows.
func (c *sendCmd) Run(std streams) error {
	if c.To == "" && c.Dnstap == "" {
		return usagef("send: nothing to do: give --to ADDR, --dnstap ADDR or both")
	}
	if c.Rate < 0 || c.AnswerRate < 0 {
		return usagef("send: --rate and --answer-rate are not negative")
	}
	format, err := wire.ParseFormat(c.Format)
	if err != nil {
		return usagef("send: %v", err)
	}
	w, err := loadWorld(c.Expect)
	if err != nil {
		return fmt.Errorf("send: %w", err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if c.Dnstap != "" {
		n, err := feed.Dnstap(ctx, c.Dnstap, w, c.AnswerRate)
		fmt.Fprintf(std.err, "sent %d answers\n", n)
		if err != nil {
			return fmt.Errorf("send: %w", err)
		}
	}
	if c.To == "" {
		return nil
	}
	sent, err := feed.Flows(ctx, feed.Options{To: c.To, Rate: c.Rate, Queue: c.Queue}, func(yield func(wire.Message) bool) {
		wire.Messages(w, format, yield)
	})
	fmt.Fprintf(std.err, "sent %d flows in %d datagrams in %v, %.0f flows/s; the receiver's kernel dropped %d datagrams\n",
		sent.Flows, sent.Datagrams, sent.Took, float64(sent.Flows)/sent.Took.Seconds(), sent.Drops)
	if err != nil {
		return fmt.Errorf("send: %w", err)
	}
	return nil
}
