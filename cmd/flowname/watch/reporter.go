package watch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"slices"
	"time"

	"flowname/cmd/flowname/command"
	"flowname/cmd/flowname/counters"
	"flowname/cmd/flowname/evidence"
	"flowname/cmd/flowname/sinkholes"
	"flowname/correlate"
	"flowname/correlate/export"
	"flowname/correlate/findings"
	"flowname/dnscache"
	"flowname/geo"
)

// FindingFlags are the flags of findings.
type FindingFlags struct {
	Findings  string   `help:"Where findings go, as JSON lines: a file, or - for stdout." placeholder:"FILE"`
	NoFinding []string `name:"no-finding" help:"Code of findings that are not wanted, such as no_lookup, or feed:NAME (repeatable)." placeholder:"CODE" sep:"none"`
	Resolver  []string `help:"Resolvers that clients may ask: a network or an address (repeatable). Without it nobody is found to ask another." placeholder:"CIDR" sep:"none"`
	DoH       []string `name:"doh" help:"File with names and addresses of DNS over HTTPS besides those that are known (repeatable)." placeholder:"FILE" sep:"none" type:"existingfile"`
	Inside    []string `help:"Networks that are this network's, besides private ones (repeatable)." placeholder:"CIDR" sep:"none"`
}

// A reporter applies the rules and has the desk that tells what they find. A nil one
// finds nothing.
type reporter struct {
	desk      *findings.Desk
	inside    correlate.Inside
	allowed   []netip.Prefix // resolvers that may be asked
	doh       *findings.DoH
	resolvers *findings.Resolvers // nil: off
	names     *findings.Names     // nil: off
	reached   *findings.Reached   // nil: off
	cache     *dnscache.Cache

	file  *export.File // nil: nobody wants lines
	buf   []byte
	stats counters.Snapshot[export.FileStats]
}

// reporterConfig is what a reporter is made of besides its flags.
type reporterConfig struct {
	dns    evidence.Config
	cache  *dnscache.Cache
	places *geo.Reader
	seen   *sightings
	young  time.Duration
	nulls  *sinkholes.List // nil: none are known
	seed   uint64
	feeds  []string
	told   *dnscache.Shelf // keeps what was told; nil: the next time all is told again
	out    string          // where flows go
	open   func(path string) (*export.File, error)
}

