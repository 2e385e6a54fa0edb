package wire

import (
	"net/netip"

	"flowname/cmd/flowload/world"
)

// Numbers of sFlow version 5.
const (
	sflowVersion  = 5
	flowSample    = 1
	sampledHeader = 1
	ethernet      = 1
	samplingRate  = 512
	frameCheck    = 4 // bytes at a frame's end that no agent samples
)

// appendDatagram appends an sFlow datagram with a flow sample for each flow: a
// packet of it, whose length is the flow's bytes. sFlow tells no times: a
// collector has its own.
func (e *Exporter) appendDatagram(dst []byte, atNs int64, flows []world.Flow) []byte {
	dst = be.AppendUint32(dst, sflowVersion)
	dst = be.AppendUint32(dst, 1) // the agent is IPv4
	dst = append(dst, 192, 0, 2, byte(1+e.number))
	dst = be.AppendUint32(dst, uint32(e.number))
	dst = be.AppendUint32(dst, e.msgs)
	dst = be.AppendUint32(dst, uint32(atNs/1e6-e.bootMs))
	dst = be.AppendUint32(dst, uint32(len(flows)))
	for i := range flows {
		dst = e.appendSample(dst, uint32(i), &flows[i])
	}
	return dst
}

// appendSample appends the flow sample that is so far behind in its datagram.
func (e *Exporter) appendSample(dst []byte, behind uint32, f *world.Flow) []byte {
	number := e.flows + behind
	dst, sample := beginPart(dst, flowSample)
	dst = be.AppendUint32(dst, number)
	dst = be.AppendUint32(dst, 1+uint32(e.number)) // data source: the interface
	dst = be.AppendUint32(dst, samplingRate)
	dst = be.AppendUint32(dst, (1+number)*samplingRate)
	dst = be.AppendUint32(dst, 0) // none dropped
	dst = be.AppendUint32(dst, 1+uint32(e.number))
	dst = be.AppendUint32(dst, 100+uint32(e.number))
	dst = be.AppendUint32(dst, 1) // one record
	dst, record := beginPart(dst, sampledHeader)
	dst = be.AppendUint32(dst, ethernet)
	dst = be.AppendUint32(dst, uint32(f.Bytes))
	dst = be.AppendUint32(dst, frameCheck)
	size := len(dst)
	dst = be.AppendUint32(dst, 0)
	dst = appendPacket(dst, f)
	be.PutUint32(dst[size:], uint32(len(dst)-size-4))
	for len(dst)%4 != 0 {
		dst = append(dst, 0)
	}
	endPart(dst, record)
	endPart(dst, sample)
	return dst
}

// beginPart appends the format of a sample or record, and room for its length.
func beginPart(dst []byte, format uint32) (all []byte, body int) {
	dst = be.AppendUint32(be.AppendUint32(dst, format), 0)
	return dst, len(dst)
}

// endPart fills in the length of the part whose body begins there.
func endPart(dst []byte, body int) { be.PutUint32(dst[body-4:], uint32(len(dst)-body)) }

// appendPacket appends the headers of a flow's packet, in an Ethernet frame.
func appendPacket(dst []byte, f *world.Flow) []byte {
	src, to := f.Src(), f.Dst()
	size := udpLen
	if f.Proto == protoTCP {
		size = tcpLen
	}
	dst = appendIP(append(dst, 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1), src.Addr(), to.Addr(), f.Proto, size)
	dst = be.AppendUint16(dst, src.Port())
	dst = be.AppendUint16(dst, to.Port())
	if f.Proto != protoTCP {
		return append(dst, 0, udpLen, 0, 0)
	}
	return append(dst, 0, 0, 0, 1, 0, 0, 0, 1, tcpLen/4<<4, f.TCPFlags, 0xff, 0xff, 0, 0, 0, 0)
}

// appendIP appends an Ethernet type and an IP header before size bytes of a
// protocol.
func appendIP(dst []byte, src, to netip.Addr, proto byte, size int) []byte {
	if src.Is4() {
		dst = append(dst, 8, 0)
		at := len(dst)
		dst = be.AppendUint16(append(dst, 0x45, 0), uint16(ip4Len+size))
		dst = append(dst, 0, 0, 0x40, 0, 64, proto, 0, 0)
		dst = appendAddr(appendAddr(dst, src), to)
		be.PutUint16(dst[at+10:], ^fold(sum(0, dst[at:])))
		return dst
	}
	dst = append(dst, 0x86, 0xdd, 0x60, 0, 0, 0)
	dst = be.AppendUint16(dst, uint16(size))
	return appendAddr(appendAddr(append(dst, proto, 64), src), to)
}
