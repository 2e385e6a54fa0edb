// Package dnstap reads what DNS servers report of their messages: dnstap
// protobufs in Frame Streams, from a file, a unix socket or TCP.
//
// # Nouns
//
// A frame is a length and one protobuf, a control frame one of the stream's own
// signals. A Message is what one frame says: a DNS message, who asked, who
// answered and when. Its Evidence is what the join may conclude from it, which
// depends on where in the server the message was seen. A Reader reads a file; a
// Server serves connections, one call of Serve each.
//
// # Frame Streams
//
// A file is START, frames, STOP. On a socket the peer may do the same, or shake
// hands first: READY, our ACCEPT, START, frames, STOP, our FINISH. Serve takes
// either as it comes. The content type is protobuf:dnstap.Dnstap; a peer that
// names none is taken for that. Unknown control frames between frames are
// passed over, and a stream may end without STOP where a frame would begin, as
// it does when a server is killed.
//
// # Errors
//
// ErrFrame is one frame that can not be used: its neighbours can, and Next goes
// on. ErrStream is the loss of the framing, a file that ends within a frame for
// one: nothing can be read after it and Next gives the same error for ever. Both
// say the number of the frame, from 1. What a frame says wrongly of itself, an
// address of five octets or a second with too many nanoseconds, costs that
// field and is counted.
//
// # Hostile peers
//
// A frame over Config.MaxFrame is skipped, one over 1 MiB (what the writers of
// Frame Streams take as their own bound) ends the stream. A control frame has
// at most 512 octets. A peer has Config.Timeout for its handshake, and again for
// each frame from its first octet to its last; between frames it may be silent
// for as long as it likes. A connection holds 64 KiB, and up to MaxFrame more
// once it sent a frame that long. How many connections there are is the
// caller's to bound. Anyone who can connect can forge evidence: the socket's
// permissions are the protection, see Listen.
//
// # Units, ownership and concurrency
//
// Times are Unix nanoseconds. A Message's Wire and Identity alias the read
// buffer until the next one is read. A Reader is for one goroutine; a Server
// may serve any number of connections at once and is never full: a caller that
// is slow to take messages makes the peer wait, and servers then drop dnstap
// messages on their side.
//
// Only Serve reads the clock: for deadlines, and for the time of messages that
// carry none.
package dnstap
