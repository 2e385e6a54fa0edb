// Package feed sends a world to a receiver: its export messages by UDP, its
// answers by dnstap to a socket.
//
// # Pace
//
// Either a set rate, or as fast as the receiver reads: then nothing is lost, and
// what is compared is the work and not the luck. How far a receiver is behind
// is what the kernel shows of its socket's queue (/proc/net/udp): the sender
// waits while there is more in it than a limit. A limit well under the receive
// buffer never overflows it, one well over nothing lets a receiver read many at a
// time. Where there is no /proc/net/udp, only rates can be sent.
//
// Each exporter of the world is a socket of its own. A receiver that stops
// reading ends the sending with an error after Patience. Nothing is sent but to
// the address that is given.
package feed
