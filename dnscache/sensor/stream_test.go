package sensor

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flowname/dnscache/sensor/packet"
)

// side is one direction of a connection in the making.
type side struct {
	src, dst netip.AddrPort
}

var (
	toServer = side{clientA, server}
	toClient = side{server, clientA}
)

func (d side) segment(atNs int64, seq uint32, payload []byte) *packet.Packet {
	return &packet.Packet{TimeNs: atNs, Proto: packet.TCP, Src: d.src, Dst: d.dst, Seq: seq, ACK: true, Payload: payload}
}

func (d side) syn(atNs int64, seq uint32, payload []byte) *packet.Packet {
	p := d.segment(atNs, seq, payload)
	p.SYN = true
	return p
}

func (d side) fin(atNs int64, seq uint32, payload []byte) *packet.Packet {
	p := d.segment(atNs, seq, payload)
	p.FIN = true
	return p
}

func (d side) rst(atNs int64, seq uint32) *packet.Packet {
	p := d.segment(atNs, seq, nil)
	p.RST = true
	return p
}

// prefixed is messages as TCP carries them.
func prefixed(messages ...[]byte) []byte {
	var b []byte
	for _, m := range messages {
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(m))), m...)
	}
	return b
}

func name(i int) string { return fmt.Sprintf("n%d.example.", i) }

// queries are the first n questions in one segment behind a SYN at 999.
func queries(n int) []*packet.Packet {
	var b []byte
	for i := range n {
		b = append(b, prefixed(ask(uint16(i), name(i), 1))...)
	}
	return []*packet.Packet{toServer.syn(0, 999, nil), toServer.segment(0, 1000, b)}
}

// answers are the messages that answer queries, from number i to j.
func answers(i, j int) []byte {
	var b []byte
	for ; i < j; i++ {
		b = append(b, prefixed(answer(uint16(i), name(i), 1, byte(i+1)))...)
	}
	return b
}

func given(atNs int64, i int) string {
	return fmt.Sprintf("%d %v %v %s A 192.0.2.%d tcp", atNs, clientA, server, name(i), i+1)
}

// A streamCase is a server's segments, which answer three queries, and what they
// give; stats are what differs of the counters.
type streamCase struct {
	name    string
	packets []*packet.Packet
	want    []string
	stats   func(*Stats)
}

func testStreams(t *testing.T, cases []streamCase) {
	t.Helper()
	for _, c := range cases {
		s := New(Config{})
		got := play(s, slices.Concat(queries(3), c.packets)...)
		s.Flush(func(m *Message) { got = append(got, record(m)) })
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: (-want +got):\n%s", c.name, diff)
		}
		want := Stats{Queries: 3, Matched: uint64(len(c.want)), QueriesUnanswered: uint64(3 - len(c.want))}
		if c.stats != nil {
			c.stats(&want)
		}
		if diff := cmp.Diff(want, onlyStats(s)); diff != "" {
			t.Errorf("%s: stats (-want +got):\n%s", c.name, diff)
		}
		if s.streams.bytes != 0 || len(s.streams.all) != 0 {
			t.Errorf("%s: %d bytes in %d streams after Flush", c.name, s.streams.bytes, len(s.streams.all))
		}
	}
}

// streamStart is the sequence number of the first byte of the answers.
const streamStart = 5000

