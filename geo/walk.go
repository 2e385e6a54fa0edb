package geo

import (
	"encoding/binary"
	"math"
)

// A fault is why a record can not be read; 0 is none.
type fault uint8

const (
	faultEnd fault = iota + 1
	faultKind
	faultSize
	faultPointer
	faultKey
	faultCount
)

func (f fault) String() string {
	return [...]string{
		"none",
		"a value goes beyond the data section",
		"a value of an unknown kind",
		"a number of an impossible size",
		"a pointer to a pointer",
		"a key that is no text",
		"too many values in a record",
	}[f]
}

// maxValues is how many values and keys are looked at in one record. A
// GeoIP2-Enterprise record has about 250.
const maxValues = 4096

// kind is a value's type as MaxMind DB File Format 2.0, "Data Field Format",
// numbers it.
type kind uint8

const (
	kindExtended kind = iota
	kindPointer
	kindText
	kindDouble
	kindBytes
	kindUint16
	kindUint32
	kindMap
	kindInt32
	kindUint64
	kindUint128
	kindArray
	kindContainer
	kindEnd
	kindBool
	kindFloat
)

// A value is one field of the data section, its pointer followed.
type value struct {
	kind kind
	size int // bytes, or entries of a map or array, or what a bool says
	at   int // where its payload begins
	// next is where the value after this one begins in the record. 0 for a map
	// or array that is not behind a pointer: then it is where its last entry
	// ends.
	next int
}

// A walker reads the values of one record. Its first fault sticks; whatever it
// returns after that is to be thrown away.
type walker struct {
	data  []byte // the data section
	left  int    // how many more values may be looked at
	fault fault
}

func newWalker(data []byte) walker { return walker{data: data, left: maxValues} }

func (w *walker) fail(f fault) value {
	if w.fault == 0 {
		w.fault = f
	}
	return value{kind: kindEnd, next: len(w.data)}
}

// value is the one at off, or where the pointer at off points.
func (w *walker) value(off int) value {
	v := w.header(off)
	if v.kind != kindPointer {
		return v
	}
	target, end := w.pointer(v)
	if w.fault != 0 {
		return w.fail(w.fault)
	}
	v = w.header(target)
	if v.kind == kindPointer {
		return w.fail(faultPointer)
	}
	v.next = end
	return v
}

// header reads the control bytes at off and checks that a scalar's payload is
// there.
func (w *walker) header(off int) value {
	w.left--
	switch {
	case w.fault != 0:
		return w.fail(w.fault)
	case w.left < 0:
		return w.fail(faultCount)
	case off < 0 || off >= len(w.data):
		return w.fail(faultEnd)
	}
	control := w.data[off]
	v := value{kind: kind(control >> 5), size: int(control & 0x1f), at: off + 1}
	if v.kind == kindPointer {
		return v
	}
	if v.kind == kindExtended {
		if v.at >= len(w.data) {
			return w.fail(faultEnd)
		}
		extended := w.data[v.at]
		if extended < 1 || extended > 8 {
			return w.fail(faultKind)
		}
		v.kind, v.at = kind(extended)+7, v.at+1
	}
	if v.size >= 29 {
		w.longSize(&v)
	}
	switch v.kind {
	case kindMap, kindArray:
	case kindBool:
		v.next = v.at
	default:
		if v.size > len(w.data)-v.at {
			return w.fail(faultEnd)
		}
		v.next = v.at + v.size
	}
	return v
}

// longSize reads a size over 28, which takes one to three further bytes.
func (w *walker) longSize(v *value) {
	n := v.size - 28
	if n > len(w.data)-v.at {
		*v = w.fail(faultEnd)
		return
	}
	extra := 0
	for _, b := range w.data[v.at : v.at+n] {
		extra = extra<<8 | int(b)
	}
	v.size = [...]int{29, 285, 65821}[n-1] + extra
	v.at += n
}

