package dnscache

import (
	"net/netip"
	"sync"
	"sync/atomic"
)

// clients remembers who asks at all. It is bounded; the longest unseen of a
// sample makes room.
type clients struct {
	shards [16]clientShard
}

type clientShard struct {
	mu      sync.RWMutex
	index   slots
	entries slab[client]
	hand    uint32
	dirty   []uint32 // what Flush has to write
	evicted atomic.Uint64
}

type client struct {
	key     ip
	touched uint32 // event clock in seconds; atomic; 0: the entry is free
	written uint32 // Unix second of filing when it was last queued for the store
	sight   sight
	queued  bool // it waits for Flush

	hour     uint16 // of filing, the lower bits, in which it had
	outcomes uint32 // so many runs of outcomes
}

// clientRefresh is how often, in seconds, a client that is still there is
// written again, so that the store does not forget it before its evidence.
const clientRefresh = 6 * 3600

func (c *Cache) clientShard(h uint64) *clientShard { return &c.clients.shards[h>>60] }

func (s *clientShard) find(p ip, h uint64) uint32 {
	for i, pos := s.index.seek(h, h); i != 0; i, pos = s.index.seek(h, pos+1) {
		if s.entries.at(i).key == p {
			return i
		}
	}
	return 0
}

// ClientSeen says whether any query or response of client is known.
func (c *Cache) ClientSeen(client netip.Addr) bool {
	if !client.IsValid() {
		return false
	}
	p := ipOf(client)
	h := c.hash.ip(p, saltClient)
	s := c.clientShard(h)
	s.mu.RLock()
	i := s.find(p, h)
	if i != 0 {
		touchSeconds(&s.entries.at(i).touched, max(c.clock.seconds(), 1))
	}
	s.mu.RUnlock()
	if i != 0 {
		return true
	}
	return p != anyClient && c.coldClient(s, p, h)
}

func touchSeconds(at *uint32, seconds uint32) {
	if atomic.LoadUint32(at) != seconds {
		atomic.StoreUint32(at, seconds)
	}
}

// sawClient notes a sign of a client at a time, of one of the kinds that a sight
// tells apart.
func (c *Cache) sawClient(p ip, at int64, kind uint64, filed uint32) {
	c.noteBegan(at)
	if p == anyClient {
		return
	}
	h := c.hash.ip(p, saltClient)
	s := c.clientShard(h)
	s.mu.RLock()
	i := s.find(p, h)
	fresh := i != 0 && s.entries.at(i).fresh(filed)
	if fresh {
		e := s.entries.at(i)
		touchSeconds(&e.touched, max(c.clock.seconds(), 1))
		e.sight.note(at, kind)
	}
	s.mu.RUnlock()
	if !fresh {
		c.noteClient(s, p, h, at, kind, filed)
	}
}

// fresh says that there is nothing to be written for another sign of e.
func (e *client) fresh(filed uint32) bool {
	return e.queued || e.written != 0 && filed < e.written+clientRefresh
}

func (c *Cache) noteClient(s *clientShard, p ip, h uint64, at int64, kind uint64, filed uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(p, h)
	if i == 0 {
		if i = c.addClient(s, p, h); i == 0 {
			return
		}
	}
	e := s.entries.at(i)
	e.sight.note(at, kind)
	if e.fresh(filed) {
		return
	}
	e.touched, e.written = max(c.clock.seconds(), 1), max(filed, 1)
	if c.store != nil {
		e.queued = true
		s.dirty = append(s.dirty, i)
	}
}

// addClient adds p, which is not there; 0 when there is no room.
func (c *Cache) addClient(s *clientShard, p ip, h uint64) uint32 {
	hashOf := func(i uint32) uint64 { return c.hash.ip(s.entries.at(i).key, saltClient) }
	for tries := 0; s.index.n >= c.clientQuota && tries < 2; tries++ {
		c.evictClient(s, hashOf)
	}
	if s.index.n == maxSlots {
		return 0
	}
	i := s.entries.alloc()
	e := s.entries.at(i)
	e.key, e.touched = p, max(c.clock.seconds(), 1)
	s.index.insert(h, i, hashOf)
	if c.store != nil {
		c.filter.add(h)
	}
	return i
}

// evictClient forgets the longest unseen of a sample, unless it waits for Flush.
func (c *Cache) evictClient(s *clientShard, hashOf func(uint32) uint64) {
	var victim uint32
	oldest := ^uint32(0)
	for range sample {
		i := nextHand(&s.hand, s.entries.next)
		if i == 0 {
			return
		}
		e := s.entries.at(i)
		if t := atomic.LoadUint32(&e.touched); t != 0 && !e.queued && t < oldest {
			oldest, victim = t, i
		}
	}
	if victim == 0 {
		return
	}
	s.index.remove(hashOf(victim), victim, hashOf)
	s.entries.release(victim)
	s.evicted.Add(1)
}

// coldClient asks the store for a client that memory does not have, and keeps
// it when it is there.
func (c *Cache) coldClient(s *clientShard, p ip, h uint64) bool {
	if c.store == nil {
		return false
	}
	if !c.filter.mayHold(h) {
		c.count.filtered.Add(1)
		return false
	}
	c.count.coldReads.Add(1)
	found, err := c.store.holdsClient(p)
	if err != nil {
		c.count.coldErrors.Add(1)
	}
	if !found {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.find(p, h) == 0 {
		c.addClient(s, p, h)
	}
	return true
}
