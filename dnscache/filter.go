package dnscache

import (
	"sync"
	"sync/atomic"
	"unsafe"
)

// filter is a Bloom filter over the hashes of what the store may hold: a "no"
// is sure and spares a look into Badger. It is a row of blocked filters, each
// twice as large as the one before; when the largest is full, answers get less
// sharp but never wrong.
type filter struct {
	parts atomic.Pointer[[]*filterPart]
	mu    sync.Mutex // held while a part is added

	// open is set when the filter does not know the store (there was too much
	// to scan): every answer is "maybe".
	open atomic.Bool
}

type filterPart struct {
	blocks []filterBlock
	left   atomic.Int64 // how many more it takes at its best sharpness
}

// filterBlock is one cache line; a key sets seven of its 512 bits.
type filterBlock [8]atomic.Uint64

const (
	// filterFirst is how many blocks the first part has: 4 MiB, for a million
	// answers. A "no" reads a block of each part, and waits for it.
	filterFirst = 1 << 16
	filterLast  = 1 << 18 // blocks of the largest: 16 MiB, 28 MiB in all
	// filterLoad is how many keys a block takes: 12 bits a key, about 1 % of
	// false answers.
	filterLoad = 42
	filterBits = 7
)

func newFilter() *filter {
	f := new(filter)
	f.parts.Store(&[]*filterPart{newFilterPart(filterFirst)})
	return f
}

func newFilterPart(blocks int) *filterPart {
	p := &filterPart{blocks: make([]filterBlock, blocks)}
	hugePages(p.blocks)
	p.left.Store(int64(blocks) * filterLoad)
	return p
}

// mayHold says whether h was ever added; it may say so of one that was not.
func (f *filter) mayHold(h uint64) bool {
	if f.open.Load() {
		return true
	}
	for _, p := range *f.parts.Load() {
		if p.has(h) {
			return true
		}
	}
	return false
}

// fetch has fetched what mayHold reads.
func (f *filter) fetch(h uint64) {
	for _, p := range *f.parts.Load() {
		prefetch(unsafe.Pointer(p.block(h)))
	}
}

// add adds h and says what mayHold said before.
func (f *filter) add(h uint64) bool {
	if f.mayHold(h) {
		return true
	}
	parts := *f.parts.Load()
	p := parts[len(parts)-1]
	if p.left.Add(-1) < 0 && len(p.blocks) < filterLast {
		p = f.grow(len(parts))
	}
	p.set(h)
	return false
}

// grow adds a part unless someone else has meanwhile, and gives the newest.
func (f *filter) grow(had int) *filterPart {
	f.mu.Lock()
	defer f.mu.Unlock()
	parts := *f.parts.Load()
	last := parts[len(parts)-1]
	if len(parts) > had {
		return last
	}
	more := append(append([]*filterPart(nil), parts...), newFilterPart(2*len(last.blocks)))
	f.parts.Store(&more)
	return more[had]
}

func (p *filterPart) block(h uint64) *filterBlock {
	return &p.blocks[(h>>44)&uint64(len(p.blocks)-1)]
}

func (p *filterPart) has(h uint64) bool {
	b := p.block(h)
	x := fold(h, 0x9e3779b97f4a7c15)
	for range filterBits {
		if b[x&7].Load()&(1<<(x>>3&63)) == 0 {
			return false
		}
		x >>= 9
	}
	return true
}

func (p *filterPart) set(h uint64) {
	b := p.block(h)
	x := fold(h, 0x9e3779b97f4a7c15)
	for range filterBits {
		b[x&7].Or(1 << (x >> 3 & 63))
		x >>= 9
	}
}
