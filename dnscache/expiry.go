package dnscache

import (
	"hash/crc32"
	"time"
)

// Badger drops what has expired when it compacts, and it compacts a part of the
// keys when something new comes into it from above. Where nothing new comes (the
// servers of last month, the made-up names of an attack), it can be made to look
// by itself: its third compactor, each ten seconds, writes one table of the last
// level anew whose newest version may be discarded and that is stale by 10 MB, when
// the table is an hour old. So that these are the expired tables and no others,
//
//   - every entry that expires is marked with discardEarlier: one version of a key is all
//     that is kept anyway, but the builder of a table counts what is marked as
//     stale, long before it is;
//   - one key in witnessShare is a witness: its version is not when it was written, but
//     when it expires. SetDiscardTs is given the present, so that Badger leaves a
//     table alone as long as one of its witnesses lives.
//
// Tables of 10 MB and more of keys have 400 witnesses and more: one that is left
// without has nothing else that lives, or little. Of a witness that is written again
// all writings stay until it expires.
const (
	witnessShare   = 256
	discardEarlier = 1 << 2 // what badger.Entry.WithDiscard sets
)

func isWitness(key []byte) bool { return crc32.ChecksumIEEE(key)%witnessShare == 0 }

// entry is a key and its value. It expires so many seconds after its filing, in
// Unix seconds; never, if lives is 0.
type entry struct {
	key, value   []byte
	filed, lives uint32
	hour         byte // of the name index; see hourOf
}

func (e *entry) expires() uint64 {
	if e.lives == 0 {
		return 0
	}
	return uint64(e.filed) + uint64(e.lives)
}

// version is that of an entry that is written at a time. Of a key it grows with
// each writing, as long as the retention is not made shorter; then a witness keeps
// what it has until it expires.
func (e *entry) version(at uint64) uint64 {
	if e.lives == 0 || !isWitness(e.key) {
		return at
	}
	return at + uint64(e.lives)*uint64(time.Second)
}

// measure notes how large the tables are, and how much of them has expired.
func (s *store) measure() {
	var all, expired uint64
	for _, t := range s.db.Tables() {
		all += uint64(t.OnDiskSize)
		if t.MaxVersion <= s.version && t.StaleDataSize > 0 {
			expired += uint64(t.OnDiskSize)
		}
	}
	s.tableBytes.Store(all)
	s.expiredBytes.Store(expired)
}
