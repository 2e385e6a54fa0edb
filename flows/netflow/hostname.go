package netflow

import (
	"bytes"
	"net/netip"
	"strings"
)

const (
	// maxNameLen and maxNameLabel are RFC 1035's bounds of a name, section
	// 2.3.4, of its text without the final dot.
	maxNameLen   = 253
	maxNameLabel = 63
)

// appendDNSName appends a name that an exporter sent as text in the form of
// package dnscache: lower case, no final dot, every byte outside printable ASCII
// as a backslash and three digits, a backslash with another before it. A text
// with empty or overlong labels is no name, and nothing is appended.
func appendDNSName(dst, raw []byte) []byte {
	if raw = bytes.TrimSuffix(raw, []byte(".")); isDash(raw) || len(raw) == 0 || len(raw) > maxNameLen {
		return dst
	}
	had, label := len(dst), 0
	for _, c := range raw {
		if c == '.' {
			if label == 0 {
				return dst[:had]
			}
			label = 0
			dst = append(dst, c)
			continue
		}
		if label++; label > maxNameLabel {
			return dst[:had]
		}
		dst = appendNameByte(dst, c)
	}
	if label == 0 {
		return dst[:had]
	}
	return dst
}

func appendNameByte(dst []byte, c byte) []byte {
	switch {
	case c-'A' < 26:
		return append(dst, c|0x20)
	case c == '\\':
		return append(dst, '\\', c)
	case c > ' ' && c < 0x7f:
		return append(dst, c)
	}
	return append(dst, '\\', '0'+c/100, '0'+c/10%10, '0'+c%10)
}

// appendHostName is appendDNSName for the server's name in HTTP or TLS: without
// a port, and nothing for an address in any of the forms that clients take for
// one, since that names nothing.
func appendHostName(dst, raw []byte) []byte {
	host := raw
	if i := bytes.IndexByte(raw, ':'); i >= 0 {
		if host = raw[:i]; !isPort(raw[i+1:]) {
			return dst // an IPv6 address, or no host at all
		}
	}
	if bytes.ContainsAny(host, "/@[] ") || isAddress(string(bytes.TrimSuffix(host, []byte(".")))) {
		return dst
	}
	return appendDNSName(dst, host)
}

// isPort takes the empty port too, which RFC 3986 section 3.2.3 allows.
func isPort(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) <= 5
}

// isAddress says whether a host is an address: as usual, or in the forms of
// inet_aton (127.1, 0x7f000001), which end in a number. No name does.
func isAddress(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	last := host[strings.LastIndexByte(host, '.')+1:]
	digits := "0123456789"
	if hex, ok := strings.CutPrefix(strings.ToLower(last), "0x"); ok {
		last, digits = hex, "0123456789abcdef"
	}
	return len(last) > 0 && strings.Trim(last, digits) == ""
}
