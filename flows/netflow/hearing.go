package netflow

// A hearing is when and how an observation domain is heard: by the receive times
// that the caller gives, against the header's times.
type hearing struct {
	firstNs, lastNs int64
	deliveredNs     int64 // its first flow records
	templatesNs     int64 // its last template record
	offset          offsetClock

	// The minute that is counted now, and what the one before gave.
	minuteNs                    int64
	minuteMessages, minuteFlows uint64 // the account's when it began
	latelyMessages, latelyFlows uint64
	latelyNs                    int64 // how long that minute was; 0 none yet
	hasUptime                   bool
	uptime                      uint32 // of the message before
	uptimeExportNs              int64  // and its header's time
	startErrorNs                int64
	timeSource                  TimeSource
	headerRate                  uint64 // sampling rate of the latest flow, or of the v5 header; 0 not said
}

const lateNs = 60 * 1e9 // a minute of latelyMessages

// note takes in the receive time of a message.
func (h *hearing) note(receivedNs int64) {
	if h.firstNs == 0 {
		h.firstNs, h.minuteNs = receivedNs, receivedNs
	}
	h.lastNs = max(h.lastNs, receivedNs)
}

// observe takes in a message that was read.
func (h *hearing) observe(a *Account, receivedNs, exportNs int64) {
	h.note(receivedNs)
	h.offset.observe(receivedNs, exportNs)
	if receivedNs-h.minuteNs >= lateNs {
		h.latelyNs = receivedNs - h.minuteNs
		h.latelyMessages = a.Messages - h.minuteMessages
		h.latelyFlows = a.Flows() - h.minuteFlows
		h.minuteNs, h.minuteMessages, h.minuteFlows = receivedNs, a.Messages, a.Flows()
	}
}

const (
	// restartFallMs is how far an uptime must fall for a restart: messages that
	// overtake each other fall by less.
	restartFallMs = 10_000
	// wrapSlackMs is how far uptime and header time may have gone apart when the
	// uptime has wrapped, every 49.7 days.
	wrapSlackMs = 60_000
)

// restarted takes in the uptime of a header and reports whether the exporter has
// started anew: its uptime fell, and not because its 32 bits were over.
func (h *hearing) restarted(uptime uint32, exportNs int64) bool {
	fell := int64(h.uptime) - int64(uptime)
	ran, passed := int64(int32(uptime-h.uptime)), (exportNs-h.uptimeExportNs)/1e6
	again := h.hasUptime && fell >= restartFallMs && (ran-passed > wrapSlackMs || ran-passed < -wrapSlackMs)
	h.hasUptime, h.uptime, h.uptimeExportNs = true, uptime, exportNs
	return again
}

// readUptime forgets what was of an earlier run of the exporter. Its templates
// stay: it sends those of the new run before its data, and they replace the old.
func (d *Decoder) readUptime() {
	dom := d.msg.domain
	if !dom.hearing.restarted(d.msg.uptime, d.msg.exportNs) {
		return
	}
	if dom.clock.fine {
		d.stats.ClockRestarts++
	}
	dom.account.Restarts++
	dom.sequence.restart(&dom.account)
	dom.clock = bootClock{}
}

// A TimeSource is what an exporter tells the times of its flows by.
type TimeSource uint8

// The time sources.
const (
	TimesUnknown  TimeSource = iota
	TimesAbsolute            // times of day, in milliseconds or finer
	TimesSeconds             // times of day in whole seconds
	TimesUptime              // uptimes, placed by the header's or the exporter's boot time
	TimesBefore              // so long before the header's time
	TimesEvent               // the time of an event, or a duration
	TimesHeader              // none of its own: the header's
	timeSources
)

var timeSourceNames = [timeSources]string{
	"unknown", "absolute", "absolute_seconds", "uptime", "before_export", "event", "export_time",
}

// String is the source as reports name it.
func (t TimeSource) String() string { return timeSourceNames[t] }

// noteTimes keeps how the record that was just read told its time.
func (h *hearing) noteTimes(d *draft) {
	h.startErrorNs, h.headerRate = d.StartErrorNs, d.SamplingRate
	switch {
	case d.startForm > inSeconds || d.endForm > inSeconds:
		h.timeSource = TimesAbsolute
	case d.startForm == inSeconds || d.endForm == inSeconds:
		h.timeSource = TimesSeconds
	case d.hasFirst || d.hasLast:
		h.timeSource = TimesUptime
	case d.hasStartAgo || d.hasEndAgo:
		h.timeSource = TimesBefore
	case d.event.known():
		h.timeSource = TimesEvent
	default:
		h.timeSource = TimesHeader
	}
}

const (
	// offsetWindowNs is how long a least difference is kept, twice.
	offsetWindowNs = 600 * 1e9
	// driftAfterNs is how far apart two windows must be to say how fast an
	// exporter's clock runs away: over half an hour 20 ms of jitter are 11 ppm.
	driftAfterNs = 1800 * 1e9
	// offsetStepNs is a change from one window to the next that is a step of a
	// clock, not drift.
	offsetStepNs = 1e9
)

// An offsetClock measures an exporter's clock against the receiver's: the least
// of receive time minus the header's. Headers in whole seconds are cut off, and
// messages take their time, so each difference is too great by something; the
// least of many is the offset to within the quickest message's delay.
type offsetClock struct {
	sinceNs     int64
	now, before int64 // least of the window that runs, and of the one before
	any, had    bool
	steadyNs    int64 // when the first window since the last step ended
	steady      int64 // and its least
	hasSteady   bool
	driftPPB    int64
	hasDrift    bool
}

func (o *offsetClock) observe(receivedNs, exportNs int64) {
	diff := receivedNs - exportNs
	switch {
	case !o.any:
		o.now, o.any, o.sinceNs = diff, true, receivedNs
	case receivedNs-o.sinceNs >= offsetWindowNs:
		o.roll(receivedNs)
		o.now, o.sinceNs = diff, receivedNs
	default:
		o.now = min(o.now, diff)
	}
}

// roll closes a window.
func (o *offsetClock) roll(receivedNs int64) {
	step := o.now - o.before
	if o.had && (step > offsetStepNs || step < -offsetStepNs) {
		o.hasSteady, o.hasDrift = false, false
	}
	o.before, o.had = o.now, true
	if !o.hasSteady {
		o.steady, o.steadyNs, o.hasSteady = o.now, receivedNs, true
		return
	}
	if span := receivedNs - o.steadyNs; span >= driftAfterNs {
		o.driftPPB, o.hasDrift = (o.now-o.steady)*1000/(span/1e6), true
	}
}

// offsetNs is how far the exporter's clock is behind the receiver's; negative
// when it is ahead.
func (o *offsetClock) offsetNs() (int64, bool) {
	if o.had && o.now-o.before < offsetStepNs && o.before-o.now < offsetStepNs {
		return min(o.now, o.before), o.any
	}
	return o.now, o.any
}

// offsetMessages is how many messages an offset has to rest on: headers are cut to
// whole seconds, and the first messages of an exporter may have been held back.
const offsetMessages = 8

// clockOffsetNs is the offset for flow records; 0 where it is not known well.
func (dom *domain) clockOffsetNs() int64 {
	if dom.account.Messages < offsetMessages {
		return 0
	}
	offset, _ := dom.hearing.offset.offsetNs()
	return offset
}
