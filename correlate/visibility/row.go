package visibility

import (
	"net/netip"
	"slices"
	"time"

	"flowname/correlate"
	"flowname/dnscache"
)

// A Row is what is known of a client.
type Row struct {
	Client netip.Addr
	// FirstNs and LastNs are when its first and last flow were received, Unix
	// nanoseconds of whole seconds.
	FirstNs, LastNs int64

	// Flows are those that count since FirstNs, by what names them or why nothing
	// does; Bytes are theirs, as exported, and OwnBytes those of flows with a name of
	// their own. Other flows do not count.
	Flows           [NumHows]uint64
	Bytes, OwnBytes uint64
	Other           uint64

	// Lately are the flows that count now: halved every 12 hours.
	Lately Lately

	// Outside and DoH are its flows to such resolvers since FirstNs. Resolver is the
	// last one that it asked, which was of kind Asked; the zero Addr: none was seen.
	Outside, DoH uint64
	Resolver     netip.Addr
	Kind         Asked

	// Sight is how its DNS is seen.
	Sight dnscache.Sight
}

// Lately is what counts now: flows, those with a name of their own, those that the
// client had looked up, those that others' evidence alone has names for, one or
// several; and flows to resolvers, by their kind.
type Lately struct {
	Flows, Own, LookedUp, Others uint64
	Asked                        [NumAsked]uint64

	period uint16
	share  uint16
}

// Total are all flows that count.
func (r *Row) Total() (n uint64) {
	for _, flows := range r.Flows {
		n += flows
	}
	return n
}

// Own are the flows with a name of their own.
func (r *Row) Own() uint64 { return r.Flows[LookedUp] + r.Flows[Told] }

// A Part is one of so many parts of all clients, from 0 on, so that all of them can be
// looked at without a copy of all. The zero Part is all.
type Part struct{ Number, Of uint32 }

func (p Part) has(key ip) bool {
	return p.Of <= 1 || uint32(fold(key.hi^secret0, key.lo^secret2)>>32)%p.Of == p.Number
}

// Clients is how many there are.
func (t *Table) Clients() int { return t.index.n }

// AppendRows appends the rows of a part, without their Sights, a thousand entries at
// a time: from a number on that is 0 at first. next is where the rest begins, 0 where
// there is none. A call takes less than 0.2 ms.
func (t *Table) AppendRows(dst []Row, part Part, from uint32) (all []Row, next uint32) {
	if from == 0 {
		t.drain()
		from = 1
	}
	to := min(from+chunkSize, t.next)
	for item := from; item < to; item++ {
		if e := t.at(item); e.first != 0 && part.has(e.key) {
			dst = append(dst, e.row())
		}
	}
	if to >= t.next {
		to = 0
	}
	return dst, to
}

func (e *entry) row() Row {
	r := Row{
		Client:  e.key.addr(),
		FirstNs: int64(e.first) * int64(time.Second), LastNs: int64(e.last) * int64(time.Second),
		Bytes: e.bytes, OwnBytes: e.ownBytes, Other: uint64(e.other),
		Outside: uint64(e.outside), DoH: uint64(e.doh), Resolver: e.resolver.addr(), Kind: e.kind,
	}
	for how, flows := range e.flows {
		r.Flows[how] = uint64(flows)
	}
	l := &e.lately
	r.Lately = Lately{
		Flows: uint64(l.flows), Own: uint64(l.own), LookedUp: uint64(l.lookedUp), Others: uint64(l.others),
		period: l.period, share: l.share,
	}
	for i, n := range e.askedLately {
		r.Lately.Asked[i+1] = uint64(n)
	}
	return r
}

// Merge adds up rows of the same client, and gives the rows in order of clients. It
// uses the memory of rows.
func Merge(rows []Row) []Row {
	slices.SortFunc(rows, func(a, b Row) int { return a.Client.Compare(b.Client) })
	kept := rows[:0]
	for i := range rows {
		if n := len(kept); n > 0 && kept[n-1].Client == rows[i].Client {
			kept[n-1].add(&rows[i])
			continue
		}
		kept = append(kept, rows[i])
	}
	return kept
}

