package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"flowname/cmd/flowname/api"
	"flowname/cmd/flowname/history"
	"flowname/cmd/flowname/table"
	"flowname/correlate/hunt"
	"flowname/correlate/indicators"
	"flowname/correlate/timeline"
)

// report writes what was found, in the order of the earliest evidence.
func (h *huntRun) report(out io.Writer) error {
	found := h.hunter.Indicators()
	h.tally.Found, h.tally.LeftOut = uint64(len(found)), h.hunter.LeftOut
	w := bufio.NewWriter(out)
	var err error
	if h.Format == "json" {
		err = writeHuntJSON(w, found, h.sinkholes, &h.tally)
	} else {
		for _, x := range found {
			err = errors.Join(err, writeHuntText(w, x, h.sinkholes))
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

// The lines of --format json. README has their fields.
type (
	huntIndicatorRow struct {
		Kind        string    `json:"kind"`
		Indicator   string    `json:"indicator"`
		Type        string    `json:"type"` // name, address
		Feeds       []string  `json:"feeds"`
		Beneath     bool      `json:"beneath"` // names beneath it match
		URL         bool      `json:"url"`     // the feeds name pages at this host
		FirstSeen   time.Time `json:"first_seen"`
		FirstBy     string    `json:"first_by"` // answer, question, flow
		FirstClient string    `json:"first_client"`
		FirstName   string    `json:"first_name"`
		Clients     int       `json:"clients"`
		Answers     int       `json:"answers"`
		Flows       uint64    `json:"flows"` // named, address and resolved
		BytesTo     uint64    `json:"bytes_to"`
		BytesFrom   uint64    `json:"bytes_from"`
		OtherTimes  uint64    `json:"other_time_flows"`
		OtherNames  uint64    `json:"other_name_flows"`
	}
	huntAnswerRow struct {
		Kind      string `json:"kind"`
		Indicator string `json:"indicator"`
		State     string `json:"state"`
		history.Row
	}
	huntFlowsRow struct {
		Kind        string    `json:"kind"`
		Indicator   string    `json:"indicator"`
		How         string    `json:"how"`
		Client      string    `json:"client"`
		Addr        string    `json:"addr"`
		Names       []string  `json:"names"`
		FirstSeen   time.Time `json:"first_seen"`
		LastSeen    time.Time `json:"last_seen"`
		Flows       uint64    `json:"flows"`
		BytesTo     uint64    `json:"bytes_to"`
		PacketsTo   uint64    `json:"packets_to"`
		BytesFrom   uint64    `json:"bytes_from"`
		PacketsFrom uint64    `json:"packets_from"`
		Sampled     bool      `json:"sampled"`
	}
	huntSharedRow struct {
		Kind      string   `json:"kind"`
		Indicator string   `json:"indicator"`
		Addr      string   `json:"addr"`
		Names     []string `json:"names"`
		More      bool     `json:"more"`
	}
	huntSummaryRow struct {
		Kind string `json:"kind"`
		huntTally
	}
)

func writeHuntJSON(w io.Writer, found []*hunt.Indicator, sinkholes *indicators.Set, tally *huntTally) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	for _, x := range found {
		if err := writeIndicatorJSON(e, x, sinkholes); err != nil {
			return err
		}
	}
	return e.Encode(huntSummaryRow{"summary", *tally})
}

func writeIndicatorJSON(e *json.Encoder, x *hunt.Indicator, sinkholes *indicators.Set) error {
	total := totalOf(x)
	err := e.Encode(huntIndicatorRow{
		Kind: "indicator", Indicator: x.Text, Type: typeOfIndicator(x), Feeds: x.Feeds, Beneath: x.Beneath, URL: x.URL,
		FirstSeen: api.UTC(x.FirstNs), FirstBy: x.By, FirstClient: api.AddrText(x.FirstClient), FirstName: x.FirstName,
		Clients: x.Clients(), Answers: len(x.Answers), Flows: total.Flows, BytesTo: total.BytesTo, BytesFrom: total.BytesFrom,
		OtherTimes: x.OtherTimes, OtherNames: x.OtherNames,
	})
	for i := range x.Answers {
		a := &x.Answers[i]
		err = errors.Join(err, e.Encode(huntAnswerRow{"answer", x.Text, stateOf(a, sinkholes), history.Row{
			Name: a.Name, Addr: api.AddrText(a.Addr), Client: api.AddrText(a.Client), FirstSeen: api.UTC(a.FirstNs), LastSeen: api.UTC(a.LastNs),
			Count: a.Count, TTL: history.TTL(a.TTL), Source: a.Source, Canonical: a.Canonical,
		}}))
	}
	for _, f := range x.Flows {
		err = errors.Join(err, e.Encode(huntFlowsRow{
			Kind: "flows", Indicator: x.Text, How: f.How.String(), Client: api.AddrText(f.Client), Addr: api.AddrText(f.Addr), Names: named(f.Names),
			FirstSeen: api.UTC(f.FirstNs), LastSeen: api.UTC(f.LastNs), Flows: f.Flows, BytesTo: f.BytesTo, PacketsTo: f.PacketsTo,
			BytesFrom: f.BytesFrom, PacketsFrom: f.PacketsFrom, Sampled: f.Sampled,
		}))
	}
	for _, s := range x.Shared {
		err = errors.Join(err, e.Encode(huntSharedRow{"shared", x.Text, api.AddrText(s.Addr), s.Names, s.More}))
	}
	return err
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

// named is never null in JSON.
func named(names []string) []string {
	if names == nil {
		return []string{}
	}
	return names
}

// huntRows is how many rows of a kind the report for people has: more are
// for programs.
const huntRows = 20

func writeHuntText(w io.Writer, x *hunt.Indicator, sinkholes *indicators.Set) error {
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
		if i == huntRows {
			fmt.Fprintf(w, "    and %d more addresses\n", len(x.Shared)-huntRows)
			break
		}
		more := ""
		if n := len(s.Names); n > huntRows || s.More {
			s.Names, more = s.Names[:min(n, huntRows)], " and more"
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
	for i := range answers[:min(len(answers), huntRows)] {
		a := &answers[i]
		fmt.Fprintf(t, "    %s\t%s\t%s\t%s\t%s\t%s\t%d\t%v\n", a.Name, cmp.Or(api.AddrText(a.Addr), "-"), stateOf(a, sinkholes), cmp.Or(api.AddrText(a.Client), "-"),
			api.UTC(a.FirstNs).Format(table.TimeForm), api.UTC(a.LastNs).Format(table.TimeForm), a.Count, history.TTL(a.TTL))
	}
	t.Flush()
	if n := len(answers) - huntRows; n > 0 {
		fmt.Fprintf(t, "    and %s more: --format json has them all\n", table.Grouped(uint64(n)))
	}
}

func writeFlowsText(t *tabwriter.Writer, flows []*hunt.Flows) {
	if len(flows) == 0 {
		return
	}
	fmt.Fprintln(t, "    CLIENT\tADDRESS\tHOW\tFLOWS\tBYTES TO\tBYTES FROM\tFIRST FLOW (UTC)\tLAST FLOW (UTC)\tNAMES")
	for _, f := range flows[:min(len(flows), huntRows)] {
		fmt.Fprintf(t, "    %s\t%s\t%s\t%d\t%d\t%d\t%s\t%s\t%s\n", cmp.Or(api.AddrText(f.Client), "-"), cmp.Or(api.AddrText(f.Addr), "-"), f.How,
			f.Flows, f.BytesTo, f.BytesFrom, api.UTC(f.FirstNs).Format(table.TimeForm), api.UTC(f.LastNs).Format(table.TimeForm), cmp.Or(strings.Join(f.Names, " "), "-"))
	}
	t.Flush()
	if n := len(flows) - huntRows; n > 0 {
		fmt.Fprintf(t, "    and %s more: --format json has them all\n", table.Grouped(uint64(n)))
	}
}
