package visibility

import (
	"math/rand/v2"
	"net/netip"
	"time"

	"flowname/correlate"
	"flowname/dnscache"
	"flowname/flows"
)

// Config says what a Table counts.
type Config struct {
	// Inside tells whose flows are counted. Its Cache is needed.
	Inside *correlate.Inside
	// Resolvers are the resolvers that clients are to ask; without any, asking a
	// public one is seen to be outside where its answers are not seen.
	Resolvers []netip.Prefix
	// Forwarders ask for others.
	Forwarders []netip.Prefix
	// Room is how many clients all tables with it have at most.
	Room *Room
	// Seed spreads clients and chooses who makes room; a replay sets it. 0: a
	// secret random one.
	Seed uint64
}

// A How is by what a counted flow has its name, or why it has none.
type How uint8

// The ways.
const (
	// LookedUp: the client's own answers or questions name it (the bases client,
	// client_query, client_expired and client_later).
	LookedUp How = iota
	// Told: the exporter, a handshake or an agent told the name of this connection.
	Told
	// Others: only other clients' evidence names it.
	Others
	// Ambiguous and the rest are correlate's reasons.
	Ambiguous
	NoAnswer
	ClientUnseen
	BeforeSensor

	NumHows
)

var howNames = [NumHows]string{"looked_up", "told", "others", "ambiguous", "no_answer", "client_unseen", "before_sensor"}

// String is the text in metrics and rows.
func (h How) String() string { return howNames[h] }

// Own says whether the name is the client's own: it rests on evidence of this client or
// of this connection.
func (h How) Own() bool { return h <= Told }

// A Table counts the flows of clients. It is not safe for concurrent use.
type Table struct {
	cfg   Config
	seed  uint64
	rand  *rand.PCG
	index index
	chunk []*[chunkSize]entry
	free  []uint32
	next  uint32 // the lowest number never given out
	last  uint32 // how many of them there may be

	notes   [notesSize]note
	waiting int

	door      []uint32 // nil until the room is used up
	strangers [1 << 10]stranger
	stats     Stats
}

// A stranger is somebody outside who was asked about: not ours until then.
type stranger struct {
	hash, until uint32
}

// strangerSeconds is how long a stranger stays one.
const strangerSeconds = 60

// New returns an empty Table.
func New(cfg Config) *Table {
	t := &Table{cfg: cfg, seed: cfg.Seed, next: 1}
	if t.seed == 0 {
		t.seed = rand.Uint64()
	}
	t.rand = rand.NewPCG(t.seed, t.seed^secret1)
	return t
}

// Ports that tell what a flow is for.
const (
	portDNS   = 53
	portDoT   = 853 // of DoQ too
	portHTTPS = 443
)

// Flow takes a decided flow. doh says that its server is known to offer DNS over
// HTTPS, by its own name or where it has none by its address.
func (t *Table) Flow(f *correlate.Flow, doh bool) {
	r := f.Record
	if r.Proto != flows.ProtoTCP && r.Proto != flows.ProtoUDP || f.Unnamed == correlate.NotResolvable {
		return
	}
	var w ways
	w.of(f)
	known := t.cfg.Inside.Known(w.client)
	if !known && w.inside.IsValid() && t.cfg.Inside.Known(w.inside) {
		w.client, known = w.inside, true
	}
	n := &t.notes[t.waiting]
	n.key, n.at, n.bytes, n.how, n.asked = ipOf(w.client), seconds(r.ReceivedNs), r.Bytes, w.how, 0
	n.hash = t.hash(n.key)
	switch {
	case w.port == portDNS || w.port == portDoT:
		if !known || !w.asks {
			return
		}
		n.how = notCounted
		t.asked(n, f, &w, false)
	case !t.counts(f, &w):
		if !known || !w.asks {
			return
		}
		n.how = notCounted
	case !known && !t.ours(w.client, n):
		return
	default:
		by := &t.stats.By[n.how]
		by.Flows++
		by.Bytes += n.bytes
		if doh && w.port == portHTTPS && w.asks {
			t.asked(n, f, &w, true)
		}
	}
	if t.waiting++; t.waiting == notesSize {
		t.drain()
	}
}

// ways are the parts of a flow as its client sees it.
type ways struct {
	server, client netip.Addr
	inside         netip.Addr // the client on the other side of a NAT
	port           uint16     // the server's
	how            How
	asks           bool // it goes from the client to the server
}

