package baseline

import (
	"github.com/axiomhq/hyperloglog"
)

// A Day is what is known of a day in UTC. It has no lock.
type Day struct {
	number  int32 // days since 1970
	key     *key
	max     int // of records
	records []record
	index   []uint64 // by domain: bits of its hash, and 1 + its place in records
	filter  filter
	limits  counts // no domain that is left out has more, but for what is its cell's
	before  counts // what may be missing besides: of another life of this day, or of merged ones
	// Whether pairs knows all of the day: then a record's count of clients is as
	// good as its set, or better.
	complete bool
	pairs    pairs
	pool     sketchPool
	scratch  []byte

	totals  counts // of Clients it is 0
	clients *hyperloglog.Sketch
	domains *hyperloglog.Sketch

	changed         bool // since it was last saved
	old, used       bool // it was over when it was opened; it was used since the last Tick
	admitted, swept uint64
	touched         uint64 // what was read so that it is near when it is needed
}

// A record is a tracked domain.
type record struct {
	id      domainID
	text    string
	has     counts
	over    counts // of has at most so much is others'
	clients clientSet
	// size is that of clients when there were sizedAt look-ups.
	size, sizedAt uint64
}

// dayPrecision gives 16384 registers: a standard error of 0.8 %.
const dayPrecision = 14

func newDay(number int32, k *key, domains, pairs int) *Day {
	d := &Day{
		number: number, key: k, max: domains, complete: true,
		clients: newSketch(dayPrecision), domains: newSketch(dayPrecision),
	}
	d.pairs.max = pairs
	d.reindex(1 << 8)
	return d
}

const (
	placeBits = 24
	maxPlaces = 1<<placeBits - 2
)

// find is where the record of a domain is, or -1.
func (d *Day) find(id domainID) int {
	mask := len(d.index) - 1
	for pos := int(id>>lengthBits) & mask; d.index[pos] != 0; pos = (pos + 1) & mask {
		if e := d.index[pos]; e>>placeBits == uint64(id)>>placeBits {
			if i := int(e&(1<<placeBits-1)) - 1; d.records[i].id == id {
				return i
			}
		}
	}
	return -1
}

// reindex makes the index anew, of so many places, which is a power of two.
func (d *Day) reindex(places int) {
	d.index = make([]uint64, places)
	for i := range d.records {
		d.enter(i)
	}
}

func (d *Day) enter(i int) {
	id, mask := d.records[i].id, len(d.index)-1
	pos := int(id>>lengthBits) & mask
	for d.index[pos] != 0 {
		pos = (pos + 1) & mask
	}
	d.index[pos] = uint64(id)>>placeBits<<placeBits | uint64(i+1)
}

// track makes a record, for which there is room.
func (d *Day) track(r record) int {
	d.records = append(d.records, r)
	if 2*len(d.records) > len(d.index) {
		d.reindex(2 * len(d.index))
	} else {
		d.enter(len(d.records) - 1)
	}
	return len(d.records) - 1
}

// admit takes in a domain that is not tracked, if it is heavy, or else counts it
// in its cell. It returns where the record is, or -1.
func (d *Day) admit(id domainID, text []byte, more *counts) int {
	d.domains.InsertHash(uint64(id))
	if len(d.records) == d.max && d.filter.cells == nil {
		d.sweep()
	}
	r := record{id: id}
	if d.filter.cells != nil {
		c := d.filter.cell(id)
		seen := *more
		if !d.heavy(c, more, &r.over) {
			d.filter.add(c, &seen)
			return -1
		}
		if len(d.records) == d.max {
			d.sweep()
		}
	}
	r.text = string(text)
	r.has = r.over
	r.has.add(more)
	d.admitted++
	return d.track(r)
}

// heavy says whether a domain of a cell would now have more than one that was
// forgotten, and sets what it may have had before.
func (d *Day) heavy(c, more, had *counts) bool {
	for m := range c {
		had[m] = subSat(c[m], d.filter.chance(Measure(m)))
	}
	// Nobody asks without asking: where a pair stands for many, that is what tells
	// the one domain of which it was seen from those for which it stands.
	had[Clients] = min(had[Clients], had[Lookups])
	more[Clients] = min(more[Clients], had[Lookups]+more[Lookups]-had[Clients])
	for m := range more {
		if more[m] > 0 && addSat(had[m], more[m]) > d.limits[m] {
			return true
		}
	}
	return false
}

// value is what the domain of a record is ranked by.
func (d *Day) value(r *record, m Measure) uint64 {
	if m != Clients || d.complete && d.pairs.skip == 0 {
		return r.has[m]
	}
	return addSat(d.sizeOf(r), r.over[m])
}

// sizeOf is how many clients asked for the domain by its set. That is not counted
// again before there were enough look-ups to change it by a quarter: it decides about
// what is forgotten, far beneath the lists that are asked for, which are made of days
// that were read.
func (d *Day) sizeOf(r *record) uint64 {
	if r.clients.many == nil {
		return uint64(r.clients.count)
	}
	if r.sizedAt == 0 || r.has[Lookups]-r.sizedAt > r.size/4 {
		r.size, r.sizedAt = r.clients.size(&d.scratch), r.has[Lookups]
	}
	return r.size
}

// missing bounds what a domain may have that is not in the list, or beyond what it
// is said to have.
func (d *Day) missing(m Measure) uint64 {
	cell := d.filter.chance(m)
	if m == Clients {
		cell = max(cell, d.filter.chance(Lookups))
	}
	return addSat(d.before[m], addSat(d.limits[m], cell))
}
