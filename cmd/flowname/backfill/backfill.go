package backfill

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"flowname/cmd/flowname/command"
	"flowname/cmd/flowname/datadir"
	"flowname/cmd/flowname/evidence"
	"flowname/cmd/flowname/input"
	"flowname/dnscache"
)

// A Cmd is the command line of backfill.
type Cmd struct {
	Files  []string `arg:"" optional:"" name:"file" help:"Files of enriched flows, plain or packed with gzip or zstd; - is stdin (the default)."`
	Server string   `help:"Ask the running daemon for the names (default ${default})." default:"http://127.0.0.1:8470" placeholder:"URL"`
	Data   string   `help:"Take names from this data directory instead; no daemon must be using it." placeholder:"DIR"`
	DNS    []string `name:"dns" help:"Take names from this file of DNS evidence instead (repeatable); with --data it is added to the history." placeholder:"FILE" sep:"none"`
	Out    string   `help:"Where the lines go (default ${default}: stdout); none of the files." default:"-" placeholder:"FILE"`
	evidence.DNSFlags
	evidence.LogFlags
}

// Run gives lines the names that are known by now.
func (c *Cmd) Run(std command.Streams) (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends at once

	if len(c.Files) == 0 {
		c.Files = []string{"-"}
	}
	out, closeOut, err := c.output(std.Out)
	if err != nil {
		return fmt.Errorf("backfill: %w", err)
	}
	var stats tally
	if c.Data != "" || len(c.DNS) > 0 {
		err = c.local(ctx, std, out, &stats)
	} else {
		err = c.remote(ctx, std, out, &stats)
	}
	if err = errors.Join(err, closeOut()); err != nil {
		return fmt.Errorf("backfill: %w", err)
	}
	stats.summarise(std.Err)
	return nil
}

// output opens where lines go. It is never one of the files that are read: a
// run that is cut short would take the rest of it away.
func (c *Cmd) output(stdout io.Writer) (w io.Writer, closeIt func() error, err error) {
	if c.Out == "-" {
		b := bufio.NewWriterSize(stdout, 1<<18)
		return b, b.Flush, nil
	}
	if there, err := os.Stat(c.Out); err == nil {
		for _, path := range c.Files {
			if in, err := os.Stat(path); err == nil && os.SameFile(in, there) {
				return nil, nil, fmt.Errorf("--out %s is read too: give another file, and replace the one by the other when it is done", c.Out)
			}
		}
	}
	file, err := os.Create(c.Out)
	if err != nil {
		return nil, nil, err
	}
	b := bufio.NewWriterSize(file, 1<<18)
	return b, func() error { return errors.Join(b.Flush(), file.Close()) }, nil
}

// local joins in this process.
func (c *Cmd) local(ctx context.Context, std command.Streams, out io.Writer, stats *tally) (err error) {
	dns, err := evidence.ConfigOf(&c.DNSFlags, &c.LogFlags)
	if err != nil {
		return err
	}
	if c.Data != "" && len(c.DNS) == 0 { // nothing is made where only something is asked
		h, err := datadir.OpenHistory(c.Data)
		if err != nil {
			return err
		}
		if err := h.Close(); err != nil {
			return err
		}
	}
	cache, err := datadir.Open(dnscache.Config{Dir: c.Data, Seed: seed})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cache.Close(time.Now().UnixNano())) }()
	for _, path := range c.DNS {
		if _, problem, err := evidence.Load(path, dns, func(t *evidence.Piece, nowNs int64) { t.FileIn(cache, nowNs) }, cache.Flush); err != nil {
			return err
		} else if problem != nil {
			fmt.Fprintf(std.Err, "%v: what came before is used\n", problem)
		}
	}
	b, err := newFiller(cache)
	if err != nil {
		return err
	}
	err = c.eachFile(std.In, func(in io.Reader) error { return b.run(ctx, in, out) })
	stats.add(&b.stats)
	return err
}

// eachFile opens the files one after the other.
func (c *Cmd) eachFile(stdin io.Reader, do func(io.Reader) error) error {
	for _, path := range c.Files {
		if path == "-" {
			if err := do(stdin); err != nil {
				return fmt.Errorf("stdin: %w", err)
			}
			continue
		}
		in, err := input.OpenPacked(path)
		if err != nil {
			return err
		}
		if in == nil {
			continue // an empty file
		}
		err = do(in.Reader)
		in.Close()
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}
