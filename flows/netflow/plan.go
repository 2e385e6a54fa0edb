package netflow

import "encoding/binary"

// A plan is a template made ready for reading records: which bytes go through
// which row of the table of elements. Where all lengths are fixed the plan has
// only the fields that are wanted, each at its offset; otherwise it has every
// field, in order, to be walked.
type plan struct {
	steps []step
	// size is the length of a record, or with walk, what its fixed fields and
	// the length bytes of the others take at least.
	size int
	walk bool
	// icmp says that the template has an element for the ICMP type, extra that
	// it has one that is kept in draft.x.
	icmp, extra bool
}

// A step is one field of a plan.
type step struct {
	element     *element // nil for a field that is skipped
	off, length uint16   // off is unused where the plan is walked
	// shift is what of eight bytes read at the field is behind it, in bits.
	shift uint8
}

const noRow = 0xffff

// compile makes a plan of a template's fields. It refuses templates whose
// records have no length, or more than a message can hold.
func compile(fields []field, options bool) (plan, bool) {
	var p plan
	for _, f := range fields {
		if f.length == variableLength {
			p.walk = true
			p.size++
		} else {
			p.size += int(f.length)
		}
	}
	if p.size == 0 || p.size > 0xffff {
		return plan{}, false
	}
	p.steps = make([]step, 0, len(fields))
	off := 0
	for _, f := range fields {
		row := f.row(options)
		if row != noRow {
			p.icmp = p.icmp || elements[row].icmp
			p.extra = p.extra || elements[row].extra
		}
		s := step{off: uint16(off), length: f.length, shift: uint8(64 - 8*min(f.length, 8))}
		if row != noRow {
			s.element = &elements[row]
		}
		p.add(s)
		off += int(f.length)
	}
	return p, true
}

// add appends a step, unless it only skips bytes that need no skipping or that
// the step before can skip with its own.
func (p *plan) add(s step) {
	if s.element == nil && s.length != variableLength {
		if !p.walk {
			return
		}
		if n := len(p.steps); n > 0 {
			last := &p.steps[n-1]
			if last.element == nil && last.length != variableLength {
				last.length += s.length // their sum is under p.size
				return
			}
		}
	}
	p.steps = append(p.steps, s)
}

// row finds the row of elements for f, or noRow: element not known, or exported
// in a length that it cannot have, or where it means nothing.
func (f field) row(options bool) uint16 {
	row, ok := findElement(f.pen, f.id)
	if f.skip || !ok || !elements[row].fits(f.length) || elements[row].options && !options {
		return noRow
	}
	return uint16(row)
}

// fill reads one record from the start of b into d and returns its length,
// negative when b ends before it.
func (p *plan) fill(d *draft, b []byte) int {
	if len(b) < p.size {
		return -1
	}
	if p.walk {
		return p.fillWalk(d, b)
	}
	if len(b) < p.size+behind {
		p.fillLast(d, b)
		return p.size
	}
	wide := b[:p.size+behind]
	for i := range p.steps {
		s := &p.steps[i]
		if number := s.element.number; number != nil {
			number(d, binary.BigEndian.Uint64(wide[s.off:])>>(s.shift&63))
		} else {
			s.element.octets(d, wide[s.off:int(s.off)+int(s.length)])
		}
	}
	return p.size
}

// behind is how many bytes there have to be behind a record so that each of its
// numbers can be read as the upper part of eight bytes, without a branch by its
// length: a quarter of the time of decoding.
const behind = 7

// fillLast is fill for a record at the very end.
func (p *plan) fillLast(d *draft, b []byte) {
	for i := range p.steps {
		s := &p.steps[i]
		v := b[s.off : int(s.off)+int(s.length)]
		if number := s.element.number; number != nil {
			number(d, bigEndian(v))
		} else {
			s.element.octets(d, v)
		}
	}
}

// fillWalk is fill for a plan with fields of variable length.
func (p *plan) fillWalk(d *draft, b []byte) int {
	off := 0
	for i := range p.steps {
		s := &p.steps[i]
		n := int(s.length)
		if n == variableLength {
			var head int
			if n, head = fieldLength(b[off:]); head == 0 {
				return -1
			}
			off += head
		}
		if n > len(b)-off {
			return -1
		}
		switch v := b[off : off+n]; {
		case s.element == nil:
		case s.length == variableLength:
			s.element.read(d, v)
		case s.element.number == nil:
			s.element.octets(d, v)
		case off+8 <= len(b):
			s.element.number(d, binary.BigEndian.Uint64(b[off:])>>(s.shift&63))
		default:
			s.element.number(d, bigEndian(v))
		}
		off += n
	}
	return off
}

// fieldLength reads the length that a variable-length field begins with, one
// byte or 255 and two more (RFC 7011 section 7), and how many bytes that took;
// none when b has not enough.
func fieldLength(b []byte) (n, head int) {
	switch {
	case len(b) == 0:
		return 0, 0
	case b[0] < 255:
		return int(b[0]), 1
	case len(b) < 3:
		return 0, 0
	}
	return int(binary.BigEndian.Uint16(b[1:])), 3
}

// bigEndian reads a number of one to eight bytes: exporters may send fewer than
// the element's type has (RFC 7011 section 6.2).
func bigEndian(b []byte) uint64 {
	switch len(b) {
	case 4:
		return uint64(binary.BigEndian.Uint32(b))
	case 2:
		return uint64(binary.BigEndian.Uint16(b))
	case 1:
		return uint64(b[0])
	case 8:
		return binary.BigEndian.Uint64(b)
	}
	return bigEndianOdd(b)
}

// bigEndianOdd is apart so that the rest of bigEndian is small enough to be
// inlined.
func bigEndianOdd(b []byte) uint64 {
	var v uint64
	for _, c := range b {
		v = v<<8 | uint64(c)
	}
	return v
}
