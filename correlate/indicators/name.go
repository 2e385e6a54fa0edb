package indicators

import (
	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

const (
	maxWire  = 255 // octets of a name, the root's included (RFC 1035 section 2.3.4)
	maxLabel = 63
)

// toASCII maps names of other scripts as browsers do for look-ups (UTS 46,
// without its transitional part).
var toASCII = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(false))

// appendHost appends a host's name as people write it: letters, digits, hyphens
// and underscores, or another script. The last label is no number: that would be
// a torn address.
func appendHost(dst []byte, text string) ([]byte, Reason) {
	for i := 0; i < len(text); i++ {
		if text[i] >= 0x80 {
			ascii, err := toASCII.ToASCII(text)
			if err != nil {
				return dst, NotName
			}
			text = ascii
			break
		}
	}
	start, label, wire, digits := len(dst), 0, 1, true
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '.':
			if label == 0 {
				return dst[:start], NotName
			}
			if i+1 == len(text) {
				continue // the root's dot
			}
			dst, label, digits = append(dst, '.'), 0, true
			wire++
			continue
		case c-'A' < 26:
			c += 'a' - 'A'
		case c-'a' >= 26 && c-'0' >= 10 && c != '-' && c != '_':
			return dst[:start], NotName
		}
		digits = digits && c-'0' < 10
		label++
		wire++
		if label > maxLabel || wire >= maxWire {
			return dst[:start], NotName
		}
		dst = append(dst, c)
	}
	if len(dst) == start || digits {
		return dst[:start], NotName
	}
	return dst, taken
}

// appendName appends a name of a zone, \DDD and \X being octets: lower case, no
// final dot, every octet that is not printable as \DDD.
func appendName(dst []byte, text string) ([]byte, bool) {
	start, label, wire := len(dst), 0, 1
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '.' && label == 0:
			return dst[:start], false
		case c == '.':
			if i+1 < len(text) {
				dst = append(dst, '.')
			}
			label = 0
			wire++
			continue
		case c == '\\':
			n := 0
			if c, n = unescape(text[i+1:]); n == 0 {
				return dst[:start], false
			}
			i += n
		}
		label++
		wire++
		if label > maxLabel || wire >= maxWire {
			return dst[:start], false
		}
		dst = appendOctet(dst, c)
	}
	return dst, len(dst) > start
}

// appendOctet appends an octet of a label (RFC 4343 section 2.1).
func appendOctet(dst []byte, c byte) []byte {
	switch {
	case c == '.' || c == '\\':
		return append(dst, '\\', c)
	case c <= ' ' || c >= 0x7f:
		return append(dst, '\\', '0'+c/100, '0'+c/10%10, '0'+c%10)
	case c-'A' < 26:
		c += 'a' - 'A'
	}
	return append(dst, c)
}

// unescape reads what stands behind a backslash, and how long it is; 0 if it is
// no escape.
func unescape(text string) (c byte, n int) {
	if text == "" {
		return 0, 0
	}
	if text[0]-'0' >= 10 {
		return text[0], 1
	}
	if len(text) < 3 || text[1]-'0' >= 10 || text[2]-'0' >= 10 {
		return 0, 0
	}
	v := int(text[0]-'0')*100 + int(text[1]-'0')*10 + int(text[2]-'0')
	if v > 255 {
		return 0, 0
	}
	return byte(v), 3
}

// isSuffix says whether names beneath this one belong to others.
func isSuffix(name string) bool {
	suffix, _ := publicsuffix.PublicSuffix(name)
	return suffix == name
}
