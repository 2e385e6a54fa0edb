package feeds

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"net/netip"
	"unsafe"

	"flowname/correlate/indicators"
	"flowname/dnscache"
)

// A filter says of most names and addresses that no feed has them. Its secret is
// another each time, so that whoever makes up names can not have them all pass.
type filter struct {
	secret uint64
	words  bloom  // of entries
	labels uint64 // how many labels names have, bit by bit; the last bit is that many and more
	inner  bloom  // of the domains that have entries in them, by hash
	hash   func(domain string) uint64
	v4     []uint64             // a bit for each /24 that a prefix has part of; nil: none
	wide   [1 << 16 / 64]uint64 // and for each /16, which are soon read
	v6     uint64               // the lengths of IPv6's prefixes, bit by bit, longer ones being 48
}

const mostV6 = 48

// newFilter makes the filter of some sets.
func newFilter(sets []*indicators.Set, hash func(string) uint64) *filter {
	entries := 0
	for _, s := range sets {
		entries += s.Len()
	}
	f := &filter{secret: rand.Uint64() | 1, words: newBloom(entries), inner: newBloom(entries), hash: hash}
	for _, s := range sets {
		for e := range s.All() {
			switch {
			case e.Name != "":
				f.addName(e.Name)
			case e.Prefix.Addr().Is4():
				f.addV4(e.Prefix)
			default:
				f.addV6(e.Prefix)
			}
		}
	}
	return f
}

// addName adds a name, the hash of which goes on from that of its parent.
func (f *filter) addName(name string) {
	h, labels := f.secret, 0
	for end := len(name); end >= 0; labels++ {
		start := labelStart(name, end)
		h = mixLabel(h, name[start:end])
		end = start - 1
	}
	f.words.add(h)
	f.labels |= labelBit(labels)
	if domain := dnscache.Domain(name); domain != "" {
		f.inner.add(f.hash(domain))
	}
}

func labelBit(labels int) uint64 { return 1 << min(labels, 63) }

// mayHaveName says whether a feed may have a name or one of its parents.
func (f *filter) mayHaveName(name string) bool {
	h, labels := f.secret, 0
	for end := len(name); end >= 0; {
		start := labelStart(name, end)
		h = mixLabel(h, name[start:end])
		if labels++; f.labels&labelBit(labels) != 0 && f.words.has(h) {
			return true
		}
		end = start - 1
	}
	return false
}

// fetch has what mayHaveAddr will read brought near.
func (f *filter) fetch(a netip.Addr) {
	if f.v4 != nil && a.Is4() {
		dnscache.Prefetch(unsafe.Pointer(&f.v4[net24(a)/64]))
	}
}

// labelStart is where the label begins that ends before end. A dot after an odd
// number of backslashes is part of its label.
func labelStart(name string, end int) int {
	for i := end - 1; i >= 0; i-- {
		if name[i] != '.' {
			continue
		}
		k := i
		for k > 0 && name[k-1] == '\\' {
			k--
		}
		if (i-k)&1 == 0 {
			return i + 1
		}
	}
	return 0
}

// Odd numbers without a pattern.
const (
	mix0 = 0xa0761d6478bd642f
	mix1 = 0xe7037ed1a0b428db
)

func mixLabel(h uint64, label string) uint64 {
	h ^= uint64(len(label))
	for len(label) >= 8 {
		h = fold(h^eight(label), mix0)
		label = label[8:]
	}
	var tail uint64
	for i := range len(label) {
		tail |= uint64(label[i]) << (8 * i)
	}
	return fold(h^tail, mix1)
}

func eight(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// fold is the multiply-and-fold step of the wyhash family.
func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

func (f *filter) addV4(p netip.Prefix) {
	if f.v4 == nil {
		f.v4 = make([]uint64, 1<<24/64)
		dnscache.HugePages(f.v4)
	}
	first := net24(p.Addr())
	for i := range uint32(1) << max(24-p.Bits(), 0) {
		n := first + i
		f.v4[n/64] |= 1 << (n % 64)
		n >>= 8
		f.wide[n/64] |= 1 << (n % 64)
	}
}

func net24(a netip.Addr) uint32 {
	b := a.As4()
	return uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2])
}

func (f *filter) addV6(p netip.Prefix) {
	length := min(p.Bits(), mostV6)
	f.v6 |= 1 << length
	f.words.add(f.net(p.Addr(), length))
}

// net hashes the first bits of an IPv6 address, at most 64.
func (f *filter) net(a netip.Addr, length int) uint64 {
	b := a.As16()
	top := binary.BigEndian.Uint64(b[:]) >> (64 - length)
	return fold(fold(f.secret^top, mix0)^uint64(length), mix1)
}

// mayHaveAddr says whether a feed may have an address, which is unmapped.
func (f *filter) mayHaveAddr(a netip.Addr) bool {
	if a.Is4() {
		n := net24(a)
		wide := n >> 8
		return f.wide[wide/64]>>(wide%64)&1 != 0 && f.v4[n/64]>>(n%64)&1 != 0
	}
	for lengths := f.v6; lengths != 0; lengths &= lengths - 1 {
		if f.words.has(f.net(a, bits.TrailingZeros64(lengths))) {
			return true
		}
	}
	return false
}
