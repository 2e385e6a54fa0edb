package logs

import "flowname/dnscache/dnswire"

// maxWire is the longest name in octets on the wire (RFC 1035 section 2.3.4).
const maxWire = 255

// appendName appends a name that a log writes in presentation form, \DDD and \X
// for odd octets, as dnscache.Response.Name wants it: lower case, no final dot,
// escapes normalised. ok is false, and dst as it was, for what is no name.
func appendName(dst, text []byte) (name []byte, ok bool) {
	return appendLabels(dst, text, true)
}

// appendRawName is appendName for logs that write a name's octets as they are:
// each dot ends a label and a backslash is a backslash.
func appendRawName(dst, text []byte) (name []byte, ok bool) {
	return appendLabels(dst, text, false)
}

func appendLabels(dst, text []byte, escapes bool) (name []byte, ok bool) {
	start := len(dst)
	if len(text) == 1 && text[0] == '.' {
		return append(dst, '.'), true
	}
	wire, label := 1, 0 // octets on the wire, those of the label so far
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '.' && label == 0:
			return dst[:start], false
		case c == '.':
			label = 0
			if i+1 < len(text) {
				dst = append(dst, '.')
			}
			continue
		case c == '\\' && escapes:
			n := 0
			if c, n = unescape(text[i+1:]); n == 0 {
				return dst[:start], false
			}
			i += n
		}
		if label == 0 {
			wire++
		}
		label++
		wire++
		if label > 63 || wire > maxWire {
			return dst[:start], false
		}
		dst = dnswire.AppendOctet(dst, c)
	}
	return dst, len(dst) > start
}

// unescapeOctets appends text with \xHH written out where HH is no printable
// ASCII. So Zeek and Suricata write octets that are no UTF-8 into JSON, and they
// do not escape a backslash that stands in the name: taken literally, a name that
// has the text \x77 in it must not become another name.
func unescapeOctets(dst, text []byte) []byte {
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '\\' && i+3 < len(text) && text[i+1] == 'x' && hexValue(text[i+2]) < 16 && hexValue(text[i+3]) < 16 {
			if v := hexValue(text[i+2])<<4 | hexValue(text[i+3]); v <= ' ' || v >= 0x7f {
				c = v
				i += 3
			}
		}
		dst = append(dst, c)
	}
	return dst
}

// unescape reads what stands behind a backslash, and how long it is; 0 if it is
// no escape.
func unescape(text []byte) (c byte, n int) {
	if len(text) == 0 {
		return 0, 0
	}
	if !isDigit(text[0]) {
		return text[0], 1
	}
	if len(text) < 3 || !isDigit(text[1]) || !isDigit(text[2]) {
		return 0, 0
	}
	v := int(text[0]-'0')*100 + int(text[1]-'0')*10 + int(text[2]-'0')
	if v > 255 {
		return 0, 0
	}
	return byte(v), 3
}

func isDigit(c byte) bool { return c-'0' < 10 }
