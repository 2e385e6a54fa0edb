package hunt

import (
	"math"

	"flowname/correlate"
	"flowname/dnscache"
)

// spells puts runs together to answers: those of a name, client and address as long
// as the address stays current, those without an address all.
type spells struct {
	yield func(*Answer) bool
	a     Answer // the one at hand; Count 0: none yet
}

// take takes the next run: those of a name, client and address come together, the
// newest first.
func (s *spells) take(r *dnscache.Run) bool {
	outcome := outcomeOf(r)
	a := &s.a
	until := untilNs(r.LastNs, r.TTL)
	if a.Count > 0 && a.Name == r.Name && a.Addr == r.Addr && a.Client == r.Client && a.Outcome == outcome && a.Connection == (r.Kind == dnscache.KindConnection) &&
		(!current(r.Addr) || until >= a.FirstNs-int64(Early)) {
		a.FirstNs, a.LastNs = min(a.FirstNs, r.FirstNs), max(a.LastNs, r.LastNs)
		a.UntilNs = max(a.UntilNs, until)
		a.Count += r.Count
		return true
	}
	if a.Count > 0 && !s.yield(a) {
		a.Count = 0
		return false
	}
	*a = Answer{
		Name: r.Name, Canonical: r.Canonical, Addr: r.Addr, Client: r.Client, FirstNs: r.FirstNs, LastNs: r.LastNs, UntilNs: until,
		Count: r.Count, TTL: r.TTL, Source: r.Source.String(), Outcome: outcome, Connection: r.Kind == dnscache.KindConnection,
	}
	if !r.Addr.IsValid() || a.Connection {
		a.TTL = dnscache.UnknownTTL // questions and connections have none
	}
	return true
}

// end yields the last answer.
func (s *spells) end() {
	if s.a.Count > 0 {
		s.yield(&s.a)
	}
}

// untilNs is until when an address is current.
func untilNs(lastNs int64, ttl uint32) int64 {
	current := int64(dnscache.Lifetime(ttl) + correlate.Grace)
	if lastNs > math.MaxInt64-current {
		return math.MaxInt64
	}
	return lastNs + current
}

// outcomeOf is what a run without an address says of its name.
func outcomeOf(r *dnscache.Run) string {
	switch {
	case r.Kind != dnscache.KindOutcome:
		return ""
	case r.RCode == 0:
		return Empty
	case r.RCode == 3:
		return Absent
	}
	return Failed
}
