package sensor

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"flowname/dnscache"
	"flowname/dnscache/sensor/capture"
	"flowname/dnscache/sensor/packet"
)

const second = int64(time.Second)

var (
	clientA = netip.MustParseAddrPort("10.0.0.10:4000")
	clientB = netip.MustParseAddrPort("10.0.0.11:4000")
	server  = netip.MustParseAddrPort("10.0.0.53:53")
	server6 = netip.MustParseAddrPort("[2001:db8::53]:53")
	client6 = netip.MustParseAddrPort("[2001:db8::1]:4000")
)

// ask and answer are messages in wire form; the last byte of the address makes
// answers differ, and 0 leaves the address out.
func ask(id uint16, name string, kind uint16) []byte {
	m := new(dns.Msg)
	m.SetQuestion(name, kind)
	m.Id = id
	return pack(m)
}

func answer(id uint16, name string, kind uint16, last byte) []byte {
	m := new(dns.Msg)
	m.SetQuestion(name, kind)
	m.Id, m.Response = id, true
	if last > 0 {
		m.Answer = []dns.RR{&dns.A{
			Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60},
			A:   []byte{192, 0, 2, last},
		}}
	}
	return pack(m)
}

func pack(m *dns.Msg) []byte {
	b, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return b
}

// patch is b with a byte changed.
func patch(b []byte, at int, value byte) []byte {
	b = slices.Clone(b)
	b[at] = value
	return b
}

// udp is one datagram at a time in nanoseconds.
func udp(atNs int64, src, dst netip.AddrPort, payload []byte) *packet.Packet {
	return &packet.Packet{TimeNs: atNs, Proto: packet.UDP, Src: src, Dst: dst, Payload: payload}
}

// record is a Message in a form that can be kept and compared.
func record(m *Message) string {
	var flags []string
	if m.TCP {
		flags = append(flags, "tcp")
	}
	if m.Query {
		flags = append(flags, "query")
	}
	if m.Unmatched {
		flags = append(flags, "unmatched")
	}
	var msg dns.Msg
	if err := msg.Unpack(m.Wire); err != nil {
		return fmt.Sprintf("%x: %v", m.Wire, err)
	}
	text := fmt.Sprintf("%d %v %v %s %s", m.TimeNs, m.Client, m.Server, msg.Question[0].Name, dns.Type(msg.Question[0].Qtype))
	if len(msg.Answer) > 0 {
		text += fmt.Sprint(" ", msg.Answer[0].(*dns.A).A)
	}
	return strings.TrimSpace(text + " " + strings.Join(flags, " "))
}

func play(s *Sensor, packets ...*packet.Packet) []string {
	var got []string
	for _, p := range packets {
		s.Packet(p, func(m *Message) { got = append(got, record(m)) })
	}
	return got
}

// onlyStats leaves out the counters that every case raises.
func onlyStats(s *Sensor) Stats {
	stats := s.Stats()
	stats.Datagrams, stats.Segments, stats.Streams = 0, 0, 0
	return stats
}

// A sensorCase is packets and what a sensor makes of them.
type sensorCase struct {
	name    string
	cfg     Config
	packets []*packet.Packet
	want    []string
	stats   Stats
}

func testSensor(t *testing.T, cases []sensorCase) {
	t.Helper()
	for _, c := range cases {
		s := New(c.cfg)
		got := play(s, c.packets...)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: (-want +got):\n%s", c.name, diff)
		}
		if diff := cmp.Diff(c.stats, onlyStats(s)); diff != "" {
			t.Errorf("%s: stats (-want +got):\n%s", c.name, diff)
		}
	}
}

// asked is the name that most cases ask for.
const asked = "www.example."

// seen is the record of a message.
func seen(at int64, client, server netip.AddrPort, rest string) string {
	return fmt.Sprintf("%d %v %v %s", at, client, server, rest)
}

