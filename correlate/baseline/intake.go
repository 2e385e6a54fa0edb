package baseline

import (
	"net/netip"
	"sync"
	"unsafe"

	"flowname/dnscache"
)

// Sightings of names wait in stripes, so that those who bring them do not wait for
// each other or for the book. A stripe that has handOver tries to give them to the
// book, and one that has mostWaiting waits for it, which bounds all stripes to 2 MB.
const (
	stripeBits  = 4
	handOver    = 256
	mostWaiting = 2048
)

// A stripe has sightings that the book has not.
type stripe struct {
	mu      sync.Mutex
	waiting sightings
	_       [64]byte
}

// sightings are look-ups; the names lie one after the other in texts.
type sightings struct {
	all   []sighting
	texts []byte
}

type sighting struct {
	client uint64
	day    int32
	length uint32 // of the name
}

// See counts a response or a question by client, which is the zero Addr where it is
// any client's. It may be called by several goroutines at once and copies what it
// keeps. What names nothing, or nothing registrable, counts for nobody.
func (b *Book) See(r *dnscache.Response, client netip.Addr) {
	if len(r.Name) == 0 || len(r.Name) > maxDomain || r.TimeNs <= 0 {
		return
	}
	who := b.key.client(client)
	last := len(r.Name) - 1
	s := &b.stripes[fold(who^uint64(r.Name[0]), b.key[0]^uint64(last))>>(64-stripeBits)]
	s.mu.Lock()
	s.waiting.all = append(s.waiting.all, sighting{who, DayOf(r.TimeNs), uint32(len(r.Name))})
	s.waiting.texts = append(s.waiting.texts, r.Name...)
	n := len(s.waiting.all)
	s.mu.Unlock()
	if n >= handOver {
		b.offer(s, n >= mostWaiting)
	}
}

// offer takes what waits in a stripe, unless the book is busy and it need not be now.
func (b *Book) offer(s *stripe, now bool) {
	if now {
		b.mu.Lock()
	} else if !b.mu.TryLock() {
		return
	}
	defer b.mu.Unlock()
	b.takeLocked(s)
}

func (b *Book) takeLocked(s *stripe) {
	s.mu.Lock()
	s.waiting, b.taken = b.taken, s.waiting
	s.mu.Unlock()
	all, texts := b.taken.all, b.taken.texts
	for len(all) > 0 {
		n := min(len(all), batchSize)
		texts = b.countLocked(all[:n], texts)
		all = all[n:]
	}
	b.taken.all, b.taken.texts = b.taken.all[:0], b.taken.texts[:0]
}

// countLocked counts at most batchSize sightings, and returns the texts after theirs.
func (b *Book) countLocked(all []sighting, texts []byte) []byte {
	var hashes [batchSize]uint64
	at := uint32(0)
	for i := range all {
		hashes[i] = b.key.text(texts[at : at+all[i].length])
		b.touched ^= b.names.slot(hashes[i]).hash
		at += all[i].length
	}
	look := &b.batch
	look.clear()
	day := all[0].day
	at = 0
	for i := range all {
		name := texts[at : at+all[i].length]
		at += all[i].length
		id := b.names.domain(&b.key, name, hashes[i])
		if id == 0 {
			b.stats.Nameless++
			continue
		}
		if all[i].day != day {
			b.lookLocked(day)
			day = all[i].day
		}
		look.add(id, name[len(name)-id.length():], all[i].client)
	}
	b.lookLocked(day)
	return texts[at:]
}

// lookLocked counts the batch for a day.
func (b *Book) lookLocked(day int32) {
	n := uint64(b.batch.n)
	if d := b.dayLocked(day, n); d != nil {
		d.lookups(&b.batch)
		b.stats.Lookups += n
	}
	b.batch.clear()
}

// takeAllLocked takes what waits anywhere.
func (b *Book) takeAllLocked() {
	for i := range b.stripes {
		b.takeLocked(&b.stripes[i])
	}
}

// A Counter counts flows for a book. It belongs to one goroutine, or to whoever
// holds the lock that it is under, and needs none while domains come again.
type Counter struct {
	book    *Book
	slots   []flowSlot
	waiting []flowSlot
	day     int32 // of the last flow
	dayFrom int64 // when that day began
}

// A flowSlot is a domain's flows on a day.
type flowSlot struct {
	id           domainID
	text         string
	flows, bytes uint64
	day          int32
}

const (
	slotBits    = 11
	flowsGiven  = 256
	flowsAtMost = 4096
)

// NewCounter makes a counter of a book's.
func (b *Book) NewCounter() *Counter {
	return &Counter{book: b, slots: make([]flowSlot, 1<<slotBits)}
}

// A Domain is a registrable domain that flows are counted for. The zero Domain is
// none.
type Domain struct {
	id   domainID
	text string
}

// Domain is the domain with a text, which stays valid; none for an empty text and one
// that no name can have.
func (c *Counter) Domain(text string) Domain {
	if len(text) == 0 || len(text) > maxDomain {
		return Domain{}
	}
	return Domain{c.book.key.domain(unsafe.Slice(unsafe.StringData(text), len(text))), text}
}

// Count counts a flow to or from what had a name of the domain.
func (c *Counter) Count(domain Domain, timeNs int64, bytes uint64) {
	id := domain.id
	if id == 0 {
		return
	}
	slot := &c.slots[id>>(64-slotBits)]
	if uint64(timeNs-c.dayFrom) >= uint64(dayNs) {
		c.day = DayOf(timeNs)
		c.dayFrom = int64(c.day) * dayNs
	}
	if slot.id != id || slot.day != c.day {
		if slot.flows > 0 {
			c.pass(slot)
		}
		*slot = flowSlot{id: id, text: domain.text, day: c.day}
	}
	slot.flows++
	slot.bytes = addSat(slot.bytes, bytes)
}

// pass gives a slot's flows on.
func (c *Counter) pass(slot *flowSlot) {
	c.waiting = append(c.waiting, *slot)
	if len(c.waiting) < flowsGiven {
		return
	}
	if len(c.waiting) >= flowsAtMost {
		c.book.mu.Lock()
	} else if !c.book.mu.TryLock() {
		return
	}
	c.giveLocked()
	c.book.mu.Unlock()
}

func (c *Counter) giveLocked() {
	b := c.book
	for all := c.waiting; len(all) > 0; {
		n, flows := 0, uint64(0)
		for n < min(len(all), batchSize) && all[n].day == all[0].day {
			flows += all[n].flows
			n++
		}
		if d := b.dayLocked(all[0].day, flows); d != nil {
			d.flows(all[:n])
			b.stats.Flows += flows
		}
		all = all[n:]
	}
	clear(c.waiting) // lets go of the names' texts
	c.waiting = c.waiting[:0]
}

// Flush gives the book all that was counted.
func (c *Counter) Flush() {
	for i := range c.slots {
		if slot := &c.slots[i]; slot.flows > 0 {
			c.waiting = append(c.waiting, *slot)
			*slot = flowSlot{}
		}
	}
	if len(c.waiting) == 0 {
		return
	}
	c.book.mu.Lock()
	c.giveLocked()
	c.book.mu.Unlock()
}
