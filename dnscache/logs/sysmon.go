package logs

import (
	"bytes"

	"flowname/dnscache"
)

var sysmon = Format{
	Name:       "sysmon",
	Title:      "Sysmon DNS queries and network connections (events 22 and 3; JSON or XML lines)",
	Capability: Connections | AnyClient,
	Configure: "In Sysmon's configuration include DnsQuery and NetworkConnect; collect the channel Microsoft-Windows-Sysmon/Operational " +
		"with winlogbeat, NXLog or as JSON or XML, one event a line, both kinds in one file.",
	Caveat: "Only lookups by Windows' own resolver. Event 22 tells the host and not its address: alone it is evidence for any client, " +
		"with event 3 of the same process it names the connection. Event 3's DestinationHostname, a reverse lookup, is never a name.",
	sniff: sniffSysmon,
	open: func(cfg Config) Parser {
		p := &sysmonParser{cfg: cfg, line: jsonLine{table: sysmonTable}, join: newSysmonJoin()}
		p.answer.response.Source = dnscache.SourceSysmon
		p.endpoint.connection.Source = dnscache.SourceSysmon
		return p
	},
}

// sysmonParser reads the two events and joins them: the connection of event 3
// has the name that event 22 says the same process of the same host had been
// given that address for. See sysmonJoin.
type sysmonParser struct {
	cfg    Config
	line   jsonLine
	xml    eventXML
	values [sysmonValues][]byte
	// fromXML: values are those of xml, not of line.
	fromXML bool
	join    sysmonJoin
	answer
	endpoint
}

func sniffSysmon(lines [][]byte) int {
	n := 0
	p := sysmonParser{line: jsonLine{table: sysmonTable}}
	for _, line := range lines {
		if len(line) > 0 && p.read(line) == Used && p.isSysmon() && len(p.values[sysmonGUID]) > 0 {
			n++
		}
	}
	return n
}

// read fills values from a line of JSON or XML.
func (p *sysmonParser) read(line []byte) Reason {
	clear(p.values[:])
	p.xml.text = nil
	head := line[:min(len(line), maxJSONPrefix)]
	at := bytes.IndexByte(head, '{')
	xml := bytes.Index(head, []byte("<Event"))
	p.fromXML = xml >= 0 && (at < 0 || xml < at)
	if p.fromXML {
		return p.xml.read(line[xml:], &p.values)
	}
	if at < 0 {
		return NotTheFormat
	}
	if reason := p.line.read(line[at:]); reason != Used {
		return reason
	}
	for slot := range p.values {
		p.values[slot] = p.line.text(slot)
	}
	for _, same := range sysmonFallbacks {
		if len(p.values[same.slot]) == 0 {
			p.values[same.slot] = p.values[same.other]
		}
	}
	return Used
}

// isSysmon says whether the event is one of Sysmon's: other channels have events
// 3 and 22 as well.
func (p *sysmonParser) isSysmon() bool {
	channel := p.values[sysmonChannel]
	return len(p.values[sysmonEvent]) > 0 && (len(channel) == 0 || bytes.Contains(channel, []byte("Sysmon")))
}

// Line takes an event, or in XML several: the line is used if one of them is.
func (p *sysmonParser) Line(line []byte, to *Sink) Reason {
	all := p.event(line, to)
	for bytes.Contains(p.xml.text, []byte("<Event")) {
		if reason := p.event(p.xml.text, to); reason == Used || all == Passed {
			all = reason
		}
	}
	return all
}

func (p *sysmonParser) event(line []byte, to *Sink) Reason {
	reason := p.read(line)
	switch {
	case reason != Used:
		return reason
	case len(p.values[sysmonEvent]) == 0:
		return NotTheFormat
	case !p.isSysmon():
		return Passed
	}
	switch string(p.values[sysmonEvent]) {
	case "22":
		return p.query(to)
	case "3":
		return p.connected(to)
	}
	return Passed
}

// Flush gives the connections that wait for their names.
func (p *sysmonParser) Flush(to *Sink) { p.join.releaseAll(to) }

// time is UtcTime, or when the event was written. Not the collector's time, which
// some put hours off.
func (p *sysmonParser) time() (ns int64, ok bool) {
	if t := p.values[sysmonUTCTime]; len(t) > 0 {
		return parseDateTime(t, nil)
	}
	return parseDateTime(p.values[sysmonWritten], nil)
}

