package hunt

import (
	"cmp"
	"net/netip"
	"slices"

	"flowname/correlate/export/flowlog"
)

// How says by what flows belong to an indicator, the strongest first.
type How uint8

const (
	// Named: the flow's own name matches the indicator, and is no guess.
	Named How = iota
	// ByAddress: the indicator is the address.
	ByAddress
	// Resolved: the client had resolved the name to the address, which was
	// current, and the flow has no name of its own.
	Resolved
	// OtherName: so, but the flow's own name is another: the address is shared,
	// and the client had a reason to go there for that one.
	OtherName
	// UnknownClient: the address was current by evidence that does not say who
	// had resolved it.
	UnknownClient
	// NoLookup: the address was current for other clients; this one is not
	// known to have resolved it, or anything else to this address. Or the flow's
	// own name matches, but only by what others resolved (basis others), or by
	// what the client resolved later.
	NoLookup
)

var howTexts = [...]string{"named", "address", "resolved", "other_name", "unknown_client", "no_lookup"}

// String is the text of the field "how".
func (h How) String() string { return howTexts[h] }

// accuses says whether the client itself is known to have to do with it.
func (h How) accuses() bool { return h <= Resolved }

// Flows is the sum of the flows between a client and an address.
type Flows struct {
	Client, Addr           netip.Addr
	How                    How
	Names                  []string // the flows' own, or those the address was current for; at most 8
	Flows                  uint64
	BytesTo, PacketsTo     uint64 // from the client to the address
	BytesFrom, PacketsFrom uint64
	FirstNs, LastNs        int64 // the first start and the last end
	Sampled                bool  // some counts are of samples, not scaled
}

type sumKey struct {
	client, addr netip.Addr
	how          How
}

type pair struct{ client, server netip.Addr }

// A target is an address that was current for names of an indicator, for one
// client or for anybody, with the times; once sealed they are in order and apart.
type target struct {
	indicator *Indicator
	names     []string // at most maxNames
	times     []span
	joined    int // how many there were when they were joined last
}

type span struct{ from, to int64 }

func (s span) touches(o span) bool { return s.from <= o.to && o.from <= s.to }

// open notes that the address of an answer is current for a while.
func (h *Hunter) open(x *Indicator, a *Answer) {
	times := span{a.FirstNs - int64(Early), cmp.Or(a.UntilNs, untilNs(a.LastNs, a.TTL))}
	key := pair{a.Client, a.Addr}
	h.lookups[key] = h.widen(h.lookups[key], x, a.Name, times)
	h.targets[a.Addr] = h.widen(h.targets[a.Addr], x, a.Name, times)
	h.sealed = false
}

// widen adds a time to the target of an indicator. Answers of an indicator come
// mostly one after the other, so that its target is the last.
func (h *Hunter) widen(targets []target, x *Indicator, name string, times span) []target {
	i := len(targets) - 1
	if i < 0 || targets[i].indicator != x {
		i = slices.IndexFunc(targets, func(t target) bool { return t.indicator == x })
	}
	if i < 0 {
		i = len(targets)
		targets = append(targets, target{indicator: x})
	}
	t := &targets[i]
	n := len(t.times)
	switch {
	case n > 0 && (t.times[n-1].touches(times) || h.times >= h.cfg.MaxTimes):
		last := &t.times[n-1]
		if !last.touches(times) {
			h.Widened++
		}
		last.from, last.to = min(last.from, times.from), max(last.to, times.to)
	default:
		t.times = append(t.times, times)
		h.times++
	}
	if n := len(t.times); n > 2*t.joined+64 { // clients one after the other had it
		h.times -= n
		t.join()
		h.times += len(t.times)
	}
	if len(t.names) < maxNames && !slices.Contains(t.names, name) {
		t.names = append(t.names, name)
	}
	return targets
}

// seal joins the times of each target.
func (h *Hunter) seal() {
	for _, targets := range h.targets {
		joinAll(targets)
	}
	for _, targets := range h.lookups {
		joinAll(targets)
	}
	h.sealed = true
}

func joinAll(targets []target) {
	for i := range targets {
		targets[i].join()
	}
}

