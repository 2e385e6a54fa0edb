package correlate

import "flowname/flows"

// waitingRoom is a ring of flows that wait for an answer, first in first out:
// all wait equally long, so the first is due first.
type waitingRoom struct {
	ring  []waiting
	first int
	count int
}

type waiting struct {
	record flows.Record
	dueNs  int64
}

func newWaitingRoom(size int) waitingRoom { return waitingRoom{ring: make([]waiting, size)} }

func (w *waitingRoom) full() bool { return w.count == len(w.ring) }

// push copies a record in; the room must not be full.
func (w *waitingRoom) push(r *flows.Record, dueNs int64) {
	slot := &w.ring[(w.first+w.count)%len(w.ring)]
	slot.record, slot.dueNs = *r, dueNs
	w.count++
}

// at is the flow that has waited longest but i.
func (w *waitingRoom) at(i int) *flows.Record {
	return &w.ring[(w.first+i)%len(w.ring)].record
}

// due is how many flows are due at a time, but no more than most are counted.
func (w *waitingRoom) due(nowNs int64, most int) int {
	n := 0
	for n < min(w.count, most) && w.ring[(w.first+n)%len(w.ring)].dueNs <= nowNs {
		n++
	}
	return n
}

// pop removes the front, which is no longer valid then.
func (w *waitingRoom) pop() {
	w.first = (w.first + 1) % len(w.ring)
	w.count--
}
