package findings

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
)

// Odd numbers without a pattern.
const (
	mix0 = 0xa0761d6478bd642f
	mix1 = 0xe7037ed1a0b428db
)

func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

func hashAddr(seed uint64, a netip.Addr) uint64 {
	b := a.As16()
	return fold(binary.BigEndian.Uint64(b[:8])^seed^mix0, binary.BigEndian.Uint64(b[8:])^fold(seed^mix1, mix0))
}

func hashName[T []byte | string](seed uint64, name T) uint64 {
	h := seed ^ mix0
	for ; len(name) >= 8; name = name[8:] {
		h = fold(h^word(name), mix1)
	}
	var last uint64
	for i := range len(name) {
		last = last<<8 | uint64(name[i])
	}
	return fold(h^last, mix0^uint64(len(name)))
}

func word[T []byte | string](b T) uint64 {
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
		uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}
