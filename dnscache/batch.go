package dnscache

import (
	"net/netip"
	"slices"
	"unsafe"
)

// A Batch is look-ups that are made together: of each shard the lock is taken
// once, and what the look-ups read of the index is fetched for many of them at a
// time, so that they wait for memory together and not one after the other. The
// zero Batch is empty and ready. It belongs to one goroutine.
type Batch struct {
	asks    []ask
	order   []uint32 // the asks' numbers, shard by shard
	matches []Match
	q       selection // scratch
}

// An ask is one look-up of a Batch.
type ask struct {
	who, p         ip // who is anyClient where only others count
	hash, pairHash uint64
	start, limit   int64
	horizon        int64

	address, pair uint32 // their numbers in the shard; 0: not in the index
	from, to      uint32 // the answer, in the batch's matches
	others        bool   // it is what others had
	cold          bool   // the index can not answer alone
	none          bool   // there is no address to ask for
}

// Reset empties the batch. Answers are not valid any more.
func (b *Batch) Reset() {
	b.asks = b.asks[:0]
	b.matches = b.matches[:0]
}

// Len is how many look-ups were added.
func (b *Batch) Len() int { return len(b.asks) }

// Add asks what AppendClient gives, and where that is nothing, what AppendOthers
// gives until startNs+tolNs. The first look-up has number 0.
func (b *Batch) Add(client, addr netip.Addr, startNs, tolNs, horizonNs int64) {
	if !addr.IsValid() {
		b.asks = append(b.asks, ask{none: true})
		return
	}
	a := ask{p: ipOf(addr), start: startNs, limit: addSat(startNs, max(tolNs, 0)), horizon: horizonNs}
	if client.IsValid() {
		a.who = ipOf(client)
	}
	b.asks = append(b.asks, a)
}

// Answer is the answer of look-up i, and whether it is what others had. The
// slice is valid until Reset, its strings for ever.
func (b *Batch) Answer(i int) (matches []Match, others bool) {
	a := &b.asks[i]
	return b.matches[a.from:a.to], a.others
}

// LookUp answers the batch. Nothing is allocated, once the batch has grown,
// unless Badger has to be read.
func (c *Cache) LookUp(b *Batch) {
	ends := b.sort(&c.hash)
	from := uint32(0)
	for i := 0; i < len(ends); i += lockedTogether {
		if to := ends[i+lockedTogether-1]; from < to {
			c.lookUpShards(b, b.order[from:to])
			from = to
		}
	}
	for i := range b.asks {
		if a := &b.asks[i]; a.cold {
			c.lookUpCold(b, a)
		}
	}
	b.fetchNames()
}

// fetchNames has fetched of each name what its reader will wait for: it lies
// somewhere.
func (b *Batch) fetchNames() {
	for i := range b.matches {
		if name := b.matches[i].Name; name != "" {
			text := unsafe.Pointer(unsafe.StringData(name))
			prefetch(text)
			prefetch(unsafe.Add(text, len(name)-1))
		}
	}
}

// sort hashes all asks and puts them into order. It tells where each shard's
// part ends.
func (b *Batch) sort(h *hasher) (ends [1 << shardBits]uint32) {
	for i := range b.asks {
		a := &b.asks[i]
		if a.none {
			continue
		}
		a.hash = h.ip(a.p, saltAddress)
		a.pairHash = h.ip(a.who, a.hash)
		ends[shardNumber(a.hash)]++
	}
	total := uint32(0)
	for i, n := range ends {
		ends[i] = total // where it begins, for now
		total += n
	}
	b.order = slices.Grow(b.order[:0], int(total))[:total]
	for i := range b.asks {
		if a := &b.asks[i]; !a.none {
			at := &ends[shardNumber(a.hash)]
			b.order[*at] = uint32(i)
			*at++
		}
	}
	return ends
}

// lockedTogether is how many shards in a row are locked at a time: enough for
// their look-ups to keep memory busy, few enough that who files waits only some
// microseconds. Nobody who has one shard's lock waits for another's, so that many
// may be held.
const lockedTogether = 8

// lookUpShards answers those that are in some shards.
func (c *Cache) lookUpShards(b *Batch, part []uint32) {
	now := c.clock.seconds()
	var n lookUps
	var locked *shard
	for _, i := range part { // they are in the shards' order
		if s := c.shardOf(b.asks[i].hash); s != locked {
			s.mu.RLock()
			locked = s
		}
	}
	c.find(b, part)
	for _, i := range part {
		a := &b.asks[i]
		c.answer(c.shardOf(a.hash), b, a, now, &n)
	}
	locked = nil
	for _, i := range part {
		if s := c.shardOf(b.asks[i].hash); s != locked {
			s.mu.RUnlock()
			locked = s
		}
	}
	locked.count.lookups.Add(n.lookups)
	if n.hits > 0 {
		locked.count.hits.Add(n.hits)
	}
	if n.filtered > 0 {
		c.count.filtered.Add(n.filtered)
	}
}

