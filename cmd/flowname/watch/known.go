package watch

import (
	"unsafe"

	"flowname/correlate"
	"flowname/correlate/baseline"
	"flowname/correlate/feeds"
	"flowname/dnscache"
)

// knownNames remember what was found out about names. Each has a place that it shares
// with others, of which the last has it.
type knownNames struct {
	names [1 << knownNamesBits]knownName
	// learn finds out about a name that is not there.
	learn func(k *knownName, name, domain string)
}

const knownNamesBits = 11 // which stay in a core's own cache

// unmark forgets what feeds have.
func (t *knownNames) unmark() {
	for i := range t.names {
		t.names[i].marked = false
	}
}

// of is what was found out about the name of an end.
func (t *knownNames) of(e *correlate.End) *knownName {
	c := &e.Candidates[0]
	return t.name(c.Name, c.DomainAt)
}

// name is what was found out about a name; domainAt is that of where it was found.
func (t *knownNames) name(name string, domainAt uint16) *knownName {
	text := unsafe.StringData(name)
	h := uint64(uintptr(unsafe.Pointer(text))) * 0x9e3779b97f4a7c15
	k := &t.names[h>>(64-knownNamesBits)]
	if k.text == text && int(k.size) == len(name) {
		return k
	}
	domain := domainIn(name, domainAt)
	*k = knownName{text: text, size: uint16(len(name)), domainAt: uint16(len(name) - len(domain))}
	t.learn(k, name, domain)
	return k
}

// A knownName is what was found out about a name: one cache line, because with many
// names each flow reads another one. Names are told apart by where their text lies,
// which saves comparing it: the cache never overwrites it.
type knownName struct {
	text     *byte
	size     uint16
	domainAt uint16 // where in the name its registrable domain begins
	doh      bool   // it is one of DNS over HTTPS
	marked   bool

	key   uint64       // of the domain, by watch.domainKey
	usual baseline.Key // of the domain
	life  uint64       // by what findings about the name are found; 0: not asked yet

	// marks are the feeds that have the name or the canonical name that begins there,
	// whose domain has that key; if it is marked.
	marks        feeds.Marks
	canonical    *byte
	canonicalKey uint64
}

// name is the name's text.
func (k *knownName) name() string { return unsafe.String(k.text, k.size) }

// domain is the name's registrable domain; empty where it has none.
func (k *knownName) domain() string { return k.name()[k.domainAt:] }

// isMarked says whether it is known which feeds have the name or that canonical name.
func (k *knownName) isMarked(canonical string) bool {
	return k.marked && k.canonical == unsafe.StringData(canonical)
}

// toMark is what the domain of a canonical name is found by, for the name to be marked
// with it; 0 for no canonical name.
func (l *Lookout) toMark(k *knownName, canonical string, canonicalAt uint16) uint64 {
	switch text := unsafe.StringData(canonical); {
	case canonical == "":
		return 0
	case k.canonical != text:
		k.marked, k.canonical = false, text
		k.canonicalKey = l.watch.domainKey(domainIn(canonical, canonicalAt))
	}
	return k.canonicalKey
}

// domainIn is the registrable domain of a name, by where it begins if the cache knows
// that.
func domainIn(name string, domainAt uint16) string {
	if domain, ok := dnscache.DomainOf(name, domainAt); ok {
		return domain
	}
	return dnscache.Domain(name)
}
