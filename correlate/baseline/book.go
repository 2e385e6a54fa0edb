package baseline

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"flowname/dnscache"
)

const dayNs = int64(24 * time.Hour)

// DayOf is the number of the day of a time in Unix nanoseconds.
func DayOf(timeNs int64) int32 { return int32(timeNs / dayNs) }

// Config says how much a Book keeps. The zero Config is usable.
type Config struct {
	// Seed makes hashes the same in each run, until a directory has hashes of its
	// own; 0 makes them of chance.
	Seed uint64
	// Days are kept, the newest; 0 is 400. Without a shelf at most 8 are.
	Days int
	// Domains are tracked of a day, and Pairs of client and domain remembered of
	// it; 0 is 18,000 and 1.5 million.
	Domains, Pairs int
	// Grace is how long after its end a day still takes what comes late; 0 is an
	// hour.
	Grace time.Duration
}

func (c Config) withDefaults() Config {
	if c.Days <= 0 {
		c.Days = 400
	}
	if c.Domains <= 0 {
		c.Domains = 18_000
	}
	c.Domains = min(max(c.Domains, 8), maxPlaces)
	if c.Pairs <= 0 {
		c.Pairs = 3 << 19
	}
	if c.Grace <= 0 {
		c.Grace = time.Hour
	}
	return c
}

// Stats are a book's accounts. Domains, Open and Stored are sizes.
type Stats struct {
	Lookups, Flows uint64 // counted
	Nameless       uint64 // look-ups of names without a registrable domain
	Late           uint64 // for days that were closed, or are too old
	Future         uint64 // for days that have not begun by the clock
	Admitted       uint64 // domains that came to be tracked
	Evicted        uint64 // domains that ceased to be
	Saved          uint64 // writings of days
	Unread         uint64 // stored days that could not be read, and were begun anew
	Domains        uint64 // tracked now
	Open           uint64 // days that count now
	Stored         uint64 // days that are kept
}

// A Book has the days.
type Book struct {
	cfg     Config
	key     key
	stripes [1 << stripeBits]stripe

	// saving is held, before mu, by what writes days and by what reads closed ones.
	saving sync.Mutex
	mu     sync.Mutex
	keep   *keep // what it has in memory is guarded by mu, its shelf by saving
	names  recentNames
	taken  sightings
	batch  batch
	open   []*Day // the last used first
	packed []packedDay
	shut   map[int32]bool // days that were closed; of int64 nanoseconds there are 106,752
	nowNs  int64          // by Tick; 0: never
	stats  Stats
	// touched is what was read so that it is near when it is needed.
	touched uint64
}

// A packedDay is a closed one that is not yet written.
type packedDay struct {
	number int32
	frame  []byte
}

// maxOpen is how many days count at once.
const maxOpen = 3

// Open opens the book that is on a shelf, which may be nil.
func Open(cfg Config, shelf *dnscache.Shelf) (*Book, error) {
	cfg = cfg.withDefaults()
	kept, err := openKeep(shelf, cfg.Days)
	if err != nil {
		return nil, err
	}
	b := &Book{cfg: cfg, keep: kept, key: newKey(cfg.Seed), shut: make(map[int32]bool), names: make(recentNames, numNames)}
	if shelf == nil {
		return b, nil
	}
	k, ok, err := kept.key()
	if err != nil {
		return nil, err
	}
	if ok {
		b.key = k
		return b, nil
	}
	return b, kept.writeKey(b.key)
}

// dayLocked is the day that counts n things that were on it; nil, counted, if none
// does or there are none.
func (b *Book) dayLocked(number int32, n uint64) *Day {
	if n == 0 {
		return nil
	}
	for i, d := range b.open {
		if d.number == number {
			d.used = true
			if i > 0 {
				copy(b.open[1:i+1], b.open[:i])
				b.open[0] = d
			}
			return d
		}
	}
	switch {
	case b.nowNs != 0 && number > DayOf(b.nowNs+int64(b.cfg.Grace)):
		b.stats.Future += n
		return nil
	case b.lateLocked(number):
		b.stats.Late += n
		return nil
	}
	return b.openLocked(number)
}

// lateLocked says whether a day that is not open is not to be opened: it was closed,
// or is stored and over, or older than all that are kept.
func (b *Book) lateLocked(number int32) bool {
	stored := b.keep.has(number)
	over := b.nowNs != 0 && b.overAt(number, b.nowNs)
	full := len(b.keep.days) >= b.keep.max && number < b.keep.days[0]
	return stored && over || full || b.shut[number]
}

// overAt says whether a day is over, and its grace.
func (b *Book) overAt(number int32, nowNs int64) bool {
	return int64(number+1)*dayNs+int64(b.cfg.Grace) < nowNs
}

