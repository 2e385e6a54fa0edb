package logs

import (
	"bytes"
	"net/netip"

	"flowname/dnscache"
)

// A recordState is a record in a parser's state.
type recordState struct {
	Owner  []byte
	Type   uint16
	TTL    uint32
	Addr   netip.Addr
	Target []byte `json:",omitempty"`
}

// state is the records as a state has them.
func (s *records) state() []recordState {
	var state []recordState
	for _, r := range s.all {
		state = append(state, recordState{r.owner, r.typ, r.ttl, r.addr, r.target})
	}
	return state
}

// restore takes records back, and says whether they can be.
func (s *records) restore(state []recordState) bool {
	s.reset()
	if len(state) > maxAnswers {
		return false
	}
	for _, r := range state {
		isAlias, isAddr := r.Type == typeCNAME, r.Type == typeA || r.Type == typeAAAA
		if !isName(r.Owner) || isAlias != isName(r.Target) || isAddr != isPlain(r.Addr) || r.TTL > dnscache.MaxTTL {
			return false
		}
		s.all = append(s.all, record{r.Owner, r.Type, r.TTL, r.Addr, r.Target})
	}
	return true
}

// isPlain says whether an address is as parseAddr gives it.
func isPlain(a netip.Addr) bool { return a.IsValid() && a == a.Unmap().WithZone("") }

// isName says whether a name is as appendName gives it.
func isName(name []byte) bool {
	again, ok := appendName(nil, name)
	return ok && bytes.Equal(again, name)
}
