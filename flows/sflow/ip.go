package sflow

import (
	"encoding/binary"
	"net/netip"

	"flowname/flows"
)

const (
	ipv4HeaderLen = 20
	ipv6HeaderLen = 40
)

// IP protocol numbers: IPv6 extension headers, and transports with ports where
// TCP and UDP have them.
const (
	protoHopByHop       = 0
	protoDCCP           = 33
	protoRouting        = 43
	protoFragment       = 44
	protoAuthentication = 51
	protoDestination    = 60
	protoSCTP           = 132
	protoMobility       = 135
	protoUDPLite        = 136
	protoHIP            = 139
	protoShim6          = 140
)

// tcpFlags are the bits of a TCP header's bytes 12 and 13 that are flags, down
// from AccECN's AE.
const tcpFlags = 0x1ff

// readIPv4 reads a packet by RFC 791 section 3.1. Offsets of fragments are in
// units of eight bytes.
func (d *Decoder) readIPv4(r *flows.Record, b []byte) {
	if len(b) < ipv4HeaderLen {
		d.stats.TruncatedHeaders++
		return
	}
	size := int(b[0]&0xf) * 4
	if b[0]>>4 != 4 || size < ipv4HeaderLen {
		d.stats.BadHeaders++
		return
	}
	be := binary.BigEndian
	r.TOS, r.TTL, r.Proto = b[1], b[8], b[9]
	r.FragmentID = uint32(be.Uint16(b[4:]))
	r.FragmentOff = be.Uint16(b[6:]) & 0x1fff
	r.Src, r.Dst = netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20]))
	if r.FragmentOff != 0 {
		return
	}
	// What lies behind the packet's end is padding of its frame. Cards that
	// segment for the host hand out packets with a length of zero.
	if total := int(be.Uint16(b[2:])); total >= size && total < len(b) {
		b = b[:total]
	}
	if size > len(b) {
		d.stats.TruncatedHeaders++
		return
	}
	d.readTransport(r, b[size:])
}

// readIPv6 reads a packet by RFC 8200 section 3.
func (d *Decoder) readIPv6(r *flows.Record, b []byte) {
	if len(b) < ipv6HeaderLen {
		d.stats.TruncatedHeaders++
		return
	}
	if b[0]>>4 != 6 {
		d.stats.BadHeaders++
		return
	}
	be := binary.BigEndian
	first := be.Uint32(b)
	r.TOS, r.IPv6FlowLabel = uint8(first>>20), first&0xfffff
	r.Proto, r.TTL = b[6], b[7]
	r.Src, r.Dst = netip.AddrFrom16([16]byte(b[8:24])).Unmap(), netip.AddrFrom16([16]byte(b[24:40])).Unmap()
	if end := ipv6HeaderLen + int(be.Uint16(b[4:])); end > ipv6HeaderLen && end < len(b) {
		b = b[:end]
	}
	if rest, ok := d.skipExtensions(r, b[ipv6HeaderLen:]); ok {
		d.readTransport(r, rest)
	}
}

// skipExtensions walks the extension headers (RFC 8200 section 4, RFC 7045
// section 2.1) and leaves the protocol behind them in r. It reports false where
// no transport header follows, or none that was sampled.
func (d *Decoder) skipExtensions(r *flows.Record, b []byte) (rest []byte, ok bool) {
	for headers := 0; ; headers++ {
		unit, extra := 8, 1
		switch r.Proto {
		case protoHopByHop, protoRouting, protoDestination, protoMobility, protoHIP, protoShim6, protoFragment:
		case protoAuthentication:
			unit, extra = 4, 2 // RFC 4302 section 2.2
		default:
			return b, true
		}
		if headers == maxExtensions {
			d.stats.DeepHeaders++
			return nil, false
		}
		if len(b) < 8 {
			d.stats.TruncatedHeaders++
			return nil, false
		}
		size := (int(b[1]) + extra) * unit
		if r.Proto == protoFragment {
			size = 8
			r.FragmentOff = binary.BigEndian.Uint16(b[2:]) >> 3
			r.FragmentID = binary.BigEndian.Uint32(b[4:])
		}
		r.Proto = b[0]
		if r.FragmentOff != 0 {
			return nil, false
		}
		if size > len(b) {
			d.stats.TruncatedHeaders++
			return nil, false
		}
		b = b[size:]
	}
}

// readTransport reads ports and flags, or type and code.
func (d *Decoder) readTransport(r *flows.Record, b []byte) {
	be := binary.BigEndian
	switch r.Proto {
	case flows.ProtoTCP, flows.ProtoUDP, protoSCTP, protoDCCP, protoUDPLite:
		if len(b) < 4 {
			d.stats.TruncatedHeaders++
			return
		}
		r.SrcPort, r.DstPort = be.Uint16(b), be.Uint16(b[2:])
		if r.Proto != flows.ProtoTCP {
			return
		}
		if len(b) < 14 {
			d.stats.TruncatedHeaders++
			return
		}
		r.TCPFlags = be.Uint16(b[12:]) & tcpFlags
	case flows.ProtoICMP, flows.ProtoICMPv6:
		if len(b) < 2 {
			d.stats.TruncatedHeaders++
			return
		}
		r.ICMPType, r.ICMPCode = b[0], b[1]
	}
}
