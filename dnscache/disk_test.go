package dnscache

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	badger "github.com/dgraph-io/badger/v4"
)

func openDisk(t testing.TB, dir string, cfg Config) *Cache {
	t.Helper()
	cfg.Dir = dir
	c, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func closeDisk(t testing.TB, c *Cache, now int64) {
	t.Helper()
	if err := c.Close(now); err != nil {
		t.Fatal(err)
	}
}

func flush(t testing.TB, c *Cache, now int64) {
	t.Helper()
	if err := c.Flush(now); err != nil {
		t.Fatal(err)
	}
}

// TestRetention files the same client's answers at different times of filing;
// what they tell of themselves does not matter.
func TestRetention(t *testing.T) {
	dir := t.TempDir()
	cfg := Config{Retention: time.Hour}
	now := time.Now().UnixNano()
	c := openDisk(t, dir, cfg)
	fileAt(c, now-3700*sec, alice, t0+100*sec, "expired", server)
	fileAt(c, now-60*sec, alice, t0, "old capture, loaded today", server)
	fileAt(c, now-3700*sec, bob, t0, "expired", other)
	closeDisk(t, c, now)
	c = openDisk(t, dir, cfg)
	c.store.db.SetDiscardTs(c.store.version)
	if err := c.store.db.Flatten(1); err != nil { // compaction drops only what expired
		t.Fatal(err)
	}
	if got := times(c.AppendClient(nil, alice, server, t0+200*sec, 0, t0)); got != "old capture, loaded today@0" {
		t.Errorf("kept %q", got)
	}
	if got := c.AppendOthers(nil, other, t0+60*sec); len(got) != 0 {
		t.Errorf("kept %s", times(got))
	}
	if rows := rowsOf(t, c, Query{Name: "*."}); len(rows) != 1 {
		t.Errorf("history has %v", rows)
	}
	closeDisk(t, c, now)
}

// TestSeenOnly has a client that asks and never gets an answer: the next process
// knows it too.
func TestSeenOnly(t *testing.T) {
	dir := t.TempDir()
	now := time.Now().UnixNano()
	c := openDisk(t, dir, Config{})
	c.Saw(alice, t0)
	closeDisk(t, c, now)
	c = openDisk(t, dir, Config{MaxClients: 1})
	if !c.ClientSeen(alice) || c.ClientSeen(bob) || c.BeganNs() != t0 {
		t.Errorf("alice %v, bob %v, began t0%+d", c.ClientSeen(alice), c.ClientSeen(bob), c.BeganNs()-t0)
	}
	closeDisk(t, c, now)
}

// TestRunGrows checks that of a run that is written again and again the newest
// writing is read, from the memtable, from tables, after compaction and reopening.
func TestRunGrows(t *testing.T) {
	dir := t.TempDir()
	now := time.Now().UnixNano()
	c := openDisk(t, dir, Config{})
	for i := range 4 {
		fileAt(c, now, alice, t0+int64(i)*sec, "a.example", server)
		flush(t, c, now)
		checkRun(t, c, int64(i)*sec, uint64(i+1))
		if i == 1 { // the run goes on in the next process, its head in a table
			closeDisk(t, c, now)
			c = openDisk(t, dir, Config{})
			checkRun(t, c, int64(i)*sec, uint64(i+1))
		}
	}
	c.Maintain(now)
	if err := c.store.db.Flatten(1); err != nil {
		t.Fatal(err)
	}
	checkRun(t, c, 3*sec, 4)
	closeDisk(t, c, now)
	c = openDisk(t, dir, Config{})
	checkRun(t, c, 3*sec, 4)
	closeDisk(t, c, now)
}

func checkRun(t *testing.T, c *Cache, last int64, count uint64) {
	t.Helper()
	rows := rowsOf(t, c, Query{Addr: server})
	if len(rows) != 1 || rows[0].FirstNs != t0 || rows[0].LastNs != t0+last || rows[0].Count != count {
		t.Errorf("rows are %v, want one until t0+%d, %d times", rows, last, count)
	}
}

// TestFiledTwice loads the same evidence into two caches one after the other.
func TestFiledTwice(t *testing.T) {
	dir := t.TempDir()
	now := time.Now().UnixNano()
	for range 3 {
		c := openDisk(t, dir, Config{MaxVersions: 1})
		for _, at := range []int64{0, 1, 2, 3, 10} {
			fileAt(c, now, alice, t0+at*sec, "a.example", server)
		}
		fileAt(c, now, bob, t0+1000*sec, "b.example", other) // the clock goes on
		closeDisk(t, c, now)
	}
	c := openDisk(t, dir, Config{})
	rows := rowsOf(t, c, Query{Addr: server})
	if len(rows) != 1 || rows[0].Count != 5 || rows[0].LastNs != t0+10*sec {
		t.Errorf("filed three times: %v, want 5 answers until t0+10 s", rows)
	}
	closeDisk(t, c, now)
}

// TestColdReadsAreRemembered counts how often a repeated look-up reads Badger.
func TestColdReadsAreRemembered(t *testing.T) {
	dir := t.TempDir()
	now := time.Now().UnixNano()
	c := openDisk(t, dir, Config{})
	fileAt(c, now, alice, t0, "a.example", server)
	for range clockDoubts {
		fileAt(c, now, alice, t0+9000*sec, "b.example", other)
	}
	closeDisk(t, c, now)

	c = openDisk(t, dir, Config{})
	if st := c.Stats(); st.Warmed != 2 || st.Clients != 1 {
		t.Errorf("warm start read %d versions and %d clients, want the 2 of the last hour and 1", st.Warmed, st.Clients)
	}
	for range 5 {
		if got := times(c.AppendClient(nil, alice, server, t0+9000*sec, 0, t0)); got != "a.example@0" {
			t.Errorf("old answer: %q", got)
		}
		c.AppendClient(nil, bob, server, t0, 0, t0)
		c.AppendOthers(nil, netip.MustParseAddr("203.0.113.1"), t0)
		c.ClientSeen(bob)
		if got := times(c.AppendClient(nil, alice, other, t0+9001*sec, 0, t0)); got != "b.example@9000" {
			t.Errorf("recent answer: %q", got)
		}
	}
	st := c.Stats()
	if st.ColdReads != 1 || st.Filtered != 15 || st.Hits != 9 || st.Lookups != 20 || st.ColdErrors != 0 {
		t.Errorf("%+v", st)
	}
	closeDisk(t, c, now)
}

// TestWindow checks that what is not used for a window leaves the index, and
// that one answer from the future does not make it so.
// The seed puts some of the old chains into the shard that ages: a random one
// leaves it without, once in twenty times.
func TestWindow(t *testing.T) {
	c := openDisk(t, t.TempDir(), Config{Window: time.Minute, Seed: 1})
	now := time.Now().UnixNano()
	for i := range 200 {
		fileAt(c, now, alice, t0+int64(i)*10*ms, "a.example", crashAddr(i))
	}
	flush(t, c, now)
	fileAt(c, now, alice, t0+100*365*24*3600*sec, "bogus.example", other)
	for i := range 1000 {
		fileAt(c, now, bob, t0+3*sec+int64(i)*ms, "b.example", crashAddr(i%200))
	}
	if st := c.Stats(); st.EvictedWindow != 0 {
		t.Errorf("an answer of the future evicted %d chains", st.EvictedWindow)
	}
	flush(t, c, now)
	for i := range 1000 {
		fileAt(c, now, bob, t0+int64(i)*sec, "b.example", server)
	}
	st := c.Stats()
	if st.EvictedWindow == 0 || st.Pairs > 400 {
		t.Errorf("a thousand seconds later %d chains are evicted, %d pairs left", st.EvictedWindow, st.Pairs)
	}
	checkInvariants(t, c)
	closeDisk(t, c, now)
}

// TestPendingIsBounded files without a flush.
func TestPendingIsBounded(t *testing.T) {
	c := openDisk(t, t.TempDir(), Config{MaxPending: 100})
	now := time.Now().UnixNano()
	for i := range 300 {
		fileAt(c, now, alice, t0+int64(i)*sec, "a.example", crashAddr(i))
	}
	if st := c.Stats(); st.Pending != 100 || st.Dropped != 500 {
		t.Errorf("pending %d, dropped %d, want 100 and 500", st.Pending, st.Dropped)
	}
	flush(t, c, now)
	if st := c.Stats(); st.Pending != 0 || st.Written == 0 {
		t.Errorf("after Flush: pending %d, written %d", st.Pending, st.Written)
	}
	for i := range 2 * hardChain {
		fileAt(c, now, alice, t0+int64(i)*sec, []string{"a.example", "b.example"}[i%2], other)
	}
	closeDisk(t, c, now)
	c = openDisk(t, t.TempDir(), Config{})
	for i := range 2 * hardChain {
		fileAt(c, now, alice, t0+int64(i)*sec, []string{"a.example", "b.example"}[i%2], other)
	}
	if st := c.Stats(); st.ChainFull == 0 || st.Versions > 2*hardChain {
		t.Errorf("chains of %d versions, %d refused", st.Versions, st.ChainFull)
	}
	closeDisk(t, c, now)
}

// TestFailedFlush closes Badger under a Cache: what can not be written stays.
func TestFailedFlush(t *testing.T) {
	c := openDisk(t, t.TempDir(), Config{})
	fileAt(c, t0, alice, t0, "a.example", server)
	if err := c.store.db.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := c.Flush(t0); err == nil {
			t.Error("Flush into a closed store succeeded")
		}
	}
	if st := c.Stats(); st.WriteErrors != 2 || st.Pending != 2 {
		t.Errorf("write errors %d, pending %d, want 2 and 2", st.WriteErrors, st.Pending)
	}
	checkInvariants(t, c)
}

