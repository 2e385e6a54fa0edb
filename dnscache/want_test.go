package dnscache

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// What is wanted of all names is what a query of all names gives of it: rows and
// runs, in memory and on disk.
func TestWant(t *testing.T) {
	dir, now := t.TempDir(), time.Now().UnixNano() // the retention goes by the wall clock
	stored, memory := open(t, Config{Dir: dir}), open(t, Config{})
	for _, c := range []*Cache{stored, memory} {
		for i := range 200 {
			c.File(&Response{
				TimeNs: t0 + int64(i)*sec, Client: alice, Name: fmt.Appendf(nil, "n%d.example", i%20), Source: SourceDnstap,
				Addrs: []Addr{{netip.AddrFrom4([4]byte{192, 0, 2, byte(i % 7)}), 60}},
			}, now)
			c.File(&Response{TimeNs: t0 + int64(i)*sec, Client: alice, Name: fmt.Appendf(nil, "n%d.example", i%20), Source: SourceDnstap, Type: 28, RCode: 3}, now)
		}
		c.File(&Response{TimeNs: t0, Client: alice, Name: []byte("asked.example"), Source: SourceUmbrella, QuestionOnly: true}, now)
	}
	bad := netip.AddrFrom4([4]byte{192, 0, 2, 3})
	wanted := func(name string, addr netip.Addr) bool {
		return name == "n5.example" || name == "asked.example" || addr == bad
	}
	for which, h := range map[string]interface {
		History(context.Context, Query, func(Row) bool) error
		Runs(context.Context, Query, func(*Run) bool) error
	}{"stored": stored, "memory": memory} {
		for _, q := range []Query{{Name: "*."}, {Name: "*.", FromNs: t0 + 100*sec}, {Name: "*.example", Client: alice}, {Addr: bad}} {
			var want, got []Row
			var wantRuns, gotRuns []Run
			some := q
			some.Want = wanted
			for _, err := range []error{
				h.History(t.Context(), q, func(r Row) bool {
					if wanted(r.Name, r.Addr) {
						want = append(want, r)
					}
					return true
				}),
				h.Runs(t.Context(), q, func(r *Run) bool {
					if wanted(r.Name, r.Addr) {
						wantRuns = append(wantRuns, *r)
					}
					return true
				}),
				h.History(t.Context(), some, func(r Row) bool { got = append(got, r); return true }),
				h.Runs(t.Context(), some, func(r *Run) bool { gotRuns = append(gotRuns, *r); return true }),
			} {
				if err != nil {
					t.Fatal(err)
				}
			}
			same := cmpopts.EquateComparable(netip.Addr{})
			if len(want) < 10 || !cmp.Equal(got, want, same) {
				t.Errorf("%s %+v: got %d rows, want %d\n%s", which, q, len(got), len(want), cmp.Diff(want, got, same))
			}
			if len(wantRuns) < 10 || !cmp.Equal(gotRuns, wantRuns, same) {
				t.Errorf("%s %+v: got %d runs, want %d\n%s", which, q, len(gotRuns), len(wantRuns), cmp.Diff(wantRuns, gotRuns, same))
			}
		}
	}
}
