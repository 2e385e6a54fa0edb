package netflow

import (
	"bytes"
	"encoding/binary"
	"net/netip"

	"flowname/flows"
)

const (
	v9HeaderLen    = 20
	ipfixHeaderLen = 16
	setHeaderLen   = 4

	// minDataSet is the lowest id of a template and so of a data set.
	minDataSet = 256
)

// Set ids of templates: RFC 3954 section 5.2 and 6.1, RFC 7011 section 3.3.2.
const (
	v9TemplateSet    = 0
	v9OptionsSet     = 1
	ipfixTemplateSet = 2
	ipfixOptionsSet  = 3
)

// A message is what the header of the message being read says, and how far its
// reading has come.
type message struct {
	version  uint16
	exporter netip.AddrPort
	base     base // what all records of the message share
	domain   *domain
	tables   optionTables // what options data said, for its flows
	// optionsFull says that its domain had no room for options data.
	optionsFull bool

	exportNs int64  // the header's time
	uptime   uint32 // the header's SysUptime, ms; v5 and v9 only
	// uptimeNs is the Unix time at which the exporter's uptime was uptime, and
	// uptimeErrNs how far it can be off.
	uptimeNs, uptimeErrNs int64

	// What the message held so far, and whether that is all of it.
	flows, options, templates uint32
	unsure                    bool

	// Of the datagram, of which IPFIX can have several messages:
	room int   // how many more data records may be read
	late int   // how many were of sets that had waited
	err  error // the first fault
}

// A base is what all records of a message share. It is no flows.Record, which
// would be half a kilobyte to clear for each message.
type base struct {
	Type              flows.Type
	SequenceNum       uint32
	Exporter          netip.Addr
	ObservationDomain uint32
	ReceivedNs        int64
	ClockOffsetNs     int64
	SamplingRate      uint64
}

// begin appends a record that has what all records of the message share.
func (m *message) begin(dst []flows.Record) []flows.Record {
	if len(dst) < cap(dst) {
		dst = dst[:len(dst)+1]
	} else {
		dst = append(dst, flows.Record{})
	}
	clear(dst[len(dst)-1:])
	m.share(&dst[len(dst)-1])
	return dst
}

// share gives an empty record what all records of the message share.
func (m *message) share(r *flows.Record) {
	r.Type, r.SequenceNum = m.base.Type, m.base.SequenceNum
	r.Exporter, r.ObservationDomain = m.base.Exporter, m.base.ObservationDomain
	r.ReceivedNs, r.SamplingRate = m.base.ReceivedNs, m.base.SamplingRate
	r.ClockOffsetNs = m.base.ClockOffsetNs
}

// A dataSet is a data set that came before its template.
type dataSet struct {
	id         uint16
	start, end int // of its records in the message
}

// appendV9 reads a NetFlow v9 message (RFC 3954). Its header has no length, and
// exporters disagree on what its count counts, so the bytes decide.
func (d *Decoder) appendV9(dst []flows.Record, msg []byte) []flows.Record {
	if len(msg) < v9HeaderLen {
		d.stats.TruncatedMessages++
		d.fail(0, 0, ErrTruncated)
		d.refuseMessage(CutShort, len(msg))
		return dst
	}
	d.stats.MessagesV9++
	be := binary.BigEndian
	m := &d.msg
	m.base.Type = flows.NetFlowV9
	m.uptime = be.Uint32(msg[4:])
	m.exportNs = int64(be.Uint32(msg[8:])) * 1e9
	m.base.SequenceNum = be.Uint32(msg[12:])
	m.base.ObservationDomain = be.Uint32(msg[16:])
	m.uptimeNs, m.uptimeErrNs = m.exportNs, secondNs
	d.enterDomain(d.store.domain(d.domainKey()))
	return d.appendSets(dst, msg, v9HeaderLen)
}

