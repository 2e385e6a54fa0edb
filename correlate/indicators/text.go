package indicators

import (
	"net/netip"
	"strings"
)

// Prefixes that are wider would accuse everybody.
const (
	widest4 = 8
	widest6 = 16
)

// A reach says what a name without a wildcard matches.
type reach uint8

const (
	itself reach = iota
	withBeneath
)

// fangs are undone in the order in which they stand here.
var fangs = strings.NewReplacer(
	"[.]", ".", "(.)", ".", "{.}", ".", "[dot]", ".", "(dot)", ".", "{dot}", ".", "[DOT]", ".", "(DOT)", ".",
	`\.`, ".", "[:]", ":", "[://]", "://", "[:/]", ":/", "[/]", "/",
)

// refang makes of a defanged text what it stands for.
func refang(s string) string {
	if strings.ContainsAny(s, `[({\`) {
		s = fangs.Replace(s)
	}
	if len(s) > 3 && (s[0]|0x20) == 'h' && (s[1]|0x20) == 'x' && (s[2]|0x20) == 'x' && (s[3]|0x20) == 'p' {
		s = "htt" + s[3:]
	}
	return s
}

// read makes an item of an indicator as people write it: a name, a wildcard, an
// address, a prefix, a URL, or one of the first two and a port.
func (it *item) read(text string, r reach) Reason {
	buf := it.name[:0]
	*it = item{name: buf}
	s := refang(strings.TrimSpace(text))
	if strings.IndexByte(s, '/') >= 0 {
		if p, err := netip.ParsePrefix(s); err == nil {
			return it.readPrefix(p)
		}
		if _, rest, ok := strings.Cut(s, "://"); ok {
			s = rest
		}
		it.isURL, r = true, itself
		if i := strings.IndexAny(s, `/\?#`); i >= 0 {
			s = s[:i]
		}
		if i := strings.LastIndexByte(s, '@'); i >= 0 {
			s = s[i+1:]
		}
	}
	s = hostOf(s)
	if isAddress(s) {
		addr, err := netip.ParseAddr(s)
		if err != nil || addr.Zone() != "" {
			return NotName
		}
		return it.readPrefix(netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen()))
	}
	return it.readName(s, r)
}

// hostOf takes the port off a host, and the brackets off an IPv6 address.
func hostOf(s string) string {
	if strings.HasPrefix(s, "[") {
		if i := strings.IndexByte(s, ']'); i > 0 {
			return s[1:i]
		}
		return s
	}
	host, port, ok := strings.Cut(s, ":")
	if ok && port != "" && strings.Trim(port, "0123456789") == "" {
		return host
	}
	return s
}

// isAddress says whether a host can only be an address.
func isAddress(s string) bool {
	return s != "" && (s[len(s)-1]-'0' < 10 && s[0]-'0' < 10 && strings.Trim(s, "0123456789.") == "" || strings.IndexByte(s, ':') >= 0)
}

func (it *item) readName(s string, r reach) (reason Reason) {
	wildcard := false
	switch {
	case strings.HasPrefix(s, "*."):
		s, wildcard = s[2:], true
	case strings.HasPrefix(s, ".") && !it.isURL:
		s, r = s[1:], withBeneath
	}
	if strings.IndexByte(s, '*') >= 0 {
		return BadWildcard
	}
	if it.name, reason = appendHost(it.name, s); reason != taken {
		return reason
	}
	if wildcard {
		it.beneath = true
		return taken
	}
	if strings.IndexByte(string(it.name), '.') < 0 {
		it.name = it.name[:0]
		return NotName // localhost, a header, a word
	}
	it.self = true
	it.beneath = r == withBeneath && !isSuffix(string(it.name))
	return taken
}

func (it *item) readPrefix(p netip.Prefix) Reason {
	addr := p.Addr()
	if addr.Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(addr.Unmap(), p.Bits()-96)
		addr = p.Addr()
	}
	if least := map[bool]int{true: widest4, false: widest6}[addr.Is4()]; p.Bits() < least {
		return TooWide
	}
	p = p.Masked()
	if addr := p.Addr(); addr.IsUnspecified() || addr.IsLoopback() || addr.IsMulticast() || addr.IsLinkLocalUnicast() ||
		addr == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return NoHost
	}
	it.prefix = p
	return taken
}
