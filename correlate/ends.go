package correlate

import (
	"net/netip"

	"flowname/flows"
)

// serverIsDst tells which end a client would have looked up: the one that did
// not begin the connection, where the exporter says so, else the one with the
// well-known port, else the lower port, else the destination. It chooses for
// which end the reason is given, and whose name an exporter tells; answers are
// looked up for both.
func serverIsDst(r *flows.Record) bool {
	if !resolvable(r.Dst) {
		return true
	}
	switch r.BiflowDirection {
	case 1:
		return true
	case 2:
		return false
	}
	if r.Proto != flows.ProtoTCP && r.Proto != flows.ProtoUDP {
		return true
	}
	return r.DstPort <= r.SrcPort
}

// resolvable tells whether an address can be somebody's answer to a lookup
// made to reach it. RFC 1918 addresses can.
func resolvable(a netip.Addr) bool {
	return a.IsValid() &&
		!a.IsUnspecified() &&
		!a.IsLoopback() &&
		!a.IsMulticast() &&
		!a.IsLinkLocalUnicast() &&
		a != broadcast
}

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})
