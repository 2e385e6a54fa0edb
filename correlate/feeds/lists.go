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

// MayHaveIn says whether a feed may have names in a registrable domain, the domain
// itself or what is above it; hash is the domain's, as New was told to hash. For most
// it is one read of memory.
func (l *Lists) MayHaveIn(domain string, hash uint64) bool {
	return l.filter.inner.has(hash) || l.filter.labels&labelBit(1) != 0 || !twoLabels(domain)
}

// twoLabels says whether a domain has two labels, beside which only entries for its
// top-level domain have the names in it. Others can have suffixes between, such as
// s3.amazonaws.com, beneath which entries for amazonaws.com have names too.
func twoLabels(domain string) bool {
	top := labelStart(domain, len(domain))
	return top > 0 && labelStart(domain, top-1) == 0
}

// FetchName has what MayHaveIn will read brought near.
func (l *Lists) FetchName(hash uint64) { l.filter.inner.fetch(hash) }

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
