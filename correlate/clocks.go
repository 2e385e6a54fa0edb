package correlate

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"flowname/flows"
)

const (
	// LeastSkew is the least offset of a clock that is corrected. Below it the
	// errors that starts have anyway are as large.
	LeastSkew = 2 * time.Second

	// clockSamples are looked at together, each a flow that is its connection's
	// first and the answer that its client had for it. sameAge is how near to each
	// other they are where they tell a skew: of flows whose client had asked, half
	// begin within 7 ms of the answer and nine in ten within a second.
	clockSamples = 32
	sameAge      = int64(time.Second)
	// outliers is how many of them may be earlier than those that agree. Hardly a
	// flow begins before the answer that it needed; a wrong answer is as a rule one
	// that lies between.
	outliers = clockSamples / 8
	// clockAgree is how near two lots of samples in a row have to be.
	clockAgree = int64(500 * time.Millisecond)
	// headersAfter is how many flows are looked at before headers are believed, and
	// headersShare the share of those named that has to bear them out.
	headersAfter = 16
	headersShare = 4
	// clockRest is how long nothing is looked at after a lot has confirmed what is
	// known, and clockIdle when a clock that is not heard gives its place.
	clockRest = int64(10 * time.Second)
	clockIdle = int64(time.Hour)
	maxClocks = 4096

	// What a shift adds to the error of starts: headers are in whole seconds.
	byHeadersErrorNs = int64(time.Second)
	byNamesErrorNs   = int64(250 * time.Millisecond)
)

// A Clock is what is known of the clock of an exporter's observation domain. An
// offset is how far the clock is behind; it is negative where it is ahead.
type Clock struct {
	Exporter netip.Addr
	Domain   uint32
	Type     flows.Type

	// ByNamesNs is the offset of its flows' starts against the answers that named
	// them; 0 and not HasNames where the flows do not agree, or are too few.
	ByNamesNs int64
	HasNames  bool
	// ShiftNs is how much later its flows are taken to be than it says.
	ShiftNs int64
}

// A clock is a Clock in the making.
type clock struct {
	Clock
	heardNs int64
	restNs  int64 // nothing is looked at before
	errorNs int64 // of the shift
	slackNs int64 // the error of starts where the clock is behind too little for one

	ages  [clockSamples]int64 // of answers at the start, by the exporter's clock
	n     int
	asked int // flows that answers could have named, those that did included
	// Of the ages, those that say that the clock is right, and those that say
	// what its messages' headers say.
	right, asHeaders int

	last int64 // the age that the lot before agreed on
	sure bool  // it did
}

type clockKey struct {
	exporter netip.Addr
	domain   uint32
	kind     flows.Type
}

// clocks are the clocks of exporters. When there are too many, those that have
// been silent for clockIdle go; while there is none such, no more are known.
type clocks struct {
	known   map[clockKey]*clock
	key     clockKey // of latest
	latest  *clock   // nil: key is not known
	sweptNs int64
	changes uint64
	refused uint64
}

// of is the clock of a record's exporter; nil where it is not known.
func (cs *clocks) of(r *flows.Record) *clock {
	key := clockKey{r.Exporter, r.ObservationDomain, r.Type}
	if key != cs.key {
		cs.key, cs.latest = key, cs.known[key]
	}
	return cs.latest
}

// begin makes a clock for a record's exporter; nil where there are too many.
func (cs *clocks) begin(r *flows.Record) *clock {
	if len(cs.known) >= maxClocks {
		cs.sweep(r.ReceivedNs)
		if len(cs.known) >= maxClocks {
			cs.refused++
			return nil
		}
	}
	if cs.known == nil {
		cs.known = make(map[clockKey]*clock)
	}
	cl := &clock{Clock: Clock{Exporter: r.Exporter, Domain: r.ObservationDomain, Type: r.Type}}
	cs.key = clockKey{r.Exporter, r.ObservationDomain, r.Type}
	cs.known[cs.key], cs.latest = cl, cl
	return cl
}

