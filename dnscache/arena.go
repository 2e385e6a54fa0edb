package dnscache

import (
	"sync"
	"unsafe"
)

// An arena is where the slabs of a cache take their chunks from: blocks that are
// large enough for huge pages, which no single slab fills. Chunks are never given
// back, as slabs keep theirs. The zero arena is empty and ready.
type arena struct {
	mu    sync.Mutex
	block []uint64 // what is left of the newest one
	next  int      // how large the next one gets, in words; 0: firstBlock
}

// Blocks double from the first to the last, so that a small cache stays small.
const (
	firstBlock = 1 << 20 / 8
	lastBlock  = 16 << 20 / 8
)

// take gives that many zero words, fewer than firstBlock.
func (a *arena) take(words int) []uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.block) < words {
		size := max(a.next, firstBlock)
		a.block = make([]uint64, size)
		hugePages(a.block)
		a.next = min(2*size, lastBlock)
	}
	taken := a.block[:words:words]
	a.block = a.block[words:]
	return taken
}

// chunkOf takes a slab's chunk from an arena, or from the heap where a is nil. T
// has no pointers: the collector does not look into an arena.
func chunkOf[T any](a *arena) *[slabChunk]T {
	if a == nil {
		return new([slabChunk]T)
	}
	const word = 8
	words := a.take((int(unsafe.Sizeof([slabChunk]T{})) + word - 1) / word)
	return (*[slabChunk]T)(unsafe.Pointer(&words[0]))
}

// plant has all slabs of the cache take their chunks from its arena.
func (c *Cache) plant() {
	for i := range c.shards {
		s := &c.shards[i]
		s.versions.from, s.addresses.from, s.pairs.from = &c.arena, &c.arena, &c.arena
	}
	for i := range c.outcomes.shards {
		c.outcomes.shards[i].entries.from = &c.arena
	}
	for i := range c.names.shards {
		c.names.shards[i].entries.from = &c.arena
	}
	for i := range c.clients.shards {
		c.clients.shards[i].entries.from = &c.arena
	}
}