// TestStreams: answers over segments in any order, and more than once.
func TestStreams(t *testing.T) {
	one, two, three := answers(0, 1), answers(1, 2), answers(2, 3)
	all := answers(0, 3)
	size := uint32(len(one))
	syn := toClient.syn(1, streamStart-1, nil)
	const start = streamStart
	testStreams(t, []streamCase{
		{"three in one segment", []*packet.Packet{syn, toClient.segment(2, start, all)},
			[]string{given(2, 0), given(2, 1), given(2, 2)}, nil},
		{"a segment each, then FIN", []*packet.Packet{syn, toClient.segment(2, start, one), toClient.segment(3, start+size, two),
			toClient.fin(4, start+2*size, three)}, []string{given(2, 0), given(3, 1), given(4, 2)}, nil},
		{"out of order", []*packet.Packet{syn, toClient.segment(2, start+2*size, three), toClient.segment(3, start+size, two),
			toClient.segment(4, start, one)}, []string{given(4, 0), given(4, 1), given(4, 2)}, nil},
		{"FIN before what it ends", []*packet.Packet{syn, toClient.fin(2, start+2*size, three), toClient.segment(4, start, slices.Concat(one, two))},
			[]string{given(4, 0), given(4, 1), given(4, 2)}, nil},
		{"repeated and overlapping", []*packet.Packet{syn, toClient.segment(2, start, one), toClient.segment(3, start, one),
			toClient.segment(4, start, all)}, []string{given(2, 0), given(4, 1), given(4, 2)},
			func(s *Stats) { s.StreamRepeats = 1 }},
		{"repeated behind a hole", []*packet.Packet{syn, toClient.segment(2, start+size, two), toClient.segment(3, start+size, two),
			toClient.segment(4, start, one)}, []string{given(4, 0), given(4, 1)}, func(s *Stats) { s.StreamRepeats = 1 }},
		{"keep-alive", []*packet.Packet{syn, toClient.segment(2, start, one), toClient.segment(3, start+size-1, []byte{0}),
			toClient.segment(4, start+size, two)}, []string{given(2, 0), given(4, 1)}, func(s *Stats) { s.StreamRepeats = 1 }},
		{"SYN repeated", []*packet.Packet{syn, toClient.segment(2, start, one[:9]), syn, toClient.segment(4, start+9, one[9:])},
			[]string{given(4, 0)}, nil},
		{"SYN of another connection", []*packet.Packet{syn, toClient.segment(2, start, one[:9]), toClient.syn(3, 99, nil), toClient.segment(4, 100, two)},
			[]string{given(4, 1)}, func(s *Stats) { s.StreamIncomplete = 1 }},
		{"sequence numbers wrap", []*packet.Packet{toClient.syn(1, 0xfffffff0, nil), toClient.segment(2, 0xfffffff1, one),
			toClient.segment(3, 0xfffffff1+size, two)}, []string{given(2, 0), given(3, 1)}, nil},
		{"no SYN", []*packet.Packet{toClient.segment(2, 77, one), toClient.segment(3, 77+size, two)}, []string{given(2, 0), given(3, 1)}, nil},
		{"no SYN, in the middle of a message", []*packet.Packet{toClient.segment(2, 77, one[20:]), toClient.segment(3, 77+size-20, two)},
			[]string{given(3, 1)}, func(s *Stats) { s.StreamUnsynced = 1 }},
		{"no SYN, no data", []*packet.Packet{toClient.segment(2, 77, nil), toClient.fin(3, 77, nil), toClient.rst(4, 77)}, nil, nil},
	})
}

// TestStreamHoles: what is missing is given up, and costs what it was part of.
func TestStreamHoles(t *testing.T) {
	one, two, three := answers(0, 1), answers(1, 2), answers(2, 3)
	size := uint32(len(one))
	syn := toClient.syn(1, streamStart-1, nil)
	const start = streamStart
	junk := make([]byte, 60)
	testStreams(t, []streamCase{
		{"a hole that the end gives up", []*packet.Packet{syn, toClient.segment(2, start, one[:30]), toClient.segment(3, start+size, two)},
			[]string{given(3, 1)}, func(s *Stats) { s.StreamHoles, s.StreamIncomplete = 1, 1 }},
		{"a hole that time gives up", []*packet.Packet{syn, toClient.segment(2, start+size, two),
			toClient.segment(3*second, start+2*size, three)}, []string{given(3*second, 1), given(3*second, 2)},
			func(s *Stats) { s.StreamHoles = 1 }},
		{"a hole before the middle of a message", []*packet.Packet{syn, toClient.segment(2, start+size+5, two[5:]),
			toClient.segment(3, start+2*size, three)}, []string{given(3, 2)},
			func(s *Stats) { s.StreamHoles, s.StreamUnsynced = 1, 1 }},
		{"RST gives what is held", []*packet.Packet{syn, toClient.segment(2, start+size, two), toClient.rst(3, start)},
			[]string{given(2, 1)}, func(s *Stats) { s.StreamHoles = 1 }},
		{"far ahead", []*packet.Packet{syn, toClient.segment(2, start+5_000_000, two), toClient.segment(3, start+5_000_000+size, three)},
			[]string{given(2, 1), given(3, 2)}, func(s *Stats) { s.StreamHoles = 1 }},
		{"far ahead, junk", []*packet.Packet{syn, toClient.segment(2, start+5_000_000, junk), toClient.segment(3, start, one)},
			[]string{given(3, 0)}, func(s *Stats) { s.StreamUnsynced = 1 }},
	})
}

