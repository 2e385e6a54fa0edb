package correlate

// A Tally is a number of flows and their bytes, as exported (not scaled by
// sampling).
type Tally struct{ Flows, Bytes uint64 }

// Stats count what a Correlator has handed out.
type Stats struct {
	// Total is all flows, Named those with a name by basis, Unnamed those
	// without by reason.
	Total   Tally
	Named   [numBases]Tally
	Unnamed [numReasons]Tally

	// Waited flows went through the waiting room; WaitedNamed of them got
	// their client's own name there; WaitRoomFull left it early.
	Waited, WaitedNamed, WaitRoomFull uint64
	// ConnectionsForgotten may have gone on, but gave their place in the memory
	// of connections to others.
	ConnectionsForgotten uint64
	// Shifted flows had their times corrected. ClocksRefused samples were of
	// exporters of which nothing is learned, because there are too many.
	Shifted, ClocksRefused uint64
}

// Stats returns the counters so far.
func (c *Correlator) Stats() Stats {
	s := c.stats
	s.ConnectionsForgotten = c.conns.forgotten
	s.ClocksRefused = c.clocks.refused
	return s
}

// Waiting is how many flows wait now.
func (c *Correlator) Waiting() int { return c.waiting.count }

func (s *Stats) count(f *Flow) {
	s.Total.add(f.Bytes)
	if f.ShiftNs != 0 {
		s.Shifted++
	}
	if f.Unnamed != 0 {
		s.Unnamed[f.Unnamed].add(f.Bytes)
		return
	}
	s.Named[f.Basis()].add(f.Bytes)
}

func (t *Tally) add(bytes uint64) {
	t.Flows++
	t.Bytes += bytes
}

// Add sums two accounts.
func (s *Stats) Add(o *Stats) {
	s.Total.sum(o.Total)
	for i := range s.Named {
		s.Named[i].sum(o.Named[i])
	}
	for i := range s.Unnamed {
		s.Unnamed[i].sum(o.Unnamed[i])
	}
	s.Waited += o.Waited
	s.WaitedNamed += o.WaitedNamed
	s.WaitRoomFull += o.WaitRoomFull
	s.ConnectionsForgotten += o.ConnectionsForgotten
	s.Shifted += o.Shifted
	s.ClocksRefused += o.ClocksRefused
}

func (t *Tally) sum(o Tally) {
	t.Flows += o.Flows
	t.Bytes += o.Bytes
}
