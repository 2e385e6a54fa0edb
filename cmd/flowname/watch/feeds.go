package watch

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"flowname/cmd/flowname/command"
	"flowname/cmd/flowname/metric"
	"flowname/cmd/flowname/table"
	"flowname/correlate"
	"flowname/correlate/feeds"
	"flowname/correlate/findings"
	"flowname/dnscache"
	"flowname/dnscache/firstseen"
)

// FeedFlags are the flags of feeds.
type FeedFlags struct {
	Feed []string `help:"List of names, addresses or networks (plain, CSV, hosts, RPZ, MISP, STIX) that marks flows and answers with feed:NAME; read again when it changes (repeatable)." placeholder:"[NAME:]FILE" sep:"none"`
}

// Check refuses what can not be read.
func (f *FeedFlags) Check() error {
	_, err := f.parse()
	return err
}

// parse reads the flags.
func (f *FeedFlags) parse() (all []feeds.Feed, err error) {
	for _, text := range f.Feed {
		feed, err := feeds.Parse(text)
		if err != nil {
			return nil, command.Usagef("--feed: %v", err)
		}
		all = append(all, feed)
	}
	return all, nil
}

// feedNames are the names of feeds, for their codes.
func feedNames(all []feeds.Feed) (names []string) {
	for _, f := range all {
		names = append(names, f.Name)
	}
	return names
}

// A feedWatch holds flows and answers against feeds. A nil one marks nothing.
type feedWatch struct {
	reader   *feeds.Reader
	reporter *reporter
	cache    *dnscache.Cache
	asked    chan struct{}             // to read the files now; holds one
	flows    [feeds.Most]atomic.Uint64 // marked, by feed
	answers  [feeds.Most]atomic.Uint64
}

// openFeeds reads the feeds; nil where there are none.
func (w *Watch) openFeeds(all []feeds.Feed, cache *dnscache.Cache, nowNs int64) (*feedWatch, error) {
	if len(all) == 0 || w.reporter == nil {
		return nil, nil
	}
	reader, err := feeds.New(all, w.domainKey, nowNs)
	if err != nil {
		return nil, err
	}
	return &feedWatch{reader: reader, reporter: w.reporter, cache: cache, asked: make(chan struct{}, 1)}, nil
}

// announce tells what was read.
func (w *feedWatch) announce(log *slog.Logger) {
	if w == nil {
		return
	}
	for _, s := range w.reader.States() {
		log.Info("feed", "name", s.Name, "file", s.Path, "read", s.Report.String())
	}
}

// lists are what the feeds have now; nil where there are none.
func (w *feedWatch) lists() *feeds.Lists {
	if w == nil {
		return nil
	}
	return w.reader.Current()
}

// flow marks a flow with the feeds that have the names of its ends, and with those
// that have an address of it that is not this network's.
func (w *feedWatch) flow(f *correlate.Flow, l *feeds.Lists, byName feeds.Marks) {
	m := byName
	for _, a := range [...]netip.Addr{f.Record.Src, f.Record.Dst} {
		if !a.IsPrivate() { // which is nobody else's, and saves looking
			m |= l.OfAddr(a)
		}
	}
	for ; m != 0; m &= m - 1 {
		w.markFlow(f, l, m.First())
	}
}

func (w *feedWatch) markFlow(f *correlate.Flow, l *feeds.Lists, feed int) {
	code, desk := findings.FeedCode(feed), w.reporter.desk
	name, addr := w.matched(f, l, feed)
	if name == "" && !addr.IsValid() || !desk.On(code) {
		return
	}
	w.flows[feed].Add(1)
	f.Findings = append(f.Findings, desk.Text(code))
	subject := findings.NameSubject(desk, name)
	if name == "" {
		subject = desk.AddrSubject(addr, 0)
	}
	_, client, _ := f.Client()
	if !desk.Admit(code, client, subject, f.StartNs) {
		return
	}
	evidence := addrEvidence(l, feed, addr)
	if name != "" {
		evidence = nameEvidence(l, feed, name)
	}
	desk.Report(findings.AtFlow(code, f, evidence))
}

// matched is the name of a flow that a feed has, or if it has none, the address that it
// has and that is not this network's.
func (w *feedWatch) matched(f *correlate.Flow, l *feeds.Lists, feed int) (name string, addr netip.Addr) {
	for _, e := range [...]*correlate.End{&f.Dst, &f.Src} {
		if !e.Named {
			continue
		}
		for _, name := range [...]string{e.Candidates[0].Name, e.Candidates[0].Canonical} {
			if l.OfName(name).Has(feed) {
				return name, addr
			}
		}
	}
	for _, a := range [...]netip.Addr{f.Record.Dst, f.Record.Src} {
		if l.OfAddr(a).Has(feed) && !w.ours(f, a) {
			return "", a
		}
	}
	return "", addr
}

// ours says whether an end of a flow is this network's. That a server asks for
// names does not make it so: strangers ask name servers of this network.
func (w *feedWatch) ours(f *correlate.Flow, a netip.Addr) bool {
	inside := &w.reporter.inside
	if _, client, _ := f.Client(); a == client {
		return inside.Ours(a)
	}
	return inside.Known(a)
}

