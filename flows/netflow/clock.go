package netflow

const (
	// clockWindow is how long samples stay in a half window, in seconds of the
	// exporter's headers. Its uptime and its wall clock may drift apart by some
	// 50 ppm, which over two halves makes 60 ms: less than fineErrorMs.
	clockWindow = 600

	// clockSlackMs is how far a sample may be outside of what the others allow
	// before the exporter's clock counts as set or restarted.
	clockSlackMs = 100

	fineErrorMs = 100
	secondMs    = 1000

	// fineErrorNs is the error of times in milliseconds or finer: it stands for
	// what exporters do between packet and timestamp.
	fineErrorNs = fineErrorMs * 1e6
	secondNs    = secondMs * 1e6
)

// A span is the least and the greatest of some values. The zero span has none.
type span struct {
	lo, hi int64
	any    bool
}

func (s *span) add(v int64) {
	if !s.any {
		*s = span{v, v, true}
		return
	}
	s.lo, s.hi = min(s.lo, v), max(s.hi, v)
}

func (s span) with(t span) span {
	if t.any {
		s.add(t.lo)
		s.add(t.hi)
	}
	return s
}

// A bootClock estimates when an exporter's uptime was zero, from headers that
// have the uptime in milliseconds and the wall clock cut to whole seconds.
//
// Header time minus uptime is the boot time less the part of the second that
// was cut off: a sample b says that the boot was in [b, b+1000). Over many
// samples it was in [greatest, least+1000), a span that shrinks as headers fall
// on different parts of their second, about 2000/n ms after n of them. The
// greatest sample is the estimate and the width of the span is its error: 1 s
// for the first message, 100 ms after some forty.
//
// Two kinds of uptime allow no such thing, and each message is then its own
// estimate: one that does not run (softflowd sends 0 always, with FIRST and
// LAST below it), and one in whole seconds.
type bootClock struct {
	now, before span   // half windows of samples, ms
	since       uint32 // the header's seconds when now began
	fine        bool   // an uptime off the whole second was seen
	uptime      uint32 // of the message before
	secs        uint32
}

// observe takes in a header and returns the boot time in Unix milliseconds, its
// error, and whether an estimate that was in use had to be given up.
func (c *bootClock) observe(secs, uptime uint32) (bootMs, errMs int64, restarted bool) {
	sample := int64(secs)*secondMs - int64(uptime)
	all := c.now.with(c.before)
	stopped := uptime == c.uptime && secs != c.secs
	if stopped || all.any && (sample > all.lo+secondMs+clockSlackMs || sample < all.hi-secondMs-clockSlackMs) {
		restarted = c.fine
		*c = bootClock{}
	}
	c.uptime, c.secs = uptime, secs
	c.fine = c.fine || uptime%secondMs != 0
	c.roll(secs)
	c.now.add(sample)
	if !c.fine {
		return sample, secondMs, restarted
	}
	all = c.now.with(c.before)
	width := all.lo + secondMs - all.hi
	return all.hi, min(max(width, fineErrorMs), secondMs), restarted
}

// roll begins a new half window when the present one is over. Headers that come
// late, out of order, change nothing.
func (c *bootClock) roll(secs uint32) {
	switch age := int64(secs) - int64(c.since); {
	case !c.now.any:
		c.since = secs
	case age >= 2*clockWindow:
		c.now, c.before, c.since = span{}, span{}, secs
	case age >= clockWindow:
		c.now, c.before, c.since = span{}, c.now, secs
	}
}

const (
	// uptimeReachMs is how old the last packet of an exported flow can be: a
	// bound on the boot time that is off by more is of another boot.
	uptimeReachMs = 2 * 3600 * 1000

	// uptimeBoundErrNs is the error of times that rest on an uptimeBound: a
	// second for the header, a second for an exporter's delay.
	uptimeBoundErrNs = 2 * secondNs
)

// An uptimeBound places uptimes of exporters that never say when they were zero:
// IPFIX has no uptime in its header, and MikroTik and others send no
// systemInitTimeMilliseconds. No packet is later than the message that tells of
// it, so the boot was at or before export time minus the last packet's uptime,
// and the least of these comes near to it as soon as one flow is exported right
// after its last packet.
type uptimeBound struct {
	now, before span
	since       int64
}

// observe takes in the last uptime of a flow and returns the boot time, both in
// milliseconds like the message's export time.
func (u *uptimeBound) observe(exportMs int64, last uint32) int64 {
	sample := exportMs - int64(last)
	all := u.now.with(u.before)
	if all.any && (sample > all.lo+uptimeReachMs || sample < all.lo-uptimeReachMs) {
		*u = uptimeBound{}
	}
	if age := exportMs - u.since; age >= clockWindow*secondMs || !u.now.any {
		u.now, u.before, u.since = span{}, u.now, exportMs
	}
	u.now.add(sample)
	return u.now.with(u.before).lo
}