// pointer is where v points and where v ends.
func (w *walker) pointer(v value) (target, end int) {
	n := v.size>>3 + 1
	if n > len(w.data)-v.at {
		w.fail(faultEnd)
		return 0, 0
	}
	b := w.data[v.at : v.at+n]
	high := v.size & 7
	switch n {
	case 1:
		target = high<<8 | int(b[0])
	case 2:
		target = (high<<16 | int(binary.BigEndian.Uint16(b))) + 2048
	case 3:
		target = (high<<24 | int(b[0])<<16 | int(b[1])<<8 | int(b[2])) + 526336
	default:
		target = int(binary.BigEndian.Uint32(b))
	}
	return target, v.at + n
}

// skipAt is where the value after the one at off begins. It follows no
// pointers.
func (w *walker) skipAt(off int) int {
	v := w.header(off)
	if v.kind == kindPointer {
		_, end := w.pointer(v)
		return end
	}
	return w.skip(v)
}

// skip is where the value after v begins.
func (w *walker) skip(v value) int {
	if v.next != 0 {
		return v.next
	}
	at := v.at
	for todo := v.entries(); todo > 0 && w.fault == 0; todo-- {
		if todo > w.left {
			w.fail(faultCount)
			break
		}
		inner := w.header(at)
		switch inner.kind {
		case kindPointer:
			_, at = w.pointer(inner)
		case kindMap, kindArray:
			at, todo = inner.at, todo+inner.entries()
		default:
			at = inner.next
		}
	}
	return at
}

// entries is how many values are directly in a map, keys included, or array.
func (v value) entries() int {
	if v.kind == kindMap {
		return 2 * v.size
	}
	return v.size
}

// key is the map key at off and where its value begins.
func (w *walker) key(off int) ([]byte, int) {
	if key, next, ok := w.shortKey(off); ok {
		return key, next
	}
	v := w.value(off)
	if v.kind != kindText {
		w.fail(faultKey)
		return nil, 0
	}
	return w.bytes(v), v.next
}

// shortKey is key for what nearly all keys are: a text of up to 28 bytes, here
// or behind a pointer of one or two bytes. False where it is anything else.
func (w *walker) shortKey(off int) (key []byte, next int, ok bool) {
	if w.fault != 0 || w.left < 2 || off < 0 || off+2 >= len(w.data) {
		return nil, 0, false
	}
	target := off
	switch control := int(w.data[off]); control >> 3 {
	case 0x20 >> 3:
		target, next = control&7<<8|int(w.data[off+1]), off+2
	case 0x28 >> 3:
		target, next = (control&7<<16|int(w.data[off+1])<<8|int(w.data[off+2]))+2048, off+3
	}
	if target >= len(w.data) {
		return nil, 0, false
	}
	n := int(w.data[target]) - int(kindText)<<5
	end := target + 1 + n
	if n < 0 || n > 28 || end > len(w.data) {
		return nil, 0, false
	}
	if next == 0 {
		next = end
	}
	w.left -= 2
	return w.data[target+1 : end], next, true
}

// bytes aliases the payload of a text.
func (w *walker) bytes(v value) []byte { return w.data[v.at : v.at+v.size] }

// unsigned reads an integer that is not negative.
func (w *walker) unsigned(v value) (uint64, bool) {
	most := 0
	switch v.kind {
	case kindUint16:
		most = 2
	case kindUint32, kindInt32:
		most = 4
	case kindUint64:
		most = 8
	default:
		return 0, false
	}
	if v.size > most {
		w.fail(faultSize)
		return 0, false
	}
	var n uint64
	for _, b := range w.bytes(v) {
		n = n<<8 | uint64(b)
	}
	return n, v.kind != kindInt32 || n <= math.MaxInt32
}

// float reads a floating-point number.
func (w *walker) float(v value) (float64, bool) {
	switch v.kind {
	case kindDouble:
		if v.size != 8 {
			w.fail(faultSize)
			return 0, false
		}
		return math.Float64frombits(binary.BigEndian.Uint64(w.bytes(v))), true
	case kindFloat:
		if v.size != 4 {
			w.fail(faultSize)
			return 0, false
		}
		return float64(math.Float32frombits(binary.BigEndian.Uint32(w.bytes(v)))), true
	}
	return 0, false
}
