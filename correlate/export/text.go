package export

const hexDigits = "0123456789abcdef"

// appendText appends a JSON string (RFC 8259 section 7). The text is valid
// UTF-8: names are ASCII, and the cache, package geo and the decoders replace what
// is not.
func appendText(dst []byte, key, s string) []byte {
	dst = append(append(dst, key...), '"')
	if isPlain(s) {
		return append(append(dst, s...), '"')
	}
	return append(appendEscaped(dst, s), '"')
}

// appendEscaped appends s with what JSON wants escaped.
func appendEscaped(dst []byte, s string) []byte {
	plain := 0
	for i := 0; i < len(s); i++ {
		b := s[i]
		if b >= ' ' && b != '"' && b != '\\' {
			continue
		}
		dst = append(dst, s[plain:i]...)
		if b < ' ' {
			dst = append(dst, `\u00`...)
			dst = append(dst, hexDigits[b>>4], hexDigits[b&15])
		} else {
			dst = append(dst, '\\', b)
		}
		plain = i + 1
	}
	return append(dst, s[plain:]...)
}

// isPlain says that nothing of s is to be escaped.
func isPlain(s string) bool {
	if len(s) < 8 {
		for i := range len(s) {
			if b := s[i]; b < ' ' || b == '"' || b == '\\' {
				return false
			}
		}
		return true
	}
	found := uint64(0)
	for i := 0; i < len(s)-8; i += 8 {
		found |= escapes(le64(s[i:]))
	}
	return found|escapes(le64(s[len(s)-8:])) == 0 // the last, some of it again
}

const ones = 0x0101010101010101

// escapes is not 0 where one of eight bytes is a control character, a quotation mark
// or a backslash: the borrow of a subtraction shows in the top bit of a byte that is
// below the other, or above such a one.
func escapes(x uint64) uint64 {
	return ((x - ones*' ') | ((x ^ ones*'"') - ones) | ((x ^ ones*'\\') - ones)) &^ x & (ones << 7)
}

func le64(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}
