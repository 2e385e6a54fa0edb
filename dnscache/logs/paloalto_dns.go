package logs

import (
	"bytes"

	"flowname/dnscache"
)

var paloAltoDNS = Format{
	Name:       "paloalto-dns",
	Title:      "Palo Alto Networks DNS Security (Strata Logging Service JSON)",
	Capability: Answers,
	Configure: "In Strata Logging Service, Log Forwarding, add an HTTPS or e-mail profile with the log type Firewall > DNS Security " +
		"and the format JSON; on the firewall give the anti-spyware profile a DNS Security policy that logs.",
	Caveat: "Only lookups that the firewall's policy logs. No TTL. Where clients ask an internal resolver behind the firewall, " +
		"the source is that resolver: name it with --forwarder.",
	sniff: sniffObjects(paloAltoDNSTable, func(l *jsonLine) bool {
		return isPaloAltoDNS(l) && l.value(paloAltoDNSClient) != nil
	}),
	open: func(cfg Config) Parser {
		p := &paloAltoDNSParser{cfg: cfg, line: jsonLine{table: paloAltoDNSTable}}
		p.response.Source = dnscache.SourcePaloAltoDNS
		return p
	},
}

const (
	paloAltoDNSKind = iota
	paloAltoDNSSubtype
	paloAltoDNSSubtype2
	paloAltoDNSTime
	paloAltoDNSClient
	paloAltoDNSServer
	paloAltoDNSName
	paloAltoDNSTypes
	paloAltoDNSData
	paloAltoDNSRCode
)

var paloAltoDNSTable = newJSONTable(
	[]string{"LogType"}, []string{"SubType"}, []string{"Subtype"}, []string{"TimeGenerated"}, []string{"SourceAddress"},
	[]string{"DNSResolverIP"}, []string{"FQDN"}, []string{"RecordType"}, []string{"DNSResponse"},
	[]string{"DNSResponseCode"},
)

func isPaloAltoDNS(l *jsonLine) bool {
	return equalFold(l.text(paloAltoDNSKind), "DNS")
}

// paloAltoDNSParser reads responses whose records stand in two parallel arrays:
// their types, in an array or with commas between them, and their data.
type paloAltoDNSParser struct {
	cfg  Config
	line jsonLine
	answer
}

func (p *paloAltoDNSParser) Line(line []byte, to *Sink) Reason {
	return p.line.readObjects(line, p, to)
}

func (p *paloAltoDNSParser) Flush(*Sink) {}

func (p *paloAltoDNSParser) object(to *Sink) Reason {
	l, r := &p.line, &p.response
	if l.value(paloAltoDNSKind) == nil {
		return NotTheFormat
	}
	if !isPaloAltoDNS(l) {
		return Passed
	}
	p.begin()
	var ok bool
	if r.TimeNs, ok = parseAnyTime(l.text(paloAltoDNSTime), p.cfg.location()); !ok {
		return BadTime
	}
	if r.Client, ok = parseAddr(l.text(paloAltoDNSClient)); !ok {
		return BadClient
	}
	if !p.question(l.text(paloAltoDNSName)) {
		return BadName
	}
	r.Server, _ = parseAddr(l.text(paloAltoDNSServer))
	// Some versions write both, for the same.
	subtype := l.text(paloAltoDNSSubtype)
	if len(subtype) == 0 {
		subtype = l.text(paloAltoDNSSubtype2)
	}
	if !bytes.HasSuffix(subtype, []byte("_response")) {
		r.QuestionOnly = true
		return p.give(to)
	}
	if code := l.text(paloAltoDNSRCode); len(code) > 0 {
		if r.RCode, ok = parseRCode(code); !ok {
			return BadSyntax
		}
	}
	if reason := p.records(); reason != Used {
		return reason
	}
	return p.give(to)
}

// records takes the two arrays. Where they are not parallel, no address is sure
// to be one.
func (p *paloAltoDNSParser) records() Reason {
	types := newTextList(&p.line, paloAltoDNSTypes)
	data := newTextList(&p.line, paloAltoDNSData)
	for {
		kind, more := types.next()
		text, also := data.next()
		switch {
		case more != also:
			return BadColumns
		case !more:
			return Used
		}
		switch parseType(kind) {
		case typeA, typeAAAA:
			addr, ok := parseAddr(text)
			if !ok {
				return BadAddress
			}
			p.address(addr)
		case typeCNAME:
			if !p.alias(text) {
				return BadName
			}
		}
	}
}

// A textList is an array of strings, or a string with commas between.
type textList struct {
	line  *jsonLine
	array jsonArray
	rest  []byte
}

func newTextList(l *jsonLine, slot int) textList {
	v := l.value(slot)
	if v.isArray() {
		return textList{line: l, array: v.elements()}
	}
	return textList{line: l, rest: l.textOf(v)}
}

// next gives the next text without the spaces around it.
func (t *textList) next() (text []byte, ok bool) {
	if v, ok := t.array.next(); ok {
		return bytes.TrimSpace(t.line.textOf(v)), true
	}
	if len(t.rest) == 0 {
		return nil, false
	}
	text, t.rest, _ = bytes.Cut(t.rest, []byte(","))
	return bytes.TrimSpace(text), true
}
