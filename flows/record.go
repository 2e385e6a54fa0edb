package flows

import "net/netip"

// Type is the export protocol a record came in. The zero Type is none of
// them: a Record that no decoder has filled.
type Type uint8

// The export protocols.
const (
	NetFlowV5 Type = iota + 1
	NetFlowV9
	IPFIX
	SFlow5
)

// String is the name that exported flows carry in their field "type".
func (t Type) String() string {
	switch t {
	case NetFlowV5:
		return "NETFLOW_V5"
	case NetFlowV9:
		return "NETFLOW_V9"
	case IPFIX:
		return "IPFIX"
	case SFlow5:
		return "SFLOW_5"
	}
	return "UNKNOWN"
}

// MaxMPLSLabels is how many labels of a stack a Record keeps, top first:
// information elements 70-79 carry at most ten, and stacks deeper than six are
// not seen outside laboratories.
const MaxMPLSLabels = 6

// A Record is one flow as an exporter told it: values only, nothing that
// aliases the datagram, so that it can be copied and kept. A zero field was not
// exported, unless its comment says otherwise.
//
// Byte and packet counts are what the exporter sent: where SamplingRate is over
// one they are the sampled counts, never scaled here.
type Record struct {
	// Type is the export protocol; SequenceNum is its header's counter
	// (flows in v5, datagrams in v9, data records in IPFIX, a sub-agent's
	// datagrams in sFlow).
	Type        Type
	SequenceNum uint32

	// Exporter is the address the datagram came from, in sFlow the agent's in it,
	// unmapped. ObservationDomain is IPFIX's observation domain, v9's source id, v5's
	// engine type and id, sFlow's sub-agent id.
	Exporter          netip.Addr
	ObservationDomain uint32
	ObservationPoint  uint64

	// Times are Unix nanoseconds. ReceivedNs is when the collector got the
	// datagram. StartNs and EndNs are always set: from the record, or where it
	// has no time, from the message header.
	ReceivedNs int64
	StartNs    int64
	EndNs      int64

	// StartErrorNs is how far StartNs can be from the first packet's time
	// because of the form it was exported in (whole seconds, a boot time not
	// yet known well, no time at all). Never zero in a decoded record.
	StartErrorNs int64

	// ClockOffsetNs is how far the exporter's clock is behind the receiver's by
	// the times in its messages' headers, at most a second too great; negative where
	// it is ahead, 0 where it is not known well. Nothing here is corrected by it.
	ClockOffsetNs int64
	// ShiftNs is how much later the join takes StartNs and EndNs to be than the
	// exporter said: they hold the sum. Decoders leave it 0.
	ShiftNs int64

	// SamplingRate is the N of one packet in N; 0 where it is not known.
	SamplingRate uint64
	Bytes        uint64
	Packets      uint64

	// Src and Dst are unmapped: an IPv4-mapped IPv6 address is an IPv4 one. The
	// zero Addr where a flow has none (layer 2, MPLS).
	Src, Dst         netip.Addr
	SrcPort, DstPort uint16

	// EtherType is 0x0800 or 0x86dd for IP; others where the exporter says so.
	EtherType uint16
	Proto     uint8
	// TCPFlags is the union over the flow's packets, with the bits of RFC 9293
	// and AccECN (RFC 7125): 9 bits are in use.
	TCPFlags uint16
	TOS      uint8

	InIf, OutIf uint32

	SrcMAC, DstMAC   MAC
	SrcVLAN, DstVLAN uint16
	VLAN             uint16

	ForwardingStatus uint8
	TTL              uint8
	ICMPType         uint8
	ICMPCode         uint8
	// EndReason is information element 136: 1 idle, 2 active timeout, 3 end
	// of flow, 4 forced end, 5 lack of resources.
	EndReason uint8
	// Direction is information element 61: 1 where the flow was metered on
	// egress, 0 on ingress or not said.
	Direction     uint8
	IPv6FlowLabel uint32
	FragmentID    uint32
	FragmentOff   uint16

	SrcAS, DstAS uint32
	NextHop      netip.Addr
	BGPNextHop   netip.Addr
	// SrcMask and DstMask are prefix lengths of the routes used; a length of 0
	// is "not exported" just as "the default route".
	SrcMask, DstMask uint8

	// MPLS holds the labels without their EXP and S bits, top first; MPLSDepth
	// says how many are set.
	MPLS      [MaxMPLSLabels]uint32
	MPLSDepth uint8

	Translation
	Texts
}

// A Translation is what a firewall or a NAT tells of a flow.
type Translation struct {
	// XlateSrc and XlateDst are what the two ends are called on the other side
	// of the translation: after it, by the standard, but some exporters keep the
	// inside's addresses in Src and Dst of both directions. Zero, with their
	// ports, where an end is called the same.
	XlateSrc, XlateDst         netip.Addr
	XlateSrcPort, XlateDstPort uint16

	// FirewallEvent is information element 233: 1 created, 2 deleted, 3
	// denied, 4 alert, 5 update. A denied flow is a record like any other.
	// FirewallExtEvent is Cisco's reason for it.
	FirewallEvent    uint8
	FirewallExtEvent uint16
	// NATEvent is information element 230.
	NATEvent uint8

	// BiflowDirection is information element 239: 1 where Src began the
	// connection, 2 where Dst did, 3 where Src is outside of the perimeter.
	BiflowDirection uint8
}

// FirewallDenied is the FirewallEvent of a flow that was not let through.
const FirewallDenied = 3

// Texts are what a flow record, or options data about it, says in words. They
// are valid UTF-8 without control characters and at most 128 bytes long, but for
// HostName. The decoder that fills them keeps each text once and never changes
// its bytes, so a copy of a Record may be kept for ever; the price is that what
// keeps a Record keeps its texts.
type Texts struct {
	// HostName is the server's name as the exporter saw it in the flow itself
	// (HTTP Host, TLS SNI), in the form of DNS names: lower case, no final dot,
	// bytes outside printable ASCII as \DDD. Never an address. It does not say
	// which end is the server.
	HostName string
	// AppName is what the exporter calls the application.
	AppName string
	// User is who the exporter says the flow belongs to.
	User string

	// The names of InIf, OutIf, and of the routing tables.
	InIfName, OutIfName   string
	InVRFName, OutVRFName string
}

// MAC is an IEEE 802 address, first octet on the wire first. The zero MAC means
// not exported.
type MAC [6]byte

// EtherTypes of the two protocols that carry addresses.
const (
	EtherTypeIPv4 = 0x0800
	EtherTypeIPv6 = 0x86dd
)

// Bits of Record.TCPFlags.
const (
	TCPFin = 1 << iota
	TCPSyn
	TCPRst
	TCPPsh
	TCPAck
)

// IP protocol numbers that the join or the decoders decide by.
const (
	ProtoICMP   = 1
	ProtoTCP    = 6
	ProtoUDP    = 17
	ProtoICMPv6 = 58
)
