package timeline

import (
	"cmp"
	"slices"
)

// span is a time, both ends included, Unix nanoseconds.
type span struct{ first, last int64 }

// join puts spans in order and together that overlap, touch, or are at most apart
// nanoseconds from each other. It works in place.
func join(list []span, apart int64) []span {
	if len(list) == 0 {
		return list
	}
	slices.SortFunc(list, func(a, b span) int {
		return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(a.last, b.last))
	})
	joined := list[:1]
	for _, s := range list[1:] {
		if last := &joined[len(joined)-1]; s.first-apart <= last.last {
			last.last = max(last.last, s.last)
		} else {
			joined = append(joined, s)
		}
	}
	return joined
}

// covers says whether one of the spans, joined, covers from to to.
func covers(list []span, from, to int64) bool {
	i, _ := slices.BinarySearchFunc(list, from, func(s span, at int64) int {
		if s.last < at {
			return -1
		}
		return 1
	})
	return i < len(list) && list[i].first <= from && list[i].last >= to
}

// surrounds says whether one of the spans, joined, has at inside, not as an end.
func surrounds(list []span, at int64) bool {
	i, _ := slices.BinarySearchFunc(list, at, func(s span, at int64) int {
		if s.last <= at {
			return -1
		}
		return 1
	})
	return i < len(list) && list[i].first < at
}

// moments are times in order.
type moments []int64

// within says whether one is from from to to, both included.
func (m moments) within(from, to int64) bool {
	i, _ := slices.BinarySearch(m, from)
	return i < len(m) && m[i] <= to
}
