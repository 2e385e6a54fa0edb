package netflow

import (
	"net/netip"

	"flowname/flows"
)

// penReverse is the enterprise number of RFC 5103: an element of it is IANA's
// element with the same id, for the packets of the other direction.
const penReverse = 29305

// A reverse is what a record for both directions tells of the packets from its
// destination to its source.
type reverse struct {
	bytes, packets         uint64
	bytesFrom, packetsFrom counterKind
	flags                  uint16
	tos, ttl               uint8
	vlan                   uint16
	hasFlags, hasTOS       bool
}

func (r *reverse) countBytes(k counterKind, v uint64) {
	if v != 0 && (r.bytesFrom == 0 || k < r.bytesFrom) {
		r.bytes, r.bytesFrom = v, k
	}
}

func (r *reverse) countPackets(k counterKind, v uint64) {
	if v != 0 && (r.packetsFrom == 0 || k < r.packetsFrom) {
		r.packets, r.packetsFrom = v, k
	}
}

func (r *reverse) addFlags(v uint64) {
	r.flags |= uint16(v)
	r.hasFlags = true
}

// certReverse is how CERT marks its own elements as those of the other
// direction.
const certReverse = 1 << 14

// reverseElements are those of records for both directions: of RFC 5103, of
// Cisco's responder, of vendors.
var reverseElements = []element{
	{id: 232, number: func(d *draft, v uint64) { d.x.reverse.countBytes(byInitiator, v) }},
	{id: 239, number: func(d *draft, v uint64) { d.BiflowDirection = uint8(v) }},
	{id: 299, number: func(d *draft, v uint64) { d.x.reverse.countPackets(byInitiator, v) }},

	{pen: penReverse, id: 1, number: func(d *draft, v uint64) { d.x.reverse.countBytes(byDelta, v) }},
	{pen: penReverse, id: 2, number: func(d *draft, v uint64) { d.x.reverse.countPackets(byDelta, v) }},
	{pen: penReverse, id: 5, number: func(d *draft, v uint64) { d.x.reverse.tos, d.x.reverse.hasTOS = uint8(v), true }},
	{pen: penReverse, id: 6, number: func(d *draft, v uint64) { d.x.reverse.addFlags(v) }},
	{pen: penReverse, id: 23, number: func(d *draft, v uint64) { d.x.reverse.countBytes(byPostDelta, v) }},
	{pen: penReverse, id: 24, number: func(d *draft, v uint64) { d.x.reverse.countPackets(byPostDelta, v) }},
	{pen: penReverse, id: 58, number: func(d *draft, v uint64) { d.x.reverse.vlan = uint16(v) }},
	{pen: penReverse, id: 85, number: func(d *draft, v uint64) { d.x.reverse.countBytes(byTotal, v) }},
	{pen: penReverse, id: 86, number: func(d *draft, v uint64) { d.x.reverse.countPackets(byTotal, v) }},
	{pen: penReverse, id: 150, number: func(d *draft, v uint64) { d.reverseStart(inSeconds, d.unix(v, 1e9)) }},
	{pen: penReverse, id: 151, number: func(d *draft, v uint64) { d.reverseEnd(inSeconds, d.unix(v, 1e9)) }},
	{pen: penReverse, id: 152, number: func(d *draft, v uint64) { d.reverseStart(inMillis, d.unix(v, 1e6)) }},
	{pen: penReverse, id: 153, number: func(d *draft, v uint64) { d.reverseEnd(inMillis, d.unix(v, 1e6)) }},
	{pen: penReverse, id: 154, size: 8, number: func(d *draft, v uint64) { d.reverseStart(inMicros, ntp(v&^ntpBelowMicro)) }},
	{pen: penReverse, id: 155, size: 8, number: func(d *draft, v uint64) { d.reverseEnd(inMicros, ntp(v&^ntpBelowMicro)) }},
	{pen: penReverse, id: 156, size: 8, number: func(d *draft, v uint64) { d.reverseStart(inNanos, ntp(v)) }},
	{pen: penReverse, id: 157, size: 8, number: func(d *draft, v uint64) { d.reverseEnd(inNanos, ntp(v)) }},
	{pen: penReverse, id: 192, number: func(d *draft, v uint64) { d.x.reverse.ttl = uint8(v) }},

	{pen: penCERT, id: 21, number: func(d *draft, v uint64) { d.x.reverseAgo, d.x.hasReverseAgo = d.lapse(v, 1e6) }},
	{pen: penCERT, id: certReverse | 14, number: func(d *draft, v uint64) { d.x.reverse.addFlags(v) }},
	{pen: penCERT, id: certReverse | 15, number: func(d *draft, v uint64) { d.x.reverse.addFlags(v) }},

	{pen: penIxia, id: 176, number: func(d *draft, v uint64) { d.x.reverse.countBytes(byTotal, v) }},
	{pen: penIxia, id: 177, number: func(d *draft, v uint64) { d.x.reverse.countPackets(byTotal, v) }},
}

