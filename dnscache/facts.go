package dnscache

import "net/netip"

// A fact is evidence that is not about an address: a client asked for a name, a
// connection was made. It is a version of a chain like every answer, and lies
// under an address that no packet has: the kind of fact and a hash of what it is
// about, in the lower half of the Dummy IPv6 Prefix (RFC 9780). The history
// never shows such an address, and evidence that claims one is refused.
//
// The hash is the same in every process, because the store keeps it. Whoever
// makes up evidence could make two names or two connections of one client share
// a chain: names are compared, and of connections he can lie outright.
const factPrefix = 0x0100_0000_0000_0001 // 100:0:0:1::/64, upper half

// factKind is what a fact is about. The store keeps it: new ones go to the end.
type factKind uint8

const (
	// factAsked: the client asked for the name with this hash.
	factAsked factKind = 1 + iota
	// The client made the connection with this hash; see connectionFact. Each
	// way of knowing has a chain of its own, so that none hides another.
	factHandshake // its handshake was seen
	factAgent     // the agent at the client said so
	factInbound   // the agent at the server did
)

// What a source tells of a connection besides its two addresses; the lower bits
// of a fact's kind.
const (
	knowsClientPort = 1 << iota
	knowsServerPort
	knowsProto

	numShapes = 1 << iota
)

// factBit is the bit of Cache.facts that says that there is such a fact.
func factBit(kind factKind, shape uint8) uint64 {
	return 1 << (uint(kind)*numShapes + uint(shape))
}

const anyQuestion = uint64(1) << (uint(factAsked) * numShapes)

func factIP(kind factKind, shape uint8, hash uint64) ip {
	return ip{factPrefix, uint64(kind)<<59 | uint64(shape)<<56 | hash>>8}
}

// fact is what factIP was made of, but for the hash; ok is false for an address
// that is none.
func (p ip) fact() (kind factKind, shape uint8, ok bool) {
	return factKind(p.lo >> 59), uint8(p.lo >> 56 & (numShapes - 1)), p.hi == factPrefix
}

// isConnection says whether p is the address of a fact about a connection.
func (p ip) isConnection() bool {
	kind, _, ok := p.fact()
	return ok && kind != factAsked
}

// Odd numbers without a pattern. The store keeps what is hashed with them.
const (
	factSecret0 = 0xa0761d6478bd642f
	factSecret1 = 0xe7037ed1a0b428db
)

// askedFact is the address of questions for a name.
func askedFact[T []byte | string](name T) ip {
	h := uint64(factSecret0)
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * 0x100000001b3 // FNV-1a
	}
	return factIP(factAsked, 0, fold(h^factSecret0, uint64(len(name))^factSecret1))
}

// A Tuple is the ends of a connection, by what is known of them: 0 is a port or
// a protocol that is not.
type Tuple struct {
	Client, Server         netip.Addr // unmapped; the Client made the connection
	ClientPort, ServerPort uint16
	Proto                  uint8
}

func (t *Tuple) shape() (shape uint8) {
	if t.ClientPort != 0 {
		shape |= knowsClientPort
	}
	if t.ServerPort != 0 {
		shape |= knowsServerPort
	}
	if t.Proto != 0 {
		shape |= knowsProto
	}
	return shape
}

// connectionFact is the address of t's connection, of a client that is known by
// the chain, as a source of that shape tells it.
func connectionFact(t *Tuple, kind factKind, shape uint8) ip {
	var rest uint64
	if shape&knowsClientPort != 0 {
		rest |= uint64(t.ClientPort)
	}
	if shape&knowsServerPort != 0 {
		rest |= uint64(t.ServerPort) << 16
	}
	if shape&knowsProto != 0 {
		rest |= uint64(t.Proto) << 32
	}
	s := ipOf(t.Server)
	h := fold(s.hi^factSecret0, s.lo^factSecret1)
	return factIP(kind, shape, fold(h^factSecret1, rest^factSecret0))
}

// The answer's side of a connection, that its server has its name, lies in the
// server's chains like a DNS answer: other clients are named by it. But its own
// client did not resolve it, and its other connections are not named by it, so it
// is filed for the client's shadow: the client's address with the top bit
// flipped, which no host has (2000::/3, fc00::/6 and all below 2000:: become
// addresses that are not assigned).
const shadowBit = 1 << 63

// shadow is the shadow of p, and p that of its shadow.
func (p ip) shadow() ip { return ip{p.hi ^ shadowBit, p.lo} }

// isShadow says whether p is a client's shadow. Evidence of such a client is
// refused.
func (p ip) isShadow() bool {
	top := p.hi >> 58 // fc00::/6 is private use, link-local and multicast
	return p.hi&shadowBit != 0 && top != 0x3f || top == 0x1f
}

// reserved says whether evidence must not claim a as an answer.
func reserved(p ip) bool { return p.hi == factPrefix }
