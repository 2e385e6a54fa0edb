package dnswire

import (
	"encoding/binary"

	"flowname/dnscache"
)

const (
	// maxLinks is how many CNAME and DNAME records of one answer are kept. A
	// chain uses at most 16.
	maxLinks = 64
	// maxRecords is how many records with addresses are kept: room for
	// MaxAddrs of them among others that are off the chain.
	maxRecords = 1024
)

// A record is where one resource record stands in the message. Offsets fit, for
// a message has at most 65535 octets.
type record struct {
	owner uint16 // of the owner's first label, behind any pointer
	start uint16 // of the record itself
	data  uint16 // of the data
	size  uint16 // of the data
	typ   uint16
	class uint16
	ttl   uint32 // seconds, clamped
	used  bool   // a link that the chain has followed
}

// readRecord reads the record at msg[off] and returns where the next one is.
func readRecord(msg []byte, off int) (r record, next int, ok bool) {
	owner, end, ok := ownerAt(msg, off)
	if !ok || end+10 > len(msg) {
		return record{}, 0, false
	}
	size := int(binary.BigEndian.Uint16(msg[end+8:]))
	next = end + 10 + size
	if next > len(msg) {
		return record{}, 0, false
	}
	return record{
		owner: uint16(owner),
		start: uint16(off),
		data:  uint16(end + 10),
		size:  uint16(size),
		typ:   binary.BigEndian.Uint16(msg[end:]),
		class: binary.BigEndian.Uint16(msg[end+2:]),
		ttl:   binary.BigEndian.Uint32(msg[end+4:]),
	}, next, true
}

// readSections reads the records after the question: those of the answer into
// the parser's lists, of the others only what the OPT record has: the upper bits
// of the RCODE and the client subnet.
func (p *Parser) readSections(dst *dnscache.Response, msg []byte, off int) error {
	for range p.q.Answers {
		r, next, ok := readRecord(msg, off)
		if !ok {
			p.stats.AnswerCut++
			return ErrTruncated
		}
		p.keep(r)
		off = next
	}
	authorities := int(binary.BigEndian.Uint16(msg[8:]))
	additionals := int(binary.BigEndian.Uint16(msg[10:]))
	for i := range authorities + additionals {
		r, next, ok := readRecord(msg, off)
		if !ok {
			p.stats.TailCut++
			return nil
		}
		if r.typ == typeOPT && i >= authorities {
			// RFC 6891 section 6.1.3: the TTL's first octet.
			dst.RCode |= uint16(r.ttl>>24) << 4
			dst.Subnet = subnetOf(msg[r.data:next])
			return nil
		}
		if i < authorities {
			p.servers = p.servers || r.typ == typeNS
			p.start = p.start || r.typ == typeSOA
		}
		off = next
	}
	return nil
}

// isPartial says whether that a response has no addresses says nothing about its
// name. With nothing but name servers it says whom else to ask (RFC 2308 section
// 2.2): there is no SOA record, as NODATA has it, and no authority.
func (p *Parser) isPartial(dst *dnscache.Response, msg []byte) bool {
	const authoritative = 0x04 // in the third octet
	referral := p.servers && !p.start && p.q.Answers == 0 && msg[2]&authoritative == 0
	return referral || p.q.Truncated || p.q.Class != classIN || len(dst.Addrs) == 0 && len(p.found) > 0
}

// keep puts a record of the answer into the list it belongs to, if any.
func (p *Parser) keep(r record) {
	if r.class != classIN {
		return
	}
	r.ttl = clampTTL(r.ttl)
	switch r.typ {
	case typeCNAME, typeDNAME:
		if len(p.links) == maxLinks {
			p.stats.Beyond++
			return
		}
		p.links = append(p.links, r)
	case typeA, typeAAAA, typeSVCB, typeHTTPS:
		if len(p.found) == maxRecords {
			p.stats.Beyond++
			return
		}
		p.found = append(p.found, r)
	}
}

// clampTTL is the TTL that is believed (RFC 2181 section 8).
func clampTTL(ttl uint32) uint32 {
	if ttl > 1<<31-1 {
		return 0
	}
	return min(ttl, dnscache.MaxTTL)
}
