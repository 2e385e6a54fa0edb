package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"

	"flowname/flows/listen"
)

type floorCmd struct {
	Batched bool   `help:"Read as flowname does: batches, and few wake-ups."`
	Buffer  int    `help:"Bytes of receive buffer wanted." default:"4194304"`
	Listen  string `arg:"" help:"UDP address."`
}

// Run reads datagrams and drops them until a signal, then prints how many there
// were.
func (c *floorCmd) Run(std streams) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	read := c.read
	if c.Batched {
		read = c.readBatches
	}
	n, err := read(ctx)
	if err != nil {
		return fmt.Errorf("floor: %w", err)
	}
	_, err = fmt.Fprintln(std.out, n)
	return err
}

// read is the loop that any Go program would begin with.
func (c *floorCmd) read(ctx context.Context) (n uint64, err error) {
	addr, err := net.ResolveUDPAddr("udp", c.Listen)
	if err != nil {
		return 0, err
	}
	conn, err := net.ListenUDP("udp", addr)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	_ = conn.SetReadBuffer(c.Buffer) // the kernel gives what it gives
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	b := make([]byte, 1<<16)
	for {
		if _, _, err := conn.ReadFromUDPAddrPort(b); err != nil {
			if errors.Is(err, net.ErrClosed) {
				return n, nil
			}
			return n, err
		}
		n++
	}
}

// readBatches is the reader of flowname.
func (c *floorCmd) readBatches(ctx context.Context) (n uint64, err error) {
	g, err := listen.Open(listen.Config{Addr: c.Listen, Sockets: 1, ReceiveBuffer: c.Buffer})
	if err != nil {
		return 0, err
	}
	defer g.Close()
	err = g.Sockets()[0].Run(ctx, func(d []listen.Datagram) { n += uint64(len(d)) })
	return n, err
}
