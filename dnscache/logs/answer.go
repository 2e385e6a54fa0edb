package logs

import (
	"net/netip"

	"flowname/dnscache"
)

// An answer builds the response of one line in buffers that the next line
// reuses.
type answer struct {
	response        dnscache.Response
	name, canonical []byte
	addrs           []dnscache.Addr
	aliases         bool // an alias came behind an address: their order says nothing
}

// begin empties the answer but for its source.
func (a *answer) begin() {
	a.response = dnscache.Response{Source: a.response.Source}
	a.canonical, a.addrs, a.aliases = a.canonical[:0], a.addrs[:0], false
}

// question sets the name that was asked for, in presentation form.
func (a *answer) question(name []byte) (ok bool) {
	a.name, ok = appendName(a.name[:0], name)
	a.response.Name = a.name
	return ok
}

// alias takes the target of a CNAME. Logs that write no owners have the chain
// in order, so that its end is the last one before the addresses.
func (a *answer) alias(target []byte) (ok bool) {
	if len(a.addrs) > 0 {
		a.aliases = true
		return true
	}
	a.canonical, ok = appendName(a.canonical[:0], target)
	return ok
}

// address takes an address that the log says to be one of the name's, without
// the time that it may be kept.
func (a *answer) address(addr netip.Addr) {
	a.addrs = append(a.addrs, dnscache.Addr{Addr: addr, TTL: dnscache.UnknownTTL})
}

// give gives the response to the sink. What an error or an answer without
// addresses had beside is not told.
func (a *answer) give(to *Sink) Reason {
	r := &a.response
	if r.RCode == 0 && len(a.addrs) > 0 {
		r.Addrs = a.addrs
		if !a.aliases && len(a.canonical) > 0 && string(a.canonical) != string(a.name) {
			r.Canonical = a.canonical
		}
	}
	to.Response(r)
	return Used
}

// namesAddresses says whether a question of this type is answered with
// addresses; 0 is one that the log does not tell.
func namesAddresses(t uint16) bool {
	switch t {
	case 0, typeA, typeAAAA, typeSVCB, typeHTTPS, typeANY:
		return true
	}
	return false
}
