package netflow

import (
	"errors"
	"net/netip"
	"slices"
	"testing"

	"flowname/flows"
)

// ends5 is a template's five-tuple, and end5 its values.
var ends5 = []uint32{0, 8, 4, 0, 12, 4, 0, 7, 2, 0, 11, 2, 0, 4, 1}

func end5(srcPort, dstPort uint16, proto byte) []byte {
	return slices.Concat(ip("192.0.2.1"), ip("198.51.100.2"), u16(srcPort), u16(dstPort), []byte{proto})
}

func TestBiflows(t *testing.T) {
	at := uint64(exportSecs * 1000)
	forward := flows.Record{Src: netip.MustParseAddr("192.0.2.1"), Dst: netip.MustParseAddr("198.51.100.2"), SrcPort: 40000, DstPort: 443, Proto: 6}
	tests := []struct {
		name     string
		template []uint32 // after the five-tuple
		data     []byte
		bytes    [2]uint64 // of the two directions; a zero reverse is none
		packets  [2]uint64
		flags    [2]uint16
		start    [2]uint64 // ms after the export time; 0 for that
	}{
		{"RFC 5103", []uint32{0, 1, 8, 0, 2, 8, penReverse, 1, 8, penReverse, 2, 8, 0, 6, 1, penReverse, 6, 1},
			slices.Concat(u64(10), u64(1), u64(20), u64(2), []byte{2, 0x12}), [2]uint64{10, 20}, [2]uint64{1, 2}, [2]uint16{2, 0x12}, [2]uint64{}},
		{"RFC 5103, totals", []uint32{0, 85, 8, 0, 86, 8, penReverse, 85, 8, penReverse, 86, 8},
			slices.Concat(u64(10), u64(1), u64(20), u64(2)), [2]uint64{10, 20}, [2]uint64{1, 2}, [2]uint16{}, [2]uint64{}},
		{"RFC 5103, deltas before totals", []uint32{0, 1, 8, penReverse, 85, 8, penReverse, 1, 8},
			slices.Concat(u64(10), u64(99), u64(20)), [2]uint64{10, 20}, [2]uint64{}, [2]uint16{}, [2]uint64{}},
		{"RFC 5103, times of its own", []uint32{0, 1, 8, penReverse, 1, 8, 0, 152, 8, 0, 153, 8, penReverse, 152, 8, penReverse, 153, 8},
			slices.Concat(u64(10), u64(20), u64(at), u64(at+50), u64(at+7), u64(at+40)), [2]uint64{10, 20}, [2]uint64{}, [2]uint16{}, [2]uint64{0, 7}},
		{"RFC 5103, nothing came back", []uint32{0, 1, 8, penReverse, 1, 8, penReverse, 2, 8},
			slices.Concat(u64(10), u64(0), u64(0)), [2]uint64{10, 0}, [2]uint64{}, [2]uint16{}, [2]uint64{}},
		{"CERT", []uint32{0, 85, 4, penReverse, 85, 4, penCERT, 14, 1, penCERT, 15, 1, penCERT, 16398, 1, penCERT, 16399, 1, penCERT, 21, 4, 0, 152, 8, 0, 153, 8},
			slices.Concat(u32(10), u32(20), []byte{2, 0x18, 0x12, 0x19}, u32(30), u64(at), u64(at+50)), [2]uint64{10, 20}, [2]uint64{}, [2]uint16{0x1a, 0x1b}, [2]uint64{0, 30}},
		{"initiator and responder", []uint32{0, 231, 4, 0, 232, 4, 0, 298, 4, 0, 299, 4},
			slices.Concat(u32(10), u32(20), u32(1), u32(2)), [2]uint64{10, 20}, [2]uint64{1, 2}, [2]uint16{}, [2]uint64{}},
		{"initiator only", []uint32{0, 231, 4, 0, 232, 4, 0, 298, 4, 0, 299, 4},
			slices.Concat(u32(10), u32(0), u32(1), u32(0)), [2]uint64{10, 0}, [2]uint64{1, 0}, [2]uint16{}, [2]uint64{}},
		{"Ixia", []uint32{0, 1, 8, penIxia, 176, 8, penIxia, 177, 8},
			slices.Concat(u64(10), u64(20), u64(2)), [2]uint64{10, 20}, [2]uint64{0, 2}, [2]uint16{}, [2]uint64{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			recs, stats, err := decode(ipfix(set(2, vendorTmpl(256, append(slices.Clone(ends5), tt.template...)...)), set(256, end5(40000, 443, 6), tt.data)))
			want := 2
			if tt.bytes[1] == 0 {
				want = 1
			}
			if err != nil || len(recs) != want || int(stats.ReverseRecords) != want-1 {
				t.Fatalf("got %d records, want %d; %v, %+v", len(recs), want, err, stats)
			}
			for i, r := range recs {
				w := forward
				if i == 1 {
					w.Src, w.Dst, w.SrcPort, w.DstPort = w.Dst, w.Src, w.DstPort, w.SrcPort
				}
				if r.Src != w.Src || r.Dst != w.Dst || r.SrcPort != w.SrcPort || r.DstPort != w.DstPort || r.Proto != 6 {
					t.Errorf("direction %d: ends are %v:%d and %v:%d", i, r.Src, r.SrcPort, r.Dst, r.DstPort)
				}
				start := int64(at+tt.start[i]) * 1e6
				if r.Bytes != tt.bytes[i] || r.Packets != tt.packets[i] || r.TCPFlags != tt.flags[i] || r.StartNs != start {
					t.Errorf("direction %d: got %d bytes, %d packets, flags %#x, start %d; want %d, %d, %#x, %d",
						i, r.Bytes, r.Packets, r.TCPFlags, r.StartNs, tt.bytes[i], tt.packets[i], tt.flags[i], start)
				}
				if dir := uint8(i + 1); want == 2 && r.BiflowDirection != dir {
					t.Errorf("direction %d is %d", i, r.BiflowDirection)
				}
			}
		})
	}
}

