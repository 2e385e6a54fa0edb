// Package wire writes a world as programs would: DNS messages in captures and
// in dnstap streams, flows in NetFlow v5, v9, IPFIX and sFlow messages and in captures of
// these.
//
// # Nouns
//
// A message is the payload of one datagram. An Exporter makes the messages of one
// router: it has its sequence numbers and its boot time. A Capture is a pcap
// file with times in nanoseconds, of Ethernet frames.
//
// # Bytes
//
// Functions append to the caller's slice and keep nothing of it. They allocate
// only to grow it, so that a message costs about what its bytes cost. The same
// world gives the same bytes. Lengths that do not fit their field can not come
// up: names, datagrams and counts are bounded by the world.
package wire
