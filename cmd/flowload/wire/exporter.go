package wire

import (
	"fmt"
	"net/netip"

	"flowname/cmd/flowload/world"
)

// A Format is an export protocol.
type Format int

// The formats.
const (
	V5 Format = iota + 5
	V9 Format = iota + 8
	IPFIX
	SFlow
)

// Formats are all formats.
func Formats() []Format { return []Format{V5, V9, IPFIX, SFlow} }

// String is the format's name on the command line.
func (f Format) String() string {
	switch f {
	case V5:
		return "v5"
	case V9:
		return "v9"
	case SFlow:
		return "sflow"
	}
	return "ipfix"
}

// ParseFormat reads a format's name.
func ParseFormat(text string) (Format, error) {
	for _, f := range Formats() {
		if f.String() == text {
			return f, nil
		}
	}
	return 0, fmt.Errorf("format %q: want v5, v9, ipfix or sflow", text)
}

// Ids of the templates.
const (
	template4 = 256
	template6 = 257
)

// A field is an information element and its length.
type field struct{ id, size uint16 }

// fields4 and fields6 are what a router exports of a flow: eighteen fields. The
// ninth and tenth are the times, of the format.
var (
	fields4 = [18]field{
		{8, 4}, {12, 4}, {15, 4}, {10, 4}, {14, 4}, {2, 8}, {1, 8}, {}, {},
		{7, 2}, {11, 2}, {6, 1}, {4, 1}, {5, 1}, {16, 4}, {17, 4}, {9, 1}, {13, 1},
	}
	fields6 = [18]field{
		{27, 16}, {28, 16}, {62, 16}, {10, 4}, {14, 4}, {2, 8}, {1, 8}, {}, {},
		{7, 2}, {11, 2}, {6, 1}, {4, 1}, {5, 1}, {16, 4}, {17, 4}, {29, 1}, {30, 1},
	}
)

const timeField = 7 // where the times are in fields4 and fields6

// An Exporter makes the messages of one router.
type Exporter struct {
	format Format
	number int
	bootMs int64
	flows  uint32 // told so far
	msgs   uint32 // sent so far
}

// NewExporter is a world's exporter of that number.
func NewExporter(f Format, w *world.World, number int) *Exporter {
	return &Exporter{format: f, number: number, bootMs: w.Config().StartNs/1e6 - 1_000_000 - 137*int64(number)}
}

// AppendTemplates appends a message with the exporter's templates; nothing in v5
// and sFlow, which have none.
func (e *Exporter) AppendTemplates(dst []byte, atNs int64) []byte {
	if e.format == V5 || e.format == SFlow {
		return dst
	}
	start := len(dst)
	dst = e.appendHeader(dst, atNs, 2)
	set := len(dst)
	id, times := uint16(0), [2]field{{22, 4}, {21, 4}}
	if e.format == IPFIX {
		id, times = 2, [2]field{{152, 8}, {153, 8}}
	}
	dst = append(be.AppendUint16(dst, id), 0, 0)
	for _, t := range []struct {
		id     uint16
		fields [18]field
	}{{template4, fields4}, {template6, fields6}} {
		copy(t.fields[timeField:], times[:])
		dst = be.AppendUint16(dst, t.id)
		dst = be.AppendUint16(dst, uint16(len(t.fields)))
		for _, f := range t.fields {
			dst = be.AppendUint16(be.AppendUint16(dst, f.id), f.size)
		}
	}
	be.PutUint16(dst[set+2:], uint16(len(dst)-set))
	return e.end(dst, start, 0)
}

// AppendFlows appends a message with the flows, in their order; at most as many
// as Config.PerDatagram can say.
func (e *Exporter) AppendFlows(dst []byte, atNs int64, flows []world.Flow) []byte {
	start := len(dst)
	if e.format == SFlow {
		return e.end(e.appendDatagram(dst, atNs, flows), start, len(flows))
	}
	dst = e.appendHeader(dst, atNs, len(flows))
	if e.format == V5 {
		for i := range flows {
			dst = e.appendV5(dst, &flows[i])
		}
		return e.end(dst, start, len(flows))
	}
	set, had := -1, uint16(0)
	for i := range flows {
		id := uint16(template4)
		if flows[i].Client.Addr().Is6() {
			id = template6
		}
		if id != had {
			dst = endSet(dst, set)
			set, had = len(dst), id
			dst = append(be.AppendUint16(dst, id), 0, 0)
		}
		dst = e.appendRecord(dst, &flows[i])
	}
	return e.end(endSet(dst, set), start, len(flows))
}

// endSet fills in the length of the set that begins there.
func endSet(dst []byte, set int) []byte {
	if set < 0 {
		return dst
	}
	for (len(dst)-set)%4 != 0 {
		dst = append(dst, 0)
	}
	be.PutUint16(dst[set+2:], uint16(len(dst)-set))
	return dst
}

