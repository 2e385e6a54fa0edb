package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"flowname/cmd/flowname/api"
	"flowname/cmd/flowname/command"
	"flowname/cmd/flowname/datadir"
	"flowname/cmd/flowname/guard"
	"flowname/correlate/baseline"
	"flowname/dnscache"
)

type topCmd struct {
	By     string `help:"clients, lookups, bytes or flows: most first (default ${default})." enum:"clients,lookups,bytes,flows" default:"clients"`
	Day    string `help:"The day, in UTC; with --server today so far, with --data the newest if it is not given." placeholder:"DAY"`
	From   string `help:"The first day of several." placeholder:"DAY"`
	To     string `help:"The last day of several." placeholder:"DAY"`
	Since  string `help:"Only what entered the list since this day, and what left it." placeholder:"DAY"`
	N      int    `short:"n" help:"How many domains the list has (default ${default}); 0 for all that are tracked." default:"5000" placeholder:"N"`
	Server string `help:"The running daemon to ask (default ${default})." default:"http://127.0.0.1:8470" placeholder:"URL"`
	Data   string `help:"Read this data directory instead; no daemon must be using it." placeholder:"DIR"`
	Format string `help:"table or json (one object a line)." enum:"table,json" default:"table"`
}

// Run asks the daemon, or the directory that it left, and prints the list.
func (c *topCmd) Run(std command.Streams) error {
	q, err := parseTopQuery(c.values(), time.Now())
	if err != nil {
		return command.Usagef("top: %v", err)
	}
	out := bufio.NewWriter(std.Out)
	p := newTopPrinter(c.Format, out)
	if c.Data != "" {
		err = c.readDirectory(&q, p.line)
	} else {
		err = c.askDaemon(p.line)
	}
	if err != nil {
		err = fmt.Errorf("top: %w", err)
	}
	if err = errors.Join(err, p.finish(), out.Flush()); err == nil && p.summary != nil {
		p.summary.print(std.Err)
	}
	return err
}

func (c *topCmd) values() url.Values {
	v := url.Values{"by": {c.By}, "limit": {strconv.Itoa(c.N)}}
	for key, text := range map[string]string{"day": c.Day, "from": c.From, "to": c.To, "since": c.Since} {
		if text != "" {
			v.Set(key, text)
		}
	}
	return v
}

func (c *topCmd) readDirectory(q *topQuery, line func(any) error) error {
	h, err := datadir.OpenHistory(c.Data)
	if err != nil {
		return err
	}
	days, err := baseline.OpenArchive(h.Shelf(dnscache.ShelfBaseline))
	switch {
	case errors.Is(err, baseline.ErrNone):
		err = fmt.Errorf("%s has no baselines: run and replay keep them without --no-baseline", c.Data)
	case err == nil:
		if all := days.Days(); len(all) > 0 && !q.given {
			q.from, q.to = all[len(all)-1], all[len(all)-1]
		}
		err = q.tell(context.Background(), days, line)
	}
	return errors.Join(err, h.Close())
}

func (c *topCmd) askDaemon(line func(any) error) error {
	return api.AskForRows(context.Background(), c.Server, "/api/v1/top?"+c.values().Encode(), func(text json.RawMessage) error {
		l, err := readTopLine(text)
		if err != nil {
			return err
		}
		return line(l)
	})
}

func readTopLine(text json.RawMessage) (line any, err error) {
	var kind struct{ Kind string }
	if err := json.Unmarshal(text, &kind); err != nil {
		return nil, err
	}
	if line = new(topLine); kind.Kind == "summary" {
		line = new(topSummary)
	}
	return line, json.Unmarshal(text, line)
}

// A topQuery is which list is asked for.
type topQuery struct {
	by       baseline.Measure
	from, to int32
	given    bool  // the days are
	since    int32 // -1: none
	n        int   // 0: all
}

const maxDay = 1<<31 - 1

// parseTopQuery reads a query from the parameters that the command sends and GET
// /api/v1/top takes. Without a day it is today's.
func parseTopQuery(v url.Values, now time.Time) (q topQuery, err error) {
	today := baseline.DayOf(now.UnixNano())
	q = topQuery{from: today, to: today, since: -1}
	by, ok := baseline.ParseMeasure(cmp.Or(v.Get("by"), "clients"))
	if !ok {
		return q, fmt.Errorf("by %q is none of clients, lookups, bytes, flows", v.Get("by"))
	}
	q.by = by
	if q.n, err = strconv.Atoi(cmp.Or(v.Get("limit"), "5000")); err != nil || q.n < 0 {
		return q, fmt.Errorf("limit %q is not a number of domains", v.Get("limit"))
	}
	day, from, to := v.Get("day"), v.Get("from"), v.Get("to")
	switch {
	case day != "" && (from != "" || to != ""):
		return q, errors.New("day is one, from and to are a range: give the one or the other")
	case day != "":
		from, to = day, day
	case from != "" || to != "":
		q.from, q.to = 0, maxDay
	}
	q.given = from != "" || to != ""
	for _, d := range []struct {
		text string
		day  *int32
	}{{from, &q.from}, {to, &q.to}, {v.Get("since"), &q.since}} {
		if d.text == "" {
			continue
		}
		if *d.day, err = parseDay(d.text, now); err != nil {
			return q, err
		}
	}
	if q.from > q.to {
		return q, errors.New("from is later than to")
	}
	return q, nil
}

// parseDay reads a day: "today", "yesterday", or the day of a time.
func parseDay(text string, now time.Time) (int32, error) {
	switch text {
	case "today":
		return baseline.DayOf(now.UnixNano()), nil
	case "yesterday":
		return baseline.DayOf(now.UnixNano()) - 1, nil
	}
	ns, err := command.ParseTime(text, now)
	if err != nil || ns < 0 {
		return 0, fmt.Errorf("%q is not a day: use 2026-11-23, today or yesterday", text)
	}
	return baseline.DayOf(ns), nil
}

// serveTop answers GET /api/v1/top.
func serveTop(w http.ResponseWriter, r *http.Request, b *baselines) {
	q, err := parseTopQuery(r.URL.Query(), time.Now())
	if err != nil {
		guard.Refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	if b == nil {
		guard.Refuse(w, http.StatusNotFound, "no baselines are kept: the daemon runs with --no-baseline")
		return
	}
	out := api.NewWriter(w)
	var lineErr error
	err = q.tell(r.Context(), b.book, func(line any) error {
		lineErr = out.Write(line)
		return lineErr
	})
	switch {
	case lineErr != nil: // nobody listens any more
	case err != nil:
		guard.Refuse(w, http.StatusInternalServerError, err.Error())
	default:
		out.Flush()
	}
}