// TestMatching: a response is that of the query that it answers.
func TestMatching(t *testing.T) {
	const name = asked
	q, a := ask(7, name, dns.TypeA), answer(7, name, dns.TypeA, 1)
	one := []string{seen(5, clientA, server, name+" A 192.0.2.1")}
	dnsToDNS := netip.MustParseAddrPort("10.0.0.99:53")
	testSensor(t, []sensorCase{
		{"query and response", Config{}, []*packet.Packet{udp(1, clientA, server, q), udp(5, server, clientA, a)}, one,
			Stats{Queries: 1, Matched: 1}},
		{"IPv6", Config{}, []*packet.Packet{udp(1, client6, server6, q), udp(5, server6, client6, a)},
			[]string{seen(5, client6, server6, name+" A 192.0.2.1")}, Stats{Queries: 1, Matched: 1}},
		{"id 0", Config{}, []*packet.Packet{udp(1, clientA, server, ask(0, name, 1)), udp(5, server, clientA, answer(0, name, 1, 1))}, one,
			Stats{Queries: 1, Matched: 1}},
		{"A and AAAA from one port under one id", Config{}, []*packet.Packet{
			udp(1, clientA, server, q), udp(2, clientA, server, ask(7, name, dns.TypeAAAA)),
			udp(5, server, clientA, answer(7, name, dns.TypeAAAA, 0)), udp(6, server, clientA, a)},
			[]string{seen(5, clientA, server, name+" AAAA"), seen(6, clientA, server, name+" A 192.0.2.1")},
			Stats{Queries: 2, Matched: 2}},
		{"two clients with the same port and id", Config{}, []*packet.Packet{
			udp(1, clientA, server, q), udp(2, clientB, server, ask(7, "other.example.", 1)),
			udp(5, server, clientA, a), udp(6, server, clientB, answer(7, "other.example.", 1, 2))},
			[]string{seen(5, clientA, server, name+" A 192.0.2.1"), seen(6, clientB, server, "other.example. A 192.0.2.2")},
			Stats{Queries: 2, Matched: 2}},
		{"unsolicited", Config{}, []*packet.Packet{udp(5, server, clientA, a)}, nil, Stats{Unmatched: 1}},
		{"unsolicited, accepted", Config{AcceptUnmatched: true}, []*packet.Packet{udp(5, server, clientA, a)},
			[]string{one[0] + " unmatched"}, Stats{Unmatched: 1}},
		{"wrong id, then the right one", Config{}, []*packet.Packet{udp(1, clientA, server, q),
			udp(4, server, clientA, answer(8, name, 1, 9)), udp(5, server, clientA, a)}, one,
			Stats{Queries: 1, Matched: 1, Unmatched: 1}},
		{"right id, wrong question, then the right one", Config{AcceptUnmatched: true}, []*packet.Packet{udp(1, clientA, server, q),
			udp(4, server, clientA, answer(7, "bank.example.", 1, 9)), udp(5, server, clientA, a)}, one,
			Stats{Queries: 1, Matched: 1, WrongQuestion: 1}},
		{"another type is another question", Config{}, []*packet.Packet{udp(1, clientA, server, q),
			udp(5, server, clientA, answer(7, name, dns.TypeAAAA, 0))}, nil, Stats{Queries: 1, WrongQuestion: 1}},
		{"from another server", Config{}, []*packet.Packet{udp(1, clientA, server, q), udp(5, dnsToDNS, clientA, a)}, nil,
			Stats{Queries: 1, Unmatched: 1}},
		{"case kept", Config{}, []*packet.Packet{udp(1, clientA, server, ask(7, "wWw.Example.", 1)),
			udp(5, server, clientA, answer(7, "wWw.Example.", 1, 1))},
			[]string{seen(5, clientA, server, "wWw.Example. A 192.0.2.1")}, Stats{Queries: 1, Matched: 1}},
		{"case changed", Config{AcceptUnmatched: true}, []*packet.Packet{udp(1, clientA, server, ask(7, "wWw.Example.", 1)),
			udp(4, server, clientA, answer(7, "www.exAmple.", 1, 9)), udp(5, server, clientA, answer(7, "wWw.Example.", 1, 1))},
			[]string{seen(5, clientA, server, "wWw.Example. A 192.0.2.1")}, Stats{Queries: 1, Matched: 1, CaseMismatch: 1}},
	})
}

