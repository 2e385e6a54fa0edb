package netflow

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"flowname/flows"
	"flowname/flows/internal/corpus"
)

// A logstashCase is one case of golden.json: a capture, and some of the events
// that it gives.
type logstashCase struct {
	Name    string
	Events  []struct{ Netflow map[string]json.RawMessage }
	Asserts []string
	Capture string `json:"derived_pcap"`
}

// logstashFields is how the value of an event's field is read off a record.
var logstashFields = map[string]func(r *flows.Record) any{
	"version": func(r *flows.Record) any {
		return map[flows.Type]int{flows.NetFlowV5: 5, flows.NetFlowV9: 9, flows.IPFIX: 10}[r.Type]
	},
	"flow_seq_num": func(r *flows.Record) any { return r.SequenceNum },
	"engine_type":  func(r *flows.Record) any { return r.ObservationDomain >> 8 },

	"ipv4_src_addr":          func(r *flows.Record) any { return r.Src },
	"sourceIPv4Address":      func(r *flows.Record) any { return r.Src },
	"sourceIPv6Address":      func(r *flows.Record) any { return r.Src },
	"ipv4_dst_addr":          func(r *flows.Record) any { return r.Dst },
	"destinationIPv4Address": func(r *flows.Record) any { return r.Dst },
	"destinationIPv6Address": func(r *flows.Record) any { return r.Dst },
	"ipv4_next_hop":          func(r *flows.Record) any { return hop(r.NextHop) },
	"ipNextHopIPv4Address":   func(r *flows.Record) any { return hop(r.NextHop) },
	"ipNextHopIPv6Address":   func(r *flows.Record) any { return hop(r.NextHop) },
	"bgp_ipv4_next_hop":      func(r *flows.Record) any { return hop(r.BGPNextHop) },

	"l4_src_port":              func(r *flows.Record) any { return r.SrcPort },
	"sourceTransportPort":      func(r *flows.Record) any { return r.SrcPort },
	"l4_dst_port":              func(r *flows.Record) any { return r.DstPort },
	"destinationTransportPort": func(r *flows.Record) any { return r.DstPort },
	"udp_dst_port":             func(r *flows.Record) any { return r.DstPort },
	"protocol":                 func(r *flows.Record) any { return r.Proto },
	"protocolIdentifier":       func(r *flows.Record) any { return r.Proto },
	"tcp_flags":                func(r *flows.Record) any { return r.TCPFlags },
	"tcpControlBits":           func(r *flows.Record) any { return r.TCPFlags },
	"src_tos":                  func(r *flows.Record) any { return r.TOS },
	"ipClassOfService":         func(r *flows.Record) any { return r.TOS },
	"ip_dscp":                  func(r *flows.Record) any { return r.TOS >> 2 },
	"ipDiffServCodePoint":      func(r *flows.Record) any { return r.TOS >> 2 },
	"ipPrecedence":             func(r *flows.Record) any { return r.TOS >> 5 },
	"maximumTTL":               func(r *flows.Record) any { return r.TTL },
	"ipv4_ident":               func(r *flows.Record) any { return r.FragmentID },
	"ethernetType":             func(r *flows.Record) any { return r.EtherType },
	"icmpTypeCodeIPv4":         func(r *flows.Record) any { return int(r.ICMPType)<<8 | int(r.ICMPCode) },
	"icmp_type":                func(r *flows.Record) any { return r.ICMPType },
	"icmp_code":                func(r *flows.Record) any { return r.ICMPCode },

	"in_pkts":              func(r *flows.Record) any { return r.Packets },
	"packetDeltaCount":     func(r *flows.Record) any { return r.Packets },
	"in_bytes":             func(r *flows.Record) any { return r.Bytes },
	"octetDeltaCount":      func(r *flows.Record) any { return r.Bytes },
	"in_permanent_bytes":   func(r *flows.Record) any { return r.Bytes },
	"fwd_flow_delta_bytes": func(r *flows.Record) any { return r.Bytes },
	"sampling_interval":    func(r *flows.Record) any { return r.SamplingRate },

	"input_snmp":             func(r *flows.Record) any { return r.InIf },
	"ingressInterface":       func(r *flows.Record) any { return r.InIf },
	"output_snmp":            func(r *flows.Record) any { return r.OutIf },
	"egressInterface":        func(r *flows.Record) any { return r.OutIf },
	"src_as":                 func(r *flows.Record) any { return r.SrcAS },
	"bgpSourceAsNumber":      func(r *flows.Record) any { return r.SrcAS },
	"dst_as":                 func(r *flows.Record) any { return r.DstAS },
	"bgpDestinationAsNumber": func(r *flows.Record) any { return r.DstAS },
	"src_mask":               func(r *flows.Record) any { return r.SrcMask },
	"dst_mask":               func(r *flows.Record) any { return r.DstMask },
	"in_src_mac":             func(r *flows.Record) any { return mac(r.SrcMAC) },
	"out_src_mac":            func(r *flows.Record) any { return mac(r.SrcMAC) },
	"sourceMacAddress":       func(r *flows.Record) any { return mac(r.SrcMAC) },
	"in_dst_mac":             func(r *flows.Record) any { return mac(r.DstMAC) },
	"out_dst_mac":            func(r *flows.Record) any { return mac(r.DstMAC) },
	"src_vlan":               func(r *flows.Record) any { return r.SrcVLAN },
	"vlanId":                 func(r *flows.Record) any { return r.VLAN },
	"dst_vlan":               func(r *flows.Record) any { return r.DstVLAN },
	"direction":              func(r *flows.Record) any { return r.Direction },
	"flowDirection":          func(r *flows.Record) any { return r.Direction },
	"flow_end_reason":        func(r *flows.Record) any { return r.EndReason },
	"flowEndReason":          func(r *flows.Record) any { return r.EndReason },
	"forwarding_status":      func(r *flows.Record) any { return [2]uint8{r.ForwardingStatus >> 6, r.ForwardingStatus & 63} },
	"observationPointId":     func(r *flows.Record) any { return r.ObservationPoint },
	"ip_protocol_version":    ipVersion,
	"ipVersion":              ipVersion,

	"fw_event":                      func(r *flows.Record) any { return r.FirewallEvent },
	"firewallEvent":                 func(r *flows.Record) any { return r.FirewallEvent },
	"fw_ext_event":                  func(r *flows.Record) any { return r.FirewallExtEvent },
	"app_id":                        func(r *flows.Record) any { return r.AppName },
	"ServiceName":                   func(r *flows.Record) any { return r.AppName },
	"proceraService":                func(r *flows.Record) any { return r.AppName },
	"username":                      func(r *flows.Record) any { return r.User },
	"user_id":                       func(r *flows.Record) any { return r.User },
	"natSubString":                  func(r *flows.Record) any { return r.User },
	"streamcore_hostname":           func(r *flows.Record) any { return r.HostName },
	"netscalerHttpReqHost":          func(r *flows.Record) any { return r.HostName },
	"proceraOutgoingOctets":         func(r *flows.Record) any { return r.Bytes }, // of clients that are local
	"xlate_src_addr_ipv4":           func(r *flows.Record) any { return translated{r.XlateSrc, r.Src} },
	"xlate_dst_addr_ipv4":           func(r *flows.Record) any { return translated{r.XlateDst, r.Dst} },
	"postNATSourceIPv4Address":      func(r *flows.Record) any { return translated{r.XlateSrc, r.Src} },
	"postNATDestinationIPv4Address": func(r *flows.Record) any { return translated{r.XlateDst, r.Dst} },
	"xlate_src_port":                func(r *flows.Record) any { return translatedPort{r.XlateSrcPort, r.SrcPort} },
	"xlate_dst_port":                func(r *flows.Record) any { return translatedPort{r.XlateDstPort, r.DstPort} },

	"first_switched":        func(r *flows.Record) any { return r.StartNs },
	"last_switched":         func(r *flows.Record) any { return r.EndNs },
	"flowStartSeconds":      func(r *flows.Record) any { return r.StartNs },
	"flowEndSeconds":        func(r *flows.Record) any { return r.EndNs },
	"flowStartMilliseconds": func(r *flows.Record) any { return r.StartNs },
	"flowEndMilliseconds":   func(r *flows.Record) any { return r.EndNs },
	"flow_start_msec":       func(r *flows.Record) any { return r.StartNs },
	"event_time_msec":       func(r *flows.Record) any { return r.EndNs },
	"flowStartMicroseconds": func(r *flows.Record) any { return r.StartNs },
	"flowEndMicroseconds":   func(r *flows.Record) any { return r.EndNs },
}

