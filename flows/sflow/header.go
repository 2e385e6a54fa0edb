package sflow

import (
	"encoding/binary"

	"flowname/flows"
)

// How deep sampled headers are read. Two tags and three labels are usual;
// what is deeper is an attempt to waste time.
const (
	maxTags       = 4
	maxLabels     = 16
	maxExtensions = 8
)

// EtherTypes that something readable lies beneath.
const (
	typeVLAN          = 0x8100 // IEEE 802.1Q
	typeServiceVLAN   = 0x88a8 // IEEE 802.1ad
	typeOldQinQ       = 0x9100
	typeMPLS          = 0x8847
	typeMPLSMulticast = 0x8848

	// minEtherType is the lowest EtherType; below are lengths (IEEE 802.3).
	minEtherType = 0x0600
)

const (
	ethernetHeaderLen = 14
	maxVLAN           = 0xfff
)

// readEthernet reads a frame from its destination address on.
func (d *Decoder) readEthernet(r *flows.Record, b []byte) {
	if len(b) >= 12 {
		r.DstMAC, r.SrcMAC = flows.MAC(b[:6]), flows.MAC(b[6:12])
	}
	if len(b) < ethernetHeaderLen {
		d.stats.TruncatedHeaders++
		return
	}
	d.readTyped(r, binary.BigEndian.Uint16(b[12:]), b[ethernetHeaderLen:])
}

// readTyped reads what an EtherType announces. The record gets the last that
// was found, which is the packet's own where it is not beneath MPLS labels.
func (d *Decoder) readTyped(r *flows.Record, etherType uint16, b []byte) {
	for tags := 0; ; tags++ {
		if etherType >= minEtherType {
			r.EtherType = etherType
		}
		if etherType != typeVLAN && etherType != typeServiceVLAN && etherType != typeOldQinQ {
			break
		}
		if tags == maxTags {
			d.stats.DeepHeaders++
			return
		}
		if len(b) < 4 {
			d.stats.TruncatedHeaders++
			return
		}
		r.VLAN = binary.BigEndian.Uint16(b) & maxVLAN
		etherType, b = binary.BigEndian.Uint16(b[2:]), b[4:]
	}
	switch etherType {
	case flows.EtherTypeIPv4:
		d.readIPv4(r, b)
	case flows.EtherTypeIPv6:
		d.readIPv6(r, b)
	case typeMPLS, typeMPLSMulticast:
		d.readMPLS(r, b)
	}
}

// readMPLS reads a label stack (RFC 3032 section 2.1) to the label with the S
// bit. Nothing tells what lies beneath but its first four bits, which are the
// version where it is IP.
func (d *Decoder) readMPLS(r *flows.Record, b []byte) {
	for range maxLabels {
		if len(b) < 4 {
			d.stats.TruncatedHeaders++
			return
		}
		entry := binary.BigEndian.Uint32(b)
		b = b[4:]
		if r.MPLSDepth < flows.MaxMPLSLabels {
			r.MPLS[r.MPLSDepth] = entry >> 12
			r.MPLSDepth++
		}
		if entry&0x100 == 0 {
			continue
		}
		switch {
		case len(b) == 0:
			d.stats.TruncatedHeaders++
		case b[0]>>4 == 4:
			r.EtherType = flows.EtherTypeIPv4
			d.readIPv4(r, b)
		case b[0]>>4 == 6:
			r.EtherType = flows.EtherTypeIPv6
			d.readIPv6(r, b)
		}
		return
	}
	d.stats.DeepHeaders++
}
