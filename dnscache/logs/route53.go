package logs

import (
	"bytes"

	"flowname/dnscache"
)

var route53 = Format{
	Name:       "route53-resolver",
	Title:      "AWS Route 53 Resolver query logs",
	Capability: Answers,
	Configure: "In Route 53, Resolver > Query logging, log the VPCs to an S3 bucket, to Firehose or to a CloudWatch log group; " +
		"what CloudWatch exports or sends to a subscription is read too.",
	Caveat: "Whole seconds, and no TTL. Queries that come through an inbound endpoint have the address of the forwarder " +
		"at the other end.",
	sniff: sniffObjects(route53Table, func(l *jsonLine) bool {
		return l.value(route53Time) != nil && l.value(route53Client) != nil ||
			l.value(route53Events).isArray() && bytes.Contains(l.value(route53Events), []byte("query_timestamp"))
	}),
	open: func(cfg Config) Parser {
		p := &route53Parser{cfg: cfg, line: jsonLine{table: route53Table}, slots: make([]jsonValue, route53Table.size)}
		p.event.line.table = route53Table
		p.event.response.Source = dnscache.SourceRoute53
		return p
	},
}

const (
	route53Time = iota
	route53Client
	route53Name
	route53Type
	route53RCode
	route53Answers
	route53Events
	route53Message
)

var route53Table = newJSONTable(
	[]string{"query_timestamp"}, []string{"srcaddr"}, []string{"query_name"}, []string{"query_type"},
	[]string{"rcode"}, []string{"answers"},
	// What CloudWatch sends to a subscription, and what its API gives.
	[]string{"logEvents", "events"}, []string{"message"},
)

const (
	route53Rdata = iota
	route53RdataType
)

var route53RecordTable = newJSONTable([]string{"Rdata"}, []string{"Type"})

// route53Parser reads events as they are, and those that CloudWatch wrapped: an
// object with an array of events, the message of each of which is an event's
// text.
type route53Parser struct {
	cfg   Config
	line  jsonLine
	event route53Event
	slots []jsonValue
}

func (p *route53Parser) Line(line []byte, to *Sink) Reason {
	return p.line.readObjects(line, p, to)
}

func (p *route53Parser) Flush(*Sink) {}

func (p *route53Parser) object(to *Sink) Reason {
	if p.line.value(route53Message) != nil {
		return p.message(p.line.text(route53Message), to)
	}
	if !p.line.value(route53Events).isArray() {
		return p.event.read(&p.line, to)
	}
	all := Passed
	for events := p.line.value(route53Events).elements(); ; {
		v, ok := events.next()
		if !ok {
			return all
		}
		reason := BadSyntax
		if p.line.members(v, route53Table, p.slots) {
			reason = p.message(p.line.textOf(p.slots[route53Message]), to)
		}
		if reason == Used || all == Passed {
			all = reason
		}
	}
}

// message reads an event that is the text of another one.
func (p *route53Parser) message(text []byte, to *Sink) Reason {
	if reason := p.event.line.read(text); reason != Used {
		return reason
	}
	return p.event.read(&p.event.line, to)
}

type route53Event struct {
	line    jsonLine // of wrapped events
	records [2]jsonValue
	answer
}

func (e *route53Event) read(l *jsonLine, to *Sink) Reason {
	if l.value(route53Time) == nil && l.value(route53Client) == nil {
		return NotTheFormat
	}
	e.begin()
	r := &e.response
	var ok bool
	if r.TimeNs, ok = parseDateTime(l.text(route53Time), nil); !ok {
		return BadTime
	}
	if r.Client, ok = parseAddr(l.text(route53Client)); !ok {
		return BadClient
	}
	if !e.question(l.text(route53Name)) {
		return BadName
	}
	r.Type = parseType(l.text(route53Type))
	if r.RCode, ok = parseRCode(l.text(route53RCode)); !ok {
		return BadSyntax
	}
	for records := l.value(route53Answers).elements(); ; {
		v, ok := records.next()
		if !ok {
			return e.give(to)
		}
		if reason := e.record(l, v); reason != Used {
			return reason
		}
	}
}

// record takes one answer. It has no owner: what a resolver answers a question
// for addresses with is on the question's chain.
func (e *route53Event) record(l *jsonLine, v jsonValue) Reason {
	if !l.members(v, route53RecordTable, e.records[:]) {
		return BadSyntax
	}
	rdata := l.textOf(e.records[route53Rdata])
	switch parseType(l.textOf(e.records[route53RdataType])) {
	case typeA, typeAAAA:
		addr, ok := parseAddr(rdata)
		if !ok {
			return BadAddress
		}
		if namesAddresses(e.response.Type) {
			e.address(addr)
		}
	case typeCNAME:
		if !e.alias(rdata) {
			return BadName
		}
	}
	return Used
}
