package logs

import (
	"encoding/json"
	"errors"
)

// dnsmasqState is what a parser needs to go on in another process: the questions
// that still wait.
type dnsmasqState struct {
	Newest  int64
	Serials []dnsmasqSerial `json:",omitempty"`
	Names   []dnsmasqName   `json:",omitempty"`
	Blind   int64           `json:",omitempty"`

	Last    []byte `json:",omitempty"`
	LastPID uint64 `json:",omitempty"`
	Run     dnsmasqRun
}

var errState = errors.New("logs: not a state of this format")

// AppendState implements Stateful.
func (p *dnsmasqParser) AppendState(dst []byte) []byte {
	s := dnsmasqState{Newest: p.newest}
	if p.serials != nil {
		for i := range p.serials {
			if q := &p.serials[i]; q.Serial != 0 && p.newest-q.TimeNs <= dnsmasqWait {
				s.Serials = append(s.Serials, *q)
			}
		}
	}
	if n := p.names; n != nil {
		for i := range n.slots {
			if q := &n.slots[i]; q.newest() != 0 && p.newest-q.newest() <= dnsmasqWait {
				s.Names = append(s.Names, *q)
			}
		}
		s.Blind, s.Last, s.LastPID, s.Run = n.blind, n.last, n.lastPID, n.run
	}
	text, err := json.Marshal(&s)
	if err != nil {
		return dst // no state at all: the parser begins anew, as with another's log
	}
	return append(dst, text...)
}

// Restore implements Stateful.
func (p *dnsmasqParser) Restore(state []byte) error {
	var s dnsmasqState
	if json.Unmarshal(state, &s) != nil || len(s.Serials) > dnsmasqSlots || len(s.Names) > dnsmasqSlots ||
		len(s.Last) > maxWire || len(s.Run.Chain) > maxWire || len(s.Run.Named) > maxWire {
		return errState
	}
	serials, names := new(dnsmasqSerials), &dnsmasqNames{
		blind: s.Blind, last: s.Last, lastPID: s.LastPID, run: s.Run,
	}
	for _, q := range s.Serials {
		if q.Serial == 0 || !q.Client.IsValid() || len(q.Name) > 4*maxWire {
			return errState
		}
		serials[q.Serial%dnsmasqSlots] = q
	}
	for _, q := range s.Names {
		if len(q.Name) == 0 || len(q.Name) > maxWire || !names.put(q) {
			return errState
		}
	}
	p.serials, p.names, p.newest = serials, names, s.Newest
	return nil
}

// put takes back a slot of another process.
func (n *dnsmasqNames) put(q dnsmasqName) bool {
	set := n.set(q.Name)
	for i := range set {
		if len(set[i].Name) == 0 {
			set[i] = q
			return true
		}
	}
	return false
}
