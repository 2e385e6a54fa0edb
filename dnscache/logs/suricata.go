package logs

import (
	"net/netip"

	"flowname/dnscache"
)

// Suricata (https://suricata.io) writes events of all kinds as JSON lines, EVE.
// Events dns, tls and quic name flows; all others are passed over, also mdns and
// llmnr, and the dns that an alert carries.
//
// There are three versions of dns. Version 1 (4.x) is an event for each record,
// without the question; see suricata_v1.go. Version 2 (5 to 7) is one event for
// an answer, with the question in rrname, version 3 (8) has it in queries. The
// words for the two types of event changed, and so did the side that an answer's
// src is: the server is the side with port 53, else the side with a port below
// 1024, else what the version says (in version 2 src is the client).
//
// From the question's name CNAME records of answers are followed in any order.
// Where there is only grouped, addresses by type without owners, all are taken.
// Suricata does not compare an answer with its question.
var suricataFormat = Format{
	Name:       "suricata",
	Title:      "Suricata EVE (dns, tls, quic)",
	Capability: Answers | Questions | Connections,
	Configure: "In suricata.yaml, outputs: - eve-log: enabled: yes, filetype: regular, types: - dns (with formats: [detailed] and " +
		"no types: left out), - tls: extended: yes, - quic.",
	Caveat: "Answers are logged whether or not their question was seen. HTTPS and SVCB answers are logged without addresses. With " +
		"formats: [grouped] alone there are no owners and no TTLs: addresses that do not belong to the name can not be told. " +
		"Version 1 does not log an answer's question: its name is the one that the aliases begin at. " +
		"Names of Encrypted Client Hello that its providers show for all of their sites are passed over.",
	sniff: sniffObjects(eveTable, isEve),
	open: func(cfg Config) Parser {
		return &eveParser{cfg: cfg, line: jsonLine{table: eveTable}}
	},
}

// The members of events that are read.
const (
	eveTime = iota
	eveEvent
	eveSource
	eveSourcePort
	eveDest
	eveDestPort
	eveProto
	eveVersion
	eveType
	eveID
	eveRCode
	eveName
	eveNameCut
	eveRecordType
	eveTTL
	eveData
	eveQueries
	eveAnswers
	eveGroupedA
	eveGroupedAAAA
	eveGroupedCNAME
	eveTLSName
	eveQUICName
	eveFlow
	eveDNS
)

var eveTable = newJSONTable(
	[]string{"timestamp"}, []string{"event_type"}, []string{"src_ip"}, []string{"src_port"},
	[]string{"dest_ip"}, []string{"dest_port"}, []string{"proto"},
	[]string{"dns.version"}, []string{"dns.type"}, []string{"dns.id"}, []string{"dns.rcode"},
	[]string{"dns.rrname"}, []string{"dns.rrname_truncated"}, []string{"dns.rrtype"}, []string{"dns.ttl"},
	[]string{"dns.rdata"}, []string{"dns.queries"}, []string{"dns.answers"},
	[]string{"dns.grouped.A"}, []string{"dns.grouped.AAAA"}, []string{"dns.grouped.CNAME"},
	[]string{"tls.sni"}, []string{"quic.sni"}, []string{"flow_id"}, []string{"dns"},
)

// The members of an element of queries or answers.
const (
	eveRRName = iota
	eveRRNameCut
	eveRRType
	eveRRTTL
	eveRRData
	eveRRDataCut
	eveRRSlots
)

var eveRRTable = newJSONTable(
	[]string{"rrname"}, []string{"rrname_truncated"}, []string{"rrtype"}, []string{"ttl"}, []string{"rdata"},
	[]string{"rdata_truncated"},
)

// isEve says whether an object is an event of Suricata's.
func isEve(l *jsonLine) bool {
	_, ok := parseDateTime(l.text(eveTime), nil)
	return ok && l.value(eveEvent) != nil &&
		(l.value(eveSource) != nil || l.value(eveFlow) != nil || string(l.text(eveEvent)) == "stats")
}

// An eveParser holds answers of version 1 until all of their records came.
type eveParser struct {
	cfg     Config
	line    jsonLine
	members [eveRRSlots]jsonValue
	records records
	held    eveGroups

	response   dnscache.Response
	connection dnscache.Connection
	name       []byte
	canonical  []byte
	addrs      []dnscache.Addr
}

func (p *eveParser) Line(line []byte, to *Sink) Reason { return p.line.readObjects(line, p, to) }

