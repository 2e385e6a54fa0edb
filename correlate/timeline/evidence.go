package timeline

import (
	"cmp"
	"net/netip"
	"slices"

	"flowname/correlate"
	"flowname/correlate/indicators"
	"flowname/dnscache"
)

// Families of addresses, for which a name is asked apart.
const (
	four = 1 << iota
	six
)

// A key is one thing that a name can be said to be in a family.
type key struct {
	state State
	addr  netip.Addr // the zero Addr where there is none
	// family is neither where the question was for a service (HTTPS, SVCB), whose
	// lack says nothing.
	family uint8
}

// appendKeys appends what a run says of its name's addresses: nothing, or one key
// a family.
func appendKeys(keys []key, r *dnscache.Run, sinkholes *indicators.Set) []key {
	switch r.Kind {
	case dnscache.KindAnswer:
		k := key{addr: r.Addr, state: StateOf(r.Addr, cmp.Or(r.Canonical, r.Name), sinkholes), family: six}
		if r.Addr.Is4() {
			k.family = four
		}
		return append(keys, k)
	case dnscache.KindOutcome:
		state, service := Failed, r.Type == 64 || r.Type == 65
		switch r.RCode {
		case 0:
			state = Empty
		case 3:
			state, service = Absent, false // there is no such name at all (RFC 8020)
		}
		switch {
		case service:
			return append(keys, key{state: state})
		case r.Type == 1:
			return append(keys, key{state: state, family: four})
		case r.Type == 28:
			return append(keys, key{state: state, family: six})
		}
		return append(keys, key{state: state, family: four}, key{state: state, family: six})
	}
	return keys
}

// A track is the evidence of a key.
type track struct {
	key
	ttl  uint32 // the longest, in seconds
	seen []span
	// bridges are gaps in which a client kept it: it had it before and after, and
	// nothing else between. breaks are those in which a client saw another state.
	bridges []span
	breaks  []span
}

// cached is how old what is told can be, as far as it says itself.
func (t *track) cached() int64 { return int64(t.ttl)*1e9 + int64(correlate.Grace) }

// A point is a run of one client.
type point struct {
	track int
	span
}

// Bounds of what is kept of a name.
const (
	// maxSpans bounds the spans of all tracks. Above it, spans that are near to
	// each other are put together.
	maxSpans = 1 << 18
	// maxPoints bounds the runs of one client that are looked at together.
	maxPoints = 1 << 20
	// maxBreaks bounds the breaks that are kept.
	maxBreaks = 1 << 14
	// maxTracks bounds the addresses that are told apart.
	maxTracks = 1 << 18
)

// A collector takes all evidence of a name once, client by client.
type collector struct {
	sinkholes *indicators.Set
	settle    int64 // the least that phases are made by
	widest    int64 // the most

	index  map[key]int
	tracks []*track
	client netip.Addr
	points []point
	spans  int
	apart  int64 // how far from each other spans are put together
	breaks int
	keys   []key // scratch

	answers map[question]*answer
}

func newCollector(cfg *Config) *collector {
	return &collector{
		sinkholes: cfg.Sinkholes, settle: int64(cfg.Settle), widest: int64(max(cfg.Settle, widestSettle)), index: map[key]int{}, answers: map[question]*answer{},
	}
}

// add takes a run. Those of a client come together.
func (c *collector) add(r *dnscache.Run) {
	c.keys = appendKeys(c.keys[:0], r, c.sinkholes)
	if len(c.keys) > 0 && (r.Client != c.client || len(c.points) >= maxPoints) {
		c.endClient()
		c.client = r.Client
	}
	for _, k := range c.keys {
		c.addKey(k, r)
	}
}

func (c *collector) addKey(k key, r *dnscache.Run) {
	i, ok := c.index[k]
	if !ok {
		if len(c.tracks) == maxTracks {
			return // counted beside the phases
		}
		i = len(c.tracks)
		c.index[k] = i
		c.tracks = append(c.tracks, &track{key: k})
	}
	t := c.tracks[i]
	if r.Kind == dnscache.KindAnswer {
		t.ttl = max(t.ttl, uint32(dnscache.Lifetime(r.TTL)/1e9))
	}
	t.seen = append(t.seen, span{r.FirstNs, r.LastNs})
	c.points = append(c.points, point{i, span{r.FirstNs, r.LastNs}})
	if c.spans++; c.spans > maxSpans {
		c.condense()
	}
}

// condense makes fewer spans.
func (c *collector) condense() {
	for {
		c.spans = 0
		for _, t := range c.tracks {
			t.seen, t.bridges = join(t.seen, c.apart), join(t.bridges, 0)
			c.spans += len(t.seen) + len(t.bridges)
		}
		if c.spans <= maxSpans/2 || c.apart > c.widest {
			return
		}
		c.apart = max(1e9, 2*c.apart)
	}
}

// finish ends the collection.
func (c *collector) finish() {
	c.endClient()
	for _, t := range c.tracks {
		t.seen, t.bridges = join(t.seen, c.apart), join(t.bridges, 0)
	}
}

// endClient looks at what one client was told, in order of time: what it kept,
// and what it saw go and come again. Those that the source could not tell are
// many, and keep nothing.
func (c *collector) endClient() {
	if c.client.IsValid() && len(c.points) > 1 {
		slices.SortFunc(c.points, func(a, b point) int {
			return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(a.track, b.track))
		})
		for _, family := range []uint8{four, six} {
			v := view{collector: c, family: family, ended: map[int]int64{}}
			v.walk()
		}
	}
	c.points = c.points[:0]
}

// A view is what a client was told in one family.
type view struct {
	*collector
	family uint8
	ended  map[int]int64 // when each track was last seen to end
	// The two tracks that were told last, and when; and when each state was.
	latest  [2]struct{ track, at int64 }
	states  [numStates]int64
	started bool
}

func (v *view) walk() {
	for from := 0; from < len(v.points); {
		to := from
		for to < len(v.points) && v.points[to].first == v.points[from].first {
			to++
		}
		for _, p := range v.points[from:to] {
			if v.tracks[p.track].family&v.family != 0 {
				v.compare(p)
			}
		}
		for _, p := range v.points[from:to] {
			if v.tracks[p.track].family&v.family != 0 {
				v.note(p)
			}
		}
		from = to
	}
}

// compare looks at the gap before a point.
func (v *view) compare(p point) {
	ended, ok := v.ended[p.track]
	if !ok || ended >= p.first {
		return
	}
	t := v.tracks[p.track]
	other := v.latest[0].at
	if v.latest[0].track == int64(p.track) {
		other = v.latest[1].at
	}
	gap := p.first - ended
	if other <= ended {
		if gap > v.settle {
			t.bridges = append(t.bridges, span{ended, p.first})
			v.spans++
		}
		return
	}
	if gap <= t.cached() {
		return // not all of the caches that it asks knew yet
	}
	for s, at := range v.states {
		if State(s) != t.state && at > ended && gap <= v.widest && v.breaks < maxBreaks {
			t.breaks = append(t.breaks, span{ended, p.first})
			v.breaks++
			return
		}
	}
}

// note remembers a point.
func (v *view) note(p point) {
	v.ended[p.track] = max(v.ended[p.track], p.last)
	v.states[v.tracks[p.track].state] = p.first
	if v.latest[0].track != int64(p.track) || !v.started {
		if v.started {
			v.latest[1] = v.latest[0]
		}
		v.latest[0].track, v.started = int64(p.track), true
	}
	v.latest[0].at = p.first
}
