package logs

import (
	"bytes"
	"net/netip"

	"flowname/dnscache"
)

// maxSteps is how many CNAME records are followed, as in whole messages.
const maxSteps = 16

// A record is one resource record of a log that writes owners and types. Of
// types but A, AAAA and CNAME only the owner is known.
type record struct {
	owner  []byte // a name in presentation form
	typ    uint16
	ttl    uint32
	addr   netip.Addr // of an A or AAAA record
	target []byte     // of a CNAME record, in presentation form
}

// records are those of one answer, and the chain through them.
type records struct {
	// appendName reads a name; nil is appendEveName.
	appendName func(dst, text []byte) (name []byte, ok bool)

	all   []record
	names []byte // what owners and targets point into
	chain []link
	addrs []dnscache.Addr
}

// A link is one name of the chain, with the least TTL on the way to it.
type link struct {
	name []byte
	ttl  uint32
}

// reset forgets the records.
func (s *records) reset() { s.all, s.names = s.all[:0], s.names[:0] }

// add takes one record from its texts. An address or a target that is none leaves
// the record out.
func (s *records) add(owner []byte, typ uint16, ttl uint32, data []byte) {
	if len(s.all) == maxAnswers {
		return
	}
	r := record{typ: typ, ttl: ttl}
	var ok bool
	switch typ {
	case typeA, typeAAAA:
		if r.addr, ok = parseAddr(data); !ok || !answersType(r.addr, data, typ) {
			return
		}
	case typeCNAME:
		if r.target, ok = s.name(data); !ok {
			return
		}
	}
	if r.owner, ok = s.name(owner); ok {
		s.all = append(s.all, r)
	}
}

// name keeps a name.
func (s *records) name(text []byte) (name []byte, ok bool) {
	start := len(s.names)
	if s.appendName == nil {
		s.names, ok = appendEveName(s.names, text)
	} else {
		s.names, ok = s.appendName(s.names, text)
	}
	return s.names[start:len(s.names):len(s.names)], ok
}

// root is the name that the chain begins at: the first owner that is no record's
// target, else the first owner. Nil if there is no record.
func (s *records) root() []byte {
	for i := range s.all {
		if !s.isTarget(s.all[i].owner) {
			return s.all[i].owner
		}
	}
	if len(s.all) > 0 {
		return s.all[0].owner
	}
	return nil
}

// isTarget says whether a record leads to a name.
func (s *records) isTarget(name []byte) bool {
	for i := range s.all {
		if s.all[i].typ == typeCNAME && bytes.Equal(s.all[i].target, name) {
			return true
		}
	}
	return false
}

// follow goes from r.Name to the addresses it has by the records, in whatever
// order they stand, and sets them and the canonical name. Records off the chain
// are not believed. What it sets is valid until the next reset.
func (s *records) follow(r *dnscache.Response) {
	s.chain = append(s.chain[:0], link{r.Name, dnscache.MaxTTL})
	for len(s.chain) <= maxSteps {
		last := s.chain[len(s.chain)-1]
		next := s.cname(last.name)
		if next == nil || s.onChain(next.target) != nil {
			break
		}
		s.chain = append(s.chain, link{next.target, min(last.ttl, next.ttl)})
	}
	s.addrs = s.addrs[:0]
	for i := range s.all {
		a := &s.all[i]
		if !a.addr.IsValid() {
			continue
		}
		if at := s.onChain(a.owner); at != nil {
			s.addrs = appendAddr(s.addrs, dnscache.Addr{Addr: a.addr, TTL: min(at.ttl, a.ttl)})
		}
	}
	if r.Addrs = s.addrs; len(s.addrs) > 0 && len(s.chain) > 1 {
		r.Canonical = s.chain[len(s.chain)-1].name
	}
}

// cname is the first CNAME record of a name.
func (s *records) cname(owner []byte) *record {
	for i := range s.all {
		if s.all[i].typ == typeCNAME && bytes.Equal(s.all[i].owner, owner) {
			return &s.all[i]
		}
	}
	return nil
}

// onChain is where a name stands on the chain.
func (s *records) onChain(name []byte) *link {
	for i := range s.chain {
		if bytes.Equal(s.chain[i].name, name) {
			return &s.chain[i]
		}
	}
	return nil
}
