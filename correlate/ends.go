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

// ServerIsDst tells whether the destination is the end that the other one would
// have looked up, by what the record says of it.
func (f *Flow) ServerIsDst() bool {
	if f.server == unknownEnd { // of a flow that no Correlator has made
		return serverIsDst(f.Record)
	}
	return f.server == dstEnd
}

// endKind remembers which end is the server's: it is asked for often.
type endKind uint8

const (
	unknownEnd endKind = iota
	dstEnd
	srcEnd
)

func (f *Flow) findServer() {
	f.server = srcEnd
	if serverIsDst(f.Record) {
		f.server = dstEnd
	}
}

// Server is the end that the other one would have looked up, with its address and
// port.
func (f *Flow) Server() (end *End, addr netip.Addr, port uint16) {
	if f.ServerIsDst() {
		return &f.Dst, f.Record.Dst, f.DstPort
	}
	return &f.Src, f.Record.Src, f.SrcPort
}

// Client is the end that is not Server.
func (f *Flow) Client() (end *End, addr netip.Addr, port uint16) {
	if f.ServerIsDst() {
		return &f.Src, f.Record.Src, f.SrcPort
	}
	return &f.Dst, f.Record.Dst, f.DstPort
}

// Resolvable tells whether an address can be somebody's answer to a lookup made to
// reach it: it is no multicast, broadcast, link-local, loopback or unspecified one.
func Resolvable(a netip.Addr) bool { return resolvable(a) }

// resolvable tells whether an address can be somebody's answer to a lookup
// made to reach it. RFC 1918 addresses can. It is asked several times a flow.
func resolvable(a netip.Addr) bool {
	if !a.Is4() {
		return a.IsValid() && !a.IsUnspecified() && !a.IsLoopback() && !a.IsMulticast() && !a.IsLinkLocalUnicast()
	}
	b := a.As4()
	switch {
	case b[0] == 0:
		return b != [4]byte{}
	case b[0] == 127:
		return false
	case b[0] == 169:
		return b[1] != 254
	case b[0] >= 224:
		return b[0] >= 240 && b != [4]byte{255, 255, 255, 255}
	}
	return true
}
