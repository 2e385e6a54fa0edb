package packet

import (
	"bytes"
	"net/netip"
	"slices"
)

const (
	defaultDatagrams     = 1024
	defaultFragmentBytes = 8 << 20
	maxFragments         = 128   // of one datagram; 64 KiB over links of 576 bytes are 119
	maxDatagram          = 65535 // bytes behind the IP header
	maxSpare             = 16    // datagrams kept to be used again

	// fragmentAgeNs is Linux's limit for IPv4 and half of RFC 8200's for IPv6:
	// names are asked for again long before.
	fragmentAgeNs = 30_000_000_000
)

type fragmentKey struct {
	src, dst netip.Addr
	id       uint32
	proto    uint8 // IPv4 only (RFC 791 section 3.2)
	v6       bool
}

// fragment is one piece of a datagram as it came.
type fragment struct {
	key    fragmentKey
	offset int
	more   bool
	proto  uint8 // of what is behind the fragment header
	data   []byte
	timeNs int64
}

// part says where a piece has its place and where it is stored.
type part struct {
	offset, size, at int
}

// datagram is a set of pieces. They are stored one behind another as they came,
// so that a far offset costs nothing.
type datagram struct {
	key     fragmentKey
	firstNs int64
	proto   uint8 // from the piece at offset 0
	dead    bool  // two pieces disagreed: nothing of it may be used
	total   int   // -1 until the last piece is known
	size    int   // bytes held
	parts   []part
	store   []byte
	joined  []byte // used where the pieces came in another order
}

// fragments puts datagrams together, in memory that is bounded by their number
// and by their bytes.
type fragments struct {
	maxDatagrams, maxBytes int

	stats   *Stats
	pending map[fragmentKey]*datagram
	order   []*datagram // oldest first
	bytes   int
	given   []*datagram // handed out; recycled at the next frame
	spare   []*datagram
}

func (f *fragments) init(cfg Config, stats *Stats) {
	f.maxDatagrams, f.maxBytes, f.stats = cfg.MaxDatagrams, cfg.MaxFragmentBytes, stats
	if f.maxDatagrams <= 0 {
		f.maxDatagrams = defaultDatagrams
	}
	if f.maxBytes <= 0 {
		f.maxBytes = defaultFragmentBytes
	}
}

// recycle takes back what was handed out for the frame before.
func (f *fragments) recycle() {
	if len(f.given) == 0 {
		return
	}
	for _, d := range f.given {
		f.keepSpare(d)
	}
	f.given = f.given[:0]
}

func (f *fragments) keepSpare(d *datagram) {
	if len(f.spare) < maxSpare {
		f.spare = append(f.spare, d)
	}
}

// add files a piece. When it was the last that was missing it gives the whole
// content, valid until recycle.
func (f *fragments) add(piece fragment) (whole []byte, proto uint8, ok bool) {
	end := piece.offset + len(piece.data)
	if len(piece.data) == 0 || end > maxDatagram || piece.more && len(piece.data)%8 != 0 {
		f.stats.FragmentBad++
		return nil, 0, false
	}
	d := f.find(piece)
	if d.dead {
		f.stats.FragmentDead++
		return nil, 0, false
	}
	switch d.place(piece) {
	case placeRepeated:
		f.stats.FragmentDuplicate++
		return nil, 0, false
	case placeConflict:
		f.kill(d, &f.stats.FragmentOverlap)
		return nil, 0, false
	}
	if len(d.parts) == maxFragments {
		f.kill(d, &f.stats.FragmentMany)
		return nil, 0, false
	}
	f.stats.Fragments++
	f.store(d, piece)
	if d.size != d.total {
		return nil, 0, false
	}
	f.stats.Reassembled++
	f.forget(d)
	f.given = append(f.given, d)
	return d.join(), d.proto, true
}

