package packet

import "net/netip"

// Protocol numbers.
const (
	protoHopByHop = 0
	protoIPIP     = 4
	protoIPv6     = 41
	protoRouting  = 43
	protoFragment = 44
	protoGRE      = 47
	protoAH       = 51
	protoDest     = 60
)

// tunnel counts a tunnel about to be opened, or ends the walk where there are
// too many.
func (w *walk) tunnel() bool {
	if w.p.Depth >= MaxDepth {
		w.end(&w.d.stats.TooDeep)
		return false
	}
	w.p.Depth++
	w.d.stats.Tunnels++
	return true
}

func (w *walk) version() {
	if !w.has(1) {
		return
	}
	switch w.b[0] >> 4 {
	case 4:
		w.ipv4()
	case 6:
		w.ipv6()
	default:
		w.end(&w.d.stats.Malformed)
	}
}

func (w *walk) ipv4() {
	if !w.has(20) {
		return
	}
	header, total := int(w.b[0]&0xf)*4, int(be16(w.b[2:]))
	if total == 0 {
		total = len(w.b) // segmentation offload
	}
	if header < 20 || total < header {
		w.end(&w.d.stats.Malformed)
		return
	}
	if !w.has(total) {
		return
	}
	b := w.b[:total]
	src, dst := netip.AddrFrom4([4]byte(b[12:])), netip.AddrFrom4([4]byte(b[16:]))
	proto := b[9]
	w.setAddrs(src, dst)
	w.b = b[header:]
	const moreFragments, offsetMask = 0x2000, 0x1fff
	if field := be16(b[6:]); field&(moreFragments|offsetMask) != 0 {
		w.fragment(fragment{
			key:    fragmentKey{src: src, dst: dst, id: uint32(be16(b[4:])), proto: proto},
			offset: int(field&offsetMask) * 8,
			more:   field&moreFragments != 0,
			proto:  proto,
		})
		return
	}
	w.transport(proto)
}

func (w *walk) setAddrs(src, dst netip.Addr) {
	// Ports come with the transport header.
	w.p.Src, w.p.Dst = netip.AddrPortFrom(src, 0), netip.AddrPortFrom(dst, 0)
}

func (w *walk) ipv6() {
	if !w.has(40) {
		return
	}
	size := int(be16(w.b[4:]))
	if size == 0 {
		size = len(w.b) - 40 // a jumbogram (RFC 2675) or segmentation offload
	}
	if !w.has(40 + size) {
		return
	}
	src, dst := netip.AddrFrom16([16]byte(w.b[8:])).Unmap(), netip.AddrFrom16([16]byte(w.b[24:])).Unmap()
	next := w.b[6]
	w.setAddrs(src, dst)
	w.b = w.b[40 : 40+size]
	w.extensions(next)
}

// extensions passes the headers between an IPv6 header and its transport (RFC
// 8200 section 4), each of at least eight bytes.
func (w *walk) extensions(next uint8) {
	for {
		size := 0
		switch next {
		case protoHopByHop, protoRouting, protoDest:
			if !w.has(8) {
				return
			}
			size = 8 + int(w.b[1])*8
		case protoAH:
			if !w.has(8) {
				return
			}
			size = 8 + int(w.b[1])*4 // RFC 4302 section 2.2: in words, minus two
		case protoFragment:
			if !w.has(8) {
				return
			}
			if be16(w.b[2:])&0xfff9 != 0 {
				w.ipv6Fragment()
				return
			}
			size = 8 // RFC 6946: atomic
		default:
			w.transport(next)
			return
		}
		if !w.has(size) {
			return
		}
		next, w.b = w.b[0], w.b[size:]
	}
}

func (w *walk) ipv6Fragment() {
	field := be16(w.b[2:])
	f := fragment{
		// RFC 8200 section 4.5: addresses and identification make the key.
		key:    fragmentKey{src: w.p.Src.Addr(), dst: w.p.Dst.Addr(), id: be32(w.b[4:]), v6: true},
		offset: int(field &^ 7),
		more:   field&1 != 0,
		proto:  w.b[0],
	}
	w.b = w.b[8:]
	w.fragment(f)
}

// fragment files a piece and goes on where it was the last that was missing.
func (w *walk) fragment(f fragment) {
	f.data, f.timeNs = w.b, w.p.TimeNs
	whole, proto, ok := w.d.fragments.add(f)
	if !ok {
		w.kind = stageEnd
		return
	}
	w.b = whole
	if f.key.v6 {
		w.extensions(proto)
		return
	}
	w.transport(proto)
}

func (w *walk) transport(proto uint8) {
	switch {
	case proto == UDP:
		w.kind = stageUDP
	case proto == TCP:
		w.kind = stageTCP
	case proto == protoAH:
		w.extensions(proto)
	case !w.d.openTunnels:
		w.end(&w.d.stats.Other)
	case proto == protoIPIP, proto == protoIPv6:
		if w.tunnel() {
			w.kind = stageIP
		}
	case proto == protoGRE:
		if w.tunnel() {
			w.kind = stageGRE
		}
	default:
		w.end(&w.d.stats.Other)
	}
}

func (w *walk) udp() {
	if !w.has(8) {
		return
	}
	src, dst, size := be16(w.b), be16(w.b[2:]), int(be16(w.b[4:]))
	if size == 0 {
		size = len(w.b) // RFC 2675 section 4, and offload
	}
	if size < 8 {
		w.end(&w.d.stats.Malformed)
		return
	}
	if !w.has(size) {
		return
	}
	payload := w.b[8:size]
	if w.d.openTunnels {
		if next, ok := udpTunnel(src, dst, payload); ok {
			if w.tunnel() {
				w.b, w.kind = payload, next
			}
			return
		}
	}
	w.p.Proto = UDP
	w.p.Src, w.p.Dst = netip.AddrPortFrom(w.p.Src.Addr(), src), netip.AddrPortFrom(w.p.Dst.Addr(), dst)
	w.p.Payload = payload
	w.kind = stageDone
}

func (w *walk) tcp() {
	if !w.has(20) {
		return
	}
	header, flags := int(w.b[12]>>4)*4, w.b[13]
	if header < 20 {
		w.end(&w.d.stats.Malformed)
		return
	}
	if !w.has(header) {
		return
	}
	p := w.p
	p.Proto = TCP
	p.Src, p.Dst = netip.AddrPortFrom(p.Src.Addr(), be16(w.b)), netip.AddrPortFrom(p.Dst.Addr(), be16(w.b[2:]))
	p.Seq, p.Ack = be32(w.b[4:]), be32(w.b[8:])
	p.FIN, p.SYN, p.RST, p.ACK = flags&1 != 0, flags&2 != 0, flags&4 != 0, flags&16 != 0
	p.Payload = w.b[header:]
	w.kind = stageDone
}
