package sflow

import (
	"errors"
	"net/netip"

	"flowname/flows"
)

// version5 is the only version read: the older ones have not been sent by
// agents for twenty years.
const version5 = 5

// startErrorNs is how long an agent may hold a sample back before it sends it.
const startErrorNs = 1e9

// Config bounds what a Decoder reads. A zero field means its default.
type Config struct {
	// MaxSamples is how many flow samples are read from one datagram.
	// Default 1024; a full UDP datagram of 65,507 bytes holds some 300 with
	// sampled headers of 128 bytes, and at most 1,636 that hold nothing.
	MaxSamples int
}

func (c Config) withDefaults() Config {
	if c.MaxSamples <= 0 {
		c.MaxSamples = 1024
	}
	return c
}

// A Decoder turns sFlow datagrams into flow records. It has one owner: its
// methods must not be called concurrently.
type Decoder struct {
	cfg   Config
	stats Stats
	cur   datagram
}

// A datagram is the state of the datagram being read, kept in the Decoder so
// that it costs no allocation.
type datagram struct {
	base   flows.Record                                 // what all records of the datagram share
	yield  func(link uint32, header []byte, length int) // may be nil
	room   int                                          // how many more flow samples may be read
	sample uint32                                       // format of the sample being read
	err    error                                        // the first fault
}

// NewDecoder returns a Decoder.
func NewDecoder(cfg Config) *Decoder { return &Decoder{cfg: cfg.withDefaults()} }

// Stats returns the counts so far.
func (d *Decoder) Stats() Stats { return d.stats }

// AppendRecords decodes one datagram and appends a flow record for each of its
// flow samples, compact and expanded, to dst, which it returns. The records
// hold nothing of msg. Whatever is wrong with a part of the datagram, the good
// parts are appended all the same; the error is the first fault, an *Error, and
// Stats counts every one.
//
// The sender's address and port are noted only where the datagram states no
// agent. The receive time is the time of the records; see the package comment.
//
// yieldHeader, which may be nil, is given each sampled header of a link that is
// read here, in order: the link as a pcap link type number (1 Ethernet, 101 raw
// IP), the bytes that were captured, which are a part of msg and valid during
// the call only, and the frame's length on the wire. It must not call d.
func (d *Decoder) AppendRecords(dst []flows.Record, msg []byte, exporter netip.AddrPort, receivedNs int64, yieldHeader func(link uint32, header []byte, length int)) ([]flows.Record, error) {
	d.cur = datagram{
		base: flows.Record{
			Type: flows.SFlow5, Exporter: exporter.Addr().Unmap(), Packets: 1,
			ReceivedNs: receivedNs, StartNs: receivedNs, EndNs: receivedNs, StartErrorNs: startErrorNs,
		},
		yield: yieldHeader,
		room:  d.cfg.MaxSamples,
	}
	had := len(dst)
	dst = d.appendDatagram(dst, msg)
	d.stats.Records += uint64(len(dst) - had)
	d.cur.yield = nil // it is the caller's
	return dst, d.cur.err
}

// A head is the header of a datagram.
type head struct {
	agent              netip.Addr // zero where it states none
	subAgent, sequence uint32
	samples            uint32
}

// readHead reads a datagram's header. The version has been read.
func readHead(x *xdr) head {
	var h head
	h.agent = x.address()
	h.subAgent = x.uint32()
	h.sequence = x.uint32()
	x.skip(1) // the agent's uptime
	h.samples = x.uint32()
	return h
}

func (d *Decoder) appendDatagram(dst []flows.Record, msg []byte) []flows.Record {
	x := xdr{buf: msg}
	if version := x.uint32(); x.err == nil && version != version5 {
		d.stats.UnknownVersions++
		d.fail(0, 0, ErrVersion)
		return dst
	}
	h := readHead(&x)
	if x.err != nil {
		if errors.Is(x.err, ErrAddress) {
			d.stats.BadAddresses++
		} else {
			d.stats.TruncatedDatagrams++
		}
		d.fail(0, 0, x.err)
		return dst
	}
	d.stats.Datagrams++
	if h.agent.IsValid() {
		d.cur.base.Exporter = h.agent
	}
	d.cur.base.ObservationDomain, d.cur.base.SequenceNum = h.subAgent, h.sequence
	return d.appendSamples(dst, &x, h.samples)
}

// appendSamples reads the samples of a datagram. The count of them is believed
// only downwards: each turn takes a sample's header from what is left.
func (d *Decoder) appendSamples(dst []flows.Record, x *xdr, count uint32) []flows.Record {
	for range count {
		at := x.off
		format, size := x.uint32(), x.uint32()
		if x.err != nil {
			d.stats.TruncatedDatagrams++
			d.cur.sample = 0
			d.fail(0, at, ErrTruncated)
			return dst
		}
		d.cur.sample = format
		body, whole := x.part(size)
		if !whole {
			// Cut short, most likely: its whole records are still good.
			d.stats.BadSamples++
			d.fail(0, at, ErrSample)
		}
		switch format {
		case formatFlow, formatExpandedFlow:
			dst = d.appendFlow(dst, &body, format, whole)
		case formatCounter, formatExpandedCounter:
			d.stats.CounterSamples++
		case formatDrop:
			d.stats.DropSamples++
		default:
			d.stats.UnknownSamples++
		}
	}
	d.stats.PaddingBytes += uint64(x.left())
	return dst
}

// fail notes the datagram's first fault. The counting is the caller's.
func (d *Decoder) fail(record uint32, offset int, err error) {
	if d.cur.err == nil {
		d.cur.err = &Error{Sample: d.cur.sample, Record: record, Offset: offset, Err: err}
	}
}

// IsDatagram reports whether msg begins with the header of an sFlow version 5
// datagram that fits the bytes there are: a known type of agent address, room
// for as many samples as it says, a first sample within bounds. It tells
// datagrams from other payloads of a capture; a Decoder reads some that it
// rejects.
func IsDatagram(msg []byte) bool {
	x := xdr{buf: msg}
	if x.uint32() != version5 {
		return false
	}
	h := readHead(&x)
	if x.err != nil || uint64(h.samples)*sampleHeaderLen > uint64(x.left()) {
		return false
	}
	if h.samples == 0 {
		return x.left() == 0
	}
	x.skip(1)
	return uint64(x.uint32()) <= uint64(x.left())
}
