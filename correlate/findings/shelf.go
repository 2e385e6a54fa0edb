package findings

import (
	"encoding/binary"
	"fmt"

	"flowname/dnscache"
)

// What Names keeps lies on a shelf: what it is spread by under one key, and under
// another for each set of its table the lives in it that are worth it, those that
// are proven or null-routed.
//
//	h        version, entries, seed
//	s SET    lives one after the other

// shelfVersion is that of the layout.
const shelfVersion = 1

const (
	shelfHeader = 'h'
	shelfSet    = 's'

	headerSize = 13
	lifeSize   = 8 + 8*4 + nullAskers*4 + 4 + maxHomes*16
	// keepEvery is how long what is kept of a name may be behind, but for a name that
	// is null-routed.
	keepEvery = 6 * uint32(3600)
	// shelfBatch is how many sets are written at once.
	shelfBatch = 512
)

// restore takes what is on the shelf, with the seed it was spread by.
func (n *Names) restore(shelf *dnscache.Shelf) error {
	n.shelf = shelf
	seed, err := openShelf(shelf, shelfVersion, n.cfg.Entries, n.cfg.Seed)
	if err != nil {
		return err
	}
	n.cfg.Seed = seed
	err = shelf.Range([]byte{shelfSet}, func(key, value []byte) bool {
		if len(key) != 5 || !n.restoreSet(int(binary.BigEndian.Uint32(key[1:])), value) {
			n.unreadable.Add(1)
		}
		return true
	})
	if err != nil {
		return fmt.Errorf("findings: %w", err)
	}
	return nil
}

// openShelf gives the seed that what lies on a shelf is spread by, over so many
// entries. What has another layout is taken away, and the shelf begun with seed.
func openShelf(shelf *dnscache.Shelf, version byte, entries int, seed uint64) (uint64, error) {
	fits := false
	_, err := shelf.Read([]byte{shelfHeader}, func(b []byte) error {
		if len(b) == headerSize && b[0] == version && int(binary.LittleEndian.Uint32(b[1:])) == entries {
			fits, seed = true, binary.LittleEndian.Uint64(b[5:])
		}
		return nil
	})
	if err == nil && !fits {
		err = beginShelf(shelf, version, entries, seed)
	}
	if err != nil {
		return 0, fmt.Errorf("findings: %w", err)
	}
	return seed, nil
}

// beginShelf clears a shelf and says what it is spread by.
func beginShelf(shelf *dnscache.Shelf, version byte, entries int, seed uint64) error {
	var old []dnscache.ShelfEntry
	err := shelf.Range(nil, func(key, _ []byte) bool {
		old = append(old, dnscache.ShelfEntry{Key: append([]byte(nil), key...)})
		return true
	})
	if err != nil {
		return err
	}
	header := binary.LittleEndian.AppendUint32([]byte{version}, uint32(entries))
	header = binary.LittleEndian.AppendUint64(header, seed)
	return shelf.Write(append(old, dnscache.ShelfEntry{Key: []byte{shelfHeader}, Value: header}))
}

func (n *Names) restoreSet(set int, b []byte) bool {
	perShard := len(n.shards[0].sets)
	if set >= nameShards*perShard || len(b)%lifeSize != 0 || len(b) > nameWays*lifeSize {
		return false
	}
	s := &n.shards[set/perShard]
	i := set % perShard
	for way := 0; len(b) > 0; way, b = way+1, b[lifeSize:] {
		l := &s.lives[i*nameWays+way]
		l.read(b)
		s.sets[i][way] = l.key
	}
	return true
}

// Save keeps what has changed. It is for one goroutine, which waits for the disk; no
// answer waits for it.
func (n *Names) Save() error {
	if n.shelf == nil {
		return nil
	}
	var batch []dnscache.ShelfEntry
	perShard := len(n.shards[0].sets)
	for i := range n.shards {
		s := &n.shards[i]
		for k := range s.sets {
			value, ok := s.changed(k)
			if !ok {
				continue
			}
			key := binary.BigEndian.AppendUint32([]byte{shelfSet}, uint32(i*perShard+k))
			batch = append(batch, dnscache.ShelfEntry{Key: key, Value: value})
			if len(batch) == shelfBatch {
				if err := n.shelf.Write(batch); err != nil {
					return err
				}
				batch = batch[:0]
			}
		}
	}
	return n.shelf.Write(batch)
}

// changed gives what is to be kept of a set, if that has changed.
func (s *nameShard) changed(set int) (value []byte, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dirty[set/64]>>(set%64)&1 == 0 {
		return nil, false
	}
	s.dirty[set/64] &^= 1 << (set % 64)
	for way := range nameWays {
		if l := &s.lives[set*nameWays+way]; l.key != 0 && (l.proven || l.nullCount > 0) {
			value = l.append(value)
		}
	}
	return value, true
}

// keep marks l's set as changed, if what is kept of l is behind.
func (s *nameShard) keep(l *life, sec uint32) {
	if l.nullCount == 0 && near(l.kept, sec, keepEvery) {
		return
	}
	l.kept = sec
	set := l.key >> 8 % uint64(len(s.sets))
	s.dirty[set/64] |= 1 << (set % 64)
}

// append appends the lasting part of l: not what a day's answers or a young domain is.
func (l *life) append(b []byte) []byte {
	e := binary.LittleEndian
	b = e.AppendUint64(b, l.key)
	for _, v := range [...]uint32{l.touched, l.born, l.youngUntil, l.nullFrom, l.nullTo, l.liveTo, l.liveFrom, l.kept} {
		b = e.AppendUint32(b, v)
	}
	for _, v := range l.nullAsked {
		b = e.AppendUint32(b, v)
	}
	proven := byte(0)
	if l.proven {
		proven = 1
	}
	b = append(e.AppendUint16(b, l.nullCount), byte(l.flags), proven)
	for i := range l.homes {
		h := &l.homes[i]
		b = e.AppendUint32(e.AppendUint32(e.AppendUint32(b, h.network), h.from), h.to)
		b = e.AppendUint16(e.AppendUint16(b, h.count), h.askers)
	}
	return b
}

// read is append undone, of lifeSize bytes.
func (l *life) read(b []byte) {
	e := binary.LittleEndian
	word := func() uint32 { v := e.Uint32(b); b = b[4:]; return v }
	*l = life{key: e.Uint64(b)}
	b = b[8:]
	for _, v := range [...]*uint32{&l.touched, &l.born, &l.youngUntil, &l.nullFrom, &l.nullTo, &l.liveTo, &l.liveFrom, &l.kept} {
		*v = word()
	}
	for i := range l.nullAsked {
		l.nullAsked[i] = word()
	}
	l.nullCount, l.flags, l.proven = e.Uint16(b), lifeFlags(b[2]), b[3] == 1
	b = b[4:]
	for i := range l.homes {
		h := &l.homes[i]
		h.network, h.from, h.to = word(), word(), word()
		h.count, h.askers = e.Uint16(b), e.Uint16(b[2:])
		b = b[4:]
	}
}
