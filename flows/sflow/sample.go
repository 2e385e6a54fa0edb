package sflow

import "flowname/flows"

// Formats of samples. The upper 20 bits, zero here, are the enterprise's.
const (
	formatFlow = iota + 1
	formatCounter
	formatExpandedFlow
	formatExpandedCounter
	formatDrop // "sFlow dropped packet notification"
)

// Lengths of headers of samples and sample records: format and length.
const (
	sampleHeaderLen = 8
	recordHeaderLen = 8
)

// A sample is the header of a flow sample.
type sample struct {
	number      uint32 // of the source's samples
	sourceID           // where it was taken; class 0 is an ifIndex
	rate        uint32 // one of so many packets is chosen
	pool, drops uint32 // of the source: packets to choose from, samples not made
	in, out     port
	records     uint32
}

// A port is an interface as a flow sample tells it: a format and a value of
// 30 bits in a compact sample, of 32 in an expanded one.
type port struct{ format, value uint32 }

// Formats of a port. Only the first applies to an input.
const (
	portSingle    = iota // an ifIndex
	portDiscarded        // the reason why the packet left by none
	portMultiple         // how many interfaces the packet left by
)

const portValueBits = 30

func compactPort(v uint32) port {
	return port{v >> portValueBits, v & (1<<portValueBits - 1)}
}

// number is the port as a Record has it; see the package comment.
func (p port) number() uint32 {
	switch p.format {
	case portSingle:
		return p.value
	case portDiscarded, portMultiple:
		return p.format<<portValueBits | p.value&(1<<portValueBits-1)
	}
	return 0 // of no format that is defined
}

func readSample(x *xdr, format uint32) sample {
	var s sample
	s.number = x.uint32()
	if format == formatExpandedFlow {
		s.class, s.index = x.uint32(), x.uint32()
	} else {
		source := x.uint32()
		s.class, s.index = source>>24, source&0xffffff
	}
	s.rate = x.uint32()
	s.pool, s.drops = x.uint32(), x.uint32()
	if format == formatExpandedFlow {
		s.in = port{x.uint32(), x.uint32()}
		s.out = port{x.uint32(), x.uint32()}
	} else {
		s.in, s.out = compactPort(x.uint32()), compactPort(x.uint32())
	}
	s.records = x.uint32()
	return s
}

// appendFlow reads a flow sample: a record of its own, whatever is wrong
// with what it holds.
func (d *Decoder) appendFlow(dst []flows.Record, x *xdr, format uint32, whole bool) []flows.Record {
	at, bytes := x.off-sampleHeaderLen, len(x.buf)-x.off+sampleHeaderLen
	if d.cur.room == 0 {
		d.stats.RefusedSamples++
		d.fail(0, at, ErrTooMany)
		d.refuse(TooManySamples, bytes)
		return dst
	}
	s := readSample(x, format)
	if x.err != nil {
		if whole { // otherwise it has been counted
			d.stats.BadSamples++
			d.refuse(BadSample, 0)
		}
		d.cur.agent.account.Refused[BadSample].Bytes += uint64(bytes)
		d.fail(0, at, ErrTruncated)
		return dst
	}
	d.cur.room--
	d.noteSample(&s)
	d.cur.agent.account.Flows++
	d.cur.agent.account.FlowBytes += uint64(bytes)
	dst = d.cur.begin(dst)
	r := &dst[len(dst)-1]
	s.fill(r)
	d.readRecords(r, x, s.records, whole)
	return dst
}

// begin appends a record that has what all records of the datagram share. It
// writes the fields one by one, because most of a record is empty: copying the
// base whole takes longer.
func (c *datagram) begin(dst []flows.Record) []flows.Record {
	if len(dst) < cap(dst) {
		dst = dst[:len(dst)+1]
	} else {
		dst = append(dst, flows.Record{})
	}
	r, base := &dst[len(dst)-1], &c.base
	*r = flows.Record{}
	r.Type, r.SequenceNum = base.Type, base.SequenceNum
	r.Exporter, r.ObservationDomain = base.Exporter, base.ObservationDomain
	r.ReceivedNs, r.StartNs, r.EndNs, r.StartErrorNs = base.ReceivedNs, base.StartNs, base.EndNs, base.StartErrorNs
	r.Packets = base.Packets
	return dst
}

func (s *sample) fill(r *flows.Record) {
	r.SamplingRate = uint64(s.rate)
	r.InIf, r.OutIf = s.in.number(), s.out.number()
	if s.out.format == portDiscarded {
		r.ForwardingStatus = droppedFor(s.out.value)
	}
	if s.egress() {
		r.Direction = 1
	}
}

// egress reports whether the sample was certainly taken where the packet left:
// at its output, or where there are several, not at its input.
func (s *sample) egress() bool {
	if s.class != 0 || s.index == 0 || s.in.format != portSingle || s.in.value == s.index {
		return false
	}
	return s.out.format == portMultiple || s.out.format == portSingle && s.out.value == s.index
}

// Forwarding statuses of dropped packets (RFC 7270 section 4.12).
const (
	droppedUnknown    = 128
	droppedACL        = 129
	droppedUnroutable = 131
	droppedTooBig     = 133
	droppedTTL        = 137
	droppedPolicer    = 138
	droppedRED        = 139
)

// droppedFor gives the forwarding status (information element 89) of a packet
// discarded for a reason: up to 255 a code of ICMP destination unreachable,
// above that the specification's own.
func droppedFor(reason uint32) uint8 {
	switch reason {
	case 0, 1, 6, 7, 11, 12: // network or host unreachable, unknown, not for this service
		return droppedUnroutable
	case 4, 262: // fragmentation needed, packet too big
		return droppedTooBig
	case 9, 10, 13, 258: // prohibited, ACL
		return droppedACL
	case 257:
		return droppedTTL
	case 260:
		return droppedRED
	case 261:
		return droppedPolicer
	}
	return droppedUnknown
}
