package dnscache

import (
	"encoding/binary"
	"sync"
	"unsafe"
)

// names keeps every name once, under a number, with a count of who uses it.
//
// The bytes lie in chunks that are only ever appended to. A string that get
// returns aliases its chunk and stays valid for ever: bytes are never written
// twice, and the collector keeps a chunk as long as a string points into it. A
// chunk that is mostly dead is copied out of, one chunk a release, and left to
// the collector.
//
// Number 0 is the empty name.
type names struct {
	spread hasher
	shards [1 << nameShardBits]nameShard
}

type nameShard struct {
	mu      sync.RWMutex
	index   slots
	entries slab[nameEntry]
	chunks  [][]byte
	live    []int    // bytes in use of each chunk
	vacant  []uint32 // numbers of chunks that were given up
	cur     uint32   // the chunk that is appended to, once there is one
	bytes   int      // of all chunks
}

type nameEntry struct {
	chunk, off uint32
	refs       uint32
	size       uint16
	domain     uint16 // as Match.DomainAt
}

const (
	nameShardBits = 6
	nameShardMask = 1<<nameShardBits - 1
	nameChunk     = 16 << 10
	// nameHeader precedes a name in its chunk: the entry's number and the
	// length, so that a chunk can be walked when it is copied out of.
	nameHeader = 6
)

// init sets how names are spread: with the same seed they fill the same chunks, so
// that a replay counts the same bytes.
func (n *names) init(spread hasher) { n.spread = spread }

// intern gives b's number and counts one use of it.
func (n *names) intern(b []byte) uint32 {
	if len(b) == 0 {
		return 0
	}
	h := n.spread.text(unsafe.String(&b[0], len(b)))
	at := uint32(h>>58) & nameShardMask
	s := &n.shards[at]
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, pos := s.index.seek(h, h); i != 0; i, pos = s.index.seek(h, pos+1) {
		e := s.entries.at(i)
		if s.text(e) == string(b) {
			e.refs++
			return i<<nameShardBits | at
		}
	}
	if s.index.n == maxSlots {
		return 0 // 67 million names; the bound on versions comes first
	}
	i := s.entries.alloc()
	e := s.entries.at(i)
	e.refs = 1
	s.write(i, e, b)
	e.domain = domainAt(s.text(e))
	s.index.insert(h, i, func(i uint32) uint64 { return n.hash(s, i) })
	return i<<nameShardBits | at
}

func (n *names) hash(s *nameShard, i uint32) uint64 {
	return n.spread.text(s.text(s.entries.at(i)))
}

// retain counts one more use of a name that is in use.
func (n *names) retain(id uint32) {
	if id == 0 {
		return
	}
	s := &n.shards[id&nameShardMask]
	s.mu.Lock()
	s.entries.at(id>>nameShardBits).refs++
	s.mu.Unlock()
}

// release counts one use less and forgets the name with its last.
func (n *names) release(id uint32) {
	if id == 0 {
		return
	}
	s := &n.shards[id&nameShardMask]
	i := id >> nameShardBits
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries.at(i)
	e.refs--
	if e.refs > 0 {
		return
	}
	s.index.remove(n.hash(s, i), i, func(i uint32) uint64 { return n.hash(s, i) })
	chunk := e.chunk
	s.live[chunk] -= nameHeader + int(e.size)
	s.entries.release(i)
	s.reclaim(chunk)
}

// get is the name of a number in use. The string is valid for ever.
func (n *names) get(id uint32) string {
	if id == 0 {
		return ""
	}
	s := &n.shards[id&nameShardMask]
	s.mu.RLock()
	text := s.text(s.entries.at(id >> nameShardBits))
	s.mu.RUnlock()
	return text
}

// of is the name of a number in use, and where its registrable domain begins.
func (n *names) of(id uint32) (name string, domainAt uint16) {
	if id == 0 {
		return "", 1
	}
	s := &n.shards[id&nameShardMask]
	s.mu.RLock()
	e := s.entries.at(id >> nameShardBits)
	name, domainAt = s.text(e), e.domain
	s.mu.RUnlock()
	return name, domainAt
}

// fetch has fetched what get reads of a number in use.
func (n *names) fetch(id uint32) {
	s := &n.shards[id&nameShardMask]
	s.mu.RLock()
	prefetch(unsafe.Pointer(s.entries.at(id >> nameShardBits)))
	s.mu.RUnlock()
}

func (s *nameShard) text(e *nameEntry) string {
	return unsafe.String(&s.chunks[e.chunk][e.off], int(e.size))
}

// write appends b to the current chunk and points e at it.
func (s *nameShard) write(i uint32, e *nameEntry, b []byte) {
	if len(s.chunks) == 0 || len(s.chunks[s.cur])+nameHeader+len(b) > nameChunk {
		s.newChunk()
	}
	c := s.chunks[s.cur]
	c = binary.LittleEndian.AppendUint32(c, i)
	c = binary.LittleEndian.AppendUint16(c, uint16(len(b)))
	e.chunk, e.off, e.size = s.cur, uint32(len(c)), uint16(len(b))
	s.chunks[s.cur] = append(c, b...)
	s.live[s.cur] += nameHeader + len(b)
}

func (s *nameShard) newChunk() {
	full, had := s.cur, len(s.chunks) > 0
	c := make([]byte, 0, nameChunk)
	if n := len(s.vacant); n > 0 {
		s.cur = s.vacant[n-1]
		s.vacant = s.vacant[:n-1]
		s.chunks[s.cur], s.live[s.cur] = c, 0
	} else {
		s.cur = uint32(len(s.chunks))
		s.chunks = append(s.chunks, c)
		s.live = append(s.live, 0)
	}
	s.bytes += nameChunk
	if had {
		s.reclaim(full)
	}
}

// reclaim gives up a chunk that is not appended to any more and is three
// quarters dead, after copying the rest of it.
func (s *nameShard) reclaim(chunk uint32) {
	if chunk == s.cur || s.chunks[chunk] == nil || s.live[chunk] > nameChunk/4 {
		return
	}
	old := s.chunks[chunk]
	for off := uint32(0); int(off) < len(old); {
		i := binary.LittleEndian.Uint32(old[off:])
		size := binary.LittleEndian.Uint16(old[off+4:])
		off += nameHeader
		if e := s.entries.at(i); e.refs > 0 && e.chunk == chunk && e.off == off {
			s.write(i, e, old[off:off+uint32(size)])
		}
		off += uint32(size)
	}
	s.chunks[chunk], s.live[chunk] = nil, 0
	s.vacant = append(s.vacant, chunk)
	s.bytes -= nameChunk
}

// size is how many names there are and the bytes of their chunks.
func (n *names) size() (count, bytes int) {
	for i := range n.shards {
		s := &n.shards[i]
		s.mu.RLock()
		count += s.index.n
		bytes += s.bytes
		s.mu.RUnlock()
	}
	return count, bytes
}
