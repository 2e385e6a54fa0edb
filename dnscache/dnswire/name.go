package dnswire

import "bytes"

const (
	// maxName is the longest wire name in octets, the root's included (RFC 1035
	// section 2.3.4).
	maxName = 255
	// maxJumps bounds the compression pointers of one name. A name has at most
	// 127 labels, so one that jumps more often does not gain by it.
	maxJumps = 127
)

// MaxWireName is the capacity that a buffer for ReadQuestion should have.
const MaxWireName = maxName

// expandName appends the name at msg[off] to dst without compression, in the
// case it has. It returns the name's end in the message, which is behind its
// first pointer if it has one.
func expandName(dst, msg []byte, off int) (name []byte, end int, ok bool) {
	start, jumps := len(dst), 0
	for off < len(msg) {
		n := int(msg[off])
		switch n & 0xc0 {
		case 0x00:
			next := off + 1 + n
			if next > len(msg) || len(dst)-start+1+n > maxName {
				return dst, 0, false
			}
			dst = append(dst, msg[off:next]...)
			off = next
			if n > 0 {
				continue
			}
			if jumps == 0 {
				end = off
			}
			return dst, end, true
		case 0xc0:
			if off+2 > len(msg) || jumps == maxJumps {
				return dst, 0, false
			}
			if jumps == 0 {
				end = off + 2
			}
			jumps++
			off = (n&0x3f)<<8 | int(msg[off+1])
		default: // RFC 6891 section 5 took these label types back.
			return dst, 0, false
		}
	}
	return dst, 0, false
}

// ownerAt passes over the name at msg[off] and returns where its first label
// stands, behind any pointers: two names that start at one place are equal
// without a look at their labels. It does not follow the name any further, so
// the name can still be a bad one.
func ownerAt(msg []byte, off int) (start, end int, ok bool) {
	end = off
	for end < len(msg) {
		n := int(msg[end])
		switch {
		case n == 0:
			return off, end + 1, true
		case n < 0x40:
			end += 1 + n
			continue
		case n < 0xc0 || end+2 > len(msg):
			return 0, 0, false
		case end > off: // labels, then a pointer
			return off, end + 2, true
		}
		start = (n&0x3f)<<8 | int(msg[end+1])
		return start, end + 2, true
	}
	return 0, 0, false
}

// fold makes the letters of a wire name lower case: ASCII only, as RFC 4343
// says. A length octet is at most 63 and never taken for a letter.
func fold(name []byte) {
	for i, c := range name {
		if c-'A' < 26 {
			name[i] = c | 0x20
		}
	}
}

// EqualName says whether two wire names are the same but for the case of ASCII
// letters (RFC 4343 section 3).
func EqualName(a, b []byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i, c := range a {
		d := b[i]
		if c-'A' < 26 {
			c |= 0x20
		}
		if d-'A' < 26 {
			d |= 0x20
		}
		if c != d {
			return false
		}
	}
	return true
}

// AppendName appends the presentation form of a wire name without compression:
// lower case, labels with dots between, no final dot, "." for the root. In a
// label a dot and a backslash get a backslash before them, and each octet
// outside 0x21 to 0x7e, the space too, becomes a backslash and three decimal
// digits (RFC 1035 section 5.1, RFC 4343 section 2.1). All else stands as it
// is, also the quotes, semicolons, parentheses, @ and $ that a zone file would
// escape: the form is one line, has no spaces and is the same for equal names,
// which is all that is asked of it.
//
// At most 1003 octets are appended. A name that ends before its root gives the
// labels that are whole.
func AppendName(dst, wire []byte) []byte {
	if len(wire) == 0 || wire[0] == 0 {
		return append(dst, '.')
	}
	for first := true; len(wire) > 0; first = false {
		n := int(wire[0])
		if n == 0 || n >= len(wire) {
			break
		}
		if !first {
			dst = append(dst, '.')
		}
		for _, c := range wire[1 : 1+n] {
			dst = AppendOctet(dst, c)
		}
		wire = wire[1+n:]
	}
	return dst
}

// AppendOctet appends one octet of a label in the presentation form of
// AppendName.
func AppendOctet(dst []byte, c byte) []byte {
	switch {
	case c-'A' < 26:
		return append(dst, c|0x20)
	case c == '.' || c == '\\':
		return append(dst, '\\', c)
	case c > ' ' && c < 0x7f:
		return append(dst, c)
	}
	return append(dst, '\\', '0'+c/100, '0'+c/10%10, '0'+c%10)
}

// below says whether the wire name is a proper descendant of the zone, and
// returns how many octets of labels it has before it. Both are folded; an empty zone is none.
func below(name, zone []byte) (prefix int, ok bool) {
	at := len(name) - len(zone)
	if len(zone) == 0 || at <= 0 || !bytes.Equal(name[at:], zone) {
		return 0, false
	}
	for off := 0; off < at; {
		off += 1 + int(name[off])
		if off == at {
			return at, true
		}
	}
	return 0, false
}
