package dnscache

import (
	"testing"

	badger "github.com/dgraph-io/badger/v4"
)

// TestAheadRank checks which tables are read first.
func TestAheadRank(t *testing.T) {
	table := func(level int, left, right string) badger.TableInfo {
		return badger.TableInfo{Level: level, Left: []byte(left), Right: []byte(right)}
	}
	rows := []badger.TableInfo{ // in order
		table(0, "a1", "p9"),
		table(lastLevel-1, "p1", "p2"),
		table(lastLevel, "c1", "n5"),
		table(lastLevel, "p1", "p9"),
	}
	for i := range rows[1:] {
		if a, b := aheadRank(&rows[i]), aheadRank(&rows[i+1]); a >= b {
			t.Errorf("ranks of %d and %d are %d and %d", i, i+1, a, b)
		}
	}
	for _, same := range []badger.TableInfo{table(lastLevel, "n1", "n2"), table(lastLevel, "n9", "p1"), table(lastLevel, "a", "s")} {
		if aheadRank(&same) != lastLevel {
			t.Errorf("%q to %q: rank %d, want that of the name index", same.Left, same.Right, aheadRank(&same))
		}
	}
	for _, later := range []badger.TableInfo{table(lastLevel, "a1", "c9"), table(lastLevel, "o1", "p1")} {
		if aheadRank(&later) != lastLevel+1 {
			t.Errorf("%q to %q: rank %d", later.Left, later.Right, aheadRank(&later))
		}
	}
}
