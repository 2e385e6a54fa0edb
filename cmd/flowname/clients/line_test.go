package clients

import (
	"testing"

	"flowname/cmd/flowname/api/apitest"
)

func TestLinesHaveTheirSchemas(t *testing.T) {
	a := apitest.Load(t)
	for schema, row := range map[string]any{
		"Client": Line{}, "Network": NetworkLine{}, "ClientNamed": namedFlows{}, "ClientUnnamed": unnamedFlows{},
		"ClientRecent": recentFlows{}, "ClientDNS": seenDNS{}, "ClientResolver": lastResolver{},
	} {
		a.HoldRow(schema, row)
	}
}
