package sflow

import (
	"fmt"
	"net"
	"path/filepath"
	"regexp"
	"testing"

	"flowname/flows"
	"flowname/flows/internal/corpus"
)

// telegrafFields is how a line's field is read off a record, in the form it has
// there without quotes and the type's letter.
var telegrafFields = map[string]func(r *flows.Record) any{
	"agent_ip":            func(r *flows.Record) any { return r.Exporter },
	"agent_subid":         func(r *flows.Record) any { return r.ObservationDomain },
	"version":             func(r *flows.Record) any { return map[flows.Type]string{flows.SFlow5: "sFlowV5"}[r.Type] },
	"direction":           func(r *flows.Record) any { return []string{"ingress", "egress"}[r.Direction&1] },
	"datalink_frame_type": func(r *flows.Record) any { return map[uint16]string{0x800: "IPv4", 0x86dd: "IPv6"}[r.EtherType] },
	"ip_version":          func(r *flows.Record) any { return map[uint16]string{0x800: "IPv4", 0x86dd: "IPv6"}[r.EtherType] },
	"src":                 func(r *flows.Record) any { return r.Src },
	"dst":                 func(r *flows.Record) any { return r.Dst },
	"src_port":            func(r *flows.Record) any { return r.SrcPort },
	"dst_port":            func(r *flows.Record) any { return r.DstPort },
	"protocol":            func(r *flows.Record) any { return map[uint8]string{6: "tcp", 17: "udp", 58: "ipv6-icmp"}[r.Proto] },
	"l2_bytes":            func(r *flows.Record) any { return r.Bytes },
	"sampling_interval":   func(r *flows.Record) any { return r.SamplingRate },
	"src_tos":             func(r *flows.Record) any { return r.TOS },
	"ttl":                 func(r *flows.Record) any { return r.TTL },
	"ipv4_id":             func(r *flows.Record) any { return r.FragmentID },
	"fragment_offset":     func(r *flows.Record) any { return r.FragmentOff },
	"in_snmp":             func(r *flows.Record) any { return r.InIf },
	"out_snmp":            func(r *flows.Record) any { return r.OutIf },
	"in_src_mac":          func(r *flows.Record) any { return net.HardwareAddr(r.SrcMAC[:]) },
	"out_dst_mac":         func(r *flows.Record) any { return net.HardwareAddr(r.DstMAC[:]) },
	"vlan_src":            func(r *flows.Record) any { return r.SrcVLAN },
	"vlan_dst":            func(r *flows.Record) any { return r.DstVLAN },
}

// telegrafUnsaid matches the fields that a Record does not say: lengths beside
// the frame's, the link's name, priorities, counters of the sample, and that is
// also what seq_number is there.
var telegrafUnsaid = regexp.MustCompile(`^(source|sys_uptime|seq_number|sampling_drops|in_total_packets|l2_protocol|` +
	`ip_total_len|ipv4_total_len|ipv6_total_len|ipv4_inet_header_len|fragment_flags|vlan_src_priority|vlan_dst_priority)$`)

// telegrafDifferent tells the fields whose value there is another.
func telegrafDifferent(field, want string, r *flows.Record) bool {
	switch field {
	case "in_snmp": // of a sample taken at the output it is the output's
		return r.Direction == 1
	case "protocol": // the extension headers are not walked
		return want == "hopopt"
	}
	return false
}

// TestTelegrafGolden compares each record with the line that telegraf makes of
// the same sample. Counter and drop samples make lines there, not here.
func TestTelegrafGolden(t *testing.T) {
	cases, err := filepath.Glob(filepath.Join(corpus.Path(t, "netflow/telegraf"), "sflow_*"))
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	compared := 0
	for _, dir := range cases {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			recs, stats := decodeFiles(t, dir)
			var sampled []map[string]string
			others := 0
			for _, e := range corpus.Events(t, filepath.Join(dir, "expected.out")) {
				if e.Fields["sampling_interval"] != "" {
					sampled = append(sampled, e.Fields)
				} else {
					others++
				}
			}
			if len(recs) != len(sampled) || int(stats.CounterSamples+stats.DropSamples) != others {
				t.Fatalf("%d records, want %d; %+v", len(recs), len(sampled), stats)
			}
			for i, event := range sampled {
				compared += compareEvent(t, event, &recs[i])
			}
		})
	}
	if compared < 100 {
		t.Errorf("only %d fields were compared", compared)
	}
}

// decodeFiles reads the messages of a case, which are good ones.
func decodeFiles(t *testing.T, dir string) ([]flows.Record, Stats) {
	t.Helper()
	msgs := corpus.Messages(t, dir)
	for i, msg := range msgs {
		if !IsDatagram(msg) {
			t.Errorf("message %d of %s is not taken for a datagram", i, dir)
		}
	}
	recs, stats, err := decode(msgs...)
	if err != nil {
		t.Error(err)
	}
	return recs, stats
}

func compareEvent(t *testing.T, event map[string]string, r *flows.Record) (n int) {
	t.Helper()
	for field, want := range event {
		read, ok := telegrafFields[field]
		if !ok && !telegrafUnsaid.MatchString(field) {
			t.Errorf("field %s is neither compared nor left out", field)
		}
		if !ok || telegrafDifferent(field, want, r) {
			continue
		}
		n++
		if got := fmt.Sprint(read(r)); got != want {
			t.Errorf("%s: got %s, want %s in %v", field, got, want, event)
		}
	}
	return n
}
