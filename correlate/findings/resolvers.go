package findings

import (
	"net/netip"

	"flowname/correlate"
	"flowname/dnscache"
	"flowname/flows"
)

// Asked is by what protocol a resolver was asked. The zero Asked is by none.
type Asked uint8

// The protocols.
const (
	AskedDNS Asked = 1 + iota
	AskedDoT       // RFC 7858
	AskedDoQ       // RFC 9250
	AskedDoH       // RFC 8484
)

var askedNames = [...]string{"", "dns", "dot", "doq", "doh"}

// String is the text in the evidence.
func (a Asked) String() string { return askedNames[a] }

// Ports of DNS.
const (
	portDNS   = 53
	portDoT   = 853 // of DoQ too
	portHTTPS = 443
)

// Resolvers tells who asks resolvers that are not allowed. It is constant.
type Resolvers struct {
	// Allowed are the resolvers that may be asked, and that ask whom they like.
	Allowed []netip.Prefix
	// Forwarders ask whom they like.
	Forwarders []netip.Prefix
	Inside     *correlate.Inside
	DoH        *DoH
}

// OutsideResolverEvidence is what an OutsideResolver finding rests on.
type OutsideResolverEvidence struct {
	Protocol string `json:"protocol"`
	// By is port, name or address: what tells that it is a resolver.
	By string `json:"by"`
	// Denied says that a firewall did not let it through.
	Denied bool `json:"denied,omitempty"`
}

// Flow says by what protocol a flow's client asks a resolver that is not allowed.
// named says that the server has a name and that it is one in DoH. Answers of
// resolvers are not looked at: what comes from port 53 may be anybody's, asked for
// or not.
func (r *Resolvers) Flow(f *correlate.Flow, named bool) Asked {
	if !f.ServerIsDst() || f.Proto != flows.ProtoUDP && f.Proto != flows.ProtoTCP {
		return 0
	}
	var asked Asked
	switch f.DstPort {
	case portHTTPS:
		if !r.isDoH(f, named) {
			return 0
		}
		asked = AskedDoH
	case portDNS:
		asked = AskedDNS
	case portDoT:
		if asked = AskedDoT; f.Proto == flows.ProtoUDP {
			asked = AskedDoQ
		}
	default:
		return 0
	}
	if !r.forbids(f.Record.Src, f.Record.Dst) {
		return 0
	}
	return asked
}

// isDoH tells HTTPS to a service of DNS from that to other sites, which can be on the
// same address: the client's own name for it goes before the address.
func (r *Resolvers) isDoH(f *correlate.Flow, named bool) bool {
	if b := f.Dst.Basis(); b != 0 && b != correlate.Others {
		return named
	}
	return r.DoH.Addr(f.Record.Dst)
}

// Answer says whether an answer that was seen on the wire is of a resolver that its
// client may not ask.
func (r *Resolvers) Answer(a *dnscache.Response) bool {
	if a.Source != dnscache.SourcePackets || len(a.Name) == 0 || !a.Client.IsValid() || !a.Server.IsValid() {
		return false
	}
	return r.forbids(a.Client, a.Server)
}

// forbids says whether client is one of this network's and may not ask server. Of
// strangers' addresses it is not enough that their DNS is seen: they may ask this
// network's own name servers.
func (r *Resolvers) forbids(client, server netip.Addr) bool {
	return !contains(r.Allowed, server) && r.Inside.Known(client) && correlate.Resolvable(server) &&
		!contains(r.Allowed, client) && !contains(r.Forwarders, client)
}

func contains(networks []netip.Prefix, a netip.Addr) bool {
	for _, p := range networks {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// Evidence is what is told of a flow.
func (r *Resolvers) Evidence(f *correlate.Flow, asked Asked) OutsideResolverEvidence {
	e := OutsideResolverEvidence{Protocol: asked.String(), By: "port", Denied: f.FirewallEvent == flows.FirewallDenied}
	if asked == AskedDoH {
		if e.By = "address"; f.Dst.Named && f.Dst.Basis() != correlate.Others {
			e.By = "name"
		}
	}
	return e
}
