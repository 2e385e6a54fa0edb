package netflow

import (
	"bytes"
	"encoding/binary"

	goflow "github.com/netsampler/goflow2/v2/decoders/netflow"
)

// readTemplates reads a template set or options template set, record by record.
// Each record is measured here first, so that the parser it is then given to
// sees whole records only and one bad record costs its neighbours nothing
// unless its length cannot be told.
func (d *Decoder) readTemplates(msg []byte, set uint16, off, end int, options bool) {
	solid := off + len(bytes.TrimRight(msg[off:end], "\x00"))
	for off < solid {
		rest := msg[off:end]
		if d.msg.version == 10 && d.withdraw(rest, options) {
			off += 4
			d.msg.domain.account.TemplateBytes += 4
			continue
		}
		size := templateLength(rest, d.msg.version, options)
		if size < 0 {
			d.stats.TemplatesRefused++
			d.fail(set, off, ErrTemplate)
			d.refuse(BadTemplate, end-off)
			d.msg.unsure = true
			return
		}
		if d.learnTemplate(rest[:size], options) {
			d.msg.templates++
			d.msg.domain.account.TemplateBytes += uint64(size)
		} else {
			d.stats.TemplatesRefused++
			d.fail(set, off, ErrTemplate)
			d.refuse(BadTemplate, size)
		}
		off += size
	}
	d.pad(end - off)
}

// withdraw reports whether b begins with an IPFIX template withdrawal, which is
// a template record of no fields, and does what it asks (RFC 7011 section 8.1).
// In place of a template's id that of the set withdraws all templates of the
// set's kind.
func (d *Decoder) withdraw(b []byte, options bool) bool {
	if len(b) < 4 || b[2] != 0 || b[3] != 0 {
		return false
	}
	dom := d.msg.domain
	id := binary.BigEndian.Uint16(b)
	if all := id == ipfixOptionsSet; id == ipfixTemplateSet || all {
		for _, t := range dom.templates {
			if t.options == all && all == options {
				d.store.remove(dom, t)
				d.stats.TemplatesWithdrawn++
			}
		}
		return true
	}
	if t := dom.templates[id]; t != nil {
		d.store.remove(dom, t)
		d.stats.TemplatesWithdrawn++
	}
	return true
}

// templateLength measures the template record at the start of b. It is negative
// when b does not hold it whole.
func templateLength(b []byte, version uint16, options bool) int {
	head := 4
	if options {
		head = 6
	}
	if len(b) < head {
		return -1
	}
	second := int(binary.BigEndian.Uint16(b[2:]))
	size := head
	switch {
	case version == 10: // second is the number of fields, scopes included
		for range second {
			if len(b) < size+4 {
				return -1
			}
			if b[size]&0x80 != 0 { // a private enterprise number follows
				size += 4
			}
			size += 4
		}
	case options: // v9: the bytes of scope fields, then those of the others
		size += second + int(binary.BigEndian.Uint16(b[4:]))
	default:
		size += 4 * second
	}
	if size > len(b) {
		return -1
	}
	return size
}

// learnTemplate files the template record raw and reports whether it is usable.
func (d *Decoder) learnTemplate(raw []byte, options bool) bool {
	id := binary.BigEndian.Uint16(raw)
	now := d.msg.base.ReceivedNs
	old := d.msg.domain.template(id)
	if old != nil && old.options == options && bytes.Equal(old.raw, raw) {
		d.stats.TemplatesRepeated++
		old.refreshNs, old.seenNs = now-old.seenNs, now
		d.msg.domain.hearing.templatesNs = now
		return true
	}
	if id < minDataSet || (len(raw)-4)/4 > 2*d.cfg.MaxFields {
		return false // not worth the parsing
	}
	t := newTemplate(raw, d.msg.version, options, d.cfg.MaxFields)
	if t == nil {
		return false
	}
	t.seenNs = now
	d.store.put(d.msg.domain, t)
	return true
}

// newTemplate makes a template of its record, nil of one that is not usable.
func newTemplate(raw []byte, version uint16, options bool, maxFields int) *template {
	fields, ok := parseTemplate(raw, version, options)
	if !ok || len(fields) == 0 || len(fields) > maxFields {
		return nil
	}
	p, ok := compile(fields, options)
	if !ok {
		return nil
	}
	return &template{id: binary.BigEndian.Uint16(raw), options: options, raw: bytes.Clone(raw), plan: p}
}

// A field is one field of a template.
type field struct {
	id     uint16
	pen    uint32
	length uint16 // variableLength for one that brings its own
	skip   bool   // a scope that is no information element
}

// variableLength is the length in a template of a field that carries its own
// (RFC 7011 section 7).
const variableLength = 0xffff

// parseTemplate has goflow2 parse one whole template record.
func parseTemplate(raw []byte, version uint16, options bool) ([]field, bool) {
	buf := bytes.NewBuffer(raw)
	switch {
	case !options:
		recs, err := goflow.DecodeTemplateSet(version, buf)
		if err != nil || len(recs) != 1 {
			return nil, false
		}
		return appendFields(nil, recs[0].Fields), true
	case version == 9:
		if (raw[3]|raw[5])&3 != 0 { // lengths in bytes, of fields of four
			return nil, false
		}
		recs, err := goflow.DecodeNFv9OptionsTemplateSet(buf)
		if err != nil || len(recs) != 1 {
			return nil, false
		}
		return appendFields(v9Scopes(recs[0].Scopes), recs[0].Options), true
	default:
		if binary.BigEndian.Uint16(raw[4:]) > binary.BigEndian.Uint16(raw[2:]) {
			return nil, false // more scopes than fields
		}
		recs, err := goflow.DecodeIPFIXOptionsTemplateSet(buf)
		if err != nil || len(recs) != 1 {
			return nil, false
		}
		return appendFields(appendFields(nil, recs[0].Scopes), recs[0].Options), true
	}
}

// appendFields converts what goflow2 parsed. Its options templates keep the
// enterprise bit in the type, its other templates do not.
func appendFields(dst []field, parsed []goflow.Field) []field {
	for _, f := range parsed {
		id := f.Type
		if f.PenProvided {
			id &^= 0x8000
		}
		dst = append(dst, field{id: id, pen: f.Pen, length: f.Length})
	}
	return dst
}

// v9Scopes converts the scopes of a v9 options template, whose types are a
// numbering of their own (RFC 3954 section 6.1): system, interface, line card,
// cache, template. Only that of an interface has an information element with
// its meaning here. Exporters that put an information element where a scope
// stands mean the element.
func v9Scopes(parsed []goflow.Field) []field {
	const scopeInterface, scopeTemplate = 2, 5
	var dst []field
	for _, f := range parsed {
		switch {
		case f.Type == scopeInterface:
			dst = append(dst, field{id: ingressInterface, length: f.Length})
		case f.Type > scopeTemplate:
			dst = append(dst, field{id: f.Type, length: f.Length})
		default:
			dst = append(dst, field{length: f.Length, skip: true})
		}
	}
	return dst
}
