package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"text/tabwriter"
	"time"

	"flowname/cmd/flowload/world"
	"flowname/dnscache"
)

// A question is asked of a history; it tells what is wrong with the answer.
type question func(a *world.Answer) error

// measureHistory asks a history what it was built of, in the order of chance, so
// that nearly every question goes to a place that none has been at.
func measureHistory(std streams, dir string, v *world.Visits, samples int) error {
	size, err := diskUse(dir)
	if err != nil {
		return err
	}
	t := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "versions\t%d, %.1f bytes each\n", v.Len(), float64(size)/float64(v.Len()))
	if err := measureAsking(t, dir, v, samples); err != nil {
		return err
	}
	if err := measureCache(t, dir, v, samples); err != nil {
		return err
	}
	return t.Flush()
}

// measureAsking is what 'flowname history' does where no daemon runs.
func measureAsking(t *tabwriter.Writer, dir string, v *world.Visits, samples int) error {
	if err := forgetPages(dir); err != nil {
		return err
	}
	begun := time.Now()
	h, err := dnscache.OpenHistory(dir)
	if err != nil {
		return err
	}
	defer h.Close()
	fmt.Fprintf(t, "opened for asking\t%v\n", time.Since(begun).Round(time.Millisecond))
	for i, kind := range []struct {
		what string
		make func(a *world.Answer) dnscache.Query
	}{
		{"name at a time, cold", func(a *world.Answer) dnscache.Query {
			return dnscache.Query{Addr: a.Addr, Client: a.Client.Addr(), AtNs: a.TimeNs + int64(time.Second)}
		}},
		{"first row of an address, cold", func(a *world.Answer) dnscache.Query {
			return dnscache.Query{Addr: a.Addr, Limit: 1}
		}},
		{"first row of a name, cold", func(a *world.Answer) dnscache.Query {
			return dnscache.Query{Name: string(a.Name(nil)), Limit: 1}
		}},
		{"all rows of a name", func(a *world.Answer) dnscache.Query {
			return dnscache.Query{Name: string(a.Name(nil))}
		}},
	} {
		err := ask(t, kind.what, v, uint64(i), samples, func(a *world.Answer) error {
			return askHistory(h, kind.make(a), a)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// askHistory asks for what an answer must be among. Of an address or a name the
// first row may be another client's.
func askHistory(h *dnscache.History, q dnscache.Query, a *world.Answer) error {
	want, name, rows := string(a.Name(nil)), "", 0
	err := h.History(context.Background(), q, func(r dnscache.Row) bool {
		name = r.Name
		rows++
		return true
	})
	switch {
	case err != nil:
		return err
	case rows == 0 || name != want && (q.AtNs != 0 || q.Name != ""):
		return fmt.Errorf("%v for %v at %d: %d rows, the last with %q, want %q", a.Addr, a.Client.Addr(), a.TimeNs, rows, name, want)
	}
	return nil
}

// measureCache is what a daemon does at its start, and with flows of long ago.
func measureCache(t *tabwriter.Writer, dir string, v *world.Visits, samples int) error {
	if err := forgetPages(dir); err != nil {
		return err
	}
	begun := time.Now()
	cache, err := dnscache.Open(dnscache.Config{Dir: dir, Retention: 10 * 365 * 24 * time.Hour})
	if err != nil {
		return err
	}
	fmt.Fprintf(t, "started, pages cold\t%v, with %d versions in the index\n", time.Since(begun).Round(time.Millisecond), cache.Stats().Warmed)
	matches := make([]dnscache.Match, 0, dnscache.MaxMatches)
	err = ask(t, "look-up that reads Badger", v, 1<<32, samples, func(a *world.Answer) error {
		at := a.TimeNs + int64(time.Second)
		matches = cache.AppendClient(matches[:0], a.Client.Addr(), a.Addr, at, 0, at)
		if len(matches) == 0 || matches[0].Name != string(a.Name(nil)) || matches[0].AtNs != a.TimeNs {
			return fmt.Errorf("%v for %v at %d: %v, want %s", a.Addr, a.Client.Addr(), at, matches, a.Name(nil))
		}
		return nil
	})
	st, used := cache.Stats(), usageNow()
	if closing := cache.Close(time.Now().UnixNano()); err == nil {
		err = closing
	}
	fmt.Fprintf(t, "read Badger\t%d of %d look-ups\n", st.ColdReads, st.Lookups)
	fmt.Fprintf(t, "peak memory\t%.0f MB\n", float64(used.peak)/1e6)
	return err
}

// ask asks of answers of chance and tells how long it took.
func ask(t *tabwriter.Writer, what string, v *world.Visits, seed uint64, samples int, q question) error {
	rnd := rand.New(rand.NewPCG(seed, 1))
	took := make([]time.Duration, samples)
	for i := range took {
		a := v.Answer(rnd.IntN(v.Len()))
		begun := time.Now()
		if err := q(&a); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		took[i] = time.Since(begun)
	}
	slices.Sort(took)
	at := func(share float64) time.Duration { return took[int(share*float64(samples-1))].Round(time.Microsecond) }
	fmt.Fprintf(t, "%s\tp50 %v, p99 %v, longest %v\n", what, at(0.5), at(0.99), at(1))
	return nil
}