// query takes event 22. Lookups that failed or found no address name nothing.
func (p *sysmonParser) query(to *Sink) Reason {
	v := &p.values
	if status := v[sysmonStatus]; len(status) > 0 && string(status) != "0" {
		return Passed
	}
	p.begin()
	r := &p.answer.response
	var ok bool
	if r.TimeNs, ok = p.time(); !ok {
		return BadTime
	}
	if p.answer.name, ok = appendRawName(p.answer.name[:0], v[sysmonName]); !ok {
		return BadName
	}
	r.Name = p.answer.name
	if reason := p.results(); reason != Used {
		return reason
	}
	if len(p.addrs) == 0 {
		return Passed
	}
	p.join.advance(v[sysmonHost], r.TimeNs, to)
	for i := range p.addrs {
		p.join.remember(v[sysmonHost], v[sysmonGUID], p.addrs[i].Addr, r.Name, r.TimeNs, to)
	}
	return p.give(to)
}

// results takes QueryResults: entries that end with a semicolon, addresses as
// they are and other records as "type:  5 TARGET".
func (p *sysmonParser) results() Reason {
	rest := p.values[sysmonResults]
	if len(rest) == 0 && !p.fromXML {
		return p.resolved()
	}
	if string(rest) == "-" {
		return Used
	}
	for len(rest) > 0 {
		var entry []byte
		var ended bool
		entry, rest, ended = bytes.Cut(rest, []byte(";"))
		entry = bytes.TrimSpace(entry)
		if record, ok := bytes.CutPrefix(entry, []byte("type:")); ok {
			kind, data := cutWord(bytes.TrimSpace(record))
			if !p.record(parseType(kind), bytes.TrimSpace(data)) {
				return Used
			}
			continue
		}
		addr, ok := parseAddr(entry)
		switch {
		case ok:
			p.address(addr)
		case len(entry) > 0 && ended:
			return BadAddress
		}
	}
	return Used
}

// record takes a typed entry. Behind one that neither has an address nor leads
// to one, addresses are those of its target, or its own text: SRV, MX, TXT.
func (p *sysmonParser) record(kind uint16, data []byte) (more bool) {
	switch kind {
	case typeCNAME:
		if len(data) > 0 && !p.alias(data) {
			p.canonical = p.canonical[:0]
		}
	case typeA, typeAAAA:
		if addr, ok := parseAddr(data); ok {
			p.address(addr)
		}
	case typeSVCB, typeHTTPS:
	default:
		return false
	}
	return true
}

// resolved takes the addresses that winlogbeat's module made of QueryResults.
func (p *sysmonParser) resolved() Reason {
	for list := p.line.value(sysmonResolved).elements(); ; {
		item, ok := list.next()
		if !ok {
			return Used
		}
		addr, ok := parseAddr(p.line.textOf(item))
		if !ok {
			return BadAddress
		}
		p.address(addr)
	}
}

// connected takes event 3. Source and destination are the connection's, whoever
// made it.
func (p *sysmonParser) connected(to *Sink) Reason {
	v, c := &p.values, &p.endpoint.connection
	var ok bool
	if c.TimeNs, ok = p.time(); !ok {
		return BadTime
	}
	inbound := string(v[sysmonInitiated]) == "false" || string(v[sysmonInitiated]) == "ingress"
	src := parseEnd(v[sysmonSourceIP], v[sysmonSourcePort])
	dst := parseEnd(v[sysmonDestIP], v[sysmonDestPort])
	switch {
	case !src.IsValid() || src.Addr().IsUnspecified():
		return BadClient
	case !dst.IsValid() || dst.Addr().IsUnspecified():
		return BadAddress
	}
	setEnds(c, src, dst)
	c.Inbound, c.Name, c.Proto = inbound, nil, parseProto(v[sysmonProtocol])
	c.Process = dnscache.Process{Path: v[sysmonImage], PID: parsePID(v[sysmonPID]), Host: v[sysmonHost]}
	if bytes.HasPrefix(c.Process.Path, []byte("<")) {
		c.Process.Path = nil // <unknown process>
	}
	p.join.advance(v[sysmonHost], c.TimeNs, to)
	p.join.connected(v[sysmonGUID], c, to)
	return Used
}