// TestMatchingInTime: queries and responses that come again, late or early.
func TestMatchingInTime(t *testing.T) {
	const name = asked
	q, a := ask(7, name, dns.TypeA), answer(7, name, dns.TypeA, 1)
	one := []string{seen(5, clientA, server, name+" A 192.0.2.1")}
	testSensor(t, []sensorCase{
		{"an equal second response", Config{AcceptUnmatched: true}, []*packet.Packet{udp(1, clientA, server, q),
			udp(5, server, clientA, a), udp(6, server, clientA, a)}, one, Stats{Queries: 1, Matched: 1, Duplicate: 1}},
		{"a different second response", Config{AcceptUnmatched: true}, []*packet.Packet{udp(1, clientA, server, q),
			udp(5, server, clientA, a), udp(6, server, clientA, answer(7, name, 1, 9))}, one, Stats{Queries: 1, Matched: 1, Conflict: 1}},
		{"the query again", Config{Queries: true}, []*packet.Packet{udp(1, clientA, server, q), udp(2, clientA, server, q), udp(5, server, clientA, a)},
			[]string{seen(1, clientA, server, name+" A query"), one[0]}, Stats{Queries: 1, QueriesRepeated: 1, Matched: 1}},
		{"the same asked anew", Config{}, []*packet.Packet{udp(1, clientA, server, q), udp(5, server, clientA, a),
			udp(second, clientA, server, q), udp(2*second, server, clientA, a)},
			[]string{one[0], seen(2*second, clientA, server, name+" A 192.0.2.1")}, Stats{Queries: 2, Matched: 2}},
		{"too late", Config{AcceptUnmatched: true}, []*packet.Packet{udp(0, clientA, server, q), udp(31*second, server, clientA, a)}, nil,
			Stats{Queries: 1, Late: 1}},
		{"late by the configured age", Config{QueryAge: time.Second}, []*packet.Packet{udp(0, clientA, server, q), udp(2*second, server, clientA, a)}, nil,
			Stats{Queries: 1, Late: 1}},
		{"a response stamped before its query", Config{}, []*packet.Packet{udp(20, clientA, server, q), udp(5, server, clientA, a)}, one,
			Stats{Queries: 1, Matched: 1}},
	})
}

// TestWhatIsDNS: by ports and headers.
func TestWhatIsDNS(t *testing.T) {
	const name = asked
	q, a := ask(7, name, dns.TypeA), answer(7, name, dns.TypeA, 1)
	one := []string{seen(5, clientA, server, name+" A 192.0.2.1")}
	dnsToDNS := netip.MustParseAddrPort("10.0.0.99:53")
	extra := netip.MustParseAddrPort("10.0.0.53:5300")
	testSensor(t, []sensorCase{
		{"both ports 53", Config{}, []*packet.Packet{udp(1, dnsToDNS, server, q), udp(5, server, dnsToDNS, a)},
			[]string{seen(5, dnsToDNS, server, name+" A 192.0.2.1")}, Stats{Queries: 1, Matched: 1}},
		{"another port", Config{Ports: []uint16{5300}}, []*packet.Packet{udp(1, clientA, extra, q), udp(5, extra, clientA, a)},
			[]string{seen(5, clientA, extra, name+" A 192.0.2.1")}, Stats{Queries: 1, Matched: 1}},
		{"another port, not configured", Config{}, []*packet.Packet{udp(1, clientA, extra, q)}, nil, Stats{NotDNS: 1}},
		{"truncated", Config{}, []*packet.Packet{udp(1, clientA, server, q), udp(5, server, clientA, patch(a, 2, a[2]|2))}, one,
			Stats{Queries: 1, Matched: 1, TruncatedReplies: 1}},
		{"mDNS, LLMNR, NetBIOS", Config{AcceptUnmatched: true}, []*packet.Packet{
			udp(1, netip.AddrPortFrom(server.Addr(), 5353), netip.MustParseAddrPort("224.0.0.251:5353"), a),
			udp(2, netip.AddrPortFrom(server.Addr(), 5355), clientA, a), udp(3, netip.AddrPortFrom(server.Addr(), 137), clientA, a)},
			nil, Stats{MDNS: 1, LLMNR: 1, NetBIOS: 1}},
		{"under twelve bytes", Config{}, []*packet.Packet{udp(1, clientA, server, q[:11])}, nil, Stats{Short: 1}},
		{"a response to the server's port, a query from it", Config{AcceptUnmatched: true}, []*packet.Packet{
			udp(1, clientA, server, a), udp(2, server, clientA, q)}, nil, Stats{WrongWay: 2}},
		{"a notify", Config{}, []*packet.Packet{udp(1, clientA, server, patch(q, 2, 4<<3))}, nil, Stats{NotQuery: 1}},
		{"no question", Config{}, []*packet.Packet{udp(1, server, clientA, patch(a, 5, 0))}, nil, Stats{NoQuestion: 1}},
		{"two questions", Config{}, []*packet.Packet{udp(1, server, clientA, patch(a, 5, 2))}, nil, Stats{ManyQuestions: 1}},
		{"a pointer in the question", Config{}, []*packet.Packet{udp(1, server, clientA, patch(a, 12, 0xc0))}, nil, Stats{BadQuestion: 1}},
		{"a cut question", Config{}, []*packet.Packet{udp(1, clientA, server, q[:len(q)-1]), udp(1, clientA, server, q[:len(q)-5])}, nil,
			Stats{BadQuestion: 2}},
	})
}

