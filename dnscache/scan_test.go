package dnscache

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// A scan gives the rows that a query of all names gives, of what is wanted.
func TestScan(t *testing.T) {
	dir, now := t.TempDir(), time.Now().UnixNano() // the retention goes by the wall clock
	c, err := Open(Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		c.File(&Response{
			TimeNs: t0 + int64(i)*sec, Client: alice, Name: fmt.Appendf(nil, "n%d.example", i%20), Source: SourceDnstap,
			Addrs: []Addr{{netip.AddrFrom4([4]byte{192, 0, 2, byte(i % 7)}), 60}},
		}, now)
	}
	c.File(&Response{TimeNs: t0, Client: alice, Name: []byte("asked.example"), Source: SourceUmbrella, QuestionOnly: true}, now)
	if err := c.Close(now); err != nil {
		t.Fatal(err)
	}
	h, err := OpenHistory(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	bad := netip.AddrFrom4([4]byte{192, 0, 2, 3})
	wanted := func(name string, addr netip.Addr) bool {
		return name == "n5.example" || name == "asked.example" || addr == bad
	}
	for _, from := range []int64{0, t0 + 100*sec} {
		var want, got []Row
		if err := h.History(t.Context(), Query{Name: "*.", FromNs: from}, func(r Row) bool {
			if wanted(r.Name, r.Addr) {
				want = append(want, r)
			}
			return true
		}); err != nil {
			t.Fatal(err)
		}
		if err := h.Scan(t.Context(), from, 0, wanted, func(r Row) bool { got = append(got, r); return true }); err != nil {
			t.Fatal(err)
		}
		if len(want) < 10 || !cmp.Equal(got, want, cmpopts.EquateComparable(netip.Addr{})) {
			t.Errorf("from %d: got %d rows, want %d\n%s", from, len(got), len(want), cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{})))
		}
	}
	n := 0
	if err := h.Scan(t.Context(), 0, 0, func(string, netip.Addr) bool { return true }, func(Row) bool { n++; return n < 3 }); err != nil || n != 3 {
		t.Errorf("a reader that has enough after 3 rows: got %d, %v", n, err)
	}
	if err := h.Scan(t.Context(), -1, 0, nil, nil); err == nil {
		t.Error("a negative time is taken")
	}
}
