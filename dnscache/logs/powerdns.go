package logs

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"flowname/dnscache"
)

// ErrPowerDNS is the loss of a stream's framing. What came before is whole.
var ErrPowerDNS = errors.New("logs: broken stream of PowerDNS messages")

// maxPowerDNS is the longest message that is read, in bytes: a DNS message of
// 64 kB with a name and numbers for each of its records.
const maxPowerDNS = 256 << 10

// PowerDNSStats count what a PowerDNSReader was given.
type PowerDNSStats struct {
	// Messages is those begun; each is counted in one of those below, but for one
	// that the stream broke in.
	Messages uint64
	// Answers were to a client, AnyClient to the resolver itself, Asked are
	// a client's questions, Passed those of the resolver.
	Answers, AnyClient, Asked, Passed uint64
	// Refused, by why.
	BadProtobuf, BadTime, BadClient, BadName uint64
}

// A PowerDNSReader reads the messages that PowerDNS Recursor and dnsdist send as
// protobuf (PBDNSMessage), as they come by TCP or lie in a file: each behind its
// length, in two octets or, by newer Recursors, in four.
//
// A response's client is who asked, a response to the resolver itself is for any
// client. Of a field that stands twice the last counts, as protobuf has it:
// dnsdist 1.7 writes the times twice. It is for one goroutine.
type PowerDNSReader struct {
	in      *bufio.Reader
	prefix  int
	offset  int64
	message []byte
	name    []byte
	records records
	r       dnscache.Response
	stats   PowerDNSStats
}

// NewPowerDNSReader reads from in, whose head tells how messages are framed.
func NewPowerDNSReader(in *bufio.Reader) *PowerDNSReader {
	p := &PowerDNSReader{in: in, prefix: 2}
	if head, _ := in.Peek(1 << 10); framedPowerDNS(head, 4) {
		p.prefix = 4
	}
	p.records.appendName = appendName
	return p
}

// Stats returns the counters so far.
func (p *PowerDNSReader) Stats() PowerDNSStats { return p.stats }

// Next reads a message and gives its evidence. The error is io.EOF at the end of
// the stream, between two messages; another one, with the offset, where its
// framing is lost.
func (p *PowerDNSReader) Next(to *Sink) error {
	var length [4]byte
	head := length[:p.prefix]
	if n, err := io.ReadFull(p.in, head); err != nil {
		if n == 0 && err == io.EOF {
			return io.EOF
		}
		return p.broken(err)
	}
	p.stats.Messages++
	size := int(binary.BigEndian.Uint16(head))
	if p.prefix == 4 {
		size = int(min(binary.BigEndian.Uint32(head), maxPowerDNS+1))
	}
	if size > maxPowerDNS || size == 0 {
		return p.broken(errors.New("a length that no message has"))
	}
	if cap(p.message) < size {
		p.message = make([]byte, size)
	}
	p.message = p.message[:size]
	if _, err := io.ReadFull(p.in, p.message); err != nil {
		return p.broken(err)
	}
	p.offset += int64(p.prefix + size)
	*p.read(p.message, to)++
	return nil
}

func (p *PowerDNSReader) broken(err error) error {
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("%w: at offset %d: %w", ErrPowerDNS, p.offset, err)
}

// The kinds of messages.
const (
	powerDNSQuery = 1 + iota
	powerDNSResponse
	powerDNSOutgoing
	powerDNSIncoming
)

// powerDNSMessage are the fields that are read.
type powerDNSMessage struct {
	kind               uint64
	from, to, subnet   []byte
	sec, usec          uint64
	question, response []byte
}

func (m *powerDNSMessage) decode(text []byte) bool {
	return eachField(text, func(number protowire.Number, n uint64, data []byte) {
		switch number {
		case 1:
			m.kind = n
		case 6:
			m.from = data
		case 7:
			m.to = data
		case 9:
			m.sec = n
		case 10:
			m.usec = n
		case 12:
			m.question = data
		case 13:
			m.response = data
		case 14:
			m.subnet = data
		}
	})
}

// eachField visits the fields of a message, numbers and bytes; false if it is
// none.
func eachField(text []byte, visit func(number protowire.Number, n uint64, data []byte)) bool {
	for len(text) > 0 {
		number, kind, size := protowire.ConsumeTag(text)
		if size < 0 {
			return false
		}
		text = text[size:]
		var n uint64
		var small uint32
		var data []byte
		switch kind {
		case protowire.VarintType:
			n, size = protowire.ConsumeVarint(text)
		case protowire.Fixed32Type:
			small, size = protowire.ConsumeFixed32(text)
			n = uint64(small)
		case protowire.Fixed64Type:
			n, size = protowire.ConsumeFixed64(text)
		case protowire.BytesType:
			data, size = protowire.ConsumeBytes(text)
		default:
			return false
		}
		if size < 0 {
			return false
		}
		visit(number, n, data)
		text = text[size:]
	}
	return true
}