// appendHeader appends the header of a message of so many records.
func (e *Exporter) appendHeader(dst []byte, atNs int64, count int) []byte {
	dst = be.AppendUint16(dst, uint16(e.format))
	seconds, uptime := uint32(atNs/1e9), uint32(atNs/1e6-e.bootMs)
	switch e.format {
	case V5:
		dst = be.AppendUint16(dst, uint16(count))
		dst = be.AppendUint32(dst, uptime)
		dst = be.AppendUint32(dst, seconds)
		dst = be.AppendUint32(dst, uint32(atNs%1e9))
		dst = be.AppendUint32(dst, e.flows)
		return append(dst, 0, byte(e.number), 0, 0)
	case V9:
		dst = be.AppendUint16(dst, uint16(count))
		dst = be.AppendUint32(dst, uptime)
		dst = be.AppendUint32(dst, seconds)
		dst = be.AppendUint32(dst, e.msgs)
	case IPFIX:
		dst = append(dst, 0, 0)
		dst = be.AppendUint32(dst, seconds)
		dst = be.AppendUint32(dst, e.flows)
	}
	return be.AppendUint32(dst, uint32(e.number+1))
}

// end completes the message that begins there.
func (e *Exporter) end(dst []byte, start, flows int) []byte {
	if e.format == IPFIX {
		be.PutUint16(dst[start+2:], uint16(len(dst)-start))
	}
	e.flows += uint32(flows)
	e.msgs++
	return dst
}

// appendRecord appends a data record of fields4 or fields6.
func (e *Exporter) appendRecord(dst []byte, f *world.Flow) []byte {
	src, dst2 := f.Src(), f.Dst()
	dst = appendAddr(dst, src.Addr())
	dst = appendAddr(dst, dst2.Addr())
	dst = appendAddr(dst, nextHop(src.Addr()))
	dst = be.AppendUint32(dst, 1+uint32(e.number))
	dst = be.AppendUint32(dst, 100+uint32(e.number))
	dst = be.AppendUint64(dst, f.Packets)
	dst = be.AppendUint64(dst, f.Bytes)
	if e.format == IPFIX {
		dst = be.AppendUint64(dst, uint64(f.StartNs/1e6))
		dst = be.AppendUint64(dst, uint64(f.EndNs/1e6))
	} else {
		dst = be.AppendUint32(dst, e.uptime(f.StartNs))
		dst = be.AppendUint32(dst, e.uptime(f.EndNs))
	}
	dst = be.AppendUint16(dst, src.Port())
	dst = be.AppendUint16(dst, dst2.Port())
	dst = append(dst, f.TCPFlags, f.Proto, 0)
	dst = be.AppendUint32(dst, 64512)
	dst = be.AppendUint32(dst, 65000)
	return append(dst, 24, 16)
}

func (e *Exporter) appendV5(dst []byte, f *world.Flow) []byte {
	src, dst2 := f.Src(), f.Dst()
	dst = appendAddr(dst, src.Addr())
	dst = appendAddr(dst, dst2.Addr())
	dst = appendAddr(dst, nextHop(src.Addr()))
	dst = append(dst, 0, byte(1+e.number), 0, byte(1+e.number))
	dst = be.AppendUint32(dst, uint32(f.Packets))
	dst = be.AppendUint32(dst, uint32(f.Bytes))
	dst = be.AppendUint32(dst, e.uptime(f.StartNs))
	dst = be.AppendUint32(dst, e.uptime(f.EndNs))
	dst = be.AppendUint16(dst, src.Port())
	dst = be.AppendUint16(dst, dst2.Port())
	dst = append(dst, 0, f.TCPFlags, f.Proto, 0)
	dst = be.AppendUint16(dst, 64512)
	dst = be.AppendUint16(dst, 65000)
	return append(dst, 24, 16, 0, 0)
}

// uptime is how long the exporter had run by then, in ms.
func (e *Exporter) uptime(ns int64) uint32 { return uint32(ns/1e6 - e.bootMs) }

func appendAddr(dst []byte, a netip.Addr) []byte {
	if a.Is4() {
		b := a.As4()
		return append(dst, b[:]...)
	}
	b := a.As16()
	return append(dst, b[:]...)
}

var (
	nextHop4 = netip.AddrFrom4([4]byte{203, 0, 113, 1})
	nextHop6 = netip.AddrFrom16([16]byte{0: 0x20, 1: 1, 2: 0x0d, 3: 0xb8, 5: 9, 15: 1})
)

func nextHop(of netip.Addr) netip.Addr {
	if of.Is4() {
		return nextHop4
	}
	return nextHop6
}
