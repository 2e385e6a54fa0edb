package logs

import (
	"bytes"
	"net/netip"
	"time"

	"flowname/dnscache"
)

// The log plugin of CoreDNS writes, in its common format,
//
//	[INFO] CLIENT:PORT - ID "TYPE CLASS NAME. PROTO SIZE DO BUFSIZE" RCODE FLAGS SIZE SECONDSs
//
// with the name escaped as in zone files. There is no time in it: a line is only
// of use where something else wrote one before it (a container's runtime,
// journald, syslog), or where the format has {when}.
var coreDNSFormat = Format{
	Name:       "coredns",
	Title:      "CoreDNS log plugin",
	Capability: Questions,
	Configure: `In the Corefile: log . { class all }. Read it with times before the lines: the container's file under ` +
		`/var/log/containers, kubectl logs --timestamps, docker logs -t or journalctl -o short-iso. ` +
		`With dnstap tcp://HOST:PORT full instead the answers are there as well.`,
	Caveat: "Lines have no time of their own: those without one before them are refused. Says who asked for a name, not " +
		"which addresses were answered.",
	sniff: func(lines [][]byte) int { return sniffWith(openCoreDNS, lines) },
	open:  openCoreDNS,
}

func openCoreDNS(cfg Config) Parser { return &coreDNSParser{cfg: cfg} }

// A coreDNSParser keeps nothing from line to line.
type coreDNSParser struct {
	cfg    Config
	docker dockerLine
	asker  asker
}

func (p *coreDNSParser) Flush(*Sink) {}

func (p *coreDNSParser) Line(line []byte, to *Sink) Reason {
	if line[0] != '{' {
		return p.line(line, 0, to)
	}
	text, ns, reason := p.docker.unwrap(line)
	if reason != Used {
		return reason
	}
	return p.line(text, ns, to)
}

// line reads a line that was written at outside, where that is known.
func (p *coreDNSParser) line(line []byte, outside int64, to *Sink) Reason {
	at := indexWord(line, "[INFO] ")
	if at < 0 {
		if at = indexWord(line, "["); at >= 0 && coreDNSLevel(line[at:]) {
			return Passed
		}
		return NotTheFormat
	}
	word, text := cutWord(line[at+len("[INFO] "):])
	dash, text := cutWord(text)
	if string(dash) != "-" {
		return Passed // of the server or of another plugin
	}
	client, ok := addrBeforePort(word)
	if !ok {
		return BadClient
	}
	ns, ok := p.time(line[:at], &text)
	switch {
	case !ok && outside == 0:
		return BadTime
	case !ok:
		ns = outside
	}
	p.asker.set(dnscache.SourceCoreDNS, ns, client)
	return p.question(text, to)
}

// question reads ID "TYPE CLASS NAME. PROTO SIZE DO BUFSIZE" RCODE.
func (p *coreDNSParser) question(text []byte, to *Sink) Reason {
	_, text = cutWord(text)
	if len(text) == 0 || text[0] != '"' {
		return BadColumns
	}
	typ, text := cutWord(text[1:])
	class, text := cutWord(text)
	name, text := cutEscaped(text)
	var last []byte
	for range 4 {
		last, text = cutWord(text)
	}
	code, _ := cutWord(text)
	switch {
	case len(code) == 0:
		return Torn
	case len(last) == 0 || last[len(last)-1] != '"':
		return BadColumns
	}
	rcode, ok := parseRCode(code)
	switch {
	case !ok:
		return BadColumns
	case !equalFold(class, "IN"):
		return Passed
	}
	p.asker.r.Type, p.asker.r.RCode = parseType(typ), rcode
	return p.asker.asked(to, name)
}

// time reads the time before the line, else [23/Nov/2026:17:17:06 +0000] at the
// start of text, which it cuts.
func (p *coreDNSParser) time(prefix []byte, text *[]byte) (ns int64, ok bool) {
	if len(*text) > 0 && (*text)[0] == '[' {
		if ns, rest, ok := cutCommonLogTime(*text); ok {
			*text = rest
			return ns, true
		}
	}
	ns, _, ok = cutPrefixTime(prefix, &p.cfg)
	return ns, ok
}

// cutCommonLogTime reads "[23/Nov/2026:17:17:06 +0000] ", as the Common Log Format
// of web servers has it.
func cutCommonLogTime(text []byte) (ns int64, rest []byte, ok bool) {
	end := bytes.IndexByte(text, ']')
	if end != len("[23/Nov/2026:17:17:06 +0000") || len(text) < end+2 || text[12] != ':' {
		return 0, text, false
	}
	d := date{month: parseMonth(text[4:7])}
	day, ok1 := twoDigits(text[1:])
	year, ok2 := parseUint(text[8:12])
	clock, zone, ok3 := cutClock(text[13:end])
	d.day, d.year = day, int(year)
	if !ok1 || !ok2 || !ok3 || len(zone) == 0 || !d.valid() {
		return 0, text, false
	}
	offset, ok := parseZone(zone)
	return d.at(clock, time.UTC) - offset, text[end+2:], ok
}

// cutEscaped is cutWord where a backslash before a space makes it part of the
// word.
func cutEscaped(text []byte) (word, rest []byte) {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case ' ':
			return text[:i], text[i+1:]
		}
	}
	return text, nil
}

// addrBeforePort reads ADDR:PORT, an IPv6 address in brackets or not.
func addrBeforePort(text []byte) (netip.Addr, bool) {
	i := bytes.LastIndexByte(text, ':')
	if i < 1 {
		return netip.Addr{}, false
	}
	if _, ok := parseUint(text[i+1:]); !ok {
		return netip.Addr{}, false
	}
	text = text[:i]
	if n := len(text) - 1; text[0] == '[' && text[n] == ']' {
		text = text[1:n]
	}
	return parseAddr(text)
}

// coreDNSLevel says whether a line begins with a level that CoreDNS logs at.
func coreDNSLevel(text []byte) bool {
	word, _ := cutWord(text)
	switch string(word) {
	case "[ERROR]", "[WARNING]", "[DEBUG]", "[FATAL]":
		return true
	}
	return false
}
