package dnscache

import (
	"math"
	"net/netip"
)

// MaxMatches is how many names a look-up appends at most.
const MaxMatches = 16

// Match is one name that an address was reached by. Its strings stay valid for
// ever: they alias name storage that is never written twice.
type Match struct {
	Name      string
	Canonical string // the end of the CNAME chain where that is another name
	AtNs      int64  // the answer's time, Unix nanoseconds
	TTL       uint32 // seconds, as that answer said, or UnknownTTL
	Source    Source
	// DomainAt and CanonicalAt are where in Name and Canonical their registrable
	// domains begin, from 1: DomainOf.
	DomainAt, CanonicalAt uint16
}

// selection gathers the best matches at the end of dst: one a name, the best
// MaxMatches of them. It is exact although it forgets the worst when it is
// full, because a name's match only ever gets better: one that belongs to the
// best in the end does so from when its best version is offered.
type selection struct {
	dst  []Match
	base int // where its matches begin in dst

	start   int64 // the flow's
	limit   int64 // up to here an answer counts as before the flow
	horizon int64 // answers after that do not count at all

	ids   [MaxMatches]uint32 // the names' numbers, for matches from the index
	canon [MaxMatches]uint32
}

// addSat is a+b, kept within int64.
func addSat(a, b int64) int64 {
	if b > 0 && a > math.MaxInt64-b {
		return math.MaxInt64
	}
	if b < 0 && a < math.MinInt64-b {
		return math.MinInt64
	}
	return a + b
}

// pick is the time at which a run of answers counts: of its first and last, the
// only times that are known, the one nearest to the start that is within the
// limit; its first, where that is later but within the horizon.
func (q *selection) pick(first, last int64) (at int64, ok bool) {
	if first > q.limit {
		return first, first <= q.horizon
	}
	if last <= q.limit && q.distance(last) <= q.distance(first) {
		return last, true
	}
	return first, true
}

// distance is how far an answer's time is from the start.
func (q *selection) distance(at int64) uint64 {
	if at > q.start {
		return uint64(at) - uint64(q.start)
	}
	return uint64(q.start) - uint64(at)
}

// compare is negative when an answer at time a is the better one, as AppendClient
// says: those within the limit before those later, the nearest, the newer.
func (q *selection) compare(a, b int64) int {
	lateA, lateB := a > q.limit, b > q.limit
	if lateA != lateB {
		if lateB {
			return -1
		}
		return 1
	}
	da, db := q.distance(a), q.distance(b)
	switch {
	case da < db:
		return -1
	case da > db:
		return 1
	case a > b:
		return -1
	case a < b:
		return 1
	}
	return 0
}

func (q *selection) matches() []Match { return q.dst[q.base:] }

// worst is the number of the match that goes first when it gets tight.
func (q *selection) worst() int {
	w := 0
	m := q.matches()
	for i := 1; i < len(m); i++ {
		if d := q.compare(m[w].AtNs, m[i].AtNs); d < 0 || d == 0 && m[w].Name < m[i].Name {
			w = i
		}
	}
	return w
}

// slot is where a new name's match at that time goes, -1 for nowhere.
func (q *selection) slot(at int64, name func() string) int {
	if len(q.matches()) < MaxMatches {
		q.dst = append(q.dst, Match{})
		return len(q.matches()) - 1
	}
	w := q.worst()
	m := &q.matches()[w]
	d := q.compare(at, m.AtNs)
	if d < 0 || d == 0 && name() < m.Name {
		return w
	}
	return -1
}

// walk offers all versions of a chain and tells the chain's floor.
func (q *selection) walk(s *shard, ch *chain, n *names) (floor int64) {
	if ch.n == 1 && len(q.matches()) == 0 {
		return q.only(s.versions.at(ch.head), n) // most chains are like that
	}
	for i := ch.head; i != 0; {
		v := s.versions.at(i)
		i = v.next
		if v.bits&floorMark != 0 && floor == 0 {
			floor = v.first
		}
		at, ok := q.pick(v.first, v.last())
		if !ok {
			continue
		}
		q.offer(v, at, n)
	}
	return floor
}

// only is walk for a chain's only version.
func (q *selection) only(v *version, n *names) (floor int64) {
	if at, ok := q.pick(v.first, v.last()); ok {
		q.dst = append(q.dst, Match{AtNs: at, TTL: v.ttl(), Source: v.source()})
		m := &q.dst[len(q.dst)-1]
		m.Name, m.DomainAt = n.of(v.name)
		q.ids[0], q.canon[0] = v.name, v.canon
	}
	if v.bits&floorMark != 0 {
		floor = v.first
	}
	return floor
}

func (q *selection) offer(v *version, at int64, n *names) {
	m := q.matches()
	k := 0
	for k < len(m) && q.ids[k] != v.name {
		k++
	}
	if k == len(m) {
		if k = q.slot(at, func() string { return n.get(v.name) }); k < 0 {
			return
		}
		m := &q.matches()[k]
		m.Name, m.DomainAt = n.of(v.name)
		q.ids[k] = v.name
	} else if q.compare(at, m[k].AtNs) >= 0 {
		return
	}
	e := &q.matches()[k]
	e.AtNs, e.TTL, e.Source = at, v.ttl(), v.source()
	q.canon[k] = v.canon
}

