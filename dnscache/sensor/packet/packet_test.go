package packet

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flowname/dnscache/sensor/capture"
)

type encapsulation struct {
	name  string
	link  capture.LinkType
	frame []byte
	depth int
	v6    bool
}

// encapsulations carry the inner datagram each in its own way.
func encapsulations(t testing.TB) []encapsulation { return append(links(t), tunnels(t)...) }

// links are those of links and of IP itself.
func links(t testing.TB) []encapsulation {
	hex := func(text string) []byte { return bytesOf(t, text) }
	const eth = capture.LinkEthernet
	ether4 := ethernet(etherIPv4, inner4())
	return []encapsulation{
		{"ethernet", eth, ether4, 0, false},
		{"ethernet, IPv6", eth, ethernet(etherIPv6, inner6()), 0, true},
		{"ethernet, padded", eth, join(ether4, make([]byte, 9)), 0, false},
		{"802.1Q", eth, ethernet(etherVLAN, join(hex("0064 0800"), inner4())), 0, false},
		{"802.1ad and 802.1Q", eth, ethernet(etherQinQ, join(hex("0064 8100 0065 86dd"), inner6())), 0, true},
		{"five tags", eth, ethernet(etherOldQinQ1, join(hex("0001 9200 0002 9300 0003 88a8 0004 8100 0005 0800"), inner4())), 0, false},
		{"SNAP", eth, ethernet(8+len(inner4()), join(hex("aaaa03 000000 0800"), inner4(), hex("0000"))), 0, false},
		{"SNAP, bridged", eth, ethernet(8+len(inner4()), join(hex("aaaa03 0000f8 0800"), inner4())), 0, false},
		{"LLC", eth, ethernet(3+len(inner4()), join(hex("060603"), inner4())), 0, false},
		{"PPPoE", eth, ethernet(etherPPPoE, join(hex("1100 0007"), u16(2+len(inner4())), hex("0021"), inner4(), hex("ffff"))), 0, false},
		{"MPLS", eth, ethernet(etherMPLS, join(hex("0001 0040 0002 0140"), inner4())), 0, false},
		{"MPLS, pseudowire", eth, ethernet(etherMPLS, join(hex("0002 0140 00000000"), ether4)), 0, false},
		{"MPLS, pseudowire without control word", eth,
			ethernet(etherMPLS, join(hex("0002 0140"), hex("feffffffffff 020000000001 0800"), inner4())), 0, false},
		{"raw", capture.LinkRaw, inner4(), 0, false},
		{"raw, DLT 12", capture.LinkRawBSD, inner6(), 0, true},
		{"raw, DLT 14", capture.LinkRawOpenBSD, inner4(), 0, false},
		{"raw IPv4", capture.LinkIPv4, inner4(), 0, false},
		{"raw IPv6", capture.LinkIPv6, inner6(), 0, true},
		{"null, little-endian", capture.LinkNull, join(hex("02000000"), inner4()), 0, false},
		{"null, big-endian", capture.LinkNull, join(hex("0000001e"), inner6()), 0, true},
		{"loop", capture.LinkLoop, join(hex("00000018"), inner6()), 0, true},
		{"PPP", capture.LinkPPP, join(hex("0021"), inner4()), 0, false},
		{"PPP, compressed protocol", capture.LinkPPP, join(hex("21"), inner4()), 0, false},
		{"PPP, HDLC", capture.LinkPPPHDLC, join(hex("ff03 0057"), inner6()), 0, true},
		{"PPP, MPLS", capture.LinkPPP, join(hex("0281 00000140"), inner4()), 0, false},
		{"PPP in PPPoE", capture.LinkPPPEthernet, join(hex("1100 0007"), u16(2+len(inner6())), hex("0057"), inner6()), 0, true},
		{"Cisco HDLC", capture.LinkCiscoHDLC, join(hex("0f00 0800"), inner4()), 0, false},
		{"SLL", capture.LinkSLL, join(make([]byte, 14), hex("0800"), inner4()), 0, false},
		{"SLL, LLC", capture.LinkSLL, join(make([]byte, 14), hex("0004 aaaa03 000000 0800"), inner4()), 0, false},
		{"SLL, 802.1Q", capture.LinkSLL, join(make([]byte, 14), hex("8100 0005 0800"), inner4()), 0, false},
		{"SLL2", capture.LinkSLL2, join(hex("86dd"), make([]byte, 18), inner6()), 0, true},
		{"IPv4 options", eth, ethernet(etherIPv4, withOptions(inner4())), 0, false},
		{"IPv4, length zero", eth, ethernet(etherIPv4, zeroLength(inner4())), 0, false},
		{"IPv6 extensions", eth, ethernet(etherIPv6, ipv6(protoHopByHop, join(
			hex("3c00 010400000000 2b00 010400000000 3300 000000000000"), // hop-by-hop, destination, routing
			hex("1104 0000 00000001 00000002 000000000000000000000000"), udpDatagram(4321, 53, []byte(innerText))))), 0, true},
		{"IPv6 atomic fragment", eth, ethernet(etherIPv6, ipv6Fragment(UDP, 9, 0, udpDatagram(4321, 53, []byte(innerText)))), 0, true},
		{"IPv4, AH", eth, ethernet(etherIPv4, ipv4(protoAH,
			join(hex("1104 0000 00000001 00000002 000000000000000000000000"), udpDatagram(4321, 53, []byte(innerText))))), 0, false},
	}
}

