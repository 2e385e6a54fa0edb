package main

import (
	"fmt"
	"io"

	"flowname/cmd/flowname/counters"
	"flowname/cmd/flowname/table"
	"flowname/correlate"
	"flowname/flows/netflow"
)

// summarise tells what a replay did: what was named and why the rest was not,
// and what of the input was refused.
func (r *replay) summarise(w io.Writer) {
	r.progress.clear()
	s := r.correlator.Stats()
	fmt.Fprintf(w, "%s flows, %s bytes\n", table.Grouped(s.Total.Flows), table.Grouped(s.Total.Bytes))
	for _, b := range correlate.Bases() {
		summariseTally(w, "named", b.String(), s.Named[b], s.Total)
	}
	for _, reason := range correlate.Reasons() {
		summariseTally(w, "unnamed", reason.String(), s.Unnamed[reason], s.Total)
	}
	fmt.Fprint(w, r.watch.ClientsSummary())
	cache := r.cache.Stats()
	counters.Summarise(w, "evidence", cache)
	r.watch.Summarise(w)
	for i, f := range r.dns {
		f.Summarise(w)
		if late := r.dnsSources[i].Late(); late > 0 {
			fmt.Fprintf(w, "%s: %s pieces of evidence stand behind so many later ones that flows may lack their names: "+
				"'flowname backfill' puts them in\n", f.Input().Path, table.Grouped(late))
		}
	}
	for _, f := range r.flows {
		f.Summarise(w)
	}
	counters.Summarise(w, "export messages", r.decoder.Stats())
	summariseLoss(w, r.decoder)
	r.samples.Summarise(w)
	if lost := r.out.Stats(); lost.LostLines > 0 {
		fmt.Fprintf(w, "LOST %d lines that could not be written\n", lost.LostLines)
	}
}

func summariseTally(w io.Writer, what, how string, t, total correlate.Tally) {
	if t.Flows == 0 {
		return
	}
	fmt.Fprintf(w, "  %-7s %-15s %12s flows %5.1f %%  %15s bytes\n",
		what, how, table.Grouped(t.Flows), 100*float64(t.Flows)/float64(total.Flows), table.Grouped(t.Bytes))
}

// summariseLoss tells what of the export messages became nothing, and what never
// came, where there is such.
func summariseLoss(w io.Writer, d *netflow.Decoder) {
	all := d.Gone()
	for _, r := range d.AppendReports(nil) {
		all.Add(&r.Account)
	}
	if all.RefusedBytes()+all.Waiting.Bytes > 0 {
		fmt.Fprintf(w, "of %s bytes of export messages %s became nothing:", table.Grouped(all.Bytes), table.Grouped(all.RefusedBytes()+all.Waiting.Bytes))
		for _, why := range netflow.Reasons() {
			if t := all.Refused[why]; t.Bytes > 0 {
				fmt.Fprintf(w, " %s=%d", why, t.Bytes)
			}
		}
		if all.Waiting.Count > 0 {
			fmt.Fprintf(w, " template_never_came=%d", all.Waiting.Bytes)
		}
		fmt.Fprintln(w)
	}
	if lost := all.Lost + all.Missing; lost > 0 {
		fmt.Fprintf(w, "%s messages or records are missing, by the exporters' sequence numbers\n", table.Grouped(lost))
	}
}
