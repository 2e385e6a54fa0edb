package timeline

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"
)

// An era is a phase before its evidence is counted: what a name was from a time
// on, until the next one.
type era struct {
	from     int64
	set      []int
	rotating bool
	at       [2]int // the steps of the families
	changed  [2]bool
}

// eras puts the steps of both families together. Changes within the settle time
// of each other are one change, and so is one of a family that was not told anything
// since the other changed, but for what caches still had: both are seldom asked at once.
func (d *division) eras() []era {
	type change struct {
		at      int64
		f, step int
	}
	var changes []change
	first := int64(math.MaxInt64)
	for f := range d.steps {
		for i := range d.steps[f] {
			first = min(first, d.steps[f][i].from)
			if i > 0 {
				changes = append(changes, change{d.steps[f][i].from, f, i})
			}
		}
	}
	slices.SortStableFunc(changes, func(a, b change) int { return cmp.Compare(a.at, b.at) })
	all := []era{{from: first, changed: [2]bool{true, true}}}
	for _, x := range changes {
		now := &all[len(all)-1]
		old := &d.steps[x.f][x.step-1]
		still := now.from + d.handover(old.set)
		if now.changed[x.f] || old.from >= now.from || x.at-now.from > d.settle && d.times[x.f].within(still, x.at-1) {
			all = append(all, era{from: x.at, at: now.at})
			now = &all[len(all)-1]
		}
		now.at[x.f], now.changed[x.f] = x.step, true
	}
	for i := 1; i < len(all); i++ {
		if e := &all[i]; e.changed[0] != e.changed[1] {
			f := 0
			if e.changed[1] {
				f = 1
			}
			e.from = max(d.noticed(f, e.from), all[i-1].from+1)
		}
	}
	return d.paint(all)
}

// together is how far apart the questions for both families are where they are
// one look-up.
const together = int64(5 * time.Second)

// noticed is when a change of one family may have been there already: as early as
// the other one was asked together with it, unless the old was told since.
func (d *division) noticed(f int, at int64) int64 {
	from := at - min(together, d.settle)
	if i, _ := slices.BinarySearch(d.times[f], at); i > 0 {
		from = max(from, d.times[f][i-1]+1)
	}
	other := d.times[1-f]
	if i, _ := slices.BinarySearch(other, from); i < len(other) {
		return min(at, other[i])
	}
	return at
}

// paint finds what the name was in each era, and puts those together in which it
// was the same.
func (d *division) paint(all []era) (painted []era) {
	for i := range all {
		e := &all[i]
		to := int64(math.MaxInt64)
		if i+1 < len(all) {
			to = all[i+1].from - 1
		}
		d.picture(e, to)
		if n := len(painted); n > 0 && (len(e.set) == 0 || d.same(e.set, painted[n-1].set)) {
			painted[n-1].set = union(painted[n-1].set, e.set)
			painted[n-1].rotating = painted[n-1].rotating || e.rotating
			continue
		}
		if len(e.set) > 0 {
			painted = append(painted, *e)
		}
	}
	return painted
}

// picture is what there is evidence for until a time. A family without addresses
// says nothing where the other has some.
func (d *division) picture(e *era, to int64) {
	var sets [2][]int
	addresses := false
	for f, i := range e.at {
		if i < len(d.steps[f]) && d.times[f].within(e.from, to) {
			sets[f] = d.steps[f][i].set
			e.rotating = e.rotating || d.steps[f][i].rotating
			addresses = addresses || d.hasAddress(sets[f])
		}
	}
	e.set = nil
	for _, set := range sets {
		if !addresses || d.hasAddress(set) {
			e.set = union(e.set, set)
		}
	}
}

// same says whether two sets say the same of a name, be it of one family or of
// both: that it is absent, say.
func (d *division) same(a, b []int) bool {
	faces := func(set []int) map[key]bool {
		all := make(map[key]bool, len(set))
		for _, i := range set {
			k := d.tracks[i].key
			k.family = 0
			all[k] = true
		}
		return all
	}
	return maps.Equal(faces(a), faces(b))
}

func (d *division) hasAddress(set []int) bool {
	return slices.ContainsFunc(set, func(i int) bool { return d.tracks[i].state.HasAddress() })
}
