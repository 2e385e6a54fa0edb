package netflow

import (
	"cmp"
	cmdline "flag"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"flowname/flows"
	"flowname/flows/internal/supported"
)

var update = cmdline.Bool("update", false, "write the tables of what is supported into README.md")

// features are what no exporter of the corpus sends, and what is of no one
// exporter, by the tests that have it.
var features = []struct {
	from, what, gives string
	test              func(t *testing.T)
}{
	{"v5", "records, sampling of 14 bits and mode, messages cut short", "all of a v5 record", TestV5Shapes},
	{"v5, v9", "uptimes with headers in whole seconds", "starts known to 1 s, to 100 ms after some 40 messages", TestBootClockConverges},
	{"v9, IPFIX", "data before its template", "waits, and is read when that comes", TestWaiting},
	{"v9, IPFIX", "an exporter from another source port", "goes on with its templates where that is no guess", TestBorrow},
	{"v9, IPFIX", "a template that changes within a message, withdrawals", "each record read by the template before it", TestSets},
	{"v9, IPFIX", "several exporters and domains behind one address", "kept apart", TestKeepsApart},
	{"v9, IPFIX", "samplers and selectors (34, 35, 48-50, 302, 304-306, 309-311)", "`sampling_rate`", TestSamplerForms},
	{"v9, IPFIX", "samplers by id, by interface, or the only one", "`sampling_rate` of the flow", TestSamplersAreBound},
	{"v9, IPFIX", "applications (94-96), engine and PEN", "`app_name`", TestApplicationTable},
	{"v9, IPFIX", "interfaces (82, 83) and VRFs (234-236)", "`in_if_name`, `out_if_name`, `in_vrf_name`, `out_vrf_name`", TestInterfaceAndVRFNames},
	{"v9, IPFIX", "exporter's counts and timeouts (36, 37, 40-42, 164-166)", "the doctor's account", TestExporterStats},
	{"IPFIX", "system start (160) in options data", "uptimes placed to 100 ms", TestSystemInitFromOptions},
	{"IPFIX", "times in s, ms, µs, ns, deltas, durations", "start and end with the start's error", TestIPFIXTimes},
	{"IPFIX", "biflows: RFC 5103, CERT's, initiator and responder", "two flows, `biflow_direction`", TestBiflows},
	{"IPFIX", "lists (RFC 6313, 291-293), four deep", "names, DNS, flags, MACs in them", TestLists},
	{"Cisco AVC", "client and server of a connection (12236-12241)", "`src_addr`, `dst_addr`", TestCiscoConnections},
	{"firewalls, NAT", "translations (225-228, 281, 282), events (230, 233)", "`X_addr_xlate`, `X_port_xlate`, `nat_event`, `firewall_event`", TestTranslations},
	{"Procera", "counts by inside and outside", "bytes of each direction", TestCountsBySide},
	{"Cisco, Citrix, ...", "the server's name in 30 vendors' elements", "`X_name`, basis `exporter`", TestHostElements},
	{"nProbe, Gigamon, CESNET, Flowmon, Ixia", "DNS in flow records", "evidence of the source `flow_record`", TestAnswers},
	{"YAF", "DNS in lists of lists", "evidence of the source `flow_record`", TestYAFAnswers},
	{"any", "restarts, lost, late and repeated messages", "the exporter's account", TestSequenceLoss},
	{"any", "every byte of every message", "in one account", TestAccountAddsUp},
}

// TestSupported runs each row of the README's table of exporters and features.
func TestSupported(t *testing.T) {
	table := supported.Table{Name: "NetFlow and IPFIX", Head: []string{"from", "what it sends", "packets", "what comes of it"}}
	for _, v := range devices {
		table.Rows = append(table.Rows, v.row())
	}
	table.Rows = append(table.Rows, vendorTableRows()...)
	slices.SortStableFunc(table.Rows, func(a, b supported.Row) int {
		return cmp.Compare(strings.ToLower(a.Cells[0]), strings.ToLower(b.Cells[0]))
	})
	for _, f := range features {
		table.Rows = append(table.Rows, supported.Row{Cells: []string{f.from, f.what, "built", f.gives}, Test: f.test})
	}
	table.Check(t, *update)
}