// appendIPFIX reads IPFIX messages (RFC 7011 section 3.1). The header's length
// is honoured: what follows it in the datagram is another message when it
// begins like one, and padding when not.
func (d *Decoder) appendIPFIX(dst []flows.Record, msg []byte) []flows.Record {
	for {
		if len(msg) < ipfixHeaderLen {
			d.stats.TruncatedMessages++
			d.fail(0, 0, ErrTruncated)
			d.refuseMessage(CutShort, len(msg))
			return dst
		}
		d.stats.MessagesIPFIX++
		size := int(binary.BigEndian.Uint16(msg[2:]))
		if size < ipfixHeaderLen || size > len(msg) {
			d.stats.TruncatedMessages++
			d.fail(0, 2, ErrTruncated)
			if size < ipfixHeaderLen {
				d.refuseMessage(CutShort, len(msg))
				return dst
			}
			size, d.msg.unsure = len(msg), true
		}
		dst = d.appendOneIPFIX(dst, msg[:size])
		msg = msg[size:]
		if v, ok := Version(msg); !ok || v != 10 {
			d.msg.domain.account.Bytes += uint64(len(msg))
			d.pad(len(msg))
			return dst
		}
	}
}

func (d *Decoder) appendOneIPFIX(dst []flows.Record, msg []byte) []flows.Record {
	be := binary.BigEndian
	m := &d.msg
	m.base.Type = flows.IPFIX
	m.exportNs = int64(be.Uint32(msg[4:])) * 1e9
	m.base.SequenceNum = be.Uint32(msg[8:])
	m.base.ObservationDomain = be.Uint32(msg[12:])
	m.base.SamplingRate, m.tables = 0, optionTables{}
	m.flows, m.options, m.templates = 0, 0, 0
	d.enterDomain(d.store.domain(d.domainKey()))
	if m.unsure {
		d.refuse(CutShort, 0)
	}
	return d.appendSets(dst, msg, ipfixHeaderLen)
}

func (d *Decoder) domainKey() domainKey {
	return domainKey{d.msg.exporter, d.msg.base.ObservationDomain, d.msg.version}
}

// enterDomain makes dom the one that the rest of the message is read with.
func (d *Decoder) enterDomain(dom *domain) {
	d.msg.domain = dom
	d.msg.optionsFull = false
	d.msg.base.ClockOffsetNs = dom.clockOffsetNs()
	d.msg.tables = optionTables{dom.options, d.store.common(dom)}
	d.msg.base.SamplingRate = d.msg.tables.onlyRate()
	if d.msg.version == 9 {
		d.readUptime()
		d.readClock(dom, uint32(d.msg.exportNs/1e9))
	}
}

// readClock learns from, and takes the message's uptime base from, the clock of
// an exporter whose headers tell whole seconds.
func (d *Decoder) readClock(dom *domain, secs uint32) {
	bootMs, errMs, restarted := dom.clock.observe(secs, d.msg.uptime)
	if restarted {
		d.stats.ClockRestarts++
	}
	d.msg.uptimeNs = (bootMs + int64(d.msg.uptime)) * 1e6
	d.msg.uptimeErrNs = errMs * 1e6
}

// appendSets reads the sets in their order, so that a template that changes in
// the middle of a message is right for the data on both sides; then it reads
// the data sets that came before the first template with their id. A set whose
// length is impossible ends the walk. At last come the sets of earlier
// messages whose templates this one has brought. off is the header's length.
func (d *Decoder) appendSets(dst []flows.Record, msg []byte, off int) []flows.Record {
	d.deferred = d.deferred[:0]
	d.msg.domain.account.received(len(msg), off)
	d.msg.domain.hearing.note(d.msg.base.ReceivedNs)
	for off < len(msg) {
		rest := msg[off:]
		if len(rest) < setHeaderLen || binary.BigEndian.Uint16(rest[2:]) < setHeaderLen {
			d.endSets(msg, off)
			break
		}
		id, size := binary.BigEndian.Uint16(rest), int(binary.BigEndian.Uint16(rest[2:]))
		if size > len(rest) {
			// Cut short, most likely: its whole records are still good.
			d.stats.BadSets++
			d.fail(id, off, ErrSet)
			d.refuse(BadSet, 0)
			d.msg.unsure = true
			size = len(rest)
		}
		dst = d.appendSet(dst, msg, id, off+setHeaderLen, off+size)
		off += size
	}
	for _, s := range d.deferred {
		dst = d.appendDeferred(dst, msg, s)
	}
	d.endMessage()
	if d.msg.domain.ready {
		dst = d.appendLate(dst)
	}
	return dst
}

