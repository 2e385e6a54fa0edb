package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	"flowname/correlate/hunt"
	"flowname/correlate/indicators"
	"flowname/dnscache"
)

// A past is a history that can be asked: a directory's or a daemon's.
type past interface {
	// ask yields the rows of a name (*. and a domain for all beneath it) or, if
	// that is valid, an address.
	ask(ctx context.Context, name string, addr netip.Addr, fromNs, toNs int64, yield func(hunt.Answer) bool) error
	// scan yields the rows that want says yes to, in one pass.
	scan(ctx context.Context, fromNs, toNs int64, want func(string, netip.Addr) bool, yield func(hunt.Answer) bool) error
	// most is how many questions are asked one by one: for more, a scan is
	// faster.
	most() int
	close() error
}

func (h *huntRun) openPast() (past, error) {
	if h.Data == "" {
		return &remotePast{server: h.Server}, nil
	}
	history, err := dnscache.OpenHistory(h.Data)
	if err != nil {
		return nil, openHistoryError(h.Data, err)
	}
	return &localPast{history}, nil
}

// widestAsked is how many bits of a prefix are left for addresses that are asked
// for one by one.
const widestAsked = 12

// questions is how many it takes to ask for each indicator; at least limit+1
// where they are more than that, or where one is too wide to be asked.
func (h *huntRun) questions(limit int) (n int) {
	for e := range h.set.All() {
		switch bits := e.Prefix.Addr().BitLen() - e.Prefix.Bits(); {
		case e.Name != "":
			n++
		case bits > widestAsked:
			return limit + 1
		default:
			n += 1 << bits
		}
		if n > limit {
			break
		}
	}
	return n
}

// askPast collects the answers.
func (h *huntRun) askPast(ctx context.Context) error {
	if h.questions(h.past.most()) > h.past.most() {
		var n uint64
		want := func(name string, addr netip.Addr) bool {
			if n++; n%(1<<16) == 0 {
				h.show.say("history: %s names and addresses", grouped(n))
			}
			return h.hunter.Wants(name, addr)
		}
		return h.past.scan(ctx, h.fromNs, h.toNs, want, func(a hunt.Answer) bool { h.hunter.Add(a); return true })
	}
	done := 0
	for e := range h.set.All() {
		if h.askedBefore(&e) {
			continue
		}
		if err := errors.Join(ctx.Err(), h.askEntry(ctx, e)); err != nil {
			return err
		}
		if done++; done%16 == 0 {
			h.show.say("history: %s of %s indicators", grouped(uint64(done)), grouped(uint64(h.set.Len())))
		}
	}
	return nil
}

// askedBefore says whether an entry before this one is the same indicator by
// another feed.
func (h *huntRun) askedBefore(e *indicators.Entry) bool {
	return h.same(e, func(o *indicators.Entry) bool { return o.ID < e.ID })
}

// same says whether is holds for any entry that is the same indicator.
func (h *huntRun) same(e *indicators.Entry, is func(*indicators.Entry) bool) bool {
	var all []indicators.Entry
	switch {
	case e.Name == "":
		all = h.set.AppendAddr(nil, e.Prefix.Addr())
	case e.Self:
		all = h.set.AppendName(nil, e.Name)
	default:
		all = h.set.AppendName(nil, "x."+e.Name)
	}
	for i := range all {
		if all[i].String() == e.String() && is(&all[i]) {
			return true
		}
	}
	return false
}

// askEntry asks for one indicator, of whatever feeds.
func (h *huntRun) askEntry(ctx context.Context, e indicators.Entry) error {
	text := e.String()
	take := func(a hunt.Answer) bool { h.hunter.AddFor(text, a); return true }
	if e.Name == "" {
		for addr := e.Prefix.Addr(); e.Prefix.Contains(addr); addr = addr.Next() {
			if err := h.past.ask(ctx, "", addr, h.fromNs, h.toNs, take); err != nil {
				return err
			}
		}
		return nil
	}
	query := e.Name
	if h.same(&e, func(o *indicators.Entry) bool { return o.Beneath }) {
		query = "*." + e.Name
	}
	return h.past.ask(ctx, query, netip.Addr{}, h.fromNs, h.toNs, take)
}

