package logs

import (
	"bytes"
	"time"

	"flowname/dnscache"
)

// PassiveDNS (https://github.com/gamelinux/passivedns) writes a row for each
// record that it had not seen for a day, and one when it forgets the record, with
// the last time, the last client and how often it was seen:
//
//	1700000000.133456||10.0.0.10||10.0.0.53||IN||www.example.com.||A||192.0.2.1||300||1
//
// A row's client is only the first who asked, or the last: the evidence has none.
// Which columns there are, and what stands between them, is configured (-f, -d)
// and stands nowhere in the file; see passiveColumns. With -j rows are JSON.
//
// Addresses stand beside the end of a chain of aliases, not beside the name that
// was asked for. Rows of one time, client and server are of one answer: the name
// is that of the alias which no other leads to. What was written before of an
// answer is not written again, so a new alias of known addresses has none, and a
// new address of an alias's target stands under the target. Neither is guessed.
var passiveDNSFormat = Format{
	Name:       "passivedns",
	Title:      "PassiveDNS (gamelinux), text or JSON",
	Capability: AnyClient,
	Configure: "Run passivedns -l FILE -L FILE -P 60 -X 46CDx (A, AAAA, CNAME, DNAME and errors), with the default fields, or -j " +
		"for JSON. A shorter time between prints (-P, seconds) tells more often that a name still has its address.",
	Caveat: "Names only flows of clients in general: of all who asked, the log has the first or the last. A record is written " +
		"once in each -P seconds, so an alias of a name that was asked for before has no addresses. Rows of names with the delimiter in them are refused; -j has no such names.",
	sniff: sniffPassiveDNS,
	open:  func(cfg Config) Parser { return newPassiveParser(cfg) },
}

// The members of JSON rows.
const (
	passiveSeconds = iota
	passiveMicros
	passiveClient
	passiveServer
	passiveClass
	passiveQuery
	passiveType
	passiveAnswer
	passiveTTL
	passiveCount
	passiveSlots
)

var passiveTable = newJSONTable(
	[]string{"timestamp_s"}, []string{"timestamp_ms"}, []string{"client"}, []string{"server"}, []string{"class"},
	[]string{"query"}, []string{"type"}, []string{"answer"}, []string{"ttl"}, []string{"count"},
)

// A passiveRow is one row's texts, by the members of JSON; nil is what it has
// not. The time is by itself.
type passiveRow struct {
	texts [passiveSlots][]byte
	ns    int64
}

type passiveParser struct {
	cfg     Config
	line    jsonLine
	columns passiveColumns
	row     passiveRow
	group   passiveGroup

	response dnscache.Response
	name     []byte
}

func newPassiveParser(cfg Config) *passiveParser {
	p := &passiveParser{cfg: cfg, line: jsonLine{table: passiveTable}}
	p.group.records.appendName = appendName
	return p
}

func (p *passiveParser) Line(line []byte, to *Sink) Reason {
	if reason := p.read(line); reason != Used {
		return reason
	}
	return p.record(to)
}

// Flush gives the last answer.
func (p *passiveParser) Flush(to *Sink) { p.give(to) }

// read reads a line into the row.
func (p *passiveParser) read(line []byte) Reason {
	p.row = passiveRow{}
	if line[0] != '{' {
		return p.columns.read(line, &p.row, p.cfg.location())
	}
	if reason := p.line.read(line); reason != Used {
		return reason
	}
	for slot := range p.row.texts {
		p.row.texts[slot] = p.line.text(slot)
	}
	t := &p.row.texts
	if t[passiveQuery] == nil || t[passiveType] == nil || t[passiveAnswer] == nil {
		return NotTheFormat
	}
	return p.row.jsonTime()
}

// jsonTime joins the two parts of the time. What is called timestamp_ms holds
// microseconds.
func (r *passiveRow) jsonTime() Reason {
	ns, ok := parseEpochIn(r.texts[passiveSeconds], time.Second)
	if !ok {
		return BadTime
	}
	if text := r.texts[passiveMicros]; text != nil {
		micros, ok := parseUint(text)
		if !ok || micros > 999_999 {
			return BadTime
		}
		ns += int64(micros) * int64(time.Microsecond)
	}
	r.ns = ns
	return Used
}

// record takes the row's record.
func (p *passiveParser) record(to *Sink) Reason {
	t := &p.row.texts
	if t[passiveClass] != nil && !equalFold(t[passiveClass], "IN") {
		return Passed
	}
	if t[passiveCount] != nil {
		if _, ok := parseUint(t[passiveCount]); !ok {
			return BadColumns
		}
	}
	ttl, ok := uint64(0), true
	if t[passiveTTL] != nil {
		if ttl, ok = parseUint(t[passiveTTL]); !ok {
			return BadColumns
		}
	}
	if p.name, ok = appendName(p.name[:0], t[passiveQuery]); !ok {
		return BadName
	}
	typ := parseType(t[passiveType])
	if rcode, isError := parseRCode(t[passiveAnswer]); isError && rcode != 0 && !isDigit(t[passiveAnswer][0]) {
		p.refused(typ, rcode, to)
		return Used
	}
	switch typ {
	case typeA, typeAAAA:
		if addr, ok := parseAddr(t[passiveAnswer]); !ok || !answersType(addr, t[passiveAnswer], typ) {
			return BadAddress
		}
	case typeCNAME:
		if !bytes.HasSuffix(t[passiveAnswer], []byte(".")) {
			return BadName
		}
	default:
		return Passed
	}
	server, _ := parseAddr(t[passiveServer])
	client, _ := parseAddr(t[passiveClient])
	if g := &p.group; g.ns != p.row.ns || g.client != client || g.server != server || len(g.records.all) == maxAnswers {
		p.give(to)
		g.ns, g.client, g.server = p.row.ns, client, server
	}
	held := len(p.group.records.all)
	p.group.records.add(t[passiveQuery], typ, clampTTL(ttl), t[passiveAnswer])
	if len(p.group.records.all) == held {
		return BadName
	}
	return Used
}

// refused gives an answer that has a code in place of a record.
func (p *passiveParser) refused(typ, rcode uint16, to *Sink) {
	server, _ := parseAddr(p.row.texts[passiveServer])
	p.response = dnscache.Response{
		TimeNs: p.row.ns, Server: server, Source: dnscache.SourcePassiveDNS, Name: p.name, Type: typ, RCode: rcode,
	}
	to.Response(&p.response)
}

// sniffPassiveDNS counts rows.
func sniffPassiveDNS(lines [][]byte) (n int) {
	p := newPassiveParser(Config{})
	nowhere := Sink{Response: func(*dnscache.Response) {}}
	for _, line := range lines {
		if len(line) == 0 {
			continue
		}
		if reason := p.Line(line, &nowhere); reason == Used || reason == Passed {
			n++
		}
	}
	return n
}
