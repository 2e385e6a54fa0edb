package logs

import (
	"net/netip"

	"flowname/dnscache"
)

// AdGuard Home writes querylog.json, an object a line: T is the time, IP the
// client, QH, QT and QC the question, Answer the message that the client got, in
// base64. Where a filter or a rewrite changed it, Answer is the changed one, and
// OrigAnswer what the upstream said: that is nobody's evidence.
var adGuardFormat = Format{
	Name:       "adguard-home",
	Title:      "AdGuard Home querylog.json",
	Capability: Answers,
	Configure: "In AdGuardHome.yaml: querylog: enabled: true, file_enabled: true, size_memory: 1 (else lines are written a thousand " +
		"at a time), and dns: anonymize_client_ip: false. Read data/querylog.json; it is renamed to querylog.json.1.",
	Caveat: "With anonymize_client_ip the client is a prefix, not a host. Behind a router that forwards, the client is the router.",
	sniff:  func(lines [][]byte) int { return sniffWith(openAdGuard, lines) },
	open:   openAdGuard,
}

func openAdGuard(cfg Config) Parser {
	return &adGuardParser{json: jsonLine{table: adGuardTable}, wire: newWireReader(&cfg), cfg: cfg}
}

const (
	adGuardTime = iota
	adGuardClient
	adGuardName
	adGuardType
	adGuardAnswer
	adGuardECS
)

// adGuardTable has the slots in the order of the constants above.
var adGuardTable = newJSONTable([]string{"T"}, []string{"IP"}, []string{"QH"}, []string{"QT"}, []string{"Answer"}, []string{"ECS"})

// An adGuardParser keeps nothing from line to line.
type adGuardParser struct {
	cfg   Config
	json  jsonLine
	wire  wireReader
	asker asker
}

func (p *adGuardParser) Flush(*Sink) {}

func (p *adGuardParser) Line(line []byte, to *Sink) Reason {
	if reason := p.json.read(line); reason != Used {
		return reason
	}
	name := p.json.text(adGuardName)
	if name == nil || p.json.value(adGuardType) == nil {
		return NotTheFormat
	}
	ns, ok := parseDateTime(p.json.text(adGuardTime), p.cfg.location())
	if !ok {
		return BadTime
	}
	client, ok := parseAddr(p.json.text(adGuardClient))
	if !ok {
		return BadClient
	}
	subnet := parsePrefix(p.json.text(adGuardECS))
	if answer := p.json.text(adGuardAnswer); len(answer) > 0 {
		p.wire.set(dnscache.SourceAdGuardHome, ns, client)
		p.wire.r.Subnet = subnet
		if !p.wire.base64(answer) || !p.wire.give(to) {
			return BadSyntax
		}
		return Used
	}
	// It was not answered, or the answer could not be packed.
	p.asker.set(dnscache.SourceAdGuardHome, ns, client)
	p.asker.r.Subnet, p.asker.r.Type = subnet, parseType(p.json.text(adGuardType))
	return p.asker.asked(to, name)
}

// parsePrefix reads ADDR/BITS; not valid if it is none.
func parsePrefix(text []byte) netip.Prefix {
	for i, c := range text {
		if c == '/' {
			a, ok1 := parseAddr(text[:i])
			bits, ok2 := parseUint(text[i+1:])
			if !ok1 || !ok2 || bits > 128 {
				break
			}
			p, _ := a.Prefix(int(bits))
			return p
		}
	}
	return netip.Prefix{}
}
