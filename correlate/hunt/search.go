package hunt

import (
	"cmp"
	"context"
	"math"
	"net/netip"
	"slices"

	"flowname/correlate/indicators"
	"flowname/dnscache"
)

const (
	// mostAsked is where both ways take about as long in a history of three million
	// names and addresses: 12 us a question, 0.5 us a name and address that is
	// passed (BenchmarkHunt).
	mostAsked = 100_000
	// widestAsked is how many bits of a prefix are left for addresses that are
	// asked for one by one.
	widestAsked = 12
)

// A Past is a history that can be asked: a daemon's or a directory's.
type Past interface {
	Runs(context.Context, dnscache.Query, func(*dnscache.Run) bool) error
}

// A Window is a time, both ends included.
type Window struct{ FromNs, ToNs int64 }

// A Search is what answers are wanted of: those for the names and addresses of
// a Set.
type Search struct {
	Set *indicators.Set
	// FromNs and ToNs narrow to that time; 0 is open.
	FromNs, ToNs int64
	// Windows, if not nil, narrow further to these addresses, each in its time.
	Windows map[netip.Addr]Window
	// Names, not 0, is how many names of an address are wanted: one answer of
	// each.
	Names int
	// Step, if there is one, is told how far it is: so many questions of all, or
	// so many names and addresses where all is 0.
	Step func(done, all uint64)
	// Most is how many questions are asked one by one; for more one pass is made over
	// all names. 0: 100,000, below 0: none.
	Most int
}

// Run yields the answers until yield returns false; those of the same name, client
// and address come together, the newest first. The Answer is valid until yield
// returns, its strings for ever.
func (s *Search) Run(ctx context.Context, past Past, yield func(*Answer) bool) error {
	w := searching{Search: s, yield: yield, past: past, most: cmp.Or(s.Most, mostAsked), named: map[netip.Addr][]string{}}
	if all := w.questions(); all <= w.most {
		return w.ask(ctx, uint64(all))
	}
	return w.pass(ctx)
}

// searching is a Search under way.
type searching struct {
	*Search
	past  Past
	yield func(*Answer) bool
	most  int
	named map[netip.Addr][]string // of Names
	done  bool

	asked  string // the name that wants was asked for last
	wanted bool
	found  []indicators.Entry // scratch, as same is
	same   []indicators.Entry
}

// questions is how many it takes to ask for each entry; more than most where one
// is too wide to be asked.
func (w *searching) questions() (n int) {
	for e := range w.Set.All() {
		switch bits := e.Prefix.Addr().BitLen() - e.Prefix.Bits(); {
		case e.Name != "":
			n++
		case bits > widestAsked:
			return w.most + 1
		default:
			n += 1 << bits
		}
		if n > w.most {
			break
		}
	}
	return n
}

// ask asks for one entry after the other.
func (w *searching) ask(ctx context.Context, all uint64) error {
	var n uint64
	question := func(e *indicators.Entry, q dnscache.Query) error {
		if n++; n%16 == 0 && w.Step != nil {
			w.Step(n, all)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		return w.runs(ctx, q, func(a *Answer) bool {
			return w.first(a) != e.ID || w.give(a)
		})
	}
	for e := range w.Set.All() {
		leader, beneath := w.leader(&e)
		if w.done || leader != e.ID {
			continue // nobody asks, or it was asked for already
		}
		if e.Name != "" {
			q := dnscache.Query{Name: e.Name, FromNs: w.FromNs, ToNs: w.ToNs}
			if beneath {
				q.Name = "*." + e.Name
			}
			if err := question(&e, q); err != nil {
				return err
			}
			continue
		}
		for addr := e.Prefix.Addr(); e.Prefix.Contains(addr) && !w.done; addr = addr.Next() {
			if q, ok := w.about(addr); ok {
				if err := question(&e, q); err != nil {
					return err
				}
				delete(w.named, addr)
			}
		}
	}
	return nil
}

// about is the question for an address; false where its window is empty.
func (w *searching) about(addr netip.Addr) (q dnscache.Query, ok bool) {
	q = dnscache.Query{Addr: addr, FromNs: w.FromNs, ToNs: w.ToNs}
	if w.Windows == nil {
		return q, true
	}
	at, ok := w.Windows[addr]
	q.FromNs = max(w.FromNs, at.FromNs)
	if q.ToNs == 0 || at.ToNs < q.ToNs {
		q.ToNs = at.ToNs
	}
	return q, ok && q.FromNs <= q.ToNs
}

// leader is the entry that is asked for those of the same name, or prefix: the
// first. beneath says that any of them matches what is beneath the name.
func (w *searching) leader(e *indicators.Entry) (id uint32, beneath bool) {
	if e.Name == "" {
		w.same = w.Set.AppendAddr(w.same[:0], e.Prefix.Addr())
	} else {
		w.same = w.Set.AppendName(w.same[:0], "x."+e.Name) // those that match beneath it
		w.same = w.Set.AppendName(w.same, e.Name)
	}
	id = e.ID
	for i := range w.same {
		if o := &w.same[i]; o.Name == e.Name && o.Prefix == e.Prefix {
			id, beneath = min(id, o.ID), beneath || o.Beneath
		}
	}
	return id, beneath
}

// first is the entry that an answer is yielded for: of those that match it the one
// that is asked for first.
func (w *searching) first(a *Answer) uint32 {
	w.found = w.Set.AppendName(w.found[:0], a.Name)
	w.found = w.Set.AppendAddr(w.found, a.Addr)
	id := uint32(math.MaxUint32)
	for i := range w.found {
		leader, _ := w.leader(&w.found[i])
		id = min(id, leader)
	}
	return id
}

// pass goes through all names once.
func (w *searching) pass(ctx context.Context) error {
	var n uint64
	q := dnscache.Query{Name: "*.", FromNs: w.FromNs, ToNs: w.ToNs, Want: func(name string, addr netip.Addr) bool {
		if n++; n%(1<<16) == 0 && w.Step != nil {
			w.Step(n, 0)
		}
		return w.wants(name, addr)
	}}
	return w.runs(ctx, q, func(a *Answer) bool {
		w.give(a)
		return !w.done
	})
}

// runs asks, and puts runs together to answers.
func (w *searching) runs(ctx context.Context, q dnscache.Query, yield func(*Answer) bool) error {
	s := spells{yield: yield}
	if err := w.past.Runs(ctx, q, s.take); err != nil {
		return err
	}
	s.end()
	return nil
}

// give yields an answer if it is in its window and not one name too many; false
// where no more is wanted of the question.
func (w *searching) give(a *Answer) bool {
	if w.Windows != nil {
		at, ok := w.Windows[a.Addr]
		if !ok || a.LastNs < at.FromNs || a.FirstNs > at.ToNs {
			return true
		}
	}
	if w.Names > 0 && a.Addr.IsValid() {
		switch names := w.named[a.Addr]; {
		case slices.Contains(names, a.Name):
			return true
		case len(names) == w.Names:
			return false
		default:
			w.named[a.Addr] = append(names, a.Name)
		}
	}
	w.done = !w.yield(a)
	return !w.done
}

// wants says whether an entry matches. It is quick where it is asked for the same
// name again.
func (w *searching) wants(name string, addr netip.Addr) bool {
	if name != w.asked || name == "" {
		w.found = w.Set.AppendName(w.found[:0], name)
		w.asked, w.wanted = name, len(w.found) > 0
	}
	if w.wanted {
		return true
	}
	w.found = w.Set.AppendAddr(w.found[:0], addr)
	return len(w.found) > 0
}
