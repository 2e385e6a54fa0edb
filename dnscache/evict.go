package dnscache

import "sync/atomic"

const (
	// sweepStep is how many pairs and how many addresses each new version has
	// looked at for their age: the work is spread over what causes it.
	sweepStep = 2
	// sample is how many are compared when the bound asks for room.
	sample = 8
)

// room makes room for what an answer may add to the shard, two versions, and
// takes the sweep some steps further.
func (c *Cache) room(s *shard) {
	if c.store != nil {
		for range sweepStep {
			c.sweepPair(s)
			c.sweepAddress(s)
		}
	}
	for tries := 0; s.versions.used()+2 > c.quota && tries < 4; tries++ {
		if !c.evictOldest(s) {
			return // all of the sample is waiting to be written
		}
	}
}

// stale says whether a chain was neither filed into nor asked for in the
// window. A chain that was touched in what is now the future belongs to
// evidence that the clock has left.
func (c *Cache) stale(ch *chain, now uint32) bool {
	age := int64(now) - int64(atomic.LoadUint32(&ch.touched))
	return age > c.windowSec || age < -c.windowSec
}

func (c *Cache) sweepPair(s *shard) {
	i := nextHand(&s.handPair, s.pairs.next)
	if i == 0 || s.pairs.at(i).addr == 0 {
		return
	}
	e := s.pairs.at(i)
	now := c.clock.seconds()
	if c.stale(&e.chain, now) {
		if c.evictPair(s, i) {
			s.count.evictedWindow.Add(1)
		}
		return
	}
	c.trimOld(s, owner{chain: &e.chain, number: i, hash: c.pairHash(s, i)})
}

func (c *Cache) sweepAddress(s *shard) {
	i := nextHand(&s.handAddress, s.addresses.next)
	if i == 0 || s.addresses.at(i).chain.touched == 0 {
		return
	}
	a := s.addresses.at(i)
	now := c.clock.seconds()
	if c.stale(&a.chain, now) {
		if c.evictAddress(s, i) {
			s.count.evictedWindow.Add(1)
		}
		return
	}
	c.trimOld(s, owner{chain: &a.chain, number: i, hash: c.addressHash(s, i), others: true})
}

// nextHand moves a hand over the numbers 1 to next-1, round and round; 0 when
// there are none.
func nextHand(hand *uint32, next uint32) uint32 {
	if next <= 1 {
		return 0
	}
	*hand++
	if *hand >= next {
		*hand = 1
	}
	return *hand
}

// minTrim is from how many versions on a chain is trimmed by age while it is in
// use: the walk through a short one costs more than its memory is worth.
const minTrim = 8

// trimOld trims a chain's versions that are older than the window, seen from
// its newest one: an answer with a wrong date can trim its own chain only.
func (c *Cache) trimOld(s *shard, o owner) {
	if o.chain.n < minTrim {
		return
	}
	newest := s.versions.at(o.chain.head).first
	keep := 0
	for i := o.chain.head; i != 0; i = s.versions.at(i).next {
		v := s.versions.at(i)
		if v.first >= newest-c.windowNs {
			keep++
		}
	}
	if keep < int(o.chain.n) {
		c.trimRepeatsOf(s, o, keep)
	}
}

// trimRepeatsOf trims down to keep versions without losing a name.
func (c *Cache) trimRepeatsOf(s *shard, o owner, keep int) {
	var list [hardChain + maxChain]uint32
	n := 0
	for i := o.chain.head; i != 0 && n < len(list); i = s.versions.at(i).next {
		list[n] = i
		n++
	}
	if c.trimRepeats(s, list[:n], keep) == n {
		return
	}
	s.relink(o.chain, list[:n])
	*s.stamp(o.hash)++
}

// evictOldest evicts the longest untouched of a sample. The sample goes round
// by number, not by chance, so that the same input evicts the same.
func (c *Cache) evictOldest(s *shard) bool {
	var pairAt, addrAt, oldest uint32
	oldest = ^uint32(0)
	for range sample {
		if i := nextHand(&s.handPair, s.pairs.next); i != 0 && s.pairs.at(i).addr != 0 {
			ch := &s.pairs.at(i).chain
			if t := atomic.LoadUint32(&ch.touched); t < oldest && !s.unsaved(ch) {
				oldest, pairAt, addrAt = t, i, 0
			}
		}
		if i := nextHand(&s.handAddress, s.addresses.next); i != 0 {
			a := s.addresses.at(i)
			used := a.chain.touched != 0 && (a.chain.n > 0 || a.pairs == 0)
			if t := atomic.LoadUint32(&a.chain.touched); used && t < oldest && !s.unsaved(&a.chain) {
				oldest, pairAt, addrAt = t, 0, i
			}
		}
	}
	switch {
	case pairAt != 0:
		c.evictPair(s, pairAt)
	case addrAt != 0:
		c.evictAddress(s, addrAt)
	default:
		return false
	}
	s.count.evictedBound.Add(1)
	return true
}

// unsaved says whether some version of the chain is not written yet.
func (s *shard) unsaved(ch *chain) bool {
	for i := ch.head; i != 0; i = s.versions.at(i).next {
		if s.versions.at(i).unsaved() {
			return true
		}
	}
	return false
}

// evictPair forgets a pair unless it has versions to be written.
func (c *Cache) evictPair(s *shard, i uint32) bool {
	e := s.pairs.at(i)
	if s.unsaved(&e.chain) {
		return false
	}
	h := c.pairHash(s, i)
	c.empty(s, &e.chain)
	*s.stamp(h)++
	s.byPair.remove(h, i, func(i uint32) uint64 { return c.pairHash(s, i) })
	ai := e.addr
	s.pairs.release(i)
	a := s.addresses.at(ai)
	a.pairs--
	if a.pairs == 0 && a.chain.n == 0 {
		c.dropAddress(s, ai)
	}
	return true
}

// evictAddress forgets an address's chain unless it has versions to be written,
// and the address itself when no pair has it.
func (c *Cache) evictAddress(s *shard, i uint32) bool {
	a := s.addresses.at(i)
	if a.pairs > 0 && a.chain.n == 0 || s.unsaved(&a.chain) {
		return false
	}
	c.empty(s, &a.chain)
	*s.stamp(c.addressHash(s, i))++
	a.chain.unknown = c.store != nil
	if a.pairs == 0 {
		c.dropAddress(s, i)
	}
	return true
}

func (c *Cache) dropAddress(s *shard, i uint32) {
	h := c.addressHash(s, i)
	*s.stamp(h)++
	s.byAddress.remove(h, i, func(i uint32) uint64 { return c.addressHash(s, i) })
	s.addresses.release(i)
}

// empty frees all versions of a chain.
func (c *Cache) empty(s *shard, ch *chain) {
	for i := ch.head; i != 0; {
		v := s.versions.at(i)
		next := v.next
		c.names.release(v.name)
		c.names.release(v.canon)
		s.versions.release(i)
		i = next
	}
	ch.head, ch.n = 0, 0
}
