package logs

import (
	"bytes"
	"net/netip"

	"flowname/dnscache"
)

// dnsmasqSlots is how many serials, and how many names, are remembered. dnsmasq
// itself has at most 150 questions under way unless configured otherwise.
const dnsmasqSlots = 4096

// dnsmasqSerials are the last questions by their serial, which counts up.
type dnsmasqSerials [dnsmasqSlots]dnsmasqSerial

// A dnsmasqSerial is one question for addresses.
type dnsmasqSerial struct {
	Serial uint64
	Client netip.AddrPort
	TimeNs int64
	Type   uint16
	Alias  bool // the name is an alias: other owners can follow
	Name   []byte
}

// withSerial reads a line with "SERIAL CLIENT/PORT ".
func (p *dnsmasqParser) withSerial(e *dnsmasqEvent, to *Sink) Reason {
	if e.kind == dnsmasqQuery {
		return p.askSerial(e, to)
	}
	var q *dnsmasqSerial
	if p.serials != nil {
		q = &p.serials[e.serial%dnsmasqSlots]
	}
	if q == nil || q.Serial != e.serial || q.Client != e.client || e.ns-q.TimeNs > dnsmasqWait {
		if _, ok := parseAddr(e.right); ok {
			return Unpaired
		}
		return Passed
	}
	if q.Type != typeA && q.Type != typeAAAA {
		return Passed
	}
	if bytes.Equal(q.Name, unprintable) {
		return BadName
	}
	return p.answerSerial(e, q, to)
}

// askSerial remembers a question. One for something else than addresses is given
// at once: its answer tells no more.
func (p *dnsmasqParser) askSerial(e *dnsmasqEvent, to *Sink) Reason {
	if _, ok := parseAddr(e.right); !ok {
		return BadClient
	}
	if p.serials == nil {
		p.serials = new(dnsmasqSerials)
	}
	q := &p.serials[e.serial%dnsmasqSlots]
	*q = dnsmasqSerial{e.serial, e.client, e.ns, parseType(e.left), false, q.Name[:0]}
	if len(e.name) > 4*maxWire {
		q.Serial = 0
		return BadName
	}
	q.Name = append(q.Name, e.name...)
	switch {
	case bytes.Equal(e.name, unprintable):
		return BadName
	case q.Type != typeA && q.Type != typeAAAA:
		p.r = dnscache.Response{QuestionOnly: true}
		return p.give(to, e.ns, e.client.Addr(), e.name, q.Type)
	}
	return Used
}

// answerSerial reads a line of the answer to q.
func (p *dnsmasqParser) answerSerial(e *dnsmasqEvent, q *dnsmasqSerial, to *Sink) Reason {
	client := q.Client.Addr()
	if addr, ok := addressOf(e.right, q.Type); ok {
		owner, reason := e.ownerFor(q)
		if reason != Used {
			return reason
		}
		return p.giveAddress(to, e, client, q.Name, owner, addr, q.Type)
	} else if addr.IsValid() {
		return BadAddress
	}
	p.r = dnscache.Response{}
	switch {
	case string(e.right) == "<CNAME>":
		q.Alias = true
		return Used
	case string(e.right) == "duplicate" && string(e.left) == "reply query":
		p.r.QuestionOnly = true // answered with another's
	case string(e.right) == "NXDOMAIN":
		p.r.RCode = 3
	case bytes.HasPrefix(e.right, []byte("NODATA")):
	case string(e.left) == "reply error":
		p.r.RCode = dnsmasqError(e.right)
	default:
		return Passed
	}
	return p.give(to, e.ns, client, q.Name, q.Type)
}

// ownerFor is whose address the line tells: nil if it is the question's own, or
// if the name cannot be cut from its source.
func (e *dnsmasqEvent) ownerFor(q *dnsmasqSerial) (owner []byte, reason Reason) {
	owner, ok := e.owner()
	switch {
	case ok && bytes.EqualFold(owner, q.Name), !ok && e.endsWith(q.Name):
		return nil, Used
	case q.Alias:
		return owner, Used
	}
	return nil, Unpaired
}

// dnsmasqError is the response code in "reply error is ...", which an extended
// error may follow.
func dnsmasqError(text []byte) uint16 {
	if bytes.HasPrefix(text, []byte("not implemented")) {
		return 4
	}
	word, _ := cutWord(text)
	if code, ok := parseRCode(word); ok && code != 0 {
		return code
	}
	return 2
}
