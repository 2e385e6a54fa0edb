package feed

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"flowname/cmd/flowload/wire"
	"flowname/cmd/flowload/world"
)

// answersAtOnce is how many answers are written between two looks at the clock.
const answersAtOnce = 64

// A Tap is a connection that answers are streamed to.
type Tap struct {
	ctx   context.Context
	conn  net.Conn
	stop  func() bool
	tap   *wire.Tap
	world *world.World
	next  int // the answer that is sent next
}

// DialTap connects to a socket, unix:PATH or tcp:HOST:PORT.
func DialTap(ctx context.Context, to string, w *world.World) (*Tap, error) {
	network, addr, ok := strings.Cut(to, ":")
	if !ok || network != "unix" && network != "tcp" || addr == "" {
		return nil, fmt.Errorf("dnstap address %q: %w", to, ErrAddress)
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	tap, err := wire.NewTap(conn, true)
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("dnstap to %s: %w", to, err)
	}
	return &Tap{ctx: ctx, conn: conn, stop: context.AfterFunc(ctx, func() { conn.Close() }), tap: tap, world: w}, nil
}

// Sent is how many answers were sent.
func (t *Tap) Sent() int { return t.next }

// Send sends the answers up to a number, each not before its due time; due is
// asked now and then, nil is at once.
func (t *Tap) Send(upTo int, due func(i int, a *world.Answer) time.Duration) error {
	for ; t.next < upTo; t.next++ {
		a := t.world.Answer(t.next)
		if due != nil && t.next%answersAtOnce == 0 {
			if err := t.pause(due(t.next, &a)); err != nil {
				return err
			}
		}
		if err := t.tap.Write(&a); err != nil {
			return ended(t.ctx, err)
		}
	}
	return ended(t.ctx, t.tap.Flush())
}

// Play sends the answers up to a number when the clock shows their times.
func (t *Tap) Play(upTo int, c *Clock) error {
	return t.Send(upTo, func(_ int, a *world.Answer) time.Duration { return c.until(a.TimeNs) })
}

// Close ends the stream, and returns when the other end says that it has read
// all of it.
func (t *Tap) Close() error {
	defer t.stop()
	return errors.Join(ended(t.ctx, t.tap.Close()), closed(t.conn.Close()))
}

// closed is no error for a connection that the context closed.
func closed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Dnstap streams all answers of a world to a socket, unix:PATH or
// tcp:HOST:PORT, at so many a second; 0: as fast as the other end reads. It
// returns when that has said that it has read all of them.
func Dnstap(ctx context.Context, to string, w *world.World, rate int) (answers int, err error) {
	t, err := DialTap(ctx, to, w)
	if err != nil {
		return 0, err
	}
	var due func(int, *world.Answer) time.Duration
	if begun := time.Now(); rate > 0 {
		due = func(i int, _ *world.Answer) time.Duration {
			return time.Duration(float64(i)/float64(rate)*float64(time.Second)) - time.Since(begun)
		}
	}
	err = t.Send(w.Answers(), due)
	return t.Sent(), errors.Join(err, t.Close())
}

// pause sends what waits and then waits itself.
func (t *Tap) pause(d time.Duration) error {
	if d <= 0 {
		return nil
	}
	if err := t.tap.Flush(); err != nil {
		return ended(t.ctx, err)
	}
	return sleep(t.ctx, d)
}

// ended prefers the reason to its effect.
func ended(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}