// columns are the fields of a line of output that a field of a Record becomes,
// where that is not its name.
var columns = map[string]string{
	"Src": "src_addr", "Dst": "dst_addr", "Proto": "proto", "TOS": "ip_tos", "TTL": "ip_ttl", "EtherType": "",
	"InIf": "in_if", "OutIf": "out_if", "TCPFlags": "tcp_flags", "SrcMAC": "src_mac", "DstMAC": "dst_mac", "VLAN": "vlan_id",
	"SrcVLAN": "src_vlan", "DstVLAN": "dst_vlan", "SrcAS": "src_as", "DstAS": "dst_as", "SrcMask": "src_net", "DstMask": "dst_net",
	"BGPNextHop": "bgp_next_hop", "MPLS": "mpls_label", "MPLSDepth": "", "IPv6FlowLabel": "ipv6_flow_label", "FragmentID": "fragment_id",
	"FragmentOff": "fragment_offset", "ICMPType": "icmp_type", "ICMPCode": "icmp_code", "EndReason": "flow_end_reason",
	"Direction": "flow_direction", "ObservationPoint": "observation_point_id", "StartNs": "time_flow_start_ns", "EndNs": "time_flow_end_ns",
	"StartErrorNs": "", "XlateSrc": "src_addr_xlate", "XlateDst": "dst_addr_xlate", "XlateSrcPort": "src_port_xlate", "XlateDstPort": "dst_port_xlate",
	"NATEvent": "nat_event", "HostName": "X_name", "InVRFName": "in_vrf_name", "OutVRFName": "out_vrf_name",
}

func column(field string) string {
	if name, ok := columns[field]; ok {
		return name
	}
	var b strings.Builder
	for i, c := range field {
		if c >= 'A' && c <= 'Z' && i > 0 {
			b.WriteByte('_')
		}
		b.WriteRune(c)
	}
	return strings.ToLower(b.String())
}

// TestSupportedElements decodes a record with each element of the table alone and
// writes which output fields that gave. Elements that give nothing alone are read
// with others, or in options data.
func TestSupportedElements(t *testing.T) {
	by := map[string][]*element{}
	var together []*element
	for i := range elements {
		e := &elements[i]
		given := fieldsOf(t, e)
		if len(given) == 0 {
			together = append(together, e)
		}
		for _, field := range given {
			by[field] = append(by[field], e)
		}
	}
	table := supported.Table{Name: "elements", Head: []string{"field", "elements (PEN/id for enterprises')"}}
	ran := func(*testing.T) {} // the rows are what was decoded above
	for _, field := range slices.Sorted(mapKeys(by)) {
		table.Rows = append(table.Rows, supported.Row{Cells: []string{"`" + field + "`", elementIDs(by[field])}, Test: ran})
	}
	table.Rows = append(table.Rows, supported.Row{Cells: []string{"only with others: samplers, names in options data, DNS, the other direction, lists", elementIDs(together)}, Test: ran})
	table.Check(t, *update)
}

func mapKeys(m map[string][]*element) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// elementIDs writes elements in the order of the table.
func elementIDs(all []*element) string {
	var ids []string
	for _, e := range all {
		id := fmt.Sprint(e.id)
		if e.pen != 0 {
			id = fmt.Sprintf("%d/%d", e.pen, e.id)
		}
		ids = append(ids, id)
	}
	return strings.Join(ids, ", ")
}

// fieldsOf decodes flow records of one element and tells which output fields it
// set that are not set without it.
func fieldsOf(t *testing.T, e *element) []string {
	t.Helper()
	values := [][]byte{{4}, {4, 4}}
	switch {
	case e.id&^0x8000 == 12235:
		values = [][]byte{append(slices.Clone(nbarHosts[0]), "a.example"...)}
	case e.text:
		values = [][]byte{[]byte("a.example")}
	case e.size != 0:
		values = [][]byte{slices.Repeat([]byte{1}, int(e.size))}
	}
	const padding = 210 // paddingOctets, so that each record has a byte that is not zero
	var given []string
	for _, value := range values {
		one, none := recordOf(t, e.pen, uint32(e.id), value), recordOf(t, 0, padding, value)
		fields := differing(reflect.ValueOf(one), reflect.ValueOf(none))
		if len(fields) == 0 && one.EtherType != none.EtherType { // an address implies it
			fields = []string{"etype"}
		}
		given = append(given, fields...)
	}
	slices.Sort(given)
	return slices.Compact(given)
}

// differing names the output fields in which two records differ.
func differing(a, b reflect.Value) []string {
	var names []string
	for i := range a.NumField() {
		f := a.Type().Field(i)
		if f.Anonymous {
			names = append(names, differing(a.Field(i), b.Field(i))...)
		} else if name := column(f.Name); name != "" && a.Field(i).Interface() != b.Field(i).Interface() {
			names = append(names, name)
		}
	}
	return names
}

// recordOf decodes a record of one element, in v9 where its id is not possible in
// IPFIX.
func recordOf(t *testing.T, pen, id uint32, value []byte) flows.Record {
	t.Helper()
	messages := [][]byte{ipfix(set(2, vendorTmpl(256, pen, id, uint32(len(value)))), set(256, value))}
	if pen == 0 && id >= 0x8000 {
		messages = [][]byte{v9(exportSecs, 100_001, set(0, tmpl(256, uint16(id), uint16(len(value)))), set(256, value))}
	}
	recs, _, err := decode(messages...)
	if err != nil || len(recs) == 0 {
		t.Fatalf("element %d/%d: %d records, %v", pen, id, len(recs), err)
	}
	recs[0].Type = flows.IPFIX
	return recs[0]
}
