package correlate

import (
	"math"
	"net/netip"
	"time"

	"flowname/dnscache"
	"flowname/flows"
	"flowname/geo"
)

// Grace is how long past its TTL an answer still counts as current: clients
// seldom use one for more than a minute longer (measured: 0.6-7.4 % of flows
// begin past the TTL, few of them by more).
const Grace = 60 * time.Second

// Config configures a Correlator.
type Config struct {
	// Wait is how long a flow without a good name waits for an answer that is
	// on its way. Zero: not at all.
	Wait time.Duration
	// WaitRoom is how many flows wait at most; zero: 65536.
	WaitRoom int
	// Connections is how many connections are remembered at most, of 48 bytes
	// each; zero: 524288.
	Connections int
	// FixClocks corrects the times of flows where their exporter's clock is known
	// to be wrong by LeastSkew or more.
	FixClocks bool
	// Ahead, where there is one, is told of most flows shortly before they are handed
	// out: the record, and what the cache has first for each end, nil for
	// nothing. What the flow will need can be brought near meanwhile.
	Ahead func(r *flows.Record, src, dst *dnscache.Match)
	// Seed spreads connections over their memory. A daemon wants a secret one; a
	// replay the same each time, so that a full memory forgets the same.
	Seed uint64
}

// A Correlator joins flows to names. It belongs to one goroutine.
type Correlator struct {
	cfg     Config
	cache   *dnscache.Cache
	geo     *geo.Cursor
	waiting waitingRoom
	conns   connections
	told    told
	clocks  clocks
	stats   Stats

	ties    []tie            // of the records that are being joined
	batch   dnscache.Batch   // what was looked up for some of them
	again   dnscache.Batch   // what was looked up for one of them
	flow    Flow             // handed out, reused
	matches []dnscache.Match // scratch
	asked   []dnscache.Match // scratch
	made    []dnscache.Made  // scratch
	dst     []Candidate      // storage of flow.Dst.Candidates
	src     []Candidate      // storage of flow.Src.Candidates
}

// New returns a Correlator that takes names from cache and geography from
// geo; geo may be nil.
func New(cfg Config, cache *dnscache.Cache, cursor *geo.Cursor) *Correlator {
	if cfg.WaitRoom == 0 {
		cfg.WaitRoom = 1 << 16
	}
	if cfg.Connections == 0 {
		cfg.Connections = 1 << 19
	}
	if cfg.Wait <= 0 {
		cfg.Wait, cfg.WaitRoom = 0, 0
	}
	return &Correlator{
		cfg:     cfg,
		cache:   cache,
		geo:     cursor,
		waiting: newWaitingRoom(cfg.WaitRoom),
		conns:   newConnections(cfg.Connections, cfg.Seed),
		ties:    make([]tie, 0, 2048), // a large batch; it grows with a larger one
		matches: make([]dnscache.Match, 0, 4*MaxCandidates),
		asked:   make([]dnscache.Match, 0, 8*MaxCandidates),
		made:    make([]dnscache.Made, 0, 4*MaxCandidates),
		dst:     make([]Candidate, 0, MaxCandidates),
		src:     make([]Candidate, 0, MaxCandidates),
	}
}

// Join hands records to emit as enriched flows, at once or, where an answer
// may be on its way, in a later call. The records are copied where they stay.
// Records that came together are best given together: all of them are looked
// at for the starts of their connections before the first is decided.
func (c *Correlator) Join(records []flows.Record, nowNs int64, emit func(*Flow)) {
	c.Release(nowNs, emit)
	if c.cfg.FixClocks {
		c.shiftAll(records)
	}
	c.tieAll(records)
	for from := 0; from < len(records); from += lookAhead {
		to := min(from+lookAhead, len(records))
		c.batch.Reset()
		for i := from; i < to; i++ {
			connection := c.conns.at(c.ties[i].at)
			c.ask(&c.batch, &records[i], &c.ties[i], connection.startNs, connection.startErrorNs)
		}
		c.cache.LookUp(&c.batch)
		for i := from; i < min(from+joinAhead, to); i++ {
			c.tellAhead(&records[i], &c.ties[i])
		}
		for i := from; i < to; i++ {
			if next := i + joinAhead; next < to {
				c.conns.fetchAt(c.ties[next].at)
				c.tellAhead(&records[next], &c.ties[next])
			}
			c.join(&records[i], c.ties[i], nowNs, emit)
		}
	}
}

