package timeline

import "slices"

// tidy takes out the steps that are no phases, until none is left.
func (d *division) tidy(steps []step) []step {
	for {
		n := len(steps)
		steps = d.absorb(steps)
		steps = d.rotate(steps)
		if len(steps) == n {
			return steps
		}
	}
}

// duration is how long a step went on; of the last one that is not known, but for
// its evidence.
func (d *division) duration(steps []step, i int) int64 {
	if i == len(steps)-1 {
		return d.lastOf(steps[i].set) - steps[i].from
	}
	return steps[i+1].from - steps[i].from
}

// absorb goes through the steps once, each with what is left of those before it.
func (d *division) absorb(steps []step) []step {
	var kept []step
	for i := 0; i < len(steps); i++ {
		s := steps[i]
		took := d.duration(steps, i)
		if len(kept) == 0 {
			if i+1 < len(steps) && d.partOf(&s, &steps[i+1], took) {
				steps[i+1].from = s.from
				continue
			}
			kept = append(kept, s)
			continue
		}
		before := &kept[len(kept)-1]
		switch {
		case slices.Equal(s.set, before.set), d.partOf(&s, before, took):
			before.rotating = before.rotating || s.rotating
		case i+1 == len(steps):
			kept = append(kept, s)
		case d.isHandover(before, &s, &steps[i+1], took):
			steps[i+1].from = s.from
		case took < d.settle && within(s.set, before.set) && within(s.set, steps[i+1].set):
			// One is gone, and what takes its place was not told yet.
		case took < d.settle && slices.Equal(before.set, steps[i+1].set) && within(before.set, s.set):
			before.set = s.set // a moment in which somebody was told more
			steps[i+1].set = s.set
		case d.partOf(&s, &steps[i+1], took):
			steps[i+1].from = s.from
		default:
			kept = append(kept, s)
		}
	}
	return kept
}

// partOf says whether a step has some of what another has, and goes on for less
// than the settle time in the same states, or than caches need for others.
func (d *division) partOf(s, of *step, took int64) bool {
	if !within(s.set, of.set) {
		return false
	}
	return took < d.settle && d.states(s.set) == d.states(of.set) || took < min(d.settle, d.handover(of.set))
}

// isHandover says whether a step is what goes together with what comes, for no
// longer than caches keep it.
func (d *division) isHandover(before, s, after *step, took int64) bool {
	var going []int
	for _, x := range s.set {
		switch inBefore, inAfter := holds(before.set, x), holds(after.set, x); {
		case inBefore && !inAfter:
			going = append(going, x)
		case !inBefore && !inAfter:
			return false
		}
	}
	comes := slices.ContainsFunc(s.set, func(x int) bool { return !holds(before.set, x) })
	return len(going) > 0 && comes && took < d.handover(going)
}

// rotateRow is how many short steps in a row rotate, though none comes again.
const rotateRow = 6

// rotate puts rows of short steps together: of one state, if there are many or
// something comes again; of several, if there are many and something does.
func (d *division) rotate(steps []step) []step {
	var kept []step
	for i := 0; i < len(steps); {
		same, any := d.row(steps, i, true), d.row(steps, i, false)
		switch {
		case same-i >= rotateRow || same-i > 2 && comesAgain(steps[i:same]):
			kept, i = append(kept, oneOf(steps[i:same])), same
		case any-i >= rotateRow && comesAgain(steps[i:any]):
			kept, i = append(kept, oneOf(steps[i:any])), any
		default:
			kept = append(kept, steps[i])
			i++
		}
	}
	return kept
}

// row is where a row of short steps ends that begins with step i.
func (d *division) row(steps []step, i int, oneState bool) int {
	end := i
	for end < len(steps) && (!oneState || d.states(steps[end].set) == d.states(steps[i].set)) {
		if took := d.duration(steps, end); took >= d.settle && !(steps[end].rotating && end > i) {
			break
		}
		end++
	}
	return end
}

// lastOf is the time of the last evidence of a set.
func (d *division) lastOf(set []int) (last int64) {
	for _, i := range set {
		if seen := d.seen[i]; len(seen) > 0 {
			last = max(last, seen[len(seen)-1].last)
		}
	}
	return last
}

// comesAgain says whether something is told, is not, and is told again.
func comesAgain(steps []step) bool {
	last := map[int]int{}
	for i := range steps {
		for _, x := range steps[i].set {
			if before, ok := last[x]; ok && before < i-1 {
				return true
			}
			last[x] = i
		}
	}
	return false
}

func oneOf(steps []step) step {
	s := step{from: steps[0].from, rotating: true}
	for i := range steps {
		s.set = append(s.set, steps[i].set...)
	}
	slices.Sort(s.set)
	s.set = slices.Compact(s.set)
	return s
}
