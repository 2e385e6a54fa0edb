package top

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"flowname/cmd/flowname/command"
	"flowname/correlate/baseline"
)

// A query is which list is asked for.
type query struct {
	by       baseline.Measure
	from, to int32
	given    bool  // the days are
	since    int32 // -1: none
	n        int   // 0: all
}

const maxDay = 1<<31 - 1

// parseQuery reads a query from the parameters that the command sends and GET
// /api/v1/top takes. Without a day it is today's.
func parseQuery(v url.Values, now time.Time) (q query, err error) {
	today := baseline.DayOf(now.UnixNano())
	q = query{from: today, to: today, since: -1}
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

// Days are the days that can be asked.
type Days interface {
	Between(ctx context.Context, from, to int32) (baseline.Span, error)
}

// tell gives the lines of the answer.
func (q *query) tell(ctx context.Context, days Days, line func(any) error) error {
	span, err := days.Between(ctx, q.from, q.to)
	if err != nil {
		return err
	}
	summary := summaryOf(&span, q.by)
	if q.since >= 0 {
		err = q.tellChanges(ctx, days, &span, summary, line)
	} else if span.Day != nil {
		for _, r := range span.Day.Top(q.by, q.n) {
			if err = line(domainLineOf("domain", &r, r.Rank, 0)); err != nil {
				break
			}
		}
	}
	if err != nil {
		return err
	}
	return line(summary)
}

// tellChanges gives what entered and what left.
func (q *query) tellChanges(ctx context.Context, days Days, now *baseline.Span, summary *summaryLine, line func(any) error) error {
	summary.Since = dayText(q.since)
	then, err := days.Between(ctx, q.since, q.since)
	if err != nil {
		return err
	}
	if summary.SinceDays = len(then.Days); now.Day == nil || then.Day == nil {
		return nil
	}
	n := q.n
	if n == 0 {
		n = int(^uint(0) >> 1)
	}
	entered, left := baseline.Changes(now.Day.Top(q.by, 0), then.Day.Top(q.by, 0), n)
	summary.Entered, summary.Left = len(entered), len(left)
	for _, c := range entered {
		if err := line(domainLineOf("entered", &c.Row, c.Now, c.Then)); err != nil {
			return err
		}
	}
	for _, c := range left {
		if err := line(domainLineOf("left", &c.Row, c.Now, c.Then)); err != nil {
			return err
		}
	}
	return nil
}