// resolve fills in the canonical names; the shard is still locked.
func (q *selection) resolve(n *names) {
	m := q.matches()
	for k := range m {
		m[k].Canonical, m[k].CanonicalAt = n.of(q.canon[k])
	}
}

// merge offers a match that is not from the index.
func (q *selection) merge(m *Match) {
	have := q.matches()
	k := 0
	for k < len(have) && have[k].Name != m.Name {
		k++
	}
	if k == len(have) {
		if k = q.slot(m.AtNs, func() string { return m.Name }); k < 0 {
			return
		}
	} else if q.compare(m.AtNs, have[k].AtNs) >= 0 {
		return
	}
	q.matches()[k] = *m
}

// finish sorts what was gathered and gives dst.
func (q *selection) finish() []Match {
	m := q.matches()
	for i := 1; i < len(m); i++ {
		for k := i; k > 0; k-- {
			d := q.compare(m[k].AtNs, m[k-1].AtNs)
			if d > 0 || d == 0 && m[k].Name >= m[k-1].Name {
				break
			}
			m[k], m[k-1] = m[k-1], m[k]
		}
	}
	return q.dst
}

// AppendClient appends one Match for each name that client had for addr.
//
// For each name it is the answer nearest to startNs among those with time up to
// startNs+tolNs; where a name has only later ones, up to horizonNs, it is the
// earliest of them. Those up to startNs+tolNs come first, nearest first (of two
// as near the newer, then by name), then the later ones, earliest first. At
// most MaxMatches are appended. dst's array is used where it is large enough;
// nothing else is allocated unless Badger has to be read.
func (c *Cache) AppendClient(dst []Match, client, addr netip.Addr, startNs, tolNs, horizonNs int64) []Match {
	if !client.IsValid() || !addr.IsValid() {
		return dst
	}
	who := ipOf(client)
	if who == anyClient {
		return dst
	}
	return c.appendPair(dst, who, ipOf(addr), startNs, addSat(startNs, max(tolNs, 0)), horizonNs)
}

// appendPair is AppendClient for any two addresses.
func (c *Cache) appendPair(dst []Match, who, p ip, startNs, limitNs, horizonNs int64) []Match {
	q := selection{dst: dst, base: len(dst), start: startNs, limit: limitNs, horizon: horizonNs}
	h := c.hash.ip(p, saltAddress)
	k := coldKey{client: who, addr: p, hash: c.hash.ip(who, h)}
	s := c.shardOf(h)
	s.mu.RLock()
	s.count.lookups.Add(1)
	if i := s.findPair(who, p, k.hash); i != 0 {
		k.look(c, s, &s.pairs.at(i).chain, &q)
	}
	s.mu.RUnlock()
	if !k.known {
		q = c.cold(s, k, q)
	}
	return q.finish()
}

// AppendOthers appends one Match for each name that any client had for addr, or
// evidence without a client, with an answer in (untilNs-retention, untilNs],
// newest first, at most MaxMatches: of more names the newest.
func (c *Cache) AppendOthers(dst []Match, addr netip.Addr, untilNs int64) []Match {
	if !addr.IsValid() {
		return dst
	}
	p := ipOf(addr)
	q := selection{dst: dst, base: len(dst), start: untilNs, limit: untilNs, horizon: untilNs}
	h := c.hash.ip(p, saltAddress)
	k := coldKey{addr: p, hash: h, others: true}
	s := c.shardOf(h)
	s.mu.RLock()
	s.count.lookups.Add(1)
	if i := s.findAddress(p, h); i != 0 {
		k.look(c, s, &s.addresses.at(i).chain, &q)
	}
	s.mu.RUnlock()
	if !k.known {
		q = c.cold(s, k, q)
	}
	q.finish()
	c.dropUnretained(&q, untilNs)
	return q.dst
}

// dropUnretained takes out of others' sorted matches those that are older than
// the retention.
func (c *Cache) dropUnretained(q *selection, untilNs int64) {
	for n := len(q.dst); n > q.base && q.dst[n-1].AtNs <= addSat(untilNs, -c.retentionNs); n-- {
		q.dst = q.dst[:n-1]
	}
}

// look takes from a chain what it has, and notes whether that is all there is.
func (k *coldKey) look(c *Cache, s *shard, ch *chain, q *selection) {
	floor := q.walk(s, ch, &c.names)
	q.resolve(&c.names)
	ch.touch(c.clock.seconds())
	k.stamp = *s.stamp(k.hash)
	k.known = c.store == nil || !ch.unknown && q.start >= floor
	if k.known {
		s.count.hits.Add(1)
		return
	}
	k.from = q.start
	for i := ch.head; i != 0; i = s.versions.at(i).next {
		k.from = min(k.from, s.versions.at(i).first)
	}
}
