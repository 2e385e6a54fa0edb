package firstseen

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
)

// A secret spreads what is hashed so that nobody outside can aim at a bucket.
type secret [4]uint64

// newSecret makes the secret that belongs to a seed.
func newSecret(seed uint64) (s secret) {
	for i := range s {
		seed += 0x9e3779b97f4a7c15 // splitmix64
		x := (seed ^ seed>>30) * 0xbf58476d1ce4e5b9
		x = (x ^ x>>27) * 0x94d049bb133111eb
		s[i] = x ^ x>>31
	}
	return s
}

// hashText hashes a name or a domain.
func hashText[T []byte | string](s *secret, text T) uint64 {
	h := s[0] ^ uint64(len(text))
	for len(text) >= 8 {
		h = fold(h^eight(text), s[1])
		text = text[8:]
	}
	var tail uint64
	for i := range len(text) {
		tail |= uint64(text[i]) << (8 * i)
	}
	return fold(h^tail^s[2], s[3]|1)
}

// pair hashes a client together with a domain's hash.
func (s *secret) pair(domain uint64, client netip.Addr) uint64 {
	b := client.As16()
	h := fold(domain^s[1], binary.LittleEndian.Uint64(b[:8])^s[2])
	return fold(h^binary.LittleEndian.Uint64(b[8:]), s[0]|1)
}

func eight[T []byte | string](t T) uint64 {
	_ = t[7]
	return uint64(t[0]) | uint64(t[1])<<8 | uint64(t[2])<<16 | uint64(t[3])<<24 |
		uint64(t[4])<<32 | uint64(t[5])<<40 | uint64(t[6])<<48 | uint64(t[7])<<56
}

// fold is the multiply-and-fold step of the wyhash family.
func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}
