package findings

import (
	"net/netip"

	"flowname/correlate"
	"flowname/flows"
)

// Reached tells which flows reach an address that their client should have looked up:
// whether its lookups would be seen is not said here. It is constant.
type Reached struct {
	Inside *correlate.Inside
	// Resolvers may be asked by clients, by whatever protocol.
	Resolvers []netip.Prefix
	DoH       *DoH
}

// NoLookupEvidence is what a NoLookup finding rests on.
type NoLookupEvidence struct {
	// Reason is no_answer, ambiguous, or others: what is known of the address.
	Reason string `json:"reason"`
	// Others are the names that others had for it.
	Others []string `json:"others,omitempty"`
	// Visibility is how it is known that a lookup would have been seen.
	Visibility any `json:"visibility"`
}

// leastEphemeral is from where on systems choose the ports of connections that they
// make, if only by default (Linux; others begin higher, RFC 6335 section 6).
const leastEphemeral = 32768

// Unasked says whether a flow is one that its client made to a public address for which
// it has no name: of TCP a connection that got an answer, of UDP QUIC. Peers, calls,
// games and tunnels by UDP are not looked up, and neither are time servers that are set
// by address. Asking a resolver is another finding.
func (r *Reached) Unasked(f *correlate.Flow) bool {
	switch {
	case f.Unnamed != 0 && f.Unnamed != correlate.NoAnswer && f.Unnamed != correlate.Ambiguous, !f.ServerIsDst(),
		f.Dst.Named && f.Dst.Basis() != correlate.Others, f.Src.Named:
		return false
	case f.DstPort == portDNS || f.DstPort == portDoT || f.FirewallEvent == flows.FirewallDenied || !begins(f, f.DstPort):
		return false
	case f.Proto == flows.ProtoTCP && (f.TCPFlags&flows.TCPAck == 0 || f.TCPFlags&flows.TCPPsh == 0 && f.TCPFlags&flows.TCPRst != 0):
		return false // it got nowhere
	case f.BiflowDirection != 1 && f.SrcPort < leastEphemeral && (f.DstPort >= 1024 || f.SrcPort < 1024):
		return false // either end may have begun it
	}
	dst := f.Record.Dst
	return r.Inside.Public(dst) && !contains(r.Resolvers, dst) && r.Inside.Ours(f.Record.Src) &&
		!(f.DstPort == portHTTPS && r.DoH.Addr(dst))
}

// Evidence is what is told of a flow, given how its client's lookups are seen.
func (r *Reached) Evidence(f *correlate.Flow, visibility any) NoLookupEvidence {
	e := NoLookupEvidence{Reason: f.Unnamed.String(), Visibility: visibility}
	if f.Dst.Named {
		e.Reason = f.Dst.Basis().String()
	}
	for i := range f.Dst.Candidates {
		e.Others = append(e.Others, f.Dst.Candidates[i].Name)
	}
	return e
}
