package geo

import (
	"encoding/binary"
	"net/netip"
)

// A Cursor looks addresses up for one goroutine, without locks and without
// allocating but for what it remembers: the places of the last networks, so that
// flows between many hosts of few networks seldom come to the trees of two large
// databases (0.3 µs against 20 ns, BenchmarkLookup).
//
// What it remembers is small, so that it stays in a core's cache: a word for each
// /24 of IPv4 and each /48 of IPv6, longer than which few networks in databases
// are. Where one is, its addresses are remembered one by one.
type Cursor struct {
	reader *Reader
	set    *set
	cells  []cellPair // of /24, /48 and IPv4 addresses
	hosts  []hostPair // of IPv6 addresses
	places places
}

// Two places for each hash keep what comes all the time from driving each other
// out: of 2,000 networks one place would lose a fifth of the look-ups where a pair
// loses a fiftieth.
const (
	cellBits = 15 // pairs, 512 KiB
	hostBits = 13 // pairs, 384 KiB
)

// A cell is the key of a network or an IPv4 address, and in its lower placeBits the
// number of the place. A zero cell is free.
type cell uint64

// cellPair are the cells of one hash, the newer first.
type cellPair [2]cell

// A host is the place of an IPv6 address.
type host struct {
	high, low uint64
	place     uint32
	used      bool
}

type hostPair [2]host

// Keys are an address's upper bits with a one before them: of an IPv4 address's
// all 32, of its network's 24 and of an IPv6 network's 48, so that none is another.
const (
	net4Bits = 24
	net6Bits = 48
)

// NewCursor gives the calling goroutine a cursor of its own.
func (r *Reader) NewCursor() *Cursor {
	return &Cursor{
		reader: r, set: r.current.Load(),
		cells: make([]cellPair, 1<<cellBits), hosts: make([]hostPair, 1<<hostBits),
	}
}

// Lookup fills dst with what is known of addr and reports whether that is
// anything; if not, dst is empty.
func (c *Cursor) Lookup(dst *Info, addr netip.Addr) bool {
	p := c.Place(addr)
	if p == nil {
		*dst = Info{}
		return false
	}
	*dst = p.Info
	return true
}

// Place is what is known of addr; nil where that is nothing. It is never changed.
func (c *Cursor) Place(addr netip.Addr) *Place {
	if s := c.reader.current.Load(); s != c.set {
		c.set = s
		c.forget()
	}
	if !addr.IsValid() || c.set.asn == nil && c.set.geo == nil {
		return nil
	}
	addr = addr.Unmap()
	if addr.Is4() {
		return c.place4(addr)
	}
	return c.place6(addr)
}

func (c *Cursor) forget() {
	clear(c.cells)
	clear(c.hosts)
	c.places = places{}
}

func (c *Cursor) place4(addr netip.Addr) *Place {
	b := addr.As4()
	bits := uint64(binary.BigEndian.Uint32(b[:]))
	network := 1<<net4Bits | bits>>(32-net4Bits)
	n, ok := c.find(network)
	if !ok {
		var length int
		if n, length = c.look(addr); length <= net4Bits {
			c.keep(network, n)
			return c.places.at(n)
		}
		c.keep(network, split)
		c.keep(1<<32|bits, n)
		return c.places.at(n)
	}
	if n != split {
		return c.places.at(n)
	}
	if n, ok = c.find(1<<32 | bits); !ok {
		n, _ = c.look(addr)
		c.keep(1<<32|bits, n)
	}
	return c.places.at(n)
}

func (c *Cursor) place6(addr netip.Addr) *Place {
	b := addr.As16()
	high, low := binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
	network := 1<<net6Bits | high>>(64-net6Bits)
	n, ok := c.find(network)
	if ok && n != split {
		return c.places.at(n)
	}
	pair := &c.hosts[slotOf(low^high*golden, hostBits)]
	for i := range pair {
		if h := &pair[i]; ok && h.used && h.high == high && h.low == low {
			return c.places.at(h.place)
		}
	}
	n, length := c.look(addr)
	if length <= net6Bits {
		c.keep(network, n)
		return c.places.at(n)
	}
	c.keep(network, split)
	pair[1] = pair[0]
	pair[0] = host{high, low, n, true}
	return c.places.at(n)
}

// find is the number of the place that is remembered for a key.
func (c *Cursor) find(key uint64) (n uint32, ok bool) {
	pair := &c.cells[slotOf(key, cellBits)]
	for i := range pair {
		if uint64(pair[i]>>placeBits) == key {
			return uint32(pair[i] & (1<<placeBits - 1)), true
		}
	}
	return 0, false
}

// keep remembers a place's number; of what shares the hash the newest stay.
func (c *Cursor) keep(key uint64, n uint32) {
	pair := &c.cells[slotOf(key, cellBits)]
	of := cell(key<<placeBits | uint64(n))
	if uint64(pair[0]>>placeBits) != key {
		pair[1] = pair[0]
	}
	pair[0] = of
}

// look is the number of the place of addr, which is unmapped, and the length of the
// network that all is there.
func (c *Cursor) look(addr netip.Addr) (n uint32, length int) {
	asn, geo, damaged := c.set.find(addr)
	if damaged > 0 {
		c.reader.damaged.Add(damaged)
	}
	if c.places.full() {
		c.forget()
	}
	return c.places.number(c.reader, c.set, records{asn.record, geo.record}), max(asn.length, geo.length)
}

const golden = 0x9E3779B97F4A7C15

// slotOf makes of a key a number of so many bits: the upper bits of a product with
// 2^64 divided by the golden ratio.
func slotOf(key uint64, bits int) int { return int(key * golden >> (64 - bits)) }
