package correlate

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
	"time"
	"unsafe"

	"flowname/flows"
)

// Gaps after which the next slice of a 5-tuple is another connection. TCP's is
// the longest active timeout in use (Cisco's default); UDP has no end that a
// flow record shows, so it is the idle time after which NATs give the port to
// others (RFC 4787 section 4.3).
const (
	maxGapTCP   = int64(30 * time.Minute)
	maxGapOther = int64(5 * time.Minute)
)

// sameStart is how far apart the first slices of one connection can begin: its
// directions, several exporters' views of it, a SYN that was sent again.
const sameStart = int64(5 * time.Second)

// A conn is what is remembered of a connection, besides what its set has. It
// has no pointers: the names are found again by looking them up as of the
// connection's start.
type conn struct {
	// startNs is the earliest start of its slices, of either direction.
	startNs      int64
	startErrorNs int64
	// namedNs is the start by which a and b, the hashes of the first names of
	// its lower and higher end, were decided; 0 is no name yet.
	namedNs int64
	a, b    uint32
}

// continues tells whether a record is a further slice of this connection, whose
// last one ended at endNs, or its other direction.
func (c *conn) continues(r *flows.Record, endNs int64) bool {
	sinceStart := r.StartNs - c.startNs
	if sinceStart < -sameStart {
		return false
	}
	if sinceStart <= sameStart {
		return true
	}
	if r.Proto == flows.ProtoTCP && r.TCPFlags&flows.TCPSyn != 0 {
		return false
	}
	return r.StartNs-endNs <= maxGap(r.Proto)
}

func maxGap(proto uint8) int64 {
	if proto == flows.ProtoTCP {
		return maxGapTCP
	}
	return maxGapOther
}

// note takes in a slice. Names that were decided as of a later start than the
// connection turns out to have are dropped: an exporter may tell the answering
// direction first.
func (c *conn) note(r *flows.Record) {
	if r.StartNs >= c.startNs {
		return
	}
	c.startNs, c.startErrorNs = r.StartNs, r.StartErrorNs
	if c.namedNs > c.startNs {
		c.a, c.b = 0, 0
	}
}

// name keeps the hashes of first names where there is none yet.
func (c *conn) name(a, b uint32) {
	if c.a == 0 && c.b == 0 {
		c.namedNs = c.startNs
	}
	if c.a == 0 {
		c.a = a
	}
	if c.b == 0 {
		c.b = b
	}
}

// forget makes room for another first name of the lower end, or of the higher.
func (c *conn) forget(lower bool) {
	if lower {
		c.a = 0
	} else {
		c.b = 0
	}
}

// connWays is how many places a 5-tuple can have: few enough to look at all of
// them, enough that a table that is not full seldom forgets.
const connWays = 8

// A connSet is the places of the 5-tuples with one residue. What a search looks
// at lies together, a cache line each: a new connection costs three of them.
type connSet struct {
	ids   [connWays]uint64 // the hash of the 5-tuple; 0 is a free place
	endNs [connWays]int64
	conns [connWays]conn
}

// A place is where in the table a connection is: its set and which of it.
type place uint32

// connections is the memory of connections: a table of a fixed size, in which
// a new connection takes the place of the one of connWays that ended first. Two
// 5-tuples are taken for one only if their 64-bit hashes are equal.
type connections struct {
	sets      []connSet // a power of two of them
	keys      [3]uint64 // of the hash, from the seed
	forgotten uint64    // places taken from connections that may still have gone on
}

func newConnections(size int, seed uint64) connections {
	cs := connections{sets: make([]connSet, 1<<bits.Len(uint(max(size, connWays)/connWays-1)))}
	hugePages(cs.sets)
	for i := range cs.keys {
		seed += secret0
		cs.keys[i] = fold(seed^secret1, secret2) | 1<<63
	}
	return cs
}

func (cs *connections) at(p place) *conn {
	return &cs.sets[p/connWays].conns[p%connWays]
}

func (cs *connections) set(id uint64) place { return place(id & uint64(len(cs.sets)-1)) }

// fetch and then aim have brought into the cache what touch will look at: the
// ids of a set and which ended first, and then the connection. A row of each waits
// for memory together where a row of touches would wait each time.
func (cs *connections) fetch(id uint64) {
	s := &cs.sets[cs.set(id)]
	prefetch(unsafe.Pointer(&s.ids))
	prefetch(unsafe.Pointer(&s.endNs))
}

