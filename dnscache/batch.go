package dnscache

import (
	"net/netip"
	"slices"
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
	fetched uint64    // of no meaning; see fetch
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
	for i, to := range ends {
		if from < to {
			c.lookUpShard(&c.shards[i], b, b.order[from:to])
		}
		from = to
	}
	for i := range b.asks {
		if a := &b.asks[i]; a.cold {
			c.lookUpCold(b, a)
		}
	}
	b.fetchNames()
}

// fetchNames reads of each name what its reader will wait for: it lies somewhere.
func (b *Batch) fetchNames() {
	var sum uint64
	for i := range b.matches {
		if name := b.matches[i].Name; name != "" {
			sum += uint64(name[0]) + uint64(name[len(name)-1])
		}
	}
	b.fetched += sum
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

// lookUpShard answers those that are in one shard.
func (c *Cache) lookUpShard(s *shard, b *Batch, part []uint32) {
	now := c.clock.seconds()
	var n lookUps
	s.mu.RLock()
	b.find(s, part)
	for _, i := range part {
		c.answer(s, b, &b.asks[i], now, &n)
	}
	s.mu.RUnlock()
	s.count.lookups.Add(n.lookups)
	if n.hits > 0 {
		s.count.hits.Add(n.hits)
	}
	if n.filtered > 0 {
		c.count.filtered.Add(n.filtered)
	}
}

// lookUps is what a look-up adds to the counters.
type lookUps struct{ lookups, hits, filtered uint64 }

// find fills in the numbers of the addresses and pairs. Each step is a loop of
// its own: it reads for all asks what the step before it has told the place of,
// and the processor has as many reads on their way as it can.
func (b *Batch) find(s *shard, part []uint32) {
	var sum uint64
	if addresses, pairs := s.byAddress.cells, s.byPair.cells; len(pairs) > 0 {
		for _, i := range part {
			a := &b.asks[i]
			sum += uint64(addresses[a.hash&uint64(len(addresses)-1)] ^ pairs[a.pairHash&uint64(len(pairs)-1)])
		}
	}
	for _, i := range part {
		a := &b.asks[i]
		a.address = s.findAddress(a.p, a.hash)
	}
	for _, i := range part {
		if a := &b.asks[i]; a.address != 0 && a.who != anyClient {
			a.pair = s.findPairOf(a.who, a.address, a.pairHash)
		}
	}
	for _, i := range part {
		var head uint32
		switch a := &b.asks[i]; {
		case a.pair != 0:
			head = s.pairs.at(a.pair).chain.head
		case a.address != 0:
			head = s.addresses.at(a.address).chain.head
		}
		if head != 0 {
			sum += uint64(s.versions.at(head).name)
		}
	}
	b.fetched += sum // so that the reads are not optimised away
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
