package sensor

import (
	"encoding/binary"
	"hash/maphash"
)

const headerLen = 12

// header is the part of a DNS message that matching needs (RFC 1035 section
// 4.1.1).
type header struct {
	id        uint16
	response  bool
	opcode    uint8
	truncated bool
	questions uint16
	records   int // of the three other sections
}

func parseHeader(b []byte) (h header, ok bool) {
	if len(b) < headerLen {
		return h, false
	}
	return header{
		id:        binary.BigEndian.Uint16(b),
		response:  b[2]&0x80 != 0,
		opcode:    b[2] >> 3 & 0xf,
		truncated: b[2]&0x02 != 0,
		questions: binary.BigEndian.Uint16(b[4:]),
		records: int(binary.BigEndian.Uint16(b[6:])) + int(binary.BigEndian.Uint16(b[8:])) +
			int(binary.BigEndian.Uint16(b[10:])),
	}, true
}

// questionLen is the length of the first question, name, type and class, or 0
// where there is none that is whole. Compression has nothing to point at in the
// first name of a message, so a pointer is an error.
func questionLen(b []byte) int {
	const maxName, maxLabel = 255, 63 // RFC 1035 section 2.3.4
	for i := headerLen; i < len(b) && i-headerLen < maxName; {
		label := int(b[i])
		switch {
		case label > maxLabel:
			return 0
		case label == 0:
			if size := i + 5 - headerLen; headerLen+size <= len(b) {
				return size
			}
			return 0
		}
		i += 1 + label
	}
	return 0
}

// question is what of a question is kept: hashes under a seed that nobody
// outside knows, once of the very bytes and once with letters in lower case.
type question struct {
	exact, folded uint64
}

// hashQuestion folds into the array that the Sensor lends.
func hashQuestion(seed maphash.Seed, q []byte, fold *[260]byte) question {
	n := copy(fold[:], q)
	upper := false
	for i, c := range fold[:n-4] { // type and class are no letters
		// A length byte is at most 63 and so below 'A'.
		if 'A' <= c && c <= 'Z' {
			fold[i] = c + 'a' - 'A'
			upper = true
		}
	}
	result := question{exact: maphash.Bytes(seed, q)}
	result.folded = result.exact
	if upper {
		result.folded = maphash.Bytes(seed, fold[:n])
	}
	return result
}
