package logs

import (
	"bytes"
	"time"

	"flowname/dnscache"
)

var fortiGate = Format{
	Name:       "fortigate",
	Title:      "Fortinet FortiGate, DNS filter logs (syslog key=value)",
	Capability: Answers | Questions,
	Configure: "A DNS filter profile on the policy with 'set log-all-domain enable', then 'config log syslogd setting' with " +
		"'set status enable' and 'set format default' or csv.",
	Caveat: "Without log-all-domain only blocked and monitored categories are logged. No TTL. It sees what passes the firewall: " +
		"where clients ask an internal resolver, the source is that resolver, to be named with --forwarder. Web filter logs are passed over: " +
		"their hostname can be a certificate's.",
	sniff: sniffFortiGate,
	open: func(cfg Config) Parser {
		p := &fortiGateParser{cfg: cfg}
		p.response.Source = dnscache.SourceFortiGate
		return p
	},
}

// The values that are read; the order is that of fortiKeys.
const (
	fortiType = iota
	fortiSubtype
	fortiEventType
	fortiEventTime
	fortiDate
	fortiTime
	fortiZone
	fortiSource
	fortiSourcePort
	fortiDest
	fortiDestPort
	fortiName
	fortiQType
	fortiQTypeNumber
	fortiAddrs
	fortiAction
	fortiValues
)

// fortiSlot is where a key's value goes; fortiValues for one that is not read.
func fortiSlot(key []byte) int {
	switch string(key) {
	case "type":
		return fortiType
	case "subtype":
		return fortiSubtype
	case "eventtype":
		return fortiEventType
	case "eventtime":
		return fortiEventTime
	case "date":
		return fortiDate
	case "time":
		return fortiTime
	case "tz":
		return fortiZone
	case "srcip":
		return fortiSource
	case "srcport":
		return fortiSourcePort
	case "dstip":
		return fortiDest
	case "dstport":
		return fortiDestPort
	case "qname":
		return fortiName
	case "qtype":
		return fortiQType
	case "qtypeval":
		return fortiQTypeNumber
	case "ipaddr":
		return fortiAddrs
	case "action":
		return fortiAction
	}
	return fortiValues
}

// fortiGateParser reads the events dns-query and dns-response of DNS filters.
// Source and destination are the session's in both.
type fortiGateParser struct {
	cfg    Config
	pairs  pairs
	values [fortiValues][]byte
	clock  []byte
	answer
}

func sniffFortiGate(lines [][]byte) int {
	n := 0
	var p fortiGateParser
	for _, line := range lines {
		if p.pairs.reset(line); p.read() == Used && p.isForti() {
			n++
		}
	}
	return n
}

// isForti says whether the line has what every FortiGate log has.
func (p *fortiGateParser) isForti() bool {
	return len(p.values[fortiType]) > 0 && len(p.values[fortiSubtype]) > 0 &&
		(len(p.values[fortiEventTime]) > 0 || len(p.values[fortiDate]) > 0)
}

// read notes the values of a line. A key that stands twice was forged with a
// quote in another one's value.
func (p *fortiGateParser) read() Reason {
	clear(p.values[:])
	twice := false
	for {
		key, value, ok := p.pairs.next()
		if !ok {
			break
		}
		if slot := fortiSlot(key); slot < fortiValues {
			twice = twice || p.values[slot] != nil
			p.values[slot] = value
		}
	}
	if twice && p.pairs.failed == Used {
		return BadSyntax
	}
	return p.pairs.failed
}

func (p *fortiGateParser) Flush(*Sink) {}

func (p *fortiGateParser) Line(line []byte, to *Sink) Reason {
	p.pairs.reset(line)
	reason := p.read()
	v := &p.values
	switch {
	case !p.isForti():
		return NotTheFormat
	case reason != Used:
		return reason
	case string(v[fortiSubtype]) != "dns":
		return Passed
	}
	event := string(v[fortiEventType])
	if event != "dns-query" && event != "dns-response" {
		return Passed
	}
	p.begin()
	r := &p.response
	var ok bool
	if r.TimeNs, ok = p.time(); !ok {
		return BadTime
	}
	if reason := p.ends(); reason != Used {
		return reason
	}
	if !p.question(v[fortiName]) {
		return BadName
	}
	if r.Type = parseType(v[fortiQTypeNumber]); r.Type == 0 {
		r.Type = parseType(v[fortiQType])
	}
	if event == "dns-query" {
		r.QuestionOnly = true
		return p.give(to)
	}
	return p.answers(to)
}

// ends sets client and server. Where the line is of a packet and not of its
// session, the server is the source.
func (p *fortiGateParser) ends() Reason {
	client, server := p.values[fortiSource], p.values[fortiDest]
	if string(p.values[fortiSourcePort]) == "53" && string(p.values[fortiDestPort]) != "53" {
		client, server = server, client
	}
	var ok bool
	if p.response.Client, ok = parseAddr(client); !ok {
		return BadClient
	}
	p.response.Server, _ = parseAddr(server)
	return Used
}

// answers takes the addresses. An answer that was blocked did not come to the
// client; one that was redirected has the address of the portal, which did.
func (p *fortiGateParser) answers(to *Sink) Reason {
	blocked := bytes.HasPrefix(p.values[fortiAction], []byte("block"))
	for rest := p.values[fortiAddrs]; len(rest) > 0; {
		var text []byte
		text, rest, _ = bytes.Cut(rest, []byte(","))
		addr, ok := parseAddr(bytes.TrimSpace(text))
		if !ok {
			return BadAddress
		}
		if namesAddresses(p.response.Type) && !blocked {
			p.address(addr)
		}
	}
	return p.give(to)
}

// time is the event's own, or the line's in the zone that it states or that is
// configured.
func (p *fortiGateParser) time() (ns int64, ok bool) {
	if ns, ok = parseEpochDigits(p.values[fortiEventTime]); ok {
		return ns, true
	}
	p.clock = append(append(append(p.clock[:0], p.values[fortiDate]...), ' '), p.values[fortiTime]...)
	zone := p.values[fortiZone]
	if len(zone) == 0 {
		return parseDateTime(p.clock, p.cfg.location())
	}
	offset, ok := parseZone(zone)
	if ns, ok2 := parseDateTime(p.clock, time.UTC); ok && ok2 {
		return ns - offset, true
	}
	return 0, false
}