// askShared asks who else had the addresses.
func (h *huntRun) askShared(ctx context.Context) error {
	questions := h.hunter.Questions()
	for i := range questions {
		if err := ctx.Err(); err != nil {
			return err
		}
		q := &questions[i]
		h.show.say("history: address %s of %s", grouped(uint64(i+1)), grouped(uint64(len(questions))))
		if err := h.past.ask(ctx, "", q.Addr, q.FromNs, q.ToNs, func(a hunt.Answer) bool { return h.hunter.Share(q, a.Name) }); err != nil {
			return err
		}
	}
	return nil
}

type localPast struct{ history *dnscache.History }

// most is where both ways take about as long in a history of three million names
// and addresses: 12 us a question, 0.5 us a scanned key (BenchmarkHunt).
func (p *localPast) most() int { return 100_000 }

func (p *localPast) close() error { return p.history.Close() }

func (p *localPast) ask(ctx context.Context, name string, addr netip.Addr, fromNs, toNs int64, yield func(hunt.Answer) bool) error {
	q := dnscache.Query{Name: name, Addr: addr, FromNs: fromNs, ToNs: toNs}
	return p.history.History(ctx, q, func(r dnscache.Row) bool { return yield(answerOf(&r)) })
}

func (p *localPast) scan(ctx context.Context, fromNs, toNs int64, want func(string, netip.Addr) bool, yield func(hunt.Answer) bool) error {
	return p.history.Scan(ctx, fromNs, toNs, want, func(r dnscache.Row) bool { return yield(answerOf(&r)) })
}

func answerOf(r *dnscache.Row) hunt.Answer {
	return hunt.Answer{
		Name: r.Name, Addr: r.Addr, Client: r.Client, FirstNs: r.FirstNs, LastNs: r.LastNs,
		Count: r.Count, TTL: uint32(ttlOf(r)), Source: r.Source.String(),
	}
}

type remotePast struct{ server string }

// most is lower than a directory's: each question is a request.
func (p *remotePast) most() int { return 10_000 }

func (p *remotePast) close() error { return nil }

// patience is how often a daemon that has --http-rate is asked again, once a
// second.
const patience = 60

func (p *remotePast) ask(ctx context.Context, name string, addr netip.Addr, fromNs, toNs int64, yield func(hunt.Answer) bool) error {
	v := url.Values{"q": {name}}
	if addr.IsValid() {
		v.Set("q", addr.String())
	}
	for key, ns := range map[string]int64{"from": fromNs, "to": toNs} {
		if ns != 0 && ns/1e9 < 1<<33 { // what parseTime takes
			v.Set(key, strconv.FormatInt(ns/1e9, 10)+fmt.Sprintf(".%09d", ns%1e9))
		}
	}
	resp, err := askPatiently(ctx, p.server, "/api/v1/history?"+v.Encode())
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	for d := json.NewDecoder(resp.Body); ; {
		var r historyRow
		switch err := d.Decode(&r); {
		case err == io.EOF:
			return nil
		case err != nil:
			return fmt.Errorf("the answer of %s ends early: %w", redacted(p.server), err)
		}
		if !yield(r.answer()) {
			return nil
		}
	}
}

// scan lets the daemon tell all names: it has no other way.
func (p *remotePast) scan(ctx context.Context, fromNs, toNs int64, want func(string, netip.Addr) bool, yield func(hunt.Answer) bool) error {
	return p.ask(ctx, "*.", netip.Addr{}, fromNs, toNs, func(a hunt.Answer) bool {
		return !want(a.Name, a.Addr) || yield(a)
	})
}

func (r *historyRow) answer() hunt.Answer {
	addr, _ := netip.ParseAddr(r.Addr)     // empty: a question
	client, _ := netip.ParseAddr(r.Client) // empty: not known
	return hunt.Answer{
		Name: r.Name, Addr: addr, Client: client, FirstNs: r.FirstSeen.UnixNano(), LastNs: r.LastSeen.UnixNano(),
		Count: r.Count, TTL: uint32(r.TTL), Source: r.Source,
	}
}

// askPatiently asks again where the daemon wants to be asked more slowly.
func askPatiently(ctx context.Context, server, path string) (*http.Response, error) {
	for tries := 0; ; tries++ {
		resp, err := ask(ctx, http.MethodGet, server, path, nil, ", or --data DIR where none runs")
		if tooFast := (*tooFastError)(nil); !errors.As(err, &tooFast) || tries == patience {
			return resp, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Second):
		}
	}
}
