package dnstap

import (
	"net/netip"

	"flowname/dnscache"
)

// A MessageType says where in a server a message was seen. The numbers are
// dnstap's; 0 is a type that this package does not know.
type MessageType uint8

// The types of messages.
const (
	AuthQuery MessageType = iota + 1
	AuthResponse
	ResolverQuery
	ResolverResponse
	ClientQuery
	ClientResponse
	ForwarderQuery
	ForwarderResponse
	StubQuery
	StubResponse
	ToolQuery
	ToolResponse
	UpdateQuery
	UpdateResponse

	numTypes = int(UpdateResponse) + 1
)

var typeNames = [numTypes]string{
	"UNKNOWN", "AUTH_QUERY", "AUTH_RESPONSE", "RESOLVER_QUERY", "RESOLVER_RESPONSE",
	"CLIENT_QUERY", "CLIENT_RESPONSE", "FORWARDER_QUERY", "FORWARDER_RESPONSE",
	"STUB_QUERY", "STUB_RESPONSE", "TOOL_QUERY", "TOOL_RESPONSE",
	"UPDATE_QUERY", "UPDATE_RESPONSE",
}

// String is the type's name in the dnstap schema.
func (t MessageType) String() string {
	if int(t) >= numTypes {
		t = 0
	}
	return typeNames[t]
}

// Response says whether messages of the type are responses: dnstap gives them
// the even numbers.
func (t MessageType) Response() bool { return t != 0 && t%2 == 0 }

// A Protocol is how a message was carried, by dnstap's numbers: 1 UDP, 2 TCP, 3
// DoT, 4 DoH, 5 and 6 DNSCrypt by UDP and TCP, 7 DoQ. 0 is not said.
type Protocol uint8

// A Message is one dnstap message. The zero Message says nothing.
type Message struct {
	Type     MessageType
	Protocol Protocol

	// Wire is the DNS message: the response for the types of responses, else the
	// query. Empty where the server was not told to send it. It aliases the read
	// buffer until the next message is read.
	Wire []byte

	// Query is the query that a response was given to, where the server sends
	// both. It aliases the read buffer too.
	Query []byte

	// Client is who sent the query, Server who answered, both unmapped. Zero
	// where the server does not say, or says that it is the unspecified address;
	// the port is 0 where only the address is known.
	Client, Server netip.AddrPort

	// TimeNs is when the message was sent or received: the response's time for
	// responses and the query's for queries, either for want of the other, 0 for
	// want of both.
	TimeNs int64

	// Identity is the server's name for itself. It aliases the read buffer.
	Identity []byte
}

// Evidence is what may be concluded from a message.
type Evidence uint8

const (
	// EvidenceNone: nothing about any client of the network.
	EvidenceNone Evidence = iota
	// EvidenceSeen: Client's DNS is seen, but this message has no answer.
	EvidenceSeen
	// EvidenceAnyone: Wire is an answer that some client may have had.
	EvidenceAnyone
	// EvidenceClient: Wire is the answer that Client had.
	EvidenceClient
)

// evidenceOf is what each type of message can be at its best.
//
// CLIENT is a resolver to its client, the one case where the asker is sure to
// be a host of the network. STUB and TOOL are seen by the asker itself. The
// asker in AUTH is who asked an authoritative server: a host where that server
// is asked directly, as in many small networks, else a resolver, whose own
// flows the names then are right for.
//
// In RESOLVER and FORWARDER the asker is the server that reports: its clients
// will have had the answer, nobody knows which. UPDATE answers nothing.
var evidenceOf = [numTypes]Evidence{
	AuthQuery: EvidenceSeen, AuthResponse: EvidenceClient,
	ResolverResponse: EvidenceAnyone,
	ClientQuery:      EvidenceSeen, ClientResponse: EvidenceClient,
	ForwarderResponse: EvidenceAnyone,
	StubQuery:         EvidenceSeen, StubResponse: EvidenceClient,
	ToolQuery: EvidenceSeen, ToolResponse: EvidenceClient,
}

// Evidence is what may be concluded from the message. An answer whose client is
// absent or masked is for anyone; a message without a time is no evidence.
func (m *Message) Evidence() Evidence {
	if m.TimeNs == 0 || int(m.Type) >= numTypes {
		return EvidenceNone
	}
	e := evidenceOf[m.Type]
	if len(m.Wire) == 0 {
		switch e {
		case EvidenceAnyone:
			return EvidenceNone
		case EvidenceClient:
			e = EvidenceSeen
		}
	}
	if e != EvidenceAnyone && !dnscache.IsHost(m.Client.Addr()) {
		switch e {
		case EvidenceClient:
			return EvidenceAnyone
		case EvidenceSeen:
			return EvidenceNone
		}
	}
	return e
}

// Fill sets r to what the message says besides the DNS message's own contents,
// and returns the message's evidence. For EvidenceAnyone and EvidenceClient the
// caller has Wire parsed into r next; for EvidenceSeen r is complete, a response
// that names nothing; for EvidenceNone it is the zero Response.
func (m *Message) Fill(r *dnscache.Response) Evidence {
	*r = dnscache.Response{}
	e := m.Evidence()
	if e == EvidenceNone {
		return e
	}
	r.TimeNs, r.Source = m.TimeNs, dnscache.SourceDnstap
	r.Server = m.Server.Addr()
	if e != EvidenceAnyone {
		r.Client = m.Client.Addr()
	}
	return e
}
