package timeline

import (
	"net/netip"

	"flowname/correlate/indicators"
)

// State is what a name was, by its answers.
type State uint8

// The states. Where several are told at a time, the first of them is the name's.
const (
	Live       State = iota // an address that hosts can have
	Sinkholed               // an address, or an alias, that is known as a sinkhole's
	Private                 // an inside address
	NullRouted              // an address that leads nowhere
	Empty                   // the name has no address (NODATA)
	Absent                  // there is no such name (NXDOMAIN)
	Failed                  // nobody could tell (SERVFAIL, REFUSED and other errors)

	numStates
)

var stateTexts = [numStates]string{"live", "sinkholed", "private", "null_routed", "empty", "absent", "failed"}

// String is the text of the field "state".
func (s State) String() string { return stateTexts[s] }

// HasAddress says whether there is an address in that state.
func (s State) HasAddress() bool { return s <= NullRouted }

// Addresses that lead nowhere besides those that netip knows as unspecified,
// loopback or multicast: "this network" (RFC 791), what is reserved and broadcast
// (RFC 1112), the discard prefix (RFC 6666).
var nowhere = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("100::/64"),
}

// shared is what providers number their customers with (RFC 6598).
var shared = netip.MustParsePrefix("100.64.0.0/10")

// StateOf is the state that an address means, canonical being the name that its
// record belongs to. What is in sinkholes, which may be nil, is sinkholed.
func StateOf(addr netip.Addr, canonical string, sinkholes *indicators.Set) State {
	addr = addr.Unmap()
	if sinkholes != nil && (len(sinkholes.AppendAddr(nil, addr)) > 0 || canonical != "" && len(sinkholes.AppendName(nil, canonical)) > 0) {
		return Sinkholed
	}
	if addr.IsUnspecified() || addr.IsLoopback() || addr.IsMulticast() {
		return NullRouted
	}
	for _, p := range nowhere {
		if p.Contains(addr) {
			return NullRouted
		}
	}
	if addr.IsPrivate() || addr.IsLinkLocalUnicast() || shared.Contains(addr) {
		return Private
	}
	return Live
}