// add adds what another table knows of the same client.
func (r *Row) add(o *Row) {
	if o.LastNs > r.LastNs && o.Kind != 0 || r.Kind == 0 {
		r.Resolver, r.Kind = o.Resolver, o.Kind
	}
	r.FirstNs, r.LastNs = min(r.FirstNs, o.FirstNs), max(r.LastNs, o.LastNs)
	for how := range r.Flows {
		r.Flows[how] += o.Flows[how]
	}
	r.Bytes += o.Bytes
	r.OwnBytes += o.OwnBytes
	r.Other += o.Other
	r.Outside += o.Outside
	r.DoH += o.DoH
	r.Lately.add(o.Lately)
}

// add adds what counts now, as of the later of the two periods.
func (l *Lately) add(o Lately) {
	if steps := o.period - l.period; steps < 1<<15 {
		l.halve(steps)
		l.period = o.period
	} else {
		o.halve(-steps)
	}
	if sum := l.Flows + o.Flows; sum > 0 {
		l.share = uint16((uint64(l.share)*l.Flows + uint64(o.share)*o.Flows) / sum)
	}
	l.Flows += o.Flows
	l.Own += o.Own
	l.LookedUp += o.LookedUp
	l.Others += o.Others
	for i := range l.Asked {
		l.Asked[i] += o.Asked[i]
	}
}

func (l *Lately) halve(steps uint16) {
	steps = min(steps, 63)
	l.Flows, l.Own, l.LookedUp, l.Others = l.Flows>>steps, l.Own>>steps, l.LookedUp>>steps, l.Others>>steps
	for i := range l.Asked {
		l.Asked[i] >>= steps
	}
}

// Restore puts back what was known of clients into a Table that has had no flows.
// Where there is no room, the rest is not taken, and counted.
func (t *Table) Restore(rows []Row) {
	for i := range rows {
		r := &rows[i]
		if !r.Client.IsValid() {
			continue
		}
		key := ipOf(r.Client)
		hash := t.hash(key)
		item := t.find(key, hash)
		if item != 0 {
			continue
		}
		if item = t.alloc(); item == 0 {
			t.stats.Refused++
			continue
		}
		t.index.insert(hash, item)
		*t.at(item) = r.entry(key)
	}
}

func (r *Row) entry(key ip) entry {
	e := entry{
		key: key, first: seconds(r.FirstNs), last: seconds(r.LastNs), bytes: r.Bytes, ownBytes: r.OwnBytes,
		other: clamp32(r.Other), outside: clamp32(r.Outside), doh: clamp32(r.DoH), kind: r.Kind % NumAsked,
	}
	if r.Resolver.IsValid() {
		e.resolver = ipOf(r.Resolver)
	}
	for how, flows := range r.Flows {
		e.flows[how] = clamp32(flows)
	}
	l := &r.Lately
	e.lately = lately{
		flows: clamp32(l.Flows), own: clamp32(l.Own), lookedUp: clamp32(l.LookedUp), others: clamp32(l.Others),
		share: l.share, period: l.period,
	}
	for i := range e.askedLately {
		e.askedLately[i] = uint16(min(l.Asked[i+1], 1<<16-1))
	}
	return e
}

func clamp32(n uint64) uint32 { return uint32(min(n, 1<<32-1)) }

// Network adds up rows: what is known of all clients together.
type Network struct {
	Clients         uint64
	By              [NumStatuses]uint64
	Flows           [NumHows]uint64
	Bytes, OwnBytes uint64
	Other           uint64
}

// AddRows adds clients, and gives each to visit, if that is not nil, with its status.
func (n *Network) AddRows(rows []Row, j *Judge, visit func(*Row, Status)) {
	for i := range rows {
		status := j.Of(&rows[i])
		n.Add(&rows[i], status)
		if visit != nil {
			visit(&rows[i], status)
		}
	}
}

// Add adds a client of a status.
func (n *Network) Add(r *Row, s Status) {
	n.Clients++
	n.By[s]++
	for how := range n.Flows {
		n.Flows[how] += r.Flows[how]
	}
	n.Bytes += r.Bytes
	n.OwnBytes += r.OwnBytes
	n.Other += r.Other
}

// Total are all flows that count, and Own those with a name of their own.
func (n *Network) Total() (total, own uint64) {
	for _, flows := range n.Flows {
		total += flows
	}
	return total, n.Flows[LookedUp] + n.Flows[Told]
}

// Tally is the flows and bytes that count, and those with a name of their own.
func (s *Stats) Tally() (all, own correlate.Tally) {
	for how, t := range s.By {
		all.Flows += t.Flows
		all.Bytes += t.Bytes
		if How(how).Own() {
			own.Flows += t.Flows
			own.Bytes += t.Bytes
		}
	}
	return all, own
}
