package dnscache

import "testing"

// checkInvariants walks the whole index and compares it with its own books.
func checkInvariants(t *testing.T, c *Cache) {
	t.Helper()
	refs := map[uint32]int{}
	pending := 0
	for i := range c.shards {
		s := &c.shards[i]
		versions := 0
		pairs := map[uint32]uint32{}
		walk := func(ch *chain) {
			n, before := 0, int64(1<<63-1)
			for i := ch.head; i != 0; i = s.versions.at(i).next {
				v := s.versions.at(i)
				if v.first > before {
					t.Fatalf("chain out of order: %d after %d", v.first, before)
				}
				before = v.first
				refs[v.name]++
				refs[v.canon]++
				if v.bits&dirtyMark != 0 {
					pending++
				}
				n++
			}
			if n != int(ch.n) {
				t.Fatalf("chain of %d says it has %d", n, ch.n)
			}
			versions += n
		}
		found := 0
		for k := uint32(1); k < s.pairs.next; k++ {
			e := s.pairs.at(k)
			if e.addr == 0 {
				continue
			}
			found++
			pairs[e.addr]++
			walk(&e.chain)
			if got := s.findPair(e.client, s.addresses.at(e.addr).key, c.pairHash(s, k)); got != k {
				t.Fatalf("pair %d is found as %d", k, got)
			}
		}
		if found != s.byPair.n || found != s.pairs.used() {
			t.Fatalf("%d pairs, table has %d, slab %d", found, s.byPair.n, s.pairs.used())
		}
		for k := uint32(1); k < s.addresses.next; k++ {
			a := s.addresses.at(k)
			if a.chain.touched == 0 {
				continue
			}
			walk(&a.chain)
			if a.pairs != pairs[k] {
				t.Fatalf("address %v has %d pairs, says %d", a.key.addr(), pairs[k], a.pairs)
			}
			if got := s.findAddress(a.key, c.addressHash(s, k)); got != k {
				t.Fatalf("address %d is found as %d", k, got)
			}
		}
		if versions != s.versions.used() {
			t.Fatalf("%d versions in chains, slab has %d", versions, s.versions.used())
		}
	}
	if int64(pending) != c.pending.Load() {
		t.Fatalf("%d versions pending, says %d", pending, c.pending.Load())
	}
	delete(refs, 0)
	names, _ := c.names.size()
	if names != len(refs) {
		t.Fatalf("%d names in use, table has %d", len(refs), names)
	}
	for id, n := range refs {
		s := &c.names.shards[id&nameShardMask]
		if got := s.entries.at(id >> nameShardBits).refs; int(got) != n {
			t.Fatalf("name %q has %d users, says %d", c.names.get(id), n, got)
		}
	}
}
