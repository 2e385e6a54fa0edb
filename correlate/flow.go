package correlate

import (
	"flowname/dnscache"
	"flowname/flows"
	"flowname/geo"
)

// Basis is the evidence by which an end got its name. The zero Basis is none.
type Basis uint8

// The bases, from nearest to the connection to farthest.
const (
	// Exporter: the flow record itself carried the name.
	Exporter Basis = iota + 1
	// TLS: the connection's own handshake was seen and had the name.
	TLS
	// Endpoint: an agent or a device that saw the connection made told the name.
	Endpoint
	// Client: the other end had resolved it.
	Client
	// ClientQuery: the other end had asked for it, and others' answers near then
	// had this address.
	ClientQuery
	// ClientExpired: so, but the answer's TTL and Grace had passed.
	ClientExpired
	// ClientLater: the other end resolved it only after the flow began.
	ClientLater
	// Others: other clients had, and it has one name only.
	Others

	numBases
)

var basisNames = [numBases]string{
	"", "exporter", "tls", "endpoint", "client", "client_query", "client_expired", "client_later", "others",
}

// String is the text of the exported field; empty for the zero Basis.
func (b Basis) String() string { return basisNames[b] }

// Bases are all bases, nearest first.
func Bases() []Basis {
	return []Basis{Exporter, TLS, Endpoint, Client, ClientQuery, ClientExpired, ClientLater, Others}
}

// Reason is why neither end of a flow has a name. The zero Reason is none: the
// flow has one.
type Reason uint8

// The reasons.
const (
	// Ambiguous: others' answers only, with several names.
	Ambiguous Reason = iota + 1
	// NoAnswer: this client's DNS is seen, but never this address.
	NoAnswer
	// ClientUnseen: no DNS of this client is seen.
	ClientUnseen
	// BeforeSensor: the flow began before the first evidence.
	BeforeSensor
	// NotResolvable: multicast, broadcast, link-local, loopback, unspecified
	// or no address at all.
	NotResolvable

	numReasons
)

var reasonNames = [numReasons]string{"", "ambiguous", "no_answer", "client_unseen", "before_sensor", "not_resolvable"}

// String is the text of the exported field; empty for the zero Reason.
func (r Reason) String() string { return reasonNames[r] }

// Reasons are all reasons.
func Reasons() []Reason {
	return []Reason{Ambiguous, NoAnswer, ClientUnseen, BeforeSensor, NotResolvable}
}

// MaxCandidates is how many names an end lists at most.
const MaxCandidates = 8

// A Candidate is one name that an end may have been reached by.
type Candidate struct {
	Name string
	// Canonical is the end of the CNAME chain; empty when it is Name.
	Canonical string
	// AnsweredNs is the time of the answer, of the question (ClientQuery) or of
	// the connection (TLS, Endpoint), Unix nanoseconds; 0 where only an exporter
	// told the name.
	AnsweredNs int64
	// TTL is the answer's, in seconds, or dnscache.UnknownTTL; 0 where no answer
	// gave the name.
	TTL    uint32
	Basis  Basis
	Source dnscache.Source
	// DomainAt and CanonicalAt are where in Name and Canonical their registrable
	// domains begin, for dnscache.DomainOf; 0 where the cache did not give the name.
	DomainAt, CanonicalAt uint16
}

// An End is what is known of one end of a flow.
type End struct {
	// Named says that Candidates[0] is the name of this end.
	Named bool
	// Candidates are best first, at most MaxCandidates. Without Named they are
	// the several names of which none can be told to be the right one.
	Candidates []Candidate
	// Domain is the registrable domain of the end's name; empty where it has none
	// or nobody looked. It is part of the name's text.
	Domain string
	// YoungNs is how long before the flow's start Domain was first seen here, while
	// that is short; negative where it is not, or not known.
	YoungNs int64
	// Program is the process at this end of the connection, where an agent told.
	Program dnscache.Program
	// Geo is what is known of the address; nil where that is nothing.
	Geo *geo.Place
}

// Basis is the evidence of the end's name; zero where it has none.
func (e *End) Basis() Basis {
	if !e.Named {
		return 0
	}
	return e.Candidates[0].Basis
}

// A Flow is an enriched flow, valid during the call that hands it out.
type Flow struct {
	*flows.Record
	Src, Dst End
	// Unnamed is why neither end has a name; zero when one has.
	Unnamed Reason
	// BeganNs is when the connection began that the flow is a slice of, as far as is
	// known; Unix nanoseconds.
	BeganNs int64
	// Findings are the codes of what is noteworthy about the flow.
	Findings []string

	server endKind
}

// Basis is the evidence of the flow's name: of the end that is likelier the
// server's where both have one. Zero for an unnamed flow.
func (f *Flow) Basis() Basis {
	server, client := &f.Dst, &f.Src
	if !f.ServerIsDst() {
		server, client = client, server
	}
	if server.Named {
		return server.Basis()
	}
	return client.Basis()
}
