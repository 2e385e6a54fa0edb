package findings

import (
	"math/bits"
	"net/netip"
	"time"
)

// A life is what is remembered of a name: 160 bytes without pointers. Times are Unix
// seconds; 0 is none.
type life struct {
	key       uint64 // the hash of the name; 0: free
	signature uint64 // of the addresses of its last answer, in any order

	touched    uint32 // when more than its signature was last looked at
	born       uint32 // its first answer
	youngUntil uint32 // its domain is young until then

	// The phase in which it was null-routed.
	nullFrom, nullTo uint32
	liveTo           uint32 // the last live answer before that, or up to now
	liveFrom         uint32 // the first one after it, to one who had not been null-routed
	nullAsked        [nullAskers]uint32
	nullCount        uint16

	flags  lifeFlags
	proven bool // it was asked for in two different hours

	kept uint32 // when it was last marked to be kept

	// The day in which its addresses are counted, by what one client or resolver was
	// answered.
	dayFrom, dayOf uint32
	addresses      uint64 // bits of the addresses' hashes
	networks       uint64 // bits of their networks' hashes

	homes [maxHomes]home
}

const (
	nullAskers = 4
	maxHomes   = 4
)

type lifeFlags uint8

const (
	// lifeForeign: a CNAME led into another registrable domain, which moves it at its
	// will.
	lifeForeign lifeFlags = 1 << iota
)

// A home is a network that a name had addresses in.
type home struct {
	network  uint32 // ASN, or a country's letters with countryBit
	from, to uint32
	count    uint16 // answers, those of an hour being one; the top bit is IPv6
	askers   uint16 // bits of the hashes of who was answered
}

const (
	homeIPv6   = 1 << 15
	countryBit = 1 << 31
)

func (h *home) answers() int { return int(h.count &^ homeIPv6) }
func (h *home) is6() bool    { return h.count&homeIPv6 != 0 }

// Rules of lives.
const (
	// lookAgain is how often a name is looked at whose answers do not change.
	lookAgain = uint32(time.Hour / time.Second)

	// A name was null-routed if it was for nullLeast, in nullAnswers answers, or in one
	// that is nullAlone before the live one. Where it had been live before it takes
	// nullAfterLife: what is blocked by night and at week-ends is no news.
	nullLeast     = uint32(time.Hour / time.Second)
	nullAfterLife = uint32(7 * 24 * time.Hour / time.Second)
	nullAlone     = uint32(12 * time.Hour / time.Second)
	nullAnswers   = 2

	// A name had settled that was in one network for settledLeast, in
	// settledAnswers different hours. Other networks are forgotten after homeForget.
	settledLeast   = uint32(7 * 24 * time.Hour / time.Second)
	settledAnswers = 10
	homeForget     = uint32(30 * 24 * time.Hour / time.Second)

	// Many addresses are manyAddresses in manyNetworks autonomous systems within a
	// day, manyAddressesBare in manyNetworksBare networks where those are not known,
	// in answers that may be kept for shortTTL seconds at most.
	day               = uint32(24 * time.Hour / time.Second)
	manyAddresses     = 10
	manyNetworks      = 5
	manyAddressesBare = 20
	manyNetworksBare  = 12
	shortTTL          = 1800
)

// since is how much later b is than a; 0 where it is not.
func since(a, b uint32) uint32 {
	if b < a {
		return 0
	}
	return b - a
}

// near says whether two times are less than d apart.
func near(a, b, d uint32) bool { return since(a, b) < d && since(b, a) < d }

// unchanged says that an answer has nothing to tell.
func (l *life) unchanged(signature uint64, sec uint32) bool {
	return l.signature == signature && l.nullCount == 0 && l.youngUntil == 0 && near(l.touched, sec, lookAgain)
}

// isNull says whether an address can not be reached from anywhere: it takes
// connections to nowhere, or to whoever asks.
func isNull(a netip.Addr) bool { return a.IsUnspecified() || a.IsLoopback() }

// nulled notes an answer that leads nowhere, to asker.
func (l *life) nulled(asker, sec uint32) {
	if l.liveFrom != 0 { // live for another one, and null-routed after that
		l.liveTo = max(l.liveTo, l.liveFrom)
		l.endNull()
	}
	if l.nullCount == 0 {
		l.nullFrom = sec
	}
	l.nullTo = max(l.nullTo, sec)
	if l.nullCount++; l.nullCount == 0 {
		l.nullCount--
	}
	for i, had := range l.nullAsked {
		if had == asker {
			return
		}
		if had == 0 {
			l.nullAsked[i] = asker
			return
		}
	}
	l.nullAsked[2+l.nullCount&1] = asker // the two first stay
}

