package baseline

import (
	"context"
	"errors"
	"slices"

	"flowname/dnscache"
)

// ErrNone is of a shelf without a book.
var ErrNone = errors.New("baseline: nothing was counted there")

// An Archive is the stored days of a book that nobody has open.
type Archive struct {
	keep *keep
	key  key
}

// OpenArchive opens the days on a shelf for reading.
func OpenArchive(shelf *dnscache.Shelf) (*Archive, error) {
	if shelf == nil {
		return nil, ErrNone
	}
	kept, err := openKeep(shelf, 0)
	if err != nil {
		return nil, err
	}
	k, ok, err := kept.key()
	if err == nil && !ok {
		err = ErrNone
	}
	return &Archive{kept, k}, err
}

// Days are the days that there are, in order.
func (a *Archive) Days() []int32 { return slices.Clone(a.keep.days) }

// A Span is what several days have together.
type Span struct {
	Day    *Day    // nil: none of them is there
	Days   []int32 // those that are in it
	Unread []int32 // those that are stored and can not be read
}

// Between sums up the days from the one to the other, until ctx ends.
func (a *Archive) Between(ctx context.Context, from, to int32) (s Span, err error) {
	for _, number := range a.keep.days {
		if number < from || number > to {
			continue
		}
		if err := ctx.Err(); err != nil {
			return s, err
		}
		frame, err := a.keep.read(number)
		if err == nil {
			err = s.addFrame(number, frame, &a.key)
		}
		if err != nil {
			return s, err
		}
	}
	return s, nil
}

// Days are the days that there are, in order.
func (b *Book) Days() []int32 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.daysLocked()
}

func (b *Book) daysLocked() []int32 {
	days := slices.Clone(b.keep.days)
	for _, d := range b.open {
		days = append(days, d.number)
	}
	for _, p := range b.packed {
		days = append(days, p.number)
	}
	slices.Sort(days)
	return slices.Compact(days)
}

// Between sums up the days from the one to the other, until ctx ends. Of days that still count it has
// all that was counted so far. One is made at a time.
func (b *Book) Between(ctx context.Context, from, to int32) (s Span, err error) {
	b.saving.Lock()
	defer b.saving.Unlock()
	b.mu.Lock()
	b.takeAllLocked()
	days := b.daysLocked()
	b.mu.Unlock()
	for _, number := range days {
		if number < from || number > to {
			continue
		}
		if err := ctx.Err(); err != nil {
			return s, err
		}
		raw, frame, err := b.copyOf(number)
		switch {
		case err == nil && raw != nil:
			err = s.addRaw(number, raw, &b.key)
		case err == nil:
			err = s.addFrame(number, frame, &b.key)
		}
		if err != nil {
			return s, err
		}
	}
	return s, nil
}

// copyOf is a day as it is now: raw while it counts, else packed. saving is held.
func (b *Book) copyOf(number int32) (raw, frame []byte, err error) {
	b.mu.Lock()
	for _, d := range b.open {
		if d.number == number {
			raw, err = appendDay(nil, d)
		}
	}
	for _, p := range b.packed {
		if p.number == number {
			frame = p.frame
		}
	}
	b.mu.Unlock()
	if raw == nil && frame == nil && err == nil {
		frame, err = b.keep.read(number)
	}
	return raw, frame, err
}

// mergedDomains is more than days track, so that what is on all of them is not
// pushed out by what is on one.
const mergedDomains = 40_000

func (s *Span) addFrame(number int32, frame []byte, k *key) error {
	raw, err := unpack(frame)
	if err != nil {
		s.Unread = append(s.Unread, number)
		return nil
	}
	return s.addRaw(number, raw, k)
}

func (s *Span) addRaw(number int32, raw []byte, k *key) error {
	d, err := parseDay(raw, k, 0, 0)
	if err != nil {
		s.Unread = append(s.Unread, number)
		return nil
	}
	s.Days = append(s.Days, number)
	switch len(s.Days) {
	case 1:
		s.Day = d
		return nil
	case 2:
		first := s.Day
		s.Day = newDay(number, k, mergedDomains, 0)
		if err := s.Day.merge(first); err != nil {
			return err
		}
	}
	return s.Day.merge(d)
}
