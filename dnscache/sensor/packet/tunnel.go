package packet

// UDP ports of tunnels.
const (
	portDNS       = 53
	portGTP       = 2152
	portTeredo    = 3544
	portGRE       = 4754 // RFC 8086
	portVXLAN     = 4789
	portVXLANGPE  = 4790
	portGENEVE    = 6081
	portVXLANOld  = 8472 // Linux before IANA's number
	greChecksum   = 0x8000
	greRouting    = 0x4000
	greKey        = 0x2000
	greSequence   = 0x1000
	greAck        = 0x0080
	greVersion    = 0x0007
	vxlanHasVNI   = 0x08
	vxlanHasProto = 0x04
)

// udpTunnel is whether a datagram's ports and first bytes are those of a
// tunnel. Either port counts: answers of some endpoints come from the tunnel's
// port.
func udpTunnel(src, dst uint16, b []byte) (stage, bool) {
	if src == portDNS || dst == portDNS {
		return 0, false
	}
	if next, ok := portTunnel(dst, b); ok {
		return next, true
	}
	return portTunnel(src, b)
}

func portTunnel(port uint16, b []byte) (stage, bool) {
	if len(b) < 8 {
		return 0, false
	}
	switch port {
	case portVXLAN, portVXLANOld, portVXLANGPE:
		// The other bits of the first byte are GPE's and group policy's.
		const reserved = 0x70
		return stageVXLAN, b[0]&vxlanHasVNI != 0 && b[0]&reserved == 0 && b[7] == 0
	case portGENEVE:
		return stageGENEVE, b[0]>>6 == 0 && b[1]&0x3f == 0 && b[7] == 0 && knownPayload(be16(b[2:]))
	case portGRE:
		return stageGRE, be16(b)&greVersion == 0 && knownPayload(be16(b[2:]))
	case portGTP:
		const userData = 0xff
		return stageGTP, b[0]>>4 == 3 && b[1] == userData
	case portTeredo:
		return stageTeredo, teredoInner(b) >= 0
	}
	return 0, false
}

// knownPayload is whether a tunnel's protocol field says something that is
// opened.
func knownPayload(kind uint16) bool {
	switch kind {
	case etherIPv4, etherIPv6, etherEthernet, etherMPLS, etherMPLSMulti, etherVLAN, etherQinQ, etherPPP,
		etherERSPAN, etherERSPAN3:
		return true
	}
	return false
}

// gre is RFC 2784 and 2890, or the enhanced header of PPTP (RFC 2637 section
// 4.1).
func (w *walk) gre() {
	if !w.has(4) {
		return
	}
	flags, kind := be16(w.b), be16(w.b[2:])
	if flags&greVersion == 1 {
		w.pptp(flags, kind)
		return
	}
	if flags&greVersion != 0 || flags&greRouting != 0 {
		// RFC 2784 section 2.3 lets a receiver drop source routes.
		w.end(&w.d.stats.Malformed)
		return
	}
	size := 4
	for _, option := range [...]uint16{greChecksum, greKey, greSequence} {
		if flags&option != 0 {
			size += 4
		}
	}
	if !w.has(size) {
		return
	}
	w.b = w.b[size:]
	w.grePayload(kind, flags&greSequence != 0)
}

func (w *walk) grePayload(kind uint16, sequence bool) {
	switch kind {
	case etherEthernet:
		w.kind = stageEthernet
	case etherERSPAN:
		w.erspan(sequence)
	case etherERSPAN3:
		w.erspan3()
	default:
		w.protocol(kind)
	}
}

func (w *walk) pptp(flags, kind uint16) {
	size := 8
	if flags&greSequence != 0 {
		size += 4
	}
	if flags&greAck != 0 {
		size += 4
	}
	if !w.has(size) {
		return
	}
	payload := int(be16(w.b[4:]))
	w.b = w.b[size:]
	if payload == 0 || kind != etherPPP {
		w.end(&w.d.stats.NotIP) // an acknowledgement only
		return
	}
	if payload < len(w.b) {
		w.b = w.b[:payload]
	}
	w.kind = stagePPP
}

// erspan is type II, with a header of eight bytes, where GRE has a sequence
// number, and type I, with none, where it has not (draft-foschiano-erspan
// section 4).
func (w *walk) erspan(sequence bool) {
	if !sequence {
		w.kind = stageEthernet
		return
	}
	if w.has(8) {
		w.skip(8, stageEthernet)
	}
}

func (w *walk) erspan3() {
	if !w.has(12) {
		return
	}
	size, next := 12, stageEthernet
	if w.b[11]&1 != 0 {
		size += 8 // platform-specific subheader
	}
	const frameIP = 2
	if w.b[10]>>2&0x1f == frameIP {
		next = stageIP
	}
	if w.has(size) {
		w.skip(size, next)
	}
}

// vxlan is RFC 7348, and its generic protocol extension
// (draft-ietf-nvo3-vxlan-gpe section 3) where the P bit is set.
func (w *walk) vxlan() {
	next := stageEthernet
	if w.b[0]&vxlanHasProto != 0 {
		switch w.b[3] {
		case 1, 2:
			next = stageIP
		case 3:
		case 5:
			next = stageMPLS
		default:
			w.end(&w.d.stats.NotIP)
			return
		}
	}
	w.skip(8, next)
}

func (w *walk) geneve() {
	size, kind := 8+int(w.b[0]&0x3f)*4, be16(w.b[2:])
	if !w.has(size) {
		return
	}
	w.b = w.b[size:]
	w.grePayload(kind, false)
}

// gtp is the header of 3GPP TS 29.281 section 5.1 with its chain of extension
// headers, whose lengths are in fours.
func (w *walk) gtp() {
	flags, total := w.b[0], 8+int(be16(w.b[2:]))
	if total < len(w.b) {
		w.b = w.b[:total]
	}
	if flags&7 == 0 {
		w.skip(8, stageIP)
		return
	}
	if !w.has(12) {
		return
	}
	next := w.b[11]
	w.b = w.b[12:]
	if flags&4 == 0 {
		next = 0
	}
	for next != 0 {
		if !w.has(4) {
			return
		}
		size := int(w.b[0]) * 4
		if size == 0 {
			w.end(&w.d.stats.Malformed)
			return
		}
		if !w.has(size) {
			return
		}
		next, w.b = w.b[size-1], w.b[size:]
	}
	w.kind = stageIP
}

// teredoInner is where the IPv6 packet begins in a Teredo payload: behind an
// authentication and an origin header, each perhaps (RFC 4380 section 5.1.1).
// It is
// -1 where there is none of the length that it says.
func teredoInner(b []byte) int {
	start := 0
	if len(b) >= 4 && be16(b) == 1 {
		start = 4 + int(b[2]) + int(b[3]) + 9
	}
	if len(b) >= start+8 && be16(b[start:]) == 0 {
		start += 8
	}
	if len(b) < start+40 || b[start]>>4 != 6 || len(b) < start+40+int(be16(b[start+4:])) {
		return -1
	}
	return start
}

func (w *walk) teredo() { w.skip(teredoInner(w.b), stageIP) }
