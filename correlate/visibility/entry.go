package visibility

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// ip is an address as two numbers, IPv4 as ::ffff:a.b.c.d.
type ip struct{ hi, lo uint64 }

func ipOf(a netip.Addr) ip {
	b := a.As16()
	return ip{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

func (p ip) addr() netip.Addr {
	if p == (ip{}) {
		return netip.Addr{}
	}
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], p.hi)
	binary.BigEndian.PutUint64(b[8:], p.lo)
	return netip.AddrFrom16(b).Unmap()
}

// Asked is what kind of resolver a flow goes to.
type Asked uint8

// The kinds. The zero Asked is none.
const (
	// AskedInside: one that may be asked, or whose answers are seen.
	AskedInside Asked = 1 + iota
	// AskedForwarder: one that asks for others.
	AskedForwarder
	// AskedOutside: one that is not allowed, or public and its answers are not seen.
	AskedOutside
	// AskedDoH: one by HTTPS.
	AskedDoH

	NumAsked
)

var askedNames = [NumAsked]string{"", "inside", "forwarder", "outside", "doh"}

// String is the text in metrics and rows.
func (a Asked) String() string { return askedNames[a] }

// An entry is what is known of a client: two cache lines.
type entry struct {
	key      ip
	bytes    uint64
	ownBytes uint64
	flows    [NumHows]uint32 // since it was first seen
	other    uint32          // that do not count

	first, last uint32 // Unix seconds; first is 0 for a free entry
	lately      lately
	outside     uint32 // flows to such resolvers since it was first seen
	doh         uint32
	kind        Asked // of the last resolver that it asked
	resolver    ip
	askedLately [NumAsked - 1]uint16
}

// lately is what counts now.
type lately struct {
	flows, own, lookedUp, others uint32 // halved every period; others with ambiguous
	share                        uint16 // running mean of flows that were looked up, of 65535
	period                       uint16 // of the last halving
}

// periodSeconds is after how long what counts now is halved.
const periodSeconds = 12 * 3600

// meanShift makes the running mean one of the last 30 flows or so.
const meanShift = 5

// A note is a flow that waits to be counted.
type note struct {
	key      ip
	resolver ip
	bytes    uint64
	hash     uint32
	at       uint32 // Unix seconds
	item     uint32
	how      How
	asked    Asked
}

// notesSize is how many flows are counted together: more than a core waits for at a
// time.
const notesSize = 32

// count adds a flow.
func (e *entry) count(n *note) {
	if n.at > e.last {
		e.last = n.at
	}
	if n.at < e.first {
		e.first = n.at
	}
	if period := uint16(n.at / periodSeconds); period != e.lately.period {
		e.halve(period)
	}
	if n.asked != 0 {
		i := n.asked - 1
		switch n.asked {
		case AskedOutside:
			e.outside = add32(e.outside, 1)
		case AskedDoH:
			e.doh = add32(e.doh, 1)
		}
		if e.askedLately[i] < 1<<16-1 {
			e.askedLately[i]++
		}
		e.resolver, e.kind = n.resolver, n.asked
	}
	if n.how == notCounted {
		if n.asked == 0 {
			e.other = add32(e.other, 1)
		}
		return
	}
	e.bytes += n.bytes
	e.flows[n.how] = add32(e.flows[n.how], 1)
	e.lately.flows++
	target := 0
	switch n.how {
	case LookedUp:
		e.lately.lookedUp++
		target = 1<<16 - 1
		fallthrough
	case Told:
		e.lately.own++
		e.ownBytes += n.bytes
	case Others, Ambiguous:
		e.lately.others++
	}
	e.lately.share = uint16(int(e.lately.share) + (target-int(e.lately.share))>>meanShift)
}

// add32 is a sum that stops at the end.
func add32(a, b uint32) uint32 { return uint32(min(uint64(a)+uint64(b), 1<<32-1)) }

// halve makes what counts now smaller, once for each period that has begun. A time
// before the last one changes nothing.
func (e *entry) halve(period uint16) {
	steps := period - e.lately.period
	if steps > 1<<15 {
		return
	}
	steps = min(steps, 31)
	l := &e.lately
	l.flows, l.own, l.lookedUp, l.others = l.flows>>steps, l.own>>steps, l.lookedUp>>steps, l.others>>steps
	for i := range e.askedLately {
		e.askedLately[i] >>= steps
	}
	l.period = period
}

// worth is how much would be lost with the entry in a period: what counts then, and
// flows to resolvers, and many times that where a name was its own, which takes more
// than made-up flows.
func (e *entry) worth(period uint16) uint64 {
	steps := period - e.lately.period
	if steps > 1<<15 {
		steps = 0
	}
	flows := uint64(e.lately.flows)
	for _, n := range e.askedLately {
		flows += uint64(n)
	}
	if flows >>= min(steps, 63); e.lately.own>>min(steps, 31) > 0 {
		return flows << 8
	}
	return flows
}

// seconds is Unix nanoseconds as seconds in 32 bits, at least 1: a time that nobody
// told is the first one.
func seconds(ns int64) uint32 {
	return uint32(min(max(ns/int64(time.Second), 1), 1<<32-1))
}
