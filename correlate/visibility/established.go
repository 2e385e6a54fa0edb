package visibility

import (
	"net/netip"
	"time"

	"flowname/dnscache"
)

// When a client is established: what it reaches, it looks up where that is seen.
const (
	// EstablishedFlows is of how many flows that count lately that has to hold, at least.
	EstablishedFlows = 50
	// EstablishedShare is the share of them that the client itself had looked up,
	// in percent, and EstablishedNow that of the last 30 or so.
	EstablishedShare = 90
	EstablishedNow   = 75
	// EstablishedAfter is how long before the flow in question its first one was.
	EstablishedAfter = time.Hour
	// EstablishedDNS is how long before the flow in question its last answer was, at
	// most.
	EstablishedDNS = time.Hour
)

// An Evidence is what Established rests on.
type Evidence struct {
	// Flows counted lately, LookedUp of them by the client itself.
	Flows    uint32 `json:"flows"`
	LookedUp uint32 `json:"looked_up"`
	// Share is LookedUp of Flows and Now that of the last 30 flows or so, from 0 to 1.
	Share float64 `json:"share"`
	Now   float64 `json:"share_now"`
	// First is when the client was first seen, Answered when it was last answered.
	First    time.Time `json:"first_seen"`
	Answered time.Time `json:"dns_seen"`

	Sources dnscache.SourceSet `json:"-"`
}

// Established says whether a lookup of client would have been seen at a time: what
// it reached lately it had looked up, over enough flows and time, and its DNS is seen
// still. It counts what was taken down, so that it is as of the last flow.
func (t *Table) Established(client netip.Addr, atNs int64) (ok bool, evidence Evidence) {
	if !client.IsValid() {
		return false, Evidence{}
	}
	t.drain()
	p := ipOf(client)
	item := t.find(p, t.hash(p))
	if item == 0 {
		return false, Evidence{}
	}
	e := t.at(item)
	l := &e.lately
	if uint64(l.flows) < EstablishedFlows || uint64(l.lookedUp)*100 < uint64(l.flows)*EstablishedShare ||
		uint64(l.share)*100 < EstablishedNow*(1<<16-1) {
		return false, Evidence{} // the usual case, before anything else is asked
	}
	seen := t.SightOf(client)
	ok = int64(e.first)*int64(time.Second) <= atNs-int64(EstablishedAfter) &&
		seen.AnsweredNs >= atNs-int64(EstablishedDNS)
	return ok, Evidence{
		Flows: l.flows, LookedUp: l.lookedUp,
		Share: float64(l.lookedUp) / float64(l.flows), Now: float64(l.share) / (1<<16 - 1),
		First: time.Unix(int64(e.first), 0).UTC(), Answered: time.Unix(0, seen.AnsweredNs).UTC(),
		Sources: seen.Sources,
	}
}
