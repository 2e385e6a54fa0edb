package dnscache

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"net/netip"
)

// ip is an address as two numbers, the form in which it is hashed, compared and
// kept: IPv4 as ::ffff:a.b.c.d, so that both families share a table.
type ip struct{ hi, lo uint64 }

// anyClient is the client of evidence that does not say for whom it was.
var anyClient = ip{}

func ipOf(a netip.Addr) ip {
	b := a.As16()
	return ip{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

func (p ip) bytes() (b [16]byte) {
	binary.BigEndian.PutUint64(b[:8], p.hi)
	binary.BigEndian.PutUint64(b[8:], p.lo)
	return b
}

func (p ip) addr() netip.Addr { return netip.AddrFrom16(p.bytes()).Unmap() }

// clientAddr is addr for a client, where all zeroes are "any", or for a client's
// shadow.
func (p ip) clientAddr() netip.Addr {
	switch {
	case p == anyClient:
		return netip.Addr{}
	case p.isShadow():
		return p.shadow().addr()
	}
	return p.addr()
}

// hasher spreads addresses over shards and tables. Its keys are secret, so that
// whoever chooses the addresses in DNS answers can not aim at one bucket.
type hasher struct{ k [4]uint64 }

// newHasher makes keys from seed, or random ones where it is 0.
func newHasher(seed uint64) hasher {
	var h hasher
	if seed == 0 {
		for i := range h.k {
			h.k[i] = rand.Uint64()
		}
		return h
	}
	src := rand.NewPCG(seed, 0x9e3779b97f4a7c15)
	for i := range h.k {
		h.k[i] = src.Uint64()
	}
	return h
}

// ip hashes p; salt keeps the key spaces apart (a pair's is its address's hash).
func (h *hasher) ip(p ip, salt uint64) uint64 {
	return fold(fold(p.hi^h.k[0], p.lo^h.k[1])^h.k[2]^salt, h.k[3]|1)
}

// text hashes a name, with the keys in another order than addresses.
func (h *hasher) text(s string) uint64 {
	x := h.k[1] ^ uint64(len(s))
	for len(s) >= 8 {
		x = fold(x^le64(s), h.k[2])
		s = s[8:]
	}
	var tail uint64
	for i := range len(s) {
		tail |= uint64(s[i]) << (8 * i)
	}
	return fold(x^tail^h.k[0], h.k[3]|1)
}

func le64(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// fold is the multiply-and-fold step of the wyhash family.
func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// Salts of the key spaces that share one hasher and one filter.
const (
	saltAddress = 0x61
	saltClient  = 0x63
)
