// Package watch looks at evidence and at flows besides the join: first sightings,
// findings, feeds, what share of each client's flows has names, and what is usual.
//
// A Watch has a book of each in a cache's store, or none where flags switch it off:
// what is nil does nothing. Evidence comes from the goroutines of all sources at once
// and does not wait; flows come through a Lookout of each joiner's own, which remembers
// what was found out about names and counts for itself until it rests. Files are
// written by the one goroutine that calls WriteFindings, Reload and Close.
package watch

import (
	"hash/maphash"

	"flowname/cmd/flowname/evidence"
	"flowname/dnscache"
)

// A Watch is what looks at evidence and at flows besides the join. Evidence comes
// from the goroutines of all sources at once, flows through a lookout of each
// joiner's own.
type Watch struct {
	cache    *dnscache.Cache
	seen     *sightings  // nil: nobody keeps them
	reporter *reporter   // nil: nothing is found
	feeds    *feedWatch  // nil: there are none
	clients  *clientBook // nil: nobody counts
	usual    *baselines  // nil: nobody counts
}

// Evidence takes what was just filed. It does not wait, and copies what it keeps. A nil
// watch looks at nothing.
func (w *Watch) Evidence(r *dnscache.Response) {
	if w == nil {
		return
	}
	w.seen.note(r)
	w.reporter.answer(r)
	w.feeds.answer(r)
	w.usual.answer(r)
}

// File files a piece of evidence, and looks at it.
func (w *Watch) File(t *evidence.Piece, filedNs int64) {
	t.FileIn(w.cache, filedNs)
	if t.Connection != nil {
		w.Connection(t.Connection)
	} else {
		w.Evidence(&t.Response)
	}
}

// Connection takes a connection that was just filed, as evidence takes a response. What
// strangers call the servers of this network, in the handshakes of scans as they
// like, says nothing of who is here.
func (w *Watch) Connection(x *dnscache.Connection) {
	if w == nil || x.Inbound || x.Client.IsValid() && !w.reporter.ours(x.Client) {
		return
	}
	w.seen.connection(x)
}

// domainSeed is what domains are hashed by where there are no sightings to do it.
var domainSeed = maphash.MakeSeed()

// domainKey is the hash of a registrable domain by which sightings and feeds find it.
func (w *Watch) domainKey(domain string) uint64 {
	if w.seen != nil {
		return uint64(w.seen.key(domain))
	}
	return maphash.String(domainSeed, domain)
}

// Settle does what evidence does not wait for, as of now.
func (w *Watch) Settle(nowNs int64) error {
	if w == nil {
		return nil
	}
	return w.seen.settle(nowNs)
}
