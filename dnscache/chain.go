package dnscache

import "sync/atomic"

const (
	// maxChain is how many versions of a chain the index keeps, trimChain how
	// many are left when it gets more: trimming in batches costs little a version.
	maxChain  = 64
	trimChain = 48
	// hardChain bounds a chain whose versions can not be trimmed because they
	// are not written yet: more than that between two flushes are refused.
	hardChain = 1024
)

// evidence is one answer on its way into the index.
type evidence struct {
	at          int64
	name, canon uint32
	ttl         uint32
	source      Source
	filed       uint32 // Unix seconds
}

func (ev *evidence) bits() uint32 {
	return ev.ttl&ttlMask | uint32(ev.source)<<sourceShift&sourceMask
}

// owner is whose chain is worked on.
type owner struct {
	chain  *chain
	number uint32
	hash   uint64
	others bool
}

// add puts an answer into a chain: into a run that it belongs to, or at its
// place in time.
//
// In a pair's chain a run ends where another name comes between, so that the
// nearest run is always the nearest answer's. In an address's chain names of
// many clients mix all the time and only the name's own order matters.
func (c *Cache) add(s *shard, o owner, ev *evidence) {
	var newer uint32 // the version before which the answer belongs
	older := o.chain.head
	for older != 0 && s.versions.at(older).first > ev.at {
		newer, older = older, s.versions.at(older).next
	}
	if i := s.runFor(older, ev, o.others); i != 0 {
		c.extend(s, o, i, ev)
		return
	}
	if o.chain.n >= hardChain {
		s.count.chainFull.Add(1)
		return
	}
	if newer != 0 {
		s.count.late.Add(1)
	}
	c.insert(s, o, newer, older, ev)
	if o.chain.n > maxChain {
		c.trim(s, o, trimChain)
	}
}

// runFor is the run that an answer belongs to, among those from older on, 0 if
// there is none.
func (s *shard) runFor(older uint32, ev *evidence, others bool) uint32 {
	for i, first := older, true; i != 0; first = false {
		v := s.versions.at(i)
		if v.first < ev.at-maxRun {
			return 0
		}
		if v.name == ev.name && (v.first == ev.at || (first || others) && v.source().class() == ev.source.class()) {
			return i
		}
		if !others && v.first < ev.at {
			return 0
		}
		i = v.next
	}
	return 0
}

// extend counts an answer into a run. One at the very time of the run's first
// or last is that same answer, seen twice.
func (c *Cache) extend(s *shard, o owner, i uint32, ev *evidence) {
	v := s.versions.at(i)
	if ev.at == v.first || ev.at == v.last() {
		s.count.duplicates.Add(1)
		return
	}
	s.count.extended.Add(1)
	v.count++
	if ev.at > v.last() {
		v.span = uint32(ev.at - v.first)
		v.bits = v.bits&^(ttlMask|sourceMask) | ev.bits()
		if v.canon != ev.canon {
			c.names.release(v.canon)
			c.names.retain(ev.canon)
			v.canon = ev.canon
		}
	}
	c.queue(s, o, i, ev.filed)
}

func (c *Cache) insert(s *shard, o owner, newer, older uint32, ev *evidence) {
	i := s.versions.alloc()
	v := s.versions.at(i)
	*v = version{
		first: ev.at, count: 1, name: ev.name, canon: ev.canon,
		bits: ev.bits() | newMark, next: older,
	}
	if c.store != nil && ev.at <= c.newest.Load() && !s.holdsFrom(o.chain, ev.at) {
		v.bits |= checkMark
	}
	s.link(o.chain, newer, i)
	c.names.retain(ev.name)
	c.names.retain(ev.canon)
	c.queue(s, o, i, ev.filed)
}

func (s *shard) link(ch *chain, newer, i uint32) {
	if newer == 0 {
		ch.head = i
	} else {
		s.versions.at(newer).next = i
	}
	ch.n++
}

// holdsFrom says whether the chain has every version from at on: the store can
// not surprise there.
func (s *shard) holdsFrom(ch *chain, at int64) bool {
	return !ch.unknown && at > s.floor(ch)
}

