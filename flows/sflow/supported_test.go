package sflow

import (
	"flag"
	"net/netip"
	"path/filepath"
	"testing"

	"flowname/flows/internal/corpus"
	"flowname/flows/internal/supported"
)

var update = flag.Bool("update", false, "write the table of what is supported into README.md")

// TestSupported runs each row of the README's table of sFlow.
func TestSupported(t *testing.T) {
	table := supported.Table{Name: "sFlow", Head: []string{"what an agent sends", "packets", "what comes of it"}}
	for _, r := range []struct {
		what, packets, gives string
		test                 func(t *testing.T)
	}{
		{"a switch's flow samples: sampled headers, extended switch records", "real", "`sampling_rate`, addresses, ports, VLANs, TTL", testSwitch},
		{"counter samples", "real", "counted in the agent's account", ofKind("sflow_v5_example", Stats{Datagrams: 1, CounterSamples: 1})},
		{"counter samples, expanded", "real", "counted in the agent's account", ofKind("sflow_issue_18876", Stats{Datagrams: 1, CounterSamples: 1})},
		{"drop samples", "real", "counted in the agent's account", ofKind("sflow_issue_15375", Stats{Datagrams: 1, DropSamples: 1})},
		{"all of the above, each value against telegraf's", "real", "the same values", TestTelegrafGolden},
		{"flow samples, compact and expanded; ports single, several, discarded", "built", "`in_if`, `out_if`, `flow_direction`, `forwarding_status`", TestPorts},
		{"sampled headers of Ethernet: 802.1Q, QinQ, 802.1ad, MPLS; IPv4, fragments; IPv6 with extension headers; TCP, UDP, ICMP", "built", "all of a flow but its length in time", TestHeaders},
		{"sampled headers of IPv4 and IPv6 without a frame", "built", "likewise", TestRawIPHeaders},
		{"fields of Ethernet, IPv4, IPv6; extended switch, router and gateway records", "built", "`next_hop`, `src_net`, `dst_net`, `src_as`, `dst_as`, `bgp_next_hop`, VLANs", TestSampleRecords},
		{"agents with IPv4, IPv6 and no address", "built", "`sampler_address`", TestAgents},
		{"headers of DNS responses", "built", "handed on as evidence", TestYield},
		{"sequence numbers of datagrams: lost, late, twice, restarts", "built", "the agent's account", TestSequence},
		{"sample numbers, pools and drops of data sources", "built", "samples lost and dropped, rate in effect", TestSources},
	} {
		table.Rows = append(table.Rows, supported.Row{Cells: []string{r.what, r.packets, r.gives}, Test: r.test})
	}
	table.Check(t, *update)
}

// testSwitch looks at the flows of a switch that samples one in 200.
func testSwitch(t *testing.T) {
	recs, stats := decodeFiles(t, filepath.Join(corpus.Path(t, "netflow/telegraf"), "sflow_issue_15918"))
	if len(recs) != 6 || stats.CounterSamples != 1 {
		t.Fatalf("%d records; %+v", len(recs), stats)
	}
	r := recs[1]
	if r.Src != netip.MustParseAddr("142.250.200.99") || r.Dst != netip.MustParseAddr("192.168.100.104") || r.SrcPort != 443 || r.DstPort != 52851 ||
		r.Proto != 17 || r.Bytes != 563 || r.Packets != 1 || r.SamplingRate != 200 || r.InIf != 101 || r.OutIf != 60 ||
		r.SrcVLAN != 250 || r.DstVLAN != 250 || r.TTL != 51 || r.Exporter != netip.MustParseAddr("192.168.227.2") || r.ObservationDomain != 0 {
		t.Errorf("got %+v", r)
	}
}

// ofKind reads a case of the corpus that has no flows.
func ofKind(name string, want Stats) func(t *testing.T) {
	return func(t *testing.T) {
		recs, stats := decodeFiles(t, filepath.Join(corpus.Path(t, "netflow/telegraf"), name))
		if len(recs) != 0 || stats != want {
			t.Errorf("%d records; got %+v\nwant %+v", len(recs), stats, want)
		}
	}
}