// join makes of times that touch one, in order.
func (t *target) join() {
	slices.SortFunc(t.times, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	joined := t.times[:1]
	for _, s := range t.times[1:] {
		if last := &joined[len(joined)-1]; s.from <= last.to {
			last.to = max(last.to, s.to)
		} else {
			joined = append(joined, s)
		}
	}
	t.times, t.joined = joined, len(joined)
}

// at says whether the target was current.
func (t *target) at(ns int64) bool {
	_, found := slices.BinarySearchFunc(t.times, ns, func(s span, ns int64) int {
		switch {
		case s.to < ns:
			return -1
		case s.from > ns:
			return 1
		}
		return 0
	})
	return found
}

// A hit is what a flow is to an indicator.
type hit struct {
	indicator *Indicator
	how       How
	names     []string
	own       []byte // the flow's own name, in the line; or names are given
}

// Flow takes a flow of the log.
func (h *Hunter) Flow(g *flowlog.Glance) {
	if g.StartNs < h.cfg.FromNs || g.StartNs > h.cfg.ToNs {
		return
	}
	if !h.sealed {
		h.seal()
	}
	h.end(g, g.Src, g.Dst, &g.DstName, true)
	h.end(g, g.Dst, g.Src, &g.SrcName, false)
}

// end looks at one end of a flow as the server that the other one went to.
func (h *Hunter) end(g *flowlog.Glance, client, server netip.Addr, own *flowlog.Called, to bool) {
	h.hits = h.hits[:0]
	h.turn++
	sure := own.Name
	if !own.Sure() {
		sure = nil
	}
	h.entries = h.cfg.Set.AppendNameBytes(h.entries[:0], sure)
	h.hit(Named, sure)
	h.entries = h.cfg.Set.AppendAddr(h.entries[:0], server)
	h.hit(ByAddress, sure)
	if targets := h.targets[server]; len(targets) > 0 {
		h.current(targets, g.StartNs, client, server, own)
	}
	if len(own.Name) > len(sure) { // a guess accuses nobody
		h.entries = h.cfg.Set.AppendNameBytes(h.entries[:0], own.Name)
		h.hit(NoLookup, own.Name)
	}
	for i := range h.hits {
		h.sum(&h.hits[i], g, client, server, to)
	}
}

// hit notes the indicators of the entries at hand.
func (h *Hunter) hit(how How, own []byte) {
	for i := range h.entries {
		h.note(hit{indicator: h.indicator(&h.entries[i]), how: how, own: own})
	}
}

// note keeps of several hits of one indicator the first: they come in the order
// of How.
func (h *Hunter) note(n hit) {
	if n.indicator.turn != h.turn {
		n.indicator.turn = h.turn
		h.hits = append(h.hits, n)
	}
}

// current notes the indicators for whose names the address was current.
func (h *Hunter) current(targets []target, at int64, client, server netip.Addr, own *flowlog.Called) {
	how := Resolved
	if own.Sure() {
		how = OtherName // were it one that matches, it would be a hit already
	}
	h.looked(pair{client, server}, at, how)
	if !own.Sure() {
		h.looked(pair{netip.Addr{}, server}, at, UnknownClient)
	}
	for i := range targets {
		t := &targets[i]
		switch {
		case t.indicator.turn == h.turn:
		case !t.at(at):
			t.indicator.OtherTimes++
		case own.Sure():
			t.indicator.OtherNames++
		default:
			h.note(hit{indicator: t.indicator, how: NoLookup, names: t.names})
		}
	}
}

// looked notes what a client had looked up.
func (h *Hunter) looked(p pair, at int64, how How) {
	targets := h.lookups[p]
	for i := range targets {
		if t := &targets[i]; t.at(at) {
			h.note(hit{indicator: t.indicator, how: how, names: t.names})
		}
	}
}

// sum adds a flow to its client's.
func (h *Hunter) sum(n *hit, g *flowlog.Glance, client, server netip.Addr, to bool) {
	x := n.indicator
	if (n.how.accuses() || len(n.own) > 0) && (x.By == "" || g.StartNs < x.FirstNs) {
		name := string(n.own)
		if len(n.names) > 0 {
			name = n.names[0]
		}
		x.first(g.StartNs, "flow", client, name)
	}
	key := sumKey{client, server, n.how}
	f := x.sums[key]
	if f == nil {
		if h.sums == h.cfg.MaxEvidence {
			h.LeftOut++
			return
		}
		h.sums++
		f = &Flows{Client: client, Addr: server, How: n.how, Names: slices.Clone(n.names), FirstNs: g.StartNs}
		x.sums[key] = f
	}
	f.add(g, to)
	if len(n.own) > 0 && len(f.Names) < maxNames && !slices.ContainsFunc(f.Names, func(s string) bool { return s == string(n.own) }) {
		f.Names = append(f.Names, string(n.own))
	}
}

func (f *Flows) add(g *flowlog.Glance, to bool) {
	f.Flows++
	f.FirstNs, f.LastNs = min(f.FirstNs, g.StartNs), max(f.LastNs, g.StartNs, g.EndNs)
	f.Sampled = f.Sampled || g.Sampled
	if to {
		f.BytesTo += g.Bytes
		f.PacketsTo += g.Packets
		return
	}
	f.BytesFrom += g.Bytes
	f.PacketsFrom += g.Packets
}
