package dnscache

import (
	"testing"
	"time"
)

// TestStalledDisk: while the disk hangs, answers are filed and look-ups answered as
// before, what waits grows to its bound and no further, the rest is counted, and
// what waited is written when the disk is back.
func TestStalledDisk(t *testing.T) {
	const bound, answers = 1000, 5000 // an answer is two versions
	cfg := Config{Dir: t.TempDir(), MaxPending: bound}
	c, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	tr := newTraffic(1, 50_000, 25_000)
	now := time.Now().UnixNano()
	hanging, free := make(chan struct{}), make(chan struct{})
	c.store.hold = func() {
		c.store.hold = nil // only Flush is here
		close(hanging)
		<-free
	}
	c.File(tr.at(0), now)
	flushed := make(chan error)
	go func() { flushed <- c.Flush(now) }()
	<-hanging
	matches := make([]Match, 0, MaxMatches)
	for i := 1; i <= answers; i++ {
		r := tr.at(i)
		c.File(r, now)
		matches = c.AppendClient(matches[:0], r.Client, r.Addrs[0].Addr, r.TimeNs, 0, r.TimeNs)
		if len(matches) != 1 || matches[0].Name != string(r.Name) {
			t.Fatalf("answer %d, while the disk hangs: got %v, want %s", i, matches, r.Name)
		}
	}
	if st := c.Stats(); st.Pending != bound || st.Dropped != 2*answers-bound {
		t.Errorf("%d wait and %d were dropped, want %d and %d", st.Pending, st.Dropped, bound, 2*answers-bound)
	}
	close(free)
	if err := <-flushed; err != nil {
		t.Fatal(err)
	}
	if err := c.Close(now); err != nil {
		t.Fatal(err)
	}
	if c, err = Open(Config{Dir: cfg.Dir, MaxVersions: 1}); err != nil {
		t.Fatal(err)
	}
	for i := range 1 + bound/2 {
		r := tr.at(i)
		if matches = c.AppendClient(matches[:0], r.Client, r.Addrs[0].Addr, r.TimeNs, 0, r.TimeNs); len(matches) != 1 {
			t.Fatalf("answer %d, which had waited: got %v, want %s", i, matches, r.Name)
		}
	}
	if err := c.Close(now); err != nil {
		t.Fatal(err)
	}
}
