package world

import (
	"math/bits"
	"net/netip"
	"time"

	"flowname/correlate"
	"flowname/flows"
)

// A Flow is one direction of a connection as an exporter tells it.
type Flow struct {
	Number uint64
	Proto  uint8
	// Client began the connection. Reply says that this is the direction from
	// Server to Client.
	Client, Server netip.AddrPort
	Reply          bool
	// StartNs and EndNs are of the first and last packet, in whole milliseconds.
	StartNs, EndNs int64
	Bytes, Packets uint64
	TCPFlags       uint8
	// Exporter is which of them tells it, from 0.
	Exporter int
	Want     Want
}

// Src and Dst are the ends in the order of the direction.
func (f *Flow) Src() netip.AddrPort {
	if f.Reply {
		return f.Server
	}
	return f.Client
}

// Dst is the end that Src is not.
func (f *Flow) Dst() netip.AddrPort {
	if f.Reply {
		return f.Client
	}
	return f.Server
}

// A Want is what a collector must say of a flow. Either Basis or Reason is set.
type Want struct {
	// Basis and the name belong to the server's end; the client's has none.
	Basis correlate.Basis
	// AnsweredNs is the answer's time; 0 where it may be any of several.
	AnsweredNs int64
	Reason     correlate.Reason
	name       name
}

// Name appends the name of the server's end.
func (w *Want) Name(dst []byte) []byte { return w.name.append(dst) }

// Canonical appends its canonical name; nothing where it has none.
func (w *Want) Canonical(dst []byte) []byte { return w.name.appendCanonical(dst) }

const (
	minBytes = 1000 // a flow of number n has n more

	// Flows begin within maxAge before they are exported; an answer of their
	// pair is at least settle older than the export or lead newer.
	settle = 4 * uint64(time.Second)
	lead   = 4 * uint64(time.Second)

	secondNs = int64(time.Second)
)

// A kind is how a flow comes to its name, or why to none.
type kind uint8

const (
	kindClient kind = iota
	kindOthers
	kindAmbiguous
	kindNoAnswer
	kindUnseen
	kindMulticast
	kindBefore
	numKinds
)

// NumberOf is the number of a flow by its count of bytes; false where it is no
// flow of this world.
func (w *World) NumberOf(bytes uint64) (uint64, bool) {
	n := bytes - minBytes
	return n, bytes >= minBytes && n < uint64(w.cfg.Flows)
}

// ExportNs is when a flow is exported.
func (w *World) ExportNs(number int) int64 {
	first := w.periodNs + settle
	span := uint64(w.cfg.Turns)*w.periodNs - settle - lead
	hi, lo := bits.Mul64(span, uint64(number))
	at, _ := bits.Div64(hi, lo, uint64(w.cfg.Flows))
	return w.cfg.StartNs + int64(first+at)
}

// Flow is the flow of a number under Config.Flows.
func (w *World) Flow(number int) Flow {
	n := uint64(number)
	h := w.hash(saltFlow, n)
	export := w.ExportNs(number)
	f := Flow{
		Number:   n,
		Proto:    flows.ProtoTCP,
		TCPFlags: flows.TCPSyn | flows.TCPAck | flows.TCPPsh | flows.TCPFin,
		Bytes:    minBytes + n,
		Packets:  1 + h%20,
		Exporter: number / w.cfg.PerDatagram % w.cfg.Exporters,
		Reply:    h>>8%10 < 3,
	}
	if h>>16%4 == 0 {
		f.Proto, f.TCPFlags = flows.ProtoUDP, 0
	}
	f.EndNs = (export - int64(h>>20%50)*1e6) / 1e6 * 1e6
	f.StartNs = f.EndNs - int64(1+h>>28%1000)*1e6
	w.place(&f, h, export)
	return f
}

// place decides between which ends a flow goes, and so what is wanted of it.
func (w *World) place(f *Flow, h uint64, exportNs int64) {
	kind, pair := w.kind(f.Number)
	answer := w.current(h, exportNs)
	if kind == kindClient {
		pair = answer % w.pairs
	}
	client, server := w.pair(pair)
	v6, turn, port := w.isV6(client), answer/w.pairs, uint16(443)
	from, to := clientAddr(client, v6), serverAddr(server, v6)
	unknown := h >> 40 % 30_000 * 2
	switch kind {
	case kindClient:
		f.Want = Want{Basis: correlate.Client, AnsweredNs: w.answerNs(answer), name: w.nameOf(client, server, turn)}
	case kindOthers:
		from = quietAddr(client, v6)
		f.Want = Want{Basis: correlate.Others, name: w.nameOf(client, server, 0)}
	case kindAmbiguous:
		from = quietAddr(client, v6)
		f.Want.Reason = correlate.Ambiguous
	case kindNoAnswer:
		to = unknownAddr(unknown, v6)
		f.Want.Reason = correlate.NoAnswer
	case kindUnseen:
		from, to = quietAddr(client, v6), unknownAddr(unknown, v6)
		f.Want.Reason = correlate.ClientUnseen
	case kindMulticast:
		to, port = multicastAddr(v6), 5353
		f.Proto, f.TCPFlags, f.Reply = flows.ProtoUDP, 0, false
		f.Want.Reason = correlate.NotResolvable
	case kindBefore:
		to = unknownAddr(unknown+1, v6)
		f.StartNs = w.cfg.StartNs - int64(60_000+h>>28%1000)*1e6
		f.Want.Reason = correlate.BeforeSensor
	}
	low := uint16(turn % portTurns)
	f.Client = netip.AddrPortFrom(from, 8192+uint16(h>>44%7168)*portTurns+low)
	f.Server = netip.AddrPortFrom(to, port)
}

// current is an answer that is good for a flow exported then: of a pair whose
// last answer is older by settle, and whose next one is newer by lead.
func (w *World) current(h uint64, exportNs int64) uint64 {
	newest := w.answersWithin(uint64(exportNs-w.cfg.StartNs) - settle)
	guard := w.answersWithin(settle+lead) + 1
	answer := newest - h>>12%max(1, w.pairs-min(guard, w.pairs-1))
	for all := uint64(w.Answers()); answer >= all; {
		answer -= w.pairs
	}
	return answer
}

// kind is the kind of a flow, and for one that is not named by an answer of its
// own the pair whose ends it is made of.
func (w *World) kind(number uint64) (kind, uint64) {
	h := w.hash(saltKind, number)
	if h%100 >= uint64(w.cfg.Other) {
		return kindClient, 0
	}
	k := kindOthers + kind(h>>8%uint64(numKinds-kindOthers))
	pair := h >> 16 % w.pairs
	if k != kindOthers && k != kindAmbiguous {
		return k, pair
	}
	// Both clients of a server have asked in the whole rows.
	const tries = 64
	for try := range uint64(tries) {
		pair = w.hash(saltSearch, number*tries+try) % (w.rows * uint64(w.cfg.Clients))
		if _, server := w.pair(pair); single(server) == (k == kindOthers) {
			return k, pair
		}
	}
	return kindClient, 0 // a world so small that it has no such server
}