func (b *Book) openLocked(number int32) *Day {
	d := newDay(number, &b.key, b.cfg.Domains, b.cfg.Pairs)
	if b.keep.has(number) {
		if kept, err := b.load(number); err == nil {
			d = kept
			d.complete = false // which pairs it had counted is not known
		} else {
			b.stats.Unread++
		}
	}
	d.old, d.used = b.nowNs != 0 && b.overAt(number, b.nowNs), true
	if len(b.open) == maxOpen {
		last := b.closeLocked(maxOpen - 1)
		if frame, err := packDay(last); err == nil {
			b.packed = append(b.packed, packedDay{last.number, frame})
		}
	}
	b.open = slices.Insert(b.open, 0, d)
	return d
}

func (b *Book) load(number int32) (*Day, error) {
	frame, err := b.keep.read(number)
	if err != nil {
		return nil, err
	}
	raw, err := unpack(frame)
	if err != nil {
		return nil, err
	}
	return parseDay(raw, &b.key, b.cfg.Domains, b.cfg.Pairs)
}

// closeLocked closes an open day. It is not written yet.
func (b *Book) closeLocked(i int) *Day {
	d := b.open[i]
	b.open = slices.Delete(b.open, i, i+1)
	b.stats.Admitted += d.admitted
	b.stats.Evicted += d.swept
	b.shut[d.number] = true
	return d
}

// Tick tells what time it is, which a book that counts what happens now has to know:
// days that are over for longer than Grace are closed and written, those that were
// begun later when nothing more came since the last Tick; and what is of days that are
// still to come is not believed.
func (b *Book) Tick(nowNs int64) error {
	b.saving.Lock()
	defer b.saving.Unlock()
	b.mu.Lock()
	b.nowNs = nowNs
	b.takeAllLocked()
	var over []*Day
	for i := len(b.open) - 1; i >= 0; i-- {
		d := b.open[i]
		if b.overAt(d.number, nowNs) && !(d.old && d.used) {
			over = append(over, b.closeLocked(i))
		}
		d.used = false
	}
	b.mu.Unlock()
	var problems []error
	for _, d := range over {
		frame, err := packDay(d)
		problems = append(problems, err)
		b.mu.Lock()
		b.packed = append(b.packed, packedDay{d.number, frame})
		b.mu.Unlock()
	}
	return errors.Join(append(problems, b.writePacked())...)
}

// Save writes what has changed.
func (b *Book) Save() error {
	b.saving.Lock()
	defer b.saving.Unlock()
	b.mu.Lock()
	b.takeAllLocked()
	days := slices.Clone(b.open)
	b.mu.Unlock()
	problems := []error{b.writePacked()}
	slices.SortFunc(days, func(x, y *Day) int { return int(x.number) - int(y.number) })
	for _, d := range days {
		problems = append(problems, b.writeOpen(d))
	}
	return errors.Join(problems...)
}

// WriteClosed writes the closed days, for a book that nobody tells the time.
func (b *Book) WriteClosed() error {
	b.saving.Lock()
	defer b.saving.Unlock()
	return b.writePacked()
}

// writePacked writes the closed days. saving is held.
func (b *Book) writePacked() error {
	for {
		b.mu.Lock()
		if len(b.packed) == 0 {
			b.mu.Unlock()
			return nil
		}
		p := b.packed[0]
		b.mu.Unlock()
		if err := b.write(p.number, p.frame); err != nil {
			return err // it stays
		}
		b.mu.Lock()
		b.packed = b.packed[1:]
		b.mu.Unlock()
	}
}

// writeOpen writes a day that goes on. saving is held.
func (b *Book) writeOpen(d *Day) error {
	b.mu.Lock()
	if !d.changed {
		b.mu.Unlock()
		return nil
	}
	d.changed = false
	raw, err := appendDay(nil, d)
	b.mu.Unlock()
	if err != nil {
		return err
	}
	frame, err := pack(raw)
	if err == nil {
		err = b.write(d.number, frame)
	}
	if err != nil {
		b.mu.Lock()
		d.changed = true
		b.mu.Unlock()
	}
	return err
}

// write writes a frame, and takes away the days that are too old. saving is held.
func (b *Book) write(number int32, frame []byte) error {
	if err := b.keep.put(number, frame); err != nil {
		return fmt.Errorf("baseline: day %d is not written: %w", number, err)
	}
	b.mu.Lock()
	b.stats.Saved++
	old := b.keep.note(number, frame)
	b.mu.Unlock()
	for _, day := range old {
		if err := b.keep.drop(day); err != nil {
			return fmt.Errorf("baseline: day %d is not taken away: %w", day, err)
		}
	}
	return nil
}

// Stats are the accounts.
func (b *Book) Stats() Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.stats
	for _, d := range b.open {
		s.Admitted += d.admitted
		s.Evicted += d.swept
		s.Domains += uint64(len(d.records))
	}
	s.Open, s.Stored = uint64(len(b.open)), uint64(len(b.keep.days))
	return s
}
