// Package capture gives the frames of capture files and of live interfaces.
//
// A Frame is one link-layer frame with its time in Unix nanoseconds and the
// link type that says how its first bytes are to be read. Data belongs to the
// Reader or Live that gave it and is valid until their next call.
//
// # Files
//
// A Reader reads pcap (both byte orders, micro- and nanoseconds) and pcapng
// (draft-ietf-opsawg-pcapng: several sections, several interfaces each with a
// link type, resolution and offset of its own; enhanced, simple and obsolete
// packet blocks), plain or compressed with gzip or zstd. What a file is shows
// in its first bytes, never in its name. A simple packet block has no time: it
// gets the time of the frame before it.
//
// Lengths in files lie. No frame is longer than MaxFrameLen, no option area
// longer than 64 KiB is looked at, a section has at most 65536 interfaces, a
// zstd window is at most 32 MiB, and everything else is read through one buffer
// of fixed size. A bad packet in a pcapng block costs that packet only and is
// counted; where the framing itself is broken (a block length under twelve, a
// pcap packet longer than MaxFrameLen) the next frame can not be found and the
// Reader ends with ErrCorrupt. A file that was cut gives all its whole frames,
// then ErrTruncated.
//
// gopacket's pcapgo reads the same formats and was tried first. It ends a
// pcapng file at the first packet of an unknown interface, at a section of
// another version and at an option block that is out of step; it wraps round on
// block lengths below their headers; it takes a resolution of 10^0 for the
// default. Neither it nor the standard library reads zstd. The reader here is
// of the size of the code that would guard it.
//
// # Live interfaces
//
// Live reads an interface with an AF_PACKET socket and a TPACKET_V3 ring,
// without cgo (gopacket's afpacket package needs cgo; its EthernetHandle makes
// a system call a packet). Linux only: elsewhere OpenInterface fails and says
// so. A BPF program drops in the kernel what can not be DNS (see filter.go for
// what passes). The socket is opened for no protocol, given its filter and
// ring, and only then bound, so no frame ever arrives that the filter did not
// see. When the ring is full the kernel drops the newest frames and Stats tells
// how many.
//
// Loopback shows each frame twice, as sent and as received; the sent copy is
// dropped. The kernel may have taken a VLAN tag off: that does not matter here.
//
// # Concurrency
//
// A Reader has one user at a time and holds nothing to be closed. A Live has
// one reader; Close and Stats may be called from other goroutines, and Close
// ends a Next that waits.
package capture