// TestBiflowDirection keeps what element 239 says, and turns it round with the
// record.
func TestBiflowDirection(t *testing.T) {
	for said, want := range map[byte][2]uint8{1: {1, 2}, 2: {2, 1}, 3: {3, 3}} {
		recs, _, err := decode(ipfix(set(2, vendorTmpl(256, append(slices.Clone(ends5), 0, 239, 1, 0, 1, 1, penReverse, 1, 1, 0, 10, 2, 0, 14, 2)...)),
			set(256, end5(1, 2, 17), []byte{said, 5, 6}, u16(3), u16(4))))
		if err != nil || len(recs) != 2 || recs[0].BiflowDirection != want[0] || recs[1].BiflowDirection != want[1] {
			t.Errorf("%d: got %+v, %v", said, recs, err)
			continue
		}
		if recs[1].InIf != 4 || recs[1].OutIf != 3 {
			t.Errorf("interfaces are %d and %d", recs[1].InIf, recs[1].OutIf)
		}
	}
}

// TestReverseRecordsAreBounded counts both directions against MaxRecords.
func TestReverseRecordsAreBounded(t *testing.T) {
	d := NewDecoder(Config{MaxRecords: 3})
	recs, err := d.AppendRecords(nil, ipfix(set(2, tmpl(256, 231, 1, 232, 1)), set(256, []byte{1, 2, 3, 4, 5, 6})), router, 1)
	if len(recs) != 3 || !errors.Is(err, ErrTooMany) {
		t.Errorf("%d records, %v", len(recs), err)
	}
}