// tunnels are those of packets in packets.
func tunnels(t testing.TB) []encapsulation {
	hex := func(text string) []byte { return bytesOf(t, text) }
	const eth = capture.LinkEthernet
	ether4, ether6 := ethernet(etherIPv4, inner4()), ethernet(etherIPv6, inner6())
	tunnel := func(port int, header string, payload []byte) []byte {
		return ethernet(etherIPv4, ipv4(UDP, udpDatagram(50000, port, join(hex(header), payload))))
	}
	gre := func(header string, payload []byte) []byte {
		return ethernet(etherIPv4, ipv4(protoGRE, join(hex(header), payload)))
	}
	return []encapsulation{
		{"IP in IP", eth, ethernet(etherIPv4, ipv4(protoIPIP, inner4())), 1, false},
		{"6in4", eth, ethernet(etherIPv4, ipv4(protoIPv6, inner6())), 1, true},
		{"4in6", eth, ethernet(etherIPv6, ipv6(protoIPIP, inner4())), 1, false},
		{"GRE", eth, gre("0000 0800", inner4()), 1, false},
		{"GRE, checksum, key and sequence", eth, gre("b000 86dd 00000000 00000001 00000002", inner6()), 1, true},
		{"GRE, Ethernet", eth, gre("2000 6558 00000009", ether4), 1, false},
		{"GRE, MPLS", eth, gre("0000 8847 00000140", inner4()), 1, false},
		{"GRE, PPTP, acknowledging", eth, ethernet(etherIPv4, ipv4(protoGRE,
			join(hex("3081 880b"), u16(4+len(inner4())), hex("0001 00000001 00000001 ff03 0021"), inner4()))), 1, false},
		{"GRE, PPTP", eth, ethernet(etherIPv4, ipv4(protoGRE,
			join(hex("3001 880b"), u16(2+len(inner4())), hex("0001 00000001 0021"), inner4(), hex("00")))), 1, false},
		{"ERSPAN I", eth, gre("0000 88be", ether4), 1, false},
		{"ERSPAN II", eth, gre("1000 88be 00000001 1000000000000000", ether4), 1, false},
		{"ERSPAN III", eth, gre("1000 22eb 00000001 200000000000000000000000", ether6), 1, true},
		{"ERSPAN III, subheader", eth, gre("1000 22eb 00000001 200000000000000000000001 0000000000000000", ether6), 1, true},
		{"ERSPAN III, IP", eth, gre("1000 22eb 00000001 200000000000000000000800", inner6()), 1, true},
		{"GRE in UDP", eth, tunnel(portGRE, "2000 0800 00000001", inner4()), 1, false},
		{"VXLAN", eth, tunnel(portVXLAN, "08000000 00000100", ether4), 1, false},
		{"VXLAN, old port", eth, tunnel(portVXLANOld, "08000000 00000100", ether6), 1, true},
		{"VXLAN-GPE, IPv4", eth, tunnel(portVXLANGPE, "0c000001 00000100", inner4()), 1, false},
		{"VXLAN-GPE, Ethernet", eth, tunnel(portVXLANGPE, "0c000003 00000100", ether4), 1, false},
		{"VXLAN-GPE, MPLS", eth, tunnel(portVXLANGPE, "0c000005 00000100 00000140", inner6()), 1, true},
		{"GENEVE", eth, tunnel(portGENEVE, "0000 6558 00000100", ether4), 1, false},
		{"GENEVE, options, IP", eth, tunnel(portGENEVE, "0200 86dd 00000100 0001000100000000", inner6()), 1, true},
		{"VXLAN, from its port", eth, ethernet(etherIPv4, ipv4(UDP, udpDatagram(portVXLAN, 50000,
			join(hex("08000000 00000100"), ether4)))), 1, false},
		{"GTP-U", eth, tunnel(portGTP, "30ff 0031 00000001", inner4()), 1, false},
		{"GTP-U, sequence", eth, tunnel(portGTP, "32ff 1000 00000001 00010000", inner6()), 1, true},
		{"GTP-U, extension headers", eth, tunnel(portGTP, "34ff 1000 00000001 00000085 01100040 020000000000 0000", inner4()), 1, false},
		{"Teredo", eth, tunnel(portTeredo, "", inner6()), 1, true},
		{"Teredo, authentication and origin", eth,
			tunnel(portTeredo, "0001 0102 aa bbcc 0102030405060708 00 0000 1234 c0000201", inner6()), 1, true},
		{"VXLAN in GRE in IP", eth, gre("0000 0800", ipv4(protoIPIP, ipv4(UDP, udpDatagram(1, portVXLAN,
			join(hex("08000000 00000100"), ether6))))), 3, true},
	}
}

