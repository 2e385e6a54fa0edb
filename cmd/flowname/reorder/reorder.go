// Package reorder puts things from files in the order of their times, as far as a
// window of a bounded number of them allows, and says which of several files goes
// on first.
package reorder

import "container/heap"

// A Timed is one thing that happened at a time in Unix nanoseconds.
type Timed[T any] struct {
	AtNs  int64
	order uint64 // of arrival: equal times keep it
	Value T
}

// A Pull yields the next thing of a source; ok is false at its end.
type Pull[T any] func() (atNs int64, value T, ok bool)

// A Buffer puts a source in time order within a window of a bounded number
// of things: captures are written roughly in order, and a whole file of fewer
// things than the window comes out sorted.
type Buffer[T any] struct {
	next   Pull[T]
	window int
	heap   timedHeap[T]
	order  uint64
	ended  bool

	newestNs int64  // of what Pop has yielded
	late     uint64 // yielded behind what is later, in spite of the window
}

// New makes a Buffer of a source that holds as many things as the window is wide.
func New[T any](next Pull[T], window int) *Buffer[T] {
	return &Buffer[T]{next: next, window: window}
}

// Head is the time of the next thing that Pop will yield.
func (r *Buffer[T]) Head() (atNs int64, ok bool) {
	for !r.ended && len(r.heap) < r.window {
		at, v, ok := r.next()
		if !ok {
			r.ended = true
			break
		}
		r.order++
		heap.Push(&r.heap, Timed[T]{at, r.order, v})
	}
	if len(r.heap) == 0 {
		return 0, false
	}
	return r.heap[0].AtNs, true
}

// Pop yields the earliest thing in the window; call Head first.
func (r *Buffer[T]) Pop() Timed[T] {
	t := heap.Pop(&r.heap).(Timed[T])
	if t.AtNs < r.newestNs {
		r.late++
	}
	r.newestNs = max(r.newestNs, t.AtNs)
	return t
}

// Late is how many things Pop has yielded behind later ones: they came further
// out of order than the window holds.
func (r *Buffer[T]) Late() uint64 { return r.late }

// Earliest is the source whose next thing is earliest, the first of equals;
// nil when all have ended.
func Earliest[T any](sources []*Buffer[T]) (source *Buffer[T], atNs int64) {
	for _, s := range sources {
		if at, ok := s.Head(); ok && (source == nil || at < atNs) {
			source, atNs = s, at
		}
	}
	return source, atNs
}

type timedHeap[T any] []Timed[T]

func (h timedHeap[T]) Len() int { return len(h) }
func (h timedHeap[T]) Less(i, j int) bool {
	if h[i].AtNs != h[j].AtNs {
		return h[i].AtNs < h[j].AtNs
	}
	return h[i].order < h[j].order
}
func (h timedHeap[T]) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *timedHeap[T]) Push(x any)   { *h = append(*h, x.(Timed[T])) }
func (h *timedHeap[T]) Pop() any {
	old := *h
	last := old[len(old)-1]
	var zero Timed[T]
	old[len(old)-1] = zero
	*h = old[:len(old)-1]
	return last
}
