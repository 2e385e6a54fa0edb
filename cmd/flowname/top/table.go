package top

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"

	"flowname/cmd/flowname/table"
)

// A printer prints lines as a table or as JSON; the table's summary is kept.
type printer struct {
	line    func(any) error
	finish  func() error
	summary *summaryLine
}

func newPrinter(format string, w io.Writer) *printer {
	if format == "json" {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		return &printer{line: e.Encode, finish: func() error { return nil }}
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	p := &printer{finish: t.Flush}
	n := 0
	p.line = func(line any) error {
		l, ok := line.(*domainLine)
		if !ok {
			p.summary = line.(*summaryLine)
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
func (l *summaryLine) print(w io.Writer) {
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
