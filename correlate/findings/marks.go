package findings

import (
	"sync"
	"sync/atomic"
)

// marks tell flows what was found about the names they went to, for Repeat. It is a
// table of a fixed size, read without locks: a newer mark takes the place of an older
// one, whose flows then go without.
type marks struct {
	mu    sync.Mutex // of writers
	any   atomic.Bool
	slots [1 << 12]mark
}

type mark struct {
	key atomic.Uint64
	is  atomic.Uint64 // codes in the upper half, since when in the lower
}

func (m *marks) slot(key uint64) *mark { return &m.slots[key>>20%uint64(len(m.slots))] }

func (m *marks) add(key uint64, shown Shown, sec uint32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.slot(key)
	if s.key.Load() == key && near(uint32(s.is.Load()), sec, day) {
		shown |= Shown(s.is.Load() >> 32)
	}
	s.is.Store(0) // a reader sees no other name's codes
	s.key.Store(key)
	s.is.Store(uint64(shown)<<32 | uint64(sec))
	m.any.Store(true)
}

// of are the codes of a key at a time.
func (m *marks) of(key uint64, sec uint32) Shown {
	s := m.slot(key)
	if s.key.Load() != key {
		return 0
	}
	is := s.is.Load()
	if since(uint32(is), sec) >= day || since(sec, uint32(is)) >= lookAgain {
		return 0
	}
	return Shown(is >> 32)
}

// Key is what Marked finds a name by.
func (n *Names) Key(name string) uint64 { return hashName(n.cfg.Seed, name) | 1 }

// AnyMarked says whether any name is marked.
func (n *Names) AnyMarked() bool { return n.marks.any.Load() }

// Marked are the codes that hold for a name, by its Key, at a time in Unix
// nanoseconds: what an answer up to a day before has shown.
func (n *Names) Marked(key uint64, atNs int64) Shown {
	if !n.AnyMarked() {
		return 0
	}
	return n.marks.of(key, uint32(atNs/1e9))
}