// lookUps is what a look-up adds to the counters.
type lookUps struct{ lookups, hits, filtered uint64 }

// find fills in the numbers of the addresses and pairs. Each step is a loop of
// its own: it has fetched for all asks what the next step reads, so that they
// wait for memory together. Of an address that nobody was answered, which the client's
// is mostly, pairs are not looked for.
func (c *Cache) find(b *Batch, part []uint32) {
	for _, i := range part {
		a := &b.asks[i]
		c.shardOf(a.hash).byAddress.fetch(a.hash)
	}
	for _, i := range part {
		a := &b.asks[i]
		s := c.shardOf(a.hash)
		if n, _ := s.byAddress.seek(a.hash, a.hash); n != 0 {
			prefetch(unsafe.Pointer(s.addresses.at(n)))
			s.byPair.fetch(a.pairHash)
		} else if c.store != nil {
			c.filter.fetch(a.hash)
			c.filter.fetch(a.pairHash)
		}
	}
	for _, i := range part {
		a := &b.asks[i]
		s := c.shardOf(a.hash)
		if a.address = s.findAddress(a.p, a.hash); a.address == 0 || a.who == anyClient {
			continue
		}
		if n, _ := s.byPair.seek(a.pairHash, a.pairHash); n != 0 {
			prefetch(unsafe.Pointer(s.pairs.at(n)))
		}
	}
	for _, i := range part {
		a := &b.asks[i]
		s := c.shardOf(a.hash)
		if a.address != 0 && a.who != anyClient {
			a.pair = s.findPairOf(a.who, a.address, a.pairHash)
		}
		if head := s.head(a); head != 0 {
			prefetch(unsafe.Pointer(s.versions.at(head)))
		}
		if a.address != 0 && a.pair == 0 && c.store != nil {
			c.filter.fetch(a.pairHash)
		}
	}
	for _, i := range part {
		a := &b.asks[i]
		s := c.shardOf(a.hash)
		if head := s.head(a); head != 0 {
			v := s.versions.at(head)
			c.names.fetch(v.name)
			if v.next != 0 {
				prefetch(unsafe.Pointer(s.versions.at(v.next)))
			}
		}
	}
}

// head is the newest version that an ask comes to, 0 if there is none.
func (s *shard) head(a *ask) uint32 {
	switch {
	case a.pair != 0:
		return s.pairs.at(a.pair).chain.head
	case a.address != 0:
		return s.addresses.at(a.address).chain.head
	}
	return 0
}

// answer looks an ask up, whose address and pair are found. The shard is locked.
func (c *Cache) answer(s *shard, b *Batch, a *ask, now uint32, total *lookUps) {
	var n lookUps
	a.from = uint32(len(b.matches))
	a.to = a.from
	q := &b.q
	if a.who != anyClient {
		q.dst, q.base, q.start, q.limit, q.horizon = b.matches, len(b.matches), a.start, a.limit, a.horizon
		var ch *chain
		if a.pair != 0 {
			ch = &s.pairs.at(a.pair).chain
		}
		if !c.look(s, ch, a.pairHash, q, now, &n) {
			a.cold = true
			return
		}
	}
	if a.who == anyClient || len(q.matches()) == 0 {
		a.others = true
		q.dst, q.base, q.start, q.limit, q.horizon = b.matches, len(b.matches), a.limit, a.limit, a.limit
		var ch *chain
		if a.address != 0 {
			ch = &s.addresses.at(a.address).chain
		}
		if !c.look(s, ch, a.hash, q, now, &n) {
			a.cold = true
			return
		}
		q.finish()
		c.dropUnretained(q, a.limit)
	} else {
		q.finish()
	}
	b.matches = q.dst
	a.to = uint32(len(b.matches))
	total.add(&n)
}

func (n *lookUps) add(o *lookUps) {
	n.lookups += o.lookups
	n.hits += o.hits
	n.filtered += o.filtered
}

// look takes from a chain what it has, nil being one that is not in the index.
// It tells whether that is all there is.
func (c *Cache) look(s *shard, ch *chain, hash uint64, q *selection, now uint32, n *lookUps) (known bool) {
	n.lookups++
	if ch == nil {
		if c.store == nil {
			return true
		}
		if c.filter.mayHold(hash) {
			return false
		}
		n.filtered++
		return true
	}
	floor := q.walk(s, ch, &c.names)
	q.resolve(&c.names)
	ch.touch(now)
	if c.store != nil && (ch.unknown || q.start < floor) {
		return false
	}
	n.hits++
	return true
}

// lookUpCold answers an ask that needs Badger.
func (c *Cache) lookUpCold(b *Batch, a *ask) {
	a.from, a.others = uint32(len(b.matches)), false
	b.matches = c.AppendClient(b.matches, a.who.clientAddr(), a.p.addr(), a.start, a.limit-a.start, a.horizon)
	if int(a.from) == len(b.matches) {
		a.others = true
		b.matches = c.AppendOthers(b.matches, a.p.addr(), a.limit)
	}
	a.to = uint32(len(b.matches))
}
