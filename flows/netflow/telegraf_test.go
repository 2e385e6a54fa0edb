package netflow

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"flowname/flows"
	"flowname/flows/internal/corpus"
)

// telegrafFields is how a line's field is read off a record, in the form it has
// there without quotes and the type's letter.
var telegrafFields = map[string]func(r *flows.Record) any{
	"version":          func(r *flows.Record) any { return telegrafVersion[r.Type] },
	"protocol":         func(r *flows.Record) any { return telegrafProtocol[r.Proto] },
	"src":              func(r *flows.Record) any { return r.Src },
	"dst":              func(r *flows.Record) any { return r.Dst },
	"src_port":         func(r *flows.Record) any { return r.SrcPort },
	"dst_port":         func(r *flows.Record) any { return r.DstPort },
	"in_bytes":         func(r *flows.Record) any { return r.Bytes },
	"in_packets":       func(r *flows.Record) any { return r.Packets },
	"in_total_bytes":   func(r *flows.Record) any { return r.Bytes },
	"in_total_packets": func(r *flows.Record) any { return r.Packets },
	"src_tos":          func(r *flows.Record) any { return fmt.Sprintf("0x%02x", r.TOS) },
	"tcp_flags":        func(r *flows.Record) any { return flagLetters(r.TCPFlags) },
	"flow_start_ms":    func(r *flows.Record) any { return r.StartNs / 1e6 },
	"flow_end_ms":      func(r *flows.Record) any { return r.EndNs / 1e6 },
	"flow_start":       func(r *flows.Record) any { return r.StartNs / 1e9 },
	"flow_end":         func(r *flows.Record) any { return r.EndNs / 1e9 },
	"flow_end_reason":  func(r *flows.Record) any { return telegrafReason[r.EndReason] },
	"in_snmp":          func(r *flows.Record) any { return r.InIf },
	"out_snmp":         func(r *flows.Record) any { return r.OutIf },
	"next_hop":         func(r *flows.Record) any { return hop(r.NextHop) },
	"src_mask":         func(r *flows.Record) any { return r.SrcMask },
	"dst_mask":         func(r *flows.Record) any { return r.DstMask },
	"bgp_src_as":       func(r *flows.Record) any { return r.SrcAS },
	"bgp_dst_as":       func(r *flows.Record) any { return r.DstAS },
	"vlan_src":         func(r *flows.Record) any { return r.SrcVLAN },
	"direction":        func(r *flows.Record) any { return []string{"ingress", "egress"}[r.Direction&1] },
	"ip_version":       func(r *flows.Record) any { return fmt.Sprintf("IPv%v", ipVersion(r)) },
	"in_src_mac":       func(r *flows.Record) any { return mac(r.SrcMAC) },
	"out_dst_mac":      func(r *flows.Record) any { return mac(r.DstMAC) },
	"icmp_type":        func(r *flows.Record) any { return r.ICMPType },
	"icmp_code":        func(r *flows.Record) any { return r.ICMPCode },
	"fwd_status": func(r *flows.Record) any {
		return []string{"unknown", "forwarded", "dropped", "consumed"}[r.ForwardingStatus>>6]
	},
	"seq_number":        func(r *flows.Record) any { return r.SequenceNum },
	"sampling_interval": func(r *flows.Record) any { return r.SamplingRate },
}

var (
	telegrafVersion  = map[flows.Type]string{flows.NetFlowV5: "NetFlowV5", flows.NetFlowV9: "NetFlowV9", flows.IPFIX: "IPFIX"}
	telegrafProtocol = map[uint8]string{1: "icmp", 6: "tcp", 17: "udp"}
	telegrafReason   = map[uint8]string{1: "idle timeout", 2: "active timeout", 3: "end of flow", 4: "forced end", 5: "lack of resources"}
)

// telegrafUnsaid matches the fields that a Record does not say: those of other
// enterprises, of the reverse direction, and of the exporting process.
var telegrafUnsaid = regexp.MustCompile(`^(source|type_\d+_.*|flows|engine_type|engine_id|sys_uptime|fwd_reason|dst_tos|` +
	`first_switched|last_switched|l7_proto|ja3._hash|ssl_.*|retransmitted_.*|.*_latency_ms)$`)

// telegrafDifferent are fields whose value there is another, by case.
var telegrafDifferent = map[string]map[string]string{
	"issue_14370": {
		"flow_start": "zero, which is not exported: the header's time is taken",
		"flow_end":   "likewise",
	},
}

// flagLetters writes the lower eight flags as telegraf does.
func flagLetters(f uint16) string {
	b := []byte("CEUAPRSF")
	for i := range b {
		if f&(0x80>>i) == 0 {
			b[i] = '.'
		}
	}
	return string(b)
}

func TestTelegrafGolden(t *testing.T) {
	dirs, err := filepath.Glob(filepath.Join(corpus.Path(t, "netflow/telegraf"), "*", "expected.out"))
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, expected := range dirs {
		dir := filepath.Dir(expected)
		name := filepath.Base(dir)
		if strings.HasPrefix(name, "sflow") {
			continue // another package's
		}
		t.Run(name, func(t *testing.T) {
			recs, stats := decodeFiles(t, dir)
			flowLines, optionLines := 0, 0
			for _, e := range corpus.Events(t, expected) {
				if e.Name == "netflow_options" {
					optionLines++
					continue
				}
				flowLines++
				findLine(t, name, e.Fields, recs)
			}
			if flowLines != len(recs)-int(stats.ReverseRecords) || optionLines != int(stats.OptionsRecords) {
				t.Errorf("got %d records and %d of options data, want %d and %d; %+v",
					len(recs), stats.OptionsRecords, flowLines, optionLines, stats)
			}
		})
	}
}

func decodeFiles(t *testing.T, dir string) ([]flows.Record, Stats) {
	t.Helper()
	var payloads []corpus.Payload
	for _, data := range corpus.Messages(t, dir) {
		payloads = append(payloads, corpus.Payload{From: router, Ns: 1, Data: data})
	}
	recs, stats, _ := decodeAll(payloads)
	return recs, stats
}

func findLine(t *testing.T, name string, event map[string]string, recs []flows.Record) {
	t.Helper()
	best, found := []string(nil), false
	for i := range recs {
		var bad []string
		for field, want := range event {
			read, ok := telegrafFields[field]
			if !ok && !telegrafUnsaid.MatchString(field) {
				t.Errorf("field %s is neither compared nor left out", field)
			}
			if !ok || telegrafDifferent[name][field] != "" {
				continue
			}
			if got := fmt.Sprint(read(&recs[i])); got != want {
				bad = append(bad, fmt.Sprintf("%s: got %s, want %s", field, got, want))
			}
		}
		if len(bad) == 0 {
			return
		}
		if !found || len(bad) < len(best) {
			best, found = bad, true
		}
	}
	t.Errorf("none of %d records is %v; the nearest differs in %v", len(recs), event, best)
}
