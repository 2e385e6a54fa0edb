package dnscache

import (
	"bytes"
	"cmp"
	"os"
	"slices"

	badger "github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/table"
)

// How much of the tables is asked for when a history is opened: to be added to, which
// reads the whole name index first, or for a question.
const (
	aheadToFile = 512 << 20
	aheadToAsk  = 64 << 20
)

// readAhead has the kernel read tables, so that not each look-up waits for the disk:
// first those above the last level, in all of which each look-up reads, then
// those with the name index.
func (s *store) readAhead(most int64) {
	dir := s.db.Opts().Dir
	tables := s.db.Tables()
	slices.SortFunc(tables, func(a, b badger.TableInfo) int { return cmp.Compare(aheadRank(&a), aheadRank(&b)) })
	for i := range tables {
		if most -= int64(tables[i].OnDiskSize); most < 0 {
			return
		}
		f, err := os.Open(table.NewFilename(tables[i].ID, dir))
		if err != nil {
			continue // compaction has deleted it
		}
		willNeed(f)
		_ = f.Close() // nothing was written
	}
}

func aheadRank(t *badger.TableInfo) int {
	switch {
	case t.Level < lastLevel:
		return t.Level
	case bytes.Compare(t.Right, []byte{kindName}) >= 0 && bytes.Compare(t.Left, []byte{kindName + 1}) < 0:
		return lastLevel
	}
	return lastLevel + 1
}

// lookedUp tells the kernel that tables are read here and there, as they are but for
// scans; new ones are not known to it.
func (s *store) lookedUp() {
	if s.scans.Load() == 0 {
		adviseTables(s.db.Opts().Dir, true)
	}
}

// scanned tells it that much of them is read in order, until done is called.
func (s *store) scanned() (done func()) {
	if s.scans.Add(1) == 1 {
		adviseTables(s.db.Opts().Dir, false)
	}
	return func() {
		if s.scans.Add(-1) == 0 {
			s.lookedUp()
		}
	}
}
