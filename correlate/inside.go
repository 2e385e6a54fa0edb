package correlate

import (
	"net/netip"

	"flowname/dnscache"
)

// An Inside tells which addresses are this network's. The zero Inside takes private
// addresses for that.
type Inside struct {
	// Networks are those that the configuration says are.
	Networks []netip.Prefix
	// Cache knows whose DNS is seen; nil: nobody's.
	Cache *dnscache.Cache
}

// sharedSpace is what carriers use inside (RFC 6598).
var sharedSpace = netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64, 0, 0}), 10)

// Known says whether a is in one of the networks or private: RFC 1918, RFC 4193 or
// RFC 6598.
func (in *Inside) Known(a netip.Addr) bool {
	if a.IsPrivate() || sharedSpace.Contains(a) {
		return true
	}
	for _, p := range in.Networks {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// Ours says whether a is Known or a client whose DNS is seen. That can be a stranger
// too, who asks a name server of this network.
func (in *Inside) Ours(a netip.Addr) bool {
	return in.Known(a) || in.Cache != nil && in.Cache.ClientSeen(a)
}

// Public says whether a packet to a goes out into the Internet: a is no address of
// this network that can be told by itself, and one that a name may have.
func (in *Inside) Public(a netip.Addr) bool {
	return resolvable(a) && !in.Known(a)
}
