package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"flowname/correlate"
	"flowname/correlate/export"
	"flowname/correlate/findings"
	"flowname/dnscache"
	"flowname/dnscache/firstseen"
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
	stats snapshot[export.FileStats]
}

// reporterConfig is what a reporter is made of besides its flags.
type reporterConfig struct {
	dns    dnsConfig
	cache  *dnscache.Cache
	places *geo.Reader
	seen   *sightings
	young  time.Duration
	nulls  *sinkholes // nil: none are known
	seed   uint64
	feeds  []string
	out    string // where flows go
	open   func(path string) (*export.File, error)
}

// openReporter makes a reporter; nil where all codes are switched off.
func openReporter(flags *FindingFlags, cfg reporterConfig) (*reporter, error) {
	if flags.Findings == "-" && cfg.out == "-" {
		return nil, usagef("--findings - and --out - are the same place: give one of them a file")
	}
	desk, err := findings.New(findings.Config{Feeds: cfg.feeds, Off: flags.NoFinding, Lines: flags.Findings != "", Seed: cfg.seed})
	if err != nil {
		return nil, usagef("--no-finding: %v", err)
	}
	r := &reporter{desk: desk, inside: correlate.Inside{Cache: cfg.cache}, cache: cfg.cache}
	if r.inside.Networks, err = networks("--inside", flags.Inside); err != nil {
		return nil, &usageError{err.Error()}
	}
	if err := r.openResolvers(flags, cfg.dns.forwarders); err != nil {
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
	allowed, err := networks("--resolver", flags.Resolver)
	if err != nil {
		return &usageError{err.Error()}
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
		names.Sinkholes = cfg.nulls.has
	}
	r.names, err = findings.NewNames(names)
	return err
}

// answer looks at an answer that was filed.
func (r *reporter) answer(a *dnscache.Response) {
	if r == nil {
		return
	}
	if r.names != nil {
		r.nameAnswer(a)
	}
	if r.resolvers != nil && r.resolvers.Answer(a) {
		r.outsideAnswer(a)
	}
}

func (r *reporter) outsideAnswer(a *dnscache.Response) {
	if !r.desk.Admit(findings.OutsideResolver, a.Client, r.desk.AddrSubject(a.Server, uint16(findings.AskedDNS)), a.TimeNs) {
		return
	}
	r.desk.Report(&findings.Finding{
		Code: findings.OutsideResolver, TimeNs: a.TimeNs, Client: a.Client, Addr: a.Server, Name: string(a.Name),
		Evidence: findings.OutsideResolverEvidence{Protocol: findings.AskedDNS.String(), By: "answer"},
	})
}

func (r *reporter) nameAnswer(a *dnscache.Response) {
	var v findings.Verdict
	client := r.cache.Asker(a)
	shown := r.names.Answer(a, client, &v)
	for c := findings.NewDomain; shown != 0; c, shown = c+1, shown&^(1<<c) {
		if shown.Has(c) {
			r.tellAnswer(c, a, client, &v)
		}
	}
}

// tellAnswer tells what an answer shows.
func (r *reporter) tellAnswer(c findings.Code, a *dnscache.Response, client netip.Addr, v *findings.Verdict) {
	domain := v.Domain
	if domain == "" {
		domain = firstseen.Domain(string(a.Name))
	}
	subject := findings.NameSubject(r.desk, a.Name)
	switch c {
	case findings.NewDomain, findings.QueryBurst:
		subject = findings.NameSubject(r.desk, domain)
	default:
		client = netip.Addr{} // about the name, whoever asks
	}
	if !r.desk.Admit(c, client, subject, a.TimeNs) {
		return
	}
	f := &findings.Finding{Code: c, TimeNs: a.TimeNs, Client: a.Client, Addr: v.Addr, Name: string(a.Name), Domain: strings.Clone(domain)}
	f.Evidence = v.Evidence(c)
	r.desk.Report(f)
}

// flow looks at a decided flow of a joiner whose lookout is l.
func (r *reporter) flow(f *correlate.Flow, l *lookout) {
	if r == nil {
		return
	}
	if r.resolvers != nil {
		r.outsideFlow(f, l)
	}
	if r.names != nil {
		r.nameFlow(f, l)
	}
	if r.reached != nil && l.clients != nil && r.reached.Unasked(f) {
		r.unaskedFlow(f, l)
	}
	if past := findings.Stale(f); past > 0 && r.desk.On(findings.StaleName) {
		r.staleFlow(f, past)
	}
}

// unaskedFlow is of a flow without a lookup of its client, which may ask where nobody
// sees it.
func (r *reporter) unaskedFlow(f *correlate.Flow, l *lookout) {
	visible, how := l.clients.Established(f.Record.Src, f.StartNs)
	if !visible {
		return
	}
	f.Findings = append(f.Findings, r.desk.Text(findings.NoLookup))
	if r.desk.Admit(findings.NoLookup, f.Record.Src, r.desk.AddrSubject(f.Record.Dst, 0), f.StartNs) {
		r.desk.Report(findings.AtFlow(findings.NoLookup, f, r.reached.Evidence(f, how)))
	}
}

func (r *reporter) staleFlow(f *correlate.Flow, past time.Duration) {
	f.Findings = append(f.Findings, r.desk.Text(findings.StaleName))
	server, _, _ := f.Server()
	_, client, _ := f.Client()
	if r.desk.Admit(findings.StaleName, client, findings.NameSubject(r.desk, server.Candidates[0].Name), f.StartNs) {
		r.desk.Report(findings.AtFlow(findings.StaleName, f, findings.StaleEvidence(f, past)))
	}
}

// nameFlow marks a flow by what was found about its server's name.
func (r *reporter) nameFlow(f *correlate.Flow, l *lookout) {
	server, _, _ := f.Server()
	if !server.Named {
		return
	}
	if server.YoungNs >= 0 {
		r.youngFlow(f, server)
	}
	shown := r.names.Marked(l.known(&server.Candidates[0]).life, f.StartNs)
	for c := findings.NameMoved; shown != 0 && c <= findings.ManyAddresses; c++ {
		if shown.Has(c) && r.desk.On(c) {
			f.Findings = append(f.Findings, r.desk.Text(c))
		}
	}
}

// youngFlow is of a flow to a young domain.
func (r *reporter) youngFlow(f *correlate.Flow, server *correlate.End) {
	_, client, _ := f.Client()
	if r.desk.On(findings.NewDomain) {
		f.Findings = append(f.Findings, r.desk.Text(findings.NewDomain))
		if r.desk.Admit(findings.NewDomain, client, findings.NameSubject(r.desk, server.Domain), f.StartNs) {
			r.desk.Report(findings.AtFlow(findings.NewDomain, f, r.names.FirstAsked(server.Domain, f.StartNs, server.YoungNs)))
		}
	}
	if r.desk.On(findings.QueryBurst) && r.names.Marked(r.names.ClientDomainKey(client, server.Domain), f.StartNs).Has(findings.QueryBurst) {
		f.Findings = append(f.Findings, r.desk.Text(findings.QueryBurst))
	}
}

// lifeOf is by what the findings about a name are found.
func (r *reporter) lifeOf(name string) uint64 {
	if r == nil || r.names == nil {
		return 0
	}
	return r.names.Key(name)
}

func (r *reporter) outsideFlow(f *correlate.Flow, l *lookout) {
	asked := r.resolvers.Flow(f, f.Dst.Named && l.known(&f.Dst.Candidates[0]).doh)
	if asked == 0 {
		return
	}
	f.Findings = append(f.Findings, r.desk.Text(findings.OutsideResolver))
	if r.desk.Admit(findings.OutsideResolver, f.Record.Src, r.desk.AddrSubject(f.Record.Dst, uint16(asked)), f.StartNs) {
		r.desk.Report(findings.AtFlow(findings.OutsideResolver, f, r.resolvers.Evidence(f, asked)))
	}
}

// isDoH says whether a name is one of DNS over HTTPS; false where nobody asks.
func (r *reporter) isDoH(name string) bool {
	return r != nil && r.doh.Name(name)
}

// namesSaved is how often the lives of names are saved: what a kill can lose of them.
const namesSaved = 5 * time.Minute

// keep saves the lives of names until ctx ends.
func (r *reporter) keep(ctx context.Context, log *slog.Logger) error {
	if r.names == nil {
		return nil
	}
	tick := time.NewTicker(namesSaved)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := r.names.Save(); err != nil {
				log.Error("what findings know of names could not be saved", "err", err)
			}
		}
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
	r.stats.store(r.file.Stats())
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
	var err error
	if r.names != nil {
		err = r.names.Save()
	}
	if r.file != nil {
		err = errors.Join(err, r.write(), r.file.Close())
	}
	return err
}

// output opens what flags name, to add to it or anew.
func output(open func(string, io.Writer) (*export.File, error), stdout io.Writer) func(string) (*export.File, error) {
	return func(path string) (*export.File, error) { return open(path, stdout) }
}
