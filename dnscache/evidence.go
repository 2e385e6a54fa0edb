package dnscache

import (
	"net/netip"
	"time"
)

// How near to each other in time evidence must be to be put together, in
// nanoseconds.
const (
	// A client that asked for a name at q was given an address that the name had
	// by an answer between q-TTL-askedBefore and q+askedAfter: resolvers answer
	// from what they were told up to a TTL ago, and a little longer when their
	// servers fail (RFC 8767); logs have whole seconds, and the answer that another
	// client was given may come just after.
	askedBefore = int64(5 * time.Minute)
	askedAfter  = int64(time.Minute)

	// A connection is that of a flow which began at s if it was made between
	// s-madeBefore and s+madeAfter: agents tell whole seconds, by clocks of their
	// own. Where both ports are known it can have been made as long before as the
	// longest active timeout in use: a flow can be a slice whose beginning was
	// not seen.
	madeAfter      = int64(10 * time.Second)
	madeBefore     = int64(10 * time.Second)
	madeBeforeLong = int64(30 * time.Minute)
)

// HasQuestions says whether there ever was evidence of who asked for what; if
// not, AppendAsked gives nothing.
func (c *Cache) HasQuestions() bool { return c.facts.Load()&anyQuestion != 0 }

// HasConnections says whether there ever was evidence of connections; if not,
// AppendMade gives nothing.
func (c *Cache) HasConnections() bool { return c.facts.Load()&^anyQuestion != 0 }

// AppendAsked appends one Match for each name that client asked for up to
// startNs+tolNs and that addr had near then by anybody's answer, nearest question
// first. AtNs and Source are the question's, TTL and Canonical the answer's. The
// names are those of AppendOthers: of an address with very many, the newest.
func (c *Cache) AppendAsked(dst []Match, client, addr netip.Addr, startNs, tolNs int64) []Match {
	if !c.HasQuestions() || !client.IsValid() || ipOf(client) == anyClient {
		return dst
	}
	q := selection{dst: dst, base: len(dst), start: startNs, limit: addSat(startNs, max(tolNs, 0))}
	q.horizon = q.limit
	q.dst = c.AppendOthers(dst, addr, addSat(q.limit, askedAfter))
	end := len(q.dst)
	kept := q.base
	for i := q.base; i < end; i++ {
		m, ok := c.asked(q.dst, i, ipOf(client), addr, &q)
		if ok {
			q.dst[kept] = m
			kept++
		}
	}
	q.dst = q.dst[:kept]
	return q.finish()
}

// asked makes of the answer dst[i] the client's question for its name, if there
// is one near it. What is behind dst's end is scratch.
func (c *Cache) asked(dst []Match, i int, who ip, addr netip.Addr, q *selection) (m Match, ok bool) {
	end := len(dst)
	name := dst[i].Name
	dst = c.appendPair(dst, who, askedFact(name), q.start, q.limit, q.horizon)
	for k := end; k < len(dst) && !ok; k++ { // more than one only where hashes are equal
		m, ok = dst[k], dst[k].Name == name
	}
	if !ok {
		return m, false
	}
	answer, ok := dst[i], true
	if answer.AtNs > m.AtNs+askedAfter {
		answer, ok = c.answerUntil(dst[:end], name, addr, m.AtNs+askedAfter)
	}
	m.Canonical, m.TTL = answer.Canonical, answer.TTL
	return m, ok && m.AtNs <= answer.AtNs+int64(Lifetime(answer.TTL))+askedBefore
}

// answerUntil is the newest answer of a name for addr up to a time. What is
// behind dst's end is scratch.
func (c *Cache) answerUntil(dst []Match, name string, addr netip.Addr, untilNs int64) (Match, bool) {
	end := len(dst)
	dst = c.AppendOthers(dst, addr, untilNs)
	for _, m := range dst[end:] {
		if m.Name == name {
			return m, true
		}
	}
	return Match{}, false
}

// Made is a connection that somebody saw made.
type Made struct {
	Name    string // empty: only the process is known
	AtNs    int64  // Unix nanoseconds
	Source  Source
	Program Program
	Inbound bool // the program is the server's
}

// AppendMade appends what sources told of the connection t that began at
// startNs, give or take tolNs: handshakes before what agents say, of each the
// nearest first. A source that did not tell the ports describes every connection
// of the client to the server near the time. Of t all is known but for ports of
// protocols that have none. The strings stay valid for ever. Nothing is allocated
// where dst has room, and scratch, whose contents are lost, for MaxMatches.
func (c *Cache) AppendMade(dst []Made, scratch []Match, t *Tuple, startNs, tolNs int64) []Made {
	facts := c.facts.Load() &^ anyQuestion
	if facts == 0 || !t.Client.IsValid() || !t.Server.IsValid() {
		return dst
	}
	base := len(dst)
	for kind := factHandshake; kind <= factInbound; kind++ {
		for shape := uint8(0); shape < numShapes; shape++ {
			if facts&factBit(kind, shape) != 0 && shape&^t.shape() == 0 {
				fact := connectionFact(t, kind, shape)
				limit := addSat(startNs, max(tolNs, 0)+madeAfter)
				scratch = c.appendPair(scratch[:0], ipOf(t.Client), fact, startNs, limit, limit)
				dst = appendMade(dst, base, scratch, fact, startNs, max(tolNs, 0))
			}
		}
	}
	return dst
}

// appendMade makes connections of the versions of a fact, those that are not too
// old, and sorts dst from base on.
func appendMade(dst []Made, base int, matches []Match, fact ip, startNs, tolNs int64) []Made {
	kind, shape, _ := fact.fact()
	oldest := addSat(startNs, -tolNs-madeBefore)
	if shape&(knowsClientPort|knowsServerPort) == knowsClientPort|knowsServerPort {
		oldest = addSat(startNs, -tolNs-madeBeforeLong)
	}
	for i := range matches {
		m := &matches[i]
		if m.AtNs < oldest {
			continue
		}
		made := Made{
			Name: m.Name, AtNs: m.AtNs, Source: m.Source, Program: readProcess(m.Canonical),
			Inbound: kind == factInbound,
		}
		if made.Name == noName {
			made.Name = ""
		}
		dst = append(dst, made)
		for i := len(dst) - 1; i > base && dst[i].nearer(&dst[i-1], startNs); i-- {
			dst[i], dst[i-1] = dst[i-1], dst[i]
		}
	}
	return dst
}

// nearer says whether m is nearer than o to a connection that began at startNs.
func (m *Made) nearer(o *Made, startNs int64) bool {
	if m.Source.IsTLS() != o.Source.IsTLS() {
		return m.Source.IsTLS()
	}
	q := selection{start: startNs}
	return q.distance(m.AtNs) < q.distance(o.AtNs)
}
