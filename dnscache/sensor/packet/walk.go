package packet

import "encoding/binary"

// stage is what the first bytes of the rest of a frame are.
type stage uint8

const (
	stageEthernet stage = iota
	stageEtherType
	stageLLC
	stageSLL
	stageSLL2
	stageNull
	stagePPP
	stagePPPoE
	stageHDLC
	stageMPLS
	stageIP
	stageGRE
	stageVXLAN
	stageGENEVE
	stageGTP
	stageTeredo
	stageUDP
	stageTCP
	stageUnknownLink

	stageEnd  // from here on the walk is over
	stageDone // the packet is complete
)

// walk is the way through one frame. Every step takes at least one byte from b,
// turns to a stage that does, or ends the walk.
type walk struct {
	d    *Decoder
	p    *Packet
	b    []byte
	kind stage
	cut  bool // the snapshot length cut the frame
}

func (w *walk) step() {
	switch w.kind {
	case stageEthernet:
		w.ethernet()
	case stageEtherType:
		w.etherType()
	case stageLLC:
		w.llc()
	case stageSLL:
		w.sll()
	case stageSLL2:
		w.sll2()
	case stageNull:
		w.null()
	case stagePPP:
		w.ppp()
	case stagePPPoE:
		w.pppoe()
	case stageHDLC:
		w.hdlc()
	case stageMPLS:
		w.mpls()
	case stageIP:
		w.version()
	case stageGRE:
		w.gre()
	case stageVXLAN:
		w.vxlan()
	case stageGENEVE:
		w.geneve()
	case stageGTP:
		w.gtp()
	case stageTeredo:
		w.teredo()
	case stageUDP:
		w.udp()
	case stageTCP:
		w.tcp()
	default:
		w.end(&w.d.stats.UnknownLink)
	}
}

// end gives the frame up and counts why.
func (w *walk) end(reason *uint64) {
	*reason++
	w.kind = stageEnd
}

// short gives up a frame that has less bytes than its headers say.
func (w *walk) short() {
	if w.cut {
		w.end(&w.d.stats.Truncated)
		return
	}
	w.end(&w.d.stats.Malformed)
}

// has is whether n more bytes are there. Otherwise the walk is over.
func (w *walk) has(n int) bool {
	if len(w.b) < n {
		w.short()
		return false
	}
	return true
}

// skip goes on behind n bytes, which has must have found to be there.
func (w *walk) skip(n int, next stage) {
	w.b = w.b[n:]
	w.kind = next
}

func be16(b []byte) uint16 { return binary.BigEndian.Uint16(b) }

func be32(b []byte) uint32 { return binary.BigEndian.Uint32(b) }
