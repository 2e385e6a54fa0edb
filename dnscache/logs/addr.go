package logs

import "net/netip"

// parseAddr reads an address that is the whole text. A zone is dropped, an
// IPv4-mapped address unmapped. It does not allocate, as netip.ParseAddr does
// for each text that is none, and in many logs most answers are none.
func parseAddr(text []byte) (netip.Addr, bool) {
	for i := 0; i < len(text) && i < 5; i++ {
		switch text[i] {
		case '.':
			return parseAddr4(text)
		case ':':
			return parseAddr6(text)
		}
	}
	return netip.Addr{}, false
}

func parseAddr4(text []byte) (netip.Addr, bool) {
	var b [4]byte
	for i := range b {
		if i > 0 {
			if len(text) == 0 || text[0] != '.' {
				return netip.Addr{}, false
			}
			text = text[1:]
		}
		n, rest, ok := cutNumber(text)
		// A leading zero makes some read the number as octal.
		if digits := len(text) - len(rest); !ok || n > 255 || digits > 1 && text[0] == '0' {
			return netip.Addr{}, false
		}
		b[i], text = byte(n), rest
	}
	return netip.AddrFrom4(b), len(text) == 0
}

// parseAddr6 reads the forms of RFC 4291 section 2.2, with the zone of RFC 4007
// section 11.
func parseAddr6(text []byte) (netip.Addr, bool) {
	for i, c := range text {
		if c == '%' {
			if i+1 == len(text) {
				return netip.Addr{}, false
			}
			text = text[:i]
			break
		}
	}
	var b [16]byte
	n, gap := 0, -1 // octets read, how many of them stand before the ::
	if len(text) >= 2 && text[0] == ':' && text[1] == ':' {
		gap, text = 0, text[2:]
	}
	for len(text) > 0 && n < 16 {
		group, digits := 0, 0
		for digits < len(text) && digits < 5 && hexValue(text[digits]) < 16 {
			group = group<<4 | int(hexValue(text[digits]))
			digits++
		}
		if digits > 0 && digits < len(text) && text[digits] == '.' {
			v4, ok := parseAddr4(text)
			if !ok || n > 12 {
				return netip.Addr{}, false
			}
			a := v4.As4()
			n += copy(b[n:], a[:])
			text = nil
			break
		}
		if digits == 0 || digits > 4 {
			return netip.Addr{}, false
		}
		b[n], b[n+1] = byte(group>>8), byte(group)
		n, text = n+2, text[digits:]
		if len(text) == 0 {
			break
		}
		if text[0] != ':' || len(text) == 1 {
			return netip.Addr{}, false
		}
		text = text[1:]
		if text[0] == ':' {
			if gap >= 0 {
				return netip.Addr{}, false
			}
			gap, text = n, text[1:]
		}
	}
	if len(text) > 0 || gap < 0 && n < 16 || gap >= 0 && n == 16 {
		return netip.Addr{}, false
	}
	if gap >= 0 {
		moved := copy(b[16-(n-gap):], b[gap:n])
		clear(b[gap : 16-moved])
	}
	return netip.AddrFrom16(b).Unmap(), true
}

// hexValue is a hexadecimal digit's value; 255 for what is none.
func hexValue(c byte) byte {
	switch {
	case isDigit(c):
		return c - '0'
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 255
}
