package timeline

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"

	"flowname/correlate"
	"flowname/dnscache"
)

// A spell is a time for which a track held.
type spell struct {
	track int
	span
}

// A step is what a family was from a time on, until the next one.
type step struct {
	from     int64
	set      []int // its tracks
	rotating bool
}

// A division divides the time of a name, by one settle time.
type division struct {
	*collector
	settle int64
	seen   [][]span // of each track, without noise
	steps  [2][]step
	times  [2]moments // of the evidence of each family
	usual  map[int]int64
	marks  []mark // of the family at hand
}

// divide finds the steps of each family.
func (c *collector) divide(settle int64) *division {
	d := &division{collector: c, settle: settle, seen: make([][]span, len(c.tracks)), usual: map[int]int64{}}
	for i, t := range c.tracks {
		d.seen[i] = t.seen
	}
	d.dropServices()
	d.dropNoise()
	for f := range d.steps {
		family := uint8(1) << f
		spells := d.spells(f, family)
		d.steps[f] = d.tidy(d.sweep(f, spells))
	}
	return d
}

// dropServices leaves out what was said of services, but where it is all there is.
func (d *division) dropServices() {
	if !slices.ContainsFunc(d.tracks, func(t *track) bool { return t.family != 0 }) {
		for _, t := range d.tracks {
			t.family = four
		}
	}
}

// dropNoise leaves out failures that answers are near to: those between two
// answers, or that come before the first or after the last, that went on for
// less than the settle time and have an answer within it.
func (d *division) dropNoise() {
	var answers []span
	var failures []spell
	for i, t := range d.tracks {
		if t.state != Failed {
			if t.family != 0 {
				answers = append(answers, t.seen...)
			}
			continue
		}
		for _, s := range t.seen {
			failures = append(failures, spell{i, s})
		}
		d.seen[i] = nil
	}
	if answers = join(answers, 0); len(answers) == 0 {
		for _, f := range failures {
			d.seen[f.track] = append(d.seen[f.track], f.span)
		}
		return
	}
	slices.SortFunc(failures, func(a, b spell) int { return cmp.Compare(a.first, b.first) })
	next := 0 // the first answer that is not over before the failure
	for from := 0; from < len(failures); {
		for next < len(answers) && answers[next].last < failures[from].first {
			next++
		}
		to, last := from, int64(0)
		for to < len(failures) && (next == len(answers) || failures[to].first < answers[next].first || to == from) {
			last = max(last, failures[to].last)
			to++
		}
		first := failures[from].first
		near := next > 0 && first-answers[next-1].last <= d.settle ||
			next < len(answers) && answers[next].first-last <= d.settle
		if !near || last-first >= d.settle {
			for _, f := range failures[from:to] {
				d.seen[f.track] = append(d.seen[f.track], f.span)
			}
		}
		from = to
	}
}

// A mark is a time at which a track was told.
type mark struct {
	at    int64
	track int
}

// longestRun is the longest that a run of the history is.
const longestRun = int64(4 * time.Second)

// appendMarks marks a span: its ends and, where it is of much evidence, about when
// there was some between, which was never much farther apart than what was joined.
func (d *division) appendMarks(marks []mark, i int, s span) []mark {
	step := max(d.apart, longestRun, (s.last-s.first)/maxSpans)
	for at := s.first; at < s.last; at += step {
		marks = append(marks, mark{at, i})
	}
	return append(marks, mark{s.last, i})
}

// spells finds for how long each track of a family held.
func (d *division) spells(f int, family uint8) (all []spell) {
	var marks []mark
	for i, t := range d.tracks {
		if t.family&family == 0 {
			continue
		}
		for _, s := range d.seen[i] {
			marks = d.appendMarks(marks, i, s)
		}
	}
	slices.SortFunc(marks, func(a, b mark) int { return cmp.Compare(a.at, b.at) })
	times := make(moments, len(marks))
	for i := range marks {
		times[i] = marks[i].at
	}
	d.times[f], d.marks = times, marks
	for i, t := range d.tracks {
		if t.family&family == 0 || len(d.seen[i]) == 0 {
			continue
		}
		now := spell{i, d.seen[i][0]}
		reach := int64(0)
		for _, s := range d.seen[i][1:] {
			how := d.gap(i, family, times, span{now.last, s.first})
			if how == 0 {
				all = append(all, now.reaching(reach))
				now, reach = spell{i, s}, 0
				continue
			}
			if how == bridged {
				reach = max(reach, s.first-now.last)
			}
			now.last = max(now.last, s.last)
		}
		all = append(all, now.reaching(reach))
	}
	return all
}

// reaching is a spell that others' answers came between: it is taken to have begun
// and to go on for as long as it was once not seen.
func (s spell) reaching(reach int64) spell {
	s.first -= reach
	s.last += min(reach, math.MaxInt64-s.last)
	return s
}

// Why a gap in a track's evidence is none.
const (
	quiet   = 1 + iota // nothing else was told
	settled            // it is short
	bridged            // a client kept it, while others kept something else
)

