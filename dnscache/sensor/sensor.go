package sensor

import (
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"net/netip"
	"time"

	"flowname/dnscache"
	"flowname/dnscache/sensor/capture"
	"flowname/dnscache/sensor/packet"
)

// A Message is a DNS message with the ends it went between.
type Message struct {
	// Wire is the message without TCP's length. It is valid during the callback
	// only.
	Wire []byte
	// Client asked, Server answers; for a query and a response alike.
	Client, Server netip.AddrPort
	// TimeNs is when the message was complete, Unix nanoseconds.
	TimeNs int64
	TCP    bool
	// Query is set for a query, given only with Config.Queries.
	Query bool
	// Unmatched is set for a response whose query was not seen, given only with
	// Config.AcceptUnmatched.
	Unmatched bool
}

// Fill sets what the sensor knows of a response: time, client, server, source.
func (m *Message) Fill(r *dnscache.Response) {
	r.TimeNs, r.Client, r.Server = m.TimeNs, m.Client.Addr(), m.Server.Addr()
	r.Source = dnscache.SourcePackets
	if m.Unmatched {
		r.Source = dnscache.SourceUnmatched
	}
}

// Config says what a Sensor takes. The zero value is usable.
type Config struct {
	// AcceptUnmatched gives responses whose query was not seen, marked as such:
	// for a tap that sees one direction only.
	AcceptUnmatched bool
	// Queries gives queries too, each once however often it is repeated.
	Queries bool
	// Ports are DNS ports besides 53.
	Ports []uint16
	// NoTunnels leaves tunnels unopened.
	NoTunnels bool

	// MaxPending bounds the queries remembered; 0 is 262144, of about 60 bytes
	// each with the index. Memory is taken as it is needed.
	MaxPending int
	// QueryAge is how long a query may wait for its response; 0 is 30 s.
	QueryAge time.Duration
	// MaxStreams and MaxStreamBytes bound the TCP directions followed and the
	// bytes kept for them; 0 is 4096 and 16 MiB.
	MaxStreams     int
	MaxStreamBytes int
}

const (
	defaultPending     = 1 << 18
	maxPendingLimit    = 1 << 26
	defaultQueryAge    = 30 * time.Second
	defaultStreams     = 4096
	defaultStreamBytes = 16 << 20
)

// Validate tells what New would not use as it stands.
func (c Config) Validate() error {
	switch {
	case c.MaxPending < 0 || c.MaxPending > maxPendingLimit:
		return fmt.Errorf("sensor: %d pending queries: want 0 to %d", c.MaxPending, maxPendingLimit)
	case c.QueryAge < 0 || c.MaxStreams < 0 || c.MaxStreamBytes < 0:
		return fmt.Errorf("sensor: a limit below zero: age %v, %d streams, %d bytes",
			c.QueryAge, c.MaxStreams, c.MaxStreamBytes)
	}
	return nil
}

// A Sensor finds DNS messages in frames and matches responses to queries. Use
// New.
type Sensor struct {
	acceptUnmatched, queries bool

	ports   [65536 / 64]uint64 // a set
	decoder *packet.Decoder
	packet  packet.Packet
	pending pending
	streams streams
	stats   Stats
	seed    maphash.Seed
	fold    [260]byte

	message Message        // given to yield
	yield   func(*Message) // during Frame, Packet and Flush
}

// New makes a Sensor. Limits that Validate refuses are taken as zero.
func New(cfg Config) *Sensor {
	orDefault := func(v, fallback int) int {
		if v <= 0 {
			return fallback
		}
		return v
	}
	s := &Sensor{
		acceptUnmatched: cfg.AcceptUnmatched,
		queries:         cfg.Queries,
		decoder:         packet.NewDecoder(packet.Config{OpenTunnels: !cfg.NoTunnels}),
		seed:            maphash.MakeSeed(),
	}
	age := cfg.QueryAge
	if age <= 0 {
		age = defaultQueryAge
	}
	s.pending = pending{
		limit: min(orDefault(cfg.MaxPending, defaultPending), maxPendingLimit),
		ageNs: int64(age),
		stats: &s.stats,
	}
	s.streams = streams{
		maxStreams: orDefault(cfg.MaxStreams, defaultStreams),
		maxBytes:   orDefault(cfg.MaxStreamBytes, defaultStreamBytes),
		stats:      &s.stats,
		isServer:   s.isPort,
		emit:       s.streamMessage,
	}
	for _, port := range append([]uint16{53}, cfg.Ports...) {
		s.ports[port/64] |= 1 << (port % 64)
	}
	return s
}

func (s *Sensor) isPort(port uint16) bool { return s.ports[port/64]>>(port%64)&1 != 0 }

