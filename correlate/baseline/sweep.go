package baseline

import (
	"math"
	"slices"
)

// To come in again a domain needs so much more than what was forgotten had: else
// those that are alike would take turns, at the price of a sweep for each few
// thousand.
const limitMargin = 8

// sweep forgets a quarter of the domains: those whose best rank by any measure is
// the worst. They go on in the filter.
func (d *Day) sweep() {
	if d.filter.cells == nil {
		d.filter.cells = make([]counts, numCells)
	}
	best := d.bestRanks()
	worst := worstKept(best, len(d.records)-max(len(d.records)/4, 1))
	kept := d.records[:0]
	for i := range d.records {
		r := &d.records[i]
		if best[i] <= worst {
			kept = append(kept, *r)
			continue
		}
		d.forget(r)
	}
	clear(d.records[len(kept):])
	d.swept += uint64(len(d.records) - len(kept))
	d.records = kept
	d.reindex(len(d.index))
}

func (d *Day) forget(r *record) {
	has := r.has
	has[Clients] = d.value(r, Clients)
	for m := range d.limits {
		d.limits[m] = max(d.limits[m], addSat(has[m], has[m]/limitMargin))
	}
	d.filter.keep(r.id, &has)
	if r.clients.many != nil {
		d.pool.give(r.clients.many)
	}
}

// bestRanks are the records' ranks by the measure in which each is best. What has
// nothing has no rank.
func (d *Day) bestRanks() []int32 {
	best := make([]int32, len(d.records))
	for i := range best {
		best[i] = math.MaxInt32
	}
	for m := Measure(0); m < numMeasures; m++ {
		for rank, at := range d.ranked(m) {
			best[at] = min(best[at], int32(rank))
		}
	}
	return best
}

// ranked are the places of the records that have something of a measure, the one
// with most first; of equals the first tracked. A value and its place are sorted as one
// number, a floating point number's bits above the place's: in so large a table
// comparing them one after the other is four times as slow.
func (d *Day) ranked(m Measure) []int32 {
	all := make([]uint64, 0, len(d.records))
	for i := range d.records {
		if v := d.value(&d.records[i], m); v > 0 {
			all = append(all, ^math.Float64bits(float64(v))>>placeBits<<placeBits|uint64(i))
		}
	}
	slices.Sort(all)
	places := make([]int32, len(all))
	for i, key := range all {
		places[i] = int32(key & (1<<placeBits - 1))
	}
	return places
}

// worstKept is the worst rank for which at most keep records are as good or better.
func worstKept(best []int32, keep int) int32 {
	sorted := slices.Clone(best)
	slices.Sort(sorted)
	worst := sorted[keep] - 1 // the first that has to go, and all its equals
	return worst
}
