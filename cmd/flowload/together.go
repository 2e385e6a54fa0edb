package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"flowname/cmd/flowload/check"
	"flowname/cmd/flowload/feed"
	"flowname/cmd/flowload/peers"
	"flowname/cmd/flowload/wire"
	"flowname/cmd/flowload/world"
)

type togetherCmd struct {
	Flows    int           `help:"Flows a second (default ${default})." default:"500000"`
	Answers  int           `help:"DNS answers a second, by dnstap (default ${default})." default:"75000"`
	Time     time.Duration `help:"How long both come together (default ${default})." default:"60s"`
	Clients  int           `help:"Clients that ask (default ${default})." default:"100000"`
	Lost     float64       `help:"Fail where more than this share of the flows is lost (default ${default})." default:"0.0001"`
	Highest  bool          `help:"Then find the highest rate of flows that holds, with as many answers for each, in short runs."`
	Format   string        `help:"Export protocol: v9 or ipfix (default ${default})." default:"ipfix"`
	Flowname string        `help:"A flowname to load (default: this project's, built)." placeholder:"PROGRAM"`
}

// The world's time: turns of turnNs, the first of which is there at the
// beginning. As few as keep the world's time under fastest times the real one: an
// answer is there four seconds of the world before a flow that it names is
// exported, and a receiver may be a second behind with it.
const (
	minTurns, maxTurns = 2, 8
	turnNs             = 20 * int64(time.Second)
	fastest            = 4
)

