package command

import (
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
		p, err := netip.ParsePrefix(text)
		if a, addrErr := netip.ParseAddr(text); addrErr == nil {
			p, err = a.Prefix(a.BitLen())
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %q is neither a network such as 192.0.2.0/24 nor an address", flag, text)
		}
		all = append(all, p.Masked())
	}
	return all, nil
}
