package packet

import "encoding/binary"

// EtherTypes, and what stands in their place in GRE headers.
const (
	etherIPv4      = 0x0800
	etherIPv6      = 0x86dd
	etherVLAN      = 0x8100
	etherQinQ      = 0x88a8
	etherOldQinQ1  = 0x9100
	etherOldQinQ2  = 0x9200
	etherOldQinQ3  = 0x9300
	etherMPLS      = 0x8847
	etherMPLSMulti = 0x8848
	etherPPPoE     = 0x8864
	etherPPP       = 0x880b
	etherEthernet  = 0x6558
	etherERSPAN    = 0x88be
	etherERSPAN3   = 0x22eb
	etherMaxLength = 1500 // up to here it is a length (IEEE 802.3 section 3.2.6)
)

func (w *walk) ethernet() {
	if w.has(14) {
		w.skip(12, stageEtherType)
	}
}

// etherType has the type, or length, as the next two bytes.
func (w *walk) etherType() {
	if !w.has(2) {
		return
	}
	kind := be16(w.b)
	w.b = w.b[2:]
	if kind > etherMaxLength {
		w.protocol(kind)
		return
	}
	if int(kind) < len(w.b) {
		w.b = w.b[:kind]
	}
	w.kind = stageLLC
}

// protocol goes on by an EtherType whose content is at hand.
func (w *walk) protocol(kind uint16) {
	switch kind {
	case etherIPv4, etherIPv6:
		w.kind = stageIP
	case etherVLAN, etherQinQ, etherOldQinQ1, etherOldQinQ2, etherOldQinQ3:
		if w.has(4) {
			w.skip(2, stageEtherType)
		}
	case etherPPPoE:
		w.kind = stagePPPoE
	case etherPPP:
		w.kind = stagePPP
	case etherMPLS, etherMPLSMulti:
		w.kind = stageMPLS
	default:
		w.end(&w.d.stats.NotIP)
	}
}

// llc is an IEEE 802.2 header: IP by its own service access point (RFC 948), or
// SNAP (RFC 1042).
func (w *walk) llc() {
	if !w.has(3) {
		return
	}
	switch {
	case w.b[0] == 0x06 && w.b[1] == 0x06:
		w.skip(3, stageIP)
	case w.b[0] == 0xaa && w.b[1] == 0xaa && w.b[2] == 0x03:
		if !w.has(8) {
			return
		}
		organisation, kind := be32(w.b[2:])&0xffffff, be16(w.b[6:])
		w.b = w.b[8:]
		// 0000f8 is 802.1H's, for types that need a bridge's care.
		if organisation != 0 && organisation != 0xf8 {
			w.end(&w.d.stats.NotIP)
			return
		}
		w.protocol(kind)
	default:
		w.end(&w.d.stats.NotIP)
	}
}

// cooked goes on by the protocol field of the Linux cooked headers, where small
// numbers are Linux's own.
func (w *walk) cooked(kind uint16) {
	const linux8022 = 4
	if kind == linux8022 {
		w.kind = stageLLC
		return
	}
	w.protocol(kind)
}

func (w *walk) sll() {
	if !w.has(16) {
		return
	}
	kind := be16(w.b[14:])
	w.b = w.b[16:]
	w.cooked(kind)
}

func (w *walk) sll2() {
	if !w.has(20) {
		return
	}
	kind := be16(w.b)
	w.b = w.b[20:]
	w.cooked(kind)
}

// null has an address family in the byte order of the capturing host, which
// need not be the file's. The numbers for IPv6 differ by system.
func (w *walk) null() {
	if !w.has(4) {
		return
	}
	family := binary.LittleEndian.Uint32(w.b)
	if family > 0xffff {
		family = binary.BigEndian.Uint32(w.b)
	}
	switch family {
	case 2, 10, 24, 28, 30:
		w.skip(4, stageIP)
	default:
		w.end(&w.d.stats.NotIP)
	}
}

// pppoe is a session header (RFC 2516 section 4).
func (w *walk) pppoe() {
	if !w.has(6) {
		return
	}
	size := int(be16(w.b[4:]))
	if w.b[0] != 0x11 || w.b[1] != 0 {
		w.end(&w.d.stats.NotIP)
		return
	}
	if w.b = w.b[6:]; size < len(w.b) {
		w.b = w.b[:size]
	}
	w.kind = stagePPP
}

// ppp is RFC 1661's protocol field, perhaps of one byte (section 6.5), perhaps
// behind HDLC's address and control (RFC 1662).
func (w *walk) ppp() {
	if !w.has(1) {
		return
	}
	if len(w.b) >= 2 && w.b[0] == 0xff && w.b[1] == 0x03 {
		w.b = w.b[2:]
		if !w.has(1) {
			return
		}
	}
	kind, size := uint16(w.b[0]), 1
	if kind&1 == 0 {
		if !w.has(2) {
			return
		}
		kind, size = be16(w.b), 2
	}
	switch kind {
	case 0x0021, 0x0057:
		w.skip(size, stageIP)
	case 0x0281, 0x0283:
		w.skip(size, stageMPLS)
	default:
		w.end(&w.d.stats.NotIP)
	}
}

// hdlc is Cisco's header: address, control, EtherType.
func (w *walk) hdlc() {
	if !w.has(4) {
		return
	}
	kind := be16(w.b[2:])
	w.b = w.b[4:]
	w.protocol(kind)
}

// mpls is one entry of a label stack (RFC 3032). What follows the last one is
// not said: IP shows by its version; a zero nibble is a pseudowire's control
// word (RFC 4385), and anything else is Ethernet without one.
func (w *walk) mpls() {
	if !w.has(4) {
		return
	}
	bottom := w.b[2]&1 != 0
	w.b = w.b[4:]
	if !bottom {
		return
	}
	if !w.has(1) {
		return
	}
	switch w.b[0] >> 4 {
	case 4, 6:
		w.kind = stageIP
	case 0:
		if w.has(4) {
			w.skip(4, stageEthernet)
		}
	default:
		w.kind = stageEthernet
	}
}
