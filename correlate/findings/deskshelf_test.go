package findings

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"
	"time"

	"flowname/dnscache"
)

// openStore gives the shelf of findings in a directory, and what closes it.
func openStore(t *testing.T, dir string) (*dnscache.Shelf, func()) {
	t.Helper()
	c, err := dnscache.Open(dnscache.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return c.Shelf(dnscache.ShelfFindings), func() {
		t.Helper()
		if err := c.Close(t0); err != nil {
			t.Fatal(err)
		}
	}
}

// tell admits and reports a finding, and says whether it was admitted.
func tell(d *Desk, c Code, client netip.Addr, name string, atNs int64) bool {
	ok := d.Admit(c, client, NameSubject(d, name), atNs)
	if ok {
		d.Report(&Finding{Code: c, TimeNs: atNs, Client: client, Name: name})
	}
	return ok
}

func unsaved(d *Desk) uint64 {
	_, stats := d.Counts()
	return stats.Unsaved
}

// TestDeskRemembers: what was told and written is not told again by the next process,
// whether this one ended or was killed; what was not written is.
func TestDeskRemembers(t *testing.T) {
	dir := t.TempDir()
	shelf, closeIt := openStore(t, dir)
	begin := func(seed uint64, feeds ...string) *Desk {
		return newDesk(t, Config{Lines: true, Shelf: shelf, Seed: seed, Feeds: feeds})
	}
	d := begin(1, "a", "b")
	mustTell := func(what string, want bool, c Code, client netip.Addr, name string, atNs int64) {
		t.Helper()
		if got := tell(d, c, client, name, atNs); got != want {
			t.Errorf("%s: told %v, want %v", what, got, want)
		}
	}
	save := func() {
		t.Helper()
		if err := d.Save(); err != nil {
			t.Fatal(err)
		}
	}
	mustTell("new", true, NewDomain, alice, "a.example", t0)
	mustTell("new", true, FeedCode(1), bob, "b.example", t0+1)
	mustTell("new", true, NameMoved, netip.Addr{}, "c.example", t0+2)
	save()
	d.Take(nil)
	save()
	d.Take(nil)
	save()
	if n := unsaved(d); n != 3 {
		t.Errorf("%d are unsaved, want all 3: nobody has said that their lines are written", n)
	}
	d.Take(nil)
	mustTell("not written", true, NewDomain, alice, "late.example", t0+3)
	save()
	if n := unsaved(d); n != 1 {
		t.Errorf("%d are unsaved, want 1", n)
	}

	d = begin(2, "b") // a kill; the feeds are others, and the seed is not asked for
	mustTell("of before the kill", false, NewDomain, alice, "a.example", t0+1)
	mustTell("of before the kill, of a feed", false, FeedCode(0), bob, "b.example", t0+1)
	mustTell("of before the kill, of nobody", false, NameMoved, netip.Addr{}, "c.example", t0+int64(Repeat))
	mustTell("another client", true, NewDomain, bob, "a.example", t0+1)
	mustTell("not written before the kill", true, NewDomain, alice, "late.example", t0+3)
	mustTell("a day later", true, NewDomain, alice, "a.example", t0+int64(Repeat))
	if err := d.SaveAll(); err != nil {
		t.Fatal(err)
	}
	if n := unsaved(d); n != 0 {
		t.Errorf("%d are unsaved at the end", n)
	}
	closeIt()
	shelf, closeIt = openStore(t, dir)
	defer closeIt()
	d = begin(3)
	mustTell("of before the end", false, NewDomain, alice, "late.example", t0+4)
	mustTell("a day later, of before the end", false, NewDomain, alice, "a.example", t0+int64(Repeat)+1)
	if _, stats := d.Counts(); stats != (DeskStats{}) {
		t.Errorf("stats %+v, want none", stats)
	}
}

// TestDeskWithoutLines: the findings of the API end with the process, and then so
// does the memory of them.
func TestDeskWithoutLines(t *testing.T) {
	shelf, closeIt := openStore(t, t.TempDir())
	defer closeIt()
	for range 2 {
		d := newDesk(t, Config{Shelf: shelf})
		if !tell(d, NewDomain, alice, "a.example", t0) {
			t.Error("it is not told")
		}
		if err := d.SaveAll(); err != nil || unsaved(d) != 0 {
			t.Errorf("%v, %d unsaved", err, unsaved(d))
		}
	}
}

// TestDeskShelfBounds: more than is remembered takes no more on the shelf.
func TestDeskShelfBounds(t *testing.T) {
	shelf, closeIt := openStore(t, t.TempDir())
	defer closeIt()
	d := newDesk(t, Config{Lines: true, Shelf: shelf})
	const n = 2 * seenEntries
	for i := range n {
		if i%PerCode == 0 {
			d.Pass(t0 + int64(i)*int64(time.Minute))
		}
		if !d.Admit(NoLookup, alice, uint64(i), t0+int64(i)) {
			t.Fatalf("%d is not admitted", i)
		}
		if i%1000 == 0 {
			d.Take(nil)
			if err := d.Save(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := d.SaveAll(); err != nil || unsaved(d) != 0 {
		t.Errorf("%v, %d unsaved", err, unsaved(d))
	}
	keys, size := 0, 0
	if err := shelf.Range(nil, func(key, value []byte) bool {
		keys++
		size += len(key) + len(value)
		return true
	}); err != nil {
		t.Fatal(err)
	}
	if keys > seenEntries/seenWays+1 || size > seenEntries*toldSize+5*keys+headerSize {
		t.Errorf("%d keys of %d bytes", keys, size)
	}
	again := newDesk(t, Config{Lines: true, Shelf: shelf})
	remembered := 0
	for i := n; i > 0; i-- { // those that are remembered come first
		again.Pass(t0 + int64(i)*int64(time.Minute))
		if !again.Admit(NoLookup, alice, uint64(i-1), t0+int64(i-1)) {
			remembered++
		}
	}
	if _, stats := d.Counts(); remembered != n-int(stats.Forgotten) {
		t.Errorf("of %d the next remembers %d, this one forgot %d", n, remembered, stats.Forgotten)
	}
}

// TestDeskShelfDamaged: what can not be read is counted, all else is remembered.
func TestDeskShelfDamaged(t *testing.T) {
	shelf, closeIt := openStore(t, t.TempDir())
	defer closeIt()
	d := newDesk(t, Config{Lines: true, Shelf: shelf})
	tell(d, NewDomain, alice, "a.example", t0)
	if err := d.SaveAll(); err != nil {
		t.Fatal(err)
	}
	set := func(n uint32) []byte { return binary.BigEndian.AppendUint32([]byte{shelfSet}, n) }
	foreign := make([]byte, toldSize)
	foreign[0] = 8 // of set 8
	bad := []dnscache.ShelfEntry{
		{Key: []byte{shelfSet}, Value: foreign},
		{Key: set(1 << 31), Value: foreign},
		{Key: set(7), Value: foreign},
		{Key: set(9), Value: make([]byte, toldSize)},
		{Key: set(10), Value: foreign[:toldSize-1]},
		{Key: set(11), Value: []byte(strings.Repeat("x", (seenWays+1)*toldSize))},
	}
	if err := shelf.Write(bad); err != nil {
		t.Fatal(err)
	}
	d = newDesk(t, Config{Lines: true, Shelf: shelf})
	if _, stats := d.Counts(); stats.Unreadable != uint64(len(bad)) {
		t.Errorf("%d sets are unreadable, want %d", stats.Unreadable, len(bad))
	}
	if tell(d, NewDomain, alice, "a.example", t0) {
		t.Error("the good neighbour is forgotten")
	}
	if err := shelf.Write([]dnscache.ShelfEntry{{Key: []byte{shelfHeader}, Value: []byte{toldVersion + 1}}}); err != nil {
		t.Fatal(err)
	}
	d = newDesk(t, Config{Lines: true, Shelf: shelf})
	if _, stats := d.Counts(); stats.Unreadable != 0 || !tell(d, NewDomain, alice, "a.example", t0) {
		t.Errorf("what has another layout was read, or not taken away: %+v", stats)
	}
}

// TestDeskSaveFails: what could not be kept stays unsaved.
func TestDeskSaveFails(t *testing.T) {
	dir := t.TempDir()
	shelf, closeIt := openStore(t, dir)
	newDesk(t, Config{Lines: true, Shelf: shelf})
	closeIt()
	history, err := dnscache.OpenHistory(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer history.Close()
	d := newDesk(t, Config{Lines: true, Shelf: history.Shelf(dnscache.ShelfFindings)})
	tell(d, NewDomain, alice, "a.example", t0)
	for range 2 {
		if err := d.SaveAll(); err == nil || unsaved(d) != 1 {
			t.Errorf("error %v, %d unsaved, want one", err, unsaved(d))
		}
	}
}
