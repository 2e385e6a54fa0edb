package main

import (
	"sync"
	"time"
	"unsafe"

	"flowname/correlate"
	"flowname/correlate/baseline"
	"flowname/correlate/feeds"
	"flowname/correlate/visibility"
	"flowname/dnscache"
	"flowname/dnscache/firstseen"
)

// A watch is what looks at evidence and at flows besides the join. Evidence comes
// from the goroutines of all sources at once, flows through a lookout of each
// joiner's own.
type watch struct {
	seen     *sightings  // nil: nobody keeps them
	reporter *reporter   // nil: nothing is found
	feeds    *feedWatch  // nil: there are none
	clients  *clientBook // nil: nobody counts
	usual    *baselines  // nil: nobody counts
}

// evidence takes what was just filed. It does not wait, and copies what it keeps. A nil
// watch looks at nothing.
func (w *watch) evidence(r *dnscache.Response) {
	if w == nil {
		return
	}
	w.seen.note(r)
	w.reporter.answer(r)
	w.feeds.answer(r)
	w.usual.answer(r)
}

// settle does what evidence does not wait for, as of now.
func (w *watch) settle(nowNs int64) error {
	if w == nil {
		return nil
	}
	return w.seen.settle(nowNs)
}

// A lookout is the part of a watch that one joiner has for itself.
type lookout struct {
	watch *watch
	names [lookoutNames]knownName

	clients *visibility.Table // nil: nobody counts
	usual   flowCounter
}

// newLookout makes the lookout of a joiner that has a lock.
func (w *watch) newLookout(lock sync.Locker) *lookout {
	l := &lookout{watch: w, usual: flowCounter{Counter: w.usual.newCounter()}}
	if w.clients != nil {
		l.clients = w.clients.newTable(lock)
	}
	return l
}

// flow marks a decided flow.
func (l *lookout) flow(f *correlate.Flow) {
	lists := l.watch.feeds.lists()
	byName := l.end(&f.Dst, f.StartNs, lists) | l.end(&f.Src, f.StartNs, lists)
	l.watch.reporter.flow(f, l)
	if lists != nil {
		l.watch.feeds.flow(f, lists, byName)
	}
	if l.clients != nil {
		l.clients.Flow(f, l.toDoH(f))
	}
	l.countUsual(f)
}

// end fills in what is known of an end's name, and says which feeds have it.
func (l *lookout) end(e *correlate.End, startNs int64, lists *feeds.Lists) (marks feeds.Marks) {
	e.YoungNs = -1
	if !e.Named {
		return 0
	}
	c := &e.Candidates[0]
	k := l.known(c)
	e.Domain, e.YoungNs = k.domain, l.watch.seen.ageNs(k, startNs)
	if lists == nil {
		return 0
	}
	return k.in(lists, c.Canonical)
}

// A knownName is what was found out about a name. Names are told apart by where
// their text lies, which saves comparing it: the cache never overwrites it.
type knownName struct {
	name   string
	domain string
	key    firstseen.Key // of domain
	doh    bool          // it is one of DNS over HTTPS
	life   uint64        // by what findings about it are found
	usual  baseline.Domain

	// marks are the feeds that have the name or the canonical name, in the lists of a
	// generation; 0: none yet.
	marks      feeds.Marks
	canonical  string
	generation uint64
}

// in are the feeds that have the name or its canonical name.
func (k *knownName) in(lists *feeds.Lists, canonical string) feeds.Marks {
	if k.generation != lists.Generation || unsafe.StringData(k.canonical) != unsafe.StringData(canonical) {
		k.generation, k.canonical = lists.Generation, canonical
		k.marks = lists.OfName(k.name) | lists.OfName(canonical)
	}
	return k.marks
}

const lookoutNames = 1 << 12

func (l *lookout) known(c *correlate.Candidate) *knownName {
	text := unsafe.StringData(c.Name)
	k := &l.names[uint64(uintptr(unsafe.Pointer(text)))*0x9e3779b97f4a7c15>>(64-12)]
	if unsafe.StringData(k.name) == text && len(k.name) == len(c.Name) {
		return k
	}
	domain, ok := dnscache.DomainOf(c.Name, c.DomainAt)
	if !ok { // an exporter told the name
		domain = dnscache.Domain(c.Name)
	}
	*k = knownName{
		name: c.Name, domain: domain, key: l.watch.seen.key(domain),
		doh: l.watch.reporter.isDoH(c.Name), life: l.watch.reporter.lifeOf(c.Name),
		usual: l.usual.domain(domain),
	}
	return k
}

// fileLive files evidence that arrives now.
func (d *daemon) fileLive(r *dnscache.Response) {
	d.cache.File(r, time.Now().UnixNano())
	d.watch.evidence(r)
}
