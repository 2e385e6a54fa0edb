// Package packet opens captured frames: link layers, tunnels and IP fragments,
// down to a UDP datagram or a TCP segment.
//
// Decode gives at most one Packet for a frame. Its Payload aliases the frame,
// or the Decoder's own memory where fragments were put together, and is valid
// until the next Decode. Nothing is allocated for a frame that is no fragment.
//
// # What is opened
//
// Link types: Ethernet (any stack of 802.1Q, 802.1ad and 0x9100-0x9300 tags,
// 802.3 with LLC and SNAP), Linux cooked v1 and v2, raw IP, BSD null and loop,
// PPP, PPPoE sessions, Cisco HDLC, MPLS. IPv4 with options; IPv6 with
// hop-by-hop, routing, destination, fragment and authentication headers. These
// are always opened.
//
// Tunnels are opened with Config.OpenTunnels: IP in IP, 6in4 (protocols 4 and
// 41), GRE version 0 (RFC 2784, 2890), GRE version 1 with PPP (RFC 2637),
// Ethernet over GRE, GRE in UDP (RFC 8086), ERSPAN I, II and III, VXLAN and its
// GPE, GENEVE (RFC 8926), GTP-U version 1, Teredo (RFC 4380). A Packet then has
// the addresses of its innermost IP header. At most MaxDepth tunnels in one
// another; a frame that has more is dropped and counted. A UDP tunnel is known
// by its port and must have a well-formed header, and nothing from or to port
// 53 is taken for one: 4789 and the others are also what clients pick as their
// own port. What turns out not to be a tunnel is given as the datagram it is.
//
// # What is refused
//
// Lengths in headers are believed only as far as bytes are there. A frame that
// the snapshot length cut within its payload is dropped and counted as
// Truncated. Bytes behind the IP length are padding and cut off; an IP length
// of zero is what segmentation offload leaves in captures of the sender, and
// means the rest of the frame. Checksums are not looked at: a capture on the
// sending host has them unfilled, and a response has to match its query anyway.
//
// # Fragments
//
// Both families, in any order, in tunnels too. RFC 5722: one that overlaps
// another kills its datagram and all that is still to come of it; an exact copy
// (mirror ports give everything twice) is passed over. An RFC 6946 atomic
// fragment is a whole datagram. The age is counted in event time from the first
// fragment, in either direction, so a capture whose clock jumps loses no more
// than the datagram in hand. When the datagrams or bytes are full the oldest
// datagram goes. gopacket's ip4defrag was not taken: a fragment with DF set
// comes back as if it were whole, nothing bounds the pending datagrams, and
// IPv6 needs a second package.
//
// A Decoder has one user at a time.
package packet