// read gives the evidence of a message, and the counter that it is counted in.
func (p *PowerDNSReader) read(text []byte, to *Sink) *uint64 {
	var m powerDNSMessage
	switch {
	case !m.decode(text) || m.kind < powerDNSQuery || m.kind > powerDNSIncoming:
		return &p.stats.BadProtobuf
	case m.kind == powerDNSOutgoing:
		return &p.stats.Passed
	case m.sec == 0 || m.sec > maxEpoch || m.usec >= 1e6:
		return &p.stats.BadTime
	}
	p.r = dnscache.Response{
		Source: dnscache.SourcePowerDNS,
		TimeNs: int64(m.sec)*int64(time.Second) + int64(m.usec)*int64(time.Microsecond),
	}
	if m.kind != powerDNSIncoming && !p.client(&m) {
		return &p.stats.BadClient
	}
	p.r.Server, _ = addrOf(m.to)
	name, ok := p.question(m.question)
	if !ok {
		return &p.stats.BadProtobuf
	}
	if p.name, ok = appendName(p.name[:0], name); !ok {
		return &p.stats.BadName
	}
	p.r.Name = p.name
	counter := &p.stats.Answers
	switch m.kind {
	case powerDNSQuery:
		p.r.QuestionOnly = true
		counter = &p.stats.Asked
	case powerDNSIncoming:
		counter = &p.stats.AnyClient
	}
	if !p.r.QuestionOnly && !p.answers(m.response) {
		return &p.stats.BadProtobuf
	}
	to.Response(&p.r)
	return counter
}

// client sets who asked. The client subnet has no length: it is known to be a
// host's only by its last bits.
func (p *PowerDNSReader) client(m *powerDNSMessage) (ok bool) {
	if p.r.Client, ok = addrOf(m.from); !ok || p.r.Client.IsUnspecified() {
		return false
	}
	if a, ok := addrOf(m.subnet); ok && dnscache.IsHost(a) {
		p.r.Subnet = netip.PrefixFrom(a, a.BitLen())
	}
	return true
}

// question sets the type that was asked for, and gives the name.
func (p *PowerDNSReader) question(text []byte) (name []byte, ok bool) {
	ok = eachField(text, func(number protowire.Number, n uint64, data []byte) {
		switch number {
		case 1:
			name = data
		case 2:
			p.r.Type = uint16(n)
		}
	})
	return name, ok
}

// answers takes the response part of a message.
func (p *PowerDNSReader) answers(text []byte) bool {
	p.records.reset()
	var code uint64
	whole, aliases := true, false
	ok := eachField(text, func(number protowire.Number, n uint64, data []byte) {
		switch number {
		case 1:
			code = n
		case 2:
			alias, ok := p.record(data)
			whole, aliases = whole && ok, aliases || alias
		}
	})
	if !ok || !whole {
		return false
	}
	switch {
	case code > 0xfff: // 65536: no answer came at all
		p.r.RCode = 2
	case code > 0:
		p.r.RCode = uint16(code)
	case aliases:
		p.records.follow(&p.r)
	default:
		p.withoutAliases()
	}
	return true
}

// withoutAliases follows records among which is no CNAME. Old dnsdists did not
// send them: then all addresses are the question's.
func (p *PowerDNSReader) withoutAliases() {
	if p.records.follow(&p.r); len(p.r.Addrs) > 0 {
		return
	}
	addrs := p.records.addrs[:0]
	for i := range p.records.all {
		if a := &p.records.all[i]; a.addr.IsValid() {
			addrs = appendAddr(addrs, dnscache.Addr{Addr: a.addr, TTL: a.ttl})
		}
	}
	p.records.addrs, p.r.Addrs = addrs, addrs
}

// record takes one record: addresses are raw, a CNAME's target is text.
func (p *PowerDNSReader) record(text []byte) (alias, ok bool) {
	var owner, data []byte
	var typ, ttl uint64
	if !eachField(text, func(number protowire.Number, n uint64, d []byte) {
		switch number {
		case 1:
			owner = d
		case 2:
			typ = n
		case 4:
			ttl = n
		case 5:
			data = d
		}
	}) {
		return false, false
	}
	s := &p.records
	r := record{typ: uint16(typ), ttl: clampTTL(ttl)}
	if len(s.all) == maxAnswers {
		return false, true
	}
	switch r.typ {
	case typeA, typeAAAA:
		if r.addr, ok = addrOf(data); !ok {
			return false, true
		}
	case typeCNAME:
		if r.target, ok = s.name(data); !ok {
			return true, true
		}
	default:
		return false, true
	}
	if r.owner, ok = s.name(owner); ok {
		s.all = append(s.all, r)
	}
	return r.typ == typeCNAME, true
}

// addrOf is an address of four or sixteen octets.
func addrOf(octets []byte) (netip.Addr, bool) {
	a, ok := netip.AddrFromSlice(octets)
	return a.Unmap(), ok
}

// IsPowerDNS says whether a head is that of a stream of PowerDNS messages, which
// has no magic number: a length, and a message of it that begins with its kind.
func IsPowerDNS(head []byte) bool { return framedPowerDNS(head, 2) || framedPowerDNS(head, 4) }

func framedPowerDNS(head []byte, prefix int) bool {
	if len(head) < prefix+4 {
		return false
	}
	size := int(binary.BigEndian.Uint16(head))
	if prefix == 4 {
		size = int(min(binary.BigEndian.Uint32(head), maxPowerDNS+1))
	}
	message := head[prefix:]
	if size < 4 || size > maxPowerDNS || message[0] != 1<<3 || message[1] < powerDNSQuery || message[1] > powerDNSIncoming {
		return false
	}
	whole := size <= len(message)
	message = message[:min(size, len(message))]
	for n := 0; len(message) > 0; n++ {
		_, _, size := protowire.ConsumeField(message)
		if size < 0 {
			return !whole && n > 2 // cut by the end of the head
		}
		message = message[size:]
	}
	return true
}
