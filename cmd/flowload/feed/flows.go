package feed

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"flowname/cmd/flowload/wire"
)

// Patience is how long a receiver may read nothing.
const Patience = 30 * time.Second

const (
	// lookEvery is after how many datagrams the receiver's queue is looked at: all
	// of them are a fraction of any buffer.
	lookEvery = 8
	nap       = 100 * time.Microsecond
	// DefaultQueue is how much waits in a receiver's queue at most, of the 208
	// KiB that Linux gives a socket that does not ask.
	DefaultQueue = 96 << 10
)

// Options say how export messages are sent.
type Options struct {
	To string // host:port
	// Rate is how many flows a second; 0: as fast as the receiver reads.
	Rate int
	// Clock, where it is not nil, says when each message is sent, and Rate
	// nothing. Learned starts it.
	Clock *Clock
	// Queue is how many bytes wait in the receiver's queue at most, in the
	// kernel's count; 0: DefaultQueue.
	Queue uint64
	// Learned is called when the receiver has read the exporters' templates,
	// before the first flow; nil: nothing is.
	Learned func() error
}

// paced tells that messages are sent at their time, and not as the receiver
// reads.
func (o *Options) paced() bool { return o.Rate > 0 || o.Clock != nil }

// Sent counts what was sent.
type Sent struct {
	Flows, Datagrams, Bytes uint64
	Took                    time.Duration // from the first flow to the last
	// Drops is how many datagrams the kernel dropped meanwhile, at the
	// receiver's socket.
	Drops uint64
}

// A sender is one run of Flows.
type sender struct {
	ctx   context.Context
	opt   Options
	conns map[int]*net.UDPConn
	port  *Port // nil where only a rate is sent
	sent  Sent
	begun time.Time
}

// Flows sends messages until they end or ctx does. By queue, it returns when the
// receiver has read all of them.
func Flows(ctx context.Context, opt Options, messages func(func(wire.Message) bool)) (Sent, error) {
	addr, err := net.ResolveUDPAddr("udp", opt.To)
	if err != nil {
		return Sent{}, err
	}
	if opt.Queue == 0 {
		opt.Queue = DefaultQueue
	}
	s := &sender{ctx: ctx, opt: opt, conns: map[int]*net.UDPConn{}}
	defer s.close()
	if s.port, err = OpenPort(uint16(addr.Port)); err != nil && !opt.paced() {
		return Sent{}, err
	}
	before, err := s.look()
	if err != nil {
		return Sent{}, err
	}
	messages(func(m wire.Message) bool {
		err = s.send(addr, m)
		return err == nil
	})
	if err == nil {
		err = s.settle(0)
	}
	s.sent.Took = time.Since(s.begun)
	if after, lookErr := s.look(); lookErr == nil {
		s.sent.Drops = after.Drops - before.Drops
	}
	return s.sent, err
}

func (s *sender) close() {
	for _, c := range s.conns {
		c.Close()
	}
	if s.port != nil {
		s.port.Close()
	}
}

func (s *sender) look() (Socket, error) {
	if s.port == nil {
		return Socket{}, nil
	}
	return s.port.Socket()
}

func (s *sender) send(to *net.UDPAddr, m wire.Message) error {
	if m.Flows > 0 && s.sent.Flows == 0 {
		if err := s.learned(); err != nil {
			return err
		}
	}
	if err := s.wait(m.AtNs); err != nil {
		return err
	}
	conn := s.conns[m.Exporter]
	if conn == nil {
		var err error
		if conn, err = net.DialUDP("udp", nil, to); err != nil {
			return err
		}
		s.conns[m.Exporter] = conn
	}
	if _, err := conn.Write(m.Payload); err != nil {
		return fmt.Errorf("%w: is there a receiver at %s?", err, s.opt.To)
	}
	s.sent.Flows += uint64(m.Flows)
	s.sent.Datagrams++
	s.sent.Bytes += uint64(len(m.Payload))
	return nil
}

// learned lets the receiver read the templates, then begins.
func (s *sender) learned() error {
	if err := s.settle(0); err != nil {
		return err
	}
	if s.opt.Learned != nil {
		if err := s.opt.Learned(); err != nil {
			return err
		}
	}
	s.begun = time.Now()
	return nil
}

// wait holds the next message, of that time, back until it is its turn.
func (s *sender) wait(atNs int64) error {
	if s.sent.Datagrams%lookEvery != 0 {
		return nil
	}
	if !s.opt.paced() {
		return s.settle(s.opt.Queue)
	}
	if s.begun.IsZero() {
		return s.ctx.Err()
	}
	if s.opt.Clock != nil {
		return sleep(s.ctx, s.opt.Clock.until(atNs))
	}
	due := time.Duration(float64(s.sent.Flows) / float64(s.opt.Rate) * float64(time.Second))
	return sleep(s.ctx, due-time.Since(s.begun))
}

// settle waits until no more than so many bytes are in the receiver's queue.
func (s *sender) settle(queue uint64) error {
	if s.port == nil {
		return s.ctx.Err()
	}
	least, since := ^uint64(0), time.Now()
	for {
		now, err := s.port.Socket()
		switch {
		case err != nil:
			return err
		case s.ctx.Err() != nil:
			return s.ctx.Err()
		case now.Queued <= queue:
			return nil
		case !now.Bound:
			return fmt.Errorf("nobody listens at %s", s.opt.To)
		case now.Queued < least:
			least, since = now.Queued, time.Now()
		case time.Since(since) > Patience:
			return fmt.Errorf("the receiver at %s has read nothing for %v, with %d bytes in its queue", s.opt.To, Patience, now.Queued)
		}
		if err := sleep(s.ctx, nap); err != nil {
			return err
		}
	}
}

// sleep waits that long, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// ErrAddress means an address that can not be one of a dnstap socket.
var ErrAddress = errors.New("want unix:PATH or tcp:HOST:PORT")
