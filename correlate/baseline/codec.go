package baseline

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/axiomhq/hyperloglog"
	"github.com/klauspost/compress/zstd"
)

// A day is kept as one zstd frame of: the format's number, the day's number, 1 where
// its clients are exact, limits and totals, the sketches of all clients and all domains
// with their lengths, the number of domains, and of each, in the order of their names:
// the name with its length, has, over, and the number of the few clients with their
// hashes, or manyClients and the sketch. Numbers are varints but for hashes.
const (
	formatNumber = 1
	manyClients  = 255
)

// Bounds of what is read.
const (
	maxEncoded = 128 << 20
	maxRecords = 1 << 20
	leastBytes = 2 + 2*int(numMeasures) + 1 // of a record
)

// errDay is of a day that can not be read.
var errDay = errors.New("baseline: a stored day can not be read")

// appendDay appends the day, not packed. The order of its records changes.
func appendDay(dst []byte, d *Day) ([]byte, error) {
	slices.SortFunc(d.records, func(a, b record) int { return cmp.Compare(a.text, b.text) })
	d.reindex(len(d.index))
	dst = append(slices.Grow(dst, d.encodedSize()), formatNumber)
	dst = binary.AppendUvarint(dst, uint64(uint32(d.number)))
	exact := uint64(0)
	if d.exact() {
		exact = 1
	}
	dst = binary.AppendUvarint(dst, exact)
	for m := range d.limits {
		dst = binary.AppendUvarint(dst, d.limits[m])
		dst = binary.AppendUvarint(dst, d.missing(Measure(m))-d.limits[m])
		dst = binary.AppendUvarint(dst, d.totals[m])
	}
	var err error
	for _, s := range []*hyperloglog.Sketch{d.clients, d.domains} {
		if dst, err = s.AppendBinary(dst); err != nil {
			return nil, fmt.Errorf("baseline: %w", err)
		}
	}
	dst = binary.AppendUvarint(dst, uint64(len(d.records)))
	for i := range d.records {
		if dst, err = appendRecord(dst, &d.records[i]); err != nil {
			return nil, err
		}
	}
	return dst, nil
}

// encodedSize is about how many bytes appendDay appends.
func (d *Day) encodedSize() int {
	size := 2*(sketchHeader+1<<dayPrecision) + 1<<10
	for i := range d.records {
		r := &d.records[i]
		if size += 48 + len(r.text) + 8*int(r.clients.count); r.clients.many != nil {
			size += sketchHeader + setRegisters
		}
	}
	return size
}

func appendRecord(dst []byte, r *record) ([]byte, error) {
	dst = binary.AppendUvarint(dst, uint64(len(r.text)))
	dst = append(dst, r.text...)
	for m := range r.has {
		dst = binary.AppendUvarint(dst, r.has[m])
		dst = binary.AppendUvarint(dst, r.over[m])
	}
	s := &r.clients
	if s.many == nil {
		dst = append(dst, s.count)
		for _, client := range s.few[:s.count] {
			dst = binary.BigEndian.AppendUint64(dst, client)
		}
		return dst, nil
	}
	dst, err := s.many.AppendBinary(append(dst, manyClients))
	if err != nil {
		return nil, fmt.Errorf("baseline: %w", err)
	}
	return dst, nil
}

func packDay(d *Day) ([]byte, error) {
	raw, err := appendDay(nil, d)
	if err != nil {
		return nil, err
	}
	return pack(raw)
}

// pack makes a frame.
func pack(raw []byte) ([]byte, error) {
	w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		return nil, fmt.Errorf("baseline: %w", err)
	}
	defer w.Close()
	return w.EncodeAll(raw, nil), nil
}

// unpack is pack undone.
func unpack(frame []byte) ([]byte, error) {
	r, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxEncoded))
	if err != nil {
		return nil, fmt.Errorf("baseline: %w", err)
	}
	defer r.Close()
	raw, err := r.DecodeAll(frame, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errDay, err)
	}
	return raw, nil
}

// parseDay reads what appendDay wrote. The day has the key that its hashes were made
// with, and room for so many domains and pairs.
func parseDay(raw []byte, k *key, domains, pairs int) (*Day, error) {
	c := &cursor{rest: raw}
	if format := c.uint(); format != formatNumber {
		c.fail("format %d", format)
	}
	d := newDay(int32(uint32(c.uint())), k, domains, pairs)
	d.complete = c.uint() == 1
	for m := range d.limits {
		d.limits[m], d.before[m], d.totals[m] = c.uint(), c.uint(), c.uint()
	}
	c.sketch(d.clients, dayPrecision)
	c.sketch(d.domains, dayPrecision)
	n := c.uint()
	if n > maxRecords || n > uint64(len(c.rest)/leastBytes) {
		c.fail("%d domains", n)
	}
	d.max = max(d.max, int(min(n, maxRecords)))
	for range n {
		if c.err != nil {
			break
		}
		d.take(c)
	}
	if c.err == nil && len(c.rest) > 0 {
		c.fail("more than a day")
	}
	if c.err != nil {
		return nil, c.err
	}
	return d, nil
}

// take reads a record.
func (d *Day) take(c *cursor) {
	text := c.bytes(c.uint())
	if len(text) == 0 || len(text) > maxDomain || !printable(text) {
		c.fail("a domain")
		return
	}
	r := record{id: d.key.domain(text), text: string(text)}
	for m := range r.has {
		r.has[m], r.over[m] = c.uint(), c.uint()
	}
	switch n := c.uint8(); {
	case n <= maxFew:
		r.clients.count = n
		for i := range n {
			if b := c.bytes(8); b != nil {
				r.clients.few[i] = binary.BigEndian.Uint64(b)
			}
		}
	case n == manyClients:
		r.clients.many = newSketch(setPrecision)
		c.sketch(r.clients.many, setPrecision)
	default:
		c.fail("%d clients", n)
	}
	if c.err != nil {
		return
	}
	if d.find(r.id) >= 0 {
		c.fail("a domain twice")
		return
	}
	d.track(r)
}

// A cursor reads a day; its first error stays.
type cursor struct {
	rest []byte
	err  error
}

func (c *cursor) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("%w: "+format, append([]any{errDay}, args...)...)
	}
	c.rest = nil
}

func (c *cursor) uint() uint64 {
	v, n := binary.Uvarint(c.rest)
	if n <= 0 {
		c.fail("it ends early")
		return 0
	}
	c.rest = c.rest[n:]
	return v
}

func (c *cursor) uint8() byte {
	if b := c.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

// bytes are the next n, or nil.
func (c *cursor) bytes(n uint64) []byte {
	if n > uint64(len(c.rest)) {
		c.fail("it ends early")
		return nil
	}
	b := c.rest[:n]
	c.rest = c.rest[n:]
	return b
}

// sketch reads a dense one of a precision.
func (c *cursor) sketch(s *hyperloglog.Sketch, precision uint8) {
	b := c.bytes(sketchHeader + 1<<precision)
	if b == nil {
		return
	}
	if b[1] != precision || b[3] != 0 {
		c.fail("a sketch of another form")
		return
	}
	if err := s.UnmarshalBinary(b); err != nil {
		c.fail("%w", err)
	}
}
