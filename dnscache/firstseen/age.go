package firstseen

import (
	"time"
	"unsafe"

	"flowname/dnscache"
)

// A Key finds a domain in the table of the young without its text being hashed
// again. It belongs to the Book that made it.
type Key uint64

// KeyOf is a domain's key.
func (b *Book) KeyOf(domain string) Key { return Key(b.hash(domain)) }

// Age is how long before atNs a domain was first seen, where that is less than
// Config.Young and was after the warm-up; at least 0, because a flow's clock
// can be behind. It is -1 where the domain is not young, or was never seen.
func (b *Book) Age(domain string, atNs int64) int64 { return b.AgeOf(b.KeyOf(domain), domain, atNs) }

// AgeOf is Age of a domain whose key is known.
func (b *Book) AgeOf(key Key, domain string, atNs int64) int64 {
	waits := b.queue.mayWait(uint64(key)) // before the table: what is settled leaves the queue afterwards
	sec := b.young.Load().find(uint64(key))
	if sec == 0 {
		if !waits {
			return -1
		}
		sec = b.unsettled(uint64(key), domain)
	}
	return b.ageAt(sec, atNs)
}

// Fetch has what AgeOf will read brought near.
func (b *Book) Fetch(key Key) {
	t := b.young.Load()
	word, _ := t.passes(uint64(key))
	dnscache.Prefetch(unsafe.Pointer(word)) // most are not in the table, so that this is all
}

func (b *Book) ageAt(sec uint32, atNs int64) int64 {
	if sec == 0 || b.warming(sec) {
		return -1
	}
	age := max(atNs-int64(sec)*1e9, 0)
	if age >= int64(b.cfg.Young) {
		return -1
	}
	return age
}

// warming says whether what was first seen at sec may be old.
func (b *Book) warming(sec uint32) bool {
	return uint64(sec) < uint64(b.began.Load())+uint64(b.cfg.WarmUp/time.Second)
}

// unsettled is when a domain that waits was first seen, as far as that is lately;
// 0 if it does not wait, or the book has it already.
func (b *Book) unsettled(key uint64, domain string) uint32 {
	sec, ok := b.queue.waiting(key)
	if !ok {
		return b.young.Load().find(key) // settled just now
	}
	_, known, err := b.room.get(domainKey(domain))
	if known || err != nil {
		return 0
	}
	return sec
}
