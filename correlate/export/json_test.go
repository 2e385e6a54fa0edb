package export

import (
	"encoding/json"
	"net/netip"
	"testing"

	"flowname/correlate"
	"flowname/dnscache"
	"flowname/flows"
	"flowname/geo"
)

// full is a record with every field set.
func full() flows.Record {
	return flows.Record{
		Type: flows.NetFlowV9, SequenceNum: 7, Exporter: netip.MustParseAddr("192.0.2.1"),
		ObservationDomain: 3, ObservationPoint: 4, ReceivedNs: 1_700_000_002_000_000_000,
		StartNs: 1_700_000_000_000_000_000, EndNs: 1_700_000_001_500_000_000, StartErrorNs: 1,
		SamplingRate: 100, Bytes: 4_000_000_000_000, Packets: 3_000_000,
		Src: netip.MustParseAddr("10.1.2.3"), Dst: netip.MustParseAddr("2001:db8::1"),
		SrcPort: 40000, DstPort: 443, EtherType: flows.EtherTypeIPv6, Proto: flows.ProtoTCP,
		TCPFlags: 0x1b, TOS: 184, InIf: 1, OutIf: 2,
		SrcMAC: flows.MAC{0, 0x1b, 0x21, 0, 0xaa, 0xff}, DstMAC: flows.MAC{2, 0, 0, 0, 0, 1},
		SrcVLAN: 10, DstVLAN: 20, VLAN: 30, ForwardingStatus: 64, TTL: 63, ICMPType: 8, ICMPCode: 1,
		EndReason: 2, Direction: 1, IPv6FlowLabel: 5, FragmentID: 6, FragmentOff: 8,
		SrcAS: 64496, DstAS: 64497, NextHop: netip.MustParseAddr("10.0.0.254"), BGPNextHop: netip.MustParseAddr("192.0.2.9"),
		SrcMask: 24, DstMask: 32, MPLS: [flows.MaxMPLSLabels]uint32{16, 17}, MPLSDepth: 2,
		Translation: flows.Translation{
			XlateSrc: netip.MustParseAddr("203.0.113.7"), XlateDst: netip.MustParseAddr("2001:db8::7"), XlateSrcPort: 1024, XlateDstPort: 8443,
			FirewallEvent: flows.FirewallDenied, FirewallExtEvent: 1001, NATEvent: 4, BiflowDirection: 1,
		},
		Texts: flows.Texts{
			HostName: "a.example", AppName: "tls", User: "eve \"x\"", InIfName: "Gi0/0", OutIfName: "Gi0/1", InVRFName: "blue", OutVRFName: "red",
		},
	}
}

