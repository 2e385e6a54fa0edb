package exports

import (
	"flowname/dnscache"
	"flowname/flows/netflow"
)

// DNS question types.
const (
	typeA    = 1
	typeAAAA = 28
)

// A DNS turns the DNS that flow records told into evidence. It belongs to
// one goroutine.
type DNS struct {
	response dnscache.Response
	addrs    [1]dnscache.Addr
}

// Evidence makes a response of an answer; it is valid until the next one.
func (f *DNS) Evidence(a *netflow.Answer) *dnscache.Response {
	r := &f.response
	f.addrs[0] = dnscache.Addr{Addr: a.Addr, TTL: a.TTL}
	if a.TTL == 0 { // nobody exports an answer of that; most have no field for it
		f.addrs[0].TTL = dnscache.UnknownTTL
	}
	*r = dnscache.Response{
		TimeNs: a.TimeNs, Client: a.Client, Server: a.Server, Source: dnscache.SourceFlowRecord,
		Name: append(r.Name[:0], a.Name...), Canonical: append(r.Canonical[:0], a.Canonical...),
		Type: typeA, Addrs: f.addrs[:],
	}
	if a.Addr.Is6() {
		r.Type = typeAAAA
	}
	return r
}