// TestManyNames gives one client more names for an address than a cold read
// looks at.
func TestManyNames(t *testing.T) {
	dir := t.TempDir()
	now := time.Now().UnixNano()
	c := openDisk(t, dir, Config{})
	for i := range coldNames + 10 {
		fileAt(c, now, alice, t0+int64(i)*ms, fmt.Sprintf("n%05d.example", i), server)
		if i%500 == 0 {
			flush(t, c, now)
		}
	}
	fileAt(c, now, alice, t0+9000*sec, "z.example", other)
	closeDisk(t, c, now)
	c = openDisk(t, dir, Config{})
	if got := c.AppendClient(nil, alice, server, t0+9000*sec, 0, t0); len(got) != MaxMatches {
		t.Errorf("%d matches, want %d", len(got), MaxMatches)
	}
	if st := c.Stats(); st.ColdCut != 1 {
		t.Errorf("ColdCut = %d, want 1", st.ColdCut)
	}
	closeDisk(t, c, now)
}

// TestMalformedRecords puts records of another making into a store: a look-up
// that meets one is counted, a start that does refuses.
func TestMalformedRecords(t *testing.T) {
	dir := t.TempDir()
	c := openDisk(t, dir, Config{})
	p := ipOf(server)
	hash := c.hash.ip(p, saltAddress)
	c.filter.add(hash)
	for i, key := range [][]byte{
		appendRun(appendPrefix(nil, ip{}, p, true), "bad.example", t0),
		append(appendPrefix(nil, ip{}, p, true), 1, 2, 3),
	} {
		putMalformed(t, c, i, key)
		if got := c.AppendOthers(nil, server, t0); len(got) != 0 {
			t.Errorf("a malformed record names something: %v", got)
		}
		if st := c.Stats(); st.ColdErrors != uint64(i+1) {
			t.Errorf("ColdErrors = %d, want %d", st.ColdErrors, i+1)
		}
	}
	putMalformed(t, c, 2, appendNameKey(nil, "bad.example", ipOf(alice), p)) // the way to the ones above
	closeDisk(t, c, t0)
	if _, err := Open(Config{Dir: dir}); !errors.Is(err, ErrCorrupt) {
		t.Errorf("Open = %v, want ErrCorrupt", err)
	}
}

