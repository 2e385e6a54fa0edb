package netflow

import (
	"slices"
)

// eventElements are those of firewalls and address translators: NSEL, NEL, NAT.
// Cisco's ids over 33000 are those of NetFlow v9 on ASA before version 8.4.
var eventElements = []element{
	{id: 225, size: 4, octets: func(d *draft, b []byte) { setHop(&d.XlateSrc, ip4(b)) }},
	{id: 226, size: 4, octets: func(d *draft, b []byte) { setHop(&d.XlateDst, ip4(b)) }},
	{id: 227, number: func(d *draft, v uint64) { d.XlateSrcPort = uint16(v) }},
	{id: 228, number: func(d *draft, v uint64) { d.XlateDstPort = uint16(v) }},
	{id: 230, number: func(d *draft, v uint64) { d.NATEvent = uint8(v) }},
	{id: 233, number: func(d *draft, v uint64) { d.FirewallEvent = uint8(v) }},
	{id: 281, size: 16, octets: func(d *draft, b []byte) { setHop(&d.XlateSrc, ip6(b)) }},
	{id: 282, size: 16, octets: func(d *draft, b []byte) { setHop(&d.XlateDst, ip6(b)) }},
	{id: 371, text: true, octets: func(d *draft, b []byte) { setText(&d.x.user, b) }},

	{id: 33002, number: func(d *draft, v uint64) { d.FirewallExtEvent = uint16(v) }},
	{id: 40000, text: true, octets: func(d *draft, b []byte) { setText(&d.x.user, b) }},
	{id: 40001, size: 4, octets: func(d *draft, b []byte) { setHop(&d.XlateSrc, ip4(b)) }},
	{id: 40002, size: 4, octets: func(d *draft, b []byte) { setHop(&d.XlateDst, ip4(b)) }},
	{id: 40003, number: func(d *draft, v uint64) { d.XlateSrcPort = uint16(v) }},
	{id: 40004, number: func(d *draft, v uint64) { d.XlateDstPort = uint16(v) }},
	{id: 40005, number: func(d *draft, v uint64) { d.FirewallEvent = uint8(v) }},
}

// connectionElements are Cisco's ends of a connection (AVC), once in IPFIX and
// once, with the upper bit set, in NetFlow v9.
func connectionElements() []element {
	var all []element
	for _, e := range []element{
		{id: 12236, size: 4, octets: func(d *draft, b []byte) { setHop(&d.x.client, ip4(b)) }},
		{id: 12237, size: 4, octets: func(d *draft, b []byte) { setHop(&d.x.server, ip4(b)) }},
		{id: 12238, size: 16, octets: func(d *draft, b []byte) { setHop(&d.x.client, ip6(b)) }},
		{id: 12239, size: 16, octets: func(d *draft, b []byte) { setHop(&d.x.server, ip6(b)) }},
		{id: 12240, number: func(d *draft, v uint64) { d.x.cPort = uint16(v) }},
		{id: 12241, number: func(d *draft, v uint64) { d.x.sPort = uint16(v) }},
	} {
		v9 := e
		v9.id |= 0x8000
		e.pen = penCisco
		all = append(all, e, v9)
	}
	return slices.Clip(all)
}
