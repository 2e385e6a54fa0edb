package powerdns

import (
	"bytes"
	"encoding/binary"
	"math"
	"net/netip"
)

const (
	typeA     = 1
	typeCNAME = 5
	typeAAAA  = 28
	typeOPT   = 41
	classIN   = 1

	optionSubnet = 8
	// networkError is the response code for a server that could not be asked.
	networkError = 65536
	// flagsResponse are the header's: QR, RD, RA (RFC 1035 section 4.1.1).
	flagsResponse = 0x8180
	// serverFailure stands for all response codes that a header has no room for:
	// they name nothing either.
	serverFailure = 2
	headerLen     = 12
	// toQuestion is a compression pointer to the question's name (RFC 1035
	// section 4.1.4).
	toQuestion = 0xc000 | headerLen
)

// wire makes the DNS response that the message tells.
func (m *Message) wire(o *odd) {
	f := &m.fields
	if !f.response || len(f.qname) == 0 || f.qtype > math.MaxUint16 || f.qclass > math.MaxUint16 || f.rcode == networkError {
		return
	}
	if f.rcode > 15 {
		f.rcode = serverFailure
	}
	b := append(m.buf[:0], make([]byte, headerLen)...)
	b, ok := appendWireName(b, f.qname)
	if !ok {
		o.name = true
		return
	}
	question := b[headerLen:]
	b = binary.BigEndian.AppendUint16(b, uint16(f.qtype))
	b = binary.BigEndian.AppendUint16(b, uint16(f.qclass))
	owned := f.hasAlias()
	count := uint16(0)
	for i := range f.records {
		if b, ok = f.records[i].appendTo(b, question, owned); ok {
			count++
		} else {
			o.record = true
		}
	}
	if m.Subnet.IsValid() {
		b = appendSubnet(b, m.Subnet)
		binary.BigEndian.PutUint16(b[10:], 1)
	}
	binary.BigEndian.PutUint16(b[2:], flagsResponse|uint16(f.rcode))
	binary.BigEndian.PutUint16(b[4:], 1)
	binary.BigEndian.PutUint16(b[6:], count)
	m.buf, m.Wire = b, b
}

// appendSubnet appends an OPT record with the client subnet (RFC 7871 section 6).
func appendSubnet(b []byte, subnet netip.Prefix) []byte {
	octets16 := subnet.Addr().As16()
	addr, family := octets16[12:], byte(1)
	if subnet.Addr().Is6() {
		addr, family = octets16[:], 2
	}
	octets := (subnet.Bits() + 7) / 8
	b = append(b, 0, 0, typeOPT, 0x10, 0, 0, 0, 0, 0, 0, byte(8+octets), 0, optionSubnet, 0, byte(4+octets), 0, family, byte(subnet.Bits()), 0)
	return append(b, addr[:octets]...)
}

// hasAlias says whether the response tells CNAME records: only then owners can
// be compared.
func (f *fields) hasAlias() bool {
	for i := range f.records {
		if f.records[i].typ == typeCNAME {
			return true
		}
	}
	return false
}

// appendTo appends a record, if it is one that answers with addresses or leads
// there; else b is as it was. Without owned it is the question's.
func (r *record) appendTo(b, question []byte, owned bool) (_ []byte, ok bool) {
	start := len(b)
	switch {
	case r.class != classIN || r.ttl > math.MaxUint32:
		return b, false
	case r.typ != typeCNAME && r.typ != typeA && r.typ != typeAAAA:
		return b, false
	case r.typ == typeA && len(r.data) != 4, r.typ == typeAAAA && len(r.data) != 16:
		return b, false
	}
	if !owned {
		b = binary.BigEndian.AppendUint16(b, toQuestion)
	} else if b, ok = appendWireName(b, r.name); !ok {
		return b[:start], false
	} else if bytes.Equal(b[start:], question) {
		b = binary.BigEndian.AppendUint16(b[:start], toQuestion)
	}
	b = binary.BigEndian.AppendUint16(b, uint16(r.typ))
	b = binary.BigEndian.AppendUint16(b, classIN)
	b = binary.BigEndian.AppendUint32(b, uint32(r.ttl))
	at := len(b)
	b = append(b, 0, 0)
	if r.typ == typeCNAME {
		if b, ok = appendWireName(b, r.data); !ok {
			return b[:start], false
		}
	} else {
		b = append(b, r.data...)
	}
	binary.BigEndian.PutUint16(b[at:], uint16(len(b)-at-2))
	return b, true
}

// appendWireName appends the wire form of a name in presentation form (RFC 1035
// section 5.1); dst is as it was for what is no name.
func appendWireName(dst, text []byte) (name []byte, ok bool) {
	start := len(dst)
	if len(text) == 1 && text[0] == '.' {
		return append(dst, 0), true
	}
	label := len(dst) // where the label's length stands
	dst = append(dst, 0)
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '.':
			if n := len(dst) - label - 1; n == 0 || n > 63 {
				return dst[:start], false
			}
			dst[label] = byte(len(dst) - label - 1)
			label = len(dst)
			dst = append(dst, 0)
			continue
		case c == '\\' && i+1 == len(text):
			return dst[:start], false
		case c == '\\':
			octet, n, ok := escaped(text[i+1:])
			if !ok {
				return dst[:start], false
			}
			c = octet
			i += n
		}
		dst = append(dst, c)
		if len(dst)-start > 255 {
			return dst[:start], false
		}
	}
	if n := len(dst) - label - 1; n > 63 {
		return dst[:start], false
	} else if n > 0 { // there was no final dot
		dst[label] = byte(n)
		dst = append(dst, 0)
	}
	if len(dst)-start > 255 || len(dst)-start < 3 {
		return dst[:start], false
	}
	return dst, true
}

// escaped is the octet that stands behind a backslash, and how long it is there.
func escaped(text []byte) (octet byte, n int, ok bool) {
	if text[0]-'0' > 9 {
		return text[0], 1, true
	}
	if len(text) < 3 || text[1]-'0' > 9 || text[2]-'0' > 9 {
		return 0, 0, false
	}
	v := int(text[0]-'0')*100 + int(text[1]-'0')*10 + int(text[2]-'0')
	return byte(v), 3, v <= 255
}
