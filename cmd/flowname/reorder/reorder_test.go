package reorder

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func pullOf(times []int64) Pull[int] {
	i := -1
	return func() (int64, int, bool) {
		i++
		if i >= len(times) {
			return 0, 0, false
		}
		return times[i], i, true
	}
}

func TestReordererSortsWithinItsWindow(t *testing.T) {
	times := []int64{5, 3, 9, 3, 1, 7}
	r := New(pullOf(times), len(times))
	var got []int64
	var order []int
	for _, ok := r.Head(); ok; _, ok = r.Head() {
		x := r.Pop()
		got, order = append(got, x.AtNs), append(order, x.Value)
	}
	if want := []int64{1, 3, 3, 5, 7, 9}; !slices.Equal(got, want) {
		t.Errorf("times %v: got %v, want %v", times, got, want)
	}
	if want := []int{4, 1, 3, 0, 5, 2}; !slices.Equal(order, want) {
		t.Errorf("equal times must keep their order: got %v, want %v", order, want)
	}
}

func TestReordererHoldsNoMoreThanItsWindow(t *testing.T) {
	times := make([]int64, 1000)
	for i := range times {
		times[i] = rand.Int64N(1000)
	}
	r := New(pullOf(times), 10)
	n := 0
	for _, ok := r.Head(); ok; _, ok = r.Head() {
		if len(r.heap) > 10 {
			t.Fatalf("holds %d things, want at most 10", len(r.heap))
		}
		r.Pop()
		n++
	}
	if n != len(times) {
		t.Errorf("yielded %d of %d", n, len(times))
	}
}

func TestEarliestMergesSources(t *testing.T) {
	sources := []*Buffer[int]{
		New(pullOf([]int64{2, 4, 8}), 4),
		New(pullOf(nil), 4),
		New(pullOf([]int64{1, 4, 9}), 4),
	}
	var got []int64
	for s, at := Earliest(sources); s != nil; s, at = Earliest(sources) {
		if x := s.Pop(); x.AtNs != at {
			t.Fatalf("popped %d, earliest said %d", x.AtNs, at)
		}
		got = append(got, at)
	}
	if want := []int64{1, 2, 4, 4, 8, 9}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
