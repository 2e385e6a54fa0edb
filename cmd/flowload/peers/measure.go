package peers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"flowname/cmd/flowload/feed"
	"flowname/cmd/flowload/wire"
)

// A Result is what one round of a receiver measured.
type Result struct {
	CPU  time.Duration
	Took time.Duration // of the sending
	Peak uint64        // bytes of resident memory
	// Sent and Written count flows; of a receiver that does not look into
	// datagrams, Written is made of their number.
	Sent, Written uint64
	Drops         uint64 // datagrams, by the kernel
}

// Lost is how many flows were sent and not written.
func (r *Result) Lost() uint64 { return r.Sent - min(r.Written, r.Sent) }

// Measure makes one round. dir is a directory for the round, which it makes and
// removes.
func (r *Receiver) Measure(ctx context.Context, dir string, messages []wire.Message) (res Result, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s: %w", r.Name, err)
		}
	}()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return res, err
	}
	defer os.RemoveAll(dir)
	p, err := r.place(dir)
	if err != nil {
		return res, err
	}
	args, err := r.prepare(p)
	if err != nil {
		return res, err
	}
	port, err := feed.OpenPort(p.port)
	if err != nil {
		return res, err
	}
	defer port.Close()
	proc, err := start(ctx, r.Name, args, dir)
	if err != nil {
		return res, err
	}
	defer proc.kill()
	p.output = proc.output.text
	if err := proc.ready(ctx, port); err != nil {
		return res, err
	}
	if err := proc.idle(ctx); err != nil {
		return res, err
	}
	return r.load(ctx, proc, p, messages)
}

// load sends the messages to a receiver that is ready, measures, and ends it.
func (r *Receiver) load(ctx context.Context, proc *process, p place, messages []wire.Message) (res Result, err error) {
	var before time.Duration
	sent, err := feed.Flows(ctx, feed.Options{
		To: loopback(p.port), Queue: r.queue(),
		Learned: func() error {
			if err := errors.Join(proc.idle(ctx), proc.resetPeak()); err != nil {
				return err
			}
			before, err = proc.cpu()
			return err
		},
	}, func(yield func(wire.Message) bool) {
		for _, m := range messages {
			if !yield(m) {
				return
			}
		}
	})
	if err != nil {
		return res, err
	}
	if err := proc.idle(ctx); err != nil {
		return res, err
	}
	res = Result{Took: sent.Took, Sent: sent.Flows, Drops: sent.Drops}
	if r.asked != nil {
		if res.Written, err = r.ask(ctx, proc, p, sent.Flows); err != nil {
			return res, err
		}
	}
	after, err := proc.cpu()
	if err != nil {
		return res, err
	}
	res.CPU = after - before
	if res.Peak, err = proc.peak(); err != nil {
		return res, err
	}
	if err := proc.end(r.signal); err != nil {
		return res, err
	}
	if r.left == nil {
		return res, nil
	}
	if res.Written, err = r.left(ctx, p); err == nil && r.datagrams {
		res.Written = flowsIn(res.Written, sent)
	}
	return res, err
}

// askPatience is how long a receiver may hold flows back: ours lets some wait for
// an answer.
const askPatience = 5 * time.Second

// ask asks how many flows are written until it is all of them, or no more for
// askPatience.
func (r *Receiver) ask(ctx context.Context, proc *process, p place, sent uint64) (written uint64, err error) {
	for since := time.Now(); ; {
		now, err := r.asked(ctx, p)
		if err != nil {
			return 0, err
		}
		if now != written {
			written, since = now, time.Now()
		}
		if written >= sent || time.Since(since) > askPatience {
			return written, nil
		}
		if err := proc.sleep(ctx, askPatience/10); err != nil {
			return 0, err
		}
	}
}

// flowsIn is how many flows were in that many of the datagrams that were sent.
func flowsIn(datagrams uint64, sent feed.Sent) uint64 {
	if datagrams >= sent.Datagrams {
		return sent.Flows
	}
	return sent.Flows * datagrams / sent.Datagrams
}

// queue is how much the sender leaves in the receiver's queue: half of what the
// kernel gives it, which is twice what it asks for.
func (r *Receiver) queue() uint64 {
	got := 2 * min(r.buffer, kernelNumber("net/core/rmem_max"))
	if r.buffer == 0 {
		got = kernelNumber("net/core/rmem_default")
	}
	return uint64(max(got/2, feed.DefaultQueue/2))
}

// kernelNumber reads a setting of the kernel; 0 where it does not have it.
func kernelNumber(name string) (n int) {
	b, err := os.ReadFile(filepath.Join("/proc/sys", name))
	if err != nil {
		return 0
	}
	_, _ = fmt.Sscan(string(b), &n) // 0 stays
	return n
}

// place finds ports that are free now.
func (r *Receiver) place(dir string) (place, error) {
	p := place{dir: dir}
	udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return p, err
	}
	defer udp.Close()
	tcp, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return p, err
	}
	defer tcp.Close()
	p.port = udp.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	p.http = tcp.Addr().(*net.TCPAddr).AddrPort().Port()
	return p, nil
}
