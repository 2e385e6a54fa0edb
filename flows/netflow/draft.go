package netflow

import (
	"math/bits"
	"net/netip"

	"flowname/flows"
)

// A draft is a record that is being read: the flow record it becomes, and what
// can be decided only when all elements were seen.
type draft struct {
	*flows.Record
	marks
	x       extras       // only of templates whose plan is extra
	scratch flows.Record // what options data is read into
}

// marks is the part of a draft that begins empty with each record.
type marks struct {
	start, end, event        instant
	startForm, endForm       timeForm
	first, last              uint32 // uptimes, ms
	startAgo, endAgo         int64  // ns before the header's time
	duration                 int64  // ns
	initMs                   int64  // Unix time of uptime zero; 0 not told
	hasFirst, hasLast        bool
	hasStartAgo, hasEndAgo   bool
	hasDuration              bool
	srcIsPrefix, dstIsPrefix bool
	bytesFrom, packetsFrom   counterKind
	ipVersion                uint8
	badTimes                 uint8
}

// begin makes r the record that is read next, with the plan p.
func (d *draft) begin(r *flows.Record, p *plan) {
	d.Record = r
	d.marks = marks{}
	if p.extra {
		d.x.reset()
	}
}

// A counterKind is which of the elements for bytes, or packets, a count is
// from. Of several that are not zero the first in this order is kept.
type counterKind uint8

const (
	byDelta     counterKind = iota + 1 // since the record before
	byTotal                            // since the flow's start
	byPostDelta                        // as it left, not as it came
	byPostTotal
	byInitiator // one direction of a record for both
	byLayer2    // with the frame's header
)

func (d *draft) countBytes(k counterKind, v uint64) {
	if v != 0 && (d.bytesFrom == 0 || k < d.bytesFrom) {
		d.Bytes, d.bytesFrom = v, k
	}
}

func (d *draft) countPackets(k counterKind, v uint64) {
	if v != 0 && (d.packetsFrom == 0 || k < d.packetsFrom) {
		d.Packets, d.packetsFrom = v, k
	}
}

// setSrc sets the source. Exporters send templates with the elements of both
// address families and leave one empty: an address that is not zero stays, as
// does the first of two.
func (d *draft) setSrc(a netip.Addr) {
	if !d.Src.IsValid() || d.srcIsPrefix || d.Src.IsUnspecified() && !a.IsUnspecified() {
		d.Src, d.srcIsPrefix = a, false
	}
}

func (d *draft) setDst(a netip.Addr) {
	if !d.Dst.IsValid() || d.dstIsPrefix || d.Dst.IsUnspecified() && !a.IsUnspecified() {
		d.Dst, d.dstIsPrefix = a, false
	}
}

// setSrcPrefix takes the network as the source of a flow that has no address:
// exporters that aggregate send no more.
func (d *draft) setSrcPrefix(a netip.Addr) {
	if !d.Src.IsValid() {
		d.Src, d.srcIsPrefix = a, true
	}
}

func (d *draft) setDstPrefix(a netip.Addr) {
	if !d.Dst.IsValid() {
		d.Dst, d.dstIsPrefix = a, true
	}
}

// setHop sets a next hop. Zero is how exporters say that there is none.
func setHop(hop *netip.Addr, a netip.Addr) {
	if !a.IsUnspecified() {
		*hop = a
	}
}

// setByte, setPort and setMAC are for elements that are second choice to
// another: they set only what is zero.
func setByte(p *uint8, v uint8) {
	if *p == 0 {
		*p = v
	}
}

func setPort(p *uint16, v uint64) {
	if *p == 0 {
		*p = uint16(v)
	}
}

func setMAC(p *flows.MAC, b []byte) {
	if *p == (flows.MAC{}) {
		*p = flows.MAC(b)
	}
}

// setICMP takes type and code from one number: type * 256 + code. Of the
// elements for IPv4 and IPv6 the one that is not zero counts.
func (d *draft) setICMP(v uint64) {
	if v != 0 {
		d.ICMPType, d.ICMPCode = uint8(v>>8), uint8(v)
	}
}

// label sets the i-th label of the MPLS stack from its three bytes: 20 bits of
// label, three of EXP, one that ends the stack.
func (d *draft) label(i int, v uint64) {
	if v != 0 {
		d.MPLS[i] = uint32(v>>4) & 0xfffff
		d.MPLSDepth = max(d.MPLSDepth, uint8(i+1))
	}
}

// prefixLength reads a prefix length, or the length of an IPv4 netmask for
// exporters that send it whole. What is neither is not exported.
func prefixLength(v uint64) uint8 {
	if v <= 128 {
		return uint8(v)
	}
	ones := bits.LeadingZeros32(^uint32(v))
	if v > 0xffffffff || uint32(v)<<ones != 0 {
		return 0
	}
	return uint8(ones)
}

// finish completes the flow record that was read with t.
func (d *Decoder) finish(t *template) {
	f := &d.draft
	f.setTimes(&d.msg)
	d.stats.BadTimes += uint64(f.badTimes)
	f.matchFamilies()
	f.setEtherType()
	if !t.plan.icmp {
		icmpFromPort(f.Record)
	}
	if t.plan.extra {
		d.finishExtras()
	}
	if d.msg.tables.any() {
		d.lookUp(t.plan.extra)
	}
}

// matchFamilies gives both ends one family: the unspecified address is in both,
// and in a template with elements for both the first one was taken.
func (d *draft) matchFamilies() {
	if d.Src.Is4() == d.Dst.Is4() || !d.Src.IsValid() || !d.Dst.IsValid() {
		return
	}
	if d.Src.IsUnspecified() {
		d.Src = unspecifiedLike(d.Dst)
	} else if d.Dst.IsUnspecified() {
		d.Dst = unspecifiedLike(d.Src)
	}
}

func unspecifiedLike(a netip.Addr) netip.Addr {
	if a.Is4() {
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified()
}

// setEtherType takes the addresses' word before that of the elements: a record
// with addresses is of an IP flow, whatever frame it came in.
func (d *draft) setEtherType() {
	a := d.Dst
	if !a.IsValid() {
		a = d.Src
	}
	switch {
	case a.Is4():
		d.EtherType = flows.EtherTypeIPv4
	case a.Is6():
		d.EtherType = flows.EtherTypeIPv6
	case d.EtherType != 0:
	case d.ipVersion == 4:
		d.EtherType = flows.EtherTypeIPv4
	case d.ipVersion == 6:
		d.EtherType = flows.EtherTypeIPv6
	}
}
