package timeline

import (
	"cmp"
	"net/netip"
	"slices"

	"flowname/dnscache"
)

// A count is the second way through the history.
type count struct {
	*collector
	eras   []era
	phases []tally
	all    tally
	watch  netip.Addr

	client netip.Addr
	serial int      // of the client
	met    []*tally // what it was told of
}

// A tally is what was counted of a phase.
type tally struct {
	Phase
	found   bool
	of      map[int]*Address // by track
	serial  int              // of the client that was counted last
	firstNs int64            // when it was first told
}

func newCount(c *collector, eras []era, watch netip.Addr) *count {
	n := &count{collector: c, eras: eras, watch: watch, phases: make([]tally, len(eras))}
	for i := range n.phases {
		n.phases[i].of = map[int]*Address{}
		n.phases[i].Rotating = eras[i].rotating
	}
	return n
}

// add counts a run. Those of a client come together.
func (n *count) add(r *dnscache.Run) {
	n.keys = appendKeys(n.keys[:0], r, n.sinkholes)
	if len(n.keys) == 0 {
		return
	}
	if r.Client != n.client {
		n.endClient()
		n.client = r.Client
	}
	n.all.note(r)
	n.meet(&n.all, r.FirstNs)
	for _, k := range n.keys {
		if i, ok := n.phaseOf(k, r.FirstNs); ok {
			p := &n.phases[i]
			p.note(r)
			p.noteTrack(r, n.index[k], k.state)
			n.meet(p, r.FirstNs)
			return
		}
	}
	n.phases[n.eraAt(r.FirstNs)].Beside += r.Count
}

// eraAt is the era of a time.
func (n *count) eraAt(at int64) int {
	i, found := slices.BinarySearchFunc(n.eras, at, func(e era, at int64) int { return cmp.Compare(e.from, at) })
	if !found {
		i = max(i-1, 0)
	}
	return i
}

// phaseOf is the phase that evidence belongs to, if it is not beside that of its
// time; the nearest that has its address. What caches still gave after a change belongs to the phase before it; so do
// other states just after it, but failures: these are noise where they are not
// their time's.
func (n *count) phaseOf(k key, at int64) (phase int, ok bool) {
	track, ok := n.index[k]
	e := n.eraAt(at)
	switch {
	case !ok:
		return 0, false
	case holds(n.eras[e].set, track):
		return e, true
	case !k.state.HasAddress():
		late := e > 0 && k.state != Failed && at-n.eras[e].from <= n.settle
		return e - 1, late && holds(n.eras[e-1].set, track)
	}
	for away := 1; away < len(n.eras); away++ {
		for _, i := range [2]int{e - away, e + away} {
			if i >= 0 && i < len(n.eras) && holds(n.eras[i].set, track) {
				return i, true
			}
		}
	}
	return 0, false
}

// note takes a run into the sums.
func (t *tally) note(r *dnscache.Run) {
	if !t.found {
		t.found, t.FirstNs, t.LastNs = true, r.FirstNs, r.LastNs
	}
	t.FirstNs, t.LastNs = min(t.FirstNs, r.FirstNs), max(t.LastNs, r.LastNs)
	t.Count += r.Count
}

func (t *tally) noteTrack(r *dnscache.Run, track int, state State) {
	a := t.of[track]
	if a == nil {
		a = &Address{Addr: r.Addr, State: state, FirstNs: r.FirstNs, LastNs: r.LastNs}
		t.of[track] = a
	}
	a.FirstNs, a.LastNs = min(a.FirstNs, r.FirstNs), max(a.LastNs, r.LastNs)
	a.Count += r.Count
	if r.Canonical != "" && len(t.Aliases) < MaxAliases && !slices.Contains(t.Aliases, r.Canonical) {
		t.Aliases = append(t.Aliases, r.Canonical)
	}
	if state == Failed && !slices.Contains(t.RCodes, r.RCode) {
		t.RCodes = append(t.RCodes, r.RCode)
	}
}

// meet counts the client at hand for a phase, once.
func (n *count) meet(t *tally, at int64) {
	switch {
	case !n.client.IsValid():
	case t.serial != n.serial+1:
		t.serial, t.firstNs = n.serial+1, at
		t.ClientCount++
		n.met = append(n.met, t)
	default:
		t.firstNs = min(t.firstNs, at)
	}
}

// endClient lists the client where it was among the first.
func (n *count) endClient() {
	for _, t := range n.met {
		c := Client{n.client, t.firstNs}
		i, _ := slices.BinarySearchFunc(t.Clients, c, func(a, b Client) int {
			return cmp.Or(cmp.Compare(a.FirstNs, b.FirstNs), a.Addr.Compare(b.Addr))
		})
		if i < MaxClients {
			t.Clients = slices.Insert(t.Clients, i, c)
			t.Clients = t.Clients[:min(len(t.Clients), MaxClients)]
		}
	}
	n.met = n.met[:0]
	n.serial++
}

// finish makes the life of what was counted.
func (n *count) finish(life *Life) {
	n.endClient()
	life.FirstNs, life.Count, life.ClientCount = n.all.FirstNs, n.all.Count, n.all.ClientCount
	if c := n.all.Clients; len(c) > 0 && c[0].FirstNs == n.all.FirstNs {
		life.FirstClient = c[0].Addr
	}
	beside := uint64(0)
	for i := range n.phases {
		t := &n.phases[i]
		if !t.found { // caches had it, or it expired meanwhile
			beside += t.Beside
			continue
		}
		t.Beside += beside
		beside = 0
		t.list(n.watch)
		life.Phases = append(life.Phases, t.Phase)
	}
	if len(life.Phases) > 0 {
		life.Phases[len(life.Phases)-1].Beside += beside
	}
	slices.SortStableFunc(life.Phases, func(a, b Phase) int { return cmp.Compare(a.FirstNs, b.FirstNs) })
}

// list fills in the states and the addresses.
func (t *tally) list(watch netip.Addr) {
	var states [numStates]bool
	for _, a := range t.of {
		states[a.State] = true
		if a.State.HasAddress() {
			t.Addresses = append(t.Addresses, *a)
		}
	}
	first := true
	for s, is := range states {
		switch {
		case is && first:
			t.State, first = State(s), false
		case is:
			t.Also = append(t.Also, State(s))
		}
	}
	t.AddressCount = len(t.Addresses)
	slices.SortFunc(t.Addresses, func(a, b Address) int {
		if (a.Addr == watch) != (b.Addr == watch) {
			if a.Addr == watch {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(b.Count, a.Count), a.Addr.Compare(b.Addr))
	})
	t.Addresses = t.Addresses[:min(len(t.Addresses), MaxAddresses)]
	slices.SortFunc(t.Addresses, func(a, b Address) int {
		return cmp.Or(cmp.Compare(a.FirstNs, b.FirstNs), a.Addr.Compare(b.Addr))
	})
	slices.Sort(t.RCodes)
}
