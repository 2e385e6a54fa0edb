package dnscache

import (
	"net/netip"
	"time"
)

// An Addr is one address of an answer with the time it may be kept.
type Addr struct {
	Addr netip.Addr // unmapped
	// TTL is in seconds; clamped as RFC 2181 section 8 says, at most MaxTTL, or
	// UnknownTTL.
	TTL uint32
}

// MaxTTL is the longest TTL that is believed, in seconds: seven days (RFC 8767
// section 4 gives the same bound for serving stale data).
const MaxTTL = 7 * 24 * 3600

// UnknownTTL is the TTL where a source does not tell it: many logs do not.
const UnknownTTL = 1<<20 - 1

// assumedTTL is how long an answer is taken to be good whose TTL nobody told:
// of what public names have, few are longer.
const assumedTTL = 300

// Lifetime is how long an answer of a TTL may be used.
func Lifetime(ttl uint32) time.Duration {
	if ttl == UnknownTTL {
		ttl = assumedTTL
	}
	return time.Duration(ttl) * time.Second
}

// clampTTL is a TTL as it is kept.
func clampTTL(ttl uint32) uint32 {
	if ttl == UnknownTTL {
		return ttl
	}
	return min(ttl, MaxTTL)
}

// A Response is the evidence in one DNS response: this client learned, at this
// time, that this name has these addresses.
//
// Name, Canonical and Addrs belong to whoever filled the Response and may be
// reused as soon as a call it is passed to returns: the cache copies what it
// keeps.
type Response struct {
	// TimeNs is when the client had the answer, Unix nanoseconds.
	TimeNs int64
	// Client asked and Server answered. The zero Client means that the source
	// can not say for whom the answer was: evidence for any client.
	Client, Server netip.Addr
	Source         Source

	// Name is the question's, Canonical the end of its CNAME chain where that
	// is another name, else empty. Both are in presentation form: lower case,
	// no final dot, every byte outside printable ASCII as \DDD and dots and
	// backslashes in labels escaped (RFC 1035 section 5.1, RFC 4343 section
	// 2.1). The root is ".".
	Name, Canonical []byte
	// Type is the question's type; RCode includes the OPT record's upper bits.
	Type  uint16
	RCode uint16

	// Addrs are the addresses that Name has by this response. Empty for
	// NXDOMAIN, for answers without addresses and for errors: such a response
	// names nothing, but is an outcome, and shows that the client's DNS is seen.
	Addrs []Addr
	// Partial says that Addrs may lack what the answer held: it was cut short, is
	// a referral, or its records could not be used. That it has no addresses then
	// says nothing about the name.
	Partial bool

	// QuestionOnly says that the source tells what was asked and can not tell
	// what was answered: Addrs is empty, and that says nothing about the name.
	QuestionOnly bool
	// Subnet is the EDNS client subnet that the query carried (RFC 7871); the
	// zero Prefix where it carried none or the source does not tell.
	Subnet netip.Prefix
}
