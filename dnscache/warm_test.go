package dnscache

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// TestStart files five hours, of which the last is read into the index at the next start:
// what is of that hour costs no read, what is older one, what never was none, and all is
// found.
func TestStart(t *testing.T) {
	const hours, hosts, again = 5, 40, 3
	const hour = int64(time.Hour)
	dir, now := t.TempDir(), time.Now().UnixNano()
	c := openDisk(t, dir, Config{})
	name := func(h, i int) string { return fmt.Sprintf("n%d.h%d.example", i, h) }
	at := func(h, i int) int64 { return t0 + int64(h)*hour + int64(i)*sec }
	for h := range hours {
		for k := range again {
			for i := range hosts {
				fileAt(c, now, alice, at(h, i)+int64(k)*20*60*sec, name(h, i), crashAddr(h*hosts+i))
			}
		}
		for i := range 3 * stepKeys { // of which the index does not keep as many
			if h == hours-1 && i == 10 {
				break
			}
			fileAt(c, now, bob, at(h, 10*i), "often.example", server)
		}
		flush(t, c, now)
	}
	fileAt(c, now, bob, at(hours-1, 1000), "last.example", server)
	newest := c.clock.now.Load()
	closeDisk(t, c, now)

	c = openDisk(t, dir, Config{})
	defer func() { closeDisk(t, c, now) }()
	find := func(want string, client, addr netip.Addr, at int64) {
		t.Helper()
		if got := c.AppendClient(nil, client, addr, at, 0, at); len(got) == 0 || got[0].Name != want {
			t.Errorf("%v at t0%+d: %v, want %s", addr, at-t0, got, want)
		}
		if got := c.AppendOthers(nil, addr, at); len(got) == 0 || got[0].Name != want {
			t.Errorf("anybody's %v at t0%+d: %v, want %s", addr, at-t0, got, want)
		}
	}
	last := hours - 1
	for i := range hosts {
		find(name(last, i), alice, crashAddr(last*hosts+i), newest)
	}
	find("last.example", bob, server, newest)
	if st := c.Stats(); st.ColdReads != 0 || st.Warmed == 0 {
		t.Errorf("of the last hour: %d reads of Badger, %d versions warm", st.ColdReads, st.Warmed)
	}
	for h := range last - 1 {
		for i := range hosts {
			find(name(h, i), alice, crashAddr(h*hosts+i), at(h, i)+hour)
		}
		find("often.example", bob, server, at(h, 5))
	}
	if st := c.Stats(); st.ColdReads < uint64(2*hosts*(last-1)) || st.Filtered != 0 {
		t.Errorf("of before: %d reads of Badger, %d were thought to be nothing", st.ColdReads, st.Filtered)
	}
	c.AppendClient(nil, alice, other, newest, 0, newest)
	if st := c.Stats(); st.Filtered != 1 {
		t.Errorf("what never was: %d spared, want 1", st.Filtered)
	}
	checkInvariants(t, c)
}

// TestStartWithSmallIndex has more that is current than the index takes.
func TestStartWithSmallIndex(t *testing.T) {
	const answers = 2 * refusedChains
	dir, now := t.TempDir(), time.Now().UnixNano()
	c := openDisk(t, dir, Config{})
	for i := range answers {
		fileAt(c, now, alice, t0+int64(i)*ms, "a.example", crashAddr(i))
	}
	closeDisk(t, c, now)
	cfg := Config{MaxVersions: 1 << shardBits}
	c = openDisk(t, dir, cfg)
	defer func() { closeDisk(t, c, now) }()
	if st := c.Stats(); st.Warmed == 0 || st.Warmed > 1<<shardBits {
		t.Errorf("%d versions are warm, of %d for which there is room", st.Warmed, 1<<shardBits)
	}
	w := warmer{cache: c, since: 1}
	var list []chainID
	for i := range answers {
		list = append(list, chainID{ipOf(crashAddr(i)), ipOf(alice)})
	}
	txn := c.store.read()
	defer txn.Discard()
	if err := w.chains(txn, list); err != nil || w.refused != refusedChains+1 {
		t.Errorf("a full index refused %d chains, %v; want an end after %d", w.refused, err, refusedChains+1)
	}
	for _, i := range []int{0, answers / 2, answers - 1} {
		if got := c.AppendClient(nil, alice, crashAddr(i), t0+int64(i)*ms, 0, t0); len(got) != 1 {
			t.Errorf("answer %d: %v", i, got)
		}
	}
}

// TestCurrentHours checks the hours that a window is made of.
func TestCurrentHours(t *testing.T) {
	for _, tt := range []struct {
		window time.Duration
		want   int
	}{{0, 1}, {time.Minute, 2}, {time.Hour, 2}, {3 * time.Hour, 4}, {400 * time.Hour, 256}} {
		var x currentChains
		now := int64(1000*time.Hour + time.Second)
		x.setHours(now-int64(tt.window), now)
		n := 0
		for _, ok := range x.hours {
			if ok {
				n++
			}
		}
		if n != tt.want || !x.hours[hourOf(now)] || !x.hours[hourOf(now-int64(tt.window))] {
			t.Errorf("window %v: %d hours, want %d", tt.window, n, tt.want)
		}
	}
	x := currentChains{most: 3}
	x.setHours(0, 0)
	for i := range 5 {
		x.add(byte(i%2), ip{0, 1}, ip{0, uint64(9 - i)})
	}
	x.add(0, ip{0, 1}, ip{0, 9})
	if len(x.list) != 3 || len(x.sorted()) != 3 || x.list[0].addr.lo != 5 {
		t.Errorf("list is %v", x.list)
	}
	x.add(0, ip{}, ip{})
	if len(x.list) != 3 {
		t.Errorf("%d chains, bound 3", len(x.list))
	}
}
