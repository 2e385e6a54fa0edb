package sflow

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"flowname/flows"
)

var equalAddr = cmpopts.EquateComparable(netip.Addr{})

// tcp4 and its kin are what the packets of the tests read as.
func tcp4(r *flows.Record) {
	ip4(6)(r)
	r.SrcPort, r.DstPort, r.TCPFlags = 0xc001, 443, 0xc2
}

func udp4(r *flows.Record) {
	ip4(17)(r)
	r.SrcPort, r.DstPort = 0xc002, 53
}

func ip4(proto uint8) func(*flows.Record) {
	return func(r *flows.Record) {
		r.EtherType, r.Proto, r.TOS, r.TTL, r.FragmentID = 0x800, proto, 0xb8, 64, 0x1234
		r.Src, r.Dst = netip.MustParseAddr("192.0.2.9"), netip.MustParseAddr("203.0.113.9")
	}
}

func ip6(proto uint8) func(*flows.Record) {
	return func(r *flows.Record) {
		r.EtherType, r.Proto, r.TOS, r.TTL, r.IPv6FlowLabel = 0x86dd, proto, 0xab, 63, 0xabcde
		r.Src, r.Dst = netip.MustParseAddr("2001:db8::9"), netip.MustParseAddr("2001:db8::d")
	}
}

func tcp6(r *flows.Record) {
	ip6(6)(r)
	r.SrcPort, r.DstPort, r.TCPFlags = 0xc001, 443, 0xc2
}

func etherType(v uint16) func(*flows.Record) { return func(r *flows.Record) { r.EtherType = v } }

func vlan(id uint16) func(*flows.Record) { return func(r *flows.Record) { r.VLAN = id } }

func fragment(id uint32, off uint16) func(*flows.Record) {
	return func(r *flows.Record) { r.FragmentID, r.FragmentOff = id, off }
}

func icmp(kind, code uint8) func(*flows.Record) {
	return func(r *flows.Record) { r.ICMPType, r.ICMPCode = kind, code }
}

func mpls(depth uint8, labels ...uint32) func(*flows.Record) {
	return func(r *flows.Record) {
		r.MPLSDepth = depth
		copy(r.MPLS[:], labels)
	}
}

func ports(src, dst uint16) func(*flows.Record) {
	return func(r *flows.Record) { r.SrcPort, r.DstPort, r.TCPFlags = src, dst, 0 }
}

type headerCase struct {
	name  string
	frame []byte
	want  []func(*flows.Record)
	stats Stats // what is counted beside the datagram and the record
}

type is = []func(*flows.Record)

var (
	truncated = Stats{TruncatedHeaders: 1}
	deep      = Stats{DeepHeaders: 1}
	bad       = Stats{BadHeaders: 1}
)

// extension builds an extension header of so many units of eight bytes.
func extension(next byte, units int) []byte {
	b := make([]byte, 8*units)
	b[0], b[1] = next, byte(units-1)
	return b
}

func ethernetCases() []headerCase {
	tagged := frame("8100 e064 0800", ipv4(6, 0x4000, syn))
	stack := unhex("00010 0 ff  00011 1 ff")
	return []headerCase{
		{"IPv4", frame("0800", ipv4(6, 0x4000, syn)), is{tcp4}, Stats{}},
		{"IPv6", frame("86dd", ipv6(6, syn)), is{tcp6}, Stats{}},
		{"802.1Q", tagged, is{tcp4, vlan(100)}, Stats{}},
		{"802.1ad", frame("88a8 0005 8100 0064 86dd", ipv6(6, syn)), is{tcp6, vlan(100)}, Stats{}},
		{"old QinQ", frame("9100 0005 8100 0006 0800", ipv4(17, 0, query)), is{udp4, vlan(6)}, Stats{}},
		{"four tags", frame("8100 0001 8100 0002 8100 0003 8100 0004 0800", ipv4(17, 0, query)), is{udp4, vlan(4)}, Stats{}},
		{"five tags", frame("8100 0001 8100 0002 8100 0003 8100 0004 8100 0005 0800", ipv4(17, 0, query)), is{etherType(0x8100), vlan(4)}, deep},
		{"tag cut", tagged[:16], is{etherType(0x8100)}, truncated},
		{"tag only", tagged[:18], is{etherType(0x800), vlan(100)}, truncated},
		{"ARP", frame("0806", make([]byte, 46)), is{etherType(0x806)}, Stats{}},
		{"802.3 length", frame("0026 4242 03", make([]byte, 40)), nil, Stats{}},
		{"MPLS", frame("8847", slices.Concat(stack, ipv4(6, 0, syn))), is{tcp4, mpls(2, 16, 17)}, Stats{}},
		{"MPLS multicast, IPv6", frame("8848", slices.Concat(stack, ipv6(6, syn))), is{tcp6, mpls(2, 16, 17)}, Stats{}},
		{"MPLS, explicit null on top", frame("8847", slices.Concat(unhex("00000 0 ff"), stack, ipv4(6, 0, syn))), is{tcp4, mpls(3, 0, 16, 17)}, Stats{}},
		{"MPLS, pseudowire", frame("8847", slices.Concat(stack, make([]byte, 30))), is{etherType(0x8847), mpls(2, 16, 17)}, Stats{}},
		{"MPLS, seven labels", frame("8847", slices.Concat(slices.Repeat(unhex("00010 0 ff"), 6), unhex("00011 1 ff"), ipv4(6, 0, syn))),
			is{tcp4, mpls(6, 16, 16, 16, 16, 16, 16)}, Stats{}},
		{"MPLS without end", frame("8847", slices.Repeat(unhex("00010 0 ff"), 20)), is{etherType(0x8847), mpls(6, 16, 16, 16, 16, 16, 16)}, deep},
		{"MPLS cut in the stack", frame("8847", stack[:6]), is{etherType(0x8847), mpls(1, 16)}, truncated},
		{"MPLS cut behind the stack", frame("8847", stack), is{etherType(0x8847), mpls(2, 16, 17)}, truncated},
		{"MPLS under a tag", frame("8100 0009 8847", slices.Concat(stack, ipv4(6, 0, syn))), is{tcp4, vlan(9), mpls(2, 16, 17)}, Stats{}},
		{"MAC addresses only", frame("", nil), nil, truncated},
		{"half a type", frame("08", nil), nil, truncated},
	}
}

