package logs

import (
	"bytes"
	"time"

	"flowname/dnscache"
)

// Passive DNS databases give their records in the Common Output Format
// (draft-dulaunoy-dnsop-passive-dns-cof), an object a line: CIRCL, D4, DNSDB's
// export, another flowname. DNSDB wraps each in its streaming framing (SAF):
// {"cond":"begin"}, {"obj":{...}}, {"cond":"succeeded"}.
//
// A record says that a name had an address for the first and the last time that
// somebody saw it, perhaps years apart, and not whether it had it all the while.
// It is filed as two answers, one at each of the times, to any client. Where only
// a zone file had the record, its zone_time_first and zone_time_last are taken.
var cofFormat = Format{
	Name:       "cof",
	Title:      "Passive DNS Common Output Format, DNSDB (NDJSON)",
	Capability: AnyClient,
	Configure: "Save what a passive DNS service answers: the lines of /pdns/query/ (CIRCL, D4, flowname), or those of DNSDB " +
		"(dnsdbq -j, or Accept: application/x-ndjson).",
	Caveat: "Names only flows of clients in general, and says of a record only when it was seen first and last. Records that lead " +
		"to no address by themselves, as CNAME, are passed over.",
	sniff: sniffObjects(cofTable, isCOF),
	open: func(cfg Config) Parser {
		return &cofParser{cfg: cfg, line: jsonLine{table: cofTable}}
	},
}

// The members of records.
const (
	cofName = iota
	cofType
	cofData
	cofFirst
	cofLast
	cofFirstMs
	cofLastMs
	cofZoneFirst
	cofZoneLast
	cofCond
	cofObject
)

var cofTable = newJSONTable(
	[]string{"rrname", "obj.rrname"}, []string{"rrtype", "obj.rrtype"}, []string{"rdata", "obj.rdata"},
	[]string{"time_first", "obj.time_first"}, []string{"time_last", "obj.time_last"},
	[]string{"time_first_ms", "obj.time_first_ms"}, []string{"time_last_ms", "obj.time_last_ms"},
	[]string{"zone_time_first", "obj.zone_time_first"}, []string{"zone_time_last", "obj.zone_time_last"},
	[]string{"cond"}, []string{"obj"},
)

// isCOF says whether an object is a record or of DNSDB's framing.
func isCOF(l *jsonLine) bool {
	if isCond(l.text(cofCond)) {
		return true
	}
	return l.value(cofName) != nil && l.value(cofType) != nil && l.value(cofData) != nil &&
		(l.value(cofFirst) != nil || l.value(cofZoneFirst) != nil || l.value(cofFirstMs) != nil)
}

// isCond says whether text is one of the conditions of DNSDB's framing.
func isCond(text []byte) bool {
	switch string(text) {
	case "begin", "ongoing", "succeeded", "limited", "failed":
		return true
	}
	return false
}

type cofParser struct {
	cfg      Config
	line     jsonLine
	response dnscache.Response
	name     []byte
	addrs    []dnscache.Addr
}

func (p *cofParser) Line(line []byte, to *Sink) Reason { return p.line.readObjects(line, p, to) }

// Flush has nothing to give: each line stands for itself.
func (p *cofParser) Flush(*Sink) {}

// object reads one record.
func (p *cofParser) object(to *Sink) Reason {
	l := &p.line
	if l.value(cofName) == nil || l.value(cofType) == nil || l.value(cofData) == nil {
		if isCond(l.text(cofCond)) || l.value(cofObject) != nil {
			return Passed
		}
		return NotTheFormat
	}
	typ := parseType(l.text(cofType))
	if typ != typeA && typ != typeAAAA && typ != typeSVCB && typ != typeHTTPS {
		return Passed
	}
	first, last, ok := p.times()
	if !ok {
		return BadTime
	}
	if p.name, ok = appendName(p.name[:0], l.text(cofName)); !ok {
		return BadName
	}
	p.addrs = p.addrs[:0]
	if reason := p.data(typ); reason != Used {
		return reason
	}
	if len(p.addrs) == 0 {
		return Passed
	}
	p.response = dnscache.Response{Source: dnscache.SourceCOF, Name: p.name, Type: typ}
	for all := p.addrs; ; {
		n := min(len(all), maxAnswers)
		p.response.Addrs, all = all[:n], all[n:]
		p.response.TimeNs = first
		to.Response(&p.response)
		if p.response.TimeNs = last; last != first {
			to.Response(&p.response)
		}
		if len(all) == 0 {
			return Used
		}
	}
}

// times are when the record was seen first and last.
func (p *cofParser) times() (first, last int64, ok bool) {
	first, ok = p.time(cofFirst, cofFirstMs)
	if ok {
		last, ok = p.time(cofLast, cofLastMs)
	} else if p.line.value(cofFirst) == nil {
		if first, ok = p.time(cofZoneFirst, cofFirstMs); ok {
			last, ok = p.time(cofZoneLast, cofLastMs)
		}
	}
	return first, last, ok && first > 0 && first <= last
}

// time is a time in milliseconds where there is one, else in seconds.
func (p *cofParser) time(seconds, millis int) (ns int64, ok bool) {
	if text := p.line.text(millis); text != nil {
		return parseEpochIn(text, time.Millisecond)
	}
	return parseAnyTime(p.line.text(seconds), p.cfg.location())
}

// data reads the record's data: one, or a list. A list with something else in it
// is refused whole.
func (p *cofParser) data(typ uint16) Reason {
	v := p.line.value(cofData)
	if !v.isArray() {
		return p.datum(typ, p.line.textOf(v))
	}
	for list := v.elements(); ; {
		element, ok := list.next()
		if !ok {
			return Used
		}
		if reason := p.datum(typ, p.line.textOf(element)); reason != Used {
			return reason
		}
	}
}

// datum reads the data of one record.
func (p *cofParser) datum(typ uint16, text []byte) Reason {
	if typ == typeSVCB || typ == typeHTTPS {
		return p.service(text)
	}
	addr, ok := parseAddr(text)
	if !ok || !answersType(addr, text, typ) {
		return BadAddress
	}
	p.addrs = append(p.addrs, dnscache.Addr{Addr: addr, TTL: dnscache.UnknownTTL})
	return Used
}

// service takes the address hints of a record in presentation form (RFC 9460
// section 2.1): priority, target, parameters. Those of AliasMode, priority 0, are
// none.
func (p *cofParser) service(text []byte) Reason {
	priority, text := cutWord(text)
	if n, ok := parseUint(priority); !ok || n > 0xffff {
		return BadSyntax
	} else if n == 0 {
		return Used
	}
	_, text = cutWord(text)
	for len(text) > 0 {
		var param []byte
		param, text = cutWord(text)
		key, value, _ := bytes.Cut(param, []byte("="))
		isHint6 := string(key) == "ipv6hint"
		if !isHint6 && string(key) != "ipv4hint" {
			continue
		}
		value = bytes.Trim(value, `"`)
		for more := true; more; {
			var hint []byte
			hint, value, more = bytes.Cut(value, []byte(","))
			addr, ok := parseAddr(hint)
			if !ok || addr.Is6() != isHint6 {
				return BadAddress
			}
			p.addrs = append(p.addrs, dnscache.Addr{Addr: addr, TTL: dnscache.UnknownTTL})
		}
	}
	return Used
}