// feedEvidence is what a finding of a feed rests on.
type feedEvidence struct {
	Indicator string `json:"indicator"` // as the feed has it
	Matched   string `json:"matched"`   // the name or address that it is
	URL       bool   `json:"url,omitempty"`
}

func nameEvidence(l *feeds.Lists, feed int, name string) feedEvidence {
	e := l.NameEntry(feed, name)
	return feedEvidence{e.String(), name, e.URL}
}

func addrEvidence(l *feeds.Lists, feed int, a netip.Addr) feedEvidence {
	e := l.AddrEntry(feed, a)
	return feedEvidence{e.String(), a.String(), e.URL}
}

// feedsOf are the feeds that have the name of a response, its canonical name or one
// of its addresses that is not this network's.
func (w *feedWatch) feedsOf(r *dnscache.Response, l *feeds.Lists) feeds.Marks {
	m := l.OfNameBytes(r.Name) | l.OfNameBytes(r.Canonical)
	for i := range r.Addrs {
		if of := l.OfAddr(r.Addrs[i].Addr); of != 0 && !w.reporter.inside.Known(r.Addrs[i].Addr) {
			m |= of
		}
	}
	return m
}

// answer tells of a response that a feed has something of.
func (w *feedWatch) answer(r *dnscache.Response) {
	if w == nil {
		return
	}
	l := w.reader.Current()
	for m := w.feedsOf(r, l); m != 0; m &= m - 1 {
		w.markAnswer(r, l, m.First())
	}
}

func (w *feedWatch) markAnswer(r *dnscache.Response, l *feeds.Lists, feed int) {
	code, desk := findings.FeedCode(feed), w.reporter.desk
	if !desk.On(code) {
		return
	}
	w.answers[feed].Add(1)
	client := w.cache.Asker(r)
	if !desk.Admit(code, client, findings.NameSubject(desk, r.Name), r.TimeNs) {
		return
	}
	found := &findings.Finding{
		Code: code, TimeNs: r.TimeNs, Client: client, Name: string(r.Name), Domain: firstseen.Domain(string(r.Name)),
	}
	switch {
	case l.OfNameBytes(r.Name).Has(feed):
		found.Evidence = nameEvidence(l, feed, found.Name)
	case l.OfNameBytes(r.Canonical).Has(feed):
		found.Evidence = nameEvidence(l, feed, string(r.Canonical))
	default:
		for _, a := range r.Addrs {
			if l.OfAddr(a.Addr).Has(feed) && !w.reporter.inside.Known(a.Addr) {
				found.Addr, found.Evidence = a.Addr, addrEvidence(l, feed, a.Addr)
				break
			}
		}
	}
	desk.Report(found)
}

// feedPoll is how often feeds are looked at; one that has changed is read when it
// was the same twice.
const feedPoll = 2 * time.Second

// ask has the files read again, if they have changed.
func (w *feedWatch) ask() {
	if w == nil {
		return
	}
	select {
	case w.asked <- struct{}{}:
	default: // it was asked already
	}
}

// keep takes feeds that were replaced until ctx ends.
func (w *feedWatch) keep(ctx context.Context, log *slog.Logger) error {
	if w == nil {
		return nil
	}
	poll := time.NewTicker(feedPoll)
	defer poll.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-w.asked:
		case <-poll.C:
			if !w.reader.Changed() {
				continue
			}
		}
		w.reload(log)
	}
}

func (w *feedWatch) reload(log *slog.Logger) {
	changed, err := w.reader.Reload(time.Now().UnixNano())
	if err != nil {
		log.Error("a feed was replaced by one that can not be used; the old one stays", "err", err)
	}
	if changed {
		log.Info("feeds replaced")
		w.announce(log)
	}
}

// summarise tells what a replay's feeds were and what they marked.
func (w *feedWatch) summarise(out io.Writer) {
	if w == nil {
		return
	}
	for i, s := range w.reader.States() {
		fmt.Fprintf(out, "feed %s: %s; marked %s flows and %s answers\n", s.Name, s.Report.String(), table.Grouped(w.flows[i].Load()), table.Grouped(w.answers[i].Load()))
	}
}

// metrics gives what feeds are and what they marked.
func (w *feedWatch) metrics(ch chan<- prometheus.Metric, now time.Time) {
	if w == nil {
		return
	}
	for i, s := range w.reader.States() {
		by := []string{"feed", s.Name}
		metric.Size(ch, "flowname_feed_entries", "Entries of the feed in use.", s.Report.Entries, by...)
		metric.Size(ch, "flowname_feed_refused_entries", "Lines or indicators of the feed in use that could not be taken.", s.Report.AllRefused(), by...)
		metric.Size(ch, "flowname_feed_age_seconds", "How long ago the feed in use was read.",
			uint64(max(now.UnixNano()-s.TakenNs, 0)/1e9), by...)
		metric.Count(ch, "flowname_feed_reloads_total", "Replacements of the feed that were taken.", s.Reloads, by...)
		metric.Count(ch, "flowname_feed_errors_total", "Replacements of the feed that could not be used.", s.Refused, by...)
		metric.Count(ch, "flowname_feed_flows_total", "Flows that the feed marked.", w.flows[i].Load(), by...)
		metric.Count(ch, "flowname_feed_answers_total", "Answers that the feed has something of.", w.answers[i].Load(), by...)
	}
}
