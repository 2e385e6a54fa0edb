package netflow

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flowname/flows"
)

var (
	addr4, addr6 = netip.MustParseAddr("192.0.2.9"), netip.MustParseAddr("2001:db8::9")
	mac1         = flows.MAC{2, 0, 0, 0, 0, 1}
)

const hexMAC1 = "020000000001"

// elementTests are records of each element that is read, by template and bytes.
var elementTests = []struct {
	name   string
	fields []uint16
	data   string
	want   flows.Record
}{
	{"counts", []uint16{1, 8, 2, 8}, "0000000100000002 0000000000000003", flows.Record{Bytes: 1<<32 + 2, Packets: 3}},
	{"counts in three bytes", []uint16{1, 3, 2, 3}, "010002 000003", flows.Record{Bytes: 1<<16 + 2, Packets: 3}},
	{"totals", []uint16{85, 4, 86, 4}, "00000002 00000003", flows.Record{Bytes: 2, Packets: 3}},
	{"totals beside deltas", []uint16{85, 4, 1, 4, 86, 4, 2, 4}, "00000009 00000002 00000009 00000003", flows.Record{Bytes: 2, Packets: 3}},
	{"totals beside empty deltas", []uint16{1, 4, 85, 4, 2, 4, 86, 4}, "00000000 00000002 00000000 00000003", flows.Record{Bytes: 2, Packets: 3}},
	{"post counts", []uint16{23, 4, 24, 4}, "00000002 00000003", flows.Record{Bytes: 2, Packets: 3}},
	{"post totals", []uint16{171, 4, 172, 4}, "00000002 00000003", flows.Record{Bytes: 2, Packets: 3}},
	{"initiator's", []uint16{231, 4, 298, 4, 232, 4}, "00000002 00000003 00000000", flows.Record{Bytes: 2, Packets: 3}},
	{"frame octets", []uint16{352, 4}, "00000002", flows.Record{Bytes: 2}},
	{"frame octets in all", []uint16{353, 4}, "00000002", flows.Record{Bytes: 2}},
	{"frame octets beside octets", []uint16{352, 4, 1, 4}, "00000009 00000002", flows.Record{Bytes: 2}},
	{"protocol and ports", []uint16{4, 1, 7, 2, 11, 2}, "11 3039 0035", flows.Record{Proto: 17, SrcPort: 12345, DstPort: 53}},
	{"UDP ports", []uint16{180, 2, 181, 2}, "3039 0035", flows.Record{SrcPort: 12345, DstPort: 53}},
	{"TCP ports", []uint16{182, 2, 183, 2}, "3039 0035", flows.Record{SrcPort: 12345, DstPort: 53}},
	{"UDP ports beside ports", []uint16{181, 2, 11, 2, 7, 2, 180, 2}, "0000 0035 3039 0000", flows.Record{SrcPort: 12345, DstPort: 53}},
	{"flags in two bytes", []uint16{6, 2}, "0152", flows.Record{TCPFlags: 0x152}},
	{"class of service", []uint16{5, 1}, "b8", flows.Record{TOS: 0xb8}},
	{"code point", []uint16{195, 1}, "2e", flows.Record{TOS: 0xb8}},
	{"TTL", []uint16{192, 1}, "40", flows.Record{TTL: 64}},
	{"least TTL", []uint16{52, 1, 53, 1}, "3f40", flows.Record{TTL: 63}},
	{"fragment", []uint16{54, 4, 88, 2}, "00000007 0009", flows.Record{FragmentID: 7, FragmentOff: 9}},
	{"flow label", []uint16{31, 3}, "012345", flows.Record{IPv6FlowLabel: 0x12345}},
	{"IPv4", []uint16{8, 4, 12, 4, 9, 1, 13, 1}, "c0000209 c0000209 18 10", flows.Record{Src: addr4, Dst: addr4, SrcMask: 24, DstMask: 16, EtherType: flows.EtherTypeIPv4}},
	{"IPv6", []uint16{27, 16, 28, 16, 29, 1, 30, 1}, "20010db8000000000000000000000009 20010db8000000000000000000000009 40 30",
		flows.Record{Src: addr6, Dst: addr6, SrcMask: 64, DstMask: 48, EtherType: flows.EtherTypeIPv6}},
	{"IPv4 in IPv6", []uint16{27, 16, 28, 16}, "00000000000000000000ffffc0000209 00000000000000000000ffffc0000209", flows.Record{Src: addr4, Dst: addr4, EtherType: flows.EtherTypeIPv4}},
	{"both families, IPv4 used", []uint16{27, 16, 28, 16, 8, 4, 12, 4}, "00000000000000000000000000000000 00000000000000000000000000000000 c0000209 c0000209",
		flows.Record{Src: addr4, Dst: addr4, EtherType: flows.EtherTypeIPv4}},
	{"both families, IPv6 used", []uint16{8, 4, 12, 4, 27, 16, 28, 16}, "00000000 00000000 20010db8000000000000000000000009 20010db8000000000000000000000009",
		flows.Record{Src: addr6, Dst: addr6, EtherType: flows.EtherTypeIPv6}},
	{"both families, source unspecified", []uint16{27, 16, 28, 16, 8, 4, 12, 4}, "00000000000000000000000000000000 00000000000000000000000000000000 00000000 ffffffff",
		flows.Record{Src: netip.MustParseAddr("0.0.0.0"), Dst: netip.MustParseAddr("255.255.255.255"), EtherType: flows.EtherTypeIPv4}},
	{"both families, destination unspecified", []uint16{12, 4, 8, 4, 28, 16, 27, 16}, "00000000 00000000 00000000000000000000000000000000 20010db8000000000000000000000009",
		flows.Record{Src: addr6, Dst: netip.MustParseAddr("::"), EtherType: flows.EtherTypeIPv6}},
	{"masks written out", []uint16{9, 4, 13, 4}, "ffffff00 ff00ff00", flows.Record{SrcMask: 24}},
	{"prefixes", []uint16{44, 4, 45, 4}, "c0000209 c0000209", flows.Record{Src: addr4, Dst: addr4, EtherType: flows.EtherTypeIPv4}},
	{"IPv6 prefixes", []uint16{170, 16, 169, 16}, "20010db8000000000000000000000009 20010db8000000000000000000000009", flows.Record{Src: addr6, Dst: addr6, EtherType: flows.EtherTypeIPv6}},
	{"prefixes beside addresses", []uint16{44, 4, 8, 4, 12, 4, 45, 4}, "c0000200 c0000209 c0000209 c0000200", flows.Record{Src: addr4, Dst: addr4, EtherType: flows.EtherTypeIPv4}},
	{"IP version", []uint16{60, 1}, "04", flows.Record{EtherType: flows.EtherTypeIPv4}},
	{"IP version 6", []uint16{60, 1}, "06", flows.Record{EtherType: flows.EtherTypeIPv6}},
	{"ethertype", []uint16{256, 2, 60, 1}, "0806 04", flows.Record{EtherType: 0x806}},
	{"ethertype of the frame", []uint16{256, 2, 8, 4}, "8100 c0000209", flows.Record{Src: addr4, EtherType: flows.EtherTypeIPv4}},
	{"next hops", []uint16{15, 4, 18, 4}, "c0000209 c0000209", flows.Record{NextHop: addr4, BGPNextHop: addr4}},
	{"next hops, IPv6", []uint16{15, 4, 62, 16, 18, 4, 63, 16}, "00000000 20010db8000000000000000000000009 00000000 20010db8000000000000000000000009",
		flows.Record{NextHop: addr6, BGPNextHop: addr6}},
	{"AS numbers", []uint16{16, 4, 17, 2}, "00030d40 fde8", flows.Record{SrcAS: 200000, DstAS: 65000}},
	{"interfaces", []uint16{10, 4, 14, 2, 61, 1}, "00010001 0007 01", flows.Record{InIf: 65537, OutIf: 7, Direction: 1}},
	{"MACs", []uint16{56, 6, 80, 6}, hexMAC1 + hexMAC1, flows.Record{SrcMAC: mac1, DstMAC: mac1}},
	{"post MACs", []uint16{81, 6, 57, 6}, hexMAC1 + hexMAC1, flows.Record{SrcMAC: mac1, DstMAC: mac1}},
	{"post MACs beside MACs", []uint16{81, 6, 57, 6, 56, 6, 80, 6}, "0200000000ff0200000000ff" + hexMAC1 + hexMAC1, flows.Record{SrcMAC: mac1, DstMAC: mac1}},
	{"VLANs", []uint16{58, 2, 59, 2}, "0007 0008", flows.Record{VLAN: 7, SrcVLAN: 7, DstVLAN: 8}},
	{"802.1Q VLANs", []uint16{243, 2, 254, 2}, "0007 0008", flows.Record{VLAN: 7, DstVLAN: 8}},
	{"MPLS", []uint16{70, 3, 71, 3, 72, 3, 73, 3, 74, 3, 75, 3}, "000640 000c80 0012c0 001900 001f40 002581",
		flows.Record{MPLS: [6]uint32{100, 200, 300, 400, 500, 600}, MPLSDepth: 6}},
	{"MPLS, one label", []uint16{70, 3, 71, 3}, "000641 000000", flows.Record{MPLS: [6]uint32{100}, MPLSDepth: 1}},
	{"ICMP", []uint16{4, 1, 32, 2, 11, 2}, "01 0301 0900", flows.Record{Proto: 1, ICMPType: 3, ICMPCode: 1, DstPort: 0x900}},
	{"ICMP for IPv6", []uint16{32, 2, 139, 2}, "0000 8001", flows.Record{ICMPType: 128, ICMPCode: 1}},
	{"ICMP in two elements", []uint16{176, 1, 177, 1, 178, 1, 179, 1}, "03 01 00 00", flows.Record{ICMPType: 3, ICMPCode: 1}},
	{"ICMPv6 in two elements", []uint16{176, 1, 177, 1, 178, 1, 179, 1}, "00 00 80 01", flows.Record{ICMPType: 128, ICMPCode: 1}},
	{"ICMP in the port", []uint16{4, 1, 11, 2}, "3a 8001", flows.Record{Proto: 58, ICMPType: 128, ICMPCode: 1, DstPort: 0x8001}},
	{"status and reason", []uint16{89, 4, 136, 1}, "00000040 03", flows.Record{ForwardingStatus: 64, EndReason: 3}},
	{"observation point", []uint16{138, 8}, "0000000100000000", flows.Record{ObservationPoint: 1 << 32}},
	{"sampling interval", []uint16{34, 4}, "000003e8", flows.Record{SamplingRate: 1000}},
	{"sampler's interval", []uint16{48, 1, 50, 4, 302, 4}, "01 000003e8 00000001", flows.Record{SamplingRate: 1000}},
	{"sampled and passed", []uint16{305, 4, 306, 4}, "0000000a 000003de", flows.Record{SamplingRate: 100}},
	{"lengths that no element has", []uint16{8, 5, 56, 5, 4, 9, 154, 4}, "c000020909 0200000000 060606060606060606 00000001", flows.Record{}},
}

