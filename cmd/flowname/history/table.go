package history

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"flowname/cmd/flowname/table"
)

// printer returns what prints a row and what ends the output.
func (c *Cmd) printer(w, notes io.Writer) (row func(Row) error, finish func() error) {
	if c.Format == "json" {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		return func(r Row) error { return e.Encode(r) }, func() error { return nil }
	}
	return tablePrinter(w, notes, c.Subject)
}

func tablePrinter(w, notes io.Writer, subject string) (row func(Row) error, finish func() error) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	n := 0
	row = func(r Row) error {
		if n == 0 {
			fmt.Fprintln(t, "NAME\tADDRESS\tCLIENT\tFIRST SEEN (UTC)\tLAST SEEN (UTC)\tCOUNT\tTTL\tSOURCE")
		}
		if n++; n%table.Block == 0 {
			if err := t.Flush(); err != nil {
				return err
			}
		}
		_, err := fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\n", r.Name, cmp.Or(r.Addr, "-"), cmp.Or(r.Client, "-"),
			r.FirstSeen.Format(table.TimeForm), r.LastSeen.Format(table.TimeForm), r.Count, r.TTL, r.Source)
		return err
	}
	finish = func() error {
		if n == 0 {
			fmt.Fprintf(notes, "nothing is known of %s\n", subject)
		}
		return t.Flush()
	}
	return row, finish
}