func ipv4Cases() []headerCase {
	options := ipv4(6, 0, append(make([]byte, 4), syn...))
	options[0] = 0x46
	four := ipv4(6, 0, nil)
	four[0] = 0x44
	zero := ipv4(17, 0, query)
	zero[2], zero[3] = 0, 0
	f := func(b []byte) []byte { return frame("0800", b) }
	return []headerCase{
		{"UDP", f(ipv4(17, 0, query)), is{udp4}, Stats{}},
		{"SCTP", f(ipv4(132, 0, query)), is{udp4, func(r *flows.Record) { r.Proto = 132 }}, Stats{}},
		{"ICMP", f(ipv4(1, 0, unhex("0301 0000 00000000"))), is{ip4(1), icmp(3, 1)}, Stats{}},
		{"GRE", f(ipv4(47, 0, unhex("0000 0800"))), is{ip4(47)}, Stats{}},
		{"AE flag", f(ipv4(6, 0, unhex("c001 01bb 00000001 00000000 51ff ffff 0000 0000"))), is{tcp4, func(r *flows.Record) { r.TCPFlags = 0x1ff }}, Stats{}},
		{"options", f(options), is{tcp4}, Stats{}},
		{"length zero", f(zero), is{udp4}, Stats{}},
		{"first fragment", f(ipv4(17, 0x2000, query)), is{udp4}, Stats{}},
		{"later fragment", f(ipv4(17, 0x2001, query)), is{ip4(17), fragment(0x1234, 1)}, Stats{}},
		{"padding is no port", f(append(ipv4(17, 0, nil), query...)), is{ip4(17)}, truncated},
		{"cut in the ports", f(ipv4(6, 0, syn)[:23]), is{ip4(6)}, truncated},
		{"cut before the flags", f(ipv4(6, 0, syn)[:33]), is{tcp4, ports(0xc001, 443)}, truncated},
		{"cut in the options", f(options[:22]), is{ip4(6)}, truncated},
		{"cut in the ICMP code", f(ipv4(1, 0, unhex("0301"))[:21]), is{ip4(1)}, truncated},
		{"cut in the addresses", f(ipv4(6, 0, syn)[:19]), is{etherType(0x800)}, truncated},
		{"no IPv4", f(ipv6(6, syn)), is{etherType(0x800)}, bad},
		{"header of 16 bytes", f(four), is{etherType(0x800)}, bad},
	}
}

