package firstseen

import "sync/atomic"

// Stats counts what a Book did since it was opened, and says how large it is.
type Stats struct {
	// Refused evidence: a time that is not after 1970, a name that is not in
	// presentation form.
	BadTime, BadName uint64
	// Queued is what the memory did not know, Overflowed what the queue had no
	// room for.
	Queued, Overflowed uint64
	// NewDomains, NewNames and NewPairs were entered, Earlier had been seen later
	// than they are known to have been since.
	NewDomains, NewNames, NewPairs, Earlier uint64
	// AbsentHeld domains without an address and NamesHeld of a domain with very
	// many were not entered, nor those for which the book was Full.
	AbsentHeld, NamesHeld, Full uint64
	// YoungDisplaced made room in the table of the young.
	YoungDisplaced uint64
	// ReadErrors are things that could not be entered because the shelf could not be
	// read, WriteErrors failed writes; what they had is written with the next.
	ReadErrors, WriteErrors uint64

	// Size of the book, now: all that is kept, what waits to be settled, and the
	// domains in the table of the young.
	Domains, Names, Pairs, Waiting, Young uint64
}

type counters struct {
	badTime, badName, queued, overflowed    atomic.Uint64
	newDomains, newNames, newPairs, earlier atomic.Uint64
	absentHeld, namesHeld, full             atomic.Uint64
	youngDisplaced, readErrors, writeErrors atomic.Uint64
	domains, names, pairs                   atomic.Uint64
}

// Stats is the counters' present state.
func (b *Book) Stats() Stats {
	n := &b.count
	st := Stats{
		BadTime: n.badTime.Load(), BadName: n.badName.Load(), Queued: n.queued.Load(), Overflowed: n.overflowed.Load(),
		NewDomains: n.newDomains.Load(), NewNames: n.newNames.Load(), NewPairs: n.newPairs.Load(), Earlier: n.earlier.Load(),
		AbsentHeld: n.absentHeld.Load(), NamesHeld: n.namesHeld.Load(), Full: n.full.Load(),
		YoungDisplaced: n.youngDisplaced.Load(), ReadErrors: n.readErrors.Load(), WriteErrors: n.writeErrors.Load(),
		Domains: n.domains.Load(), Names: n.names.Load(), Pairs: n.pairs.Load(),
	}
	if t := b.young.Load(); t != nil {
		st.Young = uint64(t.n.Load())
	}
	b.queue.mu.Lock()
	st.Waiting = uint64(b.queue.filling.n)
	b.queue.mu.Unlock()
	return st
}
