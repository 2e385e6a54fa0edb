package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"flowname/cmd/flowload/world"
	"flowname/dnscache"
)

type historyCmd struct {
	Data     string        `help:"Directory of the history." required:"" placeholder:"DIR"`
	Versions int           `help:"Build a history of about that many versions (default ${default})." default:"1000000"`
	Again    int           `help:"How often a client asks for a name before it goes on to the next (default ${default}); 1 makes every version one of another client, address and name." default:"10"`
	Every    time.Duration `help:"How long it waits each time (default ${default})." default:"5m"`
	Turns    int           `help:"How often a client comes back to an address, for another name (default ${default})." default:"2"`
	Seed     uint64        `help:"Makes histories of one size differ (default ${default})." default:"1"`
	Measure  bool          `help:"Measure a history that was built."`
	Samples  int           `help:"How many questions of a kind are asked (default ${default})." default:"2000"`
}

// pastFile is beside the files of Badger, which leaves it alone.
const pastFile = "world.json"

// past is what a history was made of.
type past struct {
	World   world.Config `json:"world"`
	Again   int          `json:"again"`
	EveryNs int64        `json:"every_ns"`
}

func (p *past) visits() (*world.Visits, error) {
	w, err := world.New(p.World)
	if err != nil {
		return nil, err
	}
	v := &world.Visits{World: w, Again: p.Again, Every: time.Duration(p.EveryNs)}
	return v, v.Validate()
}

// Run builds a history, or measures one.
func (c *historyCmd) Run(std streams) error {
	if c.Samples < 1 {
		return usagef("--samples %d: want 1 at least", c.Samples)
	}
	if c.Measure {
		p, err := loadPast(c.Data)
		if err != nil {
			return err
		}
		v, err := p.visits()
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Join(c.Data, pastFile), err)
		}
		return measureHistory(std, c.Data, v, c.Samples)
	}
	p := c.past()
	v, err := p.visits()
	if err != nil {
		return usagef("%v", err)
	}
	if err := p.save(c.Data); err != nil {
		return err
	}
	return buildHistory(std, c.Data, v)
}

// rowsATurn is how many servers a client goes to in a turn.
const rowsATurn = 20

func (c *historyCmd) past() *past {
	cfg := world.Default()
	again, turns := max(c.Again, 1), max(c.Turns, 1)
	cfg.Seed, cfg.Turns = c.Seed, c.Turns
	cfg.Clients = max(2, c.Versions/(again*turns*rowsATurn)) &^ 1
	cfg.Answers = max(c.Versions/again, cfg.Clients*turns)
	return &past{cfg, c.Again, int64(c.Every)}
}

// save makes dir, which must have no history.
func (p *past) save(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) > 0 {
		return errors.Join(err, usagef("--data %s: want an empty directory, or one that is not there", dir))
	}
	b, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, pastFile), append(b, '\n'), 0o644)
}

func loadPast(dir string) (*past, error) {
	b, err := os.ReadFile(filepath.Join(dir, pastFile))
	if err != nil {
		return nil, fmt.Errorf("%w; 'flowload history --data %s' builds a history", err, dir)
	}
	p := new(past)
	if err := json.Unmarshal(b, p); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, pastFile), err)
	}
	return p, nil
}

// Half a second of 75,000 answers a second comes between two flushes, and
// compaction is told what it may drop as often as the daemon does it.
const (
	flushAnswers    = 37_500
	maintainFlushes = 120
	tellEvery       = 30 * time.Second
)

// buildHistory files all of v as a daemon would, faster.
func buildHistory(std streams, dir string, v *world.Visits) error {
	before, begun := usageNow(), time.Now()
	cache, err := dnscache.Open(dnscache.Config{Dir: dir, Retention: 10 * 365 * 24 * time.Hour})
	if err != nil {
		return err
	}
	r := dnscache.Response{Source: dnscache.SourceDnstap, Addrs: make([]dnscache.Addr, 1)}
	told := begun
	for i := range v.Len() {
		a := v.Answer(i)
		r.TimeNs, r.Client = a.TimeNs, a.Client.Addr()
		r.Name, r.Canonical = a.Name(r.Name[:0]), a.Canonical(r.Canonical[:0])
		r.Addrs[0] = dnscache.Addr{Addr: a.Addr, TTL: a.TTL}
		cache.File(&r, time.Now().UnixNano())
		if i%flushAnswers == flushAnswers-1 {
			if err := flushHistory(cache, i/flushAnswers); err != nil {
				return errors.Join(err, cache.Close(time.Now().UnixNano()))
			}
			if time.Since(told) > tellEvery {
				told = time.Now()
				fmt.Fprintf(std.err, "%d of %d answers after %v\n", i+1, v.Len(), told.Sub(begun).Round(time.Second))
			}
		}
	}
	st := cache.Stats()
	if err := cache.Close(time.Now().UnixNano()); err != nil {
		return err
	}
	used := usageNow().since(before)
	if st.Dropped+st.ChainFull+st.WriteErrors > 0 {
		return fmt.Errorf("%d answers were dropped, %d refused, %d flushes failed", st.Dropped, st.ChainFull, st.WriteErrors)
	}
	return tellBuilt(std, dir, v, &st, used, time.Since(begun))
}

func flushHistory(cache *dnscache.Cache, flushes int) error {
	now := time.Now().UnixNano()
	if flushes%maintainFlushes == maintainFlushes-1 {
		cache.Maintain(now)
	}
	return cache.Flush(now)
}

func tellBuilt(std streams, dir string, v *world.Visits, st *dnscache.Stats, used usage, took time.Duration) error {
	size, err := diskUse(dir)
	if err != nil {
		return err
	}
	n := float64(v.Len())
	t := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	row := func(what, format string, args ...any) { fmt.Fprintf(t, what+"\t"+format+"\n", args...) }
	row("versions", "%d, of %d clients", v.Len(), v.World.Config().Clients)
	row("took", "%v", took.Round(time.Millisecond))
	row("CPU an answer", "%.2f us", used.cpu.Seconds()*1e6/n)
	row("keys an answer", "%.2f", float64(st.Written)/n)
	row("on disk", "%.1f MB", float64(size)/1e6)
	row("bytes a version", "%.1f", float64(size)/n)
	row("written", "%.1f MB, %.1f times what is on disk", float64(used.written)/1e6, float64(used.written)/float64(size))
	row("peak memory", "%.0f MB", float64(used.peak)/1e6)
	return t.Flush()
}
