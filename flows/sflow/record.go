package sflow

import (
	"errors"
	"math"
	"net/netip"
	"slices"

	"flowname/flows"
)

// Formats of sample records. The upper 20 bits, zero here, are the enterprise's.
const (
	recordHeader   = 1
	recordEthernet = 2
	recordIPv4     = 3
	recordIPv6     = 4
	recordSwitch   = 1001
	recordRouter   = 1002
	recordGateway  = 1003
)

// standIns are the sample records with fields of the packet, kept until all
// records were seen and then read where no sampled header told the same.
type standIns struct {
	header               bool // there was a sampled header
	ethernet, ipv4, ipv6 xdr
}

// readRecords reads the records of a flow sample. The count of them is believed
// only downwards. Where the sample is not whole, that has been counted.
func (d *Decoder) readRecords(r *flows.Record, x *xdr, count uint32, whole bool) {
	var others standIns
	for range count {
		at := x.off
		format, size := x.uint32(), x.uint32()
		if x.err != nil {
			if whole {
				d.badRecord(0, at, ErrRecord)
			}
			break
		}
		body, fits := x.part(size)
		if !fits {
			d.badRecord(format, at, ErrRecord)
		}
		d.readRecord(r, &body, format, &others)
		if body.err != nil && fits {
			d.badRecord(format, at, body.err)
		}
	}
	d.stats.PaddingBytes += uint64(x.left())
	d.readOthers(r, &others)
}

// badRecord counts a bad sample record.
func (d *Decoder) badRecord(format uint32, at int, err error) {
	if errors.Is(err, ErrAddress) {
		d.stats.BadAddresses++
	}
	d.stats.BadRecords++
	d.fail(format, at, err)
}

func (d *Decoder) readRecord(r *flows.Record, x *xdr, format uint32, others *standIns) {
	switch format {
	case recordHeader:
		d.readHeader(r, x, others)
	case recordEthernet:
		others.ethernet = x.keep(ethernetMinLen)
	case recordIPv4:
		others.ipv4 = x.keep(ipv4Len)
	case recordIPv6:
		others.ipv6 = x.keep(ipv6Len)
	case recordSwitch:
		readSwitch(r, x)
	case recordRouter:
		readRouter(r, x)
	case recordGateway:
		readGateway(r, x)
	default:
		d.stats.UnknownRecords++
	}
}

// keep returns the cursor for later, or an empty one where fewer than size
// bytes are left, which is an error of x.
func (x *xdr) keep(size int) xdr {
	if x.left() < size {
		x.err = ErrTruncated
		return xdr{}
	}
	return *x
}

// Protocols of a sampled header, and the pcap link types that they are.
const (
	protocolEthernet = 1
	protocolIPv4     = 11
	protocolIPv6     = 12

	linkEthernet = 1
	linkRawIP    = 101
)

// readHeader reads a sampled header: protocol, the frame's length, how many
// bytes were stripped off it, and as many of its bytes as the agent kept.
func (d *Decoder) readHeader(r *flows.Record, x *xdr, others *standIns) {
	protocol, length := x.uint32(), x.uint32()
	x.skip(1)
	size := x.uint32()
	if x.err != nil {
		return
	}
	part, whole := x.part(size)
	if !whole {
		x.err = ErrTruncated
	}
	header := slices.Clip(part.buf[part.off:])
	if !others.header {
		r.Bytes = uint64(length)
	}
	switch protocol {
	case protocolEthernet, protocolIPv4, protocolIPv6:
		d.yield(protocol, header, length)
	default:
		d.stats.UnknownProtocols++
	}
	if others.header {
		d.stats.RepeatedHeaders++
		return
	}
	others.header = true
	switch protocol {
	case protocolEthernet:
		d.readEthernet(r, header)
	case protocolIPv4:
		d.readTyped(r, flows.EtherTypeIPv4, header)
	case protocolIPv6:
		d.readTyped(r, flows.EtherTypeIPv6, header)
	}
}

// yield hands a sampled header to the caller.
func (d *Decoder) yield(protocol uint32, header []byte, length uint32) {
	if d.cur.yield == nil {
		return
	}
	link := uint32(linkRawIP)
	if protocol == protocolEthernet {
		link = linkEthernet
	}
	d.cur.yield(link, header, int(min(length, math.MaxInt32)))
}

