package logs

import (
	"net/netip"
	"time"

	"flowname/dnscache"
)

// maxZeekRTT is more than Zeek waits for a reply. A longer time is none.
const maxZeekRTT = time.Hour

// dns reads a row of dns.log.
func (p *zeekParser) dns(to *Sink) Reason {
	r := &p.response
	*r = dnscache.Response{Source: dnscache.SourceZeekDNS}
	var ok bool
	if r.TimeNs, ok = parseAnyTime(p.texts[zeekTime], p.cfg.location()); !ok {
		return BadTime
	}
	var reason Reason
	if r.Client, r.Server, reason = p.ends(); reason != Used {
		return reason
	}
	port, _ := parseUint(p.texts[zeekServerPort])
	if r.Server.IsMulticast() || isLinkLocalDNS(port) || p.isNo(zeekOpcode, "0") || p.isNo(zeekClass, "1") {
		return Passed
	}
	if p.texts[zeekQuery] == nil || p.texts[zeekType] == nil && p.texts[zeekTypeName] == nil {
		return Unpaired
	}
	if p.name, ok = appendZeekName(p.name[:0], p.texts[zeekQuery]); !ok {
		return BadName
	}
	r.Name = p.name
	if r.Type = parseType(p.texts[zeekType]); r.Type == 0 {
		r.Type = parseType(p.texts[zeekTypeName])
	}
	if rtt, ok := parseSeconds(p.texts[zeekRTT]); ok && rtt < maxZeekRTT {
		r.TimeNs += int64(rtt)
	}
	rcode := p.texts[zeekRCode]
	if rcode == nil {
		rcode = p.texts[zeekRCodeName]
	}
	switch {
	case rcode == nil && len(p.answers) == 0:
		r.QuestionOnly = true
	case rcode != nil:
		if r.RCode, ok = parseRCode(rcode); !ok {
			return BadSyntax
		}
	}
	if r.RCode == 0 {
		p.readAnswers()
	}
	to.Response(r)
	return Used
}

// isNo says whether a text is set, and to something else.
func (p *zeekParser) isNo(slot int, text string) bool {
	return p.texts[slot] != nil && string(p.texts[slot]) != text
}

// isLinkLocalDNS says whether a server's port is that of a protocol that only
// looks like DNS: NetBIOS names, mDNS (RFC 6762), LLMNR (RFC 4795).
func isLinkLocalDNS(port uint64) bool { return port == 137 || port == 5353 || port == 5355 }

// ttlOf is an address's TTL behind aliases whose least is told.
func ttlOf(ttl, least uint32) uint32 {
	if ttl == dnscache.UnknownTTL {
		return ttl
	}
	return min(ttl, least)
}

// readAnswers takes the addresses, and the name before the first of them.
func (p *zeekParser) readAnswers() {
	r := &p.response
	p.addrs, p.canonical = p.addrs[:0], p.canonical[:0]
	if r.Type != typeA && r.Type != typeAAAA && r.Type != typeANY {
		return
	}
	ordered, least := true, uint32(dnscache.MaxTTL)
	for i, text := range p.answers {
		ttl := uint32(dnscache.UnknownTTL)
		if len(p.ttls) == len(p.answers) {
			ttl = p.ttls[i]
		}
		if addr, ok := parseAddr(text); ok && answersType(addr, text, r.Type) {
			p.addrs = appendAddr(p.addrs, dnscache.Addr{Addr: addr, TTL: ttlOf(ttl, least)})
			continue
		}
		if !isZeekTarget(text) {
			continue
		}
		if len(p.addrs) > 0 {
			ordered = false
			continue
		}
		least = min(least, ttl)
		p.canonical, ordered = appendZeekName(p.canonical[:0], text)
	}
	r.Addrs = p.addrs
	if ordered && len(p.addrs) > 0 && len(p.canonical) > 0 && string(p.canonical) != string(p.name) {
		r.Canonical = p.canonical
	}
}

// answersType says whether a question of this type is answered with such an
// address. The text tells an IPv4-mapped AAAA from an A.
func answersType(addr netip.Addr, text []byte, t uint16) bool {
	v6 := addr.Is6()
	for _, c := range text {
		v6 = v6 || c == ':'
	}
	switch t {
	case typeA:
		return !v6
	case typeAAAA:
		return v6
	}
	return true
}

// isZeekTarget says whether an answer can be a CNAME's target: those of other
// types start with their name and a space.
func isZeekTarget(text []byte) bool {
	for _, c := range text {
		if c == ' ' {
			return false
		}
	}
	return len(text) > 0
}

// appendAddr appends an address, or raises the TTL of one that stands there.
func appendAddr(dst []dnscache.Addr, a dnscache.Addr) []dnscache.Addr {
	for i := range dst {
		if dst[i].Addr == a.Addr {
			dst[i].TTL = max(dst[i].TTL, a.TTL)
			return dst
		}
	}
	return append(dst, a)
}

// zeekTTL reads a TTL, seconds with decimals; one that is none is 0.
func zeekTTL(text []byte) uint32 {
	sec, rest, ok := cutNumber(text)
	if !ok || len(rest) > 0 && rest[0] != '.' {
		return 0
	}
	return clampTTL(sec)
}

// tls reads a row of ssl.log or quic.log.
func (p *zeekParser) tls(log zeekLog, to *Sink) Reason {
	c := &p.connection
	*c = dnscache.Connection{Source: dnscache.SourceZeekSSL}
	if log == zeekQUIC {
		c.Source, c.Proto = dnscache.SourceZeekQUIC, protoUDP
	} else {
		c.Proto = zeekTransport(p.texts[zeekVersion])
	}
	var ok bool
	if c.TimeNs, ok = parseAnyTime(p.texts[zeekTime], p.cfg.location()); !ok {
		return BadTime
	}
	var reason Reason
	if c.Client, c.Server, reason = p.ends(); reason != Used {
		return reason
	}
	if c.ClientPort, ok = readPort(p.texts[zeekClientPort]); !ok {
		return BadClient
	}
	if c.ServerPort, ok = readPort(p.texts[zeekServerPort]); !ok {
		return BadAddress
	}
	if p.name, reason = appendServerName(p.name[:0], p.texts[zeekServerName]); reason != Used {
		return reason
	}
	c.Name = p.name
	to.Connection(c)
	return Used
}

// zeekTransport tells what carried a handshake from its version; 0 if it could
// be TCP and UDP, as TLS 1.3 can, which QUIC uses (RFC 9001).
func zeekTransport(version []byte) uint8 {
	switch string(version) {
	case "SSLv2", "SSLv3", "TLSv10", "TLSv11", "TLSv12":
		return protoTCP
	case "DTLSv10", "DTLSv12", "DTLSv13":
		return protoUDP
	}
	return 0
}

// appendZeekName appends a name as dnscache.Response.Name wants it. Zeek writes
// the labels with dots between, and the root as nothing.
func appendZeekName(dst, text []byte) (name []byte, ok bool) {
	if len(text) == 0 {
		return append(dst, '.'), true
	}
	return appendRawName(dst, text)
}
