package feeds

import (
	"math/bits"
	"net/netip"
	"unsafe"

	"flowname/correlate/indicators"
)

// Marks say which feeds have something: a bit for each, in the order in which they
// were given.
type Marks uint64

// First is the number of the first feed; there must be one.
func (m Marks) First() int { return bits.TrailingZeros64(uint64(m)) }

// Has says whether a feed is among them.
func (m Marks) Has(feed int) bool { return m>>feed&1 != 0 }

// Lists are what all feeds have. They never change.
type Lists struct {
	// Generation tells lists of a Reader apart; it begins with 1.
	Generation uint64

	sets   []*indicators.Set
	filter *filter
}

// OfName are the feeds that have a name, in presentation form, or a name that it is
// beneath, as far as that entry means what is beneath it.
func (l *Lists) OfName(name string) Marks {
	if name == "" || l.filter.labels == 0 || !l.filter.mayHaveName(name) {
		return 0
	}
	return l.lookUpName(name)
}

// OfNameBytes is OfName of a name in a buffer.
func (l *Lists) OfNameBytes(name []byte) Marks {
	if len(name) == 0 {
		return 0
	}
	return l.OfName(unsafe.String(&name[0], len(name))) // which is not kept
}

// Probe begins to look for a name, which OfProbed ends: what it reads comes near
// meanwhile.
func (l *Lists) Probe(name string) Probe {
	if l.filter.labels == 0 {
		return Probe{}
	}
	return l.filter.probe(name)
}

// OfProbed is OfName of a name that Probe was given by the same Lists.
func (l *Lists) OfProbed(p *Probe, name string) Marks {
	if p.n == 0 || !l.filter.passes(p, name) {
		return 0
	}
	return l.lookUpName(name)
}

// Fetch has what OfAddr will read brought near.
func (l *Lists) Fetch(addr netip.Addr) { l.filter.fetch(addr) }

func (l *Lists) lookUpName(name string) (m Marks) {
	var buf [8]indicators.Entry
	for i, s := range l.sets {
		if len(s.AppendName(buf[:0], name)) > 0 {
			m |= 1 << i
		}
	}
	return m
}

// OfAddr are the feeds that have an address, or a prefix that holds it.
func (l *Lists) OfAddr(addr netip.Addr) Marks {
	if l.filter.v4 == nil && l.filter.v6 == 0 || !addr.IsValid() {
		return 0
	}
	if addr = addr.Unmap(); !l.filter.mayHaveAddr(addr) {
		return 0
	}
	return l.lookUpAddr(addr)
}

func (l *Lists) lookUpAddr(addr netip.Addr) (m Marks) {
	var buf [8]indicators.Entry
	for i, s := range l.sets {
		if len(s.AppendAddr(buf[:0], addr)) > 0 {
			m |= 1 << i
		}
	}
	return m
}

// NameEntry is the entry by which a feed has a name: the nearest; the zero Entry if
// it has it not.
func (l *Lists) NameEntry(feed int, name string) (e indicators.Entry) {
	if found := l.sets[feed].AppendName(nil, name); len(found) > 0 {
		e = found[0]
	}
	return e
}

// AddrEntry is the entry by which a feed has an address: the longest; the zero Entry
// if it has it not.
func (l *Lists) AddrEntry(feed int, addr netip.Addr) (e indicators.Entry) {
	if found := l.sets[feed].AppendAddr(nil, addr.Unmap()); len(found) > 0 {
		e = found[0]
	}
	return e
}
