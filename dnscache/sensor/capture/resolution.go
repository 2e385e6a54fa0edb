package capture

import (
	"math"
	"math/bits"
)

// ngResolution is the byte of if_tsresol: a negative power of ten, or of two
// where the top bit is set.
type ngResolution uint8

const defaultResolution ngResolution = 6

const nanosPerSecond = 1_000_000_000

// nanoseconds converts a count of these units; ok is false where the result has
// no place in an int64.
func (r ngResolution) nanoseconds(units uint64) (ns int64, ok bool) {
	exponent := uint(r & 0x7f)
	if r&0x80 != 0 {
		return shiftedNanoseconds(units, exponent)
	}
	if exponent > 9 {
		for ; exponent > 9 && units > 0; exponent-- {
			units /= 10
		}
		return checked(0, units)
	}
	scale := uint64(1)
	for ; exponent < 9; exponent++ {
		scale *= 10
	}
	return checked(bits.Mul64(units, scale))
}

func shiftedNanoseconds(units uint64, exponent uint) (int64, bool) {
	high, low := bits.Mul64(units, nanosPerSecond)
	if exponent >= 64 {
		// A shift by 128 or more is zero in Go, as it should be here.
		return checked(0, high>>(exponent-64))
	}
	return checked(high>>exponent, low>>exponent|high<<(64-exponent))
}

func checked(high, low uint64) (int64, bool) {
	if high != 0 || low > math.MaxInt64 {
		return 0, false
	}
	return int64(low), true
}
