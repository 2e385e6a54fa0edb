package hunt

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"flowname/correlate/indicators"
	"flowname/dnscache"
)

// pastOf is a history of answers: client, second, name, address or outcome.
func pastOf(t *testing.T, answers ...[4]any) *dnscache.Cache {
	t.Helper()
	c, err := dnscache.Open(dnscache.Config{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range answers {
		at := int64(a[1].(int)) * sec
		r := dnscache.Response{TimeNs: at, Client: a[0].(netip.Addr), Source: dnscache.SourceDnstap, Name: []byte(a[2].(string)), Type: 1}
		switch x := a[3].(type) {
		case netip.Addr:
			r.Addrs = []dnscache.Addr{{Addr: x, TTL: 60}}
		case int:
			r.RCode = uint16(x)
		case nil:
			r.QuestionOnly, r.Source = true, dnscache.SourceUmbrella
		}
		c.File(&r, at)
	}
	return c
}

func setOf(t *testing.T, feed string) *indicators.Set {
	t.Helper()
	var b indicators.Builder
	if _, err := b.Read("feed", strings.NewReader(feed)); err != nil {
		t.Fatal(err)
	}
	return b.Set()
}

// tell writes what a search finds.
func tell(t *testing.T, s Search, past Past) (all []string) {
	t.Helper()
	err := s.Run(t.Context(), past, func(a *Answer) bool {
		what := a.Outcome
		if a.Addr.IsValid() {
			what = fmt.Sprintf("%v until %d", a.Addr, a.UntilNs/sec)
		}
		all = append(all, fmt.Sprintf("%s %v %d-%d x%d %s", a.Name, a.Client, a.FirstNs/sec, a.LastNs/sec, a.Count, what))
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestSearch(t *testing.T) {
	past := pastOf(t,
		[4]any{alice, 1000, "bad.example", bad}, [4]any{alice, 1100, "bad.example", bad}, // within TTL and grace
		[4]any{alice, 2000, "bad.example", other}, [4]any{alice, 3000, "bad.example", bad}, // elsewhere meanwhile
		[4]any{bob, 5000, "www.bad.example", 3}, [4]any{bob, 9000, "www.bad.example", 3}, [4]any{bob, 9100, "www.bad.example", 0},
		[4]any{bob, 9200, "www.bad.example", 2}, [4]any{eve, 100, "bad.example", nil}, [4]any{eve, 200, "good.example", bad},
		[4]any{eve, 300, "xbad.example", other}, [4]any{alice, 1000, "bad.example", null}, [4]any{alice, 9000, "bad.example", null},
	)
	const (
		live   = "bad.example 10.0.0.1 1000-1100 x2 203.0.113.66 until 1220"
		again  = "bad.example 10.0.0.1 3000-3000 x1 203.0.113.66 until 3120"
		moved  = "bad.example 10.0.0.1 2000-2000 x1 203.0.113.67 until 2120"
		nulled = "bad.example 10.0.0.1 1000-9000 x2 0.0.0.0 until 9120"
		asked  = "bad.example 10.0.0.3 100-100 x1 "
		absent = "www.bad.example 10.0.0.2 5000-9000 x2 absent"
		empty  = "www.bad.example 10.0.0.2 9100-9100 x1 empty"
		failed = "www.bad.example 10.0.0.2 9200-9200 x1 failed"
		good   = "good.example 10.0.0.3 200-200 x1 203.0.113.66 until 320"
	)
	all := []string{live, again, moved, nulled, asked, absent, empty, failed}
	for feed, want := range map[string][]string{
		"bad.example\n": all,
		"bad.example\n*.bad.example\nwww.bad.example\n": all,
		"*.bad.example\n":                                 {absent, empty, failed},
		"127.0.0.1 bad.example\n":                         {live, again, moved, nulled, asked}, // of a hosts file: itself
		"203.0.113.66\n":                                  {live, again, good},
		"203.0.113.64/30\n203.0.113.66\ngood.example\n":   {live, again, moved, good, "xbad.example 10.0.0.3 300-300 x1 203.0.113.67 until 420"},
		"unknown.example\n2001:db8::/120\n":               nil,
		"203.0.113.66\nbad.example\nwww.bad.example.\n\n": append(slices.Clone(all), good),
	} {
		slices.Sort(want)
		for _, most := range []int{0, -1} {
			got := tell(t, Search{Set: setOf(t, feed), Most: most}, past)
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("%q, most %d: got\n%s\nwant\n%s", feed, most, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
	}
	for _, most := range []int{0, -1} {
		if got := tell(t, Search{Set: setOf(t, "bad.example\n"), FromNs: 1050 * sec, ToNs: 2500 * sec, Most: most}, past); len(got) != 2 {
			t.Errorf("from 1050 to 2500: got %q", got)
		}
		windows := map[netip.Addr]Window{bad: {FromNs: 150 * sec, ToNs: 1050 * sec}}
		if got := tell(t, Search{Set: setOf(t, "203.0.113.66\n203.0.113.67\n"), Windows: windows, Most: most}, past); len(got) != 2 {
			t.Errorf("in a window: got %q", got)
		}
	}
}

// Of an address so many names are wanted, one answer each.
func TestSearchForNames(t *testing.T) {
	var answers [][4]any
	for i := range 50 {
		for _, client := range []netip.Addr{alice, bob} {
			answers = append(answers, [4]any{client, 1000 + i, fmt.Sprintf("n%d.example", i%20), bad})
		}
	}
	past := pastOf(t, answers...)
	for _, most := range []int{0, -1} {
		for names, want := range map[int]int{1: 1, 7: 7, 20: 20, 100: 20} {
			got := tell(t, Search{Set: setOf(t, "203.0.113.66\n"), Names: names, Most: most}, past)
			if len(got) != want {
				t.Errorf("%d names, most %d: got %d answers, want %d", names, most, len(got), want)
			}
		}
	}
}

func TestSearchEnds(t *testing.T) {
	past := pastOf(t, [4]any{alice, 1000, "a.bad.example", bad}, [4]any{alice, 1000, "b.bad.example", bad}, [4]any{alice, 1000, "c.worse.example", bad})
	for _, most := range []int{0, -1} {
		n := 0
		s := Search{Set: setOf(t, "bad.example\nworse.example\n"), Most: most}
		if err := s.Run(t.Context(), past, func(*Answer) bool { n++; return false }); err != nil || n != 1 {
			t.Errorf("most %d: a reader that has enough got %d answers, %v", most, n, err)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Run(ended, past, func(*Answer) bool { return true }); most == 0 && !errors.Is(err, context.Canceled) {
			t.Errorf("most %d: interrupted: got %v", most, err)
		}
	}
}

// An address is current for a name while it was told, and not between.
func TestFlowsBetweenAnswers(t *testing.T) {
	past := pastOf(t, [4]any{alice, 1000, "bad.example", bad}, [4]any{alice, 5000, "bad.example", other}, [4]any{alice, 9000, "bad.example", bad})
	h := hunter(t, Config{}, "bad.example\n")
	s := Search{Set: h.cfg.Set}
	if err := s.Run(t.Context(), past, func(a *Answer) bool { h.Add(*a); return true }); err != nil {
		t.Fatal(err)
	}
	for _, at := range []int64{1010, 1119, 1200, 5010, 8000, 9010} {
		h.Flow(flow(at, alice, bad, "", ""))
	}
	x := h.Indicators()[0]
	if got := told(x); len(x.Answers) != 2 || len(got) != 1 || !strings.HasPrefix(got[0], "resolved 10.0.0.1 203.0.113.66 3 flows") || x.OtherTimes != 3 {
		t.Errorf("got %d answers, %q, %d at other times", len(x.Answers), got, x.OtherTimes)
	}
}

// Where there are too many times, those of an address are taken together.
func TestMaxTimes(t *testing.T) {
	h := hunter(t, Config{MaxTimes: 3}, "bad.example\n")
	for _, first := range []int64{1000, 3000, 5000} {
		h.Add(answer(alice, first, first, "bad.example", bad))
	}
	h.Flow(flow(4000, alice, bad, "", ""))
	if x := h.Indicators()[0]; h.Widened == 0 || len(x.Answers) != 1 || x.Answers[0].Count != 6 || len(told(x)) != 1 {
		t.Errorf("%d widened; got %+v, %s", h.Widened, x.Answers, told(x))
	}
}
