package powerdns

import (
	"errors"
	"math"
	"net/netip"

	"google.golang.org/protobuf/encoding/protowire"

	"flowname/dnscache"
	"flowname/dnscache/dnswire"
)

// A MessageType says what a message is of, by PowerDNS's numbers; 0 is one that
// is not known.
type MessageType uint8

// The types of messages.
const (
	Query            MessageType = iota + 1 // of a client
	Response                                // to a client
	OutgoingQuery                           // to another server
	IncomingResponse                        // of another server

	numTypes = int(IncomingResponse) + 1
)

var typeNames = [numTypes]string{"UNKNOWN", "QUERY", "RESPONSE", "OUTGOING_QUERY", "INCOMING_RESPONSE"}

// String is the type as metrics carry it.
func (t MessageType) String() string {
	if int(t) >= numTypes {
		t = 0
	}
	return typeNames[t]
}

// Evidence is what may be concluded from a message.
type Evidence uint8

// What may be concluded.
const (
	// EvidenceNone: nothing.
	EvidenceNone Evidence = iota
	// EvidenceSeen: Client's DNS is seen.
	EvidenceSeen
	// EvidenceAnyone: Wire is an answer that some client may have had.
	EvidenceAnyone
	// EvidenceClient: Wire is the answer that Client had.
	EvidenceClient
)

// A Message is one message. The zero Message says nothing and is ready for use.
type Message struct {
	Type MessageType
	// Client asked and Server was asked, both unmapped; zero where it is not told,
	// or is the unspecified address.
	Client, Server netip.AddrPort
	// TimeNs is when the message was sent or received; of a response that does
	// not tell, when its query was; 0 for want of both.
	TimeNs int64
	// Subnet is the client subnet that the query carried. Its length is a guess
	// unless it is whole: 24 of IPv4, 56 of IPv6.
	Subnet netip.Prefix
	// Wire is a DNS response with the question and the answers that the message
	// tells; empty where it tells no answer. It aliases the Message's buffer.
	Wire []byte

	name   []byte // of a query, in presentation form
	buf    []byte
	fields fields
}

// errRecords is a message with more records than are read.
var errRecords = errors.New("powerdns: too many records")

// odd is what a message says wrongly without being unusable.
type odd struct{ address, name, record bool }

// Decode reads a frame into m.
func (m *Message) Decode(frame []byte) error {
	_, err := m.decode(frame)
	return err
}

func (m *Message) decode(frame []byte) (o odd, err error) {
	f := &m.fields
	*f = fields{records: f.records[:0]}
	*m = Message{name: m.name[:0], buf: m.buf[:0], fields: *f}
	f = &m.fields
	if err := f.message(frame); err != nil {
		return o, err
	}
	if f.typ < uint64(numTypes) {
		m.Type = MessageType(f.typ)
	}
	m.Client, m.Server = addrPort(f.from, f.fromPort, &o), addrPort(f.to, f.toPort, &o)
	if m.TimeNs = timeNs(f.sec, f.usec); m.TimeNs == 0 {
		m.TimeNs = timeNs(f.querySec, f.queryUsec)
	}
	if a, ok := netip.AddrFromSlice(f.subnet); ok {
		m.Subnet = subnetOf(a.Unmap())
	} else if len(f.subnet) > 0 {
		o.address = true
	}
	switch m.Type {
	case Response, IncomingResponse:
		m.wire(&o)
	case Query:
		var ok bool
		if m.buf, ok = appendWireName(m.buf, f.qname); ok {
			m.name = dnswire.AppendName(m.name, m.buf)
		} else {
			o.name = true
		}
	}
	return o, nil
}

