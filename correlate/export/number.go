package export

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
	"slices"
)

// maxDecimal is how long a number gets: 2^64-1 has 20 digits.
const maxDecimal = 20

// appendDecimal appends a number in decimal. It is strconv.AppendUint without
// the buffer between; half of a line's fields are numbers.
func appendDecimal(dst []byte, v uint64) []byte {
	if v < 10 {
		return append(dst, '0'+byte(v))
	}
	n := decimalLen(v)
	dst = slices.Grow(dst, maxDecimal)
	end := len(dst) + n
	b := dst[len(dst):end]
	for n > 9 { // a division of 64 bits for nine digits only
		q := v / 1e9
		n -= 9
		putDecimal(b[n:n+9], uint32(v-q*1e9))
		v = q
	}
	putDecimal(b[:n], uint32(v))
	return dst[:end]
}

// putDecimal fills b with the last digits of v.
func putDecimal(b []byte, v uint32) {
	i := len(b)
	for ; i > 1; i -= 2 {
		q := v / 100
		d := (v - q*100) * 2
		b[i-1], b[i-2] = pairs[d+1], pairs[d]
		v = q
	}
	if i == 1 {
		b[0] = '0' + byte(v%10)
	}
}

// pairs are the two digits of each number below a hundred.
const pairs = "00010203040506070809" +
	"10111213141516171819" +
	"20212223242526272829" +
	"30313233343536373839" +
	"40414243444546474849" +
	"50515253545556575859" +
	"60616263646566676869" +
	"70717273747576777879" +
	"80818283848586878889" +
	"90919293949596979899"

// decimalLen is how many digits v has.
func decimalLen(v uint64) int {
	n := bits.Len64(v|1) * 1233 >> 12 // 1233/4096 is log10(2), never above it
	if v >= powers[n] {
		n++
	}
	return n
}

// powers are those of ten; a number with n digits is below powers[n].
var powers = [maxDecimal]uint64{
	1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9,
	1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
}

// appendIPv4 appends an IPv4 address: four octets by four stores of four bytes.
func appendIPv4(dst []byte, a netip.Addr) []byte {
	const longest = len("255.255.255.255.")
	dst = slices.Grow(dst, longest)
	at := len(dst)
	b := dst[at : at+longest]
	n := 0
	for _, octet := range a.As4() {
		o := &octets[octet]
		binary.LittleEndian.PutUint32(b[n:], o.text)
		n += o.size
	}
	return dst[:at+n-1]
}

// An octetText is an octet in decimal with the dot behind it.
type octetText struct {
	text uint32 // its bytes, the first lowest
	size int
}

var octets = octetTexts()

func octetTexts() (all [256]octetText) {
	for i := range all {
		b := append(appendDecimal(nil, uint64(i)), '.')
		all[i].size = len(b)
		all[i].text = binary.LittleEndian.Uint32(append(b, 0, 0, 0))
	}
	return all
}
