// Package powerdns reads the protobuf messages (PBDNSMessage) by which PowerDNS
// Recursor and dnsdist report what they are asked and answer, from a file or a
// connection.
//
// # Nouns
//
// A frame is a length and one message: two octets, or four in newer Recursors. A
// length under four octets, which no message has, tells that it is the latter. A
// Message is what one frame says. Its answers are text and numbers; Wire is the DNS
// message that they make, so that package dnswire judges them by the same rules as
// any other: the chain of aliases from the question, lengths, times to live.
//
// # What is concluded
//
// A response (type 2) is the answer that Client had. What a Recursor gets from
// other servers (type 4) is for any of its clients. A client whose address is
// masked (setProtobufMasks), which dnscache.IsHost shows, is none: its answer
// is for any client. What a query (type 1) asked is a question of its client. The
// client subnet of a message has no length: an address that
// is a host's counts as whole. Responses without an answer, a network error (response
// code 65536) for one, show that the client's DNS is seen.
//
// Old dnsdists report A and AAAA records only. Where a response has no CNAME at all
// its addresses are taken to be the question's, whoever owns them.
//
// # Errors
//
// ErrFrame is one frame that can not be used; Next goes on behind it. ErrStream is
// the loss of the framing, an end within a frame for one: each further call gives
// the same error. Both say at which offset. Of fields that come more than once the
// last counts (dnsdist sends times twice), and they may have any order.
//
// # Hostile peers
//
// A frame has at most MaxFrame octets and MaxRecords records; a connection holds two
// such buffers. A peer has Timeout for each frame from its first octet to its last,
// and may be silent between them. How many connections there are is the caller's
// to bound. Anyone who can connect can forge evidence.
//
// # Ownership and concurrency
//
// A Message's slices alias the read buffer until the next one is read. A Reader is
// for one goroutine; a Server may serve many connections at once. Only Serve reads
// the clock.
package powerdns