func addrPort(addr []byte, port uint64, o *odd) netip.AddrPort {
	if len(addr) == 0 {
		return netip.AddrPort{}
	}
	a, ok := netip.AddrFromSlice(addr)
	if !ok || port > math.MaxUint16 {
		o.address = true
		if !ok {
			return netip.AddrPort{}
		}
		port = 0
	}
	if a = a.Unmap(); a.IsUnspecified() {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(a, uint16(port))
}

// subnetOf is the subnet of a client, of which only the address is told.
func subnetOf(a netip.Addr) netip.Prefix {
	bits := a.BitLen()
	if !dnscache.IsHost(a) {
		if bits = 24; a.Is6() {
			bits = 56
		}
	}
	p, _ := a.Prefix(bits)
	return p
}

// timeNs is a time in Unix nanoseconds; 0 where there is none, or none that can
// be.
func timeNs(sec, usec uint64) int64 {
	const second = 1_000_000_000
	if sec == 0 || sec >= math.MaxInt64/second {
		return 0
	}
	if usec >= second/1000 {
		usec = 0
	}
	return int64(sec)*second + int64(usec)*1000
}

// Evidence is what may be concluded from the message.
func (m *Message) Evidence() Evidence {
	host := dnscache.IsHost(m.Client.Addr())
	switch {
	case m.TimeNs == 0:
		return EvidenceNone
	case m.Type == IncomingResponse && len(m.Wire) > 0, m.Type == Response && len(m.Wire) > 0 && !host:
		return EvidenceAnyone
	case m.Type == Response && len(m.Wire) > 0:
		return EvidenceClient
	case (m.Type == Query || m.Type == Response) && host:
		return EvidenceSeen
	}
	return EvidenceNone
}

// Fill sets r to what the message says besides Wire, and returns the message's
// evidence. For EvidenceAnyone and EvidenceClient the caller has Wire parsed
// into r next; for EvidenceSeen r is complete, what a query asked or a response
// that names nothing; for EvidenceNone it is the zero Response.
func (m *Message) Fill(r *dnscache.Response) Evidence {
	*r = dnscache.Response{}
	e := m.Evidence()
	if e == EvidenceNone {
		return e
	}
	r.TimeNs, r.Source = m.TimeNs, dnscache.SourcePowerDNS
	r.Server, r.Subnet = m.Server.Addr(), m.Subnet
	if e != EvidenceAnyone {
		r.Client = m.Client.Addr()
	}
	if m.Type == Query && len(m.name) > 0 && m.fields.qtype <= math.MaxUint16 {
		r.Name, r.Type, r.QuestionOnly = m.name, uint16(m.fields.qtype), true
	}
	return e
}

// fields are what a frame carries. Byte slices alias it.
type fields struct {
	typ, fromPort, toPort      uint64
	sec, usec                  uint64
	querySec, queryUsec, rcode uint64
	qtype, qclass              uint64
	from, to, subnet, qname    []byte
	response                   bool
	records                    []record
}

// A record is one of a response's.
type record struct {
	name, data      []byte
	typ, class, ttl uint64
}

// consume reads a protobuf message, giving each varint and each field of bytes.
func consume(b []byte, number func(protowire.Number, uint64), text func(protowire.Number, []byte) error) error {
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
				number(num, v)
			}
		case protowire.BytesType:
			var v []byte
			if v, n = protowire.ConsumeBytes(b); n >= 0 {
				if err := text(num, v); err != nil {
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

func (f *fields) message(b []byte) error {
	return consume(b, func(num protowire.Number, v uint64) {
		switch num {
		case 1:
			f.typ = v
		case 9:
			f.sec = v
		case 10:
			f.usec = v
		case 20:
			f.fromPort = v
		case 21:
			f.toPort = v
		}
	}, func(num protowire.Number, v []byte) error {
		switch num {
		case 6:
			f.from = v
		case 7:
			f.to = v
		case 12:
			return f.question(v)
		case 13:
			f.response = true
			return f.answer(v)
		case 14:
			f.subnet = v
		}
		return nil
	})
}

func (f *fields) question(b []byte) error {
	return consume(b, func(num protowire.Number, v uint64) {
		switch num {
		case 2:
			f.qtype = v
		case 3:
			f.qclass = v
		}
	}, func(num protowire.Number, v []byte) error {
		if num == 1 {
			f.qname = v
		}
		return nil
	})
}

func (f *fields) answer(b []byte) error {
	return consume(b, func(num protowire.Number, v uint64) {
		switch num {
		case 1:
			f.rcode = v
		case 5:
			f.querySec = v
		case 6:
			f.queryUsec = v
		}
	}, func(num protowire.Number, v []byte) error {
		if num != 2 {
			return nil
		}
		if len(f.records) == MaxRecords {
			return errRecords
		}
		f.records = append(f.records, record{})
		return f.records[len(f.records)-1].read(v)
	})
}

func (r *record) read(b []byte) error {
	return consume(b, func(num protowire.Number, v uint64) {
		switch num {
		case 2:
			r.typ = v
		case 3:
			r.class = v
		case 4:
			r.ttl = v
		}
	}, func(num protowire.Number, v []byte) error {
		switch num {
		case 1:
			r.name = v
		case 5:
			r.data = v
		}
		return nil
	})
}