// find is the datagram that a piece belongs to, a new one where there is none
// or the one there is has passed its age.
func (f *fragments) find(piece fragment) *datagram {
	d := f.pending[piece.key]
	if d != nil && aged(d.firstNs, piece.timeNs) {
		f.giveUp(d, &f.stats.FragmentExpired)
		d = nil
	}
	if d != nil {
		return d
	}
	for len(f.order) > 0 && aged(f.order[0].firstNs, piece.timeNs) {
		f.giveUp(f.order[0], &f.stats.FragmentExpired)
	}
	for len(f.order) >= f.maxDatagrams {
		f.giveUp(f.order[0], &f.stats.FragmentEvicted)
	}
	if n := len(f.spare); n > 0 {
		d, f.spare = f.spare[n-1], f.spare[:n-1]
	} else {
		d = new(datagram)
	}
	*d = datagram{
		key: piece.key, firstNs: piece.timeNs, total: -1,
		parts: d.parts[:0], store: d.store[:0], joined: d.joined[:0],
	}
	if f.pending == nil {
		f.pending = make(map[fragmentKey]*datagram)
	}
	f.pending[d.key] = d
	f.order = append(f.order, d)
	return d
}

func aged(firstNs, nowNs int64) bool {
	return nowNs-firstNs > fragmentAgeNs || firstNs-nowNs > fragmentAgeNs
}

// store copies a piece, after making room for it.
func (f *fragments) store(d *datagram, piece fragment) {
	for f.bytes+len(piece.data) > f.maxBytes {
		oldest := f.order[0]
		if oldest == d {
			if len(f.order) == 1 {
				break // one datagram is always allowed
			}
			oldest = f.order[1]
		}
		f.giveUp(oldest, &f.stats.FragmentEvicted)
	}
	if piece.offset == 0 {
		d.proto = piece.proto
	}
	if !piece.more {
		d.total = piece.offset + len(piece.data)
	}
	d.parts = append(d.parts, part{offset: piece.offset, size: len(piece.data), at: len(d.store)})
	d.store = append(d.store, piece.data...)
	d.size += len(piece.data)
	f.bytes += len(piece.data)
}

// kill drops what a datagram holds and leaves it to swallow the pieces still to
// come (RFC 5722 section 4).
func (f *fragments) kill(d *datagram, reason *uint64) {
	*reason++
	f.bytes -= d.size
	d.dead, d.size, d.store, d.parts = true, 0, d.store[:0], d.parts[:0]
}

// giveUp ends a datagram that was not completed; one that is dead was counted
// before.
func (f *fragments) giveUp(d *datagram, reason *uint64) {
	if !d.dead {
		*reason++
	}
	f.forget(d)
	f.keepSpare(d)
}

func (f *fragments) forget(d *datagram) {
	f.bytes -= d.size
	delete(f.pending, d.key)
	if i := slices.Index(f.order, d); i >= 0 {
		f.order = slices.Delete(f.order, i, i+1)
	}
}

type placement uint8

const (
	placeFree placement = iota
	placeRepeated
	placeConflict
)

// place compares a piece with those there are.
func (d *datagram) place(piece fragment) placement {
	start, end := piece.offset, piece.offset+len(piece.data)
	for _, p := range d.parts {
		if end <= p.offset || start >= p.offset+p.size {
			if !piece.more && p.offset+p.size > end {
				return placeConflict // goes on behind the end
			}
			continue
		}
		if start == p.offset && len(piece.data) == p.size && piece.more == (end != d.total) &&
			bytes.Equal(piece.data, d.store[p.at:p.at+p.size]) {
			return placeRepeated
		}
		return placeConflict
	}
	if d.total >= 0 && (end > d.total || !piece.more) {
		return placeConflict // behind the end, or another end
	}
	return placeFree
}

// join is the content in order: the store itself where the pieces came so.
func (d *datagram) join() []byte {
	inOrder := true
	for _, p := range d.parts {
		inOrder = inOrder && p.offset == p.at
	}
	if inOrder {
		return d.store
	}
	d.joined = slices.Grow(d.joined[:0], d.total)[:d.total]
	for _, p := range d.parts {
		copy(d.joined[p.offset:], d.store[p.at:p.at+p.size])
	}
	return d.joined
}
