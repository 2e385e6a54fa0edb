package findings

import (
	_ "embed"
	"fmt"
	"math"
	"net/netip"
	"strings"
)

//go:embed doh.txt
var shippedDoH string

// A DoH is a list of services of DNS over HTTPS (RFC 8484), by name and address.
type DoH struct {
	names    map[string]bool // *.NAME for all beneath NAME
	ends     [64]uint64      // bits of how these names end
	addrs    map[netip.Addr]bool
	hint     [64]uint64 // bits of the hashes of addrs
	prefixes []netip.Prefix
}

// NewDoH is the list that is shipped with what texts add, each the content of a
// file: a name, *.NAME, an address or a network a line; # begins a comment.
func NewDoH(texts ...string) (*DoH, error) {
	d := &DoH{names: map[string]bool{}, addrs: map[netip.Addr]bool{}}
	for _, text := range append([]string{shippedDoH}, texts...) {
		n := 0
		for l := range strings.Lines(text) {
			n++
			entry, _, _ := strings.Cut(l, "#")
			if err := d.add(strings.TrimSpace(entry)); err != nil {
				return nil, fmt.Errorf("line %d: %w", n, err)
			}
		}
	}
	return d, nil
}

func (d *DoH) add(entry string) error {
	if entry == "" {
		return nil
	}
	if a, err := netip.ParseAddr(entry); err == nil {
		d.addrs[a.Unmap()] = true
		bit := hashAddr(0, a.Unmap()) >> 52
		d.hint[bit/64] |= 1 << (bit % 64)
		return nil
	}
	if p, err := netip.ParsePrefix(entry); err == nil {
		if a := p.Addr(); a.Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
		}
		d.prefixes = append(d.prefixes, p.Masked())
		return nil
	}
	name := strings.ToLower(strings.TrimSuffix(entry, "."))
	if strings.ContainsAny(name, " \t/:,;") || !strings.Contains(name, ".") {
		return fmt.Errorf("%q is no name, *.NAME, address or network", entry)
	}
	d.names[name] = true
	if end := strings.TrimPrefix(name, "*."); end != name && len(end) < endSize {
		for i := range d.ends { // what ends so can end in any way
			d.ends[i] = math.MaxUint64
		}
		return nil
	}
	bit := endOf(name)
	d.ends[bit/64] |= 1 << (bit % 64)
	return nil
}

// endSize is how many bytes of a name's end tell most names apart from those of
// services.
const endSize = 8

// endOf is a bit by the end of a name.
func endOf(name string) uint64 {
	if len(name) < endSize {
		return hashName(0, name) >> 52
	}
	n := len(name) - endSize
	var end uint64
	for i := range endSize {
		end |= uint64(name[n+i]) << (8 * i)
	}
	return end * 0x9e3779b97f4a7c15 >> 52
}

// Name says whether a name in presentation form is a service's.
func (d *DoH) Name(name string) bool {
	if bit := endOf(name); d.ends[bit/64]&(1<<(bit%64)) == 0 {
		return false
	}
	if d.names[name] {
		return true
	}
	for {
		_, parent, ok := strings.Cut(name, ".")
		if !ok {
			return false
		}
		if d.names["*."+parent] {
			return true
		}
		name = parent
	}
}

// Addr says whether an address is a service's.
func (d *DoH) Addr(a netip.Addr) bool {
	bit := hashAddr(0, a) >> 52
	if d.hint[bit/64]&(1<<(bit%64)) != 0 && d.addrs[a] {
		return true
	}
	for _, p := range d.prefixes {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
