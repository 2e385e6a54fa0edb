package netflow

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"flowname/flows"
)

const (
	v5HeaderLen = 24
	v5RecordLen = 48

	// v5MaxCount is how many records a v5 exporter puts in a datagram. A
	// header that says more is believed only when all of them are there.
	v5MaxCount = 30
)

// appendV5 reads a NetFlow v5 message: a fixed header and fixed records. Of a
// message cut short the whole records are kept.
func (d *Decoder) appendV5(dst []flows.Record, msg []byte) []flows.Record {
	if len(msg) < v5HeaderLen {
		d.stats.TruncatedMessages++
		d.fail(0, 0, ErrTruncated)
		d.refuseMessage(CutShort, len(msg))
		return dst
	}
	d.stats.MessagesV5++
	be := binary.BigEndian
	m := &d.msg
	m.base.Type = flows.NetFlowV5
	m.uptime = be.Uint32(msg[4:])
	m.base.SequenceNum = be.Uint32(msg[16:])
	m.base.ObservationDomain = uint32(be.Uint16(msg[20:]))
	// The upper two bits are the sampling mode.
	m.base.SamplingRate = uint64(be.Uint16(msg[22:]) & 0x3fff)
	m.domain = d.store.domain(d.domainKey())
	m.base.ClockOffsetNs = m.domain.clockOffsetNs()
	a := &m.domain.account
	a.received(len(msg), v5HeaderLen)
	d.setV5Time(be.Uint32(msg[8:]), be.Uint32(msg[12:]))

	count := d.countV5(msg)
	m.flows = uint32(count)
	a.FlowBytes += uint64(count * v5RecordLen)
	had := len(dst)
	dst = slices.Grow(dst, count)[:had+count]
	recs, body := dst[had:], msg[v5HeaderLen:]
	clear(recs) // all at once, in half the time of one by one
	for i := range recs {
		m.share(&recs[i])
		d.fillV5(&recs[i], (*[v5RecordLen]byte)(body[i*v5RecordLen:]))
	}
	if count > 0 {
		h := &m.domain.hearing
		h.timeSource, h.startErrorNs, h.headerRate = TimesUptime, dst[len(dst)-1].StartErrorNs, m.base.SamplingRate
	}
	d.endMessage()
	return dst
}

// countV5 is how many records of a message are read. It files the bytes that are
// not of these.
func (d *Decoder) countV5(msg []byte) int {
	m := &d.msg
	count, whole := int(binary.BigEndian.Uint16(msg[2:])), (len(msg)-v5HeaderLen)/v5RecordLen
	if count > whole {
		d.stats.TruncatedMessages++
		d.fail(0, v5HeaderLen+whole*v5RecordLen, ErrTruncated)
		if count > v5MaxCount { // no v5 exporter made this
			d.refuse(CutShort, len(msg)-v5HeaderLen)
			m.unsure = true
			return 0
		}
		// The flows that are missing here were counted by the exporter.
		d.refuse(CutShort, 0)
		count, m.unsure = whole, true
	}
	d.pad(len(msg) - v5HeaderLen - count*v5RecordLen)
	if count > d.cfg.MaxRecords {
		d.stats.RecordsRefused++
		d.fail(0, v5HeaderLen, ErrTooMany)
		d.refuse(TooManyRecords, (count-d.cfg.MaxRecords)*v5RecordLen)
		count, m.unsure = d.cfg.MaxRecords, true
	}
	return count
}

// setV5Time takes the header's time: seconds and nanoseconds. Exporters that
// leave the nanoseconds empty (or put something else there) tell whole
// seconds, and their boot time has to be estimated as with v9.
func (d *Decoder) setV5Time(secs, nsecs uint32) {
	m := &d.msg
	if nsecs > 0 && nsecs < 1e9 {
		m.exportNs = int64(secs)*1e9 + int64(nsecs)
		d.readUptime()
		m.uptimeNs, m.uptimeErrNs = m.exportNs, fineErrorNs
		return
	}
	m.exportNs = int64(secs) * 1e9
	d.readUptime()
	d.readClock(m.domain, secs)
}

func (d *Decoder) fillV5(r *flows.Record, b *[v5RecordLen]byte) {
	be := binary.BigEndian
	r.EtherType = flows.EtherTypeIPv4
	r.Src = netip.AddrFrom4([4]byte(b[0:4]))
	r.Dst = netip.AddrFrom4([4]byte(b[4:8]))
	if hop := [4]byte(b[8:12]); hop != [4]byte{} {
		r.NextHop = netip.AddrFrom4(hop)
	}
	r.InIf, r.OutIf = uint32(be.Uint16(b[12:])), uint32(be.Uint16(b[14:]))
	r.Packets, r.Bytes = uint64(be.Uint32(b[16:])), uint64(be.Uint32(b[20:]))
	r.StartNs, r.EndNs, r.StartErrorNs = d.msg.sinceBoot(be.Uint32(b[24:]), be.Uint32(b[28:]))
	r.SrcPort, r.DstPort = be.Uint16(b[32:]), be.Uint16(b[34:])
	r.TCPFlags, r.Proto, r.TOS = uint16(b[37]), b[38], b[39]
	r.SrcAS, r.DstAS = uint32(be.Uint16(b[40:])), uint32(be.Uint16(b[42:]))
	r.SrcMask, r.DstMask = prefixLength(uint64(b[44])), prefixLength(uint64(b[45]))
	icmpFromPort(r)
}

// icmpFromPort takes type and code of an ICMP flow from the destination port,
// where v5, and exporters that export no ICMP element, put them. The port is
// left as it was sent.
func icmpFromPort(r *flows.Record) {
	if r.Proto == flows.ProtoICMP || r.Proto == flows.ProtoICMPv6 {
		r.ICMPType, r.ICMPCode = uint8(r.DstPort>>8), uint8(r.DstPort)
	}
}