// TestStreamsOfJunk: what is no message costs itself.
func TestStreamsOfJunk(t *testing.T) {
	one, two, three := answers(0, 1), answers(1, 2), answers(2, 3)
	size := uint32(len(one))
	syn := toClient.syn(1, streamStart-1, nil)
	const start = streamStart
	junk := make([]byte, 60)
	long := slices.Concat([]byte{0, 40}, junk[:40])
	testStreams(t, []streamCase{
		{"cut by the end", []*packet.Packet{syn, toClient.segment(2, start, one[:size-1])}, nil, func(s *Stats) { s.StreamIncomplete = 1 }},
		{"a prefix too small", []*packet.Packet{syn, toClient.segment(2, start, junk), toClient.segment(3, start+60, two)},
			[]string{given(3, 1)}, func(s *Stats) { s.StreamBadLength = 1 }},
		{"a prefix too small, alone", []*packet.Packet{syn, toClient.segment(2, start, junk[:1]), toClient.segment(2, start+1, junk[:1]),
			toClient.segment(3, start+2, two)}, []string{given(3, 1)}, func(s *Stats) { s.StreamBadLength = 1 }},
		{"a junk message costs itself", []*packet.Packet{syn, toClient.segment(2, start, slices.Concat(long, two))},
			[]string{given(2, 1)}, func(s *Stats) { s.WrongWay = 1 }},
		{"no SYN, a junk message", []*packet.Packet{toClient.segment(2, start, slices.Concat(one, long, two)),
			toClient.segment(3, start+size+42+size, three)}, []string{given(2, 0), given(3, 2)},
			func(s *Stats) { s.StreamImplausible = 1 }},
		{"both ports 53", []*packet.Packet{{TimeNs: 1, Proto: packet.TCP, Src: netip.MustParseAddrPort("10.0.0.9:53"), Dst: server, Seq: 5, Payload: one}},
			nil, func(s *Stats) { s.Unmatched = 1 }},
	})
}

// TestFastOpen has the query in the SYN, repeated after it because the server
// did not take it there (RFC 7413 section 4.1.3).
func TestFastOpen(t *testing.T) {
	q := prefixed(ask(0, name(0), 1))
	s := New(Config{})
	got := play(s, toServer.syn(0, 999, q), toClient.syn(1, 4999, nil), toServer.segment(2, 1000, q),
		toClient.segment(3, 5000, answers(0, 1)))
	if diff := cmp.Diff([]string{given(3, 0)}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if st := s.Stats(); st.Queries != 1 || st.QueriesRepeated != 0 || st.StreamRepeats != 1 {
		t.Errorf("stats %+v", st)
	}
}

// TestEverySplit cuts a stream of three messages at every pair of places.
func TestEverySplit(t *testing.T) {
	all := answers(0, 3)
	for i := 0; i <= len(all); i += 7 {
		for j := i; j <= len(all); j++ {
			s := New(Config{})
			play(s, queries(3)...)
			got := play(s, toClient.syn(1, 4999, nil), toClient.segment(2, 5000, all[:i]),
				toClient.segment(3, 5000+uint32(i), all[i:j]), toClient.segment(4, 5000+uint32(j), all[j:]))
			if len(got) != 3 {
				t.Fatalf("cut at %d and %d: %v", i, j, got)
			}
		}
	}
}

// TestStreamModel plays random cuts, repeats and disorder of a long stream: all
// of its messages come out, in order.
func TestStreamModel(t *testing.T) {
	const messages = 60
	all := answers(0, messages)
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var list []*packet.Packet
		for at := 0; at < len(all); {
			n := min(1+rng.IntN(200), len(all)-at)
			from := max(0, at-rng.IntN(20)) // overlaps what came before
			p := toClient.segment(2, 5000+uint32(from), all[from:at+n])
			list = append(list, p)
			if rng.IntN(4) == 0 {
				list = append(list, p)
			}
			at += n
		}
		for i := range list {
			j := min(i+rng.IntN(4), len(list)-1)
			list[i], list[j] = list[j], list[i]
		}
		s := New(Config{})
		play(s, queries(messages)...)
		got := play(s, append([]*packet.Packet{toClient.syn(1, 4999, nil)}, list...)...)
		for i := range messages {
			if i >= len(got) || got[i] != given(2, i) {
				t.Fatalf("seed %d: message %d of %d is missing or out of order: %v", seed, i, messages, got)
			}
		}
		if s.streams.bytes != 0 {
			t.Fatalf("seed %d: %d bytes still accounted for", seed, s.streams.bytes)
		}
	}
}