// tellAhead tells of a flow that was looked up in the batch.
func (c *Correlator) tellAhead(r *flows.Record, t *tie) {
	if c.cfg.Ahead == nil {
		return
	}
	var src, dst *dnscache.Match
	if m, _ := c.batch.Answer(int(t.asked)); len(m) > 0 {
		dst = &m[0]
	}
	if m, _ := c.batch.Answer(int(t.asked) + 1); len(m) > 0 {
		src = &m[0]
	}
	c.cfg.Ahead(r, src, dst)
}

// A tie is a record's connection: its id, where it was when it was last looked
// for, and whether the record's source is its higher end.
type tie struct {
	id      uint64
	at      place
	swapped bool

	// Names were looked up as of this start: the destination's by the batch's
	// look-up asked, the source's by the next. -1 is not at all.
	asked        int32
	startNs      int64
	startErrorNs int64
}

// lookAhead is how many flows' names are looked up together. It makes groups of
// eight for each of the cache's shards; what is found stays in a core's cache.
const lookAhead = 256

// joinAhead is how many flows ahead of the one that is joined a connection is
// fetched again: the look-ups have driven it out of the nearest cache.
const joinAhead = 8

// ask adds the look-ups of a record's ends to a batch, as of a start.
func (c *Correlator) ask(b *dnscache.Batch, r *flows.Record, t *tie, startNs, startErrorNs int64) {
	t.asked, t.startNs, t.startErrorNs = int32(b.Len()), startNs, startErrorNs
	src, dst := r.Src, r.Dst
	if !resolvable(src) {
		src = netip.Addr{}
	}
	if !resolvable(dst) {
		dst = netip.Addr{}
	}
	b.Add(src, dst, startNs, startErrorNs, math.MaxInt64)
	b.Add(dst, src, startNs, startErrorNs, math.MaxInt64)
}

// fetchAhead is how many connections are fetched before they are touched: more
// than a core waits for at a time, few enough to be in its nearest cache still.
const fetchAhead = 64

// tieAll fills c.ties: it finds or begins the connections of all records.
func (c *Correlator) tieAll(records []flows.Record) {
	c.ties = c.ties[:0]
	for len(records) > 0 {
		part := records[:min(len(records), fetchAhead)]
		records = records[len(part):]
		first := len(c.ties)
		for i := range part {
			id, swapped := c.conns.id(&part[i])
			c.conns.fetch(id)
			c.ties = append(c.ties, tie{id: id, swapped: swapped, asked: -1})
		}
		for i := range part {
			c.conns.aim(c.ties[first+i].id)
		}
		for i := range part {
			t := &c.ties[first+i]
			t.at = c.conns.touch(t.id, &part[i])
		}
	}
}

// Release hands out the flows that have waited long enough.
func (c *Correlator) Release(nowNs int64, emit func(*Flow)) {
	for n := c.waiting.due(nowNs, lookAhead); n > 0; n = c.waiting.due(nowNs, lookAhead) {
		c.releaseSome(n, emit)
	}
}

// releaseSome hands out the n flows that have waited longest, at most lookAhead.
// Their connections are only looked at before they are decided one by one.
func (c *Correlator) releaseSome(n int, emit func(*Flow)) {
	c.ties = c.ties[:0]
	for i := range n {
		id, swapped := c.conns.id(c.waiting.at(i))
		c.conns.fetch(id)
		c.reshift(c.waiting.at(i), id)
		c.ties = append(c.ties, tie{id: id, swapped: swapped})
	}
	c.batch.Reset()
	for i := range n {
		t, r := &c.ties[i], c.waiting.at(i)
		startNs, startErrorNs := r.StartNs, r.StartErrorNs
		if at, ok := c.conns.find(t.id); ok {
			connection := c.conns.at(at)
			startNs, startErrorNs = connection.startNs, connection.startErrorNs
		}
		c.ask(&c.batch, r, t, startNs, startErrorNs)
	}
	c.cache.LookUp(&c.batch)
	for i := range n {
		c.releaseFront(c.ties[i], emit)
	}
}

// Drain hands out all that still wait.
func (c *Correlator) Drain(emit func(*Flow)) {
	c.Release(math.MaxInt64, emit)
}

// releaseFirst hands out the flow that has waited longest.
func (c *Correlator) releaseFirst(emit func(*Flow)) {
	id, swapped := c.conns.id(c.waiting.at(0))
	c.reshift(c.waiting.at(0), id)
	c.releaseFront(tie{id: id, swapped: swapped, asked: -1}, emit)
}

func (c *Correlator) releaseFront(t tie, emit func(*Flow)) {
	r := c.waiting.at(0)
	t.at = c.conns.touch(t.id, r)
	c.decide(r, &t)
	if b := c.flow.Basis(); b != 0 && b <= ClientExpired {
		c.stats.WaitedNamed++
	}
	c.hand(&t, emit)
	c.waiting.pop()
}

