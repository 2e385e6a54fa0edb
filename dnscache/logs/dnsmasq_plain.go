package logs

import (
	"bytes"
	"net/netip"

	"flowname/dnscache"
)

// Without extra, an answer is tied to its question by the name alone. It is
// believed as an address for any client where somebody asked for addresses of
// that type in the last minute, and nobody for that name in a type whose answer
// dnsmasq prints as text. Behind a CNAME line the owner is another name: then the
// lines must follow one another, of one process, and the owner must have no
// question of its own open, since then the line may be the answer to that.

// dnsmasqNames are names that were asked for lately: sets of four, by hash.
type dnsmasqNames struct {
	slots [dnsmasqSlots]dnsmasqName
	// blind is until when a question for text may have been forgotten.
	blind int64
	// last is the name that was asked for last, lastPID by which process.
	last    []byte
	lastPID uint64
	run     dnsmasqRun
}

// A dnsmasqRun is what the lines just before tell: an answer is several lines in
// a row.
type dnsmasqRun struct {
	PID uint64
	// Chain is the name that CNAME lines began with; empty if there were none.
	Chain []byte
	// Named and Type are the question that the addresses before were the answer
	// to; Type is 0 if there were none.
	Named []byte
	Type  uint16
}

// A dnsmasqName is when a name was asked for last, by kind, 0 is never; and how
// many questions for addresses were not answered yet.
type dnsmasqName struct {
	Name            []byte
	A, AAAA, Text   int64
	OpenA, OpenAAAA int
}

// newest is when the slot was last written.
func (n *dnsmasqName) newest() int64 { return max(n.A, n.AAAA, n.Text) }

// of is when addresses of a type were asked for last, and how many such questions
// are open.
func (n *dnsmasqName) of(typ uint16) (asked *int64, open *int) {
	if typ == typeAAAA {
		return &n.AAAA, &n.OpenAAAA
	}
	return &n.A, &n.OpenA
}

// dnsmasqWays is in how many slots a name can stand.
const dnsmasqWays = 4

// endRun forgets the lines just before: another kind of line came.
func (n *dnsmasqNames) endRun() {
	if n != nil {
		n.run.Chain, n.run.Named, n.run.Type = n.run.Chain[:0], n.run.Named[:0], 0
	}
}

// set are the slots where a name can stand.
func (n *dnsmasqNames) set(name []byte) []dnsmasqName {
	h := uint64(14695981039346656037) // FNV-1a
	for _, c := range name {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		h = (h ^ uint64(c)) * 1099511628211
	}
	i := (h ^ h>>32) % (dnsmasqSlots / dnsmasqWays) * dnsmasqWays
	return n.slots[i : i+dnsmasqWays]
}

// find is the slot of a name that was asked for in the last minute; else nil.
func (n *dnsmasqNames) find(name []byte, now int64) *dnsmasqName {
	set := n.set(name)
	for i := range set {
		if s := &set[i]; bytes.EqualFold(s.Name, name) && len(name) > 0 && now-s.newest() <= dnsmasqWait {
			return s
		}
	}
	return nil
}

// ask notes that a name was asked for. A name whose answer may be text is not
// forgotten for another: ok is false if there is no room beside such names.
func (n *dnsmasqNames) ask(name []byte, typ uint16, now int64) (ok bool) {
	s := n.find(name, now)
	if s == nil {
		for i, set := 0, n.set(name); i < len(set); i++ {
			if t := &set[i]; (t.Text == 0 || now-t.Text > dnsmasqWait) && (s == nil || t.newest() < s.newest()) {
				s = t
			}
		}
		if s == nil {
			if !isSafeType(typ) {
				n.blind = now + dnsmasqWait
			}
			return false
		}
		*s = dnsmasqName{Name: append(s.Name[:0], name...)}
	}
	switch {
	case typ == typeA || typ == typeAAAA:
		asked, open := s.of(typ)
		if now-*asked > dnsmasqWait {
			*open = 0
		}
		*asked = now
		*open++
	case !isSafeType(typ):
		s.Text = now
	}
	return true
}

