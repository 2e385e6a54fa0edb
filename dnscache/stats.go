package dnscache

import "sync/atomic"

// Stats counts what a Cache did since it was opened, and says how large it is.
type Stats struct {
	// Responses were given to File, Connections to FileConnection. Answers are
	// the addresses in responses and the names of connections, Questions the
	// responses that only say who asked.
	Responses, Connections, Answers, Questions uint64
	// Outcomes are responses that said that there is no address. Of their runs
	// OutcomesDropped were not kept because a client, or all together, had too many,
	// or because the index was full of what waits to be written; OutcomesEvicted
	// made room in it, where OutcomeRuns are now.
	Outcomes, OutcomesDropped, OutcomesEvicted, OutcomeRuns uint64
	// Refused responses: a time that is not after 1970, a name that is empty,
	// too long or not in presentation form; answers without an address; and what
	// claims an address that the package keeps for itself.
	BadTime, BadName, BadAddr, Reserved uint64
	// Forwarded evidence was asked for by a forwarder, Masked by an address that
	// is a network's: it is for any client, or for the one that the forwarder told.
	Forwarded, Masked uint64

	// What became of answers, each counted for its client and for its address:
	// Extended were counted into a run, Duplicates were there already, Late came
	// before something newer.
	Extended, Duplicates, Late uint64
	// ChainFull is how many were refused because too many of the same chain wait
	// to be written; Dropped, how many were not queued for the disk because the
	// queue was full, or not taken because the index was.
	ChainFull, Dropped uint64

	// Size of the index, now.
	Versions, Pairs, Addresses, Clients, Names, NameBytes, Pending uint64
	// EvictedWindow chains were unused for a window, EvictedBound ones made room;
	// Trimmed versions left chains that stay; EvictedClients made room too.
	EvictedWindow, EvictedBound, Trimmed, EvictedClients uint64

	// Lookups are chains that were asked for; Hits, those that were there and
	// that the index could answer alone. Of the rest, and of unknown clients, Filtered
	// were spared a read, ColdReads read Badger, ColdErrors failed to, and
	// ColdCut gave up after too many names.
	Lookups, Hits, Filtered, ColdReads, ColdErrors, ColdCut uint64

	// Written keys, failed Flushes, and versions that Open read into the index.
	Written, WriteErrors, Warmed uint64

	// As of the last Maintain: bytes of all tables on disk, and of those that have
	// expired as a whole and will be given back.
	TableBytes, ExpiredBytes uint64
}

// shardCounters are those that are raised under a shard's lock, at most for
// reading.
type shardCounters struct {
	extended, duplicates, late, chainFull, dropped atomic.Uint64
	evictedWindow, evictedBound, trimmed           atomic.Uint64
	lookups, hits                                  atomic.Uint64
}

type counters struct {
	responses, connections, answers, questions   atomic.Uint64
	forwarded, masked                            atomic.Uint64
	badTime, badName, badAddr, reserved, dropped atomic.Uint64
	filtered, coldReads, coldErrors, coldCut     atomic.Uint64
	written, writeErrors, warmed, outcomes       atomic.Uint64
}

// Stats is the counters' present state.
func (c *Cache) Stats() Stats {
	st := Stats{
		Responses: c.count.responses.Load(), Connections: c.count.connections.Load(),
		Answers: c.count.answers.Load(), Questions: c.count.questions.Load(),
		Outcomes:  c.count.outcomes.Load(),
		Forwarded: c.count.forwarded.Load(), Masked: c.count.masked.Load(),
		BadTime: c.count.badTime.Load(), BadName: c.count.badName.Load(),
		BadAddr: c.count.badAddr.Load(), Reserved: c.count.reserved.Load(), Dropped: c.count.dropped.Load(),
		Filtered: c.count.filtered.Load(), ColdReads: c.count.coldReads.Load(),
		ColdErrors: c.count.coldErrors.Load(), ColdCut: c.count.coldCut.Load(),
		Written: c.count.written.Load(), WriteErrors: c.count.writeErrors.Load(),
		Warmed: c.count.warmed.Load(), Pending: uint64(max(c.pending.Load(), 0)),
	}
	for i := range c.shards {
		c.shards[i].addTo(&st)
	}
	for i := range c.outcomes.shards {
		s := &c.outcomes.shards[i]
		st.OutcomesDropped += s.dropped.Load()
		st.OutcomesEvicted += s.evicted.Load()
		s.mu.Lock()
		st.OutcomeRuns += uint64(s.entries.used())
		s.mu.Unlock()
	}
	for i := range c.clients.shards {
		s := &c.clients.shards[i]
		s.mu.RLock()
		st.Clients += uint64(s.index.n)
		s.mu.RUnlock()
		st.EvictedClients += s.evicted.Load()
	}
	if c.store != nil {
		st.TableBytes, st.ExpiredBytes = c.store.tableBytes.Load(), c.store.expiredBytes.Load()
	}
	n, bytes := c.names.size()
	st.Names, st.NameBytes = uint64(n), uint64(bytes)
	return st
}

func (s *shard) addTo(st *Stats) {
	n := &s.count
	st.Extended += n.extended.Load()
	st.Duplicates += n.duplicates.Load()
	st.Late += n.late.Load()
	st.ChainFull += n.chainFull.Load()
	st.Dropped += n.dropped.Load()
	st.EvictedWindow += n.evictedWindow.Load()
	st.EvictedBound += n.evictedBound.Load()
	st.Trimmed += n.trimmed.Load()
	st.Lookups += n.lookups.Load()
	st.Hits += n.hits.Load()
	s.mu.RLock()
	defer s.mu.RUnlock()
	st.Versions += uint64(s.versions.used())
	st.Pairs += uint64(s.byPair.n)
	st.Addresses += uint64(s.byAddress.n)
}
