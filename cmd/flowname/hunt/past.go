package hunt

import (
	"bytes"
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

	"flowname/cmd/flowname/api"
	"flowname/cmd/flowname/datadir"
	"flowname/cmd/flowname/table"
	"flowname/correlate/hunt"
	"flowname/correlate/indicators"
	"flowname/dnscache"
)

// A past is a history that can be searched: a directory's or a daemon's.
type past interface {
	search(context.Context, *hunt.Search, func(*hunt.Answer) bool) error
	close() error
}

func (h *run) openPast() (past, error) {
	if h.Data == "" {
		return &remotePast{server: h.Server}, nil
	}
	history, err := datadir.OpenHistory(h.Data)
	if err != nil {
		return nil, err
	}
	return &localPast{history}, nil
}

// askPast collects the answers.
func (h *run) askPast(ctx context.Context) error {
	s := &hunt.Search{Set: h.set, FromNs: h.fromNs, ToNs: h.toNs, Step: h.step, Most: h.most}
	return h.past.search(ctx, s, func(a *hunt.Answer) bool { h.hunter.Add(*a); return true })
}

// namesAsked is how many names of an address are asked for: more than are listed, as
// some are those that are hunted.
const namesAsked = 5 * hunt.MaxShared

// askShared asks who else had the addresses.
func (h *run) askShared(ctx context.Context) error {
	questions := h.hunter.Questions()
	if len(questions) == 0 {
		return nil
	}
	byAddr := map[netip.Addr][]*hunt.Question{}
	s := &hunt.Search{Windows: map[netip.Addr]hunt.Window{}, Names: namesAsked, Step: h.step, Most: h.most}
	var b indicators.Builder
	for i := range questions {
		q := &questions[i]
		w, again := s.Windows[q.Addr]
		if !again {
			b.Add("shared", indicators.Entry{Prefix: netip.PrefixFrom(q.Addr, q.Addr.BitLen())})
			w = hunt.Window{FromNs: q.FromNs, ToNs: q.ToNs}
		}
		s.Windows[q.Addr] = hunt.Window{FromNs: min(w.FromNs, q.FromNs), ToNs: max(w.ToNs, q.ToNs)}
		byAddr[q.Addr] = append(byAddr[q.Addr], q)
	}
	s.Set = b.Set()
	return h.past.search(ctx, s, func(a *hunt.Answer) bool {
		for _, q := range byAddr[a.Addr] {
			if a.LastNs >= q.FromNs && a.FirstNs <= q.ToNs {
				h.hunter.Share(q, a.Name)
			}
		}
		return true
	})
}

// step shows how far a search is.
func (h *run) step(done, all uint64) {
	if all == 0 {
		h.show.say("history: %s names and addresses", table.Grouped(done))
		return
	}
	h.show.say("history: question %s of %s", table.Grouped(done), table.Grouped(all))
}

type localPast struct{ history *dnscache.History }

func (p *localPast) close() error { return p.history.Close() }

func (p *localPast) search(ctx context.Context, s *hunt.Search, yield func(*hunt.Answer) bool) error {
	return s.Run(ctx, p.history, yield)
}

// remotePast has the daemon search: all in one request.
type remotePast struct{ server string }

func (p *remotePast) close() error { return nil }

func (p *remotePast) search(ctx context.Context, s *hunt.Search, yield func(*hunt.Answer) bool) error {
	v := url.Values{}
	for key, ns := range map[string]int64{"from": s.FromNs, "to": s.ToNs} {
		if ns != 0 {
			v.Set(key, unixText(ns))
		}
	}
	if s.Names > 0 {
		v.Set("names", strconv.Itoa(s.Names))
	}
	body := appendScan(nil, s)
	if len(body) > maxScanBody {
		return fmt.Errorf("the indicators are %d MB, and a daemon takes %d: give fewer with --iocs, or --data DIR where none runs", len(body)>>20, maxScanBody>>20)
	}
	resp, err := askPatiently(ctx, http.MethodPost, p.server, "/api/v1/scan?"+v.Encode(), body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	n := uint64(0)
	for d := json.NewDecoder(resp.Body); ; {
		var r scanRow
		switch err := d.Decode(&r); {
		case err == io.EOF:
			return nil
		case err != nil:
			return fmt.Errorf("the answer of %s ends early: %w", api.Redacted(p.server), err)
		}
		if n++; s.Step != nil {
			s.Step(n, 0)
		}
		a := r.answer()
		if !yield(&a) {
			return nil
		}
	}
}

// unixText is a time as command.ParseTime takes it.
func unixText(ns int64) string {
	s := min(ns/1e9, 1<<33) // all that is later is as late
	return strconv.FormatInt(s, 10) + fmt.Sprintf(".%09d", ns%1e9)
}

// maxTries is how often a daemon that wants to be asked more slowly is asked again,
// once a second.
const maxTries = 60

// askPatiently asks again where the daemon wants to be asked more slowly.
func askPatiently(ctx context.Context, method, server, path string, body []byte) (*http.Response, error) {
	for tries := 0; ; tries++ {
		resp, err := api.Ask(ctx, method, server, path, bytes.NewReader(body), ", or --data DIR where none runs")
		if tooFast := (*api.TooFastError)(nil); !errors.As(err, &tooFast) || tries == maxTries {
			return resp, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Second):
		}
	}
}
