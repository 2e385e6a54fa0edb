package dnswire

import (
	"encoding/binary"
	"net/netip"
)

const (
	optionSubnet = 8 // EDNS client subnet

	// Address families, as in the option.
	familyIPv4 = 1
	familyIPv6 = 2
)

// subnetOf is the client subnet in the data of an OPT record (RFC 7871 section
// 6), the zero Prefix where there is none, or one that the RFC has servers
// refuse: too long, or with bits set beyond its length.
func subnetOf(options []byte) netip.Prefix {
	for len(options) >= 4 {
		code, size := binary.BigEndian.Uint16(options), int(binary.BigEndian.Uint16(options[2:]))
		options = options[4:]
		if size > len(options) {
			break
		}
		if code == optionSubnet {
			return readSubnet(options[:size])
		}
		options = options[size:]
	}
	return netip.Prefix{}
}

// readSubnet reads the option's data: family, source and scope prefix length,
// and as many octets of the address as the source's length needs.
func readSubnet(b []byte) netip.Prefix {
	if len(b) < 4 {
		return netip.Prefix{}
	}
	family, bits := binary.BigEndian.Uint16(b), int(b[2])
	b = b[4:]
	if len(b) != (bits+7)/8 {
		return netip.Prefix{}
	}
	var octets [16]byte
	copy(octets[:], b)
	var p netip.Prefix
	switch {
	case family == familyIPv4 && bits <= 32:
		p = netip.PrefixFrom(netip.AddrFrom4([4]byte(octets[:4])), bits)
	case family == familyIPv6 && bits <= 128:
		p = netip.PrefixFrom(netip.AddrFrom16(octets), bits)
	}
	if p != p.Masked() {
		return netip.Prefix{}
	}
	return p
}

// Subnet is the client subnet that a message carries, query or response; the
// zero Prefix where it carries none or can not be read to its OPT record.
func Subnet(msg []byte) netip.Prefix {
	if len(msg) < headerLen {
		return netip.Prefix{}
	}
	questions := int(binary.BigEndian.Uint16(msg[4:]))
	records := int(binary.BigEndian.Uint16(msg[6:])) + int(binary.BigEndian.Uint16(msg[8:])) + int(binary.BigEndian.Uint16(msg[10:]))
	off := headerLen
	for range questions {
		_, end, ok := ownerAt(msg, off)
		if !ok || end+4 > len(msg) {
			return netip.Prefix{}
		}
		off = end + 4
	}
	for range records {
		r, next, ok := readRecord(msg, off)
		switch {
		case !ok:
			return netip.Prefix{}
		case r.typ == typeOPT:
			return subnetOf(msg[r.data:next])
		}
		off = next
	}
	return netip.Prefix{}
}
