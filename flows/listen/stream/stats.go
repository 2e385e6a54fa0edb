package stream

// Stats counts what a Listener and its connections have met since it was
// opened. Every connection that was accepted raises one of RefusedNotAllowed,
// RefusedFull, RefusedAddress, RefusedDuplicate, RefusedCertificate,
// FailedHandshakes and Sessions, but those that the end of listening meets in their handshake.
type Stats struct {
	Sessions uint64 // connections that could begin to send; with TLS, after the handshake
	Messages uint64 // handed over
	Bytes    uint64 // of those messages
	Batches  uint64 // in which they were handed over

	RefusedNotAllowed  uint64 // connections refused: of none who may connect
	RefusedFull        uint64 // connections refused: too many in all
	RefusedAddress     uint64 // connections refused: too many of one address
	RefusedDuplicate   uint64 // connections refused: their address and port is connected
	RefusedCertificate uint64 // TLS: no certificate, or none of a known authority
	FailedHandshakes   uint64 // TLS: anything else, time included
	AcceptErrors       uint64 // of the system: no file descriptors, no memory

	// Why sessions ended, other than by the peer between two messages or by
	// this side.
	BadVersions uint64 // a header without IPFIX's version
	BadLengths  uint64 // a header with a length under 16
	Slow        uint64 // a message not complete in time
	Silent      uint64 // nothing came for too long
	CutShort    uint64 // the peer ended the stream within a message
	Broken      uint64 // errors of the network or of TLS

	// BytesLost is what had come of messages that were never whole, and behind
	// headers that ended their session.
	BytesLost uint64
}

func (s *Stats) add(t *Stats) {
	s.Sessions += t.Sessions
	s.Messages += t.Messages
	s.Bytes += t.Bytes
	s.Batches += t.Batches
	s.RefusedNotAllowed += t.RefusedNotAllowed
	s.RefusedFull += t.RefusedFull
	s.RefusedAddress += t.RefusedAddress
	s.RefusedDuplicate += t.RefusedDuplicate
	s.RefusedCertificate += t.RefusedCertificate
	s.FailedHandshakes += t.FailedHandshakes
	s.AcceptErrors += t.AcceptErrors
	s.BadVersions += t.BadVersions
	s.BadLengths += t.BadLengths
	s.Slow += t.Slow
	s.Silent += t.Silent
	s.CutShort += t.CutShort
	s.Broken += t.Broken
	s.BytesLost += t.BytesLost
}