// openReporter makes a reporter; nil where all codes are switched off.
func openReporter(flags *FindingFlags, cfg reporterConfig) (*reporter, error) {
	if flags.Findings == "-" && cfg.out == "-" {
		return nil, command.Usagef("--findings - and --out - are the same place: give one of them a file")
	}
	desk, err := findings.New(findings.Config{
		Feeds: cfg.feeds, Off: flags.NoFinding, Lines: flags.Findings != "", Seed: cfg.seed, Shelf: cfg.told,
	})
	if bad := (*findings.ConfigError)(nil); errors.As(err, &bad) {
		return nil, command.Usagef("--no-finding: %v", err)
	}
	if err != nil {
		return nil, err
	}
	r := &reporter{desk: desk, inside: correlate.Inside{Cache: cfg.cache}, cache: cfg.cache}
	if r.inside.Networks, err = command.ParseNetworks("--inside", flags.Inside); err != nil {
		return nil, command.Usagef("%v", err)
	}
	if err := r.openResolvers(flags, cfg.dns.Forwarders); err != nil {
		return nil, err
	}
	if err := r.openNames(cfg); err != nil {
		return nil, err
	}
	if flags.Findings != "" {
		if r.file, err = cfg.open(flags.Findings); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (r *reporter) openResolvers(flags *FindingFlags, forwarders []netip.Prefix) error {
	allowed, err := command.ParseNetworks("--resolver", flags.Resolver)
	if err != nil {
		return command.Usagef("%v", err)
	}
	var texts []string
	for _, path := range flags.DoH {
		b, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("--doh: %w", err)
		}
		if _, err := findings.NewDoH(string(b)); err != nil {
			return fmt.Errorf("--doh: %s: %w", path, err)
		}
		texts = append(texts, string(b))
	}
	r.allowed = allowed
	if r.doh, err = findings.NewDoH(texts...); err != nil {
		return err
	}
	if len(allowed) > 0 && r.desk.On(findings.OutsideResolver) {
		r.resolvers = &findings.Resolvers{Allowed: allowed, Forwarders: forwarders, Inside: &r.inside, DoH: r.doh}
	}
	if r.desk.On(findings.NoLookup) {
		r.reached = &findings.Reached{Inside: &r.inside, Resolvers: allowed, DoH: r.doh}
	}
	return nil
}

// nameCodes are those that need the lives of names.
var nameCodes = []findings.Code{
	findings.NewDomain, findings.QueryBurst, findings.NullRoutedThenLive, findings.ManyAddresses, findings.NameMoved,
}

func (r *reporter) openNames(cfg reporterConfig) (err error) {
	if !slices.ContainsFunc(nameCodes, r.desk.On) {
		return nil
	}
	names := findings.NamesConfig{Shelf: cfg.cache.Shelf(dnscache.ShelfNames), Seed: cfg.seed, Places: cfg.places, Young: cfg.young}
	if cfg.seen != nil && cfg.young > 0 && (r.desk.On(findings.NewDomain) || r.desk.On(findings.QueryBurst)) {
		names.Age = cfg.seen.book.Age
	}
	if cfg.nulls != nil {
		names.Sinkholes = cfg.nulls.Has
	}
	r.names, err = findings.NewNames(names)
	return err
}

// How often the lives of names, and what was told, are saved: what a kill can lose of
// them.
const (
	namesSaved = 5 * time.Minute
	toldSaved  = 5 * time.Second
)

// keep saves the lives of names and what was told until ctx ends.
func (r *reporter) keep(ctx context.Context, log *slog.Logger) error {
	names, told := time.NewTicker(namesSaved), time.NewTicker(toldSaved)
	defer names.Stop()
	defer told.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-names.C:
			if err := r.saveNames(); err != nil {
				log.Error("what findings know of names could not be saved", "err", err)
			}
		case <-told.C:
			if err := r.desk.Save(); err != nil {
				log.Error("which findings were told could not be saved; it is tried again", "err", err)
			}
		}
	}
}

func (r *reporter) saveNames() error {
	if r.names == nil {
		return nil
	}
	return r.names.Save()
}

// ours says whether an address is this network's, as far as that is known.
func (r *reporter) ours(a netip.Addr) bool { return r != nil && r.inside.Ours(a) }

// announce tells which rule is off for want of a setting.
func (r *reporter) announce(log *slog.Logger) {
	if r.resolvers == nil && r.desk.On(findings.OutsideResolver) {
		log.Info("nobody is found to ask outside resolvers: --resolver does not say which may be asked")
	}
}

// pass says what time it is.
func (r *reporter) pass(nowNs int64) {
	if r != nil {
		r.desk.Pass(nowNs)
	}
}

// write passes lines to the file and flushes it. It belongs to one goroutine, with
// reopen and close.
func (r *reporter) write() error {
	if r == nil || r.file == nil {
		return nil
	}
	r.buf = r.desk.Take(r.buf[:0])
	err := errors.Join(r.file.Write(r.buf), r.file.Flush())
	r.stats.Store(r.file.Stats())
	return err
}

func (r *reporter) reopen() error {
	if r == nil || r.file == nil {
		return nil
	}
	return r.file.Reopen()
}

func (r *reporter) close() error {
	if r == nil {
		return nil
	}
	err := r.saveNames()
	if r.file != nil {
		err = errors.Join(err, r.write(), r.file.Close(), r.desk.SaveAll())
	}
	return err
}
