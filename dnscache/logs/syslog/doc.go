// Package syslog takes the DNS logs that servers and devices send by syslog, over
// UDP and TCP.
//
// # Nouns
//
// A Message is what one syslog message says: who sent it by which program, when,
// and its content. A Receiver turns messages into lines and gives them to one
// logs.Stream for each sender's host and program, which tells its own format. A
// Server has the sockets.
//
// # Headers
//
// RFC 5424, RFC 3164 and what devices make of it: no priority, a year behind or
// before the time of day, fractions, zones, Cisco's sequence numbers and asterisks,
// ISO 8601 times, no host, no program, no header at all. What can not be a header
// belongs to the content. A byte order mark, "@cee:" and the ends of lines are
// dropped.
//
// The line that a Stream gets is the one that rsyslog would have written to a file,
// time, host, program, content, so that formats which have their time from syslog
// find it. A time without a year gets that which puts it next to the message's
// arrival. Without a time the arrival's is used. Where there was no header at all the
// line is the content alone.
//
// # Framing by TCP
//
// RFC 6587: a connection's messages are counted in octets if it begins with a digit
// other than 0, else they end with a line feed or a zero octet. What a peer sent
// before it closed without an end of line is not used: it may be torn.
//
// # Hostile peers
//
// Any peer can send anything, and forge any evidence: Config.Allow says from where
// messages are taken. A message has at most MaxMessage bytes; a longer one is
// counted and left out, as is the connection whose octet count is longer. There are
// at most MaxConnections, each silent for IdleTime at most, and MaxStreams streams:
// the one that was longest without a message makes room.
//
// # Concurrency
//
// A Receiver may be used by any number of goroutines; the sink is called by one at a
// time. Only Server reads the clock.
package syslog
