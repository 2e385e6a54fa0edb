package capture

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Block types, draft-ietf-opsawg-pcapng section 11.1.
const (
	ngInterface      = 1
	ngObsoletePacket = 2
	ngSimplePacket   = 3
	ngEnhancedPacket = 6
)

const (
	ngMinBlock      = 12 // type and two lengths
	ngMaxInterfaces = 65536
	ngMaxOptions    = 64 << 10
)

// ngState is what the current section of a pcapng file has said so far.
type ngState struct {
	interfaces []ngInterfaceInfo
	open       bool  // a section header was read
	foreign    bool  // the section's version is unknown: pass over its blocks
	lastNs     int64 // time of the newest frame, for simple packet blocks
}

// ngBlock is one block being read: its type and how many bytes of it, the
// trailing length included, follow those already passed.
type ngBlock struct {
	kind  uint32
	total uint32
	left  int64
}

func (r *Reader) nextNG() (Frame, error) {
	for {
		b, err := r.ngHeader()
		if err != nil {
			return Frame{}, err
		}
		f, ok, err := r.ngBody(&b)
		if err != nil || ok {
			return f, err
		}
		if err := r.ngFinish(&b); err != nil {
			return Frame{}, err
		}
	}
}

// ngHeader reads a block's type and length, and for a section header the byte
// order, which both depend on.
func (r *Reader) ngHeader() (ngBlock, error) {
	head, err := r.peek(8)
	if err != nil {
		return ngBlock{}, err
	}
	var b ngBlock
	if binary.LittleEndian.Uint32(head) == ngMagicSection {
		if head, err = r.need(SniffLen); err != nil {
			return b, err
		}
		order := ngOrder(head[8:])
		if order == nil {
			return b, fmt.Errorf("%w: pcapng section without a byte order", ErrCorrupt)
		}
		r.order = order
	} else if !r.ng.open {
		return b, ErrFormat
	}
	b.kind, b.total = r.order.Uint32(head), r.order.Uint32(head[4:])
	if b.total < ngMinBlock || b.total%4 != 0 {
		return b, fmt.Errorf("%w: pcapng block %#x of length %d", ErrCorrupt, b.kind, b.total)
	}
	b.left = int64(b.total) - 8
	return b, r.skip(8)
}

func (r *Reader) ngBody(b *ngBlock) (f Frame, ok bool, err error) {
	if b.kind == ngMagicSection {
		return f, false, r.ngSection(b)
	}
	if r.ng.foreign {
		return f, false, nil
	}
	switch b.kind {
	case ngInterface:
		return f, false, r.ngDescribe(b)
	case ngEnhancedPacket, ngObsoletePacket:
		return r.ngPacket(b)
	case ngSimplePacket:
		return r.ngSimple(b)
	}
	r.stats.SkippedBlocks++
	return f, false, nil
}

// ngFinish passes over the rest of a block and looks at its second length.
func (r *Reader) ngFinish(b *ngBlock) error {
	if err := r.skip(b.left - 4); err != nil {
		return err
	}
	tail, err := r.need(4)
	if err != nil {
		return err
	}
	if r.order.Uint32(tail) != b.total {
		r.stats.BadTrailers++
	}
	return r.skip(4)
}

// take reads the next n bytes of the block's body; ok is false where the block
// has less.
func (r *Reader) take(b *ngBlock, n int) (body []byte, ok bool, err error) {
	if int64(n) > b.left-4 {
		r.stats.BadBlocks++
		return nil, false, nil
	}
	body, err = r.need(n)
	if err != nil {
		return nil, false, err
	}
	return body, true, nil
}

func (r *Reader) ngSection(b *ngBlock) error {
	r.ng.open, r.ng.foreign = true, false
	r.ng.interfaces = r.ng.interfaces[:0]
	body, ok, err := r.take(b, 16)
	if !ok {
		return err
	}
	if r.order.Uint16(body[4:]) != 1 {
		r.ng.foreign = true
		r.stats.SkippedSections++
	}
	return nil
}

// ngPacket reads an enhanced packet block or the obsolete packet block, which
// differ in the width of the interface only.
func (r *Reader) ngPacket(b *ngBlock) (f Frame, ok bool, err error) {
	head, ok, err := r.take(b, 20)
	if !ok {
		return f, false, err
	}
	id := r.order.Uint32(head)
	if b.kind == ngObsoletePacket {
		id = uint32(r.order.Uint16(head))
	}
	stamp := uint64(r.order.Uint32(head[4:]))<<32 | uint64(r.order.Uint32(head[8:]))
	length, orig := int64(r.order.Uint32(head[12:])), int64(r.order.Uint32(head[16:]))
	if !r.ngUsable(b, id, length, b.left-4-20) {
		return f, false, nil
	}
	ifc := &r.ng.interfaces[id]
	ns, ok := ifc.timeNs(stamp)
	if !ok {
		r.stats.BadTimes++
	}
	return r.ngFrame(b, ifc.link, ns, 20, length, orig)
}

