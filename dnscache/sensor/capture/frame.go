package capture

import "errors"

// Errors of this package.
var (
	// ErrFormat means that the input is neither pcap nor pcapng, plain or
	// compressed.
	ErrFormat = errors.New("capture: neither pcap nor pcapng")
	// ErrTruncated means that the input ended within a frame. All frames before
	// it have been given.
	ErrTruncated = errors.New("capture: cut short")
	// ErrCorrupt means that the place of the next frame can not be known.
	ErrCorrupt = errors.New("capture: corrupt")
	// ErrUnsupported means that this system has no live capture.
	ErrUnsupported = errors.New("capture: live capture needs Linux")
)

// MaxFrameLen is the longest frame that is believed, in bytes: the largest
// snapshot length that libpcap allows.
const MaxFrameLen = 256 << 10

// LinkType says what the first bytes of a frame are: the numbers of the
// LINKTYPE registry (draft-ietf-opsawg-pcaplinktype). The zero value is the BSD
// loopback header, as in the registry.
type LinkType uint32

// The link types that the packet package can open.
const (
	LinkNull        LinkType = 0 // BSD loopback: address family in the host's order
	LinkEthernet    LinkType = 1
	LinkPPP         LinkType = 9
	LinkRawBSD      LinkType = 12 // raw IP under the number it has on most systems
	LinkRawOpenBSD  LinkType = 14 // raw IP under the number it has on OpenBSD
	LinkPPPHDLC     LinkType = 50
	LinkPPPEthernet LinkType = 51  // PPPoE session header first
	LinkRaw         LinkType = 101 // IPv4 or IPv6, as the version nibble says
	LinkCiscoHDLC   LinkType = 104
	LinkLoop        LinkType = 108 // OpenBSD loopback: address family in network order
	LinkSLL         LinkType = 113 // Linux cooked
	LinkIPv4        LinkType = 228
	LinkIPv6        LinkType = 229
	LinkSLL2        LinkType = 276 // Linux cooked, version 2
)

// A Frame is one frame as it was captured.
type Frame struct {
	// TimeNs is when the frame was captured, Unix nanoseconds.
	TimeNs int64
	Link   LinkType
	// Data is what was kept of the frame. It aliases the reader's buffer and is
	// valid until the reader's next call.
	Data []byte
	// OrigLen is the frame's length on the wire; more than len(Data) where the
	// capture's snapshot length cut it.
	OrigLen int
}
