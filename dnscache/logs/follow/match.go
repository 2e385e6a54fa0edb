package follow

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// scan finds out where the contents lie now and which are new.
func (f *Follower) scan(now time.Time) {
	all, err := f.candidates(now)
	if err != nil {
		f.trouble(f.cfg.Path, err)
		if all == nil {
			return // as if nothing had changed
		}
	} else {
		f.well(f.cfg.Path)
	}
	for _, r := range f.records {
		r.here = false
	}
	var rest []*candidate
	for i := range all {
		if !f.inPlace(&all[i], now) {
			rest = append(rest, &all[i])
		}
	}
	for _, c := range rest {
		if f.settled(c, now) {
			f.place(c, now)
		}
	}
	f.noteMoved(now)
	f.began = true
	f.forget()
	for path := range f.copies {
		if _, there := f.seen[path]; !there {
			delete(f.copies, path)
		}
	}
}

// settled says whether it is time to look into a file. PATH itself is never
// a copy of something or half written.
func (f *Follower) settled(c *candidate, now time.Time) bool {
	switch {
	case c.current || !f.began && !f.dir:
		return true
	case c.place.size == 0:
		return false
	case withoutPacking(c.path) != c.path:
		return now.Sub(c.since) >= f.cfg.Settle || now.UnixNano()-c.place.modNs >= int64(f.cfg.Settle) && c.first == c.since
	}
	return now.Sub(c.first) >= f.cfg.Settle || now.UnixNano()-c.place.modNs >= int64(f.cfg.Settle)
}

// inPlace says whether a candidate is what a record lies in, unless it was
// truncated and written anew.
func (f *Follower) inPlace(c *candidate, now time.Time) bool {
	r := f.byID[c.id]
	if r == nil || r.here {
		return r != nil // a second link to the same file
	}
	if r.place.size == c.place.size && r.place.modNs == c.place.modNs && r.checked {
		f.seenAt(r, c)
		return true
	}
	same, err := f.verify(r, c)
	switch {
	case err != nil:
		f.trouble(c.path, err)
		r.here = true // not known better
		return true
	case !same:
		f.rewritten(r)
		return false
	}
	f.well(c.path)
	if c.place.size != r.place.size {
		f.grown(r, c.place.size, now)
	}
	f.seenAt(r, c)
	return true
}

// seenAt notes where and how a record's own file was seen.
func (f *Follower) seenAt(r *record, c *candidate) {
	if f.dir && r.path != c.path {
		f.stats.Rotations++
	}
	f.dirty = f.dirty || r.path != c.path || r.place.modNs != c.place.modNs
	c.packed = r.packed
	r.place, r.here, r.checked = c.place, true, true
}

// grown takes up a content that has become longer.
func (f *Follower) grown(r *record, size int64, now time.Time) {
	r.grewAt, r.torn = now, false
	if r.packed {
		r.close() // what it unpacks to now is found by reading it again
	}
	if r.finished && !r.skip && (r.packed || size > r.offset) {
		f.resume(r, now)
	}
}

// verify says whether a candidate still begins as the record's content did, as
// far as it was read.
func (f *Follower) verify(r *record, c *candidate) (bool, error) {
	if r.skip && r.head.n == 0 {
		return true, nil
	}
	if !r.packed && !r.skip && c.place.size < r.offset+r.held {
		return false, nil
	}
	o, _, err := open(c.path, c.id)
	if err != nil {
		if errors.Is(err, errReplaced) || errors.Is(err, os.ErrNotExist) {
			return true, nil // the next scan sees what it is
		}
		return false, err
	}
	defer o.close()
	if r.head.n > 0 {
		head, err := o.head()
		if err != nil && !o.packed {
			return false, err
		}
		if !newBeginning(head).has(r.head) {
			return false, nil
		}
	}
	if r.packed || r.skip || r.tail.n == 0 {
		return true, nil // a packed one is compared when it is read
	}
	o.at = 0
	return o.has(r.offset, r.tail)
}

// rewritten takes note that a file no longer holds a record's content.
func (f *Follower) rewritten(r *record) {
	f.stats.Truncations++
	f.dirty = true
	delete(f.byID, r.id)
	r.close()
	r.id, r.here, r.current = identity{}, false, false
}

