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
	// MaxAgents is how many agents have an account of their own. Default 4096.
	MaxAgents int
	// MaxSources is how many data sources are followed in all,
	// MaxSourcesPerAgent how many of one agent. Default 131072 and 4096.
	MaxSources, MaxSourcesPerAgent int
}

func (c Config) withDefaults() Config {
	def := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	def(&c.MaxSamples, 1024)
	def(&c.MaxAgents, 4096)
	def(&c.MaxSources, 1<<17)
	def(&c.MaxSourcesPerAgent, 4096)
	return c
}

// A Decoder turns sFlow datagrams into flow records. It has one owner: its
// methods must not be called concurrently.
type Decoder struct {
	cfg    Config
	stats  Stats
	agents agents
	cur    datagram
}

// A datagram is the state of the datagram being read, kept in the Decoder so
// that it costs no allocation.
type datagram struct {
	base   flows.Record                                 // what all records of the datagram share
	yield  func(link uint32, header []byte, length int) // may be nil
	room   int                                          // how many more flow samples may be read
	sample uint32                                       // format of the sample being read

	agent   *agent  // whose it is
	arrival arrival // how it came by its sequence number
	err     error   // the first fault
}

// NewDecoder returns a Decoder.
func NewDecoder(cfg Config) *Decoder {
	cfg = cfg.withDefaults()
	return &Decoder{cfg: cfg, agents: agents{most: cfg.MaxAgents, byKey: make(map[agentKey]*agent)}}
}

// Stats returns the counts so far.
func (d *Decoder) Stats() Stats { return d.stats }

// AppendRecords decodes one datagram and appends a flow record for each of its
// flow samples, compact and expanded, to dst, which it returns. The records
// hold nothing of msg. Whatever is wrong with a part of the datagram, the good
// parts are appended all the same; the error is the first fault, an *Error, and
// Stats counts every one.
//
// The sender's address is noted in the records only where the datagram states no
// agent, and in the account always. The receive time is the time of the records;
// see the package comment.
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
	uptime             uint32 // the agent's, in milliseconds
	samples            uint32
}

// readHead reads a datagram's header. The version has been read.
func readHead(x *xdr) head {
	var h head
	h.agent = x.address()
	h.subAgent = x.uint32()
	h.sequence = x.uint32()
	h.uptime = x.uint32()
	h.samples = x.uint32()
	return h
}

func (d *Decoder) appendDatagram(dst []flows.Record, msg []byte) []flows.Record {
	x := xdr{buf: msg}
	if version := x.uint32(); x.err == nil && version != version5 {
		d.stats.UnknownVersions++
		return d.refuseDatagram(dst, msg, BadVersion, ErrVersion)
	}
	h := readHead(&x)
	switch {
	case errors.Is(x.err, ErrAddress):
		d.stats.BadAddresses++
		return d.refuseDatagram(dst, msg, BadAddress, x.err)
	case x.err != nil:
		d.stats.TruncatedDatagrams++
		return d.refuseDatagram(dst, msg, CutShort, x.err)
	}
	d.stats.Datagrams++
	a := d.enter(agentKey{d.cur.base.Exporter, h.agent, h.subAgent}, len(msg))
	a.HeaderBytes += uint64(x.off)
	d.cur.arrival = d.cur.agent.sequence.observe(a, h.sequence, h.uptime)
	if d.cur.arrival == anew {
		d.agents.forgetSources(d.cur.agent)
	}
	if h.agent.IsValid() {
		d.cur.base.Exporter = h.agent
	}
	d.cur.base.ObservationDomain, d.cur.base.SequenceNum = h.subAgent, h.sequence
	dst = d.appendSamples(dst, &x, h.samples)
	d.agents.heard(d.cur.agent, d.cur.base.ReceivedNs)
	return dst
}

// enter files a datagram of so many bytes with its agent, whose account it
// returns.
func (d *Decoder) enter(key agentKey, bytes int) *Account {
	g, evicted := d.agents.agent(key)
	if evicted {
		d.stats.AgentsEvicted++
	}
	d.cur.agent = g
	g.account.Datagrams++
	g.account.Bytes += uint64(bytes)
	return &g.account
}

// refuseDatagram files a datagram of which only the sender is known.
func (d *Decoder) refuseDatagram(dst []flows.Record, msg []byte, why Reason, err error) []flows.Record {
	d.enter(agentKey{sender: d.cur.base.Exporter}, len(msg))
	d.agents.heard(d.cur.agent, d.cur.base.ReceivedNs)
	d.refuse(why, len(msg))
	d.fail(0, 0, err)
	return dst
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
			d.refuse(CutShort, len(x.buf)-at)
			return dst
		}
		d.cur.sample = format
		body, whole := x.part(size)
		if !whole {
			// Cut short, most likely: its whole records are still good.
			d.stats.BadSamples++
			d.fail(0, at, ErrSample)
			d.refuse(BadSample, 0)
		}
		if format == formatFlow || format == formatExpandedFlow {
			dst = d.appendFlow(dst, &body, format, whole)
			continue
		}
		d.skipSample(format, x.off-at)
	}
	d.stats.PaddingBytes += uint64(x.left())
	d.cur.agent.account.PaddingBytes += uint64(x.left())
	return dst
}

// skipSample counts a sample that is no flow.
func (d *Decoder) skipSample(format uint32, bytes int) {
	a := &d.cur.agent.account
	a.OtherBytes += uint64(bytes)
	switch format {
	case formatCounter, formatExpandedCounter:
		d.stats.CounterSamples++
		a.CounterSamples++
	case formatDrop:
		d.stats.DropSamples++
		a.DropSamples++
	default:
		d.stats.UnknownSamples++
		a.UnknownSamples++
	}
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
