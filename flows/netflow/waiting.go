package netflow

import (
	"bytes"
	"slices"

	"flowname/flows"
)

// A wait is a data set that came before its template: a copy of its records,
// and what of its message they need to be read.
type wait struct {
	dom  *domain
	id   uint16
	body []byte

	receivedNs, exportNs  int64
	uptimeNs, uptimeErrNs int64
	uptime, sequenceNum   uint32

	known        bool // its domain had delivered flows when it came
	newer, older *wait
}

// waitOverhead is what a wait takes beside its body.
const waitOverhead = 192

func (w *wait) size() int { return len(w.body) + setHeaderLen }
func (w *wait) cost() int { return len(w.body) + waitOverhead }

// A waitRoom has all waits in the order in which they came: those of domains
// that have delivered flows before, and those of all others, which go first when
// there is no room.
type waitRoom struct {
	queues [2]waitQueue
	cost   int
}

type waitQueue struct{ newest, oldest *wait }

func (r *waitRoom) queue(w *wait) *waitQueue {
	if w.known {
		return &r.queues[1]
	}
	return &r.queues[0]
}

func (r *waitRoom) add(w *wait) {
	q := r.queue(w)
	w.older = q.newest
	if q.newest != nil {
		q.newest.newer = w
	} else {
		q.oldest = w
	}
	q.newest = w
	r.cost += w.cost()
}

func (r *waitRoom) remove(w *wait) {
	q := r.queue(w)
	if w.newer != nil {
		w.newer.older = w.older
	} else {
		q.newest = w.older
	}
	if w.older != nil {
		w.older.newer = w.newer
	} else {
		q.oldest = w.newer
	}
	r.cost -= w.cost()
}

// oldest is the wait that goes next.
func (r *waitRoom) oldest() *wait {
	if w := r.queues[0].oldest; w != nil {
		return w
	}
	return r.queues[1].oldest
}

// leave takes a wait out of the store, for this reason.
func (s *store) leave(w *wait, why Reason) {
	dom := w.dom
	s.waiting.remove(w)
	if i := slices.Index(dom.waits, w); i >= 0 { // the first, unless it was read
		dom.waits = slices.Delete(dom.waits, i, i+1)
	}
	s.left(w, why)
}

// left counts a wait that is in no list any more.
func (s *store) left(w *wait, why Reason) {
	dom := w.dom
	dom.waitSize -= w.cost()
	dom.account.Waiting.take(w.size())
	dom.account.Refused[why].add(w.size())
	if why == TemplateMissing {
		s.stats.WaitingExpired++
	} else {
		s.stats.WaitingEvicted++
	}
}

// dropWaits gives up all that waits in a domain, for this reason.
func (s *store) dropWaits(dom *domain, why Reason) {
	for _, w := range dom.waits {
		s.waiting.remove(w)
		s.left(w, why)
	}
	dom.waits = nil
}

// expireWaits gives up what has waited for too long.
func (s *store) expireWaits(nowNs int64) {
	for i := range s.waiting.queues {
		for {
			w := s.waiting.queues[i].oldest
			if w == nil || nowNs-w.receivedNs <= s.cfg.MaxWaitNs {
				break
			}
			s.leave(w, TemplateMissing)
		}
	}
}

// keep has a data set wait for its template. The oldest ones of its domain, and
// then of all, make room for it.
func (d *Decoder) keep(set dataSet, msg []byte) {
	m := &d.msg
	dom := m.domain
	size := set.end - set.start
	if size+waitOverhead > d.cfg.MaxWaitingPerDomain {
		d.stats.WaitingEvicted++
		d.refuse(WaitingRoomFull, size+setHeaderLen)
		return
	}
	for dom.waitSize+size+waitOverhead > d.cfg.MaxWaitingPerDomain {
		d.store.leave(dom.waits[0], WaitingRoomFull)
	}
	for d.store.waiting.cost+size+waitOverhead > d.cfg.MaxWaiting {
		d.store.leave(d.store.waiting.oldest(), WaitingRoomFull)
	}
	w := &wait{
		dom: dom, id: set.id, body: bytes.Clone(msg[set.start:set.end]),
		receivedNs: m.base.ReceivedNs, exportNs: m.exportNs,
		uptimeNs: m.uptimeNs, uptimeErrNs: m.uptimeErrNs,
		uptime: m.uptime, sequenceNum: m.base.SequenceNum,
		known: dom.standing >= delivering,
	}
	d.store.waiting.add(w)
	dom.waits = append(dom.waits, w)
	dom.waitSize += w.cost()
	dom.account.Waiting.add(w.size())
}

// appendLate reads the sets whose template has come: with the receive time and
// the header that they came with. In one datagram it begins none after MaxRecords
// records; what is left is read with the domain's next message.
func (d *Decoder) appendLate(dst []flows.Record) []flows.Record {
	if d.msg.late >= d.cfg.MaxRecords {
		return dst
	}
	dom := d.msg.domain
	present, before := d.msg, len(dst)
	d.msg.flows, d.msg.options = 0, 0
	limit := before + d.cfg.MaxRecords - present.late
	dom.ready = false
	stay := dom.waits[:0]
	for _, w := range dom.waits {
		t := dom.templates[w.id]
		if t == nil || len(dst) >= limit {
			dom.ready = dom.ready || t != nil
			stay = append(stay, w)
			continue
		}
		d.store.waiting.remove(w)
		dom.waitSize -= w.cost()
		dom.account.Waiting.take(w.size())
		dom.account.Late.add(w.size())
		dom.account.HeaderBytes += setHeaderLen
		d.stats.WaitingDecoded++
		dst = d.appendWait(dst, t, w)
	}
	clear(dom.waits[len(stay):])
	dom.waits = stay
	late := d.msg
	d.msg = present
	d.msg.err = late.err
	d.msg.late += len(dst) - before
	dom.account.Records += uint64(late.flows)
	dom.account.OptionsRecords += uint64(late.options)
	if late.flows > 0 {
		d.store.delivered(dom, present.base.ReceivedNs)
	}
	return dst
}

// appendWait reads one set as its message would have been read. The message's
// own counts go on in d.msg, which the caller puts back.
func (d *Decoder) appendWait(dst []flows.Record, t *template, w *wait) []flows.Record {
	m := &d.msg
	m.base.ReceivedNs, m.base.SequenceNum = w.receivedNs, w.sequenceNum
	m.base.SamplingRate = m.tables.onlyRate()
	m.exportNs, m.uptime, m.uptimeNs, m.uptimeErrNs = w.exportNs, w.uptime, w.uptimeNs, w.uptimeErrNs
	m.room = d.cfg.MaxRecords
	return d.appendData(dst, t, w.body, 0, len(w.body))
}
