package findings

import (
	"encoding/binary"
	"fmt"

	"flowname/dnscache"
)

// What a Desk has told lies on a shelf: what it is spread by under one key, and under
// another for each set of its memory the findings in it, of 16 bytes each. Where
// all is in use that is a megabyte.
//
//	h        version, entries, seed
//	s SET    the hash and the time in Unix nanoseconds of one after the other

// toldVersion is that of the layout.
const toldVersion = 1

const toldSize = 16

// writtenTurns is after how many turns of Take the line of a finding is written: it was
// admitted before one, reported and so taken with the next at the latest, and that one
// is written when there is another.
const writtenTurns = 3

// restore remembers what is on the shelf, with the seed it was spread by.
func (d *Desk) restore(shelf *dnscache.Shelf) error {
	d.shelf = shelf
	seed, err := openShelf(shelf, toldVersion, seenEntries, d.seed)
	if err != nil {
		return err
	}
	d.seed = seed
	err = shelf.Range([]byte{shelfSet}, func(key, value []byte) bool {
		if len(key) != 5 || !d.seen.restore(binary.BigEndian.Uint32(key[1:]), value) {
			d.unreadable++
		}
		return true
	})
	if err != nil {
		return fmt.Errorf("findings: %w", err)
	}
	return nil
}

// restore takes a set, if it is one.
func (s *seen) restore(set uint32, b []byte) bool {
	if uint64(set) >= uint64(len(s.sets)) || len(b)%toldSize != 0 || len(b) > seenWays*toldSize {
		return false
	}
	var ways [seenWays]told
	for way := 0; len(b) > 0; way, b = way+1, b[toldSize:] {
		key := binary.LittleEndian.Uint64(b)
		if key == 0 || s.set(key) != &s.sets[set] {
			return false
		}
		ways[way] = told{key: key, atNs: int64(binary.LittleEndian.Uint64(b[8:])), kept: true}
	}
	s.sets[set] = ways
	return true
}

// Save keeps what was told and is written, so that after a restart it is not told
// again. What is not written yet is left to the next time: a kill may have a
// finding told twice, but not never. It is for one goroutine, which waits for the
// disk; no finding waits for it.
func (d *Desk) Save() error { return d.save(writtenTurns) }

// SaveAll is Save when all lines have been taken and written.
func (d *Desk) SaveAll() error { return d.save(0) }

func (d *Desk) save(turns uint32) error {
	if d.shelf == nil {
		return nil
	}
	d.mu.Lock()
	entries, saved := d.unkeptLocked(turns)
	d.mu.Unlock()
	if err := d.shelf.Write(entries); err != nil {
		return fmt.Errorf("findings: %w", err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range saved {
		d.seen.keep(&saved[i])
	}
	return nil
}

// unkeptLocked gives the sets in which something is to be kept, whole but for what
// is not written, and what it is. mu must be held.
func (d *Desk) unkeptLocked(turns uint32) (entries []dnscache.ShelfEntry, unkept []told) {
	for i := 0; i < len(d.seen.sets) && len(unkept) < d.seen.unkept; i++ {
		set, before := &d.seen.sets[i], len(unkept)
		var value []byte
		for way := range set {
			t := &set[way]
			switch {
			case t.key == 0 || !t.kept && d.turn-t.turn < turns:
				continue
			case !t.kept:
				unkept = append(unkept, *t)
			}
			value = binary.LittleEndian.AppendUint64(value, t.key)
			value = binary.LittleEndian.AppendUint64(value, uint64(t.atNs))
		}
		if len(unkept) > before {
			key := binary.BigEndian.AppendUint32([]byte{shelfSet}, uint32(i))
			entries = append(entries, dnscache.ShelfEntry{Key: key, Value: value})
		}
	}
	return entries, unkept
}

// keep notes that a finding is kept, if it was not told anew meanwhile.
func (s *seen) keep(t *told) {
	set := s.set(t.key)
	for i := range set {
		if set[i] == *t {
			set[i].kept = true
			s.unkept--
		}
	}
}