func TestElements(t *testing.T) {
	for _, tt := range elementTests {
		t.Run(tt.name, func(t *testing.T) {
			got := decodeOne(t, ipfix(set(2, tmpl(256, tt.fields...)), set(256, unhex(t, tt.data), []byte{0})))
			want := tt.want
			want.Type, want.SequenceNum, want.ObservationDomain = flows.IPFIX, 1, 7
			want.Exporter, want.ReceivedNs = router.Addr(), 42
			want.StartNs, want.EndNs, want.StartErrorNs = ms(exportSecs, 0), ms(exportSecs, 0), secondNs
			if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
				t.Errorf("want -, got +\n%s", diff)
			}
		})
	}
}

// TestYAFFlags has enterprise elements.
func TestYAFFlags(t *testing.T) {
	template := unhex(t, "0100 0002  800e 0001 00001ad7  800f 0001 00001ad7")
	if r := decodeOne(t, ipfix(set(2, template), set(256, []byte{0xc2, 0x11}))); r.TCPFlags != 0xd3 {
		t.Errorf("got flags %#x, want 0xd3", r.TCPFlags)
	}
}

// TestElementsInOrder guards the order that findElement needs, and that each row
// has one function.
func TestElementsInOrder(t *testing.T) {
	for i, e := range elements {
		if row, ok := findElement(e.pen, e.id); !ok || row != i {
			t.Errorf("element %d of enterprise %d is found in row %d, is in %d", e.id, e.pen, row, i)
		}
		if (e.number == nil) == (e.octets == nil) || e.octets != nil && (e.size == 0) != e.text {
			t.Errorf("element %d of enterprise %d: functions or size", e.id, e.pen)
		}
		if i > 0 && compareElements(elements[i-1], e) == 0 {
			t.Errorf("element %d of enterprise %d has two rows", e.id, e.pen)
		}
	}
	if _, ok := findElement(0, 65535); ok {
		t.Error("element 65535 is found")
	}
}