// logstashUnsaid are the fields of flow events that a Record does not say, by
// pattern, with the reason.
var logstashUnsaid = []struct{ pattern, why string }{
	{`^(flowset_id|flow_records)$`, "belongs to the message"},
	{`^(flows|flowId|conn_id|layer2SegmentId|flowAttributes|replication_factor)$`, "no field of a record"},
	{`^(tcpOptions|tcpSequenceNumber|minimumIpTotalLength|maximumIpTotalLength|postIpDiffServCodePoint)$`, "no field of a record"},
	{`^(initial|union)TCPFlags$`, "TCPFlags has the union of both"},
	{`^sampling_algorithm$|^flow_sampler_id$`, "only the rate is kept"},
	{`^tcp_src_port$`, "zero, of a record whose sourceTransportPort is set"},
	{`^ipv4_src_prefix$`, "of a record with the whole address"},
	{`^out_(bytes|pkts)$|^(octet|packet)TotalCount$`, "second to the delta counts"},
	{`^rev_flow_delta_bytes$|^reverse|^ixiaRev|^proceraIncomingOctets$`, "the other direction is a record of its own"},
	{`^(in|e)gressPhysicalInterface$|VRFID$|VRFname$|[vV]PNId$|traffic_index$`, "no field of a record"},
	{`_acl_id$`, "access lists are not kept"},
	{`^application_|^privateEnterpriseNumber$|^silkAppLabel$|^nprobe_`, "a number without a table of names, or part of one; nProbe's name is another field's bytes there"},
	{`^(netscaler|vmware|ixia|procera|streamcore|reamcore|nat[IOS])`, "enterprise's own"},
	{`^(FW_Rule|AuditCounter|ReasonText|Reason|LogOp|TrafficType|Timestamp|(Bind|Conn)(IPv4Address|TransportPort))$`, "enterprise's own"},
	{`^(staMacAddress|staIPv4Address|wtpMacAddress|wlanSSID)$`, "a station is neither source nor destination"},
	{`^mpls_label_stack_octets$`, "label zero, told as octets of no depth"},
	{`^flow(Start|End)SysUpTime$|^flowDurationMilliseconds$`, "compared as the difference of start and end"},
	{`^engine_id$|^exportingProcessId$`, "names of the exporting process, the first in v9 as an element of the record"},
}

