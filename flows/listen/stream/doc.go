// Package stream receives IPFIX by TCP and by TLS (RFC 7011 section 10.4).
//
// # Nouns
//
// A Listener is one address that exporters connect to. A Conn is one of their
// connections: a transport session of IPFIX. Its messages come one behind the
// other, framed by nothing but the length in their own headers, and are handed
// over as package listen hands over datagrams: one message is one
// listen.Datagram, whose From is the exporter's end of the connection.
//
// # One session, one scope
//
// Templates belong to the transport session that they came by and end with it
// (RFC 7011 section 8). No two live connections of a Listener have the same
// From: a second one is refused and counted, as it can be only where a host
// that connects to two of this host's addresses uses one port for both. So
// From is the session's name for as long as the Conn is not closed. Whoever
// decodes has to forget what is filed under it before Close.
//
// # Framing
//
// A stream has no place to start over at. A header whose version is not 10 or
// whose length is under 16 bytes ends the connection with an error, behind all
// messages before it. What is wrong within a message is the decoder's to judge
// and costs that message, or less.
//
// # TLS
//
// With Config.TLS both sides have to show certificates (RFC 7011 section 11.3):
// an exporter without one, or with one that no authority of TLSFiles.ClientCA
// has signed, is refused, counted, and the error says why. Which of those
// authorities' exporters may send is decided by address only (Config.Allow): use an
// authority that signs for exporters only. TLS 1.2 is the least, with the cipher suites that Go
// offers; those that RFC 7011 made mandatory for TLS 1.1 are not among them.
// Sessions are not resumed, so that every connection is judged by the authorities
// of its day. Reload reads the files anew for the connections to come; those
// that stand go on.
//
// # Deadlines
//
// A handshake has 10 s, and a message that has begun to arrive has 30 s to be
// whole. The first message has to begin within 10 minutes, and each within an hour
// of the one before it, or the connection is ended and counted (Stats.Silent); TCP
// keepalive finds a peer that is gone within two minutes.
//
// # When full
//
// Nothing is dropped here. Conn.Run blocks in its handler for as long as that
// takes; what comes meanwhile waits in the kernel's buffers, until TCP makes the
// exporter wait. Exporters that can not wait lose flows on their side, and
// should tell it by option data (RFC 7011 section 4.3).
//
// Who is not in Config.Allow is closed at once, before anything is read or TLS
// begins, and counted. Connections are bounded by Config.MaxConnections, and those of one address by
// Config.MaxPerAddress, so that one host can not keep all others out. What is
// beyond is closed at once, and counted. A Conn in Run takes 74 KiB: 64 KiB for
// the longest message there is, and the headers of 128 messages. TLS takes up to
// 30 KiB more.
//
// # Ownership, concurrency, the end
//
// A Conn belongs to the goroutine that runs it; Listener.Run, and Run of any
// number of Conns, may go on at the same time, and Stats may be called at any
// time. No goroutine is started here.
//
// When its context ends, Listener.Run stops accepting, and Conn.Run reads what
// has already come, for at most 200 ms, hands it over and returns nil.
package stream
