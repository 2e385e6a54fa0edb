package dnscache

import "sync"

// The index is a row of shards, each with its lock, chosen by the answered
// address: a flow's look-up takes one lock. Everything in a shard is numbers in
// slabs, no pointers, so that the collector has nothing to follow.
const shardBits = 6

type shard struct {
	mu        sync.RWMutex
	versions  slab[version]
	addresses slab[address]
	pairs     slab[pair]
	byAddress slots
	byPair    slots

	dirty    []pending // what Flush has to write
	inFlight []pending // what Flush is writing

	// stamps change when something of a chain is thrown out, a stamp for many
	// chains. A cold read that saw another stamp than there is now is not kept.
	stamps [64]uint32

	handPair, handAddress uint32 // where the sweep goes on

	count shardCounters
}

// address is an answered address. Its chain is what any client had for it, the
// evidence of AppendOthers.
type address struct {
	key   ip
	chain chain
	pairs uint32 // how many pairs have this address; it stays while there are any
}

// pair is an answered address as one client had it.
type pair struct {
	client ip
	chain  chain
	addr   uint32 // number of the address
}

// chain is a list of versions, newest first.
type chain struct {
	head    uint32
	touched uint32 // event clock in seconds when last filed or looked up; atomic
	n       uint16
	// unknown is set when the store may hold older versions that were never
	// read back. See floors in version.
	unknown bool
}

// version is a run of answers: the same name again within maxRun.
type version struct {
	first int64  // Unix nanoseconds of the first answer
	span  uint32 // nanoseconds from the first to the last
	count uint32 // answers
	name  uint32
	canon uint32
	bits  uint32 // TTL, source and marks
	next  uint32 // the next older
}

// maxRun is how long a run gets at most; it fits span.
const maxRun = 4_000_000_000

// The parts of version.bits.
const (
	ttlMask     = 1<<20 - 1 // UnknownTTL needs 20 bits
	sourceShift = 20
	sourceMask  = 0x7f << sourceShift
	// newMark: the store has never had this run.
	newMark = 1 << 27
	// dirtyMark: not yet written. flightMark: Flush is writing it.
	dirtyMark  = 1 << 28
	flightMark = 1 << 29
	// floorMark: of this name, versions older than this one are not in the
	// chain. The chain answers for times from the newest floor on.
	floorMark = 1 << 30
	// checkMark: the store may hold this key from before; Flush looks.
	checkMark = 1 << 31
)

func (v *version) last() int64    { return v.first + int64(v.span) }
func (v *version) ttl() uint32    { return v.bits & ttlMask }
func (v *version) source() Source { return Source(v.bits & sourceMask >> sourceShift) }
func (v *version) unsaved() bool  { return v.bits&(dirtyMark|flightMark) != 0 }

// pending names a version that is to be written, and when it was filed.
type pending struct {
	version uint32
	owner   uint32 // number of the pair or of the address
	filed   uint32 // Unix seconds
	others  bool   // the owner is an address
}

func shardNumber(h uint64) int { return int(h >> (64 - shardBits)) }

func (c *Cache) shardOf(h uint64) *shard { return &c.shards[shardNumber(h)] }

// findAddress is the number of p, 0 if it is not in the index.
func (s *shard) findAddress(p ip, h uint64) uint32 {
	for i, pos := s.byAddress.seek(h, h); i != 0; i, pos = s.byAddress.seek(h, pos+1) {
		if s.addresses.at(i).key == p {
			return i
		}
	}
	return 0
}

// findPair is the number of the pair, 0 if it is not in the index.
func (s *shard) findPair(client, p ip, h uint64) uint32 {
	for i, pos := s.byPair.seek(h, h); i != 0; i, pos = s.byPair.seek(h, pos+1) {
		e := s.pairs.at(i)
		if e.client == client && s.addresses.at(e.addr).key == p {
			return i
		}
	}
	return 0
}

// findPairOf is findPair for an address whose number is known.
func (s *shard) findPairOf(client ip, address uint32, h uint64) uint32 {
	for i, pos := s.byPair.seek(h, h); i != 0; i, pos = s.byPair.seek(h, pos+1) {
		if e := s.pairs.at(i); e.addr == address && e.client == client {
			return i
		}
	}
	return 0
}

// addAddress adds p, which is not in the index; 0 when the shard is full.
func (c *Cache) addAddress(s *shard, p ip, h uint64) uint32 {
	if s.byAddress.n == maxSlots {
		return 0
	}
	i := s.addresses.alloc()
	a := s.addresses.at(i)
	a.key = p
	a.chain.touched = max(c.clock.seconds(), 1)
	s.byAddress.insert(h, i, func(i uint32) uint64 { return c.addressHash(s, i) })
	return i
}

// addPair adds a pair of the address number ai; 0 when the shard is full.
func (c *Cache) addPair(s *shard, client ip, ai uint32, h uint64) uint32 {
	if s.byPair.n == maxSlots {
		return 0
	}
	i := s.pairs.alloc()
	e := s.pairs.at(i)
	e.client, e.addr = client, ai
	e.chain.touched = max(c.clock.seconds(), 1)
	s.addresses.at(ai).pairs++
	s.byPair.insert(h, i, func(i uint32) uint64 { return c.pairHash(s, i) })
	return i
}

func (c *Cache) addressHash(s *shard, i uint32) uint64 {
	return c.hash.ip(s.addresses.at(i).key, saltAddress)
}

func (c *Cache) pairHash(s *shard, i uint32) uint64 {
	e := s.pairs.at(i)
	return c.hash.ip(e.client, c.addressHash(s, e.addr))
}

// stamp is the stamp that a chain with hash h shares.
func (s *shard) stamp(h uint64) *uint32 { return &s.stamps[h>>52&63] }