func TestStreamBounds(t *testing.T) {
	client := func(i int) side {
		return side{server, netip.AddrPortFrom(clientB.Addr(), uint16(i))}
	}
	t.Run("streams", func(t *testing.T) {
		s := New(Config{MaxStreams: 8})
		for i := range 100 {
			play(s, client(i).syn(int64(i), 1, nil))
		}
		if st := s.Stats(); st.Streams != 100 || st.StreamsEvicted != 92 || len(s.streams.all) != 8 {
			t.Errorf("%d streams, stats %+v", len(s.streams.all), st)
		}
	})
	t.Run("a flood of SYNs leaves streams with data", func(t *testing.T) {
		s := New(Config{MaxStreams: 64})
		play(s, queries(1)...)
		play(s, toClient.syn(1, 4999, nil), toClient.segment(2, 5000, answers(0, 1)[:9]))
		for i := range 10000 {
			play(s, client(i).syn(3, 1, nil))
		}
		if got := play(s, toClient.segment(4, 5009, answers(0, 1)[9:])); len(got) != 1 {
			t.Errorf("the stream was lost: %+v", s.Stats())
		}
	})
	t.Run("bytes", func(t *testing.T) {
		s := New(Config{MaxStreamBytes: 10_000})
		for i := range 100 {
			play(s, client(i).syn(1, 1, nil), client(i).segment(2, 1000, make([]byte, 500)))
		}
		if st := s.Stats(); s.streams.bytes > 10_000 || st.StreamsEvicted != 80 {
			t.Errorf("%d bytes, stats %+v", s.streams.bytes, st)
		}
	})
	t.Run("segments behind a hole", func(t *testing.T) {
		s := New(Config{})
		play(s, toClient.syn(1, 4999, nil))
		for i := range uint32(maxHeld + 1) {
			play(s, toClient.segment(2, 6000+100*i, make([]byte, 10)))
		}
		if st := s.streams.all[0]; len(st.held) != maxHeld || s.Stats().StreamHoles != 1 {
			t.Errorf("%d segments held, stats %+v", len(st.held), s.Stats())
		}
	})
	t.Run("a segment longer than all that may be held", func(t *testing.T) {
		s := New(Config{})
		play(s, toClient.syn(1, 4999, nil), toClient.segment(2, 6000, make([]byte, maxHeldBytes+1)),
			toClient.segment(3, 6000+maxHeldBytes+5, make([]byte, 9)))
		if st := s.streams.all[0]; st.kept > maxHeldBytes {
			t.Errorf("%d bytes held", st.kept)
		}
	})
	t.Run("silence", func(t *testing.T) {
		s := New(Config{})
		play(s, client(1).syn(0, 1, nil), client(2).syn(200*second, 1, nil))
		if st := s.Stats(); st.StreamsIdle != 1 || len(s.streams.all) != 1 {
			t.Errorf("%d streams, stats %+v", len(s.streams.all), st)
		}
	})
}

// TestStreamAllocs is for whole messages in order on a connection that is
// known.
func TestStreamAllocs(t *testing.T) {
	s := New(Config{})
	play(s, toClient.syn(1, 4999, nil))
	b := answers(0, 1)
	p := toClient.segment(2, 5000, b)
	if n := testing.AllocsPerRun(100, func() {
		s.Packet(p, func(*Message) {})
		p.Seq += uint32(len(b))
	}); n != 0 {
		t.Errorf("%v allocations a segment", n)
	}
}