func (d *draft) reverseStart(f timeForm, ns int64) {
	if ns != 0 && f > d.x.reverseStartForm {
		d.x.reverseStart, d.x.reverseStartForm = f.at(ns), f
	}
}

func (d *draft) reverseEnd(f timeForm, ns int64) {
	if ns != 0 && f > d.x.reverseEndForm {
		d.x.reverseEnd, d.x.reverseEndForm = f.at(ns), f
	}
}

// appendReverse appends the other direction of the record that was read last,
// where it has counts of its own: a flow record like any other, that begins
// where the first one ends. It counts against the bound of records.
func (d *Decoder) appendReverse(dst []flows.Record, t *template, off int) []flows.Record {
	x := &d.draft.x
	if x.reverse.bytes == 0 && x.reverse.packets == 0 {
		return dst
	}
	if d.msg.room == 0 {
		d.stats.RecordsRefused++
		d.fail(t.id, off, ErrTooMany)
		d.refuse(TooManyRecords, 0) // its bytes were read
		return dst
	}
	d.msg.room--
	d.stats.ReverseRecords++
	d.msg.domain.account.Reversed++
	forward := &dst[len(dst)-1]
	if forward.BiflowDirection == 0 {
		forward.BiflowDirection = 1 // its source is the initiator, RFC 5103 section 3
	}
	dst = append(dst, *forward)
	r := &dst[len(dst)-1]
	swapEnds(r)
	r.Bytes, r.Packets = x.reverse.bytes, x.reverse.packets
	if x.reverse.hasFlags {
		r.TCPFlags = x.reverse.flags
	}
	if x.reverse.hasTOS {
		r.TOS = x.reverse.tos
	}
	r.TTL = x.reverse.ttl
	if v := x.reverse.vlan; v != 0 {
		r.VLAN, r.SrcVLAN = v, v
	}
	d.reverseTimes(r)
	return dst
}

// reverseTimes sets the times of the other direction where they are told.
func (d *Decoder) reverseTimes(r *flows.Record) {
	x := &d.draft.x
	if x.hasReverseAgo && r.StartNs+x.reverseAgo <= r.EndNs {
		r.StartNs += x.reverseAgo
	}
	if x.reverseStart.known() {
		r.StartNs, r.StartErrorNs = x.reverseStart.ns, x.reverseStart.errNs
	}
	if x.reverseEnd.known() {
		r.EndNs = x.reverseEnd.ns
	}
}

// swapEnds turns a record round.
func swapEnds(r *flows.Record) {
	r.Src, r.Dst = r.Dst, r.Src
	r.XlateSrc, r.XlateDst = r.XlateDst, r.XlateSrc
	r.XlateSrcPort, r.XlateDstPort = r.XlateDstPort, r.XlateSrcPort
	r.SrcMAC, r.DstMAC = r.DstMAC, r.SrcMAC
	r.SrcVLAN, r.DstVLAN = r.DstVLAN, r.SrcVLAN
	r.InIf, r.OutIf = r.OutIf, r.InIf
	r.InIfName, r.OutIfName = r.OutIfName, r.InIfName
	r.InVRFName, r.OutVRFName = r.OutVRFName, r.InVRFName
	r.SrcAS, r.DstAS = r.DstAS, r.SrcAS
	r.SrcMask, r.DstMask = r.DstMask, r.SrcMask
	r.NextHop, r.BGPNextHop = netip.Addr{}, netip.Addr{}
	switch r.BiflowDirection {
	case 1:
		r.BiflowDirection = 2
	case 2:
		r.BiflowDirection = 1
	}
	if r.Proto != flows.ProtoICMP && r.Proto != flows.ProtoICMPv6 {
		r.SrcPort, r.DstPort = r.DstPort, r.SrcPort
	}
}
