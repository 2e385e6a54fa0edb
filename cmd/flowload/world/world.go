package world

import (
	"math/bits"
	"net/netip"
	"sort"
)

// A World is a Config with what follows from it.
type World struct {
	cfg      Config
	pairs    uint64 // answered in each turn
	rows     uint64 // pairs that every client has
	servers  uint64
	periodNs uint64
}

// New makes the world of a Config, which must be valid.
func New(cfg Config) (*World, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	w := &World{cfg: cfg, pairs: uint64(cfg.Answers / cfg.Turns), periodNs: uint64(cfg.PeriodMs) * 1e6}
	w.rows = w.pairs / uint64(cfg.Clients)
	w.servers = max(64, w.pairs/8, w.rows+2)
	return w, nil
}

// Config is what the world was made of.
func (w *World) Config() Config { return w.cfg }

// Answers is how many there are: whole turns of them.
func (w *World) Answers() int { return int(w.pairs) * w.cfg.Turns }

// An Answer is one DNS response.
type Answer struct {
	Number uint64
	// TimeNs is when the client had it.
	TimeNs int64
	Client netip.AddrPort
	Server netip.AddrPort // the resolver
	// Addr is what the name has.
	Addr netip.Addr
	TTL  uint32 // seconds
	// TCP says that it went by TCP.
	TCP bool
	ID  uint16
	// Mixed says that the question's letters are of mixed case.
	Mixed bool
	name  name
}

// Name appends the name that was asked for.
func (a *Answer) Name(dst []byte) []byte { return a.name.append(dst) }

// Canonical appends the end of the name's CNAME chain; nothing where it has
// none.
func (a *Answer) Canonical(dst []byte) []byte { return a.name.appendCanonical(dst) }

// Answer is the answer of a number under Answers.
func (w *World) Answer(i int) Answer {
	n := uint64(i)
	h := w.hash(saltAnswer, n)
	c, s := w.pair(n % w.pairs)
	v6 := w.isV6(c)
	return Answer{
		Number: n,
		TimeNs: w.answerNs(n),
		Client: netip.AddrPortFrom(clientAddr(c, v6), 1024+uint16(h%60000)),
		Server: netip.AddrPortFrom(resolver(v6), 53),
		Addr:   serverAddr(s, v6),
		TTL:    300 + uint32(h>>16%3300),
		TCP:    h>>32%50 == 0,
		ID:     uint16(h >> 40),
		Mixed:  h>>56%4 == 0,
		name:   w.nameOf(c, s, n/w.pairs),
	}
}

// answerNs is when answer n comes.
func (w *World) answerNs(n uint64) int64 {
	hi, lo := bits.Mul64(n, w.periodNs)
	at, _ := bits.Div64(hi, lo, w.pairs)
	return w.cfg.StartNs + int64(at)
}

// AnswersBefore is how many answers come before a time.
func (w *World) AnswersBefore(atNs int64) int {
	return sort.Search(w.Answers(), func(i int) bool { return w.answerNs(uint64(i)) >= atNs })
}

// answersWithin is how many answers come in that many nanoseconds.
func (w *World) answersWithin(ns uint64) uint64 {
	hi, lo := bits.Mul64(ns, w.pairs)
	n, _ := bits.Div64(hi, lo, w.periodNs)
	return n
}

// pair is the client and the server of a pair. Two clients, 2q and 2q+1, ask for
// the same servers, and others for some of them.
func (w *World) pair(p uint64) (client, server uint64) {
	client = p % uint64(w.cfg.Clients)
	return client, (client/2*7 + p/uint64(w.cfg.Clients)) % w.servers
}

const (
	groupSize  = 4 // servers that share names
	groupNames = 8 // which they share
	oneSingle  = 8 // one group in so many has one name a server
)

func single(server uint64) bool { return server/groupSize%oneSingle == oneSingle-1 }

// nameOf is the name by which a client reaches a server in a turn. Neighbours in
// client number differ in it, and so do neighbouring turns and servers.
func (w *World) nameOf(client, server, turn uint64) name {
	if single(server) {
		return name{group: server / groupSize, number: server % groupSize, single: true}
	}
	return name{group: server / groupSize, number: (client + server%groupSize + turn) % groupNames}
}

// Salts of hash, one for each thing that is decided by it.
const (
	saltAnswer = iota + 1
	saltFlow
	saltKind
	saltV6
	saltSearch
)

// hash spreads a number for one purpose (splitmix64's finaliser).
func (w *World) hash(salt, n uint64) uint64 {
	x := n + salt*0x9e3779b97f4a7c15 + w.cfg.Seed*0xd1342543de82ef95
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// isV6 tells whether a client is of IPv6; the two that share servers are alike.
func (w *World) isV6(client uint64) bool {
	return w.hash(saltV6, client/2)%100 < uint64(w.cfg.IPv6)
}
