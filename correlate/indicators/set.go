package indicators

import (
	"encoding/binary"
	"hash/maphash"
	"iter"
	"math/bits"
	"net/netip"
	"unsafe"
)

// An Entry is one indicator of one feed. Its texts stay valid for ever.
type Entry struct {
	// ID tells the Set's entries apart: names count from 0, prefixes from
	// where the names end.
	ID   uint32
	Feed string
	// Name is empty where the entry is a prefix. Self says that the name itself
	// matches, Beneath that those beneath it do.
	Name          string
	Self, Beneath bool
	Prefix        netip.Prefix // the zero Prefix where the entry is a name
	// URL says that the feed gives URLs at this host: not all that goes there
	// goes to them.
	URL bool
}

// String is the entry as a feed writes it: bad.example, *.bad.example,
// 192.0.2.1 or 192.0.2.0/24.
func (e Entry) String() string {
	switch {
	case e.Name == "" && e.Prefix.IsSingleIP():
		return e.Prefix.Addr().String()
	case e.Name == "":
		return e.Prefix.String()
	case !e.Self:
		return "*." + e.Name
	}
	return e.Name
}

// A Set is what feeds gave. The zero Set is empty.
type Set struct {
	seed     maphash.Seed
	feeds    []string
	chunks   []string // of names' texts
	names    []nameEntry
	nameAt   table
	prefixes []prefixEntry
	prefixAt table
	lengths  []uint8 // of the prefixes there are, in IPv6 bits, longest first
}

type nameEntry struct {
	at   uint32 // chunk and place in it
	size uint16 // and the marks
	feed uint16
}

const (
	chunkBits = 20
	chunkSize = 1 << chunkBits

	sizeMask    = 1<<10 - 1
	markSelf    = 1 << 10
	markBeneath = 1 << 11
	markURL     = 1 << 12
)

// prefixEntry is a prefix in IPv6 bits, those of IPv4 being in ::ffff:0:0/96.
type prefixEntry struct {
	hi, lo uint64
	feed   uint16
	bits   uint8
	url    bool
}

// Len is how many entries there are.
func (s *Set) Len() int { return len(s.names) + len(s.prefixes) }

// Feeds are the names of the feeds, in the order in which they were read.
func (s *Set) Feeds() []string { return s.feeds }

// All yields each entry, in order of ID.
func (s *Set) All() iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		for i := range s.names {
			if !yield(s.nameEntry(i)) {
				return
			}
		}
		for i := range s.prefixes {
			if !yield(s.prefixEntry(i)) {
				return
			}
		}
	}
}

// Entry is the entry with an ID.
func (s *Set) Entry(id uint32) Entry {
	if i := int(id); i < len(s.names) {
		return s.nameEntry(i)
	}
	return s.prefixEntry(int(id) - len(s.names))
}

func (s *Set) nameEntry(i int) Entry {
	e := &s.names[i]
	return Entry{
		ID: uint32(i), Feed: s.feeds[e.feed], Name: s.text(e),
		Self: e.size&markSelf != 0, Beneath: e.size&markBeneath != 0, URL: e.size&markURL != 0,
	}
}

func (s *Set) prefixEntry(i int) Entry {
	e := &s.prefixes[i]
	return Entry{ID: uint32(len(s.names) + i), Feed: s.feeds[e.feed], Prefix: e.prefix(), URL: e.url}
}

func (s *Set) text(e *nameEntry) string {
	at := e.at & (chunkSize - 1)
	return s.chunks[e.at>>chunkBits][at : at+uint32(e.size&sizeMask)]
}

// AppendName appends the entries that match a name in presentation form: those
// of the name itself, then those of its parents, the nearest first.
func (s *Set) AppendName(dst []Entry, name string) []Entry {
	if len(s.names) == 0 {
		return dst
	}
	dst = s.appendNamed(dst, name, markSelf)
	for i := 0; i < len(name); i++ {
		switch name[i] {
		case '\\':
			i++ // what is escaped ends no label
		case '.':
			dst = s.appendNamed(dst, name[i+1:], markBeneath)
		}
	}
	return dst
}

// AppendNameBytes is AppendName of a name in a buffer.
func (s *Set) AppendNameBytes(dst []Entry, name []byte) []Entry {
	if len(name) == 0 {
		return dst
	}
	return s.AppendName(dst, unsafe.String(&name[0], len(name))) // which is not kept
}

