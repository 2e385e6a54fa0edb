package netflow

import "math/bits"

// An instant is a Unix time with its error, both in nanoseconds. The zero
// instant, and any without error, is none.
type instant struct{ ns, errNs int64 }

func (t instant) known() bool { return t.errNs != 0 }

// before gives the instant that lies ns earlier.
func (t instant) before(ns int64) instant { return instant{t.ns - ns, t.errNs} }

// A timeForm is how an absolute time was exported. Of several the finest counts.
type timeForm uint8

const (
	inSeconds timeForm = iota + 1
	inMillis
	inMicros
	inNanos
)

// maxTimeNs bounds the times and lapses that are believed, at the year 2116, so
// that no sum or difference of two overflows.
const maxTimeNs = 1 << 62

// unix converts an absolute time in units of so many nanoseconds. It is zero,
// not exported, for zero and for what no clock shows.
func (d *draft) unix(v, unit uint64) int64 {
	ns, ok := d.lapse(v, unit)
	if !ok {
		return 0
	}
	return ns
}

func (d *draft) lapse(v, unit uint64) (int64, bool) {
	hi, lo := bits.Mul64(v, unit)
	if hi != 0 || lo >= maxTimeNs {
		d.badTimes++
		return 0, false
	}
	return int64(lo), true
}

// at makes an instant of a time in this form; zero was not exported.
func (f timeForm) at(ns int64) instant {
	switch {
	case ns == 0:
		return instant{}
	case f == inSeconds:
		return instant{ns, secondNs}
	}
	return instant{ns, fineErrorNs}
}

func (d *draft) startAt(f timeForm, ns int64) {
	if ns != 0 && f > d.startForm {
		d.start, d.startForm = f.at(ns), f
	}
}

func (d *draft) endAt(f timeForm, ns int64) {
	if ns != 0 && f > d.endForm {
		d.end, d.endForm = f.at(ns), f
	}
}

// eventAt takes the time of an observation: that of firewall events, which have
// no start or end.
func (d *draft) eventAt(f timeForm, ns int64) {
	if !d.event.known() {
		d.event = f.at(ns)
	}
}

const (
	// ntpUnixSeconds is from NTP's first second, in 1900, to Unix's.
	ntpUnixSeconds = 2208988800

	// ntpBelowMicro are the bits of the fraction that dateTimeMicroseconds
	// has to ignore (RFC 7011 section 6.1.9).
	ntpBelowMicro = 1<<11 - 1
)

// ntp converts a 64-bit NTP timestamp to Unix nanoseconds. Seconds with the top
// bit clear are those after 2036 (RFC 4330 section 3). Zero is not exported.
func ntp(v uint64) int64 {
	if v == 0 {
		return 0
	}
	secs := int64(v >> 32)
	if secs < 1<<31 {
		secs += 1 << 32
	}
	return (secs-ntpUnixSeconds)*1e9 + int64((v&0xffffffff)*1e9>>32)
}

// setTimes decides on the record's start and end. What the record tells comes
// first: absolute times, uptimes, times before the header's; then the time of
// an event; then one end from the other and the duration; then the header. The
// result is what the exporter says, even where the end is before the start or
// both are in the future.
func (d *draft) setTimes(m *message) {
	start, end := d.start, d.end
	if d.hasFirst || d.hasLast {
		d.fromUptimes(m, &start, &end)
	}
	if !start.known() && d.hasStartAgo {
		start = m.exported().before(d.startAgo)
	}
	if !end.known() && d.hasEndAgo {
		end = m.exported().before(d.endAgo)
	}
	switch {
	case start.known() && end.known():
	case start.known():
		end = d.endFrom(start, m)
	default:
		if !end.known() {
			end = d.event
		}
		if !end.known() {
			end = m.exported()
		}
		start = end.before(d.duration)
	}
	d.StartNs, d.EndNs, d.StartErrorNs = start.ns, end.ns, start.errNs
}

// endFrom makes up the end of a flow that tells only its start.
func (d *draft) endFrom(start instant, m *message) instant {
	switch {
	case d.hasDuration:
		return start.before(-d.duration)
	case d.event.known():
		return d.event
	case m.exportNs > start.ns:
		return m.exported()
	}
	return start
}

// exported is the header's time. For a flow without times it is at most late:
// the flow was over by then.
func (m *message) exported() instant { return instant{m.exportNs, secondNs} }

// fromUptimes places the record's uptimes where the time is not known yet.
func (d *draft) fromUptimes(m *message, start, end *instant) {
	first, last := d.first, d.last
	if !d.hasFirst {
		first = last
	}
	if !d.hasLast {
		last = first
	}
	var s, e, errNs int64
	if m.version == 10 {
		s, e, errNs = m.sinceInit(d.initMs, first, last)
	} else {
		s, e, errNs = m.sinceBoot(first, last)
	}
	if !start.known() && d.hasFirst {
		*start = instant{s, errNs}
	}
	if !end.known() && d.hasLast {
		*end = instant{e, errNs}
	}
}

// sinceBoot places the uptimes of a v5 or v9 record. They are 32-bit counts of
// milliseconds that wrap every 49.7 days, as the header's does, so only their
// difference to it means something: up to half of that span either way. Two
// zeros are what exporters send that have no times.
func (m *message) sinceBoot(first, last uint32) (start, end, errNs int64) {
	if first == 0 && last == 0 {
		return m.exportNs, m.exportNs, secondNs
	}
	start = m.uptimeNs + int64(int32(first-m.uptime))*1e6
	end = m.uptimeNs + int64(int32(last-m.uptime))*1e6
	return start, end, m.uptimeErrNs
}

// sinceInit places the uptimes of an IPFIX record, by the time of uptime zero
// that the record itself told, or else options data, or else by what the
// domain's records allow. Uptimes that are over 49.7 days have wrapped: they are
// taken to be the ones next to the header's time.
func (m *message) sinceInit(initMs int64, first, last uint32) (start, end, errNs int64) {
	if initMs == 0 {
		initMs = m.domain.initMs
	}
	exportMs, errNs := m.exportNs/1e6, int64(fineErrorNs)
	var endMs int64
	if initMs != 0 {
		endMs = initMs + int64(last)
		if late := exportMs - endMs; late > 1<<31 {
			endMs += (late + 1<<31) >> 32 << 32
		}
	} else {
		endMs = m.domain.uptimes.observe(exportMs, last) + int64(last)
		errNs = uptimeBoundErrNs
	}
	return (endMs + int64(int32(first-last))) * 1e6, endMs * 1e6, errNs
}
