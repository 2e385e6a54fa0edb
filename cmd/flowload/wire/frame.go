package wire

import (
	"io"
	"net/netip"
)

const (
	etherLen = 14
	ip4Len   = 20
	ip6Len   = 40
	udpLen   = 8
	tcpLen   = 20

	protoTCP = 6
	protoUDP = 17
)

// Flags of TCP (RFC 9293 section 3.1).
const (
	tcpFin = 0x01
	tcpSyn = 0x02
	tcpPsh = 0x08
	tcpAck = 0x10
)

// A Capture writes a pcap file.
type Capture struct {
	w     io.Writer
	frame []byte
}

// NewCapture writes the header of a pcap file: times in nanoseconds, Ethernet.
func NewCapture(w io.Writer) (*Capture, error) {
	h := be.AppendUint32(nil, 0xa1b23c4d)
	h = append(h, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0)
	h = be.AppendUint32(h, 1<<18)
	h = be.AppendUint32(h, 1)
	_, err := w.Write(h)
	return &Capture{w: w}, err
}

// UDP writes a datagram.
func (c *Capture) UDP(atNs int64, src, dst netip.AddrPort, payload []byte) error {
	c.begin(src, dst, protoUDP, udpLen+len(payload))
	at := len(c.frame)
	c.frame = be.AppendUint16(c.frame, src.Port())
	c.frame = be.AppendUint16(c.frame, dst.Port())
	c.frame = be.AppendUint16(c.frame, uint16(udpLen+len(payload)))
	c.frame = append(c.frame, 0, 0)
	c.frame = append(c.frame, payload...)
	be.PutUint16(c.frame[at+6:], max(checksum(src.Addr(), dst.Addr(), protoUDP, c.frame[at:]), 1))
	return c.end(atNs)
}

// TCP writes a segment.
func (c *Capture) TCP(atNs int64, src, dst netip.AddrPort, seq, ack uint32, flags byte, payload ...[]byte) error {
	size := tcpLen
	for _, p := range payload {
		size += len(p)
	}
	c.begin(src, dst, protoTCP, size)
	at := len(c.frame)
	c.frame = be.AppendUint16(c.frame, src.Port())
	c.frame = be.AppendUint16(c.frame, dst.Port())
	c.frame = be.AppendUint32(c.frame, seq)
	c.frame = be.AppendUint32(c.frame, ack)
	c.frame = append(c.frame, tcpLen/4<<4, flags, 0xff, 0xff, 0, 0, 0, 0)
	for _, p := range payload {
		c.frame = append(c.frame, p...)
	}
	be.PutUint16(c.frame[at+16:], checksum(src.Addr(), dst.Addr(), protoTCP, c.frame[at:]))
	return c.end(atNs)
}

// begin makes the frame up to the end of its IP header.
func (c *Capture) begin(src, dst netip.AddrPort, proto byte, size int) {
	c.frame = append(c.frame[:0], make([]byte, 16)...) // the record's header, filled by end
	c.frame = append(c.frame, 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1)
	c.frame = appendIP(c.frame, src.Addr(), dst.Addr(), proto, size)
}

func (c *Capture) end(atNs int64) error {
	size := uint32(len(c.frame) - 16)
	be.PutUint32(c.frame, uint32(atNs/1e9))
	be.PutUint32(c.frame[4:], uint32(atNs%1e9))
	be.PutUint32(c.frame[8:], size)
	be.PutUint32(c.frame[12:], size)
	_, err := c.w.Write(c.frame)
	return err
}

// checksum is that of UDP and TCP with their pseudo header (RFC 768, RFC 8200
// section 8.1).
func checksum(src, dst netip.Addr, proto byte, b []byte) uint16 {
	s := sum(0, src.AsSlice())
	s = sum(s, dst.AsSlice())
	s = sum(s+uint64(proto)+uint64(len(b)), b)
	return ^fold(s)
}

func sum(s uint64, b []byte) uint64 {
	for ; len(b) > 1; b = b[2:] {
		s += uint64(be.Uint16(b))
	}
	if len(b) > 0 {
		s += uint64(b[0]) << 8
	}
	return s
}

func fold(s uint64) uint16 {
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}