func (l *life) endNull() {
	l.kept = 0 // soon, so that a restart does not begin where it was
	l.nullFrom, l.nullTo, l.liveFrom, l.nullCount = 0, 0, 0, 0
	l.nullAsked = [nullAskers]uint32{}
}

// revived notes a live answer to asker and says whether it ends a phase in which the
// name was null-routed for the same asker. That another one has a live answer
// can be the beginning of it; if the name is null-routed after that, a filter blocks
// it for some.
func (l *life) revived(asker, sec uint32) bool {
	if l.nullCount == 0 {
		l.liveTo = max(l.liveTo, sec)
		return false
	}
	if sec < l.nullTo {
		return false // late
	}
	same := false
	for _, had := range l.nullAsked {
		same = same || had == asker
	}
	enough := l.nullCount >= nullAnswers && since(l.nullFrom, l.nullTo) >= nullLeast || since(l.nullFrom, sec) >= nullAlone
	if l.liveTo != 0 {
		enough = l.nullCount >= nullAnswers && since(l.nullFrom, l.nullTo) >= nullAfterLife
	}
	if enough && !same {
		if l.liveFrom == 0 {
			l.liveFrom = sec
		}
		return false
	}
	if !enough {
		l.liveTo = sec
		l.endNull()
	}
	return enough
}

// counted notes an address within a day of one asker's answers, and says whether it
// is new in it.
func (l *life) counted(address uint64, asker, sec uint32) bool {
	if l.dayFrom == 0 || !near(l.dayFrom, sec, day) {
		l.dayFrom, l.dayOf, l.addresses, l.networks = sec, asker, 0, 0
	}
	bit := uint64(1) << (address & 63)
	if l.dayOf != asker || l.addresses&bit != 0 {
		return false
	}
	l.addresses |= bit
	return true
}

// many says whether the addresses of the day are many. Equal bits make what is
// counted less than what there is, never more.
func (l *life) many(byASN bool) bool {
	a, n := bits.OnesCount64(l.addresses), bits.OnesCount64(l.networks)
	if byASN {
		return a >= manyAddresses && n >= manyNetworks
	}
	return a >= manyAddressesBare && n >= manyNetworksBare
}

// moved notes the networks of an answer of one family to asker, and gives the home
// that it has left for one of them, if it had settled there.
func (l *life) moved(networks []uint32, is6 bool, asker, sec uint32) (left home, to uint32, ok bool) {
	var settled *home
	homes := 0
	known := false
	for i := range l.homes {
		h := &l.homes[i]
		if h.network == 0 || h.is6() != is6 {
			continue
		}
		if since(h.to, sec) > homeForget {
			*h = home{}
			continue
		}
		homes++
		settled = h
		for _, network := range networks {
			if h.network == network {
				h.note(asker, sec)
				known = true
			}
		}
	}
	if settled != nil {
		left = *settled
	}
	for _, network := range networks {
		if l.homeOf(network, is6) == nil {
			if to == 0 {
				to = network
			}
			l.settle(network, is6, asker, sec)
		}
	}
	ok = !known && homes == 1 && to != 0 && left.answers() >= settledAnswers && since(left.from, left.to) >= settledLeast &&
		left.askers&askerBit(asker) != 0
	return left, to, ok
}

func askerBit(asker uint32) uint16 { return 1 << (asker & 15) }

func (h *home) note(asker, sec uint32) {
	if since(h.to, sec) >= lookAgain && h.answers() < homeIPv6-1 {
		h.count++
	}
	h.to = max(h.to, sec)
	h.askers |= askerBit(asker)
}

func (l *life) homeOf(network uint32, is6 bool) *home {
	for i := range l.homes {
		if h := &l.homes[i]; h.network == network && h.is6() == is6 {
			return h
		}
	}
	return nil
}

// settle begins a home, in place of none or of the one left longest ago.
func (l *life) settle(network uint32, is6 bool, asker, sec uint32) {
	at := &l.homes[0]
	for i := range l.homes {
		if h := &l.homes[i]; h.network == 0 || at.network != 0 && h.to < at.to {
			at = h
		}
	}
	*at = home{network: network, from: sec, to: sec, count: 1, askers: askerBit(asker)}
	if is6 {
		at.count |= homeIPv6
	}
}
