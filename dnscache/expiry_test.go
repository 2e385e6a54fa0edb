package dnscache

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	badger "github.com/dgraph-io/badger/v4"
)

// longAgo is so long before now that all that was filed then has expired.
func longAgo(now time.Time, retention time.Duration) int64 {
	return now.Add(-retention).UnixNano() - (nameSlack+60)*sec
}

// TestExpiredTablesGo has a history to which nothing more comes: its tables stay as
// long as something in them lives, and then go, but for what lives still.
func TestExpiredTablesGo(t *testing.T) {
	if testing.Short() {
		t.Skip("Badger looks for expired tables each ten seconds")
	}
	const answers, retention = 200_000, time.Hour
	dir, now := t.TempDir(), time.Now()
	cfg := Config{Dir: dir, Retention: retention}
	past := longAgo(now, retention)
	fileThousands(t, cfg, answers, past)
	c := openDisk(t, dir, cfg)
	fileAt(c, now.UnixNano(), alice, t0, "lives.example", server)
	closeDisk(t, c, now.UnixNano())
	sinkTables(t, cfg)
	makeOlder(t, dir, now.Add(-2*time.Hour))

	c = openDisk(t, dir, cfg)
	defer func() { closeDisk(t, c, now.UnixNano()) }()
	before := tableFiles(t, dir)
	c.store.version = 0
	c.Maintain(past + sec) // that time, where all lives
	if st := c.Stats(); st.ExpiredBytes != 0 || st.TableBytes == 0 {
		t.Errorf("while all lives: %d of %d bytes have expired", st.ExpiredBytes, st.TableBytes)
	}
	c.Maintain(now.UnixNano() + sec)
	if st := c.Stats(); st.ExpiredBytes < st.TableBytes/2 {
		t.Errorf("when all has expired: %d of %d bytes have", st.ExpiredBytes, st.TableBytes)
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	after := before
	for end := time.Now().Add(2 * time.Minute); after > before/20 && time.Now().Before(end); after = tableFiles(t, dir) {
		<-tick.C
	}
	t.Logf("tables of %d answers: %d bytes before, %d after", answers, before, after)
	if after > before/20 {
		t.Errorf("tables of %d bytes had expired, %d are left", before, after)
	}
	c.Maintain(now.UnixNano() + sec)
	if st := c.Stats(); st.ExpiredBytes > uint64(before/20) {
		t.Errorf("%d bytes of tables wait to go", st.ExpiredBytes)
	}
	if rows := rowsOf(t, c, Query{Name: "*."}); len(rows) != 1 || rows[0].Name != "lives.example" {
		t.Errorf("what lives is %v", rows)
	}
}

// fileThousands files answers of as many addresses, at once.
func fileThousands(t *testing.T, cfg Config, answers int, filed int64) {
	t.Helper()
	c := openDisk(t, cfg.Dir, cfg)
	for i := range answers {
		fileAt(c, filed, alice, t0+int64(i)*ms, fmt.Sprintf("n%d.example", i), crashAddr(i))
	}
	closeDisk(t, c, filed)
}

// sinkTables has all tables in the last level, with all that is in them: Badger compacts
// the others when it drops what has a prefix.
func sinkTables(t *testing.T, cfg Config) {
	t.Helper()
	c := openDisk(t, cfg.Dir, cfg)
	shelf := c.Shelf(ShelfNames)
	if err := shelf.Write([]ShelfEntry{{Key: []byte("k"), Value: []byte("v")}}); err != nil {
		t.Fatal(err)
	}
	if err := c.store.db.DropPrefix(shelf.prefix[:]); err != nil {
		t.Fatal(err)
	}
	for _, table := range c.store.db.Tables() {
		if table.Level != c.store.db.Opts().MaxLevels-1 {
			t.Fatalf("a table is in level %d", table.Level)
		}
	}
	if err := c.store.close(); err != nil {
		t.Fatal(err)
	}
}

func tables(t *testing.T, dir string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil || len(list) == 0 {
		t.Fatalf("tables in %s: %v, %v", dir, list, err)
	}
	return list
}

// makeOlder is for Badger, which leaves new tables alone.
func makeOlder(t *testing.T, dir string, made time.Time) {
	t.Helper()
	for _, name := range tables(t, dir) {
		if err := os.Chtimes(name, made, made); err != nil {
			t.Fatal(err)
		}
	}
}

// tableFiles is the size of all tables; one that is deleted meanwhile has none.
func tableFiles(t *testing.T, dir string) (total int64) {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range list {
		if info, err := os.Stat(name); err == nil {
			total += info.Size()
		}
	}
	return total
}

// TestMarks checks that what is written is marked as Badger marks it, with versions
// by which a witness is told from others.
func TestMarks(t *testing.T) {
	const names, retention = 2000, time.Hour
	now := time.Now().UnixNano()
	c := openDisk(t, t.TempDir(), Config{Retention: retention})
	for i := range names {
		fileAt(c, now, alice, t0, fmt.Sprintf("n%d.example", i), crashAddr(i))
	}
	flush(t, c, now)
	if err := c.Shelf(ShelfNames).Write([]ShelfEntry{{Key: []byte("k"), Value: []byte("v")}}); err != nil {
		t.Fatal(err)
	}
	latest := c.store.version
	txn := c.store.read()
	it := txn.NewIterator(badger.IteratorOptions{})
	entries, witnesses := 0, 0
	for it.Rewind(); it.Valid(); it.Next() {
		item := it.Item()
		entries++
		ever := item.ExpiresAt() == 0
		if item.DiscardEarlierVersions() == ever {
			t.Errorf("%q: marked %v, expires at %d", item.Key(), item.DiscardEarlierVersions(), item.ExpiresAt())
		}
		if ahead := int64(item.Version() - latest); ahead > 0 {
			witnesses++
			expires := int64(item.ExpiresAt()) * sec
			if end := int64(item.Version()); ever || end < expires || end > expires+sec {
				t.Errorf("%q: a witness until %d, expires at %d", item.Key(), end, expires)
			}
		}
	}
	it.Close()
	txn.Discard()
	if entries < 3*names || witnesses < entries/witnessShare/2 || witnesses > 2*entries/witnessShare {
		t.Errorf("%d of %d entries are witnesses, want one of %d", witnesses, entries, witnessShare)
	}
	dir := c.cfg.Dir
	closeDisk(t, c, now)
	c = openDisk(t, dir, Config{Retention: retention})
	defer closeDisk(t, c, now)
	if c.store.version < latest || int64(c.store.version-latest) > sec {
		t.Errorf("the next process begins at version %d, the latest was %d", c.store.version, latest)
	}
}
