package logs

import (
	"bytes"
	"net/netip"

	"flowname/dnscache"
)

// A passiveGroup are the rows of one answer.
type passiveGroup struct {
	ns             int64
	client, server netip.Addr // as the row has them; only for telling answers apart
	records        records
	done           []bool // of the records: given
}

// give gives the answer whose rows are complete.
func (p *passiveParser) give(to *Sink) {
	g := &p.group
	if len(g.records.all) == 0 {
		return
	}
	g.done = append(g.done[:0], make([]bool, len(g.records.all))...)
	for i := range g.records.all {
		r := &g.records.all[i]
		if r.typ == typeCNAME && !g.records.isTarget(r.owner) {
			p.giveChain(r.owner, to)
		}
	}
	for i := range g.records.all {
		if !g.done[i] && g.records.all[i].typ != typeCNAME {
			p.giveOwner(g.records.all[i].owner, to)
		}
	}
	g.records.reset()
}

// begin begins an answer of the group.
func (p *passiveParser) begin(name []byte) *dnscache.Response {
	p.response = dnscache.Response{
		TimeNs: p.group.ns, Server: p.group.server, Source: dnscache.SourcePassiveDNS, Name: name,
	}
	return &p.response
}

// giveChain gives the addresses that a name has by the group's aliases.
func (p *passiveParser) giveChain(name []byte, to *Sink) {
	g, r := &p.group, p.begin(name)
	g.records.follow(r)
	for i := range g.records.all {
		if g.records.onChain(g.records.all[i].owner) != nil {
			g.done[i] = true
		}
	}
	if len(r.Addrs) > 0 {
		p.finish(to)
	}
}

// giveOwner gives the addresses of one owner that no alias of the group leads to.
func (p *passiveParser) giveOwner(owner []byte, to *Sink) {
	g, r := &p.group, p.begin(owner)
	g.records.addrs = g.records.addrs[:0]
	for i := range g.records.all {
		a := &g.records.all[i]
		if a.addr.IsValid() && bytes.Equal(a.owner, owner) {
			g.records.addrs = appendAddr(g.records.addrs, dnscache.Addr{Addr: a.addr, TTL: a.ttl})
			g.done[i] = true
		}
	}
	r.Addrs = g.records.addrs
	p.finish(to)
}

// finish sets the type that the addresses are answers to, and gives the answer.
func (p *passiveParser) finish(to *Sink) {
	r := &p.response
	for _, a := range r.Addrs {
		t := uint16(typeA)
		if a.Addr.Is6() {
			t = typeAAAA
		}
		if r.Type != 0 && r.Type != t {
			t = typeANY
		}
		r.Type = t
	}
	to.Response(r)
}