func TestTranslations(t *testing.T) {
	xlate4, xlate6 := netip.MustParseAddr("203.0.113.7"), netip.MustParseAddr("2001:db8::7")
	tests := []struct {
		name     string
		template []uint16
		data     []byte
		want     flows.Translation
	}{
		{"source", []uint16{225, 4, 227, 2}, slices.Concat(ip("203.0.113.7"), u16(99)), flows.Translation{XlateSrc: xlate4, XlateSrcPort: 99}},
		{"destination", []uint16{226, 4, 228, 2}, slices.Concat(ip("203.0.113.7"), u16(99)), flows.Translation{XlateDst: xlate4, XlateDstPort: 99}},
		{"the same", []uint16{225, 4, 226, 4, 227, 2, 228, 2}, slices.Concat(ip("192.0.2.9"), ip("192.0.2.9"), u16(7), u16(8)), flows.Translation{}},
		{"the same without ports", []uint16{225, 4}, ip("192.0.2.9"), flows.Translation{}},
		{"another port", []uint16{225, 4, 227, 2}, slices.Concat(ip("192.0.2.9"), u16(99)), flows.Translation{XlateSrc: addr4, XlateSrcPort: 99}},
		{"to nothing", []uint16{225, 4, 227, 2, 282, 16}, slices.Concat(ip("0.0.0.0"), u16(9), make([]byte, 16)), flows.Translation{}},
		{"to IPv6", []uint16{281, 16, 282, 16}, slices.Concat(ip("2001:db8::7"), ip("2001:db8::7")), flows.Translation{XlateSrc: xlate6, XlateDst: xlate6}},
		{"events", []uint16{230, 1, 233, 1}, []byte{4, 3}, flows.Translation{NATEvent: 4, FirewallEvent: flows.FirewallDenied}},
		{"ASA of old", []uint16{40001, 4, 40003, 2, 40002, 4, 40004, 2, 40005, 1, 33002, 2}, slices.Concat(ip("203.0.113.7"), u16(1), ip("203.0.113.7"), u16(2), []byte{3}, u16(1001)),
			flows.Translation{XlateSrc: xlate4, XlateSrcPort: 1, XlateDst: xlate4, XlateDstPort: 2, FirewallEvent: 3, FirewallExtEvent: 1001}},
	}
	for _, tt := range tests {
		template := append([]uint16{8, 4, 12, 4, 7, 2, 11, 2}, tt.template...)
		r := decodeOne(t, v9(exportSecs, 5, set(0, tmpl(256, template...)), set(256, ip("192.0.2.9"), ip("192.0.2.9"), u16(7), u16(8), tt.data)))
		if r.Translation != tt.want {
			t.Errorf("%s: got %+v, want %+v", tt.name, r.Translation, tt.want)
		}
		if r.Src != addr4 || r.SrcPort != 7 {
			t.Errorf("%s: the source is %v:%d", tt.name, r.Src, r.SrcPort)
		}
	}
}

// TestCiscoConnections has flows whose ends Cisco's AVC tells as client and
// server.
func TestCiscoConnections(t *testing.T) {
	for name, m := range map[string][]byte{
		"v9": v9(exportSecs, 5, set(0, tmpl(256, 45004, 4, 45005, 4, 45008, 2, 45009, 2, 231, 4)),
			set(256, ip("192.0.2.9"), ip("198.51.100.2"), u16(40000), u16(443), u32(5))),
		"IPFIX": ipfix(set(2, vendorTmpl(256, penCisco, 12236, 4, penCisco, 12237, 4, penCisco, 12240, 2, penCisco, 12241, 2, 0, 231, 4)),
			set(256, ip("192.0.2.9"), ip("198.51.100.2"), u16(40000), u16(443), u32(5))),
	} {
		r := decodeOne(t, m)
		if r.Src != addr4 || r.Dst != netip.MustParseAddr("198.51.100.2") || r.SrcPort != 40000 || r.DstPort != 443 || r.EtherType != flows.EtherTypeIPv4 {
			t.Errorf("%s: got %+v", name, r)
		}
	}
	r := decodeOne(t, v9(exportSecs, 5, set(0, tmpl(256, 45006, 16, 45007, 16, 8, 4)), set(256, ip("2001:db8::1"), ip("2001:db8::2"), ip("192.0.2.9"))))
	if r.Src != addr4 || r.Dst.IsValid() {
		t.Errorf("the flow's own address is displaced: %v, %v", r.Src, r.Dst)
	}
}