// gap says why a gap is none, 0 if it is one.
func (d *division) gap(i int, family uint8, times moments, g span) int {
	t := d.tracks[i]
	switch {
	case !times.within(g.first+1, g.last-1-t.cached()):
		return quiet // what was told since does not show that it had gone before
	case d.isTail(i, span{g.first, g.last - t.cached()}):
		return quiet
	case g.last-g.first <= d.settle && !slices.ContainsFunc(t.breaks, func(b span) bool { return b.first <= g.first && b.last >= g.last }):
		return settled
	case g.last-g.first <= spacings*d.spacing(i) && covers(t.bridges, g.first, g.last) && d.othersBridge(i, family, g) && d.kept(i, g):
		return bridged
	}
	return 0
}

// spacings is how many times as long as usual a track can be without evidence: what
// many are told each minute, and nobody for an hour, is gone.
const spacings = 32

// spacing is how far apart the evidence of a track usually is.
func (d *division) spacing(i int) int64 {
	seen := d.seen[i]
	if n, ok := d.usual[i]; ok || len(seen) < 2 {
		return n
	}
	gaps := make([]int64, len(seen)-1)
	for k := range gaps {
		gaps[k] = seen[k+1].first - seen[k].last
	}
	slices.Sort(gaps)
	d.usual[i] = gaps[len(gaps)/2]
	return d.usual[i]
}

// isTail says whether all that was told in a gap is what caches still had, of what
// was told before it too.
func (d *division) isTail(i int, g span) bool {
	k, _ := slices.BinarySearchFunc(d.marks, g.first+1, func(m mark, at int64) int { return cmp.Compare(m.at, at) })
	for ; k < len(d.marks) && d.marks[k].at < g.last; k++ {
		m := d.marks[k]
		if m.track != i && (m.at > g.first+d.tracks[m.track].cached() || d.seen[m.track][0].first >= g.first) {
			return false
		}
	}
	return true
}

// kept says whether clients kept a track over a gap, and did not see it go or
// come. While that was not asked it wants to know.
func (d *division) kept(i int, g span) bool {
	q := question{i, g}
	a, asked := d.answers[q]
	if !asked && len(d.answers) < maxQuestions {
		d.answers[q] = &answer{}
	}
	return asked && a.kept > keptShare*a.seen
}

// othersBridge says whether another track was kept across an end of the gap: two
// clients were told different things by turns, so that neither is a change.
func (d *division) othersBridge(i int, family uint8, g span) bool {
	for k, o := range d.tracks {
		if k != i && o.family&family != 0 && len(o.bridges) > 0 && (surrounds(o.bridges, g.first) || surrounds(o.bridges, g.last)) {
			return true
		}
	}
	return false
}

// maxSets bounds the sets of all steps together.
const maxSets = 1 << 22

// sweep makes steps of spells: from each begin and after each end of one on.
func (d *division) sweep(f int, spells []spell) (steps []step) {
	type event struct {
		at    int64
		track int
		ends  bool
	}
	events := make([]event, 0, 2*len(spells))
	for _, s := range spells {
		events = append(events, event{s.first, s.track, false}, event{s.last + 1, s.track, true})
	}
	slices.SortFunc(events, func(a, b event) int { return cmp.Compare(a.at, b.at) })
	active := map[int]int{}
	total := 0
	for i := 0; i < len(events); {
		at := events[i].at
		begins := false
		for ; i < len(events) && events[i].at == at; i++ {
			if events[i].ends {
				if active[events[i].track]--; active[events[i].track] == 0 {
					delete(active, events[i].track)
				}
				continue
			}
			active[events[i].track]++
			begins = true
		}
		if len(active) == 0 || !begins && i < len(events) && !d.times[f].within(at, events[i].at-1) {
			continue // nothing was told between: what was before still holds
		}
		if total += len(active); total > maxSets {
			return []step{{from: steps[0].from, set: d.everything(f), rotating: true}}
		}
		set := slices.Sorted(maps.Keys(active))
		steps = append(steps, step{from: at, set: set})
	}
	return steps
}

// everything is all tracks of a family that have evidence.
func (d *division) everything(f int) (set []int) {
	for i, t := range d.tracks {
		if t.family&(1<<f) != 0 && len(d.seen[i]) > 0 {
			set = append(set, i)
		}
	}
	return set
}

// handover is how long caches may still give what has gone. That there is nothing
// has a TTL too (RFC 2308), which is not known here.
func (d *division) handover(set []int) (most int64) {
	for _, i := range set {
		t := d.tracks[i]
		if !t.state.HasAddress() {
			most = max(most, int64(dnscache.Lifetime(dnscache.UnknownTTL)))
		}
		most = max(most, int64(t.ttl)*1e9)
	}
	return most + int64(correlate.Grace)
}

// states are the states of a set, as bits.
func (d *division) states(set []int) (bits uint) {
	for _, i := range set {
		bits |= 1 << d.tracks[i].state
	}
	return bits
}