// TestEveryPrefixOfAMessage takes messages cut anywhere: none may give more
// than the whole one, and the question must be whole.
func TestEveryPrefixOfAMessage(t *testing.T) {
	q, a := ask(7, "www.example.", 1), answer(7, "www.example.", 1, 1)
	for n := range a {
		s := New(Config{})
		var got int
		s.Packet(udp(1, clientA, server, q), func(*Message) {})
		s.Packet(udp(2, server, clientA, a[:n]), func(*Message) { got++ })
		if want := n >= len(q); (got == 1) != want {
			t.Errorf("response of %d bytes: given %v, want %v", n, got, want)
		}
	}
}

func TestFlush(t *testing.T) {
	s := New(Config{})
	q, a := ask(7, "www.example.", 1), answer(7, "www.example.", 1, 1)
	play(s, udp(1, clientA, server, q), udp(1, clientB, server, q), udp(2, server, clientA, a))
	s.Flush(func(*Message) { t.Error("Flush gave a message") })
	if n := s.Stats().QueriesUnanswered; n != 1 {
		t.Errorf("%d queries unanswered, want 1", n)
	}
	if got := play(s, udp(3, server, clientB, a)); got != nil {
		t.Errorf("matched what was before Flush: %v", got)
	}
	if got := play(s, udp(4, clientB, server, q), udp(5, server, clientB, a)); len(got) != 1 {
		t.Errorf("after Flush: %v", got)
	}
}

// TestPendingBound fills the table: what is forgotten is the oldest, and
// counted.
func TestPendingBound(t *testing.T) {
	s := New(Config{MaxPending: 10})
	for id := range uint16(25) {
		play(s, udp(int64(id), clientA, server, ask(id, "www.example.", 1)))
	}
	if n := s.Stats().QueriesEvicted; n != 15 {
		t.Errorf("%d queries evicted, want 15", n)
	}
	for id := range uint16(25) {
		got := play(s, udp(30, server, clientA, answer(id, "www.example.", 1, 1)))
		if want := id >= 15; (len(got) == 1) != want {
			t.Errorf("id %d: matched %v, want %v", id, got, want)
		}
	}
	// All are answered or old now: nothing young is lost any more.
	for id := range uint16(10) {
		play(s, udp(100*second, clientB, server, ask(id, "www.example.", 1)))
	}
	play(s, udp(200*second, clientB, server, ask(99, "www.example.", 1)))
	if st := s.Stats(); st.QueriesEvicted != 15 || st.QueriesUnanswered != 1 {
		t.Errorf("evicted %d, want 15; unanswered %d, want 1", st.QueriesEvicted, st.QueriesUnanswered)
	}
}

// TestPendingGrows asks more at once than the table starts with.
func TestPendingGrows(t *testing.T) {
	s := New(Config{})
	const n = 3 * minPending
	for i := range n {
		play(s, udp(int64(i), netip.AddrPortFrom(clientA.Addr(), uint16(i+1024)), server, ask(uint16(i), "www.example.", 1)))
	}
	for i := range n {
		play(s, udp(int64(i), server, netip.AddrPortFrom(clientA.Addr(), uint16(i+1024)), answer(uint16(i), "www.example.", 1, 1)))
	}
	if st := s.Stats(); st.Matched != n || st.QueriesEvicted != 0 {
		t.Errorf("matched %d of %d, evicted %d", st.Matched, n, st.QueriesEvicted)
	}
}

func TestManyQuestionsUnderOneID(t *testing.T) {
	s := New(Config{})
	name := func(i int) string { return fmt.Sprintf("n%d.example.", i) }
	const n = maxSameKey + 5
	for i := range n {
		play(s, udp(int64(i), clientA, server, ask(7, name(i), 1)))
	}
	matched := 0
	for i := range n {
		matched += len(play(s, udp(50, server, clientA, answer(7, name(i), 1, 1))))
	}
	if st := s.Stats(); matched != maxSameKey || st.QueriesEvicted != 5 {
		t.Errorf("matched %d, want %d; stats %+v", matched, maxSameKey, st)
	}
}