func ipv6Cases() []headerCase {
	f := func(next byte, parts ...[]byte) []byte { return frame("86dd", ipv6(next, slices.Concat(parts...))) }
	nine := make([][]byte, 9)
	for i := range nine {
		nine[i] = extension(60, 1)
	}
	eight := slices.Concat(slices.Concat(nine[:7]...), extension(6, 1))
	auth := slices.Concat(unhex("06 04 0000"), make([]byte, 20))
	fragmentOf := func(off string) []byte { return unhex("11 00 " + off + " 00056789") }
	return []headerCase{
		{"hop by hop, ICMPv6", f(0, extension(58, 1), unhex("8f00 0000")), is{ip6(58), icmp(0x8f, 0)}, Stats{}},
		{"routing, destination", f(43, extension(60, 5), extension(6, 2), syn), is{tcp6}, Stats{}},
		{"authentication", f(51, auth, syn), is{tcp6}, Stats{}},
		{"first fragment", f(44, fragmentOf("0001"), query), is{ip6(17), ports(0xc002, 53), fragment(0x56789, 0)}, Stats{}},
		{"later fragment", f(44, fragmentOf("0bb8"), query), is{ip6(17), fragment(0x56789, 0x177)}, Stats{}},
		{"no next header", f(59), is{ip6(59)}, Stats{}},
		{"ESP", f(50, make([]byte, 16)), is{ip6(50)}, Stats{}},
		{"eight extensions", f(60, eight, syn), is{tcp6}, Stats{}},
		{"nine extensions", f(60, slices.Concat(nine...), syn), is{ip6(60)}, deep},
		{"extension longer than the packet", f(0, unhex("06 ff 0000 0000 0000"), syn), is{ip6(6)}, truncated},
		{"extension cut", f(0, extension(6, 1)[:7]), is{ip6(0)}, truncated},
		{"padding is no port", append(f(59), query...), is{ip6(59)}, Stats{}},
		{"padding behind the payload", append(f(17, query[:3]), query...), is{ip6(17)}, truncated},
		{"cut in the ports", f(17, query[:3]), is{ip6(17)}, truncated},
		{"cut in the addresses", frame("86dd", ipv6(6, syn)[:39]), is{etherType(0x86dd)}, truncated},
		{"no IPv6", frame("86dd", append(ipv4(6, 0, syn), syn...)), is{etherType(0x86dd)}, bad},
	}
}

func TestHeaders(t *testing.T) {
	for _, tt := range slices.Concat(ethernetCases(), ipv4Cases(), ipv6Cases()) {
		want := base()
		want.Bytes = 1000
		want.DstMAC, want.SrcMAC = flows.MAC(macs[:6]), flows.MAC(macs[6:])
		checkHeader(t, tt, protocolEthernet, want)
	}
}

func TestRawIPHeaders(t *testing.T) {
	want := base()
	want.Bytes = 1000
	checkHeader(t, headerCase{"IPv4", ipv4(6, 0, syn), is{tcp4}, Stats{}}, protocolIPv4, want)
	checkHeader(t, headerCase{"IPv6", ipv6(6, syn), is{tcp6}, Stats{}}, protocolIPv6, want)
	checkHeader(t, headerCase{"IPv6 as IPv4", ipv6(6, syn), is{etherType(0x800)}, bad}, protocolIPv4, want)
	checkHeader(t, headerCase{"nothing", nil, is{etherType(0x86dd)}, truncated}, protocolIPv6, want)
	checkHeader(t, headerCase{"PPP", ipv4(6, 0, syn), nil, Stats{UnknownProtocols: 1}}, 7, want)
}

func checkHeader(t *testing.T, tt headerCase, protocol uint32, want flows.Record) {
	t.Helper()
	recs, stats, err := decode(message(flow(header(protocol, tt.frame))))
	if err != nil || len(recs) != 1 {
		t.Errorf("%s: %d records and error %v", tt.name, len(recs), err)
		return
	}
	for _, f := range tt.want {
		f(&want)
	}
	if diff := cmp.Diff(want, recs[0], equalAddr); diff != "" {
		t.Errorf("%s: %x (-want +got):\n%s", tt.name, tt.frame, diff)
	}
	tt.stats.Datagrams, tt.stats.Records = 1, 1
	if diff := cmp.Diff(tt.stats, stats); diff != "" {
		t.Errorf("%s: counted (-want +got):\n%s", tt.name, diff)
	}
}

// TestYield gives the caller each header as it lies in the datagram.
func TestYield(t *testing.T) {
	type yielded struct {
		Link   uint32
		Header []byte
		Length int
	}
	raw, long := ipv4(17, 0, query), header(12, ipv6(17, query))
	copy(long[12:], words(0xffffffff))
	dns := frame("0800", raw)
	cut := header(1, dns)
	copy(cut[20:], words(9999)) // of which len(dns) and two bytes of padding are there
	msg := message(flow(header(1, dns), header(11, raw)), expanded(3, port{}, port{}, long), flow(header(7, raw)), flow(cut))
	var got []yielded
	d := NewDecoder(Config{})
	_, err := d.AppendRecords(nil, msg, sender, receivedNs, func(link uint32, header []byte, length int) {
		got = append(got, yielded{link, slices.Clone(header), length})
		_ = append(header, 0xee) // must not reach the datagram
	})
	if err == nil {
		t.Error("no error for a header that is cut")
	}
	want := []yielded{{1, dns, 1000}, {101, raw, 1000}, {101, ipv6(17, query), 0x7fffffff}, {1, append(slices.Clone(dns), 0, 0), 1000}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if s := d.Stats(); s.RepeatedHeaders != 1 || s.UnknownProtocols != 1 || s.Records != 4 || s.BadRecords != 1 {
		t.Errorf("got %+v", s)
	}
	if d.cur.yield != nil {
		t.Error("the caller's function is kept")
	}
}