func hop(a netip.Addr) any {
	if !a.IsValid() {
		return "0.0.0.0" // zero is none
	}
	return a
}

// A translated address is what an end is called on the other side of a NAT. A
// record keeps none where that is nothing or the same.
type translated struct{ to, from netip.Addr }

func (a translated) is(text string) bool {
	if a.to.IsValid() {
		return a.to.String() == text
	}
	return text == "0.0.0.0" || text == a.from.String()
}

// A translatedPort is likewise.
type translatedPort struct{ to, from uint16 }

func (p translatedPort) is(text string) bool {
	if p.to != 0 {
		return fmt.Sprint(p.to) == text
	}
	return text == "0" || text == fmt.Sprint(p.from)
}

func mac(m flows.MAC) string {
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5])
}

func ipVersion(r *flows.Record) any {
	return map[uint16]int{flows.EtherTypeIPv4: 4, flows.EtherTypeIPv6: 6}[r.EtherType]
}

// isOptions tells events of options data, which are no flows.
func isOptions(event map[string]json.RawMessage) bool {
	for _, name := range []string{"scope_system", "systemInitTimeMilliseconds", "exportedFlowRecordTotalCount"} {
		if _, ok := event[name]; ok {
			return true
		}
	}
	_, sampled := event["sampling_interval"]
	_, flow := event["protocol"]
	return sampled && !flow
}

// logstashDifferent are events' fields that are wrong in golden.json, or that
// mean something else there, by case.
var logstashDifferent = map[string]map[string]string{
	"Netflow 5 valid 01": {"first_switched": "49.7 days late: FIRST is above SysUptime by 101 ms, which is a start after the export, not a wrap"},
	"Netflow 9 Streamcore": {
		"first_switched": "999 ms in the events that the codec's tests do not look at",
		"last_switched":  "likewise",
	},
	"Netflow 9 template with 0 length fields": {
		"in_bytes": "zero, of a flow with out_bytes, which are kept",
		"in_pkts":  "zero, of a flow with out_pkts, which are kept",
	},
	"IPFIX Procera": {
		"sourceIPv6Address":      "empty, of a flow with IPv4 addresses",
		"destinationIPv6Address": "likewise",
	},
}

func TestLogstashGolden(t *testing.T) {
	dir := corpus.Path(t, "netflow/logstash-codec-netflow")
	var cases []logstashCase
	corpus.JSON(t, filepath.Join(dir, "golden.json"), &cases)
	events, compared := 0, 0
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			recs, stats, errs := decodeAll(corpus.UDP(t, filepath.Join(dir, c.Capture)))
			checkLogstashSize(t, c, recs, stats)
			for i, e := range c.Events {
				if isOptions(e.Netflow) {
					if stats.OptionsRecords == 0 {
						t.Errorf("event %d is of options data; none was read, errors %v", i, errs)
					}
					continue
				}
				events++
				compared += findEvent(t, c.Name, i, e.Netflow, recs)
			}
		})
	}
	t.Logf("%d events met, %d values", events, compared)
	if events < 55 {
		t.Errorf("only %d events were compared", events)
	}
}

