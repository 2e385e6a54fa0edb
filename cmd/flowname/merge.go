package main

import "container/heap"

// A timed is one thing that happened at a time in Unix nanoseconds.
type timed[T any] struct {
	atNs  int64
	order uint64 // of arrival: equal times keep it
	value T
}

// A pull yields the next thing of a source; ok is false at its end.
type pull[T any] func() (atNs int64, value T, ok bool)

// A reorderer puts a source in time order within a window of a bounded number
// of things: captures are written roughly in order, and a whole file of fewer
// things than the window comes out sorted.
type reorderer[T any] struct {
	next   pull[T]
	window int
	heap   timedHeap[T]
	order  uint64
	ended  bool

	newestNs int64  // of what pop has yielded
	late     uint64 // yielded behind what is later, in spite of the window
}

func newReorderer[T any](next pull[T], window int) *reorderer[T] {
	return &reorderer[T]{next: next, window: window}
}

// head is the time of the next thing that pop will yield.
func (r *reorderer[T]) head() (atNs int64, ok bool) {
	for !r.ended && len(r.heap) < r.window {
		at, v, ok := r.next()
		if !ok {
			r.ended = true
			break
		}
		r.order++
		heap.Push(&r.heap, timed[T]{at, r.order, v})
	}
	if len(r.heap) == 0 {
		return 0, false
	}
	return r.heap[0].atNs, true
}

// pop yields the earliest thing in the window; call head first.
func (r *reorderer[T]) pop() timed[T] {
	t := heap.Pop(&r.heap).(timed[T])
	if t.atNs < r.newestNs {
		r.late++
	}
	r.newestNs = max(r.newestNs, t.atNs)
	return t
}

// earliest is the source whose next thing is earliest, the first of equals;
// nil when all have ended.
func earliest[T any](sources []*reorderer[T]) (source *reorderer[T], atNs int64) {
	for _, s := range sources {
		if at, ok := s.head(); ok && (source == nil || at < atNs) {
			source, atNs = s, at
		}
	}
	return source, atNs
}

type timedHeap[T any] []timed[T]

func (h timedHeap[T]) Len() int { return len(h) }
func (h timedHeap[T]) Less(i, j int) bool {
	if h[i].atNs != h[j].atNs {
		return h[i].atNs < h[j].atNs
	}
	return h[i].order < h[j].order
}
func (h timedHeap[T]) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *timedHeap[T]) Push(x any)   { *h = append(*h, x.(timed[T])) }
func (h *timedHeap[T]) Pop() any {
	old := *h
	last := old[len(old)-1]
	var zero timed[T]
	old[len(old)-1] = zero
	*h = old[:len(old)-1]
	return last
}