func putMalformed(t *testing.T, c *Cache, i int, key []byte) {
	t.Helper()
	txn := c.store.db.NewTransactionAt(uint64(i+1), true)
	if err := txn.SetEntry(badger.NewEntry(key, []byte{0xff})); err != nil {
		t.Fatal(err)
	}
	if err := txn.CommitAt(uint64(i+1), nil); err != nil {
		t.Fatal(err)
	}
}

// TestMalformedAtStart has malformed records in all that every start reads.
func TestMalformedAtStart(t *testing.T) {
	connection := factIP(factAgent, 0, 1)
	for _, key := range [][]byte{
		{kindName, 1, 2, 3},
		append(appendNameKey(nil, "a.example", ip{}, ip{}), 0),
		{kindClient, 1},
		appendPrefix(nil, ip{}, connection, false)[:20],
		appendPrefix(nil, ip{}, connection, false),
		appendRun(appendPrefix(nil, ip{}, connection, false), "no value", t0),
	} {
		dir := t.TempDir()
		c := openDisk(t, dir, Config{})
		putMalformed(t, c, 0, key)
		closeDisk(t, c, t0)
		if _, err := Open(Config{Dir: dir}); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%q: Open = %v, want ErrCorrupt", key, err)
		}
	}
}

func TestOtherFormat(t *testing.T) {
	dir := t.TempDir()
	c := openDisk(t, dir, Config{})
	txn := c.store.db.NewTransactionAt(1, true)
	if err := txn.Set([]byte{kindState}, []byte{formatVersion + 1}); err != nil {
		t.Fatal(err)
	}
	if err := txn.CommitAt(1, nil); err != nil {
		t.Fatal(err)
	}
	if err := c.store.close(); err != nil {
		t.Fatal(err)
	}
	if c, err := Open(Config{Dir: dir}); err == nil {
		closeDisk(t, c, t0)
		t.Error("a history of another format was opened")
	}
}