// Lengths of the sample records that stand in for a header. A MAC address takes
// eight bytes by XDR, but there are agents that do not pad it.
const (
	ethernetMinLen = 20
	ethernetLen    = 24
	ipv4Len        = 32
	ipv6Len        = 56
)

// readOthers takes from the sample records with fields of the packet what no
// sampled header told. The length of a frame outranks that of an IP packet.
func (d *Decoder) readOthers(r *flows.Record, o *standIns) {
	if o.ethernet.buf != nil && !o.header {
		readEthernetRecord(r, &o.ethernet)
	}
	if r.Src.IsValid() {
		return
	}
	if o.ipv4.buf != nil {
		readIPRecord(r, &o.ipv4, flows.EtherTypeIPv4)
	} else if o.ipv6.buf != nil {
		readIPRecord(r, &o.ipv6, flows.EtherTypeIPv6)
	}
}

func readEthernetRecord(r *flows.Record, x *xdr) {
	size := len(r.SrcMAC)
	padding := 0
	if x.left() >= ethernetLen {
		padding = 2
	}
	r.Bytes = uint64(x.uint32())
	copy(r.SrcMAC[:], x.bytes(size))
	x.bytes(padding)
	copy(r.DstMAC[:], x.bytes(size))
	x.bytes(padding)
	r.EtherType = uint16(x.uint32())
}

// readIPRecord reads the sample record for IPv4 or IPv6, which differ in the
// size of their addresses.
func readIPRecord(r *flows.Record, x *xdr, etherType uint16) {
	length := uint64(x.uint32())
	if r.Bytes == 0 {
		r.Bytes = length
	}
	r.EtherType = etherType
	r.Proto = uint8(x.uint32())
	if etherType == flows.EtherTypeIPv4 {
		r.Src = netip.AddrFrom4([4]byte(x.bytes(4)))
		r.Dst = netip.AddrFrom4([4]byte(x.bytes(4)))
	} else {
		r.Src = netip.AddrFrom16([16]byte(x.bytes(16))).Unmap()
		r.Dst = netip.AddrFrom16([16]byte(x.bytes(16))).Unmap()
	}
	r.SrcPort, r.DstPort = uint16(x.uint32()), uint16(x.uint32())
	flags := x.uint32()
	if r.Proto == flows.ProtoTCP {
		r.TCPFlags = uint16(flags & tcpFlags)
	}
	r.TOS = uint8(x.uint32()) // the priority of IPv6 is its traffic class
}

// readSwitch reads VLANs and priorities before and after.
func readSwitch(r *flows.Record, x *xdr) {
	src := x.uint32()
	x.skip(1)
	dst := x.uint32()
	x.skip(1)
	if x.err == nil {
		r.SrcVLAN, r.DstVLAN = vlanID(src), vlanID(dst)
	}
}

// vlanID is a VLAN id, or 0 for a number that can be none: agents tell
// unknown as all ones.
func vlanID(v uint32) uint16 {
	if v > maxVLAN {
		return 0
	}
	return uint16(v)
}

// readRouter reads the next hop and the lengths of the prefixes of the routes
// to source and destination.
func readRouter(r *flows.Record, x *xdr) {
	hop := x.address()
	src, dst := x.uint32(), x.uint32()
	if x.err == nil {
		r.NextHop, r.SrcMask, r.DstMask = hop, prefixLength(src), prefixLength(dst)
	}
}

// prefixLength is a prefix length, or 0 for a number that can be none.
func prefixLength(v uint32) uint8 {
	if v > 128 {
		return 0
	}
	return uint8(v)
}

// readGateway reads what BGP knows: the next hop, the agent's own AS, the
// source's and its peer's, the path to the destination as segments, which are
// sets or sequences. Communities and preference follow it. A source or a path
// that is empty means the agent's own AS. What is whole counts.
func readGateway(r *flows.Record, x *xdr) {
	hop := x.address()
	own, src := x.uint32(), x.uint32()
	x.skip(1)
	segments := x.uint32()
	if x.err != nil {
		return
	}
	dst := uint32(0)
	for range segments {
		x.skip(1)
		if n := x.uint32(); n > 0 {
			x.skip(n - 1)
			dst = x.uint32()
		}
		if x.err != nil {
			dst = 0
			break
		}
	}
	r.BGPNextHop = hop
	r.SrcAS, r.DstAS = src, dst
	if src == 0 {
		r.SrcAS = own
	}
	if dst == 0 && x.err == nil {
		r.DstAS = own
	}
}
