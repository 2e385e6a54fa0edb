package sensor

import (
	"encoding/binary"
	"testing"

	"flowname/dnscache/sensor/capture"
	"flowname/dnscache/sensor/packet"
)

// FuzzSensor reads its input as a list of frames, each with two bytes of length
// and one that says its link type and how far the clock goes on.
func FuzzSensor(f *testing.F) {
	var seed []byte
	for _, fr := range frames(2) {
		seed = append(append(seed, byte(len(fr.Data)>>8), byte(len(fr.Data)), 1), fr.Data...)
	}
	f.Add(seed)
	links := [...]capture.LinkType{capture.LinkRaw, capture.LinkEthernet, capture.LinkSLL, capture.LinkNull}
	f.Fuzz(func(t *testing.T, b []byte) {
		s := New(Config{MaxPending: 8, MaxStreams: 4, MaxStreamBytes: 4096, AcceptUnmatched: true, Queries: true})
		yield := func(m *Message) {
			if len(m.Wire) < headerLen || m.Client.Port() == 0 && m.Server.Port() == 0 {
				t.Errorf("message %+v", m)
			}
		}
		now := int64(0)
		for len(b) >= 3 {
			n := min(int(binary.BigEndian.Uint16(b)), len(b)-3)
			how := b[2]
			now += int64(how>>2) * second
			s.Frame(capture.Frame{TimeNs: now, Link: links[how&3], Data: b[3 : 3+n], OrigLen: n}, yield)
			b = b[3+n:]
		}
		s.Flush(yield)
		checkEmpty(t, s)
	})
}

// FuzzStream reads its input as TCP segments of one connection: direction and
// flags, offset of the sequence number, length.
func FuzzStream(f *testing.F) {
	b := answers(0, 1)
	f.Add(append([]byte{2, 0, 0, 0, 0, 0, 0, byte(len(b))}, b...))
	f.Fuzz(func(t *testing.T, b []byte) {
		s := New(Config{MaxPending: 8, MaxStreamBytes: 4096, AcceptUnmatched: true})
		yield := func(m *Message) {
			if !m.TCP || len(m.Wire) < headerLen {
				t.Errorf("message %+v", m)
			}
		}
		for at := int64(0); len(b) >= 4; at += second / 2 {
			n := min(int(b[3]), len(b)-4)
			ends := toServer
			if b[0]&1 != 0 {
				ends = toClient
			}
			s.Packet(&packet.Packet{
				TimeNs: at, Proto: packet.TCP, Src: ends.src, Dst: ends.dst,
				Seq: uint32(b[1])<<24 + uint32(b[2]), SYN: b[0]&2 != 0, FIN: b[0]&4 != 0, RST: b[0]&8 != 0, Payload: b[4 : 4+n],
			}, yield)
			b = b[4+n:]
		}
		s.Flush(yield)
		checkEmpty(t, s)
	})
}

func checkEmpty(t *testing.T, s *Sensor) {
	if s.streams.bytes != 0 || len(s.streams.all) != 0 || len(s.streams.byKey) != 0 || s.pending.size != 0 {
		t.Errorf("after Flush: %d bytes, %d streams, %d queries", s.streams.bytes, len(s.streams.all), s.pending.size)
	}
}