// Run loads flowname with flows and answers at the same time, checks every
// line, and fails where a name is wrong, too much was lost, or the loss is not
// accounted for.
func (c *togetherCmd) Run(std streams) error {
	format, err := wire.ParseFormat(c.Format)
	switch {
	case err != nil:
		return usagef("together: %v", err)
	case format == wire.SFlow:
		return usagef("together: sflow tells no times, and the world's are not the clock's: v9 or ipfix")
	case format == wire.V5:
		return usagef("together: v5 can not tell the IPv6 of this world: v9 or ipfix")
	case c.Flows < 1 || c.Answers < 1 || c.Time < time.Second:
		return usagef("together: want at least one flow and one answer a second, for a second")
	case c.Clients < 2:
		return usagef("together: want two clients at least")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	dir, err := os.MkdirTemp("", "flowload-")
	if err != nil {
		return fmt.Errorf("together: %w", err)
	}
	err = c.together(ctx, std, dir, format)
	if err = errors.Join(err, os.RemoveAll(dir)); err != nil {
		return fmt.Errorf("together: %w", err)
	}
	return nil
}

func (c *togetherCmd) together(ctx context.Context, std streams, dir string, format wire.Format) error {
	program, err := c.program(ctx, dir)
	if err != nil {
		return err
	}
	r := joint{program: program, format: format, clients: c.Clients, flows: c.Flows, answers: c.Answers, time: c.Time}
	res, err := r.run(ctx, filepath.Join(dir, "run"))
	if err != nil {
		return err
	}
	res.tell(std.out)
	if err := res.judge(c.Lost); err != nil {
		return err
	}
	if c.Highest {
		return r.highest(ctx, std, dir, c.Lost)
	}
	return nil
}

func (c *togetherCmd) program(ctx context.Context, dir string) (string, error) {
	if c.Flowname == "" {
		return peers.Build(ctx, dir)
	}
	return filepath.Abs(c.Flowname)
}

// A joint is a run of flows and answers together.
type joint struct {
	program string
	format  wire.Format
	clients int
	// flows and answers come each second, for time.
	flows, answers int
	time           time.Duration
}

// world is the world of the run, and how much faster than real it is played:
// its answers of all turns but the first come within time.
func (r *joint) world() (*world.World, float64, error) {
	cfg := world.Default()
	turns := min(max(minTurns, 1+int(fastest*int64(r.time)/turnNs)), maxTurns)
	cfg.Turns, cfg.PeriodMs = turns, turnNs/1e6
	speed := float64(int64(turns-1)*turnNs) / float64(r.time)
	pairs := max(2, int(float64(r.answers)*float64(turnNs)/1e9/speed))
	cfg.Clients = min(r.clients, pairs) &^ 1 // each asks at least once
	cfg.Answers = pairs * turns
	w, err := world.New(cfg)
	if err != nil {
		return nil, 0, err
	}
	last := time.Duration(w.ExportNs(cfg.Flows) - w.ExportNs(0)) // the time that all exports take
	cfg.Flows = int(float64(r.flows) * last.Seconds() / speed)
	w, err = world.New(cfg)
	return w, speed, err
}

// run loads a flowname of its own.
func (r *joint) run(ctx context.Context, dir string) (res *jointResult, err error) {
	w, speed, err := r.world()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	asn, city := filepath.Join(dir, asnFile), filepath.Join(dir, cityFile)
	if err := w.WritePlaces(asn, city); err != nil {
		return nil, err
	}
	live, err := peers.StartLive(ctx, r.program, dir, asn, city, max(4<<20, 3*w.Answers()))
	if err != nil {
		return nil, err
	}
	defer live.Kill()
	res = &jointResult{joint: r, answers: w.Answers()}
	checker := check.New(w, true)
	var tasks errgroup.Group
	tasks.Go(func() error { return checker.Read(live.Lines) })
	err = r.load(ctx, live, w, speed, res)
	if err == nil {
		err = live.End()
	}
	if err != nil {
		live.Kill()
	}
	if err = errors.Join(err, tasks.Wait()); err != nil {
		return nil, err
	}
	res.account = checker.Account()
	return res, nil
}

// load sends the answers that are there at the beginning, then the flows and the
// other answers when they are due, and measures meanwhile.
func (r *joint) load(ctx context.Context, live *peers.Live, w *world.World, speed float64, res *jointResult) error {
	tap, err := feed.DialTap(ctx, live.Dnstap, w)
	if err != nil {
		return err
	}
	first := w.ExportNs(0)
	before := w.AnswersBefore(first)
	clock := &feed.Clock{FromNs: first, Speed: speed}
	var answers errgroup.Group
	var cpu time.Duration
	res.flows, err = feed.Flows(ctx, feed.Options{
		To: live.Netflow, Clock: clock,
		Learned: func() error {
			if err := errors.Join(tap.Send(before, nil), live.Idle(ctx), live.ResetPeak()); err != nil {
				return err
			}
			if cpu, err = live.CPU(); err != nil {
				return err
			}
			clock.Start()
			begun, own := time.Now(), ownCPU()
			answers.Go(func() error {
				err := tap.Play(w.Answers(), clock)
				res.answersTook, res.generator = time.Since(begun), ownCPU()-own
				return err
			})
			return nil
		},
	}, func(yield func(wire.Message) bool) { wire.Messages(w, r.format, yield) })
	res.live = w.Answers() - before
	if err = errors.Join(err, answers.Wait(), tap.Close()); err != nil {
		return err
	}
	if err := live.Idle(ctx); err != nil {
		return err
	}
	after, err := live.CPU()
	if err != nil {
		return err
	}
	res.cpu = after - cpu
	if res.peak, err = live.Peak(); err != nil {
		return err
	}
	res.ledger, err = live.Ledger(ctx)
	return err
}

// A jointResult is what a run measured.
type jointResult struct {
	joint       *joint
	answers     int // of all turns
	live        int // that came with the flows
	answersTook time.Duration
	flows       feed.Sent
	cpu         time.Duration // of flowname, for all of that
	generator   time.Duration // of this process, checking too, while answers came
	peak        uint64
	ledger      peers.Ledger
	account     check.Account
}

// rate is how many flows were sent a second.
func (r *jointResult) rate() float64 { return float64(r.flows.Flows) / r.flows.Took.Seconds() }

// lost is the share of the flows that no line came of.
func (r *jointResult) lost() float64 {
	return float64(r.account.Missing) / float64(max(r.flows.Flows, 1))
}

// judge is the error where a line is wrong, more is lost than that share, or a
// loss is not in flowname's own account.
func (r *jointResult) judge(lost float64) error {
	a := &r.account
	switch {
	case !a.OK(a.Missing):
		return fmt.Errorf("flowname's output is not what it must be: %s", strings.Join(a.Faults, "; "))
	case r.ledger.Lost+r.ledger.LostLines < a.Missing:
		return fmt.Errorf("%d flows are missing, and flowname tells of %d", a.Missing, r.ledger.Lost+r.ledger.LostLines)
	case r.lost() > lost:
		return fmt.Errorf("%.4f %% of the flows are lost: %.4f %% may be", 100*r.lost(), 100*lost)
	}
	return nil
}
