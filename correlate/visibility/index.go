package visibility

import (
	"math/bits"
	"sync/atomic"
	"unsafe"

	"flowname/dnscache"
)

// chunkSize is how many entries are taken at once.
const chunkSize = 1 << 10

// A Room is how many clients several tables may have together. It is safe for
// concurrent use.
type Room struct {
	left atomic.Int64
	step int64 // what is given at once
}

// NewRoom returns room for that many clients.
func NewRoom(clients int) *Room {
	r := &Room{step: min(int64(clients)/16+1, chunkSize)}
	r.left.Store(int64(clients))
	return r
}

// take gives some of what there is.
func (r *Room) take() uint32 {
	for {
		left := r.left.Load()
		n := min(max(left, 0), r.step)
		if n == 0 || r.left.CompareAndSwap(left, left-n) {
			return uint32(n)
		}
	}
}

// index finds entries' numbers by hash: open addressing, a cell being the hash above
// the number.
type index struct {
	cells []uint64
	n     int
}

// home is where a search for a hash begins.
func (x *index) home(hash uint32) uint32 { return hash & uint32(len(x.cells)-1) }

// first is the number that is most likely a hash's; 0 for none.
func (x *index) first(hash uint32) uint32 {
	if x.n == 0 {
		return 0
	}
	at, mask := x.home(hash), uint32(len(x.cells)-1)
	for x.cells[at] != 0 && uint32(x.cells[at]>>32) != hash {
		at = (at + 1) & mask
	}
	return uint32(x.cells[at])
}

// insert adds what is not there.
func (x *index) insert(hash, item uint32) {
	if (x.n+1)*4 > len(x.cells)*3 {
		old := x.cells
		x.cells = make([]uint64, max(64, 2*len(old)))
		for _, cell := range old {
			if cell != 0 {
				x.place(cell)
			}
		}
	}
	x.place(uint64(hash)<<32 | uint64(item))
	x.n++
}

func (x *index) place(cell uint64) {
	mask := uint32(len(x.cells) - 1)
	at := x.home(uint32(cell >> 32))
	for x.cells[at] != 0 {
		at = (at + 1) & mask
	}
	x.cells[at] = cell
}

// remove takes out what is there, and moves the rest of its cluster up.
func (x *index) remove(hash, item uint32) {
	cell, mask := uint64(hash)<<32|uint64(item), uint32(len(x.cells)-1)
	hole := x.home(hash)
	for x.cells[hole] != cell {
		hole = (hole + 1) & mask
	}
	for next := (hole + 1) & mask; x.cells[next] != 0; next = (next + 1) & mask {
		home := x.home(uint32(x.cells[next] >> 32))
		if (next-home)&mask >= (next-hole)&mask {
			x.cells[hole] = x.cells[next]
			hole = next
		}
	}
	x.cells[hole] = 0
	x.n--
}

// Odd numbers without a pattern.
const (
	secret0 = 0xa0761d6478bd642f
	secret1 = 0xe7037ed1a0b428db
	secret2 = 0x8ebc6af09c88c6e3
)

func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

func (t *Table) hash(p ip) uint32 {
	return uint32(fold(fold(p.hi^secret0, t.seed^secret2)^p.lo, t.seed^secret1))
}

func (t *Table) at(item uint32) *entry { return &t.chunk[item/chunkSize][item%chunkSize] }

// find is the number of a client's entry, 0 if it has none.
func (t *Table) find(p ip, hash uint32) uint32 {
	if t.index.n == 0 {
		return 0
	}
	mask := uint32(len(t.index.cells) - 1)
	for at := hash & mask; t.index.cells[at] != 0; at = (at + 1) & mask {
		if cell := t.index.cells[at]; uint32(cell>>32) == hash && t.at(uint32(cell)).key == p {
			return uint32(cell)
		}
	}
	return 0
}

// drain counts what was taken down: all cells are read, then all entries are fetched,
// and then they are here.
func (t *Table) drain() {
	notes := t.notes[:t.waiting]
	t.waiting = 0
	for i := range notes {
		notes[i].item = t.index.first(notes[i].hash)
	}
	for i := range notes {
		if notes[i].item != 0 {
			e := t.at(notes[i].item)
			dnscache.Prefetch(unsafe.Pointer(e))
			dnscache.Prefetch(unsafe.Pointer(&e.lately))
		}
	}
	for i := range notes {
		n := &notes[i]
		if n.item != 0 {
			if e := t.at(n.item); e.key == n.key {
				e.count(n)
				continue
			}
		}
		item := t.find(n.key, n.hash)
		if item == 0 {
			if item = t.add(n); item == 0 {
				continue
			}
		}
		t.at(item).count(n)
	}
}

// add makes an entry; 0 where there is no room for it.
func (t *Table) add(n *note) uint32 {
	item := t.alloc()
	if item == 0 {
		if !t.knocks(n.hash) {
			t.stats.AtDoor++
			return 0
		}
		t.evict(n.at)
		if item = t.alloc(); item == 0 {
			t.stats.Refused++
			return 0
		}
	}
	e := t.at(item)
	e.key, e.first, e.last, e.lately.period = n.key, n.at, n.at, uint16(n.at/periodSeconds)
	t.index.insert(n.hash, item)
	return item
}

func (t *Table) alloc() uint32 {
	if n := len(t.free); n > 0 {
		item := t.free[n-1]
		t.free = t.free[:n-1]
		return item
	}
	if t.next > t.last {
		granted := t.cfg.Room.take()
		if granted == 0 {
			return 0
		}
		t.last += granted
	}
	if int(t.next/chunkSize) == len(t.chunk) {
		t.chunk = append(t.chunk, new([chunkSize]entry))
	}
	t.next++
	return t.next - 1
}

// doorSize is how many of those who came to the door are remembered.
const doorSize = 1 << 16

// knocks says whether somebody was at the door lately already.
func (t *Table) knocks(hash uint32) bool {
	if t.door == nil {
		t.door = make([]uint32, doorSize)
	}
	seen := &t.door[hash>>16]
	if *seen == hash {
		*seen = 0
		return true
	}
	*seen = hash
	return false
}

// sample is how many entries are drawn to find one that makes room.
const sample = 16

// evict frees the entry that is worth least of a sample at a time, and of these the
// longest unseen.
func (t *Table) evict(at uint32) {
	var victim uint32
	if t.next == 1 {
		return // others have all the room
	}
	worth, last := uint64(0), uint32(0)
	for range sample {
		item := 1 + uint32(t.rand.Uint64()%uint64(t.next-1))
		e := t.at(item)
		if e.first == 0 {
			continue
		}
		if w := e.worth(uint16(at / periodSeconds)); victim == 0 || w < worth || w == worth && e.last < last {
			victim, worth, last = item, w, e.last
		}
	}
	if victim == 0 {
		return
	}
	e := t.at(victim)
	t.index.remove(t.hash(e.key), victim)
	*e = entry{}
	t.free = append(t.free, victim)
	t.stats.Evicted++
}