// Frame takes one frame and calls yield for each message that it completes.
func (s *Sensor) Frame(f capture.Frame, yield func(*Message)) {
	if s.decoder.Decode(f, &s.packet) {
		s.Packet(&s.packet, yield)
	}
}

// Packet is Frame for a packet that is already decoded.
func (s *Sensor) Packet(p *packet.Packet, yield func(*Message)) {
	if !s.isPort(p.Src.Port()) && !s.isPort(p.Dst.Port()) {
		s.countOther(p.Src.Port(), p.Dst.Port())
		return
	}
	s.yield = yield
	if p.Proto == packet.TCP {
		s.stats.Segments++
		s.streams.segment(p)
	} else {
		s.stats.Datagrams++
		s.take(p.Payload, p.Src, p.Dst, p.TimeNs, false)
	}
	s.yield = nil
}

// Flush ends the input: what TCP streams still hold behind holes is given, and
// queries that wait are counted as unanswered. The Sensor can be used again.
func (s *Sensor) Flush(yield func(*Message)) {
	s.yield = yield
	s.streams.flush()
	s.yield = nil
	s.stats.QueriesUnanswered += s.pending.unanswered()
	s.pending.clear()
}

// Stats is what has been counted so far.
func (s *Sensor) Stats() Stats {
	stats := s.stats
	stats.Decoder = s.decoder.Stats()
	return stats
}

// countOther tells the name services that are kept apart from everything else.
func (s *Sensor) countOther(src, dst uint16) {
	const netBIOS, mDNS, llmnr = 137, 5353, 5355
	switch {
	case src == mDNS || dst == mDNS:
		s.stats.MDNS++
	case src == llmnr || dst == llmnr:
		s.stats.LLMNR++
	case src == netBIOS || dst == netBIOS:
		s.stats.NetBIOS++
	default:
		s.stats.NotDNS++
	}
}

func (s *Sensor) streamMessage(b []byte, st *stream, timeNs int64) {
	s.take(b, st.key.src, st.key.dst, timeNs, true)
}

// take looks at one message from src to dst and gives it on where it is wanted.
func (s *Sensor) take(b []byte, src, dst netip.AddrPort, timeNs int64, tcp bool) {
	h, ok := parseHeader(b)
	if !ok {
		s.stats.Short++
		return
	}
	client, server := src, dst
	if h.response {
		client, server = dst, src
	}
	size := 0
	switch {
	case !s.isPort(server.Port()):
		s.stats.WrongWay++
		return
	case h.opcode != 0:
		s.stats.NotQuery++
		return
	case h.questions == 0:
		s.stats.NoQuestion++
		return
	case h.questions > 1:
		s.stats.ManyQuestions++
		return
	default:
		if size = questionLen(b); size == 0 {
			s.stats.BadQuestion++
			return
		}
	}
	asked := hashQuestion(s.seed, b[headerLen:headerLen+size], &s.fold)
	key := s.key(client, server, h.id, tcp)
	s.message = Message{Wire: b, Client: client, Server: server, TimeNs: timeNs, TCP: tcp}
	if h.response {
		s.response(key, asked, h)
		return
	}
	s.query(key, asked)
}

func (s *Sensor) query(key uint64, asked question) {
	if !s.pending.ask(key, asked, s.message.TimeNs) {
		s.stats.QueriesRepeated++
		return
	}
	s.stats.Queries++
	if s.queries {
		s.message.Query = true
		s.yield(&s.message)
	}
}

func (s *Sensor) response(key uint64, said question, h header) {
	if h.truncated {
		s.stats.TruncatedReplies++
	}
	m := &s.message
	switch s.pending.answer(key, said, m.TimeNs, maphash.Bytes(s.seed, m.Wire)) {
	case matched:
		s.stats.Matched++
		s.yield(m)
	case unmatched:
		s.stats.Unmatched++
		if s.acceptUnmatched {
			m.Unmatched = true
			s.yield(m)
		}
	case duplicate:
		s.stats.Duplicate++
	case conflict:
		s.stats.Conflict++
	case caseMismatch:
		s.stats.CaseMismatch++
	case wrongQuestion:
		s.stats.WrongQuestion++
	case late:
		s.stats.Late++
	}
}

// key hashes what a response must share with its query besides the question.
func (s *Sensor) key(client, server netip.AddrPort, id uint16, tcp bool) uint64 {
	var b [39]byte
	a := client.Addr().As16()
	copy(b[:], a[:])
	a = server.Addr().As16()
	copy(b[16:], a[:])
	binary.BigEndian.PutUint16(b[32:], client.Port())
	binary.BigEndian.PutUint16(b[34:], server.Port())
	binary.BigEndian.PutUint16(b[36:], id)
	if tcp {
		b[38] = 1
	}
	return maphash.Bytes(s.seed, b[:])
}
