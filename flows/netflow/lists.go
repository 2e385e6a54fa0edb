package netflow

import (
	"encoding/binary"

	"flowname/flows"
)

const (
	// maxDepth is how deep lists are followed into lists: YAF's DNS is three.
	maxDepth = 4
	// maxLists is how many lists of one record are read.
	maxLists = 32
)

// The kinds of lists (RFC 6313 section 4.5), by their information elements.
const (
	basicList            = 291
	subTemplateList      = 292
	subTemplateMultiList = 293
)

// A list is structured data in a record: its bytes, still to be read.
type list struct {
	kind uint16
	data []byte
}

// listElements are the elements of structured data.
var listElements = []element{
	{id: basicList, text: true, octets: func(d *draft, b []byte) { d.addList(basicList, b) }},
	{id: subTemplateList, text: true, octets: func(d *draft, b []byte) { d.addList(subTemplateList, b) }},
	{id: subTemplateMultiList, text: true, octets: func(d *draft, b []byte) { d.addList(subTemplateMultiList, b) }},
}

// addList notes a list that has more than its semantic.
func (d *draft) addList(kind uint16, b []byte) {
	if len(b) > 1 && len(d.x.lists) < maxLists {
		d.x.lists = append(d.x.lists, list{kind, b[1:]})
	}
}

// walk reads the lists of a record. Each lies within the record, and lists in
// them within them, so the work is at most the record's bytes times maxDepth.
func (d *Decoder) walk(parent *draft, depth int) {
	for i := 0; i < len(parent.x.lists); i++ {
		l := parent.x.lists[i]
		good := depth < maxDepth
		switch {
		case !good:
		case l.kind == basicList:
			good = readBasicList(parent, l.data)
		case l.kind == subTemplateList:
			good = len(l.data) >= 2 && d.readSubRecords(parent, binary.BigEndian.Uint16(l.data), l.data[2:], depth)
		default:
			good = d.readMultiList(parent, l.data, depth)
		}
		if !good {
			d.stats.BadLists++
		}
	}
}

// readMultiList reads a list of lists, each with its template's id and its
// length, which has both.
func (d *Decoder) readMultiList(parent *draft, b []byte, depth int) bool {
	good := true
	for len(b) > 0 {
		if len(b) < setHeaderLen {
			return false
		}
		id, size := binary.BigEndian.Uint16(b), int(binary.BigEndian.Uint16(b[2:]))
		if size < setHeaderLen || size > len(b) {
			return false
		}
		good = d.readSubRecords(parent, id, b[setHeaderLen:size], depth) && good
		b = b[size:]
	}
	return good
}

// readSubRecords reads the records of a list that have one template.
func (d *Decoder) readSubRecords(parent *draft, id uint16, b []byte, depth int) bool {
	if len(b) == 0 {
		return true
	}
	t := d.msg.domain.template(id)
	if t == nil || t.options {
		return false
	}
	inner := &d.nested[depth]
	d.usedDepth = max(d.usedDepth, depth+1)
	for len(b) > 0 {
		inner.scratch = flows.Record{}
		inner.begin(&inner.scratch, &t.plan)
		inner.x.reset()
		size := t.plan.fill(inner, b)
		if size < 0 {
			return false
		}
		b = b[size:]
		if len(inner.x.lists) > 0 {
			d.walk(inner, depth+1)
		}
		d.absorb(parent, inner)
	}
	return true
}

// absorb takes over what a record in a list tells of the one that the list is
// in: names and DNS, and, where that has none, flags and MAC addresses.
func (d *Decoder) absorb(parent, inner *draft) {
	x, in := &parent.x, &inner.x
	setText(&x.host, in.host)
	setText(&x.user, in.user)
	setText(&x.app, in.app)
	if parent.TCPFlags == 0 {
		parent.TCPFlags = inner.TCPFlags
	}
	if !x.reverse.hasFlags {
		x.reverse.flags, x.reverse.hasFlags = in.reverse.flags, in.reverse.hasFlags
	}
	setMAC(&parent.SrcMAC, inner.SrcMAC[:])
	setMAC(&parent.DstMAC, inner.DstMAC[:])
	if in.dns.owner != nil || in.dns.query != nil {
		d.gather(in)
		return
	}
	// What a record of DNS says beneath it: YAF has the address in the element
	// of a flow's source.
	if inner.Src.IsValid() && !inner.Dst.IsValid() {
		x.dns.addAddr(inner.Src)
	}
	setText(&x.dns.target, in.dns.target)
}

// readBasicList reads a list of values of one element. Only texts are of use
// here; the first one counts.
func readBasicList(parent *draft, b []byte) bool {
	if len(b) < 4 {
		return false
	}
	f := field{id: binary.BigEndian.Uint16(b), length: binary.BigEndian.Uint16(b[2:])}
	b = b[4:]
	if f.id&0x8000 != 0 {
		if len(b) < 4 {
			return false
		}
		f.id, f.pen, b = f.id&^0x8000, binary.BigEndian.Uint32(b), b[4:]
	}
	row := f.row(false)
	if row == noRow || !elements[row].text || f.length == 0 {
		return true
	}
	for len(b) > 0 {
		n, head := int(f.length), 0
		if f.length == variableLength {
			if n, head = fieldLength(b); head == 0 {
				return false
			}
		}
		if n > len(b)-head {
			return false
		}
		elements[row].read(parent, b[head:head+n])
		b = b[head+n:]
	}
	return true
}