// object reads one event.
func (p *eveParser) object(to *Sink) Reason {
	event := p.line.text(eveEvent)
	if event == nil {
		return NotTheFormat
	}
	switch string(event) {
	case "dns":
		return p.dns(to)
	case "tls":
		return p.tls(dnscache.SourceSuricataTLS, eveTLSName, to)
	case "quic":
		return p.tls(dnscache.SourceSuricataQUIC, eveQUICName, to)
	}
	return Passed
}

// eveEnds are an event's two ends.
type eveEnds struct {
	source, dest         netip.Addr
	sourcePort, destPort uint16
}

// ends reads the time and the two ends of an event.
func (p *eveParser) ends() (ns int64, e eveEnds, reason Reason) {
	l := &p.line
	ns, ok := parseDateTime(l.text(eveTime), p.cfg.location())
	if !ok {
		return 0, e, BadTime
	}
	if e.source, ok = parseAddr(l.text(eveSource)); !ok {
		return 0, e, BadClient
	}
	if e.dest, ok = parseAddr(l.text(eveDest)); !ok {
		return 0, e, BadAddress
	}
	var ok2 bool
	e.sourcePort, ok = readPort(l.text(eveSourcePort))
	if e.destPort, ok2 = readPort(l.text(eveDestPort)); !ok || !ok2 {
		return 0, e, BadAddress
	}
	return ns, e, Used
}

// turn swaps the ends.
func (e *eveEnds) turn() {
	e.source, e.dest, e.sourcePort, e.destPort = e.dest, e.source, e.destPort, e.sourcePort
}

// wellKnown says which side is the server by the ports; ok is false where they
// do not tell.
func (e *eveEnds) wellKnown() (source, ok bool) {
	if source := e.sourcePort == 53; source != (e.destPort == 53) {
		return source, true
	}
	source = e.sourcePort != 0 && e.sourcePort < 1024
	return source, source != (e.destPort != 0 && e.destPort < 1024)
}

// dns reads an event of DNS.
func (p *eveParser) dns(to *Sink) Reason {
	ns, ends, reason := p.ends()
	if reason != Used {
		return reason
	}
	if !p.line.value(eveDNS).isObject() {
		return BadSyntax
	}
	p.held.giveBefore(ns, to)
	answer := false
	switch string(p.line.text(eveType)) {
	case "answer", "response":
		answer = true
	case "query", "request":
	default:
		return Passed
	}
	version, _ := parseUint(p.line.text(eveVersion))
	fromServer, ok := ends.wellKnown()
	if !ok {
		fromServer = answer && version != 2
	}
	if fromServer {
		ends.turn()
	}
	if isLinkLocalDNS(uint64(ends.destPort)) || isLinkLocalDNS(uint64(ends.sourcePort)) || ends.dest.IsMulticast() || ends.source.IsMulticast() {
		return Passed
	}
	p.response = dnscache.Response{TimeNs: ns, Client: ends.source, Server: ends.dest, Source: dnscache.SourceSuricataDNS}
	if p.line.value(eveNameCut) != nil && string(p.line.value(eveNameCut)) != "false" {
		return BadName
	}
	if answer {
		if rcode := p.line.text(eveRCode); rcode != nil {
			if p.response.RCode, ok = parseRCode(rcode); !ok {
				return BadSyntax
			}
		}
		if version < 2 && p.isRecord() {
			return p.held.add(p, &ends, to)
		}
	}
	return p.message(answer, to)
}

// isRecord says whether the event is one record of an answer.
func (p *eveParser) isRecord() bool {
	l := &p.line
	return l.value(eveQueries) == nil && l.value(eveAnswers) == nil && l.value(eveGroupedA) == nil && l.value(eveGroupedAAAA) == nil &&
		l.value(eveGroupedCNAME) == nil && l.value(eveRecordType) != nil && l.value(eveTTL) != nil
}

// message reads an event that is a whole question or answer.
func (p *eveParser) message(answer bool, to *Sink) Reason {
	r := &p.response
	name, typ, reason := p.question()
	if reason != Used {
		return reason
	}
	var ok bool
	if p.name, ok = appendEveName(p.name[:0], name); !ok {
		return BadName
	}
	r.Name, r.Type, r.QuestionOnly = p.name, parseType(typ), !answer
	if answer && r.RCode == 0 && r.Type != 0 && namesAddresses(r.Type) {
		if p.line.value(eveAnswers) != nil {
			p.readAnswers()
		} else {
			p.readGrouped()
		}
	}
	to.Response(r)
	return Used
}

