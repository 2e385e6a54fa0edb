package firstseen

import (
	"encoding/binary"
	"net/netip"
	"sync"
	"sync/atomic"
)

// A queue holds what is to be settled: one part is filled while the other is
// emptied.
type queue struct {
	mu      sync.Mutex
	filling *part
	spare   *part // nil while it is emptied

	// waits is how many domains wait. maybe has bits of them, in both parts; a domain
	// without its bit does not wait.
	waits atomic.Int64
	maybe [2][maybeBits / 64]atomic.Uint64
	side  int // of the part that is filled
}

const maybeBits = 1 << 14

// A part is things in the order of their coming.
type part struct {
	bytes   []byte
	n       int
	domains map[uint64]uint32 // those that wait, by hash: the earliest time
}

// A thing is one piece of evidence that the memory did not know. Its name aliases
// the queue.
type thing struct {
	sec      uint32
	answered bool // or a question whose outcome is not known
	client   netip.Addr
	domain   uint64 // the domain's hash
	// name is empty where the name is known and only the pair is new. The domain is
	// its end from at on; none where that is its length.
	name []byte
	at   int
}

const (
	thingAnswered = 1 << iota
	thingClient
	thingIPv4
)

// append appends a thing: flags, time, hash, at, length, client, name.
func (t *thing) append(b []byte) []byte {
	flags := byte(0)
	if t.answered {
		flags |= thingAnswered
	}
	if t.client.IsValid() {
		flags |= thingClient
	}
	if t.client.Is4() {
		flags |= thingIPv4
	}
	b = binary.LittleEndian.AppendUint32(append(b, flags), t.sec)
	b = binary.LittleEndian.AppendUint64(b, t.domain)
	b = binary.LittleEndian.AppendUint16(b, uint16(t.at))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(t.name)))
	if t.client.IsValid() {
		a := t.client.As16()
		b = append(b, a[:]...)
	}
	return append(b, t.name...)
}

// read is append undone; it returns what follows.
func (t *thing) read(b []byte) []byte {
	flags := b[0]
	t.answered = flags&thingAnswered != 0
	t.sec = binary.LittleEndian.Uint32(b[1:])
	t.domain = binary.LittleEndian.Uint64(b[5:])
	t.at = int(binary.LittleEndian.Uint16(b[13:]))
	size := int(binary.LittleEndian.Uint16(b[15:]))
	b = b[17:]
	t.client = netip.Addr{}
	if flags&thingClient != 0 {
		t.client = netip.AddrFrom16([16]byte(b[:16]))
		if flags&thingIPv4 != 0 {
			t.client = t.client.Unmap()
		}
		b = b[16:]
	}
	t.name = b[:size]
	return b[size:]
}

// thingMost is how long a thing can be at most.
const thingMost = 17 + 16 + maxName

// put queues a thing, if there is room.
func (q *queue) put(t *thing, most int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	p := q.filling
	if len(p.bytes)+thingMost > most {
		return false
	}
	p.bytes = t.append(p.bytes)
	p.n++
	if len(t.name) > t.at { // what is known by its hash only was settled before
		sec, ok := p.domains[t.domain]
		if !ok || t.sec < sec {
			p.domains[t.domain] = t.sec
		}
		if !ok {
			q.waits.Add(1)
		}
		bit := t.domain >> 16 % maybeBits
		q.maybe[q.side][bit/64].Or(1 << (bit % 64))
	}
	return true
}

// take gives the part that was filled, nil if nothing is in it. It must be given
// back before the next is taken.
func (q *queue) take() *part {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.filling.n == 0 {
		return nil
	}
	p := q.filling
	q.filling, q.spare = q.spare, p
	q.side ^= 1
	return p
}

// done gives a part back: all of it is settled.
func (q *queue) done(p *part) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waits.Add(-int64(len(p.domains)))
	p.bytes, p.n = p.bytes[:0], 0
	clear(p.domains)
	maybe := &q.maybe[q.side^1]
	for i := range maybe {
		maybe[i].Store(0)
	}
}

// mayWait says whether a domain may be waiting. If not, it does not.
func (q *queue) mayWait(domain uint64) bool {
	if q.waits.Load() == 0 {
		return false
	}
	bit := domain >> 16 % maybeBits
	return (q.maybe[0][bit/64].Load()|q.maybe[1][bit/64].Load())>>(bit%64)&1 != 0
}

// waiting is since when a domain was seen that waits; false if it does not.
func (q *queue) waiting(domain uint64) (sec uint32, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, p := range []*part{q.filling, q.spare} {
		if at, here := p.domains[domain]; here && (!ok || at < sec) {
			sec, ok = at, true
		}
	}
	return sec, ok
}
