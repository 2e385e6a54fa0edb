package dnstap

import (
	"errors"
	"math"
	"net/netip"

	"google.golang.org/protobuf/encoding/protowire"
)

// Field numbers of the message Dnstap in dnstap.proto.
const (
	fieldIdentity = 1
	fieldMessage  = 14
	fieldType     = 15

	typeMessage = 1 // the only value of Dnstap.type
)

// Field numbers of the message Message.
const (
	fieldMessageType     = 1
	fieldProtocol        = 3
	fieldQueryAddress    = 4
	fieldResponseAddress = 5
	fieldQueryPort       = 6
	fieldResponsePort    = 7
	fieldQuerySec        = 8
	fieldQueryNsec       = 9
	fieldQueryMessage    = 10
	fieldResponseSec     = 12
	fieldResponseNsec    = 13
	fieldResponseMessage = 14
)

// errNotMessage is a well-formed Dnstap that is not a message.
var errNotMessage = errors.New("dnstap: frame without a message")

// A peer is one end of the exchange with its half of it, as on the wire.
type peer struct {
	addr []byte
	port uint64
	sec  uint64
	nsec uint32
	wire []byte
}

// fields are what the two protobuf messages of a frame carry. Byte slices alias
// the frame.
type fields struct {
	identity        []byte
	kind            uint64
	message         bool
	typ, protocol   uint64
	query, response peer
}

// odd is what a frame says wrongly without being unusable.
type odd struct {
	address, time bool
}

// Decode reads a frame into m. m's slices alias the frame.
func (m *Message) Decode(frame []byte) error {
	_, err := m.decode(frame)
	return err
}

func (m *Message) decode(frame []byte) (odd, error) {
	*m = Message{}
	var f fields
	if err := consume(frame, &f, false); err != nil {
		return odd{}, err
	}
	// The schema requires the type; a writer that leaves it out means a message.
	if !f.message || f.kind > typeMessage {
		return odd{}, errNotMessage
	}
	return m.fill(&f), nil
}

// consume reads one protobuf message into f: the outer one, or the inner one
// that it holds. Of a repeated field the last value counts, and repeated inner
// messages are merged, as protobuf has it. A field with another wire type than
// the schema's is an unknown one.
func consume(b []byte, f *fields, inner bool) error {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		switch typ {
		case protowire.VarintType:
			var v uint64
			if v, n = protowire.ConsumeVarint(b); n >= 0 {
				f.setVarint(num, v, inner)
			}
		case protowire.Fixed32Type:
			var v uint32
			if v, n = protowire.ConsumeFixed32(b); n >= 0 && inner {
				f.setFixed32(num, v)
			}
		case protowire.BytesType:
			var v []byte
			if v, n = protowire.ConsumeBytes(b); n >= 0 {
				if err := f.setBytes(num, v, inner); err != nil {
					return err
				}
			}
		default:
			n = protowire.ConsumeFieldValue(num, typ, b)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
	}
	return nil
}

func (f *fields) setVarint(num protowire.Number, v uint64, inner bool) {
	if !inner {
		if num == fieldType {
			f.kind = v
		}
		return
	}
	switch num {
	case fieldMessageType:
		f.typ = v
	case fieldProtocol:
		f.protocol = v
	case fieldQueryPort:
		f.query.port = v
	case fieldResponsePort:
		f.response.port = v
	case fieldQuerySec:
		f.query.sec = v
	case fieldResponseSec:
		f.response.sec = v
	}
}

func (f *fields) setFixed32(num protowire.Number, v uint32) {
	switch num {
	case fieldQueryNsec:
		f.query.nsec = v
	case fieldResponseNsec:
		f.response.nsec = v
	}
}

func (f *fields) setBytes(num protowire.Number, v []byte, inner bool) error {
	if !inner {
		switch num {
		case fieldIdentity:
			f.identity = v
		case fieldMessage:
			f.message = true
			return consume(v, f, true)
		}
		return nil
	}
	switch num {
	case fieldQueryAddress:
		f.query.addr = v
	case fieldResponseAddress:
		f.response.addr = v
	case fieldQueryMessage:
		f.query.wire = v
	case fieldResponseMessage:
		f.response.wire = v
	}
	return nil
}

// fill makes the Message of the fields.
func (m *Message) fill(f *fields) (o odd) {
	m.Identity = f.identity
	if f.typ < uint64(numTypes) {
		m.Type = MessageType(f.typ)
	}
	if f.protocol <= math.MaxUint8 {
		m.Protocol = Protocol(f.protocol)
	}
	m.Client = f.query.addrPort(&o)
	m.Server = f.response.addrPort(&o)
	first, second := &f.query, &f.response
	if m.Type.Response() {
		first, second = second, first
		m.Query = f.query.wire
	}
	m.Wire = first.wire
	if m.TimeNs = first.timeNs(&o); m.TimeNs == 0 {
		m.TimeNs = second.timeNs(&o)
	}
	return o
}

// addrPort is the peer's address. The octets decide what it is, not the
// message's socket_family: CoreDNS writes IPv4 peers as ::ffff:192.0.2.1 and
// says INET.
func (p *peer) addrPort(o *odd) netip.AddrPort {
	if len(p.addr) == 0 {
		return netip.AddrPort{}
	}
	addr, ok := netip.AddrFromSlice(p.addr)
	if !ok {
		o.address = true
		return netip.AddrPort{}
	}
	addr = addr.Unmap()
	if addr.IsUnspecified() {
		return netip.AddrPort{}
	}
	port := uint16(p.port)
	if p.port > math.MaxUint16 {
		o.address = true
		port = 0
	}
	return netip.AddrPortFrom(addr, port)
}

// timeNs is the peer's time in Unix nanoseconds, 0 where it has none. A time
// with too many nanoseconds is good to its second.
func (p *peer) timeNs(o *odd) int64 {
	const second = 1_000_000_000
	if p.sec == 0 {
		return 0
	}
	if p.sec >= math.MaxInt64/second {
		o.time = true
		return 0
	}
	ns := int64(p.nsec)
	if ns >= second {
		o.time = true
		ns = 0
	}
	return int64(p.sec)*second + ns
}