func (c *Correlator) join(r *flows.Record, t tie, nowNs int64, emit func(*Flow)) {
	t.at = c.conns.again(t.at, t.id, r) // those before it may have taken its place
	c.decide(r, &t)
	if c.cfg.FixClocks {
		c.sample(r, c.conns.at(t.at))
	}
	if c.cfg.Wait > 0 && c.mayImprove() {
		if c.waiting.full() {
			c.stats.WaitRoomFull++
			c.releaseFirst(emit)
		}
		c.stats.Waited++
		c.waiting.push(r, nowNs+int64(c.cfg.Wait))
		return
	}
	c.hand(&t, emit)
}

// hand completes the decided flow of a connection and gives it away.
func (c *Correlator) hand(t *tie, emit func(*Flow)) {
	f := &c.flow
	a, b := firstName(&f.Src), firstName(&f.Dst)
	if t.swapped {
		a, b = b, a
	}
	connection := c.conns.at(t.at)
	if f.HostName != "" { // what an exporter tells is told for the connection
		connection.forget(f.ServerIsDst() == t.swapped)
	}
	if f.Dst.told() {
		connection.forget(t.swapped)
	}
	if f.Src.told() {
		connection.forget(!t.swapped)
	}
	connection.name(a, b)
	if c.geo != nil {
		f.Src.Geo = c.geo.Place(f.Record.Src)
		f.Dst.Geo = c.geo.Place(f.Record.Dst)
	}
	c.stats.count(f)
	emit(f)
}

// firstName is the hash of an end's name; 0 where it has none.
func firstName(e *End) uint32 {
	if !e.Named {
		return 0
	}
	return hashName(e.Candidates[0].Name)
}

// mayImprove tells whether an answer yet to come could give the decided flow
// a better name: it has none by its client's own answers, and could have.
func (c *Correlator) mayImprove() bool {
	if c.flow.Unnamed == NotResolvable {
		return false
	}
	b := c.flow.Basis()
	return b == 0 || b > ClientExpired
}

// decide fills c.flow's names and reason. The connection of t was touched for r
// just now.
func (c *Correlator) decide(r *flows.Record, t *tie) {
	connection := c.conns.at(t.at)
	srcFirst, dstFirst := connection.a, connection.b
	if t.swapped {
		srcFirst, dstFirst = dstFirst, srcFirst
	}
	f := &c.flow
	f.Record, f.Unnamed, f.BeganNs = r, 0, connection.startNs
	f.findServer()
	f.Dst.Named, f.Dst.Candidates = false, c.dst[:0]
	f.Src.Named, f.Src.Candidates = false, c.src[:0]
	f.Dst.Domain, f.Src.Domain, f.Findings = "", "", f.Findings[:0]
	b := &c.batch
	if t.asked < 0 || t.startNs != connection.startNs || t.startErrorNs != connection.startErrorNs {
		b = &c.again // nothing was asked, or for another connection
		b.Reset()
		c.ask(b, r, t, connection.startNs, connection.startErrorNs)
		c.cache.LookUp(b)
	}
	dst := ends{client: r.Src, addr: r.Dst, xlateClient: r.XlateSrc, xlateAddr: r.XlateDst}
	src := ends{client: r.Dst, addr: r.Src, xlateClient: r.XlateDst, xlateAddr: r.XlateSrc}
	if c.cache.HasConnections() {
		f.Dst.Program, f.Src.Program = dnscache.Program{}, dnscache.Program{}
		c.tellMade(&f.Dst, &f.Src, r, false, connection)
		c.tellMade(&f.Src, &f.Dst, r, true, connection)
	}
	c.nameEnd(&f.Dst, &dst, b, t.asked, connection, dstFirst)
	c.nameEnd(&f.Src, &src, b, t.asked+1, connection, srcFirst)
	if f.HostName != "" {
		c.nameServer(f)
	}
	if !f.Dst.Named && !f.Src.Named {
		f.Unnamed = c.reason(f, connection.startNs+connection.startErrorNs)
	}
}

// ends are the address to be named and its client, each with its address on the
// other side of a NAT, where there is one.
type ends struct{ client, addr, xlateClient, xlateAddr netip.Addr }

