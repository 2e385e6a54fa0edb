package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"

	"flowname/cmd/flowname/table"
	"flowname/correlate/baseline"
)

// A topLine is a domain of a list, or one that entered or left it, as programs read it.
type topLine struct {
	Kind    string `json:"kind"`           // domain, entered or left
	Rank    int    `json:"rank,omitempty"` // absent where it has none any more
	Then    int    `json:"then,omitempty"` // its rank on the day of since
	Domain  string `json:"domain"`
	Clients uint64 `json:"clients"`
	Lookups uint64 `json:"lookups"`
	Flows   uint64 `json:"flows"`
	Bytes   uint64 `json:"bytes"`
	Over    uint64 `json:"over,omitempty"`
}

// A topSummary is what is known of all days together; the last line.
type topSummary struct {
	Kind         string   `json:"kind"` // summary
	By           string   `json:"by"`
	Days         int      `json:"days"` // how many of them there are
	From         string   `json:"from,omitempty"`
	To           string   `json:"to,omitempty"`
	Unread       []string `json:"unread,omitempty"`
	Clients      uint64   `json:"clients"`
	Domains      uint64   `json:"domains"`
	Lookups      uint64   `json:"lookups"`
	Flows        uint64   `json:"flows"`
	Bytes        uint64   `json:"bytes"`
	Tracked      int      `json:"tracked"`
	ExactClients bool     `json:"exact_clients"`
	Missing      uint64   `json:"missing"`
	topChanges
}

// topChanges are what a summary says of changes since a day.
type topChanges struct {
	Since     string `json:"since,omitempty"`
	SinceDays int    `json:"since_days,omitempty"` // 0: there is nothing to compare with
	Entered   int    `json:"entered,omitempty"`
	Left      int    `json:"left,omitempty"`
}

// topDays are the days that can be asked.
type topDays interface {
	Between(ctx context.Context, from, to int32) (baseline.Span, error)
}

// tell gives the lines of the answer.
func (q *topQuery) tell(ctx context.Context, days topDays, line func(any) error) error {
	span, err := days.Between(ctx, q.from, q.to)
	if err != nil {
		return err
	}
	summary := topSummaryOf(&span, q.by)
	if q.since >= 0 {
		err = q.tellChanges(ctx, days, &span, summary, line)
	} else if span.Day != nil {
		for _, r := range span.Day.Top(q.by, q.n) {
			if err = line(topLineOf("domain", &r, r.Rank, 0)); err != nil {
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
func (q *topQuery) tellChanges(ctx context.Context, days topDays, now *baseline.Span, summary *topSummary, line func(any) error) error {
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
		if err := line(topLineOf("entered", &c.Row, c.Now, c.Then)); err != nil {
			return err
		}
	}
	for _, c := range left {
		if err := line(topLineOf("left", &c.Row, c.Now, c.Then)); err != nil {
			return err
		}
	}
	return nil
}

func topLineOf(kind string, r *baseline.Row, rank, then int) *topLine {
	return &topLine{
		Kind: kind, Rank: rank, Then: then, Domain: r.Domain,
		Clients: r.Clients, Lookups: r.Lookups, Flows: r.Flows, Bytes: r.Bytes, Over: r.Over,
	}
}

func topSummaryOf(span *baseline.Span, by baseline.Measure) *topSummary {
	l := &topSummary{Kind: "summary", By: by.String(), Days: len(span.Days)}
	for _, day := range span.Unread {
		l.Unread = append(l.Unread, dayText(day))
	}
	if span.Day == nil {
		return l
	}
	l.From, l.To = dayText(span.Days[0]), dayText(span.Days[len(span.Days)-1])
	s := span.Day.Summary(by)
	l.Clients, l.Domains, l.Lookups, l.Flows, l.Bytes = s.Clients, s.Domains, s.Lookups, s.Flows, s.Bytes
	l.Tracked, l.ExactClients, l.Missing = s.Tracked, s.Exact, s.Missing
	return l
}

func dayText(day int32) string {
	return time.Unix(0, 0).UTC().AddDate(0, 0, int(day)).Format(time.DateOnly)
}

// A topPrinter prints lines as a table or as JSON; the table's summary is kept.
type topPrinter struct {
	line    func(any) error
	finish  func() error
	summary *topSummary
}

func newTopPrinter(format string, w io.Writer) *topPrinter {
	if format == "json" {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		return &topPrinter{line: e.Encode, finish: func() error { return nil }}
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	p := &topPrinter{finish: t.Flush}
	n := 0
	p.line = func(line any) error {
		l, ok := line.(*topLine)
		if !ok {
			p.summary = line.(*topSummary)
			return nil
		}
		changes := l.Kind != "domain"
		if n == 0 && changes {
			fmt.Fprint(t, "CHANGE\tTHEN\t")
		}
		if n == 0 {
			fmt.Fprintln(t, "RANK\tDOMAIN\tCLIENTS\tLOOKUPS\tFLOWS\tBYTES")
		}
		if n++; n%table.Block == 0 {
			if err := t.Flush(); err != nil {
				return err
			}
		}
		if changes {
			fmt.Fprintf(t, "%s\t%s\t", l.Kind, rankText(l.Then))
		}
		_, err := fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", rankText(l.Rank), l.Domain,
			table.Grouped(l.Clients), table.Grouped(l.Lookups), table.Grouped(l.Flows), table.Grouped(l.Bytes))
		return err
	}
	return p
}

func rankText(rank int) string {
	if rank == 0 {
		return "-"
	}
	return strconv.Itoa(rank)
}

// print says what comes beside a table.
func (l *topSummary) print(w io.Writer) {
	for _, day := range l.Unread {
		fmt.Fprintf(w, "what was kept of %s can not be read\n", day)
	}
	if l.Days == 0 {
		fmt.Fprintln(w, "nothing was counted then")
		return
	}
	when := l.From
	if l.Days > 1 {
		when = fmt.Sprintf("%s to %s (%d days)", l.From, l.To, l.Days)
	}
	fmt.Fprintf(w, "%s: about %s clients and %s domains; %s look-ups, %s flows, %s bytes with domains\n",
		when, table.Grouped(l.Clients), table.Grouped(l.Domains), table.Grouped(l.Lookups), table.Grouped(l.Flows), table.Grouped(l.Bytes))
	if !l.ExactClients && l.Clients > 6 {
		fmt.Fprintln(w, "clients of domains with more than six are estimates, within 2.3 % for two of three")
	}
	if l.Missing > 0 {
		fmt.Fprintf(w, "what is not listed for want of room has at most %s %s\n", table.Grouped(l.Missing), l.By)
	}
	switch {
	case l.Since == "":
	case l.SinceDays == 0:
		fmt.Fprintf(w, "nothing was counted on %s: there is nothing to compare with\n", l.Since)
	default:
		fmt.Fprintf(w, "since %s: %s entered, %s left\n", l.Since, table.Grouped(uint64(l.Entered)), table.Grouped(uint64(l.Left)))
	}
}
