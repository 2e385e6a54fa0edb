package logs

import (
	"encoding/json"
	"errors"
	"net/netip"
	"slices"
	"time"

	"flowname/dnscache"
)

// In version 1 of EVE an answer is an event for each of its records, in which
// the question does not stand. Its records have one time, the same ends and ID,
// and stand one behind the other but where Suricata's threads write at once. They
// are held until an event of DNS is a second later, maxEveGroups answers wait, or
// the file ends; the answer's name is then that of the first record that no other
// leads to. Without that a flow would be named by the end of its aliases.

// maxEveGroups is how many answers wait for more records.
const maxEveGroups = 16

// eveGroupTime is how long an answer waits, in the log's own time.
const eveGroupTime = time.Second

// An eveGroup is an answer whose records come one by one.
type eveGroup struct {
	response dnscache.Response // without a name
	port     uint16            // the client's
	id       uint64
	records  records
}

// eveGroups are the answers that wait, in the order of their first records.
type eveGroups struct {
	groups []*eveGroup
	free   []*eveGroup
}

// add takes the record in p's event, with the response as far as it is known.
func (h *eveGroups) add(p *eveParser, ends *eveEnds, to *Sink) Reason {
	l := &p.line
	id, ok := parseUint(l.text(eveID))
	if !ok {
		return BadSyntax
	}
	if p.name, ok = appendEveName(p.name[:0], l.text(eveName)); !ok {
		return BadName
	}
	g := h.find(&p.response, ends.sourcePort, id)
	if g == nil {
		if len(h.groups) == maxEveGroups {
			h.give(to)
		}
		g = h.fresh()
		g.response, g.port, g.id = p.response, ends.sourcePort, id
		h.groups = append(h.groups, g)
	}
	ttl, _ := parseUint(l.text(eveTTL))
	g.records.add(l.text(eveName), parseType(l.text(eveRecordType)), clampTTL(ttl), l.text(eveData))
	return Used
}

func (h *eveGroups) find(r *dnscache.Response, port uint16, id uint64) *eveGroup {
	for _, g := range h.groups {
		if g.id == id && g.port == port && g.response.TimeNs == r.TimeNs && g.response.Client == r.Client && g.response.Server == r.Server {
			return g
		}
	}
	return nil
}

// fresh is an empty group.
func (h *eveGroups) fresh() *eveGroup {
	if n := len(h.free); n > 0 {
		g := h.free[n-1]
		h.free = h.free[:n-1]
		g.records.reset()
		return g
	}
	return &eveGroup{}
}

// giveBefore gives the answers that waited long enough when an event of time ns
// comes.
func (h *eveGroups) giveBefore(ns int64, to *Sink) {
	for len(h.groups) > 0 && ns-h.groups[0].response.TimeNs > int64(eveGroupTime) {
		h.give(to)
	}
}

// give gives the answer that waits longest.
func (h *eveGroups) give(to *Sink) {
	g := h.groups[0]
	h.groups = slices.Delete(h.groups, 0, 1)
	h.free = append(h.free, g)
	r := &g.response
	if r.Name = g.records.root(); r.Name == nil {
		return // no record was whole
	}
	for i := range g.records.all {
		switch t := g.records.all[i].typ; {
		case t == typeCNAME || t == r.Type:
		case r.Type == 0:
			r.Type = t
		default:
			r.Type = typeANY
		}
	}
	if r.RCode == 0 {
		g.records.follow(r)
	}
	to.Response(r)
}

// Flush gives what waits.
func (p *eveParser) Flush(to *Sink) {
	for len(p.held.groups) > 0 {
		p.held.give(to)
	}
}

// An eveState is an eveGroup as the parser's state has it.
type eveState struct {
	TimeNs         int64
	Client, Server netip.Addr
	RCode          uint16
	Port           uint16
	ID             uint64
	Records        []recordState
}

// AppendState appends the answers that wait, as JSON.
func (p *eveParser) AppendState(dst []byte) []byte {
	if len(p.held.groups) == 0 {
		return dst
	}
	var state []eveState
	for _, g := range p.held.groups {
		r := &g.response
		s := eveState{TimeNs: r.TimeNs, Client: r.Client, Server: r.Server, RCode: r.RCode, Port: g.port, ID: g.id}
		s.Records = g.records.state()
		state = append(state, s)
	}
	text, _ := json.Marshal(state) // numbers, texts and addresses always can be
	return append(dst, text...)
}

// errEveState says that a state is not one of AppendState's.
var errEveState = errors.New("logs: not the state of a Suricata log")

// Restore takes back what AppendState gave.
func (p *eveParser) Restore(state []byte) error {
	if len(state) == 0 {
		p.held = eveGroups{}
		return nil
	}
	var all []eveState
	if json.Unmarshal(state, &all) != nil || len(all) > maxEveGroups {
		return errEveState
	}
	var held eveGroups
	for _, s := range all {
		g := &eveGroup{port: s.Port, id: s.ID}
		g.response = dnscache.Response{TimeNs: s.TimeNs, Client: s.Client, Server: s.Server, RCode: s.RCode, Source: dnscache.SourceSuricataDNS}
		if s.TimeNs < 0 || !isPlain(s.Client) || !isPlain(s.Server) || !g.records.restore(s.Records) {
			return errEveState
		}
		held.groups = append(held.groups, g)
	}
	p.held = held
	return nil
}