func (w *ways) of(f *correlate.Flow) {
	server, client := &f.Dst, &f.Src
	toServer := f.ServerIsDst()
	if !toServer {
		server, client = client, server
	}
	if !server.Named && client.Named { // who was looked up is the server
		server, toServer = client, !toServer
	}
	w.asks = toServer
	if toServer {
		w.server, w.port, w.client, w.inside = f.Record.Dst, f.DstPort, f.Record.Src, f.XlateSrc
	} else {
		w.server, w.port, w.client, w.inside = f.Record.Src, f.SrcPort, f.Record.Dst, f.XlateDst
	}
	w.how = howOf(server.Basis(), f.Unnamed)
}

// howOf joins a basis and a reason.
func howOf(basis correlate.Basis, reason correlate.Reason) How {
	switch {
	case basis == 0:
		return reasonHows[reason]
	case basis == correlate.Others:
		return Others
	case basis <= correlate.Endpoint:
		return Told
	}
	return LookedUp
}

// reasonHows are the ways of reasons; not_resolvable does not count.
var reasonHows = [...]How{
	correlate.Ambiguous: Ambiguous, correlate.NoAnswer: NoAnswer, correlate.ClientUnseen: ClientUnseen,
	correlate.BeforeSensor: BeforeSensor, correlate.NotResolvable: notCounted,
}

// notCounted is the way of a flow that does not count.
const notCounted = NumHows

// counts says whether a lookup can be expected before a flow.
func (t *Table) counts(f *correlate.Flow, w *ways) bool {
	const acked, refused = flows.TCPAck, flows.TCPRst | flows.TCPAck
	switch {
	case w.how == notCounted:
		return false
	case f.Proto == flows.ProtoUDP && w.port != portHTTPS:
		return false
	case f.Proto == flows.ProtoTCP && f.TCPFlags != 0 && (f.TCPFlags&acked == 0 || f.TCPFlags == refused):
		return false
	case f.FirewallEvent == flows.FirewallDenied:
		return false
	}
	return w.how <= Others || t.cfg.Inside.Public(w.server)
}

// ours says whether a client that is not known by its address asks, without asking
// about the same one again and again.
func (t *Table) ours(client netip.Addr, n *note) bool {
	switch n.how {
	case LookedUp, NoAnswer:
		return true // the join knows its DNS
	case ClientUnseen:
		return false
	}
	s := &t.strangers[n.hash%uint32(len(t.strangers))]
	if s.hash == n.hash && n.at < s.until {
		return false
	}
	if t.cfg.Inside.Ours(client) {
		return true
	}
	s.hash, s.until = n.hash, n.at+strangerSeconds
	return false
}

// seenAnswered is how long before a question to a public resolver the client must
// have been answered for the sensor to see these answers: the record of the flow
// comes after them.
const seenAnswered = int64(time.Minute)

// asked notes what resolver a flow goes to. Answers of resolvers are not looked at:
// what comes from port 53 may be anybody's, asked for or not.
func (t *Table) asked(n *note, f *correlate.Flow, w *ways, doh bool) {
	n.asked = t.kindOf(f, w, doh)
	n.resolver = ipOf(w.server)
	t.stats.Asked[n.asked]++
}

// kindOf says what kind of resolver is asked.
func (t *Table) kindOf(f *correlate.Flow, w *ways, doh bool) Asked {
	switch {
	case contains(t.cfg.Forwarders, w.server):
		return AskedForwarder
	case contains(t.cfg.Resolvers, w.server):
		return AskedInside
	case doh:
		return AskedDoH
	case len(t.cfg.Resolvers) > 0:
		return AskedOutside
	case !t.cfg.Inside.Public(w.server):
		return AskedInside
	case w.port == portDoT:
		return AskedOutside // nobody reads it
	}
	seen, _ := t.cfg.Inside.Cache.Client(w.client)
	if seen.AnsweredNs+int64(time.Second) < f.StartNs-seenAnswered {
		return AskedOutside
	}
	return AskedInside
}

func contains(networks []netip.Prefix, a netip.Addr) bool {
	for _, p := range networks {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// SightOf is how the cache sees a client.
func (t *Table) SightOf(client netip.Addr) dnscache.Sight {
	seen, _ := t.cfg.Inside.Cache.Client(client)
	return seen
}
