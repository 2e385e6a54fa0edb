package command

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// CanonicalName gives a name typed by a person the form of the history: lower
// case and without its final dot, a single * being all names.
func CanonicalName(s string) string {
	s = strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
	if s == "*" || s == "*." {
		return "*." // all names
	}
	if s != "." && strings.HasSuffix(s, ".") && !strings.HasSuffix(s, `\.`) {
		s = strings.TrimSuffix(s, ".")
	}
	return s
}

// ParseNetworks reads the networks and addresses that a flag was given.
func ParseNetworks(flag string, texts []string) (all []netip.Prefix, err error) {
	for _, text := range texts {
		p, err := ParseNetwork(text)
		switch {
		case errors.Is(err, errTooWide):
			return nil, fmt.Errorf("%s: %q is wider than IPv4-mapped addresses are: give an IPv4 network such as 192.0.2.0/24, or an IPv6 one", flag, text)
		case err != nil:
			return nil, fmt.Errorf("%s: %q is neither a network such as 192.0.2.0/24 nor an address", flag, text)
		}
		all = append(all, p)
	}
	return all, nil
}

var (
	errNoNetwork = errors.New("neither a network nor an address")
	errTooWide   = errors.New("a network of IPv4-mapped addresses and others")
)

// ParseNetwork reads a network, or an address as one of its own. IPv4 in its IPv6-mapped
// form (RFC 4291 section 2.5.5.2) is IPv4, as it is in all evidence and flows; there
// is no network of both. An address's zone is left out, as it is there.
func ParseNetwork(text string) (netip.Prefix, error) {
	if !strings.Contains(text, "/") { // which could be in a zone
		a, err := netip.ParseAddr(text)
		if err != nil {
			return netip.Prefix{}, errNoNetwork
		}
		a = a.Unmap().WithZone("")
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	switch a := p.Addr(); {
	case err != nil:
		return p, errNoNetwork
	case !a.Is4In6():
		return p.Masked(), nil
	case p.Bits() < 96:
		return p, errTooWide
	default:
		return netip.PrefixFrom(a.Unmap(), p.Bits()-96).Masked(), nil
	}
}

// Off is the value that switches an address off.
const Off = "off"

// Enabled tells whether an address is given and not off.
func Enabled(addr string) bool { return addr != "" && addr != Off }
