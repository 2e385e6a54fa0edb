package firstseen

import (
	"slices"
	"sync/atomic"

	"flowname/dnscache"
)

// A youngTable holds the domains that were first seen lately: by hash, when. One
// goroutine writes, any reads; it grows by another taking its place.
//
// Most domains that are asked for are old: a filter that stays in a core's own
// cache says so, four bits of one word for each domain.
type youngTable struct {
	slots  []youngSlot
	filter []atomic.Uint64
	n      atomic.Int64
}

// A youngSlot is free while its domain is 0. Its time is there before it.
type youngSlot struct{ domain, sec atomic.Uint64 }

const (
	youngLeast = 1 << 10 // slots
	youngMost  = 1 << 20 // domains, of a Book
)

// youngFilter is how many slots there are for a word of the filter: 8 to 32 bits a
// domain.
const youngFilter = 8

func newYoungTable(slots int) *youngTable {
	t := &youngTable{slots: make([]youngSlot, slots), filter: make([]atomic.Uint64, slots/youngFilter)}
	dnscache.HugePages(t.slots)
	dnscache.HugePages(t.filter)
	return t
}

// passes is the word of the filter for a domain, and its bits in it.
func (t *youngTable) passes(h uint64) (word *atomic.Uint64, bits uint64) {
	return &t.filter[h>>24&uint64(len(t.filter)-1)], 1<<(h&63) | 1<<(h>>6&63) | 1<<(h>>12&63) | 1<<(h>>18&63)
}

// find is when a domain was first seen; 0 if it is not in the table.
func (t *youngTable) find(h uint64) uint32 {
	if word, bits := t.passes(h); word.Load()&bits != bits {
		return 0
	}
	mask := uint64(len(t.slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		switch t.slots[i].domain.Load() {
		case 0:
			return 0
		case h:
			return uint32(t.slots[i].sec.Load())
		}
	}
}

// put enters a domain or changes when it was first seen.
func (t *youngTable) put(h uint64, sec uint32) {
	mask := uint64(len(t.slots) - 1)
	i := h & mask
	for d := t.slots[i].domain.Load(); d != 0 && d != h; d = t.slots[i].domain.Load() {
		i = (i + 1) & mask
	}
	s := &t.slots[i]
	s.sec.Store(uint64(sec))
	filter, bits := t.passes(h)
	filter.Or(bits)
	if s.domain.Load() == 0 {
		s.domain.Store(h)
		t.n.Add(1)
	}
}

// full says that another has to be made before the next put.
func (t *youngTable) full() bool { return int(t.n.Load())*4 >= len(t.slots)*3 }

// renewed is a table with room, without those first seen before sinceSec; if
// there are too many, without the earlier half. It tells how many made room.
func (t *youngTable) renewed(sinceSec uint32, most int) (next *youngTable, displaced int) {
	times := make([]uint32, 0, t.n.Load())
	for i := range t.slots {
		if s := &t.slots[i]; s.domain.Load() != 0 && uint32(s.sec.Load()) >= sinceSec {
			times = append(times, uint32(s.sec.Load()))
		}
	}
	if live := len(times); live >= most {
		slices.Sort(times)
		sinceSec = times[live/2]
		if i, _ := slices.BinarySearch(times, sinceSec+1); times[0] == sinceSec {
			displaced, sinceSec = i, sinceSec+1 // half of all at one moment: they go
		} else {
			displaced, _ = slices.BinarySearch(times, sinceSec)
		}
		times = times[displaced:]
	}
	slots := youngLeast
	for slots < 2*len(times) {
		slots *= 2
	}
	next = newYoungTable(slots)
	for i := range t.slots {
		if s := &t.slots[i]; s.domain.Load() != 0 && uint32(s.sec.Load()) >= sinceSec {
			next.put(s.domain.Load(), uint32(s.sec.Load()))
		}
	}
	return next, displaced
}