func TestLists(t *testing.T) {
	const httpTmpl, tlsTmpl, flagsTmpl = 300, 301, 302
	templates := set(2,
		vendorTmpl(256, 0, 4, 1, 0, 291, variableLength), vendorTmpl(257, 0, 4, 1, 0, 292, variableLength),
		vendorTmpl(258, 0, 4, 1, 0, 293, variableLength), vendorTmpl(259, 0, 4, 1, 0, 293, variableLength),
		vendorTmpl(httpTmpl, 0, 291, variableLength, 0, 291, variableLength), vendorTmpl(tlsTmpl, penCERT, 294, variableLength),
		vendorTmpl(flagsTmpl, penCERT, 14, 1, penCERT, 15, 1, penCERT, 16398, 1, 0, 56, 6))
	host := func(texts ...string) []byte { // a basicList of httpHost
		b := slices.Concat([]byte{3}, u16(0x8000|117), u16(variableLength), u32(penCERT))
		for _, s := range texts {
			b = append(b, varlen([]byte(s))...)
		}
		return b
	}
	multi := func(parts ...[]byte) []byte { return append([]byte{3}, slices.Concat(parts...)...) }
	sub := func(id uint16, records ...[]byte) []byte {
		return slices.Concat([]byte{3}, u16(id), slices.Concat(records...))
	}
	fixed := slices.Concat([]byte{3}, u16(460), u16(3), []byte("a.bc.d"))
	deep := sub(257, []byte{6, 0})
	for range 6 {
		deep = sub(257, []byte{6}, varlen(deep))
	}
	tests := []struct {
		name string
		id   uint16
		list []byte
		host string
		bad  uint64
	}{
		{"basicList", 256, host("www.example.com"), "www.example.com", 0},
		{"the first of a basicList", 256, host("", "a.example", "b.example"), "a.example", 0},
		{"basicList of fixed length", 256, fixed, "a.b", 0},
		{"empty basicList", 256, host(), "", 0},
		{"basicList of another element", 256, slices.Concat([]byte{3}, u16(8), u16(4), ip("192.0.2.1")), "", 0},
		{"basicList cut short", 256, host("www.example.com")[:14], "", 1},
		{"basicList without a head", 256, []byte{3, 0}, "", 1},
		{"no list at all", 256, nil, "", 0},
		{"subTemplateList", 257, sub(tlsTmpl, varlen([]byte("sni.example"))), "sni.example", 0},
		{"list in a list", 257, sub(httpTmpl, varlen(host()), varlen(host("www.example.com"))), "www.example.com", 0},
		{"unknown template", 257, sub(999, []byte{1}), "", 1},
		{"subTemplateList cut short", 257, sub(tlsTmpl, varlen([]byte("sni.example"))[:5]), "", 1},
		{"the good record before the bad one", 257, sub(tlsTmpl, varlen([]byte("sni.example")), []byte{9}), "sni.example", 1},
		{"multi list", 258, multi(set(flagsTmpl, []byte{2, 0x18, 0x12}, mac1[:]), set(httpTmpl, varlen(host("www.example.com")), varlen(host()))), "www.example.com", 0},
		{"multi list with an unknown one", 258, multi(set(999, []byte{1}), set(tlsTmpl, varlen([]byte("sni.example")))), "sni.example", 1},
		{"multi list of impossible length", 258, multi([]byte{1, 0, 0, 2}), "", 1},
		{"too deep", 257, deep, "", 1},
	}
	for _, tt := range tests {
		recs, stats, err := decode(ipfix(templates, set(tt.id, []byte{6}, varlen(tt.list))))
		if err != nil || len(recs) != 1 {
			t.Errorf("%s: %d records, %v", tt.name, len(recs), err)
			continue
		}
		if recs[0].HostName != tt.host || stats.BadLists != tt.bad || recs[0].Src.IsValid() {
			t.Errorf("%s: got %q and %d bad lists, want %q and %d; source %v", tt.name, recs[0].HostName, stats.BadLists, tt.host, tt.bad, recs[0].Src)
		}
	}
	r := decodeOne(t, ipfix(templates, set(258, []byte{6}, varlen(multi(set(flagsTmpl, []byte{2, 0x18, 0x12}, mac1[:]))))))
	if r.TCPFlags != 0x1a || r.SrcMAC != mac1 {
		t.Errorf("got flags %#x and %v of the list", r.TCPFlags, r.SrcMAC)
	}
}

// TestCountsBySide has Procera's counts of octets towards and from the inside.
func TestCountsBySide(t *testing.T) {
	for _, tt := range []struct {
		words       string
		there, back uint64
	}{
		{"INTERACTIVE,CLIENT_IS_LOCAL,INBOUND", 20, 10},
		{"INITIAL,SERVER_IS_LOCAL,BEGINNING", 10, 20},
		{"INITIAL", 30, 0},
		{"", 30, 0},
	} {
		recs, _, err := decode(ipfix(
			set(2, vendorTmpl(256, append(slices.Clone(ends5), penProcera, 3, 8, penProcera, 4, 8, penProcera, 15, variableLength)...)),
			set(256, end5(40000, 443, 6), u64(10), u64(20), varlen([]byte(tt.words)))))
		if err != nil || len(recs) == 0 || recs[0].Bytes != tt.there || len(recs) > 1 != (tt.back > 0) || len(recs) > 1 && (recs[1].Bytes != tt.back || recs[1].SrcPort != 443) {
			t.Errorf("%q: got %+v, %v", tt.words, recs, err)
		}
	}
}
