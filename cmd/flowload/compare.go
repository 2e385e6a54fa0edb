package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"flowname/cmd/flowload/check"
	"flowname/cmd/flowload/peers"
	"flowname/cmd/flowload/wire"
	"flowname/cmd/flowload/world"
)

type compareCmd struct {
	Flows       int      `help:"Flows that each receiver gets in a round (default ${default})." default:"1000000"`
	Answers     int      `help:"Answers in flowname's index (default ${default})." default:"100000"`
	Clients     int      `help:"Clients that ask (default ${default})." default:"10000"`
	Other       int      `help:"How many in a hundred flows have no name by their client's own answer (default ${default})." default:"0"`
	IPv6        int      `name:"ipv6" help:"How many in a hundred clients are of IPv6 (default ${default})." default:"10"`
	Exporters   int      `help:"Exporters (default ${default})." default:"4"`
	PerDatagram int      `help:"Flows in a datagram (default ${default})." default:"18"`
	Format      string   `help:"Export protocol: v5, v9 or ipfix (default ${default})." default:"ipfix"`
	Rounds      int      `help:"Rounds of each receiver, of which the medians are told (default ${default})." default:"3"`
	Watched     bool     `help:"Measure bare too, flowname without all that looks at flows besides the join: first sightings, findings, clients, baselines. flowname itself gets a feed of a million names and --resolver."`
	Only        []string `help:"Receivers to measure: floor, batches, flowname, bare, against, nfcapd, nfacctd, goflow2 (default: all)." placeholder:"NAME"`
	Limit       []string `help:"Fail where flowname's CPU is more than so many times another's (repeatable)." placeholder:"NAME=RATIO"`
	Flowname    string   `help:"A flowname to measure (default: this project's, built)." placeholder:"PROGRAM"`
	With        []string `help:"A further flag that flowname is run with (repeatable)." placeholder:"FLAG" sep:"none"`
	Against     string   `help:"Another flowname, measured beside as against: an older one, for one." placeholder:"PROGRAM"`
}

// ours is the receiver that the others are compared with.
const ours = "flowname"

// against is another flowname.
const against = "against"

// Run measures, prints a table, and fails where a name was wrong, a flow of ours
// lost, or a limit passed.
func (c *compareCmd) Run(std streams) error {
	w, format, limits, err := c.parse()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	dir, err := os.MkdirTemp("", "flowload-")
	if err != nil {
		return fmt.Errorf("compare: %w", err)
	}
	err = c.compare(ctx, std, dir, w, format, limits)
	if err = errors.Join(err, os.RemoveAll(dir)); err != nil {
		return fmt.Errorf("compare: %w", err)
	}
	return nil
}

func (c *compareCmd) parse() (*world.World, wire.Format, map[string]float64, error) {
	if c.Flowname != "" {
		var err error
		if c.Flowname, err = filepath.Abs(c.Flowname); err != nil {
			return nil, 0, nil, err
		}
	}
	if c.Rounds < 1 || c.Rounds > 100 {
		return nil, 0, nil, usagef("compare: %d rounds: want 1 to 100", c.Rounds)
	}
	format, err := wire.ParseFormat(c.Format)
	if err != nil {
		return nil, 0, nil, usagef("compare: %v", err)
	}
	if format == wire.SFlow {
		return nil, 0, nil, usagef("compare: sflow is not what the others are measured by: v5, v9 or ipfix")
	}
	limits := map[string]float64{}
	for _, l := range c.Limit {
		name, text, ok := strings.Cut(l, "=")
		ratio, err := strconv.ParseFloat(text, 64)
		if !ok || err != nil || ratio <= 0 {
			return nil, 0, nil, usagef("compare: limit %q: want NAME=RATIO, such as nfcapd=3", l)
		}
		limits[name] = ratio
	}
	cfg := world.Default()
	cfg.Flows, cfg.Answers, cfg.Clients = c.Flows, c.Answers, c.Clients
	cfg.Other, cfg.IPv6, cfg.Exporters, cfg.PerDatagram = c.Other, c.IPv6, c.Exporters, c.PerDatagram
	if format == wire.V5 {
		cfg.IPv6 = 0 // which it can not tell
	}
	w, err := world.New(cfg)
	if err != nil {
		return nil, 0, nil, usagef("compare: %v", err)
	}
	return w, format, limits, nil
}

func (c *compareCmd) compare(ctx context.Context, std streams, dir string, w *world.World, format wire.Format, limits map[string]float64) error {
	receivers, sample, err := c.receivers(ctx, dir, w)
	if err != nil {
		return err
	}
	messages := collect(w, format)
	fmt.Fprintf(std.out, "%d flows by %s, %d in a datagram, %d exporters; %d answers of %d clients; %d rounds, medians\n",
		c.Flows, format, c.PerDatagram, c.Exporters, w.Answers(), c.Clients, c.Rounds)
	if sample != nil {
		if err := checkNames(ctx, std, dir, w, sample, messages); err != nil {
			return err
		}
	}
	rows, err := peers.Compare(ctx, receivers, c.Rounds, dir, messages, func(r *peers.Receiver, round int, res *peers.Result) {
		fmt.Fprintf(std.err, "round %d: %-8s %7.3f s CPU, %.0f MB, %d flows lost, %d datagrams dropped by the kernel, sent in %v\n",
			round+1, r.Name, res.CPU.Seconds(), float64(res.Peak)/1e6, res.Lost(), res.Drops, res.Took)
	})
	if err != nil {
		return err
	}
	fmt.Fprintln(std.out)
	if err := peers.WriteTable(std.out, rows, ours); err != nil {
		return err
	}
	return judge(rows, limits)
}

