package baseline

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"net/netip"
)

// A key makes hashes that nobody outside can foresee. The days of a book have one
// key, so that the clients of several can be counted together.
type key [4]uint64

const keySize = 4 * 8

// newKey makes a key of a seed, or a random one where it is 0.
func newKey(seed uint64) (k key) {
	next := rand.Uint64
	if seed != 0 {
		next = rand.NewPCG(seed, 0x9e3779b97f4a7c15).Uint64
	}
	for i := range k {
		k[i] = next()
	}
	return k
}

func (k *key) bytes() []byte {
	b := make([]byte, 0, keySize)
	for _, part := range k {
		b = binary.BigEndian.AppendUint64(b, part)
	}
	return b
}

func readKey(b []byte) (k key, ok bool) {
	if len(b) != keySize {
		return k, false
	}
	for i := range k {
		k[i] = binary.BigEndian.Uint64(b[8*i:])
	}
	return k, true
}

// text hashes a name in presentation form.
func (k *key) text(s []byte) uint64 {
	x := k[1] ^ uint64(len(s))
	for len(s) >= 8 {
		x = fold(x^binary.LittleEndian.Uint64(s), k[2])
		s = s[8:]
	}
	var tail uint64
	switch n := len(s); {
	case n >= 4: // the two halves overlap
		tail = uint64(binary.LittleEndian.Uint32(s)) | uint64(binary.LittleEndian.Uint32(s[n-4:]))<<32
	case n > 0:
		tail = uint64(s[0]) | uint64(s[n/2])<<8 | uint64(s[n-1])<<16
	}
	return fold(x^tail^k[0], k[3]|1)
}

// A domainID stands for a registrable domain: a hash, whose lowest bits are the
// length of its text. 53 bits of hash tell ten million domains of a day apart but
// for one pair in 180 days.
type domainID uint64

const lengthBits = 11 // of maxDomain

func (k *key) domain(text []byte) domainID {
	return domainID(k.text(text)&^(1<<lengthBits-1)) | domainID(len(text))
}

func (id domainID) length() int { return int(id & (1<<lengthBits - 1)) }

// client hashes an address; 0 stands for none.
func (k *key) client(a netip.Addr) uint64 {
	if !a.IsValid() {
		return 0
	}
	b := a.As16()
	hi, lo := binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
	return max(fold(fold(hi^k[0], lo^k[1])^k[2], k[3]|1), 1)
}

// pair hashes that a client asked for a domain.
func (k *key) pair(client uint64, d domainID) uint64 {
	return fold(client^k[3], uint64(d)^k[0]|1)
}

// fold is the multiply-and-fold step of the wyhash family.
func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}