// floor is the time from which on the chain answers alone.
func (s *shard) floor(ch *chain) int64 {
	for i := ch.head; i != 0; i = s.versions.at(i).next {
		if v := s.versions.at(i); v.bits&floorMark != 0 {
			return v.first
		}
	}
	return 0
}

// queue marks a version for the next Flush.
func (c *Cache) queue(s *shard, o owner, i uint32, filed uint32) {
	v := s.versions.at(i)
	if c.store == nil || v.bits&dirtyMark != 0 {
		return
	}
	if c.pending.Load() >= int64(c.cfg.MaxPending) {
		s.count.dropped.Add(1)
		return
	}
	c.pending.Add(1)
	v.bits |= dirtyMark
	s.dirty = append(s.dirty, pending{version: i, owner: o.number, filed: filed, others: o.others})
}

// trim takes versions out until keep are left: the oldest that have a newer one
// of the same name, which becomes that name's floor; then whole names, the
// oldest first, leaving as many names as a look-up can return below the floor.
// What is not written yet stays.
func (c *Cache) trim(s *shard, o owner, keep int) {
	var list [hardChain + maxChain]uint32
	n := 0
	for i := o.chain.head; i != 0 && n < len(list); i = s.versions.at(i).next {
		list[n] = i
		n++
	}
	left := c.trimRepeats(s, list[:n], keep)
	if left > keep {
		c.trimNames(s, list[:n], keep)
	}
	s.relink(o.chain, list[:n])
	*s.stamp(o.hash)++
}

// trimRepeats drops (and zeroes in list, which is newest first) the oldest
// versions that have a newer one of their name. It tells how many are left.
func (c *Cache) trimRepeats(s *shard, list []uint32, keep int) int {
	var oldest [maxChain]int // where the oldest kept version of each name seen is
	names, left := 0, len(list)
	for i := len(list) - 1; i >= 0 && left > keep; i-- {
		v := s.versions.at(list[i])
		k := 0
		for k < names && s.versions.at(list[oldest[k]]).name != v.name {
			k++
		}
		switch {
		case k < names:
			if !s.versions.at(list[oldest[k]]).unsaved() {
				v.bits |= floorMark
				c.drop(s, list[oldest[k]])
				list[oldest[k]] = 0
				left--
			}
			oldest[k] = i
		case names < len(oldest):
			oldest[names] = i
			names++
		}
	}
	return left
}

// trimNames drops the oldest versions whatever their name and puts the floor so
// high that MaxMatches names are left at or below it.
func (c *Cache) trimNames(s *shard, list []uint32, keep int) {
	left := 0
	for _, i := range list {
		if i != 0 {
			left++
		}
	}
	below := list[:0]
	for i := len(list) - 1; i >= 0 && left > keep; i-- {
		if list[i] == 0 || s.versions.at(list[i]).unsaved() {
			continue
		}
		c.drop(s, list[i])
		list[i] = 0
		below = list[:i]
		left--
	}
	var seen [MaxMatches]uint32
	n := 0
	for i := len(below) - 1; i >= 0; i-- {
		if below[i] == 0 {
			continue
		}
		v := s.versions.at(below[i])
		if !contains(seen[:n], v.name) {
			seen[n] = v.name
			n++
		}
		if n == len(seen) || i == 0 {
			v.bits |= floorMark
			return
		}
	}
}

func contains(list []uint32, x uint32) bool {
	for _, y := range list {
		if x == y {
			return true
		}
	}
	return false
}

// relink makes ch of what is left of list.
func (s *shard) relink(ch *chain, list []uint32) {
	ch.head, ch.n = 0, 0
	var newer uint32
	for _, i := range list {
		if i == 0 {
			continue
		}
		s.versions.at(i).next = 0
		s.link(ch, newer, i)
		newer = i
	}
}

// drop frees a version that is linked nowhere any more.
func (c *Cache) drop(s *shard, i uint32) {
	v := s.versions.at(i)
	c.names.release(v.name)
	c.names.release(v.canon)
	s.versions.release(i)
	s.count.trimmed.Add(1)
}

// touch notes that a chain is in use. Callers hold the lock, for reading at
// least.
func (ch *chain) touch(seconds uint32) {
	if atomic.LoadUint32(&ch.touched) != seconds {
		atomic.StoreUint32(&ch.touched, seconds)
	}
}
