package main

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"flowname/cmd/flowname/command"
	"flowname/cmd/flowname/lograte"
	"flowname/flows/listen"
	"flowname/flows/listen/stream"
	"flowname/flows/netflow"
)

// deliveriesQueued is how many connections may wait for their receiver in line.
// Each waits with one batch, so that a receiver that is behind holds them up,
// and TCP holds up their exporters: nothing is dropped.
const deliveriesQueued = 16

// A delivery is what a connection gives its receiver, which says on done that it
// has taken it.
type delivery struct {
	batch []listen.Datagram // lent until done
	ended netip.AddrPort    // where there is no batch: the session that is over
	done  chan<- struct{}
}

// A streamServer takes the connections of exporters on one address. All of them
// share a receiver: flows are few for each, and templates are kept apart by the
// connection's other end.
type streamServer struct {
	transport string // "TCP" or "TLS"
	listener  *stream.Listener
	receiver  *receiver // has no socket: it is fed from in
	in        chan delivery
	log       *slog.Logger

	comings, refusals lograte.Limit
}

// openStreams opens the listeners for IPFIX by TCP and TLS.
func (d *daemon) openStreams(c *runCmd) error {
	if command.Enabled(c.NetflowTCP) {
		if err := d.openStream("TCP", stream.Config{Addr: c.NetflowTCP, Allow: c.allowed}, c); err != nil {
			return err
		}
	}
	if command.Enabled(c.NetflowTLS) {
		files := &stream.TLSFiles{Cert: c.TLSCert, Key: c.TLSKey, ClientCA: c.TLSClientCA}
		return d.openStream("TLS", stream.Config{Addr: c.NetflowTLS, Allow: c.allowed, TLS: files}, c)
	}
	return nil
}

func (d *daemon) openStream(transport string, config stream.Config, c *runCmd) error {
	l, err := stream.Open(config)
	if err != nil {
		return err
	}
	s := &streamServer{
		transport: transport, listener: l, receiver: newReceiver(nil, streamDecoding(), d.fileLive, d.log),
		in: make(chan delivery, deliveriesQueued), log: d.log,
	}
	d.streams = append(d.streams, s)
	d.joiners = append(d.joiners, d.newJoiner(c.joining(), s.receiver))
	return nil
}

// streamDecoding is how a streamServer decodes: the templates of a connection
// are its own, and nothing of them outlives it, so none are saved. Who may export
// was asked when they connected.
func streamDecoding() netflow.Config { return netflow.Config{Sessions: true} }

// run accepts until ctx ends; each connection is served by a task of its own.
// The receiver's task ends when all of theirs have.
func (s *streamServer) run(ctx context.Context, spawn func(func() error)) error {
	ctx, cancel := context.WithCancel(ctx)
	var sessions sync.WaitGroup
	spawn(s.receive)
	err := s.listener.Run(ctx, func(c *stream.Conn) {
		sessions.Add(1)
		spawn(func() error {
			defer sessions.Done()
			s.serve(ctx, c)
			return nil
		})
	}, s.refused)
	cancel() // where accepting failed
	sessions.Wait()
	close(s.in)
	return err
}

// receive decodes what the connections deliver until in is closed.
func (s *streamServer) receive() error {
	defer close(s.receiver.ended)
	for d := range s.in {
		if d.batch != nil {
			s.receiver.handle(d.batch)
		} else {
			s.receiver.forget(d.ended)
		}
		d.done <- struct{}{}
	}
	return nil
}

// serve takes the messages of one exporter. A connection that breaks is said and
// never ends the daemon.
func (s *streamServer) serve(ctx context.Context, c *stream.Conn) {
	defer c.Close() // frees its name, which the decoder has forgotten by then
	if err := c.Handshake(ctx); err != nil {
		s.refused(err)
		return
	}
	peer := []any{"transport", s.transport, "exporter", c.Peer()}
	if c.Name() != "" {
		peer = append(peer, "certificate", c.Name())
	}
	s.say(&s.comings, slog.LevelInfo, "an exporter is connected", peer...)
	done := make(chan struct{}, 1)
	err := c.Run(ctx, func(batch []listen.Datagram) {
		s.in <- delivery{batch: batch, done: done}
		<-done
	})
	s.in <- delivery{ended: c.Peer(), done: done}
	<-done
	if err != nil {
		s.say(&s.refusals, slog.LevelWarn, "an exporter's connection broke", append(peer, "err", err)...)
		return
	}
	s.say(&s.comings, slog.LevelInfo, "an exporter's connection ended", peer...)
}

func (s *streamServer) refused(err error) {
	s.say(&s.refusals, slog.LevelWarn, "an exporter's connection was refused", "transport", s.transport, "err", err)
}

// say logs a line that a peer can cause, seldom: the counters tell how often.
func (s *streamServer) say(kind *lograte.Limit, level slog.Level, text string, args ...any) {
	ok, unsaid := kind.Allow(time.Now())
	if !ok {
		return
	}
	if unsaid > 0 {
		args = append(args, "lines_left_out", unsaid)
	}
	s.log.Log(context.Background(), level, text, args...)
}

// reloadCertificates reads the files of TLS anew, for connections to come.
func (d *daemon) reloadCertificates() {
	for _, s := range d.streams {
		if err := s.listener.Reload(); err != nil {
			d.log.Error("the TLS files can not be used; the old ones stay", "err", err)
		}
	}
}
