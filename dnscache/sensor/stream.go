package sensor

import (
	"encoding/binary"
	"net/netip"

	"flowname/dnscache/sensor/packet"
)

const (
	maxHeld      = 64        // segments behind a hole
	maxHeldBytes = 256 << 10 // bytes behind a hole; four messages of full length
	maxAhead     = 1 << 20   // a sequence number farther off belongs to another connection
	keepPartial  = 4 << 10   // buffers up to this are used again

	holeAgeNs = 2_000_000_000   // a retransmission comes sooner
	idleAgeNs = 120_000_000_000 // RFC 7766 section 6.2.3 leaves it to the server; seconds are usual

	sweepSteps  = 2 // streams looked at by the way for each segment
	victimTries = 8
)

type streamKey struct {
	src, dst netip.AddrPort
}

// stream is one direction of a TCP connection.
type stream struct {
	key     streamKey
	place   int    // in streams.all
	start   uint32 // first sequence number, where the SYN was seen
	next    uint32 // sequence number expected
	end     uint32 // where FIN was, when ended
	lastNs  int64
	holeNs  int64     // when the first held segment came
	held    []segment // behind a hole, by sequence number
	partial []byte    // the message that is not complete, with its length
	kept    int       // bytes in held and partial
	began   bool      // the SYN was seen
	ended   bool
	synced  bool // next is within, or at the start of, a message
	guessed bool // synced by the look of a segment, not from the SYN
}

type segment struct {
	seq  uint32
	data []byte
}

// streams puts the streams of DNS connections together and cuts them into
// messages.
type streams struct {
	maxStreams, maxBytes int

	stats    *Stats
	isServer func(port uint16) bool
	emit     func(message []byte, st *stream, timeNs int64)

	byKey map[streamKey]*stream
	all   []*stream
	hand  int // of the clock over all
	bytes int
	spare []*stream
}

// segment takes one segment of a DNS port.
func (t *streams) segment(p *packet.Packet) {
	st := t.byKey[streamKey{p.Src, p.Dst}]
	seq := p.Seq
	switch {
	case p.RST:
		if st != nil {
			t.close(st)
		}
		return
	case p.SYN:
		seq++
		st = t.begin(st, p, seq)
	case st == nil && len(p.Payload) == 0:
		return
	case st == nil:
		// The capture began in the middle of the connection.
		if !t.plausible(p.Payload, p.Src.Port(), p.Dst.Port()) {
			t.stats.StreamUnsynced++
			return
		}
		st = t.open(p)
		st.next, st.guessed = seq, true
	}
	st.lastNs = p.TimeNs
	if p.FIN && !st.ended {
		st.ended, st.end = true, seq+uint32(len(p.Payload))
	}
	if len(p.Payload) > 0 {
		t.data(st, seq, p.Payload, p.TimeNs)
	}
	if st.ended && int32(st.next-st.end) >= 0 {
		t.close(st)
	}
	t.sweep(p.TimeNs)
}

// begin is the stream of a SYN: the one there is when the SYN is repeated.
func (t *streams) begin(st *stream, p *packet.Packet, seq uint32) *stream {
	if st != nil {
		if st.began && st.start == seq {
			return st
		}
		t.close(st)
	}
	st = t.open(p)
	st.start, st.next, st.began, st.synced = seq, seq, true, true
	return st
}

func (t *streams) open(p *packet.Packet) *stream {
	if t.byKey == nil {
		t.byKey = make(map[streamKey]*stream)
	}
	for len(t.all) >= t.maxStreams {
		t.stats.StreamsEvicted++
		t.close(t.victim())
	}
	st := new(stream)
	if n := len(t.spare); n > 0 {
		st, t.spare = t.spare[n-1], t.spare[:n-1]
	}
	*st = stream{
		key: streamKey{p.Src, p.Dst}, place: len(t.all), lastNs: p.TimeNs,
		held: st.held[:0], partial: st.partial[:0],
	}
	t.byKey[st.key] = st
	t.all = append(t.all, st)
	t.stats.Streams++
	return st
}

// victim is the most silent of a few streams, one that has said nothing yet
// before all others: a flood of SYNs pushes itself out.
func (t *streams) victim() *stream {
	var best *stream
	for range min(victimTries, len(t.all)) {
		st := t.turn()
		switch {
		case best == nil, st.fresh() && !best.fresh():
			best = st
		case st.fresh() == best.fresh() && st.lastNs < best.lastNs:
			best = st
		}
	}
	return best
}

func (st *stream) fresh() bool { return st.began && st.next == st.start }

// turn moves the hand of the clock.
func (t *streams) turn() *stream {
	t.hand = (t.hand + 1) % len(t.all)
	return t.all[t.hand]
}

// sweep looks at a few streams by the way, so that holes and silence end in
// event time without a clock.
func (t *streams) sweep(nowNs int64) {
	for range min(sweepSteps, len(t.all)) {
		st := t.turn()
		switch {
		case distance(nowNs, st.lastNs) > idleAgeNs:
			t.stats.StreamsIdle++
			t.close(st)
		case len(st.held) > 0 && distance(nowNs, st.holeNs) > holeAgeNs:
			t.skipHole(st, st.lastNs)
		}
		if len(t.all) == 0 {
			return
		}
	}
}

func distance(a, b int64) int64 {
	if a < b {
		return b - a
	}
	return a - b
}

// close gives what is held and forgets the stream.
func (t *streams) close(st *stream) {
	for len(st.held) > 0 {
		t.skipHole(st, st.lastNs)
	}
	t.dropPartial(st)
	delete(t.byKey, st.key)
	last := len(t.all) - 1
	t.all[st.place] = t.all[last]
	t.all[st.place].place = st.place
	t.all[last] = nil
	t.all = t.all[:last]
	if cap(st.partial) <= keepPartial && len(t.spare) < t.maxStreams/4 {
		t.spare = append(t.spare, st)
	}
}

func (t *streams) flush() {
	for len(t.all) > 0 {
		t.close(t.all[0])
	}
}

// plausible is whether a segment looks as if it began with a message: the only
// way into a stream whose start was not seen.
func (t *streams) plausible(b []byte, src, dst uint16) bool {
	if len(b) < 2+headerLen {
		return false
	}
	size := int(binary.BigEndian.Uint16(b))
	h, _ := parseHeader(b[2:])
	if src, dst := t.isServer(src), t.isServer(dst); src != dst && h.response != src {
		return false
	}
	const minQuestion, minRecord, maxOpcode = 5, 11, 6
	need := headerLen + int(h.questions)*minQuestion + h.records*minRecord
	if size < need || h.opcode > maxOpcode || h.questions > 1 {
		return false
	}
	if h.questions == 0 || len(b) < 2+size {
		return true
	}
	return questionLen(b[2:2+size]) > 0
}