// question is the question of a message.
func (p *eveParser) question() (name, typ []byte, reason Reason) {
	l := &p.line
	if l.value(eveQueries) == nil {
		if l.value(eveName) == nil {
			return nil, nil, Unpaired
		}
		return l.text(eveName), l.text(eveRecordType), Used
	}
	queries := l.value(eveQueries).elements()
	first, ok := queries.next()
	if !ok {
		return nil, nil, Unpaired
	}
	if _, more := queries.next(); more || !l.members(first, eveRRTable, p.members[:]) {
		return nil, nil, BadSyntax
	}
	if p.isCut(eveRRNameCut) {
		return nil, nil, BadName
	}
	return l.textOf(p.members[eveRRName]), l.textOf(p.members[eveRRType]), Used
}

// isCut says whether an element has a mark that its text is not whole.
func (p *eveParser) isCut(slot int) bool {
	return p.members[slot] != nil && string(p.members[slot]) != "false"
}

// readAnswers follows the answer's records.
func (p *eveParser) readAnswers() {
	p.records.reset()
	for list, n := p.line.value(eveAnswers).elements(), 0; n < maxAnswers; n++ {
		v, ok := list.next()
		if !ok {
			break
		}
		if !p.line.members(v, eveRRTable, p.members[:]) || p.isCut(eveRRNameCut) || p.isCut(eveRRDataCut) {
			continue
		}
		m := &p.members
		ttl, _ := parseUint(p.line.textOf(m[eveRRTTL]))
		p.records.add(p.line.textOf(m[eveRRName]), parseType(p.line.textOf(m[eveRRType])), clampTTL(ttl), p.line.textOf(m[eveRRData]))
	}
	p.records.follow(&p.response)
}

// readGrouped takes the addresses that have neither owners nor TTLs. The end of
// the chain is known if the chain has one step.
func (p *eveParser) readGrouped() {
	l, r := &p.line, &p.response
	p.addrs = p.addrs[:0]
	for _, slot := range [...]int{eveGroupedA, eveGroupedAAAA} {
		for list := l.value(slot).elements(); len(p.addrs) < maxAnswers; {
			v, ok := list.next()
			if !ok {
				break
			}
			if addr, ok := parseAddr(l.textOf(v)); ok {
				p.addrs = appendAddr(p.addrs, dnscache.Addr{Addr: addr, TTL: dnscache.UnknownTTL})
			}
		}
	}
	r.Addrs = p.addrs
	list := l.value(eveGroupedCNAME).elements()
	first, one := list.next()
	if _, more := list.next(); !one || more || len(p.addrs) == 0 {
		return
	}
	var ok bool
	if p.canonical, ok = appendEveName(p.canonical[:0], l.textOf(first)); ok && string(p.canonical) != string(p.name) {
		r.Canonical = p.canonical
	}
}

// tls reads an event of a handshake. Its src is the client, but where the ports
// say otherwise.
func (p *eveParser) tls(source dnscache.Source, slot int, to *Sink) Reason {
	ns, ends, reason := p.ends()
	if reason != Used {
		return reason
	}
	if fromServer, ok := ends.wellKnown(); ok && fromServer {
		ends.turn()
	}
	if p.name, reason = appendServerName(p.name[:0], p.line.text(slot)); reason != Used {
		return reason
	}
	p.connection = dnscache.Connection{
		TimeNs: ns, Source: source, Client: ends.source, Server: ends.dest,
		ClientPort: ends.sourcePort, ServerPort: ends.destPort, Proto: parseProto(p.line.text(eveProto)), Name: p.name,
	}
	to.Connection(&p.connection)
	return Used
}

// eveGarbled is what Suricata 6 writes for a name that is no UTF-8.
const eveGarbled = "<failed to convert bytes to string>"

// appendEveName appends a name as dnscache.Response.Name wants it. Suricata
// writes the labels with dots between, and octets that are no UTF-8 as \xHH.
func appendEveName(dst, text []byte) (name []byte, ok bool) {
	switch string(text) {
	case eveGarbled:
		return dst, false
	case "<root>":
		return append(dst, '.'), true
	}
	for _, c := range text {
		if c == '\\' {
			var buf [4 * maxWire]byte
			if len(text) > len(buf) {
				return dst, false
			}
			return appendZeekName(dst, unescapeOctets(buf[:0], text))
		}
	}
	if text == nil {
		return dst, false
	}
	return appendZeekName(dst, text)
}
