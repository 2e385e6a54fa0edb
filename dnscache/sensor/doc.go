// Package sensor turns captured frames into DNS messages that can be believed.
//
// A Sensor takes frames (package capture), opens them (package packet), puts
// TCP streams together and gives each response that matches a query it saw. It
// does not read answers: that is package dnswire's.
//
// # What matches
//
// A response matches a query with the same client and server address and port,
// transport and id, and the same question: name with its letter case byte for
// byte, type and class. Resolvers mix the case on purpose to make forging
// harder (draft-vixie-dnsext-dns0x20), and servers echo it. A response that only
// differs in case is counted, and not believed. The first match wins. An equal second response is a duplicate, as mirror ports make
// them; a different one is a conflict; a response with a query's id and another
// question leaves the query waiting. The response may be up to QueryAge older
// than its query in a capture whose order or clock is off, when it comes after
// it in the input. A truncated response (TC) is given: its answers are true
// though not all; the retry by TCP is a query of its own.
//
// A message with both ports DNS ports goes the way its QR bit says. Messages
// without a question, with several, or of another opcode than QUERY match
// nothing. mDNS, LLMNR and NetBIOS are counted and left out.
//
// Config.AcceptUnmatched gives responses of which no query is known at all,
// marked. Those that are contradicted (wrong question, case, duplicate,
// conflict) are not given then either.
//
// # Memory
//
// Queries are kept in a ring, oldest first, as hashes: one 64-bit hash of the
// ends and the id, one of the question, one of the question in lower case,
// under a seed drawn for each Sensor, so that nobody can choose inputs that
// collide. The ring starts small and doubles up to MaxPending while its oldest
// query is both young and unanswered; then the oldest is forgotten and counted.
// Ages are differences between packet times in either direction, never from a
// clock and never from the newest time seen, so that a capture whose clock
// jumps by years loses nothing.
//
// # TCP
//
// Each direction of a connection with a DNS port is a stream. It begins with
// the SYN, whose data (TCP fast open, RFC 7413) counts; or, where the SYN was
// not seen, at a segment that begins like a message. Segments out of order
// wait, up to 64 and 256 KiB a stream, until the hole before them is filled, 2
// s of event time have passed, the stream ends or Flush. Then what is missing
// is skipped and the next segment that begins like a message is where the
// stream goes on. A message that is whole within a segment is given without a
// copy. A length prefix under twelve ends the trust in the rest of its segment.
// Streams are at most MaxStreams, with MaxStreamBytes between them; when full,
// the most silent of a few gives way, one with no data first.
//
// gopacket's reassembly was read and not taken: connections in its StreamPool
// have no bound and only an outside call by time removes them; a page of 1900
// bytes is taken for each held segment; importing it registers a command-line
// flag in the whole program; and its answer to a missing SYN is to accept
// anything. What DNS needs is small: resynchronising at message starts is most
// of it, and would have to be written in any case.
//
// # Ownership and concurrency
//
// Message.Wire is valid during the callback. A Sensor has one user at a time.
// The UDP path allocates nothing but the growth of the ring.
package sensor