// place finds out which content a file holds that no record lies in.
func (f *Follower) place(c *candidate, now time.Time) {
	if k, ok := f.copies[c.path]; ok && k.of.here && k.id == c.id && k.size == c.place.size && k.modNs == c.place.modNs {
		return
	}
	o, _, err := open(c.path, c.id)
	if err != nil {
		if !errors.Is(err, errReplaced) && !errors.Is(err, os.ErrNotExist) {
			f.trouble(c.path, err)
		}
		return
	}
	defer o.close()
	c.packed = o.packed
	head, err := o.head()
	if err != nil {
		f.trouble(c.path, err)
		return
	}
	r, copied, err := f.known(c, newBeginning(head))
	if err != nil {
		// A copy that is torn, because it is still being made, is not new.
		f.trouble(c.path, err)
		return
	}
	f.well(c.path)
	if r != nil {
		if copied {
			f.copies[c.path] = copyOf{r, c.id, c.place.size, c.place.modNs}
		} else {
			f.adopt(r, c, now)
		}
		return
	}
	if !c.current && c.place.modNs <= f.forgotNs {
		return
	}
	f.add(c, head, now)
}

// known finds the record of a file's content, and whether the file is but a copy
// of where the record lies.
func (f *Follower) known(c *candidate, begin *beginning) (r *record, copied bool, err error) {
	for _, here := range []bool{false, true} {
		for _, r := range f.records {
			if r.here != here || !begin.has(r.head) {
				continue
			}
			if r.skip && !here {
				return r, false, nil
			}
			if same, err := f.holds(c, r); same || err != nil {
				return r, here, err
			}
		}
	}
	return nil, false, nil
}

// holds compares a file with a record, by the record's own file where there is
// one.
func (f *Follower) holds(c *candidate, r *record) (bool, error) {
	o, _, err := open(c.path, c.id)
	if err != nil {
		return false, err
	}
	defer o.close()
	if !r.here {
		return o.has(r.offset, r.tail)
	}
	own, _, err := open(r.path, r.id)
	if err != nil {
		return false, err
	}
	defer own.close()
	return beginsAs(o, own)
}

// adopt takes a file for where a record's content went.
func (f *Follower) adopt(r *record, c *candidate, now time.Time) {
	delete(f.byID, r.id)
	r.place, r.here, r.checked, r.torn = c.place, true, true, false
	f.byID[c.id] = r
	f.dirty = true
	if r.finished && !r.skip && (c.packed || c.place.size > r.offset) {
		f.resume(r, now)
	}
}

// add begins a record of a content that is new.
func (f *Follower) add(c *candidate, head []byte, now time.Time) {
	r := &record{place: c.place, here: true, checked: true, grewAt: now}
	if !f.began && !f.dir && !f.restored && !c.current {
		r.skip, r.finished, r.head = true, true, printOf(head)
	}
	f.byID[c.id] = r
	f.records = append(f.records, r)
	f.dirty = true
}

// noteMoved takes note of contents that are no longer where new lines come.
func (f *Follower) noteMoved(now time.Time) {
	for _, r := range f.records {
		current := r.here && (f.dir || r.path == f.cfg.Path)
		switch {
		case current:
			r.movedAt = time.Time{}
		case r.movedAt.IsZero():
			r.movedAt = now
		}
		if r.missed++; r.here {
			r.missed = 0
		}
		if r.current && !current {
			f.stats.Rotations++
			f.dirty = true
		}
		r.current = current && !f.dir
	}
}

// forget keeps the number of records within its bound: those that have no file
// any more go first, then the oldest.
func (f *Follower) forget() {
	for len(f.records) > f.cfg.MaxFiles {
		oldest := -1
		for i, r := range f.records {
			if r.finished && (oldest < 0 || older(r, f.records[oldest])) {
				oldest = i
			}
		}
		if oldest < 0 {
			oldest = 0
			f.abandon(f.records[0])
		}
		r := f.records[oldest]
		if r.here {
			f.forgotNs = max(f.forgotNs, r.modNs)
		}
		delete(f.byID, r.id)
		f.records = append(f.records[:oldest], f.records[oldest+1:]...)
		f.stats.Forgotten++
		f.dirty = true
	}
}

func older(a, b *record) bool {
	if a.here != b.here {
		return b.here
	}
	return a.modNs < b.modNs
}

// resume takes a finished content up again.
func (f *Follower) resume(r *record, now time.Time) {
	r.finished, r.grewAt = false, now
	f.dirty = true
}

// maxSaid bounds how many paths are remembered as having been said.
const maxSaid = 1024

var errLost = errors.New("a log went away before its end was read")

// trouble says what is wrong with a path, once until it is well again.
func (f *Follower) trouble(path string, err error) {
	text := err.Error()
	if f.said[path] == text {
		return
	}
	if len(f.said) >= maxSaid {
		clear(f.said)
	}
	f.said[path] = text
	f.stats.Troubles++
	f.cfg.Say(path, err)
}

func (f *Follower) well(path string) { delete(f.said, path) }

// abandon gives a content up whose end can not be read.
func (f *Follower) abandon(r *record) {
	f.stats.Lost++
	f.trouble(r.path, fmt.Errorf("%s: %w: %d bytes of it were read", r.path, errLost, r.offset))
	f.finish(r)
}
