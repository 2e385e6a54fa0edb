package firstseen

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"flowname/dnscache"
)

// TestWriteErrors: what could not be written waits, is counted, and is written when
// the shelf can be written again.
func TestWriteErrors(t *testing.T) {
	dir := t.TempDir()
	_, closeIt := openShelf(t, dir)
	closeIt()
	history, err := dnscache.OpenHistory(dir)
	if err != nil {
		t.Fatal(err)
	}
	b := newBook(t, Config{Shelf: history.Shelf(dnscache.ShelfFirstSeen)}) // which is for reading only
	want := &model{0, map[string]int64{}, map[string]int64{}, map[string]int64{}}
	for i, name := range []string{"www.first.example", "www.second.example", "www.third.example"} {
		client, sec := testClient(i), int64(t0+i)
		note(b, client, name, sec, true)
		want.note(client, name, sec, true)
		if err := b.Settle(sec * 1e9); err == nil {
			t.Error("what can not be written was settled")
		}
		if st := b.Stats(); st.WriteErrors != uint64(i+1) || st.ReadErrors != 0 || st.Domains != 0 {
			t.Errorf("after failure %d: %+v", i+1, st)
		}
	}
	if err := history.Close(); err != nil {
		t.Fatal(err)
	}
	b.room.shelf, closeIt = openShelf(t, dir)
	defer closeIt()
	settle(t, b, t0+3)
	if diff := cmp.Diff(want, pagesAsModel(t, b), cmp.AllowUnexported(model{})); diff != "" {
		t.Errorf("when it could be written (-model +book):\n%s", diff)
	}
	if st := b.Stats(); st.WriteErrors != 3 {
		t.Errorf("a write that succeeded was counted: %+v", st)
	}
}

// TestReadErrors: what can not be looked up is not entered, and counted; what comes
// when it can be read again is.
func TestReadErrors(t *testing.T) {
	dir := t.TempDir()
	shelf, closeIt := openShelf(t, dir)
	b := newBook(t, Config{Shelf: shelf})
	note(b, testClient(0), "www.before.example", t0, true)
	settle(t, b, t0)
	closeIt() // the store under it says so from now on
	note(b, testClient(0), "www.lost.example", t0+1, true)
	note(b, testClient(1), "www.before.example", t0+2, true)
	if err := b.Settle(t0 * 1e9); err == nil {
		t.Error("what can not be read was settled")
	}
	if st := b.Stats(); st.ReadErrors != 2 || st.WriteErrors != 0 || st.Waiting != 0 {
		t.Errorf("after two things that could not be looked up: %+v", st)
	}
	if got := b.Age("lost.example", (t0+1)*1e9); got != -1 {
		t.Errorf("the age of what was not entered is %d, want none", got)
	}
	b.room.shelf, closeIt = openShelf(t, dir)
	defer closeIt()
	note(b, testClient(0), "www.after.example", t0+3, true)
	settle(t, b, t0+3)
	if st := b.Stats(); st.ReadErrors != 2 || st.Domains != 2 || st.Names != 2 || st.Pairs != 2 {
		t.Errorf("when it can be read again: %+v", st)
	}
}