// findEvent looks for the record that says all that the event does and returns
// how many values were compared. The nearest one is shown when there is none.
func findEvent(t *testing.T, name string, i int, event map[string]json.RawMessage, recs []flows.Record) int {
	t.Helper()
	var best []string
	for j := range recs {
		n, bad := compareEvent(t, name, event, &recs[j])
		if len(bad) == 0 {
			return n
		}
		if best == nil || len(bad) < len(best) {
			best = bad
		}
	}
	t.Errorf("event %d: none of %d records is it; the nearest differs in %v", i, len(recs), best)
	return 0
}

func compareEvent(t *testing.T, name string, event map[string]json.RawMessage, r *flows.Record) (n int, bad []string) {
	t.Helper()
	for field, want := range event {
		if logstashDifferent[name][field] != "" {
			continue
		}
		read, ok := logstashFields[field]
		if !ok {
			if !unsaid(field) {
				t.Errorf("field %s is neither compared nor listed as left out", field)
			}
			continue
		}
		n++
		if got := read(r); !equalJSON(field, got, want, r) {
			bad = append(bad, fmt.Sprintf("%s: got %v, want %s", field, got, want))
		}
	}
	if want, ok := uptimeLapse(event); ok && (r.EndNs-r.StartNs)/1e6 != want {
		bad = append(bad, fmt.Sprintf("lasts %d ms, want %d", (r.EndNs-r.StartNs)/1e6, want))
	}
	return n, bad
}

// uptimeLapse is the time between an event's IPFIX uptimes, which alone do not
// say when it was.
func uptimeLapse(event map[string]json.RawMessage) (int64, bool) {
	var first, last int64
	if json.Unmarshal(event["flowStartSysUpTime"], &first) != nil || json.Unmarshal(event["flowEndSysUpTime"], &last) != nil {
		return 0, false
	}
	return last - first, true
}

func unsaid(field string) bool {
	for _, u := range logstashUnsaid {
		if regexp.MustCompile(u.pattern).MatchString(field) {
			return true
		}
	}
	return false
}

// equalJSON compares a value with an event's, which may be a number, a text
// (addresses, times) or, for the forwarding status, an object.
func equalJSON(field string, got any, want json.RawMessage, r *flows.Record) bool {
	text := strings.Trim(string(want), `"`)
	if ns, ok := got.(int64); ok {
		if strings.Contains(field, "switched") {
			return equalUptime(ns/1e6, eventTime(text)/1e6, r)
		}
		return ns/1e6 == eventTime(text)/1e6
	}
	switch got := got.(type) {
	case translated:
		return got.is(text)
	case translatedPort:
		return got.is(text)
	}
	if field == "forwarding_status" {
		var w struct{ Status, Reason uint8 }
		return json.Unmarshal(want, &w) == nil && got == [2]uint8{w.Status, w.Reason}
	}
	return fmt.Sprint(got) == text
}

// equalUptime compares times that rest on uptimes, in milliseconds. The codec
// subtracts seconds and the rest of a second apart and never borrows: its v9
// times are always a second late, its v5 times when there was to borrow. Ours
// may be later by their error, where another message has shown that the boot was.
func equalUptime(got, want int64, r *flows.Record) bool {
	if r.Type == flows.NetFlowV5 {
		return got == want || got == want-secondMs
	}
	return got >= want-secondMs && got <= want-secondMs+r.StartErrorNs/1e6
}

// eventTime reads RFC 3339, or a number of seconds or milliseconds. The golden
// file keeps a placeholder for the digits below milliseconds.
func eventTime(text string) int64 {
	text = strings.Replace(text, "#{nanos}", "", 1)
	if v, err := strconv.ParseInt(text, 10, 64); err == nil {
		if v < 1e11 {
			return v * 1e9
		}
		return v * 1e6
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return -1
	}
	return at.UnixNano()
}

// logstashSizes are the cases whose number of records is not the codec's.
var logstashSizes = map[string]string{
	"Netflow 5 valid 01": "the codec's test reads the first of twelve messages only",
	"IPFIX":              "the codec's test reads the first of three messages only",
}

func checkLogstashSize(t *testing.T, c logstashCase, recs []flows.Record, stats Stats) {
	t.Helper()
	if logstashSizes[c.Name] != "" || stats.WaitingDecoded > 0 { // there, what comes before its template is lost
		return
	}
	for _, a := range c.Asserts {
		var want int
		if _, err := fmt.Sscanf(a, "expect(decode.size).to eq(%d)", &want); err == nil {
			if got := len(recs) - int(stats.ReverseRecords) + int(stats.OptionsRecords); got != want {
				t.Errorf("%d records and %d of options data, want %d together; %+v",
					len(recs), stats.OptionsRecords, want, stats)
			}
			return
		}
	}
}