func withOptions(b []byte) []byte {
	b = join([]byte{0x46}, b[1:20], []byte{1, 1, 1, 0}, b[20:])
	b[2], b[3] = byte(len(b)>>8), byte(len(b))
	return b
}

func zeroLength(b []byte) []byte {
	b[2], b[3] = 0, 0
	return b
}

func TestDecodeEncapsulations(t *testing.T) {
	for _, c := range encapsulations(t) {
		t.Run(c.name, func(t *testing.T) {
			d := NewDecoder(Config{OpenTunnels: true})
			var got Packet
			ok := d.Decode(capture.Frame{TimeNs: 5, Link: c.link, Data: c.frame, OrigLen: len(c.frame)}, &got)
			if !ok {
				t.Fatalf("frame %x: no packet; stats %+v", c.frame, d.Stats())
			}
			want := Packet{
				TimeNs: 5, Proto: UDP, Depth: c.depth, Payload: []byte(innerText),
				Src: netip.AddrPortFrom(addr4a, 4321), Dst: netip.AddrPortFrom(addr4b, 53),
			}
			if c.v6 {
				want.Src, want.Dst = netip.AddrPortFrom(addr6a, 4321), netip.AddrPortFrom(addr6b, 53)
			}
			if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); diff != "" {
				t.Errorf("frame %x (-want +got):\n%s", c.frame, diff)
			}
			if n := d.Stats().Tunnels; n != uint64(c.depth) {
				t.Errorf("%d tunnels counted, want %d", n, c.depth)
			}
		})
	}
}

// TestDecodeTruncated cuts each frame at every byte, once as a snapshot length
// does and once as if it had been sent so.
func TestDecodeTruncated(t *testing.T) {
	for _, c := range encapsulations(t) {
		for n := range c.frame {
			for _, orig := range []int{n, len(c.frame)} {
				d := NewDecoder(Config{OpenTunnels: true})
				var p Packet
				if !d.Decode(capture.Frame{Link: c.link, Data: c.frame[:n:n], OrigLen: orig}, &p) {
					if s := d.Stats(); s.Truncated+s.Malformed+s.NotIP != 1 {
						t.Fatalf("%s cut at %d of %d: stats %+v", c.name, n, orig, s)
					}
					continue
				}
				// Only padding, or a length of zero, can be cut without harm.
				if c.name != "ethernet, padded" && c.name != "IPv4, length zero" && string(p.Payload) != innerText {
					t.Fatalf("%s cut at %d of %d: payload %q", c.name, n, orig, p.Payload)
				}
			}
		}
	}
}

func TestDecodeTunnelsClosed(t *testing.T) {
	for _, c := range encapsulations(t) {
		d := NewDecoder(Config{})
		var p Packet
		ok := d.Decode(capture.Frame{Link: c.link, Data: c.frame, OrigLen: len(c.frame)}, &p)
		switch s := d.Stats(); {
		case s.Tunnels != 0 || p.Depth != 0:
			t.Errorf("%s: a tunnel was opened: %+v", c.name, s)
		case c.depth == 0 && !ok:
			t.Errorf("%s: no packet: %+v", c.name, s)
		case c.depth > 0 && !ok && s.Other != 1:
			t.Errorf("%s: not counted as other: %+v", c.name, s)
		case c.depth > 0 && ok && string(p.Payload) == innerText:
			t.Errorf("%s: the inner datagram came out", c.name)
		}
	}
}

