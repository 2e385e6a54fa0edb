package dnswire

import (
	"bytes"
	"encoding/binary"
	"net/netip"

	"flowname/dnscache"
)

// Keys of service parameters (RFC 9460 section 14.3.2).
const (
	keyIPv4Hint = 4
	keyIPv6Hint = 6
)

// A targetName is the TargetName of the ServiceMode record that a client would
// try first: the one of the lowest priority number.
type targetName struct {
	have     bool
	priority uint16
	name     []byte // folded wire name in buf
	buf      [MaxWireName]byte
}

// collect takes the addresses of the records whose owner is on the chain.
func (p *Parser) collect(msg []byte) {
	for i := range p.found {
		r := &p.found[i]
		at := p.linkOf(msg, r)
		if at == nil {
			p.countStray(msg, r)
			continue
		}
		data := msg[r.data : int(r.data)+int(r.size)]
		ttl := min(r.ttl, at.ttl)
		switch {
		case r.typ == typeA && len(data) == 4:
			p.add(netip.AddrFrom4([4]byte(data)), ttl)
		case r.typ == typeAAAA && len(data) == 16:
			p.add6(data, ttl)
		case r.typ == typeA || r.typ == typeAAAA:
			p.stats.BadData++
		case p.q.Type == typeA || p.q.Type == typeAAAA:
			// Hints answer no question for addresses.
		default:
			p.service(msg, r, at, ttl)
		}
	}
}

// service takes the hints of one SVCB or HTTPS record. Only a record that can
// be read whole counts.
func (p *Parser) service(msg []byte, r *record, at *link, ttl uint32) {
	end := int(r.data) + int(r.size)
	if r.size < 3 {
		p.stats.BadData++
		return
	}
	priority := binary.BigEndian.Uint16(msg[r.data:])
	target, off, ok := expandName(p.owner[:0], msg[:end], int(r.data)+2)
	if !ok {
		p.stats.BadData++
		return
	}
	v4, v6, ok := readHints(msg[off:end])
	if !ok {
		p.stats.BadData++
		return
	}
	if priority == 0 || len(v4)+len(v6) == 0 {
		return // AliasMode has no parameters (RFC 9460 section 2.4.2)
	}
	fold(target)
	if len(target) == 1 { // "." is the owner (RFC 9460 section 2.5.2)
		target = at.name
	}
	p.prefer(priority, target)
	for ; len(v4) > 0; v4 = v4[4:] {
		p.add(netip.AddrFrom4([4]byte(v4)), ttl)
	}
	for ; len(v6) > 0; v6 = v6[16:] {
		p.add6(v6[:16], ttl)
	}
}

// readHints finds the address hints among service parameters, which stand in
// strictly ascending order of their keys (RFC 9460 section 2.2).
func readHints(params []byte) (v4, v6 []byte, ok bool) {
	for least := 0; len(params) > 0; {
		if len(params) < 4 {
			return nil, nil, false
		}
		key := int(binary.BigEndian.Uint16(params))
		size := int(binary.BigEndian.Uint16(params[2:]))
		params = params[4:]
		if key < least || size > len(params) {
			return nil, nil, false
		}
		least = key + 1
		switch key {
		case keyIPv4Hint:
			v4 = params[:size]
			ok = size > 0 && size%4 == 0
		case keyIPv6Hint:
			v6 = params[:size]
			ok = size > 0 && size%16 == 0
		default:
			ok = true
		}
		if !ok {
			return nil, nil, false
		}
		params = params[size:]
	}
	return v4, v6, true
}

// prefer remembers the target of the most preferred record, the first of equal
// ones.
func (p *Parser) prefer(priority uint16, target []byte) {
	if p.target.have && p.target.priority <= priority {
		return
	}
	p.target.have, p.target.priority = true, priority
	p.target.name = append(p.target.buf[:0], target...)
}

// appendCanonical is the presentation form of the canonical name, nil where it
// is the question's own.
func (p *Parser) appendCanonical() []byte {
	end := p.chain[p.depth-1].name
	if p.target.have {
		end = p.target.name
	}
	if bytes.Equal(end, p.chain[0].name) {
		return nil
	}
	p.canonical = AppendName(p.canonical[:0], end)
	return p.canonical
}

// add6 takes an IPv6 address, and the IPv4 address in it if it has one.
func (p *Parser) add6(data []byte, ttl uint32) {
	addr := netip.AddrFrom16([16]byte(data))
	p.add(addr.Unmap(), ttl)
	for _, pfx := range p.dns64 {
		if !pfx.Contains(addr) {
			continue
		}
		if v4, ok := embedded(data, pfx.Bits()); ok {
			p.stats.DNS64++
			p.add(v4, ttl)
		}
		return
	}
}

// add takes an address, once.
func (p *Parser) add(addr netip.Addr, ttl uint32) {
	for i := range p.addrs {
		if p.addrs[i].Addr == addr {
			p.addrs[i].TTL = max(p.addrs[i].TTL, ttl)
			return
		}
	}
	if len(p.addrs) == MaxAddrs {
		p.stats.Beyond++
		return
	}
	p.addrs = append(p.addrs, dnscache.Addr{Addr: addr, TTL: ttl})
}

// reservedOctet is the octet of an IPv4-embedded IPv6 address that holds bits
// 64 to 71. It is zero, and the IPv4 address goes around it (RFC 6052 section
// 2.2).
const reservedOctet = 8

// embedded is the IPv4 address in an IPv6 address under a prefix of this many
// bits.
func embedded(data []byte, bits int) (netip.Addr, bool) {
	if data[reservedOctet] != 0 {
		return netip.Addr{}, false
	}
	var v4 [4]byte
	at := bits / 8
	for i := range v4 {
		if at == reservedOctet {
			at++
		}
		v4[i] = data[at]
		at++
	}
	return netip.AddrFrom4(v4), true
}

// embeds says whether a prefix can hold IPv4 addresses.
func embeds(pfx netip.Prefix) bool {
	if !pfx.IsValid() || !pfx.Addr().Is6() || pfx.Addr().Is4In6() {
		return false
	}
	switch pfx.Bits() {
	case 32, 40, 48, 56, 64:
		return true
	case 96:
		return pfx.Addr().As16()[reservedOctet] == 0
	}
	return false
}