// isSafeType says whether dnsmasq never prints an answer of this type as text.
func isSafeType(typ uint16) bool {
	switch typ {
	case typeA, typeAAAA, typeSVCB, typeHTTPS:
		return true
	}
	return false
}

// withoutSerial reads a line that has no serial.
func (p *dnsmasqParser) withoutSerial(e *dnsmasqEvent, to *Sink) Reason {
	if p.names == nil {
		p.names = new(dnsmasqNames)
	}
	if e.kind == dnsmasqQuery {
		return p.askName(e, to)
	}
	n := p.names
	owner, ok := e.owner()
	if !ok && n.lastPID == e.pid && e.endsWith(n.last) {
		owner, ok = n.last, true
	}
	addr, isAddr := parseAddr(e.right)
	alias := string(e.right) == "<CNAME>"
	if n.run.PID != e.pid || !ok || !isAddr && !alias {
		n.endRun()
	}
	n.run.PID = e.pid
	switch {
	case ok && alias:
		return n.alias(owner, e.ns)
	case ok && isAddr:
		return p.answerName(e, owner, addr, to)
	case isAddr:
		return Unpaired
	}
	return Passed
}

// askName gives a question, and notes it.
func (p *dnsmasqParser) askName(e *dnsmasqEvent, to *Sink) Reason {
	p.names.endRun()
	client, ok := parseAddr(e.right)
	switch {
	case !ok:
		return BadClient
	case len(e.name) > maxWire:
		return BadName
	}
	typ := parseType(e.left)
	p.r = dnscache.Response{QuestionOnly: true}
	if reason := p.give(to, e.ns, client, e.name, typ); reason != Used {
		return reason
	}
	p.names.last, p.names.lastPID = append(p.names.last[:0], e.name...), e.pid
	p.names.ask(e.name, typ, e.ns)
	return Used
}

// alias begins a chain with a name that was asked for, or goes on with one. Behind
// an address it belongs to another answer: aliases come first.
func (n *dnsmasqNames) alias(owner []byte, now int64) Reason {
	if n.run.Type != 0 {
		n.endRun()
	}
	q := n.find(owner, now)
	switch {
	case q != nil && (len(n.run.Chain) == 0 || q.OpenA > 0 || q.OpenAAAA > 0):
		n.run.Chain = append(n.run.Chain[:0], owner...)
	case len(n.run.Chain) == 0:
		return Passed
	}
	return Used
}

// answerName gives an address for any client where it can be nothing else.
func (p *dnsmasqParser) answerName(e *dnsmasqEvent, owner []byte, addr netip.Addr, to *Sink) Reason {
	n := p.names
	if e.ns <= n.blind {
		return Full
	}
	typ := uint16(typeA)
	if bytes.IndexByte(e.right, ':') >= 0 {
		typ = typeAAAA
	}
	name, q := n.question(owner, typ, e.ns)
	if q == nil || q.Text != 0 && e.ns-q.Text <= dnsmasqWait {
		return Unpaired
	}
	if asked, _ := q.of(typ); *asked == 0 || e.ns-*asked > dnsmasqWait {
		return Unpaired
	}
	// What was asked may be an address itself: "reply 192.0.2.1 is ..." is then
	// the answer to a question for its name.
	if _, ok := parseAddr(name); ok {
		return BadName
	}
	return p.giveAddress(to, e, netip.Addr{}, name, owner, addr, typ)
}

// question is the name that an address of owner answers a question for, and its
// slot; nil if there is none.
func (n *dnsmasqNames) question(owner []byte, typ uint16, now int64) (name []byte, q *dnsmasqName) {
	name, q = owner, n.find(owner, now)
	if len(n.run.Chain) > 0 {
		if q != nil {
			if _, open := q.of(typ); *open > 0 {
				n.endRun()
				return name, q // it may be that one's answer, and is true of it anyway
			}
		}
		name, q = n.run.Chain, n.find(n.run.Chain, now)
	}
	if q == nil {
		return name, nil
	}
	if n.run.Type != typ || !bytes.EqualFold(n.run.Named, name) {
		// The first line of this answer.
		if _, open := q.of(typ); *open > 0 {
			*open--
		}
		n.run.Named, n.run.Type = append(n.run.Named[:0], name...), typ
	}
	return name, q
}