// sweep forgets those that have been silent, at most once a minute.
func (cs *clocks) sweep(nowNs int64) {
	if nowNs-cs.sweptNs < int64(time.Minute) {
		return
	}
	cs.sweptNs = nowNs
	for key, cl := range cs.known {
		if nowNs-cl.heardNs > clockIdle {
			delete(cs.known, key)
		}
	}
	cs.key, cs.latest = clockKey{}, nil
}

// ClockChanges is how often what AppendClocks gives has changed.
func (c *Correlator) ClockChanges() uint64 { return c.clocks.changes }

// AppendClocks appends what is known of exporters' clocks, in order.
func (c *Correlator) AppendClocks(dst []Clock) []Clock {
	had := len(dst)
	for _, cl := range c.clocks.known {
		if cl.HasNames || cl.ShiftNs != 0 {
			dst = append(dst, cl.Clock)
		}
	}
	slices.SortFunc(dst[had:], func(a, b Clock) int {
		return cmp.Or(a.Exporter.Compare(b.Exporter), cmp.Compare(a.Domain, b.Domain), cmp.Compare(a.Type, b.Type))
	})
	return dst
}

// shiftAll moves the times of records whose exporters' clocks are known to be
// wrong. By a clock that is behind too little for that, starts are less sure: the
// answer may lie after them.
func (c *Correlator) shiftAll(records []flows.Record) {
	for i := range records {
		r := &records[i]
		switch cl := c.clocks.of(r); {
		case cl == nil:
		case cl.ShiftNs != 0:
			cl.move(r)
		case cl.slackNs > r.StartErrorNs:
			r.StartErrorNs = cl.slackNs
		}
	}
}

// reshift moves a record that has waited as is known by now. A connection that
// began with it, by the wrong time, begins anew.
func (c *Correlator) reshift(r *flows.Record, id uint64) {
	cl := c.clocks.of(r)
	if cl == nil || cl.ShiftNs == r.ShiftNs {
		return
	}
	wrongNs := r.StartNs
	cl.move(r)
	if at, ok := c.conns.find(id); ok && c.conns.at(at).startNs <= wrongNs && wrongNs < r.StartNs {
		c.conns.begin(at, id, r)
	}
}

// move makes the record's times those that the clock is believed to have meant.
func (cl *clock) move(r *flows.Record) {
	if r.ShiftNs == 0 {
		r.StartErrorNs += cl.errorNs
	}
	by := cl.ShiftNs - r.ShiftNs
	r.StartNs += by
	r.EndNs += by
	r.ShiftNs = cl.ShiftNs
}

// sample learns of a record's clock from how it was decided just now, as c.flow.
func (c *Correlator) sample(r *flows.Record, connection *conn) {
	cl := c.clocks.of(r)
	if cl != nil && r.ReceivedNs < cl.restNs || connection.startNs != r.StartNs {
		return
	}
	age, known, asked := c.answerAge(r.StartNs - r.ShiftNs)
	if !asked {
		return
	}
	if cl == nil {
		if cl = c.clocks.begin(r); cl == nil {
			return
		}
	}
	cl.heardNs = r.ReceivedNs
	if cl.observe(age, known, r) {
		c.clocks.changes++
	}
}

// answerAge is how old the answer was that named the flow when the flow began, by
// the exporter's clock, which said startNs. asked is false where answers do not
// tell: where something else named the flow, or none of its client's are seen.
func (c *Correlator) answerAge(startNs int64) (age int64, known, asked bool) {
	f := &c.flow
	e := &f.Dst
	if !f.ServerIsDst() {
		e = &f.Src
	}
	if !e.Named {
		return 0, false, f.Unnamed == NoAnswer
	}
	switch e.Basis() {
	case Client, ClientExpired, ClientLater:
		return startNs - e.Candidates[0].AnsweredNs, true, true
	}
	return 0, false, false
}