// TestConcurrent files, looks up, flushes and asks at once; run it with -race.
func TestConcurrent(t *testing.T) {
	c := openDisk(t, t.TempDir(), Config{MaxVersions: 3000, Window: time.Minute})
	now := time.Now().UnixNano()
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 3000 {
				client := netip.AddrFrom4([4]byte{10, 0, byte(g % 2), byte(i)})
				name := fmt.Sprintf("n%d.example", i%50)
				at := t0 + int64(i)*100*ms
				fileAt(c, now, client, at, name, crashAddr(i%400))
				for _, m := range c.AppendClient(nil, client, crashAddr(i%400), at, sec, at+sec) {
					if len(m.Name) < len("n0.example") || m.AtNs < t0 {
						t.Errorf("match %+v", m)
					}
				}
				c.AppendOthers(nil, crashAddr(i*7%400), at)
				c.ClientSeen(client)
				c.Saw(client, at)
				if i%500 == g {
					flush(t, c, now)
					c.Maintain(now)
					c.Stats()
					rowsOf(t, c, Query{Addr: crashAddr(i % 400)})
				}
			}
		})
	}
	wg.Wait()
	checkInvariants(t, c)
	closeDisk(t, c, now)
}

// TestWarn checks that what Badger has to say arrives, and nothing leaks.
func TestWarn(t *testing.T) {
	var said []string
	l := badgerLog{func(s string) { said = append(said, s) }}
	l.Infof("not %d", 1)
	l.Debugf("not %d", 2)
	l.Warningf("a %d", 3)
	l.Errorf("b %d", 4)
	badgerLog{}.Errorf("nobody listens")
	if fmt.Sprint(said) != "[badger: a 3 badger: b 4]" {
		t.Errorf("said %q", said)
	}
}

// TestReadOnlyDirectory has a directory that can not be written.
func TestReadOnlyDirectory(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may write everywhere")
	}
	dir := filepath.Join(t.TempDir(), "ro")
	if err := os.Mkdir(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Config{Dir: dir}); err == nil {
		t.Error("Open in a read-only directory succeeded")
	}
}
