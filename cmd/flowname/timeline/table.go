package timeline

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"flowname/cmd/flowname/table"
)

// A printer prints rows, as a table for people or as JSON.
type printer struct {
	lines int
	json  *json.Encoder // nil: a table
	table *tabwriter.Writer
}

func newPrinter(format string, w io.Writer) *printer {
	p := &printer{}
	if format == "json" {
		p.json = json.NewEncoder(w)
		p.json.SetEscapeHTML(false)
		return p
	}
	p.table = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	return p
}

func (p *printer) line(r *row) error {
	p.lines++
	switch {
	case p.json != nil:
		return p.json.Encode(r)
	case r.Kind == "name":
		return p.name(r)
	}
	return p.phase(r)
}

// finish ends the output.
func (p *printer) finish() error {
	if p.table == nil {
		return nil
	}
	return p.table.Flush()
}

// shown is how many addresses or times of a row the table has.
const shown = 8

// phase prints a phase: its first address on its line, each other on one of its
// own.
func (p *printer) phase(r *row) error {
	if p.lines == 1 {
		fmt.Fprintln(p.table, "STATE\tFIRST SEEN (UTC)\tLAST SEEN (UTC)\tCLIENTS\tFIRST CLIENT\tANSWERS\tADDRESS\tASN\tORGANISATION\tCOUNTRY")
	}
	fmt.Fprintf(p.table, "%s\t%s\t%s\t%d\t%s\t%d\t", stateWords(r), r.FirstSeen.Format(table.TimeForm), r.LastSeen.Format(table.TimeForm),
		r.Clients, cmp.Or(r.FirstClient, "-"), r.Count)
	if len(r.Addresses) == 0 {
		_, err := fmt.Fprintf(p.table, "%s\t-\t-\t-\n", cmp.Or(strings.Join(r.Errors, " "), "-"))
		return err
	}
	for i := range r.Addresses {
		if i == shown {
			break
		}
		if i > 0 {
			fmt.Fprint(p.table, "\t\t\t\t\t\t")
		}
		a := &r.Addresses[i]
		asn := "-"
		if a.ASN != 0 {
			asn = fmt.Sprint(a.ASN)
		}
		fmt.Fprintf(p.table, "%s\t%s\t%s\t%s\n", a.Addr, asn, cmp.Or(a.ASOrg, "-"), cmp.Or(a.Country, "-"))
	}
	if more := r.AddressCount - min(len(r.Addresses), shown); more > 0 {
		fmt.Fprintf(p.table, "\t\t\t\t\t\tand %s more\t\t\t\n", table.Grouped(uint64(more)))
	}
	return nil
}

// stateWords is a phase's state, what others were told, and how.
func stateWords(r *row) string {
	text := r.State
	if len(r.Also) > 0 {
		text += ", for some " + strings.Join(r.Also, ", ")
	}
	if r.Rotating {
		text += " (rotating)"
	}
	return text
}

// name prints a name of an address, and each of its later times on a line of its
// own.
func (p *printer) name(r *row) error {
	if p.lines == 1 {
		fmt.Fprintln(p.table, "NAME\tSTATE\tFIRST SEEN (UTC)\tLAST SEEN (UTC)\tCLIENTS\tFIRST CLIENT\tANSWERS\tCONNECTIONS")
	}
	first := times{r.FirstSeen, r.LastSeen, r.Count}
	if len(r.Times) > 1 {
		first = r.Times[0]
	}
	fmt.Fprintf(p.table, "%s\t%s\t%s\t%s\t%d\t%s\t%d\t%d\n", r.Name, r.State, first.FirstSeen.Format(table.TimeForm), first.LastSeen.Format(table.TimeForm),
		r.Clients, cmp.Or(r.FirstClient, "-"), first.Count, r.Connections)
	for i := 1; i < min(len(r.Times), shown); i++ {
		t := r.Times[i]
		fmt.Fprintf(p.table, "\tagain\t%s\t%s\t\t\t%d\t\n", t.FirstSeen.Format(table.TimeForm), t.LastSeen.Format(table.TimeForm), t.Count)
	}
	if more := len(r.Times) - shown; more > 0 {
		fmt.Fprintf(p.table, "\tand %s times more\t\t\t\t\t\t\n", table.Grouped(uint64(more)))
	}
	if p.lines%table.Block == 0 {
		return p.table.Flush()
	}
	return nil
}
