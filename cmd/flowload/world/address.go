package world

import (
	"encoding/binary"
	"net/netip"
	"strconv"
)

// Where the world's addresses are: clients in 10.0.0.0/9 and 2001:db8:1::/48,
// those that ask nobody in 10.128.0.0/9 and 2001:db8:3::/48, servers in
// 100.64.0.0/10 and 2001:db8:2::/48, what is never answered in 198.18.0.0/15
// and 2001:db8:4::/48.
const (
	siteClients = 1
	siteServers = 2
	siteQuiet   = 3
	siteUnknown = 4
)

func clientAddr(n uint64, v6 bool) netip.Addr {
	if v6 {
		return addr6(siteClients, n)
	}
	return host4(10, 0, n)
}

// quietAddr is a client that asks nobody.
func quietAddr(n uint64, v6 bool) netip.Addr {
	if v6 {
		return addr6(siteQuiet, n)
	}
	return host4(10, 128, n)
}

func serverAddr(n uint64, v6 bool) netip.Addr {
	if v6 {
		return addr6(siteServers, n)
	}
	return netip.AddrFrom4([4]byte{100, 64 + byte(n>>16), byte(n >> 8), byte(n)})
}

// unknownAddr is an address that no answer ever had.
func unknownAddr(n uint64, v6 bool) netip.Addr {
	if v6 {
		return addr6(siteUnknown, n%1e6)
	}
	return host4(198, 18, n%60000)
}

func multicastAddr(v6 bool) netip.Addr {
	if v6 {
		return netip.AddrFrom16([16]byte{0: 0xff, 1: 2, 15: 0xfb})
	}
	return netip.AddrFrom4([4]byte{224, 0, 0, 251})
}

func resolver(v6 bool) netip.Addr {
	if v6 {
		return addr6(siteClients, 1<<40)
	}
	return netip.AddrFrom4([4]byte{10, 255, 255, 53})
}

// host4 avoids last octets of 0 and 255: servers mask clients' addresses to
// those of networks, and who reads them takes such an address for one.
func host4(a, b byte, n uint64) netip.Addr {
	rest := n / 254
	return netip.AddrFrom4([4]byte{a, b + byte(rest>>8), byte(rest), 1 + byte(n%254)})
}

func addr6(site byte, n uint64) netip.Addr {
	b := [16]byte{0: 0x20, 1: 0x01, 2: 0x0d, 3: 0xb8, 5: site}
	binary.BigEndian.PutUint64(b[8:], n+1)
	return netip.AddrFrom16(b)
}

// A name is one name of a group of servers.
type name struct {
	group, number uint64
	single        bool
}

func (n name) append(dst []byte) []byte {
	prefix := "www"
	if n.single {
		prefix = "only"
	}
	dst = append(dst, prefix...)
	dst = strconv.AppendUint(dst, n.number, 10)
	return n.appendSite(dst, ".site")
}

func (n name) appendSite(dst []byte, site string) []byte {
	dst = append(dst, site...)
	dst = strconv.AppendUint(dst, n.group, 10)
	return append(dst, ".example"...)
}

// appendCanonical appends the canonical name; one name in four has one.
func (n name) appendCanonical(dst []byte) []byte {
	if n.number%4 != 1 {
		return dst
	}
	dst = append(dst, "edge"...)
	dst = strconv.AppendUint(dst, n.number, 10)
	return n.appendSite(dst, ".cdn")
}