// nameEnd names an end by the answer of a look-up, as of the connection's start.
// firstName is the hash of the name that an earlier slice was given, if any.
func (c *Correlator) nameEnd(e *End, x *ends, b *dnscache.Batch, number int32, connection *conn, firstName uint32) {
	if !resolvable(x.addr) {
		return
	}
	until := connection.startNs + connection.startErrorNs
	told := len(e.Candidates)
	matches, others := b.Answer(int(number))
	if others || len(matches) == 0 {
		if own := c.translated(x, connection); len(own) > 0 {
			matches, others = own, false // the client's own answer outranks what others had
		}
	}
	if c.cache.HasQuestions() {
		if c.appendAsked(x, connection); len(c.asked) > 0 && others {
			matches, others = nil, false
		}
	}
	switch {
	case told > 0 || len(c.asked) > 0:
		c.addAll(e, matches, others, connection)
	case others:
		for i := range matches {
			e.add(&matches[i], Others)
		}
	default:
		for i := range matches {
			e.add(&matches[i], basisOf(&matches[i], connection.startNs, until))
		}
	}
	e.Named = e.Named || len(e.Candidates) == 1 || len(e.Candidates) > 1 && !others
	switch {
	case firstName == 0:
	case told == 0:
		c.leadWith(e, firstName, x.addr, until)
	default:
		c.leadTold(e, firstName)
	}
}

// translated is the client's answers for an end where addresses are
// translated: client and server each know the other by the address on their own
// side, and exporters differ in which side the flow's own addresses are from. So
// the client's answers are looked for by its other address, and then by the
// server's.
func (c *Correlator) translated(x *ends, connection *conn) []dnscache.Match {
	if x.xlateClient.IsValid() {
		if own := c.resolved(x.xlateClient, x.addr, connection); len(own) > 0 {
			return own
		}
	}
	if x.xlateAddr.IsValid() {
		return c.resolved(x.client, x.xlateAddr, connection)
	}
	return nil
}

// resolved is the answers that client had for addr, valid until it is called
// again.
func (c *Correlator) resolved(client, addr netip.Addr, connection *conn) []dnscache.Match {
	if !resolvable(client) {
		return nil
	}
	c.matches = c.cache.AppendClient(c.matches[:0], client, addr, connection.startNs, connection.startErrorNs, math.MaxInt64)
	return c.matches
}

// leadWith puts the connection's first name before the other candidates. A
// name that others' answers gave may have been displaced since by the client's
// own: it stays the connection's.
func (c *Correlator) leadWith(e *End, firstName uint32, addr netip.Addr, untilNs int64) {
	if e.lead(firstName) {
		return
	}
	c.matches = c.cache.AppendOthers(c.matches[:0], addr, untilNs)
	for i := range c.matches {
		if hashName(c.matches[i].Name) == firstName {
			e.Candidates = e.Candidates[:min(len(e.Candidates), MaxCandidates-1)]
			e.add(&c.matches[i], Others)
			e.lead(firstName)
			return
		}
	}
	if name := c.told.find(firstName); name != "" {
		e.tell(name, firstName)
	}
}

// basisOf grades one of the client's own answers.
func basisOf(m *dnscache.Match, startNs, untilNs int64) Basis {
	switch {
	case m.AtNs > untilNs:
		return ClientLater
	case startNs-m.AtNs > int64(dnscache.Lifetime(m.TTL)+Grace):
		return ClientExpired
	}
	return Client
}

func (e *End) add(m *dnscache.Match, b Basis) {
	if len(e.Candidates) == MaxCandidates {
		return
	}
	e.Candidates = append(e.Candidates, Candidate{
		Name: m.Name, Canonical: m.Canonical, Basis: b, AnsweredNs: m.AtNs, TTL: m.TTL, Source: m.Source,
		DomainAt: m.DomainAt, CanonicalAt: m.CanonicalAt,
	})
}

// lead moves a candidate to the front by the hash of its name; false where there
// is none such.
func (e *End) lead(name uint32) bool {
	for at := range e.Candidates {
		if hashName(e.Candidates[at].Name) != name {
			continue
		}
		found := e.Candidates[at]
		copy(e.Candidates[1:at+1], e.Candidates[:at])
		e.Candidates[0] = found
		e.Named = true
		return true
	}
	return false
}

// reason tells why neither end has a name, for the end that would be the
// server's.
func (c *Correlator) reason(f *Flow, untilNs int64) Reason {
	server, client, inside, end := f.Record.Dst, f.Record.Src, f.XlateSrc, &f.Dst
	if !f.ServerIsDst() {
		server, client, inside, end = client, server, f.XlateDst, &f.Src
	}
	switch {
	case !resolvable(server):
		return NotResolvable
	case len(end.Candidates) > 1:
		return Ambiguous
	}
	if began := c.cache.BeganNs(); began != 0 && untilNs < began {
		return BeforeSensor
	}
	if !c.cache.ClientSeen(client) && !(inside.IsValid() && c.cache.ClientSeen(inside)) {
		return ClientUnseen
	}
	return NoAnswer
}
