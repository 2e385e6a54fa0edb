package dnscache

import "unsafe"

// slabChunk is how many items a slab takes at once: a slab grows without moving
// what it holds and without the half-empty copy that a doubling slice leaves. The
// table of its chunks is read on the way to each item, so it is to be short: with
// 256 items a chunk those of a million answers drove each other out of the cache.
const (
	slabBits  = 10
	slabChunk = 1 << slabBits
)

// slab holds items of a pointer-free type under small numbers. Number 0 is
// never given out: it means "none".
type slab[T any] struct {
	chunks []*[slabChunk]T
	free   []uint32
	next   uint32 // the lowest number never given out
	from   *arena // where chunks come from; nil: the heap
}

// at is the item i. It stays where it is until it is freed.
func (s *slab[T]) at(i uint32) *T { return &s.chunks[i>>slabBits][i&(slabChunk-1)] }

// alloc gives a zero item.
func (s *slab[T]) alloc() uint32 {
	if n := len(s.free); n > 0 {
		i := s.free[n-1]
		s.free = s.free[:n-1]
		return i
	}
	if s.next == 0 {
		s.next = 1
	}
	if int(s.next>>slabBits) == len(s.chunks) {
		s.chunks = append(s.chunks, chunkOf[T](s.from))
	}
	s.next++
	return s.next - 1
}

func (s *slab[T]) release(i uint32) {
	var zero T
	*s.at(i) = zero
	s.free = append(s.free, i)
}

// used is how many items are in use.
func (s *slab[T]) used() int {
	if s.next == 0 {
		return 0
	}
	return int(s.next) - 1 - len(s.free)
}

// slots is an open-addressing table (linear probing) from a hash to an item's
// number in some slab. A cell is 12 bits of the hash above the number, so that a
// probe touches a foreign item once in 4096 only.
type slots struct {
	cells []uint32
	n     int
}

const (
	slotBits = 20
	// maxSlots bounds the items of one table by what a cell can number; the
	// tables are shards, so the cache holds many times that.
	maxSlots = 1<<slotBits - 1
)

func slotTag(h uint64) uint32 { return uint32(h>>32) &^ maxSlots }

// seek is the next cell at or after pos that h may be in; item 0 ends the
// search. It starts at seek(h, h).
func (t *slots) seek(h, pos uint64) (item uint32, at uint64) {
	if t.n == 0 {
		return 0, 0
	}
	mask := uint64(len(t.cells) - 1)
	tag := slotTag(h)
	for {
		pos &= mask
		cell := t.cells[pos]
		if cell == 0 {
			return 0, pos
		}
		if cell&^maxSlots == tag {
			return cell & maxSlots, pos
		}
		pos++
	}
}

// fetch has fetched the cell at which seek begins.
func (t *slots) fetch(h uint64) {
	if len(t.cells) > 0 {
		prefetch(unsafe.Pointer(&t.cells[h&uint64(len(t.cells)-1)]))
	}
}

// insert adds an item that is not in the table. hashOf tells the hash of any
// item that is, for when the table grows.
func (t *slots) insert(h uint64, item uint32, hashOf func(uint32) uint64) {
	if (t.n+1)*4 > len(t.cells)*3 {
		t.grow(hashOf)
	}
	t.place(h, item)
	t.n++
}

func (t *slots) place(h uint64, item uint32) {
	mask := uint64(len(t.cells) - 1)
	pos := h & mask
	for t.cells[pos] != 0 {
		pos = (pos + 1) & mask
	}
	t.cells[pos] = slotTag(h) | item
}

func (t *slots) grow(hashOf func(uint32) uint64) {
	old := t.cells
	t.cells = make([]uint32, max(16, 2*len(old)))
	for _, cell := range old {
		if cell != 0 {
			item := cell & maxSlots
			t.place(hashOf(item), item)
		}
	}
}

// replace puts item where old is, which has the same hash.
func (t *slots) replace(h uint64, old, item uint32) {
	got, pos := t.seek(h, h)
	for got != old && got != 0 {
		got, pos = t.seek(h, pos+1)
	}
	if got == old {
		t.cells[pos&uint64(len(t.cells)-1)] = slotTag(h) | item
	}
}

// remove takes item out and moves the rest of its cluster up, so that no
// tombstones gather.
func (t *slots) remove(h uint64, item uint32, hashOf func(uint32) uint64) {
	got, pos := t.seek(h, h)
	for got != 0 && got != item {
		got, pos = t.seek(h, pos+1)
	}
	if got == 0 {
		return
	}
	mask := uint64(len(t.cells) - 1)
	hole := pos
	for next := (pos + 1) & mask; t.cells[next] != 0; next = (next + 1) & mask {
		home := hashOf(t.cells[next]&maxSlots) & mask
		if (next-home)&mask >= (next-hole)&mask {
			t.cells[hole] = t.cells[next]
			hole = next
		}
	}
	t.cells[hole] = 0
	t.n--
}
