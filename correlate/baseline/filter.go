package baseline

import "math"

// A filter counts the domains that are not tracked, many to a cell, so that what
// becomes heavy is noticed. It is the filter of Homem and Carvalho's Filtered
// Space-Saving (2010), with what a cell has by chance taken off.
type filter struct {
	cells []counts // by the upper bits of a domain's hash; nil: nothing was ever left out
	sums  counts   // of all cells
}

// Cells are 8 MB.
const (
	cellBits = 18
	numCells = 1 << cellBits
)

func (f *filter) cell(d domainID) *counts { return &f.cells[d>>(64-cellBits)] }

// touch reads where a domain counts.
func (f *filter) touch(d domainID) uint64 {
	if f.cells == nil {
		return 0
	}
	return f.cell(d)[0]
}

// add counts for a cell.
func (f *filter) add(c *counts, more *counts) {
	c.add(more)
	f.sums.add(more)
}

// chance is what a cell has of many domains at most, by chance: what is beyond its
// mean and four standard deviations is one domain's.
func (f *filter) chance(m Measure) uint64 {
	mean := f.sums[m] / numCells
	return addSat(mean, uint64(4*math.Sqrt(float64(mean))))
}

// keep leaves a domain to its cell.
func (f *filter) keep(d domainID, has *counts) {
	c := f.cell(d)
	for m, n := range has {
		n = addSat(n, f.chance(Measure(m)))
		if n > c[m] {
			f.sums[m] = addSat(f.sums[m], n-c[m])
			c[m] = n
		}
	}
}
