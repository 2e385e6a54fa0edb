package main

import (
	"sync"
	"time"
	"unsafe"

	"flowname/cmd/flowname/evidence"
	"flowname/correlate"
	"flowname/correlate/baseline"
	"flowname/correlate/feeds"
	"flowname/correlate/visibility"
	"flowname/dnscache"
	"flowname/dnscache/firstseen"
	"flowname/flows"
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

// file files a piece of evidence, and looks at it.
func (w *watch) file(t *evidence.Piece, cache *dnscache.Cache, filedNs int64) {
	t.FileIn(cache, filedNs)
	if t.Connection != nil {
		w.connection(t.Connection)
	} else {
		w.evidence(&t.Response)
	}
}

// connection takes a connection that was just filed, as evidence takes a response. What
// strangers call the servers of this network, in the handshakes of scans as they
// like, says nothing of who is here.
func (w *watch) connection(x *dnscache.Connection) {
	if w == nil || x.Inbound || x.Client.IsValid() && !w.reporter.ours(x.Client) {
		return
	}
	w.seen.connection(x)
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
	names [1 << lookoutNamesBits]knownName
	// probes are those of names that flows will soon have.
	probes [1 << lookoutProbesBits]probedName

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

// ahead has what flow will need of a flow brought near.
func (l *lookout) ahead(r *flows.Record, src, dst *dnscache.Match) {
	lists := l.watch.feeds.lists()
	for _, m := range [...]*dnscache.Match{src, dst} {
		if m == nil || m.Name == "" {
			continue
		}
		k := l.known(m.Name, m.DomainAt)
		l.watch.seen.fetch(k)
		if lists != nil && k.generation != uint32(lists.Generation) {
			*l.probed(k.name) = probedName{unsafe.StringData(k.name), lists, lists.Probe(k.name)}
		}
	}
	if lists != nil {
		lists.Fetch(r.Src)
		lists.Fetch(r.Dst)
	}
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
	k := l.knownOf(e)
	e.Domain, e.YoungNs = k.domain(), l.watch.seen.ageNs(k, startNs)
	if lists == nil {
		return 0
	}
	return l.marks(k, lists, e.Candidates[0].Canonical)
}

// A knownName is what was found out about a name. Names are told apart by where
// their text lies, which saves comparing it: the cache never overwrites it. It is
// kept small: with many names each flow reads another one.
type knownName struct {
	name  string
	key   firstseen.Key // of domain
	life  uint64        // by what findings about it are found
	usual baseline.Domain

	// marks are the feeds that have the name or the canonical name that begins there, in
	// the lists of a generation, cut to 32 bits; 0: none yet.
	marks      feeds.Marks
	canonical  *byte
	generation uint32

	domainAt uint16 // where in name its registrable domain begins
	doh      bool   // it is one of DNS over HTTPS
}

// domain is the name's registrable domain; empty where it has none.
func (k *knownName) domain() string { return k.name[k.domainAt:] }

// A probedName is a name on its way through the filter of feeds.
type probedName struct {
	name  *byte
	lists *feeds.Lists
	probe feeds.Probe
}

// marks are the feeds that have a name or its canonical name.
func (l *lookout) marks(k *knownName, lists *feeds.Lists, canonical string) feeds.Marks {
	if k.generation == uint32(lists.Generation) && k.canonical == unsafe.StringData(canonical) {
		return k.marks
	}
	k.generation, k.canonical = uint32(lists.Generation), unsafe.StringData(canonical)
	p := l.probed(k.name)
	if p.name == unsafe.StringData(k.name) && p.lists == lists {
		k.marks = lists.OfProbed(&p.probe, k.name)
	} else {
		k.marks = lists.OfName(k.name)
	}
	k.marks |= lists.OfName(canonical)
	return k.marks
}

// probed is where a name is while it is on its way.
func (l *lookout) probed(name string) *probedName {
	return &l.probes[hashText(name)>>(64-lookoutProbesBits)]
}

// hashText hashes where a text lies.
func hashText(text string) uint64 {
	return uint64(uintptr(unsafe.Pointer(unsafe.StringData(text)))) * 0x9e3779b97f4a7c15
}

const (
	lookoutNamesBits  = 11
	lookoutProbesBits = 6 // more than flows are told of ahead
)

// knownOf is what was found out about the name of an end.
func (l *lookout) knownOf(e *correlate.End) *knownName {
	c := &e.Candidates[0]
	return l.known(c.Name, c.DomainAt)
}

// known is what was found out about a name; domainAt is that of where it was found.
func (l *lookout) known(name string, domainAt uint16) *knownName {
	k := &l.names[hashText(name)>>(64-lookoutNamesBits)]
	if unsafe.StringData(k.name) == unsafe.StringData(name) && len(k.name) == len(name) {
		return k
	}
	domain, ok := dnscache.DomainOf(name, domainAt)
	if !ok { // an exporter told the name
		domain = dnscache.Domain(name)
	}
	*k = knownName{
		name: name, domainAt: uint16(len(name) - len(domain)), key: l.watch.seen.key(domain),
		doh: l.watch.reporter.isDoH(name), life: l.watch.reporter.lifeOf(name),
		usual: l.usual.domain(domain),
	}
	return k
}

// fileConnection files a connection that is told of now.
func (d *daemon) fileConnection(x *dnscache.Connection) {
	d.cache.FileConnection(x, time.Now().UnixNano())
	d.watch.connection(x)
}

// fileLive files evidence that arrives now.
func (d *daemon) fileLive(r *dnscache.Response) {
	d.cache.File(r, time.Now().UnixNano())
	d.watch.evidence(r)
}