// appendDeferred reads a data set that came before its template, if that has
// come since or another port's can be used; otherwise the set has to wait.
func (d *Decoder) appendDeferred(dst []flows.Record, msg []byte, s dataSet) []flows.Record {
	dom := d.msg.domain
	t := dom.template(s.id)
	if t == nil {
		if t = d.store.borrow(dom, s.id, msg[s.start:s.end]); t != nil {
			d.stats.BorrowedSets++
			dom.account.Borrowed.add(s.end - s.start + setHeaderLen)
		}
	}
	if t != nil {
		dom.account.HeaderBytes += setHeaderLen
		return d.appendData(dst, t, msg, s.start, s.end)
	}
	d.stats.UnknownTemplateSets++
	d.stats.UnknownTemplateBytes += uint64(s.end - s.start + setHeaderLen)
	d.fail(s.id, s.start-setHeaderLen, ErrUnknownTemplate)
	d.msg.unsure = true
	d.keep(s, msg)
	return dst
}

// endSets judges bytes where a set should begin and none can: zeros are how
// some exporters fill their datagrams up.
func (d *Decoder) endSets(msg []byte, off int) {
	if zeros(msg[off:]) {
		d.pad(len(msg) - off)
		return
	}
	d.stats.BadSets++
	d.fail(0, off, ErrSet)
	d.refuse(BadSet, len(msg)-off)
	d.msg.unsure = true
}

func zeros(b []byte) bool { return len(bytes.TrimRight(b, "\x00")) == 0 }

func (d *Decoder) appendSet(dst []flows.Record, msg []byte, id uint16, start, end int) []flows.Record {
	a := &d.msg.domain.account
	switch {
	case id >= minDataSet:
		if t := d.msg.domain.template(id); t != nil {
			a.HeaderBytes += setHeaderLen
			return d.appendData(dst, t, msg, start, end)
		}
		d.deferred = append(d.deferred, dataSet{id, start, end})
	case d.msg.version == 9 && id == v9TemplateSet, d.msg.version == 10 && id == ipfixTemplateSet:
		a.HeaderBytes += setHeaderLen
		d.readTemplates(msg, id, start, end, false)
	case d.msg.version == 9 && id == v9OptionsSet, d.msg.version == 10 && id == ipfixOptionsSet:
		a.HeaderBytes += setHeaderLen
		d.readTemplates(msg, id, start, end, true)
	default:
		d.stats.ReservedSets++
		d.refuse(ReservedSet, end-start+setHeaderLen)
	}
	return dst
}

// appendData reads the records of a data set. Padding is what is left when no
// whole record is, and zeros to the set's end where a record should begin: a
// flow of which every element is zero tells nothing, and exporters pad by more
// than a record.
func (d *Decoder) appendData(dst []flows.Record, t *template, msg []byte, off, end int) []flows.Record {
	body := msg[:end]
	solid := off + len(bytes.TrimRight(body[off:], "\x00"))
	start, records := off, uint32(0)
	why := reasons // none
	for off < solid {
		if d.msg.room == 0 {
			d.stats.RecordsRefused++
			d.fail(t.id, off, ErrTooMany)
			why = TooManyRecords
			break
		}
		if !t.options {
			dst = d.msg.begin(dst)
			d.draft.begin(&dst[len(dst)-1], &t.plan)
		} else {
			d.draft.scratch = flows.Record{}
			d.draft.begin(&d.draft.scratch, &t.plan)
		}
		size := t.plan.fill(&d.draft, body[off:])
		if size < 0 {
			if !t.options {
				dst = dst[:len(dst)-1]
			}
			d.stats.BadRecords++
			d.fail(t.id, off, ErrRecord)
			why = BadRecord
			break
		}
		off += size
		records++
		d.msg.room--
		if t.options {
			d.learn(t)
			continue
		}
		d.finish(t)
		if t.plan.extra {
			dst = d.appendReverse(dst, t, off)
		}
	}
	d.endData(t, records, off-start, end-off, why)
	return dst
}

// endData files the data records of a set, each once, also where it became two
// flow records, and what is left behind them.
func (d *Decoder) endData(t *template, records uint32, read, left int, why Reason) {
	m, a := &d.msg, &d.msg.domain.account
	if t.options {
		m.options += records
		a.OptionsBytes += uint64(read)
	} else if records > 0 {
		m.flows += records
		a.FlowBytes += uint64(read)
		if why == reasons {
			m.domain.hearing.noteTimes(&d.draft)
		}
	}
	switch why {
	case TooManyRecords:
		m.unsure = true
		d.refuse(why, left)
	case BadRecord:
		m.unsure = true
		d.stats.PaddingBytes += uint64(left)
		d.refuse(why, left)
	default:
		d.pad(left)
	}
}