func (cs *connections) aim(id uint64) {
	s := &cs.sets[cs.set(id)]
	i, _ := s.way(id)
	c := &s.conns[i]
	prefetch(unsafe.Pointer(c))
	prefetch(unsafe.Pointer(&c.b)) // half of them lie in two lines
}

// fetchAt has fetched what again looks at.
func (cs *connections) fetchAt(p place) {
	s := &cs.sets[p/connWays]
	prefetch(unsafe.Pointer(&s.ids))
	prefetch(unsafe.Pointer(&s.endNs))
	c := &s.conns[p%connWays]
	prefetch(unsafe.Pointer(c))
	prefetch(unsafe.Pointer(&c.b))
}

// way is where in a set a connection is, or else where a new one goes: in the
// place of the one that ended first.
func (s *connSet) way(id uint64) (i int, found bool) {
	oldest := 0
	for i := range s.ids {
		if s.ids[i] == id {
			return i, true
		}
		if s.endNs[i] < s.endNs[oldest] {
			oldest = i
		}
	}
	return oldest, false
}

// touch finds the connection of a record, or begins it, and notes the record.
func (cs *connections) touch(id uint64, r *flows.Record) place {
	set := cs.set(id)
	s := &cs.sets[set]
	i, found := s.way(id)
	p := set*connWays + place(i)
	if found {
		return cs.again(p, id, r)
	}
	if s.ids[i] != 0 && r.StartNs-s.endNs[i] < maxGapOther {
		cs.forgotten++
	}
	cs.begin(p, id, r)
	return p
}

// find only tells where a connection is, if it is remembered.
func (cs *connections) find(id uint64) (p place, ok bool) {
	set := cs.set(id)
	for i, have := range cs.sets[set].ids {
		if have == id {
			return set*connWays + place(i), true
		}
	}
	return 0, false
}

// again is touch for a record whose connection was at p when it was last
// touched.
func (cs *connections) again(p place, id uint64, r *flows.Record) place {
	s, i := &cs.sets[p/connWays], p%connWays
	if s.ids[i] != id {
		return cs.touch(id, r)
	}
	if !s.conns[i].continues(r, s.endNs[i]) {
		cs.begin(p, id, r)
		return p
	}
	s.endNs[i] = max(s.endNs[i], r.EndNs)
	s.conns[i].note(r)
	return p
}

// begin makes p the place of a new connection.
func (cs *connections) begin(p place, id uint64, r *flows.Record) {
	s, i := &cs.sets[p/connWays], p%connWays
	s.ids[i], s.endNs[i] = id, r.EndNs
	s.conns[i] = conn{startNs: r.StartNs, startErrorNs: r.StartErrorNs}
}

// id hashes a record's 5-tuple, the same for both directions. swapped says
// that the record's source is the higher end.
func (cs *connections) id(r *flows.Record) (id uint64, swapped bool) {
	src, dst := hashEnd(r.Src, r.SrcPort), hashEnd(r.Dst, r.DstPort)
	if swapped = src.after(dst); swapped {
		src, dst = dst, src
	}
	k := &cs.keys
	h := fold(src.hi^k[0], src.lo^k[1])
	h = fold(h^dst.hi^k[2], dst.lo^k[0])
	h = fold(h^src.port<<32^dst.port<<16^uint64(r.Proto)^k[1], k[2])
	return max(h, 1), swapped
}

// An endKey is one end of a 5-tuple as numbers.
type endKey struct{ hi, lo, port uint64 }

func hashEnd(a netip.Addr, port uint16) endKey {
	b := a.As16()
	return endKey{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:]), uint64(port)}
}

func (e endKey) after(o endKey) bool {
	if e.hi != o.hi {
		return e.hi > o.hi
	}
	if e.lo != o.lo {
		return e.lo > o.lo
	}
	return e.port > o.port
}

// Odd numbers without a pattern, for fold.
const (
	secret0 = 0x9e3779b97f4a7c15
	secret1 = 0xc2b2ae3d27d4eb4f
	secret2 = 0xd6e8feb86659fd93
)

// fold multiplies to 128 bits and folds the halves together.
func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// hashName is the hash of a name by which a connection remembers it; never 0.
func hashName(name string) uint32 {
	h := uint64(len(name))
	for len(name) >= 8 {
		h = fold(h^le64(name), secret0)
		name = name[8:]
	}
	var tail uint64
	for i := range len(name) {
		tail |= uint64(name[i]) << (8 * i)
	}
	h = fold(h^tail, secret1)
	return max(uint32(h^h>>32), 1)
}

func le64(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}