func TestDecodeTCP(t *testing.T) {
	frame := ethernet(etherIPv4, ipv4(TCP, tcpSegment(53, 999, 0xfffffff0, 0x17, []byte("abc"))))
	d := NewDecoder(Config{})
	var got Packet
	if !d.Decode(capture.Frame{Link: capture.LinkEthernet, Data: frame, OrigLen: len(frame)}, &got) {
		t.Fatalf("no packet: %+v", d.Stats())
	}
	want := Packet{
		Proto: TCP, Src: netip.AddrPortFrom(addr4a, 53), Dst: netip.AddrPortFrom(addr4b, 999),
		Payload: []byte("abc"), Seq: 0xfffffff0, Ack: 77, SYN: true, FIN: true, RST: true, ACK: true,
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDecodeRefusals(t *testing.T) {
	nested := func(n int) []byte {
		b := inner4()
		for range n {
			b = ipv4(protoIPIP, b)
		}
		return b
	}
	hex := func(text string) []byte { return bytesOf(t, text) }
	raw, eth := capture.LinkRaw, capture.LinkEthernet
	cases := []struct {
		name  string
		link  capture.LinkType
		frame []byte
		want  func(*Stats) *uint64
	}{
		{"link", 147, inner4(), func(s *Stats) *uint64 { return &s.UnknownLink }},
		{"ARP", eth, ethernet(0x0806, make([]byte, 28)), func(s *Stats) *uint64 { return &s.NotIP }},
		{"spanning tree", eth, ethernet(38, append(hex("424203"), make([]byte, 35)...)), func(s *Stats) *uint64 { return &s.NotIP }},
		{"SNAP of another organisation", eth, ethernet(8, hex("aaaa03 00000c 2000")), func(s *Stats) *uint64 { return &s.NotIP }},
		{"null, AppleTalk", capture.LinkNull, join(hex("10000000"), inner4()), func(s *Stats) *uint64 { return &s.NotIP }},
		{"PPP, LCP", capture.LinkPPP, hex("c021 01010004"), func(s *Stats) *uint64 { return &s.NotIP }},
		{"PPPoE, padding of a discovery", eth, ethernet(etherPPPoE, hex("1109 0000 0000")), func(s *Stats) *uint64 { return &s.NotIP }},
		{"PPTP, acknowledgement", raw, ipv4(protoGRE, hex("2081 880b 0000 0001 00000001")), func(s *Stats) *uint64 { return &s.NotIP }},
		{"VXLAN-GPE, NSH", raw, ipv4(UDP, udpDatagram(1, portVXLANGPE, hex("0c000004 00000100 00"))), func(s *Stats) *uint64 { return &s.NotIP }},
		{"IP version", raw, hex("55 00"), func(s *Stats) *uint64 { return &s.Malformed }},
		{"IPv4 header length", raw, append([]byte{0x44}, inner4()[1:]...), func(s *Stats) *uint64 { return &s.Malformed }},
		{"IPv4 length below its header", raw, join(hex("4500 0013"), inner4()[4:]), func(s *Stats) *uint64 { return &s.Malformed }},
		{"IPv4 length beyond the frame", raw, inner4()[:40], func(s *Stats) *uint64 { return &s.Malformed }},
		{"UDP length below its header", raw, ipv4(UDP, hex("1000 0035 0007 0000 00")), func(s *Stats) *uint64 { return &s.Malformed }},
		{"UDP length beyond the packet", raw, ipv4(UDP, hex("1000 0035 000a 0000 00")), func(s *Stats) *uint64 { return &s.Malformed }},
		{"TCP header length", raw, ipv4(TCP, join(make([]byte, 12), hex("40"), make([]byte, 7))), func(s *Stats) *uint64 { return &s.Malformed }},
		{"TCP header beyond the packet", raw, ipv4(TCP, join(make([]byte, 12), hex("f0"), make([]byte, 7))), func(s *Stats) *uint64 { return &s.Malformed }},
		{"GRE with routing", raw, ipv4(protoGRE, hex("4000 0800 00000000")), func(s *Stats) *uint64 { return &s.Malformed }},
		{"GRE version 2", raw, ipv4(protoGRE, hex("0002 0800")), func(s *Stats) *uint64 { return &s.Malformed }},
		{"GTP-U extension without length", raw, ipv4(UDP, udpDatagram(1, portGTP, hex("34ff 1000 00000001 00000085 00000000"))),
			func(s *Stats) *uint64 { return &s.Malformed }},
		{"nine tunnels", raw, nested(MaxDepth + 1), func(s *Stats) *uint64 { return &s.TooDeep }},
		{"ICMP", raw, ipv4(1, make([]byte, 8)), func(s *Stats) *uint64 { return &s.Other }},
		{"IPv6 without a next header", raw, ipv6(59, nil), func(s *Stats) *uint64 { return &s.Other }},
		{"fragment without length", raw, ipv4Fragment(UDP, 1, 0x2000, nil), func(s *Stats) *uint64 { return &s.FragmentBad }},
		{"fragment not in eights", raw, ipv4Fragment(UDP, 1, 0x2000, make([]byte, 9)), func(s *Stats) *uint64 { return &s.FragmentBad }},
		{"fragment beyond the largest datagram", raw, ipv4Fragment(UDP, 1, 0x1fff, make([]byte, 9)), func(s *Stats) *uint64 { return &s.FragmentBad }},
	}
	for _, c := range cases {
		d := NewDecoder(Config{OpenTunnels: true})
		var p Packet
		if d.Decode(capture.Frame{Link: c.link, Data: c.frame, OrigLen: len(c.frame)}, &p) {
			t.Errorf("%s: frame %x gave %+v", c.name, c.frame, p)
			continue
		}
		s := d.Stats()
		if n := *c.want(&s); n != 1 {
			t.Errorf("%s: frame %x: stats %+v", c.name, c.frame, s)
		}
	}
	d := NewDecoder(Config{OpenTunnels: true})
	deepest := nested(MaxDepth)
	var p Packet
	if !d.Decode(capture.Frame{Link: raw, Data: deepest, OrigLen: len(deepest)}, &p) || p.Depth != MaxDepth {
		t.Errorf("%d tunnels: %+v %+v", MaxDepth, p, d.Stats())
	}
}

// TestUDPTunnelPorts is about datagrams on tunnels' ports that are none.
func TestUDPTunnelPorts(t *testing.T) {
	vxlan := join(bytesOf(t, "08000000 00000100"), ethernet(etherIPv4, inner4()))
	cases := []struct {
		name     string
		src, dst int
		payload  []byte
	}{
		{"a client that picked 4789", 53, portVXLAN, vxlan},
		{"VXLAN without its flag", 9, portVXLAN, make([]byte, 40)},
		{"VXLAN with reserved bits", portVXLAN, 9, join([]byte{0x18}, vxlan[1:])},
		{"GENEVE with a strange payload", 9, portGENEVE, bytesOf(t, "0000 1234 00000100")},
		{"GENEVE of another version", 9, portGENEVE, bytesOf(t, "4000 6558 00000100")},
		{"GTP-U echo", portGTP, portGTP, bytesOf(t, "3201 0004 00000000 00010000")},
		{"GRE in UDP, too short", 9, portGRE, bytesOf(t, "0000")},
		{"Teredo port, other content", 9, portTeredo, []byte("hello")},
	}
	for _, c := range cases {
		d := NewDecoder(Config{OpenTunnels: true})
		frame := ipv4(UDP, udpDatagram(c.src, c.dst, c.payload))
		var p Packet
		if !d.Decode(capture.Frame{Link: capture.LinkRaw, Data: frame, OrigLen: len(frame)}, &p) ||
			string(p.Payload) != string(c.payload) {
			t.Errorf("%s: payload %x: got %x; stats %+v", c.name, c.payload, p.Payload, d.Stats())
		}
	}
}

func TestDecodeAllocs(t *testing.T) {
	d := NewDecoder(Config{OpenTunnels: true})
	var p Packet
	for _, c := range encapsulations(t) {
		f := capture.Frame{Link: c.link, Data: c.frame, OrigLen: len(c.frame)}
		if n := testing.AllocsPerRun(100, func() { d.Decode(f, &p) }); n != 0 {
			t.Errorf("%s: %v allocations", c.name, n)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, c := range encapsulations(f) {
		f.Add(uint16(c.link), c.frame, true)
	}
	f.Fuzz(func(t *testing.T, link uint16, frame []byte, open bool) {
		d := NewDecoder(Config{OpenTunnels: open})
		var p Packet
		// Twice, so that a fragment meets itself.
		for range 2 {
			if d.Decode(capture.Frame{Link: capture.LinkType(link), Data: frame, OrigLen: len(frame)}, &p) {
				if p.Proto != UDP && p.Proto != TCP || !p.Src.IsValid() || p.Depth > MaxDepth {
					t.Errorf("packet %+v", p)
				}
			}
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	for _, c := range encapsulations(b) {
		switch c.name {
		case "ethernet", "ethernet, IPv6", "802.1Q", "VXLAN":
			b.Run(c.name, func(b *testing.B) {
				d := NewDecoder(Config{OpenTunnels: true})
				var p Packet
				f := capture.Frame{Link: c.link, Data: c.frame, OrigLen: len(c.frame)}
				b.SetBytes(int64(len(c.frame)))
				b.ReportAllocs()
				for b.Loop() {
					d.Decode(f, &p)
				}
			})
		}
	}
}
