// Package listen receives export datagrams: UDP sockets that lose as little as
// the kernel allows and wake their reader as seldom as it allows.
//
// # Nouns
//
// A Group is the sockets that share one address. A Socket is one of them, read
// by one goroutine. A Datagram is one UDP payload with its sender and the time
// at which the kernel received it.
//
// # Several sockets
//
// On Linux the sockets of a group share their port by SO_REUSEPORT, and the
// kernel picks the socket by a hash of sender and receiver address and port. So
// an exporter stays on one socket for as long as the group stands, and whatever
// a decoder knows about it (templates, boot time) needs one owner only. Open
// binds the first socket before it allows sharing: an address that any other
// process holds is refused, also one that is held by a socket with
// SO_REUSEPORT. What the kernel can not prevent is the reverse: while a group
// of more than one socket stands, another process of the same user that sets
// SO_REUSEPORT before it binds gets its share of the exporters. A group of one
// socket never sets the option and is safe from that. Elsewhere than on Linux
// SO_REUSEPORT does not spread datagrams, and a group has one socket.
//
// # Reading
//
// Socket.Run reads in batches of up to 128 datagrams by recvmmsg(2), without
// allocating. Each slot holds the largest UDP payload there is (65,535 bytes),
// so that none is ever cut; a page of a slot takes memory once a datagram has
// reached it, so a socket takes 512 KiB for ordinary exporters and 8 MiB at
// most.
//
// A reader that is woken for each few datagrams spends more on waking than on
// reading. So after a batch that was not full, Run leaves the socket alone for
// two milliseconds: the queue grows meanwhile, and one wake-up reads it all. It
// does that only where the receive buffer has room for it (1 MiB or more). The
// time of a datagram is the kernel's (SO_TIMESTAMPNS), so the pause does not
// touch it. On Linux the socket is also kept out of Go's network poller, for the
// same reason: 55,555 datagrams at 55,555 a second, which are a million flows,
// cost 0.38 s of CPU when read as they come and 0.08 s this way
// (BenchmarkReceive).
//
// # When full
//
// A full receive buffer makes the kernel drop the newest datagrams. It counts
// them for each socket, and Stats says how many: the counter is read with
// SO_MEMINFO, which holds the same number as the SO_RXQ_OVFL control message
// but is exact at any moment, not only when a later datagram has come through.
// The counter has 32 bits and starts anew with each socket; its differences are
// added up here modulo 2^32. Run blocks in its handler for as long as the
// handler takes; what comes meanwhile waits in the receive buffer.
//
// # Errors and the end
//
// Errors that pass (ICMP errors, no memory, a datagram too long) are counted
// and do not end Run, unless 1,000 follow one another with no datagram between
// them. When the context ends, Run reads what the kernel had already queued,
// for at most 200 ms, hands it over, closes the socket and returns nil.
//
// Sockets are closed by Run or by Group.Close, in any order and more than once.
// Stats may be called from any goroutine at any time, also after the close.
package listen
