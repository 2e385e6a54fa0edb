package baseline

import (
	"math"
	"unsafe"

	"flowname/dnscache"
)

// A Counter takes flows to a book. It belongs to one goroutine, or to whoever holds the
// lock that it is under, and troubles the book seldom while domains come again.
type Counter struct {
	book    *Book
	tallies []tally
	waiting []tally
	day     int32 // of the last flow
	dayFrom int64 // when that day began
}

// A tally is a domain's flows on a day, as far as the book has not got them.
type tally struct {
	id    domainID
	text  *byte // of id's length
	bytes uint64
	flows uint32
	day   int32
}

// domain is the text of the tally's domain.
func (t *tally) domain() []byte { return unsafe.Slice(t.text, t.id.length()) }

const (
	talliesBits = 15 // popular domains of a large network
	flowsGiven  = 256
	flowsAtMost = 4096
)

// NewCounter makes a counter of a book's.
func (b *Book) NewCounter() *Counter {
	c := &Counter{book: b, tallies: make([]tally, 1<<talliesBits)}
	dnscache.HugePages(c.tallies)
	return c
}

// A Key is what flows of a registrable domain are counted by. The zero Key is that of
// none.
type Key uint64

// KeyOf is the Key of a domain; zero for an empty text and one that no name can have.
func (c *Counter) KeyOf(domain string) Key {
	if len(domain) == 0 || len(domain) > maxDomain {
		return 0
	}
	return Key(c.book.key.domain(unsafe.Slice(unsafe.StringData(domain), len(domain))))
}

// tally is where a domain's flows are counted. It shares it with others.
func (c *Counter) tally(id domainID) *tally { return &c.tallies[id>>(64-talliesBits)] }

// Fetch has what Count will need brought near.
func (c *Counter) Fetch(key Key) { dnscache.Prefetch(unsafe.Pointer(c.tally(domainID(key)))) }

// Count counts a flow to or from what had a name of a domain, which has that Key and
// whose text stays valid.
func (c *Counter) Count(key Key, domain string, timeNs int64, bytes uint64) {
	id := domainID(key)
	if id == 0 {
		return
	}
	if uint64(timeNs-c.dayFrom) >= uint64(dayNs) {
		c.day = DayOf(timeNs)
		c.dayFrom = int64(c.day) * dayNs
	}
	t := c.tally(id)
	if t.id != id || t.day != c.day || t.flows == math.MaxUint32 {
		if t.flows > 0 {
			c.pass(t)
		}
		*t = tally{id: id, text: unsafe.StringData(domain), day: c.day}
	}
	t.flows++
	t.bytes = addSat(t.bytes, bytes)
}

// pass gives a tally on.
func (c *Counter) pass(t *tally) {
	c.waiting = append(c.waiting, *t)
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
			flows += uint64(all[n].flows)
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
	for i := range c.tallies {
		if t := &c.tallies[i]; t.flows > 0 {
			c.waiting = append(c.waiting, *t)
			*t = tally{}
		}
	}
	if len(c.waiting) == 0 {
		return
	}
	c.book.mu.Lock()
	c.giveLocked()
	c.book.mu.Unlock()
}
