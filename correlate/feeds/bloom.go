package feeds

import (
	"math/bits"
	"unsafe"

	"flowname/dnscache"
)

// A bloom has four bits of one word for each hash that it was given: it tells nearly
// all others from these in one read of memory.
type bloom []uint64

const bitsAnEntry = 16

// newBloom makes one for so many hashes.
func newBloom(hashes int) bloom {
	b := make(bloom, hashes*bitsAnEntry/64+1)
	dnscache.HugePages([]uint64(b))
	return b
}

// word is the word of a hash, and its bits in it.
func (b bloom) word(h uint64) (at, mask uint64) {
	at, _ = bits.Mul64(h, uint64(len(b)))
	return at, 1<<(h&63) | 1<<(h>>6&63) | 1<<(h>>12&63) | 1<<(h>>18&63)
}

func (b bloom) add(h uint64) {
	at, mask := b.word(h)
	b[at] |= mask
}

func (b bloom) has(h uint64) bool {
	at, mask := b.word(h)
	return b[at]&mask == mask
}

// fetch has the word of a hash brought near.
func (b bloom) fetch(h uint64) {
	at, _ := b.word(h)
	dnscache.Prefetch(unsafe.Pointer(&b[at]))
}
