package baseline

import (
	"bytes"
	"unsafe"

	"flowname/dnscache"
)

// maxDomain bounds the text of a domain, as the cache bounds names.
const maxDomain = 1100

// recentNames knows the domains of the names that were seen last: to find the
// public suffix of a name takes a quarter of a microsecond.
type recentNames []nameSlot

type nameSlot struct {
	hash   uint64 // of the name
	domain domainID
}

// numNames is 2 MB of slots.
const (
	nameBits = 17
	numNames = 1 << nameBits
)

func (n recentNames) slot(hash uint64) *nameSlot { return &n[hash>>(64-nameBits)] }

// domain is the registrable domain of a name with a hash, whose text is the name's
// end; 0 for names that have none.
func (n recentNames) domain(k *key, name []byte, hash uint64) domainID {
	slot := n.slot(hash)
	if slot.hash == hash {
		return slot.domain
	}
	*slot = nameSlot{hash: hash}
	if text := domainOf(name); len(text) > 0 {
		slot.domain = k.domain(text)
	}
	return slot.domain
}

// domainOf is the end of name that is its registrable domain. The names of
// addresses (RFC 1035 section 3.5, RFC 3596) belong to nobody who registered them.
func domainOf(name []byte) []byte {
	if len(name) == 0 || len(name) > maxDomain || bytes.HasSuffix(name, inAddr) || bytes.HasSuffix(name, ip6) {
		return nil
	}
	text := dnscache.Domain(unsafe.String(&name[0], len(name)))
	domain := name[len(name)-len(text):]
	if !printable(domain) {
		return nil
	}
	return domain
}

var inAddr, ip6 = []byte(".in-addr.arpa"), []byte(".ip6.arpa")

// printable tells the presentation form from what is not: other bytes than visible
// ASCII are escaped in it.
func printable(text []byte) bool {
	for _, c := range text {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}