func (s *Set) appendNamed(dst []Entry, name string, mark uint16) []Entry {
	h := maphash.String(s.seed, name)
	for i, pos := s.nameAt.first(h); i >= 0; i, pos = s.nameAt.next(h, pos) {
		if e := &s.names[i]; e.size&mark != 0 && s.text(e) == name {
			dst = append(dst, s.nameEntry(i))
		}
	}
	return dst
}

// AppendAddr appends the entries whose prefix holds an address, the longest
// first.
func (s *Set) AppendAddr(dst []Entry, addr netip.Addr) []Entry {
	if len(s.prefixes) == 0 || !addr.IsValid() {
		return dst
	}
	hi, lo := wordsOf(addr)
	for _, length := range s.lengths {
		if length < 96 && addr.Is4() {
			break
		}
		p := prefixEntry{hi: hi, lo: lo, bits: length}
		p.mask()
		h := p.hash(s.seed)
		for i, pos := s.prefixAt.first(h); i >= 0; i, pos = s.prefixAt.next(h, pos) {
			if e := &s.prefixes[i]; e.hi == p.hi && e.lo == p.lo && e.bits == p.bits {
				dst = append(dst, s.prefixEntry(i))
			}
		}
	}
	return dst
}

func wordsOf(addr netip.Addr) (hi, lo uint64) {
	b := addr.As16()
	return binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
}

// mask clears the bits behind the prefix.
func (p *prefixEntry) mask() {
	if p.bits <= 64 {
		p.hi, p.lo = p.hi&^(^uint64(0)>>p.bits), 0
		return
	}
	p.lo &^= ^uint64(0) >> (p.bits - 64)
}

func (p *prefixEntry) hash(seed maphash.Seed) uint64 {
	return maphash.Comparable(seed, [3]uint64{p.hi, p.lo, uint64(p.bits)})
}

func (p *prefixEntry) prefix() netip.Prefix {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], p.hi)
	binary.BigEndian.PutUint64(b[8:], p.lo)
	addr, length := netip.AddrFrom16(b), int(p.bits)
	if addr.Is4In6() && length >= 96 {
		addr, length = addr.Unmap(), length-96
	}
	return netip.PrefixFrom(addr, length)
}

// A table finds entries by hash: open addressing, each slot an entry's number
// plus one and, above it, some bits of the hash.
type table struct {
	slots []uint32
	n     int
}

const (
	slotBits = 26
	slotMask = 1<<slotBits - 1
	// maxTable is how many entries a table numbers.
	maxTable = slotMask - 1
)

// tagOf takes bits that do not tell the slot's place as well.
func tagOf(h uint64) uint32 { return uint32(h>>32) &^ slotMask }

// first is the first entry that can have the hash, and the slot it stands in;
// -1 if there is none.
func (t *table) first(h uint64) (entry, pos int) {
	if len(t.slots) == 0 {
		return -1, 0
	}
	return t.next(h, int(h&uint64(len(t.slots)-1))-1)
}

// next goes on behind a slot.
func (t *table) next(h uint64, pos int) (entry, at int) {
	mask, tag := len(t.slots)-1, tagOf(h)
	for {
		pos = (pos + 1) & mask
		v := t.slots[pos]
		if v == 0 {
			return -1, pos
		}
		if v&^slotMask == tag {
			return int(v&slotMask) - 1, pos
		}
	}
}

// insert adds an entry. hashOf gives those of the entries that are there
// already.
func (t *table) insert(h uint64, entry int, hashOf func(entry int) uint64) {
	if t.n*4 >= len(t.slots)*3 {
		old := t.slots
		t.slots = make([]uint32, max(16, 1<<bits.Len(uint(len(old)))))
		for _, v := range old {
			if v != 0 {
				i := int(v&slotMask) - 1
				t.put(hashOf(i), i)
			}
		}
	}
	t.put(h, entry)
	t.n++
}

func (t *table) put(h uint64, entry int) {
	mask := uint64(len(t.slots) - 1)
	pos := h & mask
	for t.slots[pos] != 0 {
		pos = (pos + 1) & mask
	}
	t.slots[pos] = tagOf(h) | uint32(entry+1)
}
