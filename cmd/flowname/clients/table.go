package clients

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"flowname/cmd/flowname/table"
	"flowname/correlate/visibility"
)

// A printer prints lines as a table or as JSON; finish ends the output, and note
// tells what comes beside it.
type printer struct {
	line   func(any) error
	finish func() error
	note   func()
}

func newPrinter(format string, w, notes io.Writer, subject string) printer {
	if format == "json" {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		return printer{e.Encode, func() error { return nil }, func() {}}
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	n := 0
	var network *NetworkLine
	return printer{
		line: func(line any) error {
			if l, ok := line.(*NetworkLine); ok {
				network = l
				return nil
			}
			if n == 0 {
				fmt.Fprintln(t, "CLIENT\tFLOWS\tOWN\tBYTES\tOWN\tLATELY\tDNS SEEN BY\tLAST (UTC)\tSTATUS\tWHY")
			}
			if n++; n%table.Block == 0 {
				if err := t.Flush(); err != nil {
					return err
				}
			}
			return printClient(t, line.(*Line))
		},
		finish: t.Flush,
		note: func() {
			if n == 0 {
				fmt.Fprintf(notes, "no such client%s is known\n", of(subject))
			}
			if network != nil {
				printNetwork(notes, network)
			}
		},
	}
}

func of(subject string) string {
	if subject == "" {
		return ""
	}
	return " of " + subject
}

func printClient(w io.Writer, l *Line) error {
	seen, last := "-", "-"
	if len(l.DNS.Sources) > 0 {
		seen = strings.Join(l.DNS.Sources, ",")
	}
	switch {
	case l.DNS.Answered != nil:
		last = l.DNS.Answered.Format(time.DateTime)
	case l.DNS.Asked != nil:
		last = l.DNS.Asked.Format(time.DateTime)
	}
	_, err := fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", l.Client,
		table.Grouped(l.Flows), table.Percent(l.OwnFlows, l.Flows), table.Grouped(l.Bytes), table.Percent(l.OwnBytes, l.Bytes),
		table.Percent(l.Recent.OwnFlows, l.Recent.Flows), seen, last, l.Status, cmp.Or(l.Why, "-"))
	return err
}

func printNetwork(w io.Writer, l *NetworkLine) {
	var statuses []string
	for _, s := range visibility.Statuses() {
		if n := l.Statuses[s.String()]; n > 0 {
			statuses = append(statuses, fmt.Sprintf("%s %s", table.Grouped(n), s))
		}
	}
	fmt.Fprintf(w, "network: %s clients (%s); %s flows that count, %s with names of their own; %s bytes, %s\n",
		table.Grouped(l.Clients), cmp.Or(strings.Join(statuses, ", "), "none"), table.Grouped(l.Flows), table.Percent(l.OwnFlows, l.Flows),
		table.Grouped(l.Bytes), table.Percent(l.OwnBytes, l.Bytes))
}