func (r *Reader) ngSimple(b *ngBlock) (f Frame, ok bool, err error) {
	head, ok, err := r.take(b, 4)
	if !ok {
		return f, false, err
	}
	orig := int64(r.order.Uint32(head))
	length := min(orig, b.left-4-4)
	if len(r.ng.interfaces) > 0 && r.ng.interfaces[0].snapLen > 0 {
		length = min(length, int64(r.ng.interfaces[0].snapLen))
	}
	if !r.ngUsable(b, 0, length, length) {
		return f, false, nil
	}
	return r.ngFrame(b, r.ng.interfaces[0].link, r.ng.lastNs, 4, length, orig)
}

// ngUsable counts why a packet can not be given.
func (r *Reader) ngUsable(b *ngBlock, id uint32, length, room int64) bool {
	switch {
	case length > room:
		r.stats.BadBlocks++
	case length > MaxFrameLen:
		r.stats.OversizePackets++
	case int64(id) >= int64(len(r.ng.interfaces)) || !r.ng.interfaces[id].usable:
		r.stats.UnknownInterface++
	default:
		return true
	}
	return false
}

// ngFrame gives the length bytes after the first head bytes of the body. The
// whole block has to be there, so that a cut file does not give a frame without
// its end.
func (r *Reader) ngFrame(b *ngBlock, link LinkType, ns int64, head int, length, orig int64) (Frame, bool, error) {
	r.ng.lastNs = ns
	f := Frame{TimeNs: ns, Link: link, OrigLen: int(max(orig, length))}
	used := head + int(length)
	if b.left > MaxFrameLen {
		// Long options follow. They are passed over before the next block; the
		// frame is given without waiting for them.
		body, err := r.need(used)
		if err != nil {
			return Frame{}, false, err
		}
		f.Data, r.pending = body[head:used], used
		b.left -= int64(used)
		return f, true, r.ngDetach(&f, b)
	}
	body, err := r.need(int(b.left))
	if err != nil {
		return Frame{}, false, err
	}
	if r.order.Uint32(body[b.left-4:]) != b.total {
		r.stats.BadTrailers++
	}
	f.Data, r.pending = body[head:used:used], int(b.left)
	return f, true, nil
}

// ngDetach copies a frame so that its block can be passed over at once.
func (r *Reader) ngDetach(f *Frame, b *ngBlock) error {
	f.Data = append([]byte(nil), f.Data...)
	r.drop()
	return r.ngFinish(b)
}

// ngInterfaceInfo is what an interface description says about its packets.
type ngInterfaceInfo struct {
	link    LinkType
	snapLen uint32
	offset  int64 // seconds to add
	res     ngResolution
	usable  bool
}

func (r *Reader) ngDescribe(b *ngBlock) error {
	if len(r.ng.interfaces) >= ngMaxInterfaces {
		r.stats.BadInterfaces++
		return nil
	}
	size := int(min(b.left-4, ngMaxOptions))
	if size < 8 {
		// The number is used up all the same: later interfaces keep theirs.
		r.ng.interfaces = append(r.ng.interfaces, ngInterfaceInfo{})
		r.stats.BadInterfaces++
		return nil
	}
	body, err := r.need(size)
	if err != nil {
		return err
	}
	ifc := ngInterfaceInfo{
		link:    LinkType(r.order.Uint16(body)),
		snapLen: r.order.Uint32(body[4:]),
		res:     defaultResolution,
		usable:  true,
	}
	r.ngOptions(&ifc, body[8:])
	r.ng.interfaces = append(r.ng.interfaces, ifc)
	return nil
}

// ngOptions takes the options that change times (section 4.2: if_tsresol 9,
// if_tsoffset 14). Options out of step end the list, not the file.
func (r *Reader) ngOptions(ifc *ngInterfaceInfo, b []byte) {
	const endOfOptions, tsResolution, tsOffset = 0, 9, 14
	for len(b) >= 4 {
		code, size := r.order.Uint16(b), int(r.order.Uint16(b[2:]))
		b = b[4:]
		if code == endOfOptions || size > len(b) {
			return
		}
		switch {
		case code == tsResolution && size == 1:
			ifc.res = ngResolution(b[0])
		case code == tsOffset && size == 8:
			ifc.offset = int64(r.order.Uint64(b))
		}
		b = b[min(len(b), (size+3)&^3):]
	}
}

// timeNs is a packet's time. A time that nanoseconds since 1970 can not say is
// brought to the nearest that they can, and ok is false.
func (i *ngInterfaceInfo) timeNs(stamp uint64) (ns int64, ok bool) {
	ns, ok = i.res.nanoseconds(stamp)
	if !ok {
		return math.MaxInt64, false
	}
	const limit = math.MaxInt64 / 1_000_000_000
	if i.offset > limit || i.offset < -limit {
		return ns, false
	}
	shift := i.offset * 1_000_000_000
	if sum := ns + shift; (sum > ns) == (shift > 0) {
		return sum, true
	}
	return math.MaxInt64, false
}
