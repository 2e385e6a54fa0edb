package watch

import (
	"sync"
	"unsafe"

	"flowname/correlate"
	"flowname/correlate/feeds"
	"flowname/correlate/visibility"
	"flowname/dnscache"
	"flowname/flows"
)

// A Lookout is the part of a watch that one joiner has for itself.
type Lookout struct {
	watch *Watch
	known knownNames
	lists *feeds.Lists // nil: there are none

	clients *visibility.Table // nil: nobody counts
	usual   flowCounter
}

// NewLookout makes the lookout of a joiner that has a lock.
func (w *Watch) NewLookout(lock sync.Locker) *Lookout {
	l := &Lookout{watch: w, usual: flowCounter{Counter: w.usual.newCounter()}}
	l.known.learn = l.learn
	if w.clients != nil {
		l.clients = w.clients.newTable(lock)
	}
	return l
}

// Rest gives the others what is counted here for a while, as of a time.
func (l *Lookout) Rest(nowNs int64) { l.usual.rest(nowNs) }

// learn finds out about a name.
func (l *Lookout) learn(k *knownName, name, domain string) {
	k.key, k.usual = l.watch.domainKey(domain), l.usual.key(domain)
	k.doh = l.watch.reporter.isDoH(name)
}

// Ahead has what flow will need of a flow brought near.
func (l *Lookout) Ahead(r *flows.Record, src, dst *dnscache.Match) {
	l.renew()
	for _, m := range [...]*dnscache.Match{src, dst} {
		if m == nil || m.Name == "" {
			continue
		}
		k := l.known.name(m.Name, m.DomainAt)
		l.watch.seen.fetch(k)
		l.usual.fetch(k.usual)
		if l.lists == nil || k.isMarked(m.Canonical) {
			continue
		}
		l.lists.FetchName(k.key)
		if key := l.toMark(k, m.Canonical, m.CanonicalAt); key != 0 {
			l.lists.FetchName(key)
		}
	}
	if l.lists != nil {
		l.lists.Fetch(r.Src)
		l.lists.Fetch(r.Dst)
	}
}

// renew takes the lists that are current.
func (l *Lookout) renew() {
	if current := l.watch.feeds.lists(); current != l.lists {
		l.lists = current
		l.known.unmark()
	}
}

// Flow marks a decided flow.
func (l *Lookout) Flow(f *correlate.Flow) {
	l.renew()
	byName := l.end(&f.Dst, f.StartNs) | l.end(&f.Src, f.StartNs)
	l.watch.reporter.flow(f, l)
	if l.lists != nil {
		l.watch.feeds.flow(f, l.lists, byName)
	}
	if l.clients != nil {
		l.clients.Flow(f, l.toDoH(f))
	}
	l.countUsual(f)
}

// end fills in what is known of an end's name, and says which feeds have it.
func (l *Lookout) end(e *correlate.End, startNs int64) feeds.Marks {
	e.YoungNs = -1
	if !e.Named {
		return 0
	}
	k := l.known.of(e)
	e.Domain, e.YoungNs = k.domain(), l.watch.seen.ageNs(k, startNs)
	if l.lists == nil {
		return 0
	}
	return l.marks(k, &e.Candidates[0])
}

// marks are the feeds that have a name or its canonical name.
func (l *Lookout) marks(k *knownName, c *correlate.Candidate) feeds.Marks {
	if k.isMarked(c.Canonical) {
		return k.marks
	}
	canonicalKey := l.toMark(k, c.Canonical, c.CanonicalAt)
	k.marked, k.canonical, k.marks = true, unsafe.StringData(c.Canonical), 0
	if l.lists.MayHaveIn(k.domain(), k.key) {
		k.marks = l.lists.OfName(c.Name)
	}
	if c.Canonical != "" && l.lists.MayHaveIn(domainIn(c.Canonical, c.CanonicalAt), canonicalKey) {
		k.marks |= l.lists.OfName(c.Canonical)
	}
	return k.marks
}
