package export

import (
	"math"
	"strconv"
)

// degrees remembers the text of latitudes and longitudes, each in one place: to
// find the shortest text of a number takes ten times as long as to copy it, a
// flow with both ends placed has four, and the same places come again and again.
// A nil degrees remembers nothing.
type degrees [1 << degreesBits]degree

const degreesBits = 11 // 64 KiB of them

type degree struct {
	of   uint64 // the number's bits
	text [23]byte
	n    uint8 // of the text; 0: nothing is remembered here
}

func (all *degrees) append(dst []byte, v float64) []byte {
	if all == nil {
		return strconv.AppendFloat(dst, v, 'f', -1, 64)
	}
	of := math.Float64bits(v)
	const golden = 0x9E3779B97F4A7C15
	d := &all[of*golden>>(64-degreesBits)]
	if d.of == of && d.n > 0 {
		return append(dst, d.text[:d.n]...)
	}
	from := len(dst)
	dst = strconv.AppendFloat(dst, v, 'f', -1, 64)
	if text := dst[from:]; len(text) <= len(d.text) {
		d.of, d.n = of, uint8(copy(d.text[:], text))
	}
	return dst
}
