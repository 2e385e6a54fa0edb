package ledger

import (
	"net/netip"
	"testing"
	"time"

	"flowname/cmd/flowname/api/apitest"
	"flowname/flows/sflow"
)

// TestMergeAgents: an agent on two sockets is one.
func TestMergeAgents(t *testing.T) {
	one := sflow.Report{Agent: netip.MustParseAddr("192.0.2.1"), Sender: netip.MustParseAddr("192.0.2.1"), FirstNs: 5, LastNs: 10, SamplingRate: 1}
	one.Bytes = 100
	two, three := one, one
	two.FirstNs, two.LastNs, two.SamplingRate = 1, int64(time.Second), 2
	three.SubAgent = 1
	got := mergeAgents([]sflow.Report{one, three, two})
	if len(got) != 2 || got[0].Bytes != 200 || got[0].FirstNs != 1 || got[0].LastNs != int64(time.Second) || got[0].SamplingRate != 2 || got[1].Bytes != 100 {
		t.Errorf("got %+v", got)
	}
}

// TestRowsHaveTheirSchemas compares the members of rows with those described.
// What may be absent is what omitempty and omitzero leave out.
func TestRowsHaveTheirSchemas(t *testing.T) {
	a := apitest.Load(t)
	for schema, row := range map[string]any{
		"Collector": Collector{}, "Drops": Drops{}, "Exporter": Exporter{}, "Rate": Rate{}, "Said": Said{},
		"Agent": Agent{}, "Account": Account{}, "Tally": Tally{},
	} {
		a.HoldRow(schema, row)
	}
}
