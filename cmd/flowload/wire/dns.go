package wire

import (
	"encoding/binary"

	"flowname/cmd/flowload/world"
)

// Numbers of RFC 1035 and RFC 3596.
const (
	typeA     = 1
	typeCNAME = 5
	typeAAAA  = 28
	classIN   = 1

	flagsQuery    = 0x0100 // RD
	flagsResponse = 0x8180 // QR, RD, RA

	pointerToQuestion = 0xc00c
)

var be = binary.BigEndian

// AppendQuery appends the query that an answer is the answer to.
func AppendQuery(dst []byte, a *world.Answer) []byte {
	return appendQuestion(dst, a, flagsQuery, 0)
}

// AppendResponse appends the answer's message: the question, a CNAME where the
// name has one, the address.
func AppendResponse(dst []byte, a *world.Answer) []byte {
	var text [256]byte
	canonical := a.Canonical(text[:0])
	start, records := len(dst), uint16(1)
	if len(canonical) > 0 {
		records = 2
	}
	dst = appendQuestion(dst, a, flagsResponse, records)
	owner := uint16(pointerToQuestion)
	if len(canonical) > 0 {
		dst = appendRecord(dst, owner, typeCNAME, a.TTL)
		size := len(dst)
		dst = append(dst, 0, 0)
		owner = 0xc000 | uint16(len(dst)-start)
		dst = appendName(dst, canonical, false)
		be.PutUint16(dst[size:], uint16(len(dst)-size-2))
	}
	dst = appendRecord(dst, owner, addrType(a), a.TTL)
	addr := a.Addr.AsSlice()
	return append(be.AppendUint16(dst, uint16(len(addr))), addr...)
}

func addrType(a *world.Answer) uint16 {
	if a.Addr.Is6() {
		return typeAAAA
	}
	return typeA
}

func appendQuestion(dst []byte, a *world.Answer, flags, records uint16) []byte {
	var text [256]byte
	dst = be.AppendUint16(dst, a.ID)
	dst = be.AppendUint16(dst, flags)
	dst = be.AppendUint16(dst, 1)
	dst = be.AppendUint16(dst, records)
	dst = append(dst, 0, 0, 0, 0)
	dst = appendName(dst, a.Name(text[:0]), a.Mixed)
	dst = be.AppendUint16(dst, addrType(a))
	return be.AppendUint16(dst, classIN)
}

// appendRecord appends a resource record up to its length.
func appendRecord(dst []byte, owner, kind uint16, ttl uint32) []byte {
	dst = be.AppendUint16(dst, owner)
	dst = be.AppendUint16(dst, kind)
	dst = be.AppendUint16(dst, classIN)
	return be.AppendUint32(dst, ttl)
}

// appendName appends a name of plain letters in wire form, every second letter
// in upper case where mixed says so.
func appendName(dst, name []byte, mixed bool) []byte {
	for len(name) > 0 {
		label := 0
		for label < len(name) && name[label] != '.' {
			label++
		}
		dst = append(dst, byte(label))
		for i, c := range name[:label] {
			if mixed && i%2 == 1 && c >= 'a' && c <= 'z' {
				c -= 'a' - 'A'
			}
			dst = append(dst, c)
		}
		name = name[min(label+1, len(name)):]
	}
	return append(dst, 0)
}