// TestSamplingFromOptions has what options data says of samplers, and the rate of
// a flow after it.
func TestSamplingFromOptions(t *testing.T) {
	ipfixOpts := set(3, append(fields(300, 3, 1), fields(302, 4, 305, 4, 306, 4)...))
	v9Opts := set(1, append(fields(300, 4, 8), fields(2, 4, 34, 4, 35, 1)...)) // scope: interface
	flow := func(m func(...[]byte) []byte, template uint16, opts []byte, data ...[]byte) [][]byte {
		return [][]byte{m(opts, set(template, proto1)), m(append([][]byte{set(300, data...)}, set(256, []byte{6}))...)}
	}
	nine := func(sets ...[]byte) []byte { return v9(exportSecs, 5, sets...) }
	cat := func(parts ...[]byte) []byte { return slices.Concat(parts...) }
	tests := []struct {
		name string
		msgs [][]byte
		want uint64
	}{
		{"one selector", flow(ipfix, 2, ipfixOpts, u32(1), u32(1), u32(999)), 1000},
		{"the same selector changed", flow(ipfix, 2, ipfixOpts, u32(1), u32(1), u32(999), u32(1), u32(1), u32(99)), 100},
		{"two selectors that agree", flow(ipfix, 2, ipfixOpts, u32(1), u32(1), u32(999), u32(2), u32(1), u32(999)), 1000},
		{"two selectors that differ", flow(ipfix, 2, ipfixOpts, u32(1), u32(1), u32(999), u32(2), u32(1), u32(99)), 0},
		{"empty", flow(ipfix, 2, ipfixOpts, u32(1), u32(0), u32(999)), 0},
		{"v9, one interface", flow(nine, 0, v9Opts, cat(u32(3), u32(512), []byte{2})), 512},
		{"v9, two interfaces that differ", flow(nine, 0, v9Opts, cat(u32(3), u32(512), []byte{2}), cat(u32(4), u32(64), []byte{2})), 0},
	}
	for _, tt := range tests {
		if r := decodeOne(t, tt.msgs...); r.SamplingRate != tt.want {
			t.Errorf("%s: got a rate of %d, want %d", tt.name, r.SamplingRate, tt.want)
		}
	}
}