func TestAppendJSON(t *testing.T) {
	record := full()
	tiny := flows.Record{Type: flows.IPFIX, Proto: 200}
	second := int64(1_000_000_000)
	for _, c := range []struct {
		name string
		flow correlate.Flow
		want string
	}{
		{"all fields", correlate.Flow{
			Record: &record,
			Src:    correlate.End{Geo: &geo.Place{Info: geo.Info{ASN: 64496, Org: `Quote "Net" \ Ü`, Country: "DE", City: "Köln", Lat: 50.9375, Lon: -6.5, HasLocation: true}}},
			Dst: correlate.End{Named: true, Candidates: []correlate.Candidate{
				{Name: `a\.b.example`, Canonical: "edge.example", Basis: correlate.Client, AnsweredNs: record.StartNs - 1500*1_000_000, Source: dnscache.SourcePackets},
				{Name: "b.example", Basis: correlate.ClientLater, AnsweredNs: record.StartNs + second, Source: dnscache.SourceDnstap},
			}, Program: dnscache.Program{Path: `C:\Tööls\a "b".exe`, PID: 4711, Host: "pc\n1"}},
		}, `{"type":"NETFLOW_V9","time_received_ns":1700000002000000000,"sequence_num":7,"sampling_rate":100,"sampler_address":"192.0.2.1",` +
			`"time_flow_start_ns":1700000000000000000,"time_flow_end_ns":1700000001500000000,"bytes":4000000000000,"packets":3000000,` +
			`"src_addr":"10.1.2.3","dst_addr":"2001:db8::1","etype":"IPv6","proto":"TCP","src_port":40000,"dst_port":443,"in_if":1,"out_if":2,"tcp_flags":27,"ip_tos":184,` +
			`"src_mac":"00:1b:21:00:aa:ff","dst_mac":"02:00:00:00:00:01","src_vlan":10,"dst_vlan":20,"vlan_id":30,"forwarding_status":64,"ip_ttl":63,"icmp_type":8,"icmp_code":1,` +
			`"ipv6_flow_label":5,"fragment_id":6,"fragment_offset":8,"flow_end_reason":2,"flow_direction":1,"src_as":64496,"dst_as":64497,"next_hop":"10.0.0.254","src_net":"10.1.2.0/24","dst_net":"2001:db8::/32",` +
			`"bgp_next_hop":"192.0.2.9","mpls_label":[16,17],"observation_domain_id":3,"observation_point_id":4,` +
			`"app_name":"tls","user":"eve \"x\"","in_if_name":"Gi0/0","out_if_name":"Gi0/1","in_vrf_name":"blue","out_vrf_name":"red",` +
			`"src_addr_xlate":"203.0.113.7","dst_addr_xlate":"2001:db8::7","src_port_xlate":1024,"dst_port_xlate":8443,` +
			`"firewall_event":"denied","firewall_ext_event":1001,"nat_event":"nat44_session_create","biflow_direction":1,` +
			`"src_asn":64496,"src_as_org":"Quote \"Net\" \\ Ü","src_country":"DE","src_city":"Köln","src_lat":50.9375,"src_lon":-6.5,` +
			`"dst_name":"a\\.b.example","dst_name_basis":"client","dst_name_source":"packets","dst_name_age_ms":1500,"dst_name_canonical":"edge.example",` +
			`"dst_names":[{"name":"a\\.b.example","basis":"client","source":"packets","age_ms":1500},{"name":"b.example","basis":"client_later","source":"dnstap","age_ms":-1000}],` +
			`"dst_process":"C:\\Tööls\\a \"b\".exe","dst_pid":4711,"dst_host":"pc\u000a1"}` + "\n"},
		{"nothing known", correlate.Flow{Record: &tiny, Unnamed: correlate.NotResolvable},
			`{"type":"IPFIX","time_received_ns":0,"sequence_num":0,"sampling_rate":0,"sampler_address":"","time_flow_start_ns":0,"time_flow_end_ns":0,"bytes":0,"packets":0,` +
				`"src_addr":"","dst_addr":"","etype":"","proto":"200","src_port":0,"dst_port":0,"in_if":0,"out_if":0,"tcp_flags":0,"ip_tos":0,"unnamed":"not_resolvable"}` + "\n"},
		{"told by the exporter", correlate.Flow{Record: &tiny, Dst: correlate.End{Named: true, Candidates: []correlate.Candidate{
			{Name: "a.example", Basis: correlate.Exporter, Source: dnscache.SourceFlowRecord}, {Name: "b.example", Basis: correlate.Client, AnsweredNs: -second},
		}}},
			`{"type":"IPFIX","time_received_ns":0,"sequence_num":0,"sampling_rate":0,"sampler_address":"","time_flow_start_ns":0,"time_flow_end_ns":0,"bytes":0,"packets":0,` +
				`"src_addr":"","dst_addr":"","etype":"","proto":"200","src_port":0,"dst_port":0,"in_if":0,"out_if":0,"tcp_flags":0,"ip_tos":0,` +
				`"dst_name":"a.example","dst_name_basis":"exporter","dst_name_source":"flow_record","dst_names":[{"name":"a.example","basis":"exporter","source":"flow_record"},{"name":"b.example","basis":"client","source":"unknown","age_ms":1000}]}` + "\n"},
		{"ambiguous", correlate.Flow{Record: &tiny, Unnamed: correlate.Ambiguous, Src: correlate.End{Candidates: []correlate.Candidate{
			{Name: "a.example", Basis: correlate.Others}, {Name: "b.example", Basis: correlate.Others},
		}}},
			`{"type":"IPFIX","time_received_ns":0,"sequence_num":0,"sampling_rate":0,"sampler_address":"","time_flow_start_ns":0,"time_flow_end_ns":0,"bytes":0,"packets":0,` +
				`"src_addr":"","dst_addr":"","etype":"","proto":"200","src_port":0,"dst_port":0,"in_if":0,"out_if":0,"tcp_flags":0,"ip_tos":0,` +
				`"src_names":[{"name":"a.example","basis":"others","source":"unknown","age_ms":0},{"name":"b.example","basis":"others","source":"unknown","age_ms":0}],"unnamed":"ambiguous"}` + "\n"},
	} {
		got := string(AppendJSON(nil, &c.flow))
		if got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
		if !json.Valid([]byte(got)) {
			t.Errorf("%s: not JSON: %s", c.name, got)
		}
	}
}

func TestEventsWithoutANameAreNumbers(t *testing.T) {
	for event, want := range map[uint8]string{0: "", 1: `,"e":"created"`, 5: `,"e":"update"`, 6: `,"e":"6"`, 255: `,"e":"255"`} {
		if got := string(appendEvent(nil, `,"e":"`, firewallEvents[:], event)); got != want {
			t.Errorf("%d: got %s, want %s", event, got, want)
		}
	}
}

func TestAppendTextIsReadBackByEncodingJSON(t *testing.T) {
	for _, text := range []string{"", "plain", "\x00\x1f\"\\/", "ends\\", "é😀", "\x7f"} {
		line := append(appendText([]byte(`{"x":1`), `,"y":`, text), '}')
		var got struct{ Y string }
		if err := json.Unmarshal(line, &got); err != nil || got.Y != text {
			t.Errorf("%q: %s is read as %q, %v", text, line, got.Y, err)
		}
	}
}

func TestAppendJSONAllocatesNothing(t *testing.T) {
	record := full()
	f := correlate.Flow{Record: &record, Dst: correlate.End{Named: true, Candidates: []correlate.Candidate{{Name: "a.example", Basis: correlate.Client}}}}
	buf := make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(100, func() { buf = AppendJSON(buf[:0], &f) }); n != 0 {
		t.Errorf("%v allocations a flow, want 0", n)
	}
}

func BenchmarkAppendJSON(b *testing.B) {
	record := full()
	f := correlate.Flow{Record: &record, Dst: correlate.End{Named: true, Candidates: []correlate.Candidate{{Name: "www.example.com", Basis: correlate.Client}}}}
	buf := AppendJSON(nil, &f)
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendJSON(buf[:0], &f)
	}
}
