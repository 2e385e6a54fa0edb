package timeline

import (
	"cmp"
	"context"
	"net/netip"
	"slices"

	"flowname/dnscache"
)

// Carried is a name that an address had.
type Carried struct {
	Name            string
	State           State // of the address, by this name
	FirstNs, LastNs int64
	Count           uint64 // answers
	ClientCount     int    // of those that the sources could tell
	FirstClient     netip.Addr
	// Connections is how often somebody connected to the address by the name; where
	// that is all there is, the times are theirs.
	Connections uint64
	// Times are when the name had the address, each until it had others instead.
	Times []Time
}

// A Time is when a name had an address.
type Time struct {
	FirstNs, LastNs int64
	Count           uint64
}

const (
	// MaxNames bounds the names of an address.
	MaxNames = 1 << 18
	// manyNames is for how many names of an address it is looked up when they
	// had others instead.
	manyNames = 256
)

// Names tells which names q's address carried, in the order in which they came,
// and how many were left out because there are too many. Of an address with very
// many, Times are known of those with the most answers only, the others have one.
func Names(ctx context.Context, src Source, q dnscache.Query, cfg Config) (names []Carried, leftOut int, err error) {
	c := carriers{byName: map[string]*carrier{}, cfg: &cfg}
	if err := src.Runs(ctx, q, func(r *dnscache.Run) bool { c.add(r); return true }); err != nil {
		return nil, 0, err
	}
	all := make([]*carrier, 0, len(c.byName))
	for _, x := range c.byName {
		all = append(all, x)
	}
	slices.SortFunc(all, func(a, b *carrier) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name))
	})
	for i, x := range all {
		if x.Times = []Time{{x.FirstNs, x.LastNs, x.Count}}; i < manyNames && x.Count > 1 {
			if err := x.times(ctx, src, q, cfg); err != nil {
				return nil, 0, err
			}
		}
		names = append(names, x.Carried)
	}
	slices.SortFunc(names, func(a, b Carried) int {
		return cmp.Or(cmp.Compare(a.FirstNs, b.FirstNs), cmp.Compare(a.Name, b.Name))
	})
	return names, len(c.over), nil
}

type carriers struct {
	cfg    *Config
	byName map[string]*carrier
	over   map[string]bool
	last   *carrier
}

type carrier struct {
	Carried
	client    netip.Addr // the last
	connected bool       // there is nothing but connections
}

// add takes a run. Those of a client and a name come together.
func (c *carriers) add(r *dnscache.Run) {
	x := c.last
	if x == nil || x.Name != r.Name {
		if x = c.byName[r.Name]; x == nil {
			if len(c.byName) == MaxNames {
				c.leaveOut(r.Name)
				return
			}
			x = &carrier{connected: true}
			x.Name, x.FirstNs, x.LastNs = r.Name, r.FirstNs, r.LastNs
			c.byName[r.Name] = x
		}
		c.last = x
	}
	state := StateOf(r.Addr, cmp.Or(r.Canonical, r.Name), c.cfg.Sinkholes)
	if r.Kind == dnscache.KindConnection {
		x.Connections += r.Count
		if x.connected {
			x.State = state
			x.FirstNs, x.LastNs = min(x.FirstNs, r.FirstNs), max(x.LastNs, r.LastNs)
		}
		return
	}
	if x.connected { // so far
		x.connected, x.State, x.LastNs = false, state, 0
	}
	x.State = min(x.State, state)
	if x.Count == 0 || r.FirstNs < x.FirstNs {
		x.FirstNs, x.FirstClient = r.FirstNs, r.Client
	}
	x.LastNs = max(x.LastNs, r.LastNs)
	x.Count += r.Count
	if r.Client.IsValid() && r.Client != x.client {
		x.client = r.Client
		x.ClientCount++
	}
}

func (c *carriers) leaveOut(name string) {
	if c.over == nil {
		c.over = map[string]bool{}
	}
	if len(c.over) < MaxNames {
		c.over[name] = true
	}
}

// times finds when the name had the address and when it had others.
func (x *carrier) times(ctx context.Context, src Source, q dnscache.Query, cfg Config) error {
	addr := q.Addr.Unmap().WithZone("")
	q.Name, q.Addr = x.Name, netip.Addr{}
	cfg.Watch = addr
	life, err := Of(ctx, src, q, cfg)
	if err != nil {
		return err
	}
	var times []Time
	together := false // the phase before had the address too
	for i := range life.Phases {
		before := together
		together = false
		for _, a := range life.Phases[i].Addresses {
			switch {
			case a.Addr != addr:
				continue
			case before || together:
				t := &times[len(times)-1]
				t.FirstNs, t.LastNs, t.Count = min(t.FirstNs, a.FirstNs), max(t.LastNs, a.LastNs), t.Count+a.Count
			default:
				times = append(times, Time{a.FirstNs, a.LastNs, a.Count})
			}
			together = true
		}
	}
	if len(times) > 0 {
		x.Times = times
	}
	return nil
}
