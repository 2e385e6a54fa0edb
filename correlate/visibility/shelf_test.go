package visibility

import (
	"encoding/binary"
	"errors"
	"iter"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flowname/correlate"
	"flowname/dnscache"
)

var compareRows = cmp.Options{
	cmp.AllowUnexported(Lately{}), cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
}

// someRows are rows of a table that had flows of so many clients.
func someRows(t *testing.T, clients int) []Row {
	t.Helper()
	table, _ := newTable(t, clients)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 5 * clients {
		f := tcp(inside(i%clients), web, t0+int64(i)*second)
		switch r.IntN(4) {
		case 0:
			named(f, correlate.Basis(1+r.IntN(8)))
		case 1:
			f.DstPort = 53
		case 2:
			f.Unnamed = correlate.Ambiguous
		}
		table.Flow(f, r.IntN(3) == 0)
	}
	var rows []Row
	for next, more := uint32(0), true; more; more = next != 0 {
		rows, next = table.AppendRows(rows, Part{}, next)
	}
	rows = Merge(rows)
	if len(rows) != clients {
		t.Fatalf("%d rows of %d clients", len(rows), clients)
	}
	for i := range rows {
		rows[i].Sight = dnscache.Sight{
			Sources: dnscache.SourceSet(r.Uint64N(64)), AnsweredNs: int64(i) * second, AskedNs: int64(2*i) * second,
			Direct: i%2 == 0, Forwarded: i%3 == 0,
		}
	}
	return rows
}

// inParts gives rows in two parts.
func inParts(rows []Row) iter.Seq[[]Row] {
	return slices.Values([][]Row{rows[:len(rows)/3], rows[len(rows)/3:]})
}

func openCache(t *testing.T, dir string) *dnscache.Cache {
	t.Helper()
	cache, err := dnscache.Open(dnscache.Config{Dir: dir, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	return cache
}

// TestKeeper saves more and fewer clients, over restarts, and reads them back.
func TestKeeper(t *testing.T) {
	dir := t.TempDir()
	rows := someRows(t, 3*partRows/2)
	judge := Judge{Resolvers: []netip.Prefix{netip.MustParsePrefix("10.0.0.53/32")}, Forwarders: []netip.Prefix{netip.MustParsePrefix("fd00::/8")}}
	for _, n := range []int{0, 10, 3 * partRows / 2, partRows, 7, 0, 1} {
		cache := openCache(t, dir)
		k := Keeper{Shelf: cache.Shelf(dnscache.ShelfVisibility)}
		for range 2 { // the second time nothing has changed
			if err := k.Save(inParts(rows[:n]), &judge); err != nil {
				t.Fatal(err)
			}
		}
		got, gotJudge, err := (&Keeper{Shelf: k.Shelf}).Load()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(rows[:n:n], append([]Row{}, got...), compareRows); diff != "" {
			t.Errorf("%d rows (-saved +loaded):\n%s", n, diff)
		}
		if diff := cmp.Diff(judge, gotJudge, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
			t.Errorf("judge (-saved +loaded):\n%s", diff)
		}
		if err := cache.Close(t0); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRestore asks that a table goes on as if there had been no restart.
func TestRestore(t *testing.T) {
	rows := someRows(t, 100)
	table, _ := newTable(t, 100)
	table.Restore(rows)
	got, _ := table.AppendRows(nil, Part{}, 0)
	got = Merge(got)
	for i := range got {
		got[i].Sight = rows[i].Sight // is the cache's to restore
	}
	if diff := cmp.Diff(rows, got, compareRows); diff != "" {
		t.Errorf("rows (-before +after):\n%s", diff)
	}
	table.Flow(tcp(inside(3), web, t0), false)
	if s := table.Stats(); s.Clients != 100 || s.Refused != 0 {
		t.Errorf("a flow of a client that was there before: %+v", s)
	}
	small, _ := newTable(t, 60)
	small.Restore(rows)
	if s := small.Stats(); s.Clients != 60 || s.Refused != 40 {
		t.Errorf("100 clients restored where there is room for 60: %+v", s)
	}
}

func TestKeeperOfWhatIsDamaged(t *testing.T) {
	cache := openCache(t, t.TempDir())
	defer cache.Close(t0)
	shelf := cache.Shelf(dnscache.ShelfVisibility)
	rows := someRows(t, 3*partRows)
	if err := (&Keeper{Shelf: shelf}).Save(inParts(rows), &Judge{}); err != nil {
		t.Fatal(err)
	}
	// A kill left the second part away, the last one is cut, and what was the third is
	// older than the first.
	older := rows[5]
	older.LastNs -= second
	cut := rows[2*partRows].append([]byte{shelfVersion})
	if err := shelf.Write([]dnscache.ShelfEntry{
		{Key: partKey(1)}, {Key: partKey(2), Value: older.append([]byte{shelfVersion})},
		{Key: partKey(3), Value: cut[:len(cut)-1]}, {Key: partKey(4), Value: []byte{9}}, {Key: []byte("judge"), Value: []byte("{")},
	}); err != nil {
		t.Fatal(err)
	}
	got, _, err := (&Keeper{Shelf: shelf}).Load()
	if !errors.Is(err, ErrShelf) {
		t.Errorf("damage is told as %v", err)
	}
	if diff := cmp.Diff(rows[:partRows], got, compareRows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if err := (&Keeper{Shelf: shelf}).Save(inParts(rows[:3]), &Judge{}); err != nil {
		t.Fatal(err)
	}
	if got, _, err = (&Keeper{Shelf: shelf}).Load(); err != nil || len(got) != 3 {
		t.Errorf("after the next save there are %d rows, want 3; %v", len(got), err)
	}
}

func TestKeeperWithoutADirectory(t *testing.T) {
	k := Keeper{}
	if err := k.Save(inParts(someRows(t, 5)), &Judge{}); err != nil {
		t.Error(err)
	}
	if rows, _, err := k.Load(); err != nil || len(rows) != 0 {
		t.Errorf("%d rows, %v; want none", len(rows), err)
	}
}

// FuzzRow reads rows from anything, and what is one has to come out as it went in.
func FuzzRow(f *testing.F) {
	row := Row{Client: inside(1), FirstNs: t0, LastNs: t0, Resolver: web, Kind: AskedDoH}
	f.Add(row.append(nil))
	f.Add(append([]byte{4, 10, 0, 0, 1, 0}, binary.AppendUvarint(nil, 1<<63)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		var r, again Row
		if rest := r.read(b); rest == nil {
			return
		} else if len(rest) >= len(b) {
			t.Fatalf("a row of %d bytes leaves %d", len(b), len(rest))
		}
		if r.FirstNs == 0 || r.LastNs == 0 {
			return // a time that nobody told is written as the first one
		}
		if again.read(r.append(nil)) == nil {
			t.Fatalf("can not be read again: %+v", r)
		}
		if diff := cmp.Diff(r, again, compareRows); diff != "" {
			t.Errorf("read (-first +again):\n%s", diff)
		}
		j := &Judge{}
		j.Why(&r, j.Of(&r))
		table := New(Config{Inside: &correlate.Inside{}, Room: NewRoom(1), Seed: 1})
		table.Restore([]Row{r})
	})
}
