package netflow

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"net/netip"
)

// The form of a saved state, all integers big endian or unsigned varints:
//
//	"flownmNF"  1 byte form version  4 bytes length of the body  4 bytes CRC-32C of it  body
//
// The body is domains, each a length and that many bytes of fields; a field is
// a kind, a length and that many bytes. Several states may follow each other.
// A reader skips kinds that it does not know and does without those that are
// missing, so that fields can be added without a new form version; a kind's
// number and meaning never change.
const (
	stateMagic   = "flownmNF"
	stateVersion = 1
	stateHeader  = len(stateMagic) + 1 + 4 + 4

	// maxStateAgeNs is how old what is restored may be. After a week a template's
	// id may well mean another one.
	maxStateAgeNs = 7 * 24 * 3600 * 1e9
)

// A stateField is one kind of field: what appends its content for a domain,
// nothing where there is nothing to say, and what takes it back. A kind that may
// come several times in a domain is appended by appendDomain itself.
type stateField struct {
	kind   uint64
	append func(dst []byte, dom *domain) []byte
	read   func(r *stateReader, dom *domain)
}

// Kinds of fields that are not in stateFields.
const (
	stateKey      = 1 // always the first
	stateTemplate = 2 // several
)

// stateFields are the others. Kinds 3 to 10 are these; what comes next is 11.
var stateFields = [...]stateField{
	{3, appendTimes, readTimes},
	{4, appendClock, (*stateReader).clock},
	{5, appendInit, readInit},
	{6, appendUptimes, readUptimes},
	{7, appendRates, readRates},
	{8, appendApps, readApps},
	{9, appendIfNames, readIfNames},
	{10, appendVRFNames, readVRFNames},
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// AppendState appends what has to outlive a restart to dst and returns it: the
// templates of every domain, what its options data said, and its clock. The
// domains that a Restore brought and nobody has heard from since are only in it
// with unheard, so that of several decoders that restored the same state one
// is enough to keep them.
func (d *Decoder) AppendState(dst []byte, unheard bool) []byte {
	dst = append(dst, stateMagic...)
	dst = append(dst, stateVersion)
	head := len(dst)
	dst = append(dst, make([]byte, 8)...)
	var buf []byte
	for dom := range d.store.all() {
		if dom.standing == stranger || dom.account.Messages == 0 && !unheard {
			continue
		}
		buf = appendDomain(buf[:0], dom)
		dst = appendBytes(dst, buf)
	}
	body := dst[head+8:]
	binary.BigEndian.PutUint32(dst[head:], uint32(len(body)))
	binary.BigEndian.PutUint32(dst[head+4:], crc32.Checksum(body, castagnoli))
	return dst
}

func appendDomain(dst []byte, dom *domain) []byte {
	k := &dom.key
	dst = appendField(dst, stateKey, func(b []byte) []byte {
		b = binary.BigEndian.AppendUint16(b, k.version)
		b = binary.BigEndian.AppendUint32(b, k.id)
		b = binary.BigEndian.AppendUint16(b, k.exporter.Port())
		return append(b, k.exporter.Addr().AsSlice()...)
	})
	for i := range stateFields {
		f := &stateFields[i]
		if content := f.append(nil, dom); len(content) > 0 {
			dst = binary.AppendUvarint(dst, f.kind)
			dst = appendBytes(dst, content)
		}
	}
	for t := dom.oldest; t != nil; t = t.newer {
		dst = appendField(dst, stateTemplate, func(b []byte) []byte {
			b = append(b, flag(t.options))
			b = binary.AppendVarint(b, t.seenNs)
			b = binary.AppendVarint(b, t.refreshNs)
			return append(b, t.raw...)
		})
	}
	return dst
}

func appendField(dst []byte, kind uint64, content func([]byte) []byte) []byte {
	dst = binary.AppendUvarint(dst, kind)
	return appendBytes(dst, content(nil))
}

func appendBytes(dst, b []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
}

func flag(on bool) byte {
	if on {
		return 1
	}
	return 0
}

func appendTimes(dst []byte, dom *domain) []byte {
	h := &dom.hearing
	dst = append(dst, byte(dom.standing))
	dst = binary.AppendVarint(dst, h.deliveredNs)
	dst = binary.AppendVarint(dst, h.lastNs)
	return binary.AppendVarint(dst, h.templatesNs)
}

func readTimes(r *stateReader, dom *domain) {
	standing := standing(r.byte())
	dom.standing = max(described, min(standing, old))
	dom.hearing.deliveredNs = r.int()
	dom.hearing.lastNs = r.int()
	dom.hearing.templatesNs = r.int()
}

func appendSpan(dst []byte, s span) []byte {
	dst = append(dst, flag(s.any))
	dst = binary.AppendVarint(dst, s.lo)
	return binary.AppendVarint(dst, s.hi)
}

func (r *stateReader) span() span {
	s := span{any: r.byte() != 0}
	s.lo, s.hi = r.int(), r.int()
	if !s.any || s.lo > s.hi || s.lo < -maxStateMs || s.hi > maxStateMs {
		return span{}
	}
	return s
}

// maxStateMs bounds the times in milliseconds that are believed, so that their
// sums and differences fit.
const maxStateMs = int64(maxTimeNs / 1_000_000)

func appendClock(dst []byte, dom *domain) []byte {
	c := &dom.clock
	if !c.now.any {
		return nil
	}
	dst = append(dst, flag(c.fine))
	dst = appendSpan(appendSpan(dst, c.now), c.before)
	dst = binary.AppendUvarint(dst, uint64(c.since))
	dst = binary.AppendUvarint(dst, uint64(c.uptime))
	return binary.AppendUvarint(dst, uint64(c.secs))
}

func (r *stateReader) clock(dom *domain) {
	c := bootClock{fine: r.byte() != 0}
	c.now, c.before = r.span(), r.span()
	c.since, c.uptime, c.secs = uint32(r.uint()), uint32(r.uint()), uint32(r.uint())
	if c.now.any {
		dom.clock = c
	}
}

func appendInit(dst []byte, dom *domain) []byte {
	if dom.initMs == 0 {
		return nil
	}
	return binary.AppendVarint(dst, dom.initMs)
}

func readInit(r *stateReader, dom *domain) {
	if ms := r.int(); ms > 0 && ms < maxStateMs {
		dom.initMs = ms
	}
}

func appendUptimes(dst []byte, dom *domain) []byte {
	u := &dom.uptimes
	if !u.now.any {
		return nil
	}
	return binary.AppendVarint(appendSpan(appendSpan(dst, u.now), u.before), u.since)
}

func readUptimes(r *stateReader, dom *domain) {
	u := uptimeBound{now: r.span(), before: r.span()}
	if u.since = r.int(); u.now.any {
		dom.uptimes = u
	}
}

// Restore takes back what AppendState gave, of one Decoder or of several one
// after the other. What is not such a state, whole and unharmed, is refused with
// an error that wraps ErrState, and nothing of it is taken. Of domains that are
// in it twice, or known here already, the one that was heard last counts; those
// that are over a week older than nowNs are left out, and so are templates
// that this Decoder's bounds refuse.
func (d *Decoder) Restore(state []byte, nowNs int64) error {
	var doms []*restored
	for len(state) > 0 {
		body, rest, err := openState(state)
		if err != nil {
			return err
		}
		state = rest
		for len(body) > 0 {
			b, n := takeBytes(body)
			if n == 0 {
				return fmt.Errorf("%w: a domain is cut off", ErrState)
			}
			body = body[n:]
			dom, err := readDomain(b)
			if err != nil {
				return err
			}
			doms = append(doms, dom)
		}
	}
	for _, r := range doms {
		d.adopt(r, nowNs)
	}
	return nil
}

// openState checks the header of the state at the start of b, and returns its
// body and what follows it.
func openState(b []byte) (body, rest []byte, err error) {
	if len(b) < stateHeader || string(b[:len(stateMagic)]) != stateMagic {
		return nil, nil, fmt.Errorf("%w: it does not begin like one", ErrState)
	}
	b = b[len(stateMagic):]
	if b[0] != stateVersion {
		return nil, nil, fmt.Errorf("%w: it is of form version %d, this is %d", ErrState, b[0], stateVersion)
	}
	size, sum := uint64(binary.BigEndian.Uint32(b[1:])), binary.BigEndian.Uint32(b[5:])
	b = b[9:]
	if size > uint64(len(b)) {
		return nil, nil, fmt.Errorf("%w: %d bytes are missing", ErrState, size-uint64(len(b)))
	}
	if crc32.Checksum(b[:size], castagnoli) != sum {
		return nil, nil, fmt.Errorf("%w: its checksum is wrong", ErrState)
	}
	return b[:size], b[size:], nil
}

// takeBytes takes a length and that many bytes from b, and says how many that
// were; none when b has not enough.
func takeBytes(b []byte) ([]byte, int) {
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(len(b)-n) {
		return nil, 0
	}
	return b[n : n+int(size)], n + int(size)
}

// A restored is a domain out of a state, not filed yet.
type restored struct {
	domain
	raw []rawTemplate
}

// A rawTemplate aliases the state.
type rawTemplate struct {
	options           bool
	seenNs, refreshNs int64
	raw               []byte
}

func readDomain(b []byte) (*restored, error) {
	r := new(restored)
	for first := true; len(b) > 0; first = false {
		kind, n := binary.Uvarint(b)
		if n <= 0 {
			return nil, fmt.Errorf("%w: a field is cut off", ErrState)
		}
		content, m := takeBytes(b[n:])
		if m == 0 {
			return nil, fmt.Errorf("%w: a field is cut off", ErrState)
		}
		b = b[n+m:]
		field := &stateReader{b: content}
		switch {
		case first != (kind == stateKey):
			return nil, fmt.Errorf("%w: a domain does not begin with its key", ErrState)
		case kind == stateKey:
			field.key(&r.key)
		case kind == stateTemplate:
			r.raw = append(r.raw, field.template())
		default:
			field.known(kind, &r.domain)
		}
		if field.failed {
			return nil, fmt.Errorf("%w: field %d is cut off", ErrState, kind)
		}
	}
	return r, nil
}

// adopt files a restored domain.
func (d *Decoder) adopt(r *restored, nowNs int64) {
	last := min(r.hearing.lastNs, nowNs)
	if nowNs-last > maxStateAgeNs || r.key.version != 5 && r.key.version != 9 && r.key.version != 10 {
		return
	}
	counted := d.stats
	if known := d.store.domains[r.key]; known != nil {
		if known.hearing.lastNs >= last {
			return
		}
		d.store.drop(known, TemplateMissing, &d.store.gone)
	}
	dom := d.store.domain(r.key)
	dom.clock, dom.initMs, dom.uptimes = r.clock, r.initMs, r.uptimes
	dom.hearing.lastNs, dom.hearing.deliveredNs = last, min(r.hearing.deliveredNs, nowNs)
	dom.hearing.templatesNs = min(r.hearing.templatesNs, nowNs)
	for _, raw := range r.raw {
		if templateLength(raw.raw, r.key.version, raw.options) != len(raw.raw) || binary.BigEndian.Uint16(raw.raw) < minDataSet ||
			len(raw.raw) > 8*d.cfg.MaxFields+6 {
			continue
		}
		t := newTemplate(raw.raw, r.key.version, raw.options, d.cfg.MaxFields)
		if t == nil {
			continue
		}
		t.seenNs, t.refreshNs = min(raw.seenNs, nowNs), raw.refreshNs
		d.store.put(dom, t)
	}
	d.store.raise(dom, r.standing)
	d.adoptOptions(dom, r.options)
	d.stats.OptionEntries = counted.OptionEntries
	d.stats.TemplatesLearned, d.stats.TemplatesReplaced = counted.TemplatesLearned, counted.TemplatesReplaced
	d.stats.TemplatesRestored += uint64(len(dom.templates))
}

// A stateReader reads the content of a field; its first failure stays.
type stateReader struct {
	b      []byte
	failed bool
}

func (r *stateReader) take(n int) []byte {
	if n > len(r.b) {
		r.failed, r.b = true, nil
		return make([]byte, n)
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *stateReader) byte() byte { return r.take(1)[0] }

func (r *stateReader) uint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.failed, n, v = true, 0, 0
	}
	r.b = r.b[n:]
	return v
}

func (r *stateReader) int() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.failed, n, v = true, 0, 0
	}
	r.b = r.b[n:]
	return v
}

func (r *stateReader) key(k *domainKey) {
	k.version = binary.BigEndian.Uint16(r.take(2))
	k.id = binary.BigEndian.Uint32(r.take(4))
	port := binary.BigEndian.Uint16(r.take(2))
	addr, ok := netip.AddrFromSlice(r.b)
	r.failed = r.failed || !ok
	k.exporter = netip.AddrPortFrom(addr.Unmap(), port)
}

func (r *stateReader) template() rawTemplate {
	t := rawTemplate{options: r.byte() != 0, seenNs: r.int(), refreshNs: r.int()}
	t.raw = r.b
	return t
}

// known reads a field of stateFields, and skips any other.
func (r *stateReader) known(kind uint64, dom *domain) {
	for i := range stateFields {
		if stateFields[i].kind == kind {
			stateFields[i].read(r, dom)
			return
		}
	}
}
