package netflow

import (
	"cmp"
	"net/netip"
	"slices"

	"flowname/flows"
)

// An element is one information element that a Record has a use for.
type element struct {
	pen uint32
	id  uint16
	// size is the only length it is read in. Zero stands for a number, of one
	// to eight bytes; one that is wider than its field keeps its low bits.
	size   uint16
	number func(d *draft, v uint64)
	octets func(d *draft, b []byte)
	icmp   bool // it tells an ICMP type
	text   bool // octets of any length
	extra  bool // it tells something that is kept in draft.x
	// options is for elements that mean something in options data only.
	options bool
}

const ingressInterface = 10

// elements are all elements that are read, sorted by enterprise number and id
// for findElement. What is not here is skipped.
var elements = tabulate()

// tabulate joins the tables of elements. Those that only few templates have
// are marked, so that the others pay nothing for them.
func tabulate() []element {
	all := slices.Clone(basicElements[:])
	for _, table := range [][]element{optionElements, eventElements, reverseElements, listElements, vendorElements, answerElements} {
		for _, e := range table {
			e.extra = true
			all = append(all, e)
		}
	}
	slices.SortFunc(all, compareElements)
	return all
}

func compareElements(a, b element) int {
	return cmp.Or(cmp.Compare(a.pen, b.pen), cmp.Compare(a.id, b.id))
}

