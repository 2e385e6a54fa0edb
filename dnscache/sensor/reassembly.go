package sensor

import (
	"encoding/binary"
	"slices"
)

// data takes bytes at a sequence number: what is next goes on, what is old is
// cut off, what is ahead waits.
func (t *streams) data(st *stream, seq uint32, b []byte, timeNs int64) {
	ahead := int32(seq - st.next)
	if ahead > maxAhead || ahead < -maxAhead {
		t.restart(st, seq, b, timeNs)
		return
	}
	if ahead < 0 {
		if int(-ahead) >= len(b) {
			t.stats.StreamRepeats++
			return
		}
		b, ahead = b[-ahead:], 0
	}
	if ahead > 0 {
		t.hold(st, seq, b, timeNs)
		return
	}
	t.deliver(st, b, timeNs)
	t.drain(st, timeNs)
}

// restart goes on at a far sequence number: another connection with the same
// ports whose SYN was not seen, or a large loss.
func (t *streams) restart(st *stream, seq uint32, b []byte, timeNs int64) {
	if !t.plausible(b, st.key.src.Port(), st.key.dst.Port()) {
		t.stats.StreamUnsynced++
		return
	}
	for len(st.held) > 0 {
		t.skipHole(st, timeNs)
	}
	t.stats.StreamHoles++
	t.dropPartial(st)
	st.next, st.synced = seq, false
	t.deliver(st, b, timeNs)
}

// hold keeps a segment until what is before it has come.
func (t *streams) hold(st *stream, seq uint32, b []byte, timeNs int64) {
	at := 0
	for at < len(st.held) && int32(st.held[at].seq-seq) < 0 {
		at++
	}
	if at < len(st.held) && st.held[at].seq == seq && len(st.held[at].data) >= len(b) {
		t.stats.StreamRepeats++
		return
	}
	if len(st.held) > 0 && (len(st.held) >= maxHeld || st.kept+len(b) > maxHeldBytes) {
		t.skipHole(st, timeNs)
		t.data(st, seq, b, timeNs) // once more, with less held or none
		return
	}
	if len(st.held) == 0 {
		st.holeNs = timeNs
	}
	st.held = slices.Insert(st.held, at, segment{seq: seq, data: slices.Clone(b)})
	t.keep(st, len(b))
}

// keep accounts for bytes and makes room for them at the cost of others.
func (t *streams) keep(st *stream, n int) {
	st.kept += n
	t.bytes += n
	for tries := len(t.all); t.bytes > t.maxBytes && tries > 0; tries-- {
		if other := t.turn(); other != st && other.kept > 0 {
			t.stats.StreamsEvicted++
			t.discard(other)
		}
	}
}

// discard empties a stream without giving what it holds: it finds its way again
// at a later segment.
func (t *streams) discard(st *stream) {
	for _, s := range st.held {
		st.kept -= len(s.data)
		t.bytes -= len(s.data)
	}
	if n := len(st.held); n > 0 {
		st.next = st.held[n-1].seq + uint32(len(st.held[n-1].data))
	}
	st.held = slices.Delete(st.held, 0, len(st.held))
	t.dropPartial(st)
	st.synced = false
}

// skipHole gives up what is missing before the first held segment.
func (t *streams) skipHole(st *stream, timeNs int64) {
	t.stats.StreamHoles++
	t.dropPartial(st)
	st.next, st.synced = st.held[0].seq, false
	t.drain(st, timeNs)
	st.holeNs = timeNs
}

// drain gives held segments as far as they join.
func (t *streams) drain(st *stream, timeNs int64) {
	for len(st.held) > 0 {
		s := st.held[0]
		ahead := int32(s.seq - st.next)
		if ahead > 0 {
			return
		}
		st.held = slices.Delete(st.held, 0, 1)
		st.kept -= len(s.data)
		t.bytes -= len(s.data)
		if int(-ahead) < len(s.data) {
			t.deliver(st, s.data[-ahead:], timeNs)
		}
	}
}

func (t *streams) dropPartial(st *stream) {
	if len(st.partial) == 0 {
		return
	}
	t.stats.StreamIncomplete++
	t.clearPartial(st)
}

func (t *streams) clearPartial(st *stream) {
	st.kept -= len(st.partial)
	t.bytes -= len(st.partial)
	st.partial = st.partial[:0]
}

// deliver cuts the bytes that are next in the stream into messages. A message
// that is whole within b is given without a copy.
func (t *streams) deliver(st *stream, b []byte, timeNs int64) {
	st.next += uint32(len(b))
	if !st.synced {
		if !t.plausible(b, st.key.src.Port(), st.key.dst.Port()) {
			t.stats.StreamUnsynced++
			return
		}
		st.synced, st.guessed = true, true
	}
	if b = t.complete(st, b, timeNs); len(b) == 0 {
		return
	}
	for len(b) >= 2 {
		size := 2 + int(binary.BigEndian.Uint16(b))
		if !t.trusted(st, b, size) {
			return
		}
		if size > len(b) {
			break
		}
		t.emit(b[2:size], st, timeNs)
		b = b[size:]
	}
	st.partial = append(st.partial, b...)
	t.keep(st, len(b))
}

// complete adds to the message that is not whole, gives it when it is, and
// returns what is left.
func (t *streams) complete(st *stream, b []byte, timeNs int64) []byte {
	for len(st.partial) > 0 && len(b) > 0 {
		size := 2
		if len(st.partial) >= 2 {
			size += int(binary.BigEndian.Uint16(st.partial))
		}
		n := min(size-len(st.partial), len(b))
		st.partial = append(st.partial, b[:n]...)
		b = b[n:]
		t.keep(st, n)
		switch {
		case len(st.partial) < size:
		case size == 2:
			// The length is known now.
			if !t.trusted(st, st.partial, 2+int(binary.BigEndian.Uint16(st.partial))) {
				t.clearPartial(st)
				return nil
			}
		default:
			t.emit(st.partial[2:], st, timeNs)
			t.clearPartial(st)
		}
	}
	return b
}

// trusted is whether a message of this size, with its prefix, can begin with b.
// Otherwise the place in the stream is lost until a later segment's start.
func (t *streams) trusted(st *stream, b []byte, size int) bool {
	if size < 2+headerLen {
		t.stats.StreamBadLength++
		st.synced = false
		return false
	}
	if st.guessed && len(b) >= 2+headerLen && !t.plausible(b, st.key.src.Port(), st.key.dst.Port()) {
		t.stats.StreamImplausible++
		st.synced = false
		return false
	}
	return true
}
