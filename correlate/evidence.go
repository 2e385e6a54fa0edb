package correlate

import (
	"net/netip"

	"flowname/dnscache"
	"flowname/flows"
)

// Evidence besides DNS answers: what somebody told of the very connection, and
// what the client only asked for. A cache that never had any costs a flow the
// look at a flag.

// tellMade gives the server's end the names that handshakes and agents told of
// this connection, and both ends the programs. Nothing is nearer to it but what
// the flow record says itself.
func (c *Correlator) tellMade(server, client *End, r *flows.Record, serverIsSrc bool, connection *conn) {
	t := tupleOf(r, serverIsSrc)
	c.made = c.cache.AppendMade(c.made[:0], c.matches, &t, connection.startNs, connection.startErrorNs)
	if len(c.made) == 0 && (r.XlateSrc.IsValid() || r.XlateDst.IsValid()) {
		translate(&t, r, serverIsSrc)
		c.made = c.cache.AppendMade(c.made, c.matches, &t, connection.startNs, connection.startErrorNs)
	}
	for i := range c.made {
		m := &c.made[i]
		end := client
		if m.Inbound {
			end = server
		}
		if end.Program == (dnscache.Program{}) {
			end.Program = m.Program
		}
		if m.Name == "" {
			continue
		}
		basis := Endpoint
		if m.Source.IsTLS() {
			basis = TLS
		}
		server.addNew(&dnscache.Match{Name: m.Name, AtNs: m.AtNs, Source: m.Source}, basis)
		server.Named = true
	}
}

// tupleOf is a record's connection if the one end is the server, or the other.
func tupleOf(r *flows.Record, serverIsSrc bool) dnscache.Tuple {
	if serverIsSrc {
		return dnscache.Tuple{Client: r.Dst, Server: r.Src, ClientPort: r.DstPort, ServerPort: r.SrcPort, Proto: r.Proto}
	}
	return dnscache.Tuple{Client: r.Src, Server: r.Dst, ClientPort: r.SrcPort, ServerPort: r.DstPort, Proto: r.Proto}
}

// translate makes of a tuple that on the other side of a NAT.
func translate(t *dnscache.Tuple, r *flows.Record, serverIsSrc bool) {
	src, srcPort, dst, dstPort := &t.Client, &t.ClientPort, &t.Server, &t.ServerPort
	if serverIsSrc {
		src, srcPort, dst, dstPort = dst, dstPort, src, srcPort
	}
	if r.XlateSrc.IsValid() {
		*src = r.XlateSrc
	}
	if r.XlateSrcPort != 0 {
		*srcPort = r.XlateSrcPort
	}
	if r.XlateDst.IsValid() {
		*dst = r.XlateDst
	}
	if r.XlateDstPort != 0 {
		*dstPort = r.XlateDstPort
	}
}

// appendAsked puts into c.asked the questions of an end's client for names of the
// end's address, the client under its other address where it has none by the
// flow's own.
func (c *Correlator) appendAsked(x *ends, connection *conn) {
	find := func(client, addr netip.Addr) bool {
		if len(c.asked) == 0 && resolvable(client) && resolvable(addr) {
			c.asked = c.cache.AppendAsked(c.asked, client, addr, connection.startNs, connection.startErrorNs)
		}
		return len(c.asked) > 0
	}
	c.asked = c.asked[:0]
	if find(x.client, x.addr) || !x.xlateClient.IsValid() && !x.xlateAddr.IsValid() {
		return
	}
	if !find(x.xlateClient, x.addr) {
		find(x.client, x.xlateAddr)
	}
}

// addAll adds a client's answers and its questions, c.asked, by their ranks, or
// what others were answered, behind what is there. The order of the answers among
// themselves stays.
func (c *Correlator) addAll(e *End, matches []dnscache.Match, others bool, connection *conn) {
	if others {
		for i := range matches {
			e.addNew(&matches[i], Others)
		}
		return
	}
	until := connection.startNs + connection.startErrorNs
	i := 0
	add := func(upTo Basis) {
		for ; i < len(matches); i++ {
			b := basisOf(&matches[i], connection.startNs, until)
			if b > upTo {
				return
			}
			e.addNew(&matches[i], b)
		}
	}
	addAsked := func(expired bool) {
		for k := range c.asked {
			if b := basisOf(&c.asked[k], connection.startNs, until); expired == (b == ClientExpired) {
				e.addNew(&c.asked[k], max(b, ClientQuery))
			}
		}
	}
	add(Client)
	addAsked(false)
	add(ClientExpired)
	addAsked(true)
	add(ClientLater)
}

// addNew is add but for names that are there already.
func (e *End) addNew(m *dnscache.Match, b Basis) {
	for i := range e.Candidates {
		if had := &e.Candidates[i]; had.Name == m.Name {
			if had.Canonical == "" { // whoever tells a connection's name can not tell that
				had.Canonical = m.Canonical
			}
			return
		}
	}
	e.add(m, b)
}

// told says whether the end has its name from a handshake or an agent.
func (e *End) told() bool {
	b := e.Basis()
	return b == TLS || b == Endpoint
}

// leadTold is leadWith for an end of which handshakes or agents told a name: only
// an exporter's goes before that, one that an earlier slice carried.
func (c *Correlator) leadTold(e *End, firstName uint32) {
	for i := range e.Candidates {
		if hashName(e.Candidates[i].Name) == firstName {
			return
		}
	}
	if name := c.told.find(firstName); name != "" {
		e.tell(name, firstName)
	}
}
