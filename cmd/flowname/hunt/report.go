package hunt

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"flowname/cmd/flowname/api"
	"flowname/cmd/flowname/history"
	"flowname/cmd/flowname/table"
	"flowname/correlate/hunt"
	"flowname/correlate/indicators"
	"flowname/correlate/timeline"
)

// report writes what was found, in the order of the earliest evidence.
func (h *run) report(out io.Writer) error {
	found := h.hunter.Indicators()
	h.tally.Found, h.tally.LeftOut = uint64(len(found)), h.hunter.LeftOut
	w := bufio.NewWriter(out)
	var err error
	if h.Format == "json" {
		err = writeJSON(w, found, h.sinkholes, &h.tally)
	} else {
		for _, x := range found {
			err = errors.Join(err, writeText(w, x, h.sinkholes))
		}
	}
	fmt.Fprintf(h.notes, "%s of %s indicators found", table.Grouped(h.tally.Found), table.Grouped(h.tally.Indicators))
	if h.tally.Files > 0 {
		fmt.Fprintf(h.notes, "; %s lines in %s files of flows", table.Grouped(h.tally.Lines), table.Grouped(h.tally.Files))
	}
	if n := h.tally.NotFlows; n > 0 {
		fmt.Fprintf(h.notes, ", %s of them no flows", table.Grouped(n))
	}
	fmt.Fprintln(h.notes)
	return errors.Join(err, w.Flush())
}

// totalOf sums the flows that the indicator is known to be about.
func totalOf(x *hunt.Indicator) (total hunt.Flows) {
	for _, f := range x.Flows {
		if f.How <= hunt.Resolved {
			total.Flows += f.Flows
			total.BytesTo += f.BytesTo
			total.BytesFrom += f.BytesFrom
		}
	}
	return total
}

func typeOfIndicator(x *hunt.Indicator) string {
	if x.Address {
		return "address"
	}
	return "name"
}

// stateOf is what an answer says of the name then.
func stateOf(a *hunt.Answer, sinkholes *indicators.Set) string {
	if !a.Addr.IsValid() {
		return cmp.Or(a.Outcome, "asked")
	}
	return timeline.StateOf(a.Addr, cmp.Or(a.Canonical, a.Name), sinkholes).String()
}

// shownRows is how many rows of a kind the report for people has: more are
// for programs.
const shownRows = 20

func writeText(w io.Writer, x *hunt.Indicator, sinkholes *indicators.Set) error {
	about := []string{"from " + strings.Join(x.Feeds, ", ")}
	if x.Beneath && !strings.HasPrefix(x.Text, "*.") {
		about = append(about, "names beneath it too")
	}
	if x.URL {
		about = append(about, "pages at this host: not all that goes there goes to them")
	}
	fmt.Fprintf(w, "%s\n  %s\n", x.Text, strings.Join(about, "; "))
	what := map[string]string{"answer": "was answered for", "question": "asked for", "flow": "had a flow with"}[x.By]
	fmt.Fprintf(w, "  earliest evidence %s: %s %s %s\n", api.UTC(x.FirstNs).Format(table.TimeForm), cmp.Or(api.AddrText(x.FirstClient), "somebody"), what, cmp.Or(x.FirstName, x.Text))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	writeAnswersText(t, x.Answers, sinkholes)
	writeFlowsText(t, x.Flows)
	if err := t.Flush(); err != nil {
		return err
	}
	for i, s := range x.Shared {
		if i == shownRows {
			fmt.Fprintf(w, "    and %d more addresses\n", len(x.Shared)-shownRows)
			break
		}
		more := ""
		if n := len(s.Names); n > shownRows || s.More {
			s.Names, more = s.Names[:min(n, shownRows)], " and more"
		}
		fmt.Fprintf(w, "  %v was shared by %s%s\n", s.Addr, strings.Join(s.Names, ", "), more)
	}
	if x.OtherTimes+x.OtherNames > 0 {
		fmt.Fprintf(w, "  not listed: %s flows to its addresses at other times, %s of clients that went there for other names\n", table.Grouped(x.OtherTimes), table.Grouped(x.OtherNames))
	}
	_, err := fmt.Fprintln(w)
	return err
}

func writeAnswersText(t *tabwriter.Writer, answers []hunt.Answer, sinkholes *indicators.Set) {
	if len(answers) == 0 {
		return
	}
	fmt.Fprintln(t, "    NAME\tADDRESS\tSTATE\tCLIENT\tFIRST SEEN (UTC)\tLAST SEEN (UTC)\tCOUNT\tTTL")
	for i := range answers[:min(len(answers), shownRows)] {
		a := &answers[i]
		fmt.Fprintf(t, "    %s\t%s\t%s\t%s\t%s\t%s\t%d\t%v\n", a.Name, cmp.Or(api.AddrText(a.Addr), "-"), stateOf(a, sinkholes), cmp.Or(api.AddrText(a.Client), "-"),
			api.UTC(a.FirstNs).Format(table.TimeForm), api.UTC(a.LastNs).Format(table.TimeForm), a.Count, history.TTL(a.TTL))
	}
	t.Flush()
	if n := len(answers) - shownRows; n > 0 {
		fmt.Fprintf(t, "    and %s more: --format json has them all\n", table.Grouped(uint64(n)))
	}
}

func writeFlowsText(t *tabwriter.Writer, flows []*hunt.Flows) {
	if len(flows) == 0 {
		return
	}
	fmt.Fprintln(t, "    CLIENT\tADDRESS\tHOW\tFLOWS\tBYTES TO\tBYTES FROM\tFIRST FLOW (UTC)\tLAST FLOW (UTC)\tNAMES")
	for _, f := range flows[:min(len(flows), shownRows)] {
		fmt.Fprintf(t, "    %s\t%s\t%s\t%d\t%d\t%d\t%s\t%s\t%s\n", cmp.Or(api.AddrText(f.Client), "-"), cmp.Or(api.AddrText(f.Addr), "-"), f.How,
			f.Flows, f.BytesTo, f.BytesFrom, api.UTC(f.FirstNs).Format(table.TimeForm), api.UTC(f.LastNs).Format(table.TimeForm), cmp.Or(strings.Join(f.Names, " "), "-"))
	}
	t.Flush()
	if n := len(flows) - shownRows; n > 0 {
		fmt.Fprintf(t, "    and %s more: --format json has them all\n", table.Grouped(uint64(n)))
	}
}
