package logs

import (
	"bytes"

	"flowname/dnscache"
)

// Infoblox NIOS logs what its BIND does, and with "DNS responses" each answer too:
//
//	<30>Nov 23 17:17:06 ns1 named[PID]: 23-Nov-2026 17:17:06.577 client ADDR#PORT: view V: UDP: query: NAME CLASS TYPE response: RCODE FLAGS RECORD; RECORD; ...
//
// A record is "OWNER. TTL CLASS TYPE DATA", texts in quotes, and each ends with a
// semicolon. Syslog may cut the line: what stands behind the last semicolon is
// then no record. Lines of queries are those of BIND.
var infobloxFormat = Format{
	Name:       "infoblox",
	Title:      "Infoblox NIOS DNS responses and queries",
	Capability: Answers | Questions,
	Configure: "In Grid Manager: Grid DNS Properties, Logging: switch on responses (and queries where responses are too many); " +
		"then Grid Properties, Monitoring: syslog to this machine over TCP, so that long lines are not cut.",
	Caveat: "Lines cut by syslog tell the records that are whole. Answers to HTTPS questions give no addresses. Times have no zone: name " +
		"it where it is not that of this machine.",
	sniff: func(lines [][]byte) int { return sniffWith(openInfoblox, lines) },
	open:  openInfoblox,
}

func openInfoblox(cfg Config) Parser {
	return &infobloxParser{
		cfg:     cfg,
		queries: bindParser{cfg: cfg, source: dnscache.SourceInfoblox},
		records: records{appendName: appendName},
	}
}

// An infobloxParser keeps the latest year that a line told.
type infobloxParser struct {
	cfg     Config
	queries bindParser
	records records
	r       dnscache.Response
	name    []byte
}

func (p *infobloxParser) Flush(*Sink) {}

func (p *infobloxParser) Line(line []byte, to *Sink) Reason {
	prefix, peer, text, ok := cutBINDClient(line)
	if !ok {
		return p.queries.Line(line, to)
	}
	question, ok := infobloxQuestion(text)
	if !ok {
		return p.queries.Line(line, to)
	}
	ns, ok := bindOwnTime(prefix, &p.cfg)
	if ok {
		// Lines of queries have syslog's time only, which lacks the year: the one
		// that is nearest.
		p.queries.cfg.ReferenceNs = ns + 180*dayNs
		if known := p.cfg.ReferenceNs; known > 0 {
			p.queries.cfg.ReferenceNs = min(p.queries.cfg.ReferenceNs, known)
		}
	} else if ns, ok = bindTime(prefix, &p.queries.cfg); !ok {
		return BadTime
	}
	client, ok := parseAddr(peer)
	if !ok {
		return BadClient
	}
	p.r = dnscache.Response{Source: dnscache.SourceInfoblox, TimeNs: ns, Client: client}
	return p.response(question, to)
}

// infobloxQuestion finds what stands behind "UDP: query:".
func infobloxQuestion(text []byte) (question []byte, ok bool) {
	proto := false
	for range maxPrefix {
		var word []byte
		word, text = cutWord(text)
		switch {
		case proto:
			return text, string(word) == "query:"
		case string(word) == "UDP:" || string(word) == "TCP:":
			proto = true
		case len(text) == 0 || string(word) == "query:":
			return nil, false
		}
	}
	return nil, false
}

// response reads NAME CLASS TYPE response: RCODE FLAGS and the records.
func (p *infobloxParser) response(text []byte, to *Sink) Reason {
	name, class, typ, text := bindQuestion(text)
	word, text := cutWord(text)
	code, text := cutWord(text)
	flags, text := cutWord(text)
	switch {
	case len(flags) == 0:
		return Torn
	case string(word) != "response:" || flags[0] != '+' && flags[0] != '-':
		return BadColumns
	case !equalFold(class, "IN"):
		return Passed
	}
	var ok bool
	if p.r.RCode, ok = parseRCode(code); !ok {
		return BadColumns
	}
	if p.name, ok = appendName(p.name[:0], name); !ok {
		return BadName
	}
	p.r.Name, p.r.Type = p.name, parseType(typ)
	switch {
	case p.r.Type == typeHTTPS || p.r.Type == typeSVCB:
		p.r.QuestionOnly = true // its hints are not read
	case p.r.RCode == 0 && namesAddresses(p.r.Type):
		if !p.read(text) {
			return BadColumns
		}
		p.records.follow(&p.r)
	}
	to.Response(&p.r)
	return Used
}

// read reads records. It is false if one has too few columns.
func (p *infobloxParser) read(text []byte) bool {
	p.records.reset()
	for {
		record, rest, ok := cutRecord(text)
		if !ok {
			return true
		}
		text = rest
		owner, record := cutEscaped(record)
		ttl, record := cutWord(record)
		class, record := cutWord(record)
		typ, data := cutWord(record)
		seconds, ok := parseUint(ttl)
		if !ok || len(data) == 0 {
			return false
		}
		if equalFold(class, "IN") {
			p.records.add(owner, parseType(typ), clampTTL(seconds), data)
		}
	}
}

// cutRecord gives the text up to the next semicolon that is not in quotes or
// behind a backslash. ok is false if there is none.
func cutRecord(text []byte) (record, rest []byte, ok bool) {
	text = bytes.TrimLeft(text, " ")
	quoted := false
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			quoted = !quoted
		case ';':
			if !quoted {
				return text[:i], text[i+1:], true
			}
		}
	}
	return nil, nil, false
}
