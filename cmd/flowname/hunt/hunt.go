package hunt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"flowname/cmd/flowname/command"
	"flowname/cmd/flowname/sinkholes"
	"flowname/cmd/flowname/table"
	"flowname/correlate/hunt"
	"flowname/correlate/indicators"
)

// A Cmd is the command line of hunt.
type Cmd struct {
	IOCs   []string `name:"iocs" required:"" help:"Indicators: a list, CSV, hosts file, RPZ, MISP or STIX JSON, plain or packed; told from its content (repeatable)." placeholder:"FILE" sep:"none"`
	Logs   []string `help:"Exported flow logs to look through, plain or packed with gzip or zstd; may be a pattern (repeatable)." placeholder:"GLOB" sep:"none"`
	From   string   `help:"Only evidence and flows from this time on." placeholder:"TIME"`
	To     string   `help:"Only evidence and flows up to this time." placeholder:"TIME"`
	Server string   `help:"The running daemon to ask (default ${default})." default:"http://127.0.0.1:8470" placeholder:"URL"`
	Data   string   `help:"Read this data directory instead; no daemon must be using it." placeholder:"DIR"`
	sinkholes.SinkholeFlags
	Format string `help:"table (a report for people) or json (one object a line)." enum:"table,json" default:"table"`
	Out    string `help:"Where the report goes (default ${default}: stdout)." default:"-" placeholder:"FILE"`
}

// A run is a hunt under way.
type run struct {
	*Cmd
	set       *indicators.Set
	hunter    *hunt.Hunter
	sinkholes *indicators.Set // nil: none are known
	past      past
	notes     io.Writer
	show      *ticker
	most      int // of hunt.Search
	fromNs    int64
	toNs      int64
	tally     tally
}

// Run looks for the indicators in the history, then in the logs, and writes what
// it found: all of it, or nothing.
func (c *Cmd) Run(std command.Streams) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends at once

	h := &run{Cmd: c, notes: std.Err, show: newTicker(std.Err)}
	if err := h.times(time.Now()); err != nil {
		return command.Usagef("hunt: %v", err)
	}
	err := h.do(ctx, std.Out)
	h.show.clear()
	switch {
	case ctx.Err() != nil:
		return errors.New("hunt: interrupted: nothing was written")
	case err != nil:
		return fmt.Errorf("hunt: %w", err)
	}
	return nil
}

func (h *run) times(now time.Time) (err error) {
	for _, t := range []struct {
		flag, text string
		ns         *int64
	}{{"--from", h.From, &h.fromNs}, {"--to", h.To, &h.toNs}} {
		if t.text != "" {
			if *t.ns, err = command.ParseTime(t.text, now); err != nil {
				return fmt.Errorf("%s: %w", t.flag, err)
			}
		}
	}
	if h.toNs != 0 && h.fromNs > h.toNs {
		return errors.New("--from is later than --to")
	}
	return nil
}

func (h *run) do(ctx context.Context, stdout io.Writer) error {
	logs, err := expandGlobs(h.Logs)
	if err != nil {
		return err
	}
	if err := h.readIndicators(); err != nil {
		return err
	}
	if h.sinkholes, err = sinkholes.Read(h.Sinkholes, h.notes); err != nil {
		return err
	}
	if h.past, err = h.openPast(); err != nil {
		return err
	}
	h.hunter = hunt.New(hunt.Config{Set: h.set, FromNs: h.fromNs, ToNs: h.toNs})
	err = h.askPast(ctx)
	if err == nil {
		err = h.askShared(ctx)
	}
	if err = errors.Join(err, h.past.close()); err != nil {
		return err
	}
	if err := h.readLogs(ctx, logs); err != nil {
		return err
	}
	h.show.clear()
	if n := h.hunter.LeftOut; n > 0 {
		fmt.Fprintf(h.notes, "%s answers and sums of flows are left out of the report, which holds %s: narrow --from, --to or --iocs\n",
			table.Grouped(n), table.Grouped(2*hunt.MaxEvidence))
	}
	if n := h.hunter.Widened; n > 0 {
		fmt.Fprintf(h.notes, "%s times in which an address was current are taken together with others and what was between, as there are more than %s: narrow --from, --to or --iocs\n",
			table.Grouped(n), table.Grouped(hunt.MaxTimes))
	}
	return h.write(stdout)
}

// expandGlobs makes files of patterns, each once, in their order.
func expandGlobs(patterns []string) (files []string, err error) {
	for _, pattern := range patterns {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return nil, fmt.Errorf("--logs %s: %w", pattern, err)
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("--logs %s: no such file", pattern)
		}
		for _, file := range found {
			if !slices.Contains(files, file) {
				files = append(files, file)
			}
		}
	}
	return files, nil
}

// readIndicators reads the feeds and says on stderr what became of them.
func (h *run) readIndicators() error {
	var b indicators.Builder
	for _, path := range h.IOCs {
		h.show.say("reading %s", path)
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		report, err := b.Read(filepath.Base(path), file)
		file.Close()
		h.show.clear()
		fmt.Fprintf(h.notes, "%s: %v\n", path, &report)
		for _, refusal := range report.First {
			fmt.Fprintf(h.notes, "  line %d: %v: %q\n", refusal.Line, refusal.Reason, refusal.Text)
		}
		if err != nil {
			if report.Entries == 0 {
				return fmt.Errorf("%s: %w", path, err)
			}
			fmt.Fprintf(h.notes, "%s: %v: what came before is used\n", path, err)
		}
	}
	if h.set = b.Set(); h.set.Len() == 0 {
		return errors.New("no indicator in any of the files")
	}
	h.tally.Indicators = uint64(h.set.Len())
	return nil
}

// write gives the report to where it is wanted. A file appears whole, or what was
// there before stays.
func (h *run) write(stdout io.Writer) error {
	if h.Out == "-" {
		return h.report(stdout)
	}
	file, err := os.CreateTemp(filepath.Dir(h.Out), filepath.Base(h.Out)+".*")
	if err != nil {
		return err
	}
	err = errors.Join(h.report(file), file.Chmod(0o644), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), h.Out)
	}
	if err != nil {
		os.Remove(file.Name())
	}
	return err
}

// A ticker shows a line of progress on a terminal.
type ticker struct {
	w     io.Writer // nil: show nothing
	shown time.Time
	width int
}

func newTicker(w io.Writer) *ticker {
	if !command.OnTerminal(w) {
		w = nil
	}
	return &ticker{w: w}
}

// say shows a line in place of the last one, but not too often.
func (t *ticker) say(format string, args ...any) {
	now := time.Now()
	if t.w == nil || now.Sub(t.shown) < 200*time.Millisecond {
		return
	}
	t.shown = now
	text := fmt.Sprintf(format, args...)
	fmt.Fprintf(t.w, "\r%-*s", t.width, text)
	t.width = len(text)
}

// clear takes the line away.
func (t *ticker) clear() {
	if t.w != nil && t.width > 0 {
		fmt.Fprintf(t.w, "\r%*s\r", t.width, "")
		t.width = 0
	}
}
