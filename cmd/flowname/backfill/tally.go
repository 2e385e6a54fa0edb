package backfill

import (
	"fmt"
	"io"

	"flowname/cmd/flowname/counters"
	"flowname/cmd/flowname/table"
	"flowname/correlate/export/flowlog"
)

// A tally counts lines by what became of them, and ends by what they got.
type tally struct {
	Lines    uint64 `json:"lines"`
	Changed  uint64 `json:"changed"`
	NotFlows uint64 `json:"not_flows"` // passed on as they are

	Named     uint64 `json:"named"`
	Renamed   uint64 `json:"renamed"`
	Listed    uint64 `json:"listed"`
	Withdrawn uint64 `json:"withdrawn"`
	Reasons   uint64 `json:"reasons"`
}

func (s *tally) add(o *tally) { counters.Add(s, *o) }

func (s *tally) count(c flowlog.Change) {
	if c.Any() {
		s.Changed++
	}
	s.Named += uint64(c.Named)
	s.Renamed += uint64(c.Renamed)
	s.Listed += uint64(c.Listed)
	s.Withdrawn += uint64(c.Withdrawn)
	if c.Reason {
		s.Reasons++
	}
}

func (s *tally) summarise(w io.Writer) {
	fmt.Fprintf(w, "%s lines, %s changed\n", table.Grouped(s.Lines), table.Grouped(s.Changed))
	for _, row := range []struct {
		n    uint64
		what string
	}{
		{s.Named, "ends have a name now"},
		{s.Renamed, "ends have a better name"},
		{s.Listed, "ends have more candidates, or a process"},
		{s.Withdrawn, "ends lost a name that is one of several"},
		{s.Reasons, "flows have another reason for no name"},
		{s.NotFlows, "lines are no enriched flows and were passed on as they are"},
	} {
		if row.n > 0 {
			fmt.Fprintf(w, "%12s %s\n", table.Grouped(row.n), row.what)
		}
	}
}