// receivers are those that are asked for. sample is ours with an output that
// can be checked; nil where ours is not asked for.
func (c *compareCmd) receivers(ctx context.Context, dir string, w *world.World) (all []*peers.Receiver, sample *peers.Receiver, err error) {
	known := []string{"floor", "batches", ours, bare, against, "nfcapd", "nfacctd", "goflow2"}
	for _, name := range c.Only {
		if !slices.Contains(known, name) {
			return nil, nil, usagef("compare: no receiver %q: there are %s", name, strings.Join(known, ", "))
		}
	}
	if slices.Contains(c.Only, bare) && !c.Watched {
		return nil, nil, usagef("compare: %s is measured with --watched", bare)
	}
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	for _, name := range known {
		if len(c.Only) > 0 && !slices.Contains(c.Only, name) {
			continue
		}
		var r *peers.Receiver
		switch name {
		case "floor":
			r = peers.Floor(name, "a bare Go loop: reads and drops", self, "floor")
		case "batches":
			r = peers.Floor(name, "flowname's reader alone: reads in batches and drops", self, "floor", "--batched")
		case "nfcapd":
			r = peers.Nfcapd()
		case "nfacctd":
			r = peers.Nfacctd()
		case "goflow2":
			r = peers.Goflow2(peers.BuildGoflow2(ctx, dir))
		case ours:
			if r, sample, err = c.ours(ctx, dir, w); err != nil {
				return nil, nil, err
			}
		case bare:
			if !c.Watched {
				continue
			}
			if r, err = c.bare(ctx, dir, w); err != nil {
				return nil, nil, err
			}
		case against:
			if c.Against == "" {
				continue
			}
			if r, err = c.against(dir, w); err != nil {
				return nil, nil, err
			}
		}
		all = append(all, r)
	}
	return all, sample, nil
}

// ours is flowname, and the one whose lines are checked.
func (c *compareCmd) ours(ctx context.Context, dir string, w *world.World) (measured, sample *peers.Receiver, err error) {
	program, err := c.program(ctx, dir)
	if err != nil {
		return nil, nil, err
	}
	if err := writeEvidence(w, dir); err != nil {
		return nil, nil, err
	}
	flags := c.With
	if c.Watched {
		more, err := watchedFlags(dir)
		if err != nil {
			return nil, nil, err
		}
		flags = append(more, flags...)
	}
	measured = receiver(program, dir, w, os.DevNull, flags...)
	return measured, receiver(program, dir, w, filepath.Join(dir, sampleFile), flags...), nil
}

// program is the flowname to measure, built where none is given.
func (c *compareCmd) program(ctx context.Context, dir string) (program string, err error) {
	if c.Flowname == "" {
		c.Flowname, err = peers.Build(ctx, dir)
	}
	return c.Flowname, err
}

// against is the other flowname, loaded with what ours is.
func (c *compareCmd) against(dir string, w *world.World) (*peers.Receiver, error) {
	program, err := filepath.Abs(c.Against)
	if err != nil {
		return nil, err
	}
	if err := writeEvidence(w, dir); err != nil {
		return nil, err
	}
	r := receiver(program, dir, w, os.DevNull)
	r.Name = against
	return r, nil
}

// receiver is a flowname that is loaded with what writeEvidence has written.
func receiver(program, dir string, w *world.World, out string, flags ...string) *peers.Receiver {
	at := func(name string) string { return filepath.Join(dir, name) }
	// An answer is two versions: its client's and its address's.
	versions := max(4<<20, 3*w.Answers())
	return peers.Ours(program, at(dnstapFile), at(asnFile), at(cityFile), versions, out, flags...)
}

// sampleFile is the output that is checked.
const sampleFile = "out.jsonl"

// checkNames has flowname write its lines once, unmeasured, and checks them all.
func checkNames(ctx context.Context, std streams, dir string, w *world.World, sample *peers.Receiver, messages []wire.Message) error {
	if _, err := sample.Measure(ctx, filepath.Join(dir, "sample"), messages); err != nil {
		return err
	}
	path := filepath.Join(dir, sampleFile)
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	checker := check.New(w, true)
	if err := checker.Read(f); err != nil {
		return err
	}
	account := checker.Account()
	tell(std.out, &account)
	if !account.OK(0) {
		return fmt.Errorf("flowname's output is not what it must be: %s", strings.Join(account.Faults, "; "))
	}
	return os.Remove(path)
}

// collect makes all messages, so that making them takes nothing while one is
// measured.
func collect(w *world.World, format wire.Format) []wire.Message {
	var all []wire.Message
	wire.Messages(w, format, func(m wire.Message) bool {
		m.Payload = bytes.Clone(m.Payload)
		all = append(all, m)
		return true
	})
	return all
}

// judge is the error where ours lost flows or took more than a limit.
func judge(rows []peers.Row, limits map[string]float64) error {
	at := slices.IndexFunc(rows, func(r peers.Row) bool { return r.Receiver.Name == ours })
	if at < 0 {
		return nil
	}
	if lost, sent := rows[at].Lost(); lost > 0 {
		return fmt.Errorf("flowname lost %d of %d flows", lost, sent)
	}
	for i := range rows {
		limit, ok := limits[rows[i].Receiver.Name]
		if !ok || len(rows[i].Rounds) == 0 {
			continue
		}
		if ratio := rows[at].CPU() / rows[i].CPU(); ratio > limit {
			return fmt.Errorf("flowname takes %.3f times the CPU of %s: the limit is %.3f", ratio, rows[i].Receiver.Name, limit)
		}
	}
	return nil
}
