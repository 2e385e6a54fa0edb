package packet

import (
	"net/netip"

	"flowname/dnscache/sensor/capture"
)

// Protocols of a Packet.
const (
	TCP = 6
	UDP = 17
)

// MaxDepth is how many tunnels in one another are opened.
const MaxDepth = 8

// A Packet is one UDP datagram or TCP segment.
type Packet struct {
	TimeNs   int64 // Unix nanoseconds, the frame's; of the last fragment for a datagram that came in several
	Src, Dst netip.AddrPort
	// Payload is valid until the next Decode.
	Payload []byte
	Proto   uint8 // TCP or UDP
	Depth   int   // tunnels opened to get here

	// The rest is set for TCP only.
	Seq, Ack           uint32
	SYN, FIN, RST, ACK bool
}

// Config says how frames are opened. The zero value opens no tunnels.
type Config struct {
	OpenTunnels bool
	// MaxDatagrams and MaxFragmentBytes bound the fragments that wait; 0 is
	// 1024 and 8 MiB.
	MaxDatagrams     int
	MaxFragmentBytes int
}

// Stats counts frames by what became of them. Of frames that Decode gave
// nothing for, one of the counters from UnknownLink to Other went up,
// or one of the fragment counters.
type Stats struct {
	Frames  uint64 // frames given to Decode
	Packets uint64 // packets it gave
	Tunnels uint64 // tunnels opened

	UnknownLink uint64 // a link type that is not opened
	NotIP       uint64 // another protocol in place of IP: ARP, LLDP, control frames
	Malformed   uint64 // a header or length that can not be
	Truncated   uint64 // cut by the snapshot length
	TooDeep     uint64 // over MaxDepth tunnels
	Other       uint64 // IP, but neither UDP nor TCP nor an opened tunnel

	Fragments         uint64 // fragments taken to be put together
	Reassembled       uint64 // datagrams put together
	FragmentDuplicate uint64 // fragments that repeat another one
	FragmentOverlap   uint64 // datagrams killed because two fragments overlap or disagree about the end
	FragmentDead      uint64 // fragments of a datagram killed before
	FragmentBad       uint64 // fragments that can not be: no length, beyond 65535, not in eights
	FragmentMany      uint64 // datagrams killed for more fragments than are kept
	FragmentExpired   uint64 // datagrams given up for their age
	FragmentEvicted   uint64 // datagrams given up because the memory was full
}

// A Decoder opens frames. Use NewDecoder.
type Decoder struct {
	openTunnels bool
	fragments   fragments
	stats       Stats
}

// NewDecoder makes a Decoder.
func NewDecoder(cfg Config) *Decoder {
	d := &Decoder{openTunnels: cfg.OpenTunnels}
	d.fragments.init(cfg, &d.stats)
	return d
}

// Stats is what has been counted so far.
func (d *Decoder) Stats() Stats { return d.stats }

// Decode opens a frame into p; it is false where the frame has no datagram or
// segment to give (yet), and p then has no meaning.
func (d *Decoder) Decode(f capture.Frame, p *Packet) bool {
	d.stats.Frames++
	d.fragments.recycle()
	w := walk{d: d, b: f.Data, p: p, cut: f.OrigLen > len(f.Data)}
	*p = Packet{TimeNs: f.TimeNs}
	w.kind = linkStage(f.Link)
	for w.kind < stageEnd {
		w.step()
	}
	if w.kind == stageDone {
		d.stats.Packets++
		return true
	}
	return false
}

func linkStage(link capture.LinkType) stage {
	switch link {
	case capture.LinkEthernet:
		return stageEthernet
	case capture.LinkRaw, capture.LinkRawBSD, capture.LinkRawOpenBSD, capture.LinkIPv4, capture.LinkIPv6:
		return stageIP
	case capture.LinkSLL:
		return stageSLL
	case capture.LinkSLL2:
		return stageSLL2
	case capture.LinkNull, capture.LinkLoop:
		return stageNull
	case capture.LinkPPP, capture.LinkPPPHDLC:
		return stagePPP
	case capture.LinkPPPEthernet:
		return stagePPPoE
	case capture.LinkCiscoHDLC:
		return stageHDLC
	}
	return stageUnknownLink
}
