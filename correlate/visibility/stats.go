package visibility

import "flowname/correlate"

// Stats count what a Table was given, of clients that are ours.
type Stats struct {
	// By are the flows that count, by what names them or why nothing does.
	By [NumHows]correlate.Tally
	// Asked are flows to resolvers by their kind.
	Asked [NumAsked]uint64
	// Clients is how many there are now.
	Clients uint64
	// Evicted clients made room for others. AtDoor flows were of clients that have
	// no entry because there is no room and they came for the first time; Refused
	// ones of clients that found none at all.
	Evicted, AtDoor, Refused uint64
}

// Stats returns the counters so far.
func (t *Table) Stats() Stats {
	t.drain()
	t.stats.Clients = uint64(t.index.n)
	return t.stats
}

// Add sums two accounts.
func (s *Stats) Add(o *Stats) {
	for i := range s.By {
		s.By[i].Flows += o.By[i].Flows
		s.By[i].Bytes += o.By[i].Bytes
	}
	for i := range s.Asked {
		s.Asked[i] += o.Asked[i]
	}
	s.Clients += o.Clients
	s.Evicted += o.Evicted
	s.AtDoor += o.AtDoor
	s.Refused += o.Refused
}
