package firstseen

import "sync/atomic"

// The memories answer what is known already: they hold for a hash the earliest
// time that was noted of it. They are read and written without locks, and what
// they have forgotten or never took is asked of the shelf. Each set of entries is
// in one line of the processor's cache.
//
// Half of a hash is an entry's tag, other bits choose its set: a hash is mistaken
// for another once in 2^32 sets' worth of them.

// pairMemory remembers pairs of client and domain: a word each, tag and time.
type pairMemory struct {
	words []atomic.Uint64
	mask  uint64
}

const pairWays = 8

func newPairMemory(entries int) pairMemory {
	return pairMemory{words: make([]atomic.Uint64, entries), mask: uint64(entries/pairWays - 1)}
}

func (m *pairMemory) set(h uint64) []atomic.Uint64 {
	at := (h & m.mask) * pairWays
	return m.words[at : at+pairWays : at+pairWays]
}

func word(h uint64, sec uint32) uint64 { return h&^0xffffffff | uint64(sec) }

func sameTag(w, h uint64) bool { return w>>32 == h>>32 }

// knows says whether h was noted at sec or before.
func (m *pairMemory) knows(h uint64, sec uint32) bool {
	set := m.set(h)
	for i := range set {
		if w := set[i].Load(); sameTag(w, h) && uint32(w) != 0 && uint32(w) <= sec {
			return true
		}
	}
	return false
}

// note remembers h. Of a full set one that its hash chooses makes room.
func (m *pairMemory) note(h uint64, sec uint32) {
	set := m.set(h)
	victim := int(h>>29) & (pairWays - 1)
	for i := range set {
		w := set[i].Load()
		if sameTag(w, h) && uint32(w) != 0 {
			victim, sec = i, min(sec, uint32(w))
			break
		}
		if w == 0 {
			victim = i
		}
	}
	set[victim].Store(word(h, sec))
}

// nameMemory remembers names, and the hash of each one's domain. Two words can
// not be read at once: the tag is of both hashes, so that halves of two entries
// are none.
type nameMemory struct {
	entries []nameEntry
	mask    uint64
}

type nameEntry struct {
	word   atomic.Uint64
	domain atomic.Uint64 // 0: the name has none
}

const nameWays = 4

func newNameMemory(entries int) nameMemory {
	return nameMemory{entries: make([]nameEntry, entries), mask: uint64(entries/nameWays - 1)}
}

func (m *nameMemory) set(h uint64) []nameEntry {
	at := (h & m.mask) * nameWays
	return m.entries[at : at+nameWays : at+nameWays]
}

func nameTag(h, domain uint64) uint64 { return fold(h^0x9e3779b97f4a7c15, domain|1) }

// knows says whether the name was noted at sec or before, and its domain's hash.
func (m *nameMemory) knows(h uint64, sec uint32) (domain uint64, ok bool) {
	set := m.set(h)
	for i := range set {
		e := &set[i]
		w := e.word.Load()
		if uint32(w) == 0 || uint32(w) > sec {
			continue
		}
		if domain := e.domain.Load(); sameTag(w, nameTag(h, domain)) {
			return domain, true
		}
	}
	return 0, false
}

func (m *nameMemory) note(h, domain uint64, sec uint32) {
	set, tag := m.set(h), nameTag(h, domain)
	victim := int(h>>29) & (nameWays - 1)
	for i := range set {
		w := set[i].word.Load()
		if sameTag(w, tag) && uint32(w) != 0 {
			victim = i
			break
		}
		if w == 0 {
			victim = i
		}
	}
	e := &set[victim]
	e.word.Store(0)
	e.domain.Store(domain)
	e.word.Store(word(tag, sec))
}
