package feed

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"flowname/cmd/flowload/wire"
	"flowname/cmd/flowload/world"
)

// answersAtOnce is how many answers are written between two looks at the clock.
const answersAtOnce = 64

// Dnstap streams all answers of a world to a socket, unix:PATH or
// tcp:HOST:PORT, at so many a second; 0: as fast as the other end reads. It
// returns when that has said that it has read all of them.
func Dnstap(ctx context.Context, to string, w *world.World, rate int) (answers int, err error) {
	network, addr, ok := strings.Cut(to, ":")
	if !ok || network != "unix" && network != "tcp" || addr == "" {
		return 0, fmt.Errorf("dnstap address %q: %w", to, ErrAddress)
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, network, addr)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	tap, err := wire.NewTap(conn, true)
	if err != nil {
		return 0, fmt.Errorf("dnstap to %s: %w", to, err)
	}
	begun := time.Now()
	for i := range w.Answers() {
		if rate > 0 && i%answersAtOnce == 0 {
			due := time.Duration(float64(i) / float64(rate) * float64(time.Second))
			if err := pause(ctx, tap, due-time.Since(begun)); err != nil {
				return i, err
			}
		}
		a := w.Answer(i)
		if err := tap.Write(&a); err != nil {
			return i, ended(ctx, err)
		}
	}
	return w.Answers(), ended(ctx, tap.Close())
}

// pause sends what waits and then waits itself.
func pause(ctx context.Context, tap *wire.Tap, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	if err := tap.Flush(); err != nil {
		return ended(ctx, err)
	}
	return sleep(ctx, d)
}

// ended prefers the reason to its effect.
func ended(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}