// TestClockJumps has two clocks years apart in one input: neither harms the
// other.
func TestClockJumps(t *testing.T) {
	const years = 3 * 365 * 24 * 3600 * second
	s := New(Config{})
	matched := 0
	for i := range int64(1000) {
		at := i + (i%2)*years
		id := uint16(i)
		matched += len(play(s, udp(at, clientA, server, ask(id, "www.example.", 1)),
			udp(at+1, server, clientA, answer(id, "www.example.", 1, 1))))
	}
	if matched != 1000 {
		t.Errorf("matched %d of 1000: %+v", matched, s.Stats())
	}
}

func TestFill(t *testing.T) {
	m := Message{Client: clientA, Server: server, TimeNs: 42}
	got := dnscache.Response{Name: []byte("kept.example")}
	m.Fill(&got)
	want := dnscache.Response{TimeNs: 42, Client: clientA.Addr(), Server: server.Addr(),
		Source: dnscache.SourcePackets, Name: []byte("kept.example")}
	sameAddr := cmp.Comparer(func(a, b netip.Addr) bool { return a == b })
	if diff := cmp.Diff(want, got, sameAddr, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	m.Unmatched = true
	m.Fill(&got)
	want.Source = dnscache.SourceUnmatched
	if diff := cmp.Diff(want, got, sameAddr, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Errorf("unmatched: (-want +got):\n%s", diff)
	}
}

func TestConfigValidate(t *testing.T) {
	if err := (Config{}).Validate(); err != nil {
		t.Errorf("the zero Config: %v", err)
	}
	for _, c := range []Config{{MaxPending: -1}, {MaxPending: 1 << 30}, {QueryAge: -1}, {MaxStreams: -1}, {MaxStreamBytes: -1}} {
		if err := c.Validate(); err == nil {
			t.Errorf("%+v: no error", c)
		}
	}
}

// frame wraps a datagram between two IPv4 ends in Ethernet.
func frame(atNs int64, src, dst netip.AddrPort, payload []byte) capture.Frame {
	b := make([]byte, 12, 42+len(payload))
	b = append(b, 8, 0, 0x45, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(28+len(payload)))
	b = append(b, 0, 1, 0, 0, 64, packet.UDP, 0, 0)
	b = append(b, src.Addr().AsSlice()...)
	b = append(b, dst.Addr().AsSlice()...)
	b = binary.BigEndian.AppendUint16(b, src.Port())
	b = binary.BigEndian.AppendUint16(b, dst.Port())
	b = binary.BigEndian.AppendUint16(b, uint16(8+len(payload)))
	b = append(append(b, 0, 0), payload...)
	return capture.Frame{TimeNs: atNs, Link: capture.LinkEthernet, Data: b, OrigLen: len(b)}
}

// frames are queries and their responses, of many clients with many names.
func frames(n int) []capture.Frame {
	var list []capture.Frame
	for i := range n {
		client := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), uint16(1024+i))
		name := fmt.Sprintf("host%d.some.example.", i)
		list = append(list, frame(int64(2*i), client, server, ask(uint16(i), name, 1)),
			frame(int64(2*i+1), server, client, answer(uint16(i), name, 1, 1)))
	}
	return list
}

func TestFrameAllocs(t *testing.T) {
	s := New(Config{Queries: true})
	list := frames(100)
	given := 0
	yield := func(*Message) { given++ }
	for _, f := range list {
		s.Frame(f, yield)
	}
	if n := testing.AllocsPerRun(10, func() {
		for _, f := range list {
			s.Frame(f, yield)
		}
	}); n != 0 {
		t.Errorf("%v allocations for %d frames", n, len(list))
	}
	if given != 12*len(list) {
		t.Errorf("%d messages, want %d", given, 12*len(list))
	}
}

func BenchmarkFrame(b *testing.B) {
	s := New(Config{})
	list := frames(4096)
	bytes, matched := 0, 0
	for _, f := range list {
		bytes += len(f.Data)
	}
	yield := func(*Message) { matched++ }
	b.SetBytes(int64(bytes / len(list)))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s.Frame(list[i%len(list)], yield)
	}
}
