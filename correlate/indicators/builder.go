package indicators

import (
	"hash/maphash"
	"net/netip"
	"slices"
)

// maxFeeds is how many feeds a Set tells apart.
const maxFeeds = 4096

// A Builder makes a Set. The zero Builder is ready for use.
type Builder struct {
	// MaxEntries is how many entries to take at most; 0 is as many as a Set
	// holds. What comes on top is refused as Full.
	MaxEntries int

	set   Set
	texts [][]byte // the chunks while they grow
	seen  [129]bool
	begun bool
}

// Set returns what was read. The Builder starts anew.
func (b *Builder) Set() *Set {
	s := b.set
	s.chunks = make([]string, len(b.texts))
	for i := range b.texts {
		s.chunks[i] = string(b.texts[i])
		b.texts[i] = nil
	}
	s.names = append(make([]nameEntry, 0, len(s.names)), s.names...)
	s.prefixes = append(make([]prefixEntry, 0, len(s.prefixes)), s.prefixes...)
	for length := 128; length >= 0; length-- {
		if b.seen[length] {
			s.lengths = append(s.lengths, uint8(length))
		}
	}
	*b = Builder{MaxEntries: b.MaxEntries}
	return &s
}

// feed gives a feed's number.
func (b *Builder) feed(name string) (uint16, bool) {
	if !b.begun {
		b.begun, b.set.seed = true, maphash.MakeSeed()
	}
	i := slices.Index(b.set.feeds, name)
	if i < 0 {
		if i = len(b.set.feeds); i == maxFeeds {
			return 0, false
		}
		b.set.feeds = append(b.set.feeds, name)
	}
	return uint16(i), true
}

// An item is an indicator as it was read.
type item struct {
	name                 []byte // in presentation form; empty where it is a prefix
	prefix               netip.Prefix
	self, beneath, isURL bool
}

// What became of an item.
type added int

const (
	addedNew added = iota
	addedAgain
	addedFull
)

func (b *Builder) full() bool { return b.MaxEntries > 0 && b.set.Len() >= b.MaxEntries }

func (b *Builder) add(it *item, feed uint16) added {
	if len(it.name) == 0 {
		return b.addPrefix(it, feed)
	}
	s := &b.set
	h := maphash.Bytes(s.seed, it.name)
	for i, pos := s.nameAt.first(h); i >= 0; i, pos = s.nameAt.next(h, pos) {
		if e := &s.names[i]; e.feed == feed && string(b.textOf(e)) == string(it.name) {
			e.merge(it.marks())
			return addedAgain
		}
	}
	if len(s.names) == maxTable || b.full() {
		return addedFull
	}
	at, ok := b.write(it.name)
	if !ok {
		return addedFull
	}
	s.names = append(s.names, nameEntry{at: at, size: uint16(len(it.name)) | it.marks(), feed: feed})
	s.nameAt.insert(h, len(s.names)-1, func(i int) uint64 { return maphash.Bytes(s.seed, b.textOf(&s.names[i])) })
	return addedNew
}

func (it *item) marks() (m uint16) {
	if it.self {
		m |= markSelf
	}
	if it.beneath {
		m |= markBeneath
	}
	if it.isURL {
		m |= markURL
	}
	return m
}

// merge adds what the same feed says of the name in another line: it matches
// what either matches, and is a URL's host if both are.
func (e *nameEntry) merge(marks uint16) {
	url := e.size & marks & markURL
	e.size = (e.size|marks)&^markURL | url
}

func (b *Builder) textOf(e *nameEntry) []byte {
	at := e.at & (chunkSize - 1)
	return b.texts[e.at>>chunkBits][at : at+uint32(e.size&sizeMask)]
}

// write puts a text at the end of the last chunk that has room.
func (b *Builder) write(text []byte) (at uint32, ok bool) {
	last := len(b.texts) - 1
	if last < 0 || len(b.texts[last])+len(text) > chunkSize {
		if last++; last == 1<<(32-chunkBits) {
			return 0, false
		}
		b.texts = append(b.texts, nil)
	}
	at = uint32(last<<chunkBits | len(b.texts[last]))
	b.texts[last] = append(b.texts[last], text...)
	return at, true
}

func (b *Builder) addPrefix(it *item, feed uint16) added {
	s := &b.set
	hi, lo := wordsOf(it.prefix.Addr())
	length := it.prefix.Bits()
	if it.prefix.Addr().Is4() {
		length += 96
	}
	p := prefixEntry{hi: hi, lo: lo, bits: uint8(length), feed: feed, url: it.isURL}
	p.mask()
	h := p.hash(s.seed)
	for i, pos := s.prefixAt.first(h); i >= 0; i, pos = s.prefixAt.next(h, pos) {
		if e := &s.prefixes[i]; e.hi == p.hi && e.lo == p.lo && e.bits == p.bits && e.feed == feed {
			e.url = e.url && p.url
			return addedAgain
		}
	}
	if len(s.prefixes) == maxTable || b.full() {
		return addedFull
	}
	s.prefixes = append(s.prefixes, p)
	s.prefixAt.insert(h, len(s.prefixes)-1, func(i int) uint64 { return s.prefixes[i].hash(s.seed) })
	b.seen[length] = true
	return addedNew
}

// Add takes an indicator of a feed that was read elsewhere: a name in presentation
// form, or a prefix. It is false where there is no room for it.
func (b *Builder) Add(feed string, e Entry) bool {
	f, ok := b.feed(feed)
	if !ok {
		return false
	}
	it := item{name: []byte(e.Name), prefix: e.Prefix, self: e.Self, beneath: e.Beneath, isURL: e.URL}
	return b.add(&it, f) != addedFull
}
