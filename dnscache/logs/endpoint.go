package logs

import (
	"net/netip"

	"flowname/dnscache"
)

// An endpoint fills connections as agents on hosts tell them: a local end, where
// the process is, and a remote one.
type endpoint struct {
	connection dnscache.Connection
	name       []byte
}

// fill sets the two ends of the connection. name is that of the remote end: the
// server's, unless the connection came in. What can not be an address's name
// here, another address, is none.
func (e *endpoint) fill(local, remote netip.AddrPort, inbound bool, name []byte) Reason {
	c := &e.connection
	switch {
	case !local.IsValid() || local.Addr().IsUnspecified():
		return BadClient
	case !remote.IsValid() || remote.Addr().IsUnspecified():
		return BadAddress
	}
	c.Client, c.ClientPort, c.Server, c.ServerPort = local.Addr(), local.Port(), remote.Addr(), remote.Port()
	c.Inbound = inbound
	c.Name = nil
	if inbound {
		c.Client, c.ClientPort, c.Server, c.ServerPort = c.Server, c.ServerPort, c.Client, c.ClientPort
		return Used
	}
	if _, literal := parseAddr(name); literal || len(name) == 0 {
		return Used
	}
	var ok bool
	if e.name, ok = appendRawName(e.name[:0], name); !ok {
		return BadName
	}
	c.Name = e.name
	return Used
}

// parseEnd reads one end of a connection; it is not valid if the address is not
// one. A port that is none is 0.
func parseEnd(addr, port []byte) netip.AddrPort {
	a, ok := parseAddr(addr)
	if !ok {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(a, parsePort(port))
}

// parsePort reads a port; 0 for what is none.
func parsePort(text []byte) uint16 {
	if n, ok := parseUint(text); ok && n <= 0xffff {
		return uint16(n)
	}
	return 0
}

// parsePID reads the number of a process; 0 for what is none.
func parsePID(text []byte) uint32 {
	if n, ok := parseUint(text); ok && n <= 0xffffffff {
		return uint32(n)
	}
	return 0
}

// parseProto reads an IP protocol: its number or the name of one that has
// ports. It is 0 for others.
func parseProto(text []byte) uint8 {
	switch {
	case equalFold(text, "TCP"):
		return 6
	case equalFold(text, "UDP"):
		return 17
	case equalFold(text, "SCTP"):
		return 132
	}
	if n, ok := parseUint(text); ok && n <= 0xff {
		return uint8(n)
	}
	return 0
}