// basicElements are those of a plain flow. Ids of enterprise 0 are IANA's
// registry of IPFIX, with which those of NetFlow v9 agree up to 127.
//
// Where several elements tell one thing, the methods of draft choose; where a
// plain assignment stands here, the last one in a template wins.
var basicElements = [...]element{
	{id: 1, number: func(d *draft, v uint64) { d.countBytes(byDelta, v) }},
	{id: 2, number: func(d *draft, v uint64) { d.countPackets(byDelta, v) }},
	{id: 4, number: func(d *draft, v uint64) { d.Proto = uint8(v) }},
	{id: 5, number: func(d *draft, v uint64) { d.TOS = uint8(v) }},
	{id: 6, number: func(d *draft, v uint64) { d.TCPFlags |= uint16(v) }},
	{id: 7, number: func(d *draft, v uint64) { d.SrcPort = uint16(v) }},
	{id: 8, size: 4, octets: func(d *draft, b []byte) { d.setSrc(ip4(b)) }},
	{id: 9, number: func(d *draft, v uint64) { setByte(&d.SrcMask, prefixLength(v)) }},
	{id: 10, number: func(d *draft, v uint64) { d.InIf = uint32(v) }},
	{id: 11, number: func(d *draft, v uint64) { d.DstPort = uint16(v) }},
	{id: 12, size: 4, octets: func(d *draft, b []byte) { d.setDst(ip4(b)) }},
	{id: 13, number: func(d *draft, v uint64) { setByte(&d.DstMask, prefixLength(v)) }},
	{id: 14, number: func(d *draft, v uint64) { d.OutIf = uint32(v) }},
	{id: 15, size: 4, octets: func(d *draft, b []byte) { setHop(&d.NextHop, ip4(b)) }},
	{id: 16, number: func(d *draft, v uint64) { d.SrcAS = uint32(v) }},
	{id: 17, number: func(d *draft, v uint64) { d.DstAS = uint32(v) }},
	{id: 18, size: 4, octets: func(d *draft, b []byte) { setHop(&d.BGPNextHop, ip4(b)) }},
	{id: 21, number: func(d *draft, v uint64) { d.last, d.hasLast = uint32(v), true }},
	{id: 22, number: func(d *draft, v uint64) { d.first, d.hasFirst = uint32(v), true }},
	{id: 23, number: func(d *draft, v uint64) { d.countBytes(byPostDelta, v) }},
	{id: 24, number: func(d *draft, v uint64) { d.countPackets(byPostDelta, v) }},
	{id: 27, size: 16, octets: func(d *draft, b []byte) { d.setSrc(ip6(b)) }},
	{id: 28, size: 16, octets: func(d *draft, b []byte) { d.setDst(ip6(b)) }},
	{id: 29, number: func(d *draft, v uint64) { setByte(&d.SrcMask, prefixLength(v)) }},
	{id: 30, number: func(d *draft, v uint64) { setByte(&d.DstMask, prefixLength(v)) }},
	{id: 31, number: func(d *draft, v uint64) { d.IPv6FlowLabel = uint32(v) }},
	{id: 32, icmp: true, number: func(d *draft, v uint64) { d.setICMP(v) }},
	{id: 44, size: 4, octets: func(d *draft, b []byte) { d.setSrcPrefix(ip4(b)) }},
	{id: 45, size: 4, octets: func(d *draft, b []byte) { d.setDstPrefix(ip4(b)) }},
	{id: 52, number: func(d *draft, v uint64) { setByte(&d.TTL, uint8(v)) }},
	{id: 53, number: func(d *draft, v uint64) { setByte(&d.TTL, uint8(v)) }},
	{id: 54, number: func(d *draft, v uint64) { d.FragmentID = uint32(v) }},
	{id: 56, size: 6, octets: func(d *draft, b []byte) { d.SrcMAC = flows.MAC(b) }},
	{id: 57, size: 6, octets: func(d *draft, b []byte) { setMAC(&d.DstMAC, b) }},
	{id: 58, number: func(d *draft, v uint64) { d.VLAN, d.SrcVLAN = uint16(v), uint16(v) }},
	{id: 59, number: func(d *draft, v uint64) { d.DstVLAN = uint16(v) }},
	{id: 60, number: func(d *draft, v uint64) { d.ipVersion = uint8(v) }},
	{id: 61, number: func(d *draft, v uint64) { d.Direction = uint8(v) }},
	{id: 62, size: 16, octets: func(d *draft, b []byte) { setHop(&d.NextHop, ip6(b)) }},
	{id: 63, size: 16, octets: func(d *draft, b []byte) { setHop(&d.BGPNextHop, ip6(b)) }},
	{id: 70, number: func(d *draft, v uint64) { d.label(0, v) }},
	{id: 71, number: func(d *draft, v uint64) { d.label(1, v) }},
	{id: 72, number: func(d *draft, v uint64) { d.label(2, v) }},
	{id: 73, number: func(d *draft, v uint64) { d.label(3, v) }},
	{id: 74, number: func(d *draft, v uint64) { d.label(4, v) }},
	{id: 75, number: func(d *draft, v uint64) { d.label(5, v) }},
	{id: 80, size: 6, octets: func(d *draft, b []byte) { d.DstMAC = flows.MAC(b) }},
	{id: 81, size: 6, octets: func(d *draft, b []byte) { setMAC(&d.SrcMAC, b) }},
	{id: 85, number: func(d *draft, v uint64) { d.countBytes(byTotal, v) }},
	{id: 86, number: func(d *draft, v uint64) { d.countPackets(byTotal, v) }},
	{id: 88, number: func(d *draft, v uint64) { d.FragmentOff = uint16(v) }},
	{id: 89, number: func(d *draft, v uint64) { d.ForwardingStatus = uint8(v) }},
	{id: 136, number: func(d *draft, v uint64) { d.EndReason = uint8(v) }},
	{id: 138, number: func(d *draft, v uint64) { d.ObservationPoint = v }},
	{id: 139, icmp: true, number: func(d *draft, v uint64) { d.setICMP(v) }},
	{id: 150, number: func(d *draft, v uint64) { d.startAt(inSeconds, d.unix(v, 1e9)) }},
	{id: 151, number: func(d *draft, v uint64) { d.endAt(inSeconds, d.unix(v, 1e9)) }},
	{id: 152, number: func(d *draft, v uint64) { d.startAt(inMillis, d.unix(v, 1e6)) }},
	{id: 153, number: func(d *draft, v uint64) { d.endAt(inMillis, d.unix(v, 1e6)) }},
	{id: 154, size: 8, number: func(d *draft, v uint64) { d.startAt(inMicros, ntp(v&^ntpBelowMicro)) }},
	{id: 155, size: 8, number: func(d *draft, v uint64) { d.endAt(inMicros, ntp(v&^ntpBelowMicro)) }},
	{id: 156, size: 8, number: func(d *draft, v uint64) { d.startAt(inNanos, ntp(v)) }},
	{id: 157, size: 8, number: func(d *draft, v uint64) { d.endAt(inNanos, ntp(v)) }},
	{id: 158, number: func(d *draft, v uint64) { d.startAgo, d.hasStartAgo = d.lapse(v, 1e3) }},
	{id: 159, number: func(d *draft, v uint64) { d.endAgo, d.hasEndAgo = d.lapse(v, 1e3) }},
	{id: 160, number: func(d *draft, v uint64) { d.initMs = d.unix(v, 1e6) / 1e6 }},
	{id: 161, number: func(d *draft, v uint64) { d.duration, d.hasDuration = d.lapse(v, 1e6) }},
	{id: 162, number: func(d *draft, v uint64) { d.duration, d.hasDuration = d.lapse(v, 1e3) }},
	{id: 169, size: 16, octets: func(d *draft, b []byte) { d.setDstPrefix(ip6(b)) }},
	{id: 170, size: 16, octets: func(d *draft, b []byte) { d.setSrcPrefix(ip6(b)) }},
	{id: 171, number: func(d *draft, v uint64) { d.countBytes(byPostTotal, v) }},
	{id: 172, number: func(d *draft, v uint64) { d.countPackets(byPostTotal, v) }},
	{id: 176, icmp: true, number: func(d *draft, v uint64) { setByte(&d.ICMPType, uint8(v)) }},
	{id: 177, icmp: true, number: func(d *draft, v uint64) { setByte(&d.ICMPCode, uint8(v)) }},
	{id: 178, icmp: true, number: func(d *draft, v uint64) { setByte(&d.ICMPType, uint8(v)) }},
	{id: 179, icmp: true, number: func(d *draft, v uint64) { setByte(&d.ICMPCode, uint8(v)) }},
	{id: 180, number: func(d *draft, v uint64) { setPort(&d.SrcPort, v) }},
	{id: 181, number: func(d *draft, v uint64) { setPort(&d.DstPort, v) }},
	{id: 182, number: func(d *draft, v uint64) { setPort(&d.SrcPort, v) }},
	{id: 183, number: func(d *draft, v uint64) { setPort(&d.DstPort, v) }},
	{id: 192, number: func(d *draft, v uint64) { d.TTL = uint8(v) }},
	{id: 195, number: func(d *draft, v uint64) { setByte(&d.TOS, uint8(v)<<2) }},
	{id: 231, number: func(d *draft, v uint64) { d.countBytes(byInitiator, v) }},
	{id: 243, number: func(d *draft, v uint64) { setPort(&d.VLAN, v) }},
	{id: 254, number: func(d *draft, v uint64) { setPort(&d.DstVLAN, v) }},
	{id: 256, number: func(d *draft, v uint64) { d.EtherType = uint16(v) }},
	{id: 258, number: func(d *draft, v uint64) { d.eventAt(inMillis, d.unix(v, 1e6)) }},
	{id: 298, number: func(d *draft, v uint64) { d.countPackets(byInitiator, v) }},
	{id: 322, number: func(d *draft, v uint64) { d.eventAt(inSeconds, d.unix(v, 1e9)) }},
	{id: 323, number: func(d *draft, v uint64) { d.eventAt(inMillis, d.unix(v, 1e6)) }},
	{id: 324, size: 8, number: func(d *draft, v uint64) { d.eventAt(inMicros, ntp(v&^ntpBelowMicro)) }},
	{id: 325, size: 8, number: func(d *draft, v uint64) { d.eventAt(inNanos, ntp(v)) }},
	{id: 352, number: func(d *draft, v uint64) { d.countBytes(byLayer2, v) }},
	{id: 353, number: func(d *draft, v uint64) { d.countBytes(byLayer2, v) }},

	// YAF has the flags of a flow in two parts: first packet, all others.
	{pen: penCERT, id: 14, number: func(d *draft, v uint64) { d.TCPFlags |= uint16(v) }},
	{pen: penCERT, id: 15, number: func(d *draft, v uint64) { d.TCPFlags |= uint16(v) }},
}

// findElement returns the row of elements for an information element.
func findElement(pen uint32, id uint16) (int, bool) {
	return slices.BinarySearchFunc(elements, element{pen: pen, id: id}, compareElements)
}

// fits reports whether the element can be read from a field whose template says
// this length. The length of a variable one is checked record by record.
func (e *element) fits(length uint16) bool {
	switch {
	case length == variableLength, e.text:
		return true
	case e.size != 0:
		return length == e.size
	}
	return length >= 1 && length <= 8
}

// read is the checked way to the element's function, for values whose length
// the template did not tell.
func (e *element) read(d *draft, b []byte) {
	switch {
	case len(b) > 0xfffe || !e.fits(uint16(len(b))):
	case e.number != nil:
		e.number(d, bigEndian(b))
	default:
		e.octets(d, b)
	}
}

func ip4(b []byte) netip.Addr { return netip.AddrFrom4([4]byte(b)) }
func ip6(b []byte) netip.Addr { return netip.AddrFrom16([16]byte(b)).Unmap() }