// observe takes in a sample and reports whether what is known has changed.
func (cl *clock) observe(age int64, known bool, r *flows.Record) (changed bool) {
	cl.asked++
	if known {
		cl.ages[cl.n] = age
		cl.n++
		if absolute(age) <= int64(LeastSkew) {
			cl.right++
		}
		if absolute(age+r.ClockOffsetNs) <= int64(LeastSkew) {
			cl.asHeaders++
		}
	}
	switch {
	case cl.n == clockSamples:
		return cl.judge(r)
	case cl.asked < headersAfter || cl.HasNames || cl.ShiftNs != 0:
		return false
	}
	changed = cl.believeHeaders(r.ClockOffsetNs)
	if cl.asked >= 16*clockSamples { // hardly any is named
		cl.begin()
	}
	return changed
}

// begin begins another lot of samples.
func (cl *clock) begin() { cl.n, cl.asked, cl.right, cl.asHeaders = 0, 0, 0, 0 }

// judge looks at a lot of samples.
func (cl *clock) judge(r *flows.Record) bool {
	age, agreed := commonAge(cl.ages[:cl.n])
	certain := agreed && cl.sure && age-cl.last <= clockAgree && cl.last-age <= clockAgree
	cl.last, cl.sure = age, agreed
	changed := false
	switch {
	case certain:
		changed = cl.set(-age, byNamesErrorNs) || !cl.HasNames || absolute(cl.ByNamesNs+age) > byNamesErrorNs
		if changed {
			cl.ByNamesNs, cl.HasNames = -age, true
		}
		cl.slackNs = 0
		if cl.ShiftNs == 0 && cl.ByNamesNs > 0 {
			cl.slackNs = cl.ByNamesNs + byNamesErrorNs
		}
		cl.restNs = r.ReceivedNs + clockRest
	case !agreed && cl.HasNames && 2*cl.right > cl.n: // no skew is to be seen any more
		cl.ByNamesNs, cl.HasNames, cl.slackNs = 0, false, 0
		cl.set(0, 0)
		changed = true
	case !cl.HasNames:
		changed = cl.believeHeaders(r.ClockOffsetNs)
	}
	cl.begin()
	return changed
}

// believeHeaders corrects by the times in messages' headers, where flows bear
// them out and do not say that the clock is right. Alone they are not enough: of
// a recording that is sent again all is as late, headers, flows and answers.
func (cl *clock) believeHeaders(offsetNs int64) bool {
	switch {
	case headersShare*cl.right >= cl.asked:
		return cl.set(0, 0)
	case headersShare*cl.asHeaders >= max(cl.n, headersAfter):
		return cl.set(offsetNs, byHeadersErrorNs)
	}
	return false
}

// set makes the offset the shift, where it is large enough, and reports whether
// that is a change: a shift that is nearly the same stays.
func (cl *clock) set(offsetNs, errorNs int64) bool {
	if absolute(offsetNs) < int64(LeastSkew) {
		offsetNs, errorNs = 0, 0
	}
	if offsetNs != 0 && errorNs == cl.errorNs && absolute(offsetNs-cl.ShiftNs) <= errorNs {
		return false
	}
	changed := offsetNs != cl.ShiftNs
	cl.ShiftNs, cl.errorNs = offsetNs, errorNs
	return changed
}

func absolute(v int64) int64 { return max(v, -v) }

// commonAge is the age that most samples have: the median of those in the densest
// sameAge, where that is at least half of them and nearly none is below. It sorts
// the samples.
func commonAge(ages []int64) (age int64, agreed bool) {
	slices.Sort(ages)
	first, most := 0, 0
	for from, to := 0, 0; to < len(ages); to++ {
		for ages[to]-ages[from] > sameAge {
			from++
		}
		if to-from+1 > most {
			first, most = from, to-from+1
		}
	}
	return ages[first+most/2], 2*most >= len(ages) && first <= outliers
}
