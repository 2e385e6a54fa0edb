package dnswire

import "bytes"

// maxSteps is how many CNAME and DNAME records are followed. Resolvers give up
// at eleven (BIND 9, Unbound) to sixteen.
const maxSteps = 16

// synthesised is the start of a name that stands nowhere in the message.
const synthesised = -1

// A link is one name of the chain from the question to its canonical name.
type link struct {
	name  []byte // folded wire name in buf
	start int    // where its first label stands in the message, or synthesised
	ttl   uint32 // least TTL of the records that lead here
	// buf has room for the labels that a DNAME keeps and a target, before the
	// two together are found to be too long.
	buf [2 * maxName]byte
}

// followChain goes from the question's name to its canonical name.
func (p *Parser) followChain(msg []byte) {
	for {
		r := p.nextLink(msg)
		if r == nil {
			break
		}
		r.used = true
		if p.depth > maxSteps {
			p.stats.LongChains++
			break
		}
		if !p.step(msg, r) {
			break
		}
	}
	for i := range p.links {
		if r := &p.links[i]; r.typ == typeCNAME && !r.used && p.linkOf(msg, r) == nil {
			p.countStray(msg, r)
		}
	}
}

// nextLink finds the record that leads on from the end of the chain: the first
// CNAME of that name, else the first DNAME above it.
func (p *Parser) nextLink(msg []byte) *record {
	last := &p.chain[p.depth-1]
	var above *record
	for i := range p.links {
		r := &p.links[i]
		switch {
		case r.used && r.typ == typeCNAME:
		case r.typ == typeCNAME:
			if int(r.owner) == last.start || bytes.Equal(p.ownerName(msg, r), last.name) {
				return r
			}
		case above == nil:
			if _, ok := below(last.name, p.ownerName(msg, r)); ok {
				above = r
			}
		}
	}
	return above
}

// step puts the target of a CNAME or DNAME at the end of the chain, unless the
// target is malformed or on the chain already.
func (p *Parser) step(msg []byte, r *record) bool {
	last, next := &p.chain[p.depth-1], &p.chain[p.depth]
	next.name = next.buf[:0]
	if r.typ == typeDNAME {
		// RFC 6672 section 2.2: the labels below the owner stay.
		prefix, _ := below(last.name, p.ownerName(msg, r))
		next.name = append(next.name, last.name[:prefix]...)
	}
	kept := len(next.name)
	target, end, ok := expandName(next.name, msg, int(r.data))
	if !ok || end != int(r.data)+int(r.size) || len(target) > maxName {
		p.stats.BadData++
		return false
	}
	fold(target[kept:])
	next.name, next.start = target, synthesised
	if r.typ == typeDNAME {
		p.stats.Synthesised++
	} else {
		next.start, _, _ = ownerAt(msg, int(r.data))
	}
	next.ttl = min(last.ttl, r.ttl)
	for i := range p.depth {
		if bytes.Equal(p.chain[i].name, target) {
			p.stats.Loops++
			return false
		}
	}
	p.depth++
	return true
}

// linkOf finds the name of the chain that owns a record.
func (p *Parser) linkOf(msg []byte, r *record) *link {
	for i := range p.depth {
		if p.chain[i].start == int(r.owner) {
			return &p.chain[i]
		}
	}
	owner := p.ownerName(msg, r)
	for i := range p.depth {
		if bytes.Equal(p.chain[i].name, owner) {
			return &p.chain[i]
		}
	}
	return nil
}

// countStray counts a record that no name of the chain owns.
func (p *Parser) countStray(msg []byte, r *record) {
	if len(p.ownerName(msg, r)) == 0 {
		p.stats.BadOwner++
		return
	}
	p.stats.OffChain++
}

// ownerName is a record's owner, folded, in the parser's scratch until the next
// call. It is empty, and so no name's equal, where the owner is malformed.
func (p *Parser) ownerName(msg []byte, r *record) []byte {
	name, _, ok := expandName(p.owner[:0], msg, int(r.start))
	if !ok {
		return nil
	}
	fold(name)
	return name
}
