package hunt

import (
	"net/netip"
	"slices"
)

// A Question is an address of an indicator, and from when to when it was
// current for one of its names: who else had it then shares it.
type Question struct {
	Indicator    *Indicator
	Addr         netip.Addr
	FromNs, ToNs int64
}

// Questions are what is to be asked about shared addresses, by indicator and
// address.
func (h *Hunter) Questions() []Question {
	var all []Question
	for addr, targets := range h.targets {
		for _, t := range targets {
			q := Question{t.indicator, addr, t.times[0].from, t.times[0].to}
			for _, s := range t.times {
				q.FromNs, q.ToNs = min(q.FromNs, s.from), max(q.ToNs, s.to)
			}
			q.FromNs = max(q.FromNs, 1)
			all = append(all, q)
		}
	}
	slices.SortFunc(all, func(a, b Question) int {
		if a.Indicator != b.Indicator {
			return a.Indicator.number - b.Indicator.number
		}
		return a.Addr.Compare(b.Addr)
	})
	return all
}

// Share notes that an address had another name meanwhile; false says that no
// more are wanted. A name that the same indicator is about shares nothing.
func (h *Hunter) Share(q *Question, name string) bool {
	h.match(name, netip.Addr{})
	if slices.Contains(h.matched(), q.Indicator) {
		return true
	}
	x := q.Indicator
	if n := len(x.Shared); n == 0 || x.Shared[n-1].Addr != q.Addr {
		x.Shared = append(x.Shared, Shared{Addr: q.Addr})
	}
	s := &x.Shared[len(x.Shared)-1]
	i, found := slices.BinarySearch(s.Names, name)
	switch {
	case found:
	case len(s.Names) == MaxShared:
		s.More = true
		return false
	default:
		s.Names = slices.Insert(s.Names, i, name)
	}
	return true
}
