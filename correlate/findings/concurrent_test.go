package findings

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"flowname/dnscache"
)

// Answers come from all sources at once, while flows ask, lives are saved and the
// desk is read. It is for the race detector, and for the sums.
func TestAllAtOnce(t *testing.T) {
	cache, err := dnscache.Open(dnscache.Config{Dir: t.TempDir(), Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer cache.Close(t0)
	n, err := NewNames(NamesConfig{
		Entries: 4096, Shelf: cache.Shelf(dnscache.ShelfNames), Young: time.Hour,
		Age: func(domain string, _ int64) int64 { return int64(len(domain)%2) - 1 },
	})
	if err != nil {
		t.Fatal(err)
	}
	d := newDesk(t, Config{Lines: true})
	const sources, rounds, names = 4, 200, 50
	var all sync.WaitGroup
	for source := range sources {
		client := netip.AddrFrom4([4]byte{10, 0, 1, byte(source)})
		all.Go(func() {
			for i := range rounds {
				for k := range names {
					var v Verdict
					a, who := answered(client, fmt.Sprintf("n%d.d%d.example", k, k), float64(i)/10, []string{"0.0.0.0", "192.0.2.1"}[i/150])
					shown := n.Answer(a, who, &v)
					n.Marked(n.Key(string(a.Name)), a.TimeNs)
					for c := NewDomain; c < numCodes; c++ {
						if shown.Has(c) && d.Admit(c, who, NameSubject(d, a.Name), a.TimeNs) {
							d.Report(&Finding{Code: c, TimeNs: a.TimeNs, Client: who, Name: string(a.Name), Evidence: v.Evidence(c)})
						}
					}
				}
			}
		})
	}
	lines := 0
	all.Go(func() {
		for i := range 50 {
			if err := n.Save(); err != nil {
				t.Error(err)
			}
			n.Stats()
			d.Pass(t0 + int64(i)*int64(time.Minute))
			lines += strings.Count(string(d.Take(nil)), "\n")
			d.Recent(nil, &Query{Limit: 10})
		}
	})
	all.Wait()
	lines += strings.Count(string(d.Take(nil)), "\n")
	told := uint64(0)
	counts, stats := d.Counts()
	for _, c := range counts {
		told += c.Told
	}
	if told == 0 || uint64(lines)+stats.LostLines != told {
		t.Errorf("%d told, %d lines and %d lost", told, lines, stats.LostLines)
	}
	if s := n.Stats(); s.Names != names {
		t.Errorf("%+v, want %d names", s, names)
	}
}
