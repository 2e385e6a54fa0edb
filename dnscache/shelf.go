package dnscache

import (
	"bytes"
	"errors"
	"fmt"

	badger "github.com/dgraph-io/badger/v4"
)

// A Shelf is a room in the store for what others keep about DNS apart from the
// retention: it stays until it is overwritten or taken away. The keys of a
// shelf are its own; no start reads them, so that years of them cost nothing but
// disk. A nil Shelf is empty and keeps nothing: that of a Cache in memory only.
//
// Its methods may be called by several goroutines at once, but not after Close of
// the Cache or History that it is of.
type Shelf struct {
	store  *store
	cache  *Cache // nil: read only
	prefix [2]byte
}

// ShelfName tells shelves apart. The store keeps it: a number is never used again.
type ShelfName byte

// The shelves that there are.
const (
	ShelfFirstSeen  ShelfName = 'f' // package firstseen
	ShelfNames      ShelfName = 'n' // the lives of names, for findings
	ShelfFindings   ShelfName = 'd' // which findings were told
	ShelfBaseline   ShelfName = 'b' // package correlate/baseline
	ShelfVisibility ShelfName = 'v' // package correlate/visibility
)

// Shelf is the shelf of that name; nil without a directory.
func (c *Cache) Shelf(name ShelfName) *Shelf {
	if c.store == nil {
		return nil
	}
	return &Shelf{c.store, c, [2]byte{kindShelf, byte(name)}}
}

// Shelf is the shelf of that name, for reading.
func (h *History) Shelf(name ShelfName) *Shelf {
	return &Shelf{store: h.store, prefix: [2]byte{kindShelf, byte(name)}}
}

func (s *Shelf) key(key []byte) []byte {
	return append(append(make([]byte, 0, 2+len(key)), s.prefix[:]...), key...)
}

// Read gives fn what is kept under a key, valid until it returns, and says
// whether there is something.
func (s *Shelf) Read(key []byte, fn func(value []byte) error) (found bool, err error) {
	if s == nil {
		return false, nil
	}
	return s.store.get(s.key(key), fn)
}

// Range gives fn the keys that begin with prefix and their values, both valid
// until it returns, in order of key, until it returns false.
func (s *Shelf) Range(prefix []byte, fn func(key, value []byte) bool) error {
	return s.RangeFrom(prefix, prefix, fn)
}

// RangeFrom is Range from a key on, which begins with prefix too.
func (s *Shelf) RangeFrom(prefix, from []byte, fn func(key, value []byte) bool) error {
	if s == nil {
		return nil
	}
	txn := s.store.read()
	defer txn.Discard()
	options := badger.DefaultIteratorOptions
	options.Prefix = s.key(prefix)
	it := txn.NewIterator(options)
	defer it.Close()
	more := true
	for it.Seek(s.key(from)); more && it.Valid(); it.Next() {
		key := it.Item().Key()[len(s.prefix):]
		if err := it.Item().Value(func(value []byte) error { more = fn(key, value); return nil }); err != nil {
			return fmt.Errorf("dnscache: read the shelf: %w", err)
		}
	}
	return nil
}

// errReadOnly is of a write to what was opened for reading.
var errReadOnly = errors.New("dnscache: the history is open for reading only")

// A ShelfEntry is a key and what it is to have; a nil Value takes the key away.
type ShelfEntry struct{ Key, Value []byte }

// Write keeps entries, of which the Shelf makes copies; all of them survive a kill
// of the process when it returns nil.
func (s *Shelf) Write(entries []ShelfEntry) error {
	if s == nil || len(entries) == 0 {
		return nil
	}
	if s.cache == nil {
		return errReadOnly
	}
	s.cache.flushing.Lock()
	defer s.cache.flushing.Unlock()
	s.store.version++
	batch := s.store.db.NewManagedWriteBatch()
	defer batch.Cancel()
	state := &badger.Entry{Key: []byte{kindState}, Value: s.cache.saved.value()} // its version is to be the latest
	if err := batch.SetEntryAt(state, s.store.version); err != nil {
		return fmt.Errorf("dnscache: write the shelf: %w", err)
	}
	for i := range entries {
		e := &entries[i]
		var err error
		if e.Value == nil {
			err = batch.DeleteAt(s.key(e.Key), s.store.version)
		} else {
			err = batch.SetEntryAt(&badger.Entry{Key: s.key(e.Key), Value: bytes.Clone(e.Value)}, s.store.version)
		}
		if err != nil {
			return fmt.Errorf("dnscache: write the shelf: %w", err)
		}
	}
	if err := batch.Flush(); err != nil {
		return fmt.Errorf("dnscache: write the shelf: %w", err)
	}
	return nil
}
