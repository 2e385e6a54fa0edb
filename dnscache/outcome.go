package dnscache

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// An outcome is a run of responses that had no address for a name and said so:
// the name does not exist, it has none, or nobody could tell. Outcomes name
// nothing, so that they have tables of their own: no look-up of a flow ever meets
// one, whatever comes.
type outcome struct {
	client ip
	hash   uint64 // of its key: who, which name, what
	first  int64
	span   uint32
	count  uint32
	name   uint32
	canon  uint32
	filed  uint32 // Unix seconds
	older  uint32 // the entry of the same key that was filed before, if that is still there
	serial uint32 // which entry of its shard it is, of all there ever were
	about  uint16 // the question's type, see Response.outcome
	rcode  uint16
	source Source
	marks  uint8
}

// Marks of an outcome.
const (
	outcomeDirty  = 1 << iota // not written yet
	outcomeFlight             // Flush is writing it
	outcomeCheck              // the store may hold this key from before
)

// Question types and RCODEs that outcomes are about.
const (
	typeA     = 1
	typeAAAA  = 28
	typeSVCB  = 64
	typeHTTPS = 65

	rcodeNoError  = 0
	rcodeNXDomain = 3
)

// outcome says whether a response without addresses says something about those
// of its name, and by a question of which type: 0 for another than A, AAAA, SVCB
// and HTTPS, and where the source does not tell. That a name does not exist is
// true of all types (RFC 8020); what another type has not, or could not be told,
// says nothing.
func (r *Response) outcome() (about uint16, ok bool) {
	switch r.Type {
	case typeA, typeAAAA, typeSVCB, typeHTTPS:
		about = r.Type
	}
	switch r.RCode {
	case rcodeNoError:
		ok = about != 0
	case rcodeNXDomain:
		ok = true
	default:
		ok = about != 0 || r.Type == 0
	}
	return about, ok && !r.Partial && len(r.Name) > 0
}

// Bounds of what is kept of outcomes.
const (
	// outcomeShare is the part of MaxVersions that the index keeps of them, on
	// top of it.
	outcomeShare = 8
	// clientOutcomes is how many runs of one client the store takes in an hour
	// of filing, and outcomesAnHour how many it takes more than there were
	// answers since the hour before.
	clientOutcomes = 1 << 16
	outcomesAnHour = 1 << 20
)

// outcomes are the runs of outcomes that the index has, the last filed.
type outcomes struct {
	shards    [16]outcomeShard
	quota     uint32 // entries a shard
	opened    int64  // the newest evidence that the store had when it was opened
	allowance allowance
}

// outcomeShard is a ring: what was filed first makes room.
type outcomeShard struct {
	mu      sync.Mutex
	index   slots
	entries slab[outcome]
	hand    uint32 // the entry to be given next, once all are in use
	serial  uint32
	gone    int64 // of what made room, the newest time

	dirty, inFlight []uint32

	evicted, dropped atomic.Uint64
}

// fileOutcome files what a response without addresses says, if it does.
func (c *Cache) fileOutcome(who ip, r *Response, filedNs int64) {
	about, ok := r.outcome()
	if !ok {
		return
	}
	if !validName(r.Name) || len(r.Canonical) > 0 && !validName(r.Canonical) {
		c.count.badName.Add(1)
		return
	}
	c.count.outcomes.Add(1)
	x := outcome{
		client: who, first: r.TimeNs, count: 1, name: c.names.intern(r.Name), filed: toSeconds(filedNs),
		about: about, rcode: r.RCode, source: r.Source,
	}
	if x.name == 0 {
		c.count.badName.Add(1) // the table of names is full
		return
	}
	if string(r.Canonical) != string(r.Name) {
		x.canon = c.names.intern(r.Canonical)
	}
	// By the name's text and not by its number: that of a name that is dropped is
	// given to the next one.
	what := uint64(about)<<16 | uint64(x.rcode)
	x.hash = c.hash.ip(who, fold(c.hash.text(unsafe.String(&r.Name[0], len(r.Name)))^what, c.hash.k[2]|1))
	c.addOutcome(&x)
	c.names.release(x.name)
	c.names.release(x.canon)
	raise(&c.newest, r.TimeNs)
}

func (x *outcome) sameKey(o *outcome) bool {
	return x.client == o.client && x.name == o.name && x.about == o.about && x.rcode == o.rcode
}

func (x *outcome) last() int64 { return x.first + int64(x.span) }

// addOutcome puts an outcome into a run that it belongs to, or makes one.
func (c *Cache) addOutcome(x *outcome) {
	s := &c.outcomes.shards[x.hash>>60]
	s.mu.Lock()
	defer s.mu.Unlock()
	steps := 0
	for i := s.find(x); i != 0 && steps < maxChain; i = s.olderOf(i) {
		if v := s.entries.at(i); v.first <= x.first && x.first <= v.first+maxRun {
			c.extendOutcome(s, i, x)
			return
		}
		steps++
	}
	if c.store != nil {
		if !c.mayKeepOutcome(x) {
			s.dropped.Add(1)
			return
		}
		if x.first <= max(c.outcomes.opened, s.gone) || steps == maxChain {
			x.marks |= outcomeCheck
		}
	}
	c.insertOutcome(s, x)
}

func (s *outcomeShard) hashOf(i uint32) uint64 { return s.entries.at(i).hash }

// find is the entry of x's key that was filed last, 0 if there is none.
func (s *outcomeShard) find(x *outcome) uint32 {
	for i, pos := s.index.seek(x.hash, x.hash); i != 0; i, pos = s.index.seek(x.hash, pos+1) {
		if s.entries.at(i).sameKey(x) {
			return i
		}
	}
	return 0
}

// olderOf is the entry of i's key that was filed before it, 0 if that is gone.
func (s *outcomeShard) olderOf(i uint32) uint32 {
	v := s.entries.at(i)
	if v.older == 0 {
		return 0
	}
	o := s.entries.at(v.older)
	if !o.sameKey(v) || int32(o.serial-v.serial) >= 0 {
		return 0
	}
	return v.older
}

func (c *Cache) extendOutcome(s *outcomeShard, i uint32, x *outcome) {
	v := s.entries.at(i)
	if x.first == v.first || x.first == v.last() {
		return // the same, seen twice
	}
	v.count++
	if x.first > v.last() {
		v.span, v.source = uint32(x.first-v.first), x.source
		if v.canon != x.canon {
			c.names.release(v.canon)
			c.names.retain(x.canon)
			v.canon = x.canon
		}
	}
	v.filed = x.filed
	c.queueOutcome(s, i)
}

func (c *Cache) insertOutcome(s *outcomeShard, x *outcome) {
	i := c.outcomeRoom(s)
	if i == 0 {
		s.dropped.Add(1)
		return
	}
	s.serial++
	v := s.entries.at(i)
	*v = *x
	v.serial = s.serial
	v.older = s.find(x)
	c.names.retain(x.name)
	c.names.retain(x.canon)
	if v.older != 0 {
		s.index.replace(x.hash, v.older, i)
	} else {
		s.index.insert(x.hash, i, s.hashOf)
	}
	c.queueOutcome(s, i)
}

func (c *Cache) queueOutcome(s *outcomeShard, i uint32) {
	v := s.entries.at(i)
	if c.store == nil || v.marks&outcomeDirty != 0 {
		return
	}
	v.marks |= outcomeDirty
	s.dirty = append(s.dirty, i)
}

// outcomeRoom gives an entry: a new one, or that of the run that was filed
// first; 0 where that waits to be written.
func (c *Cache) outcomeRoom(s *outcomeShard) uint32 {
	if s.entries.next <= c.outcomes.quota {
		return s.entries.alloc()
	}
	i := s.hand + 1
	v := s.entries.at(i)
	if v.marks&(outcomeDirty|outcomeFlight) != 0 {
		return 0
	}
	s.hand = i % c.outcomes.quota
	if s.find(v) == i {
		s.index.remove(v.hash, i, s.hashOf)
	}
	s.gone = max(s.gone, v.last())
	c.names.release(v.name)
	c.names.release(v.canon)
	*v = outcome{}
	s.evicted.Add(1)
	return i
}

// allowance bounds what the store takes of outcomes, so that made-up names do
// not fill the disk: it grows by them at most as it does by answers, and a little.
type allowance struct {
	mu    sync.Mutex
	hour  uint32 // of filing
	began uint64 // answers before this hour
	prior uint64 // answers before the hour before
	taken uint64 // outcomes of this hour
}

func (a *allowance) take(hour uint32, answers uint64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if hour != a.hour {
		a.hour, a.prior, a.began, a.taken = hour, a.began, answers, 0
	}
	if a.taken >= outcomesAnHour+answers-a.prior {
		return false
	}
	a.taken++
	return true
}

// mayKeepOutcome counts a new run, and says whether the store takes it.
func (c *Cache) mayKeepOutcome(x *outcome) bool {
	hour := x.filed / uint32(time.Hour/time.Second)
	return c.clientMay(x.client, hour) && c.outcomes.allowance.take(hour, c.count.answers.Load())
}

// clientMay counts an outcome of a client, and says whether there were few enough
// in the hour. Evidence for any client is of many.
func (c *Cache) clientMay(p ip, hour uint32) bool {
	if p == anyClient {
		return true
	}
	h := c.hash.ip(p, saltClient)
	s := c.clientShard(h)
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(p, h)
	if i == 0 {
		return true // made room meanwhile: the bound on all still counts
	}
	e := s.entries.at(i)
	if e.hour != uint16(hour) {
		e.hour, e.outcomes = uint16(hour), 0
	}
	if e.outcomes == clientOutcomes {
		return false
	}
	e.outcomes++
	return true
}

// outcomes copies the dirty outcomes of a shard and writes them.
func (w *writer) outcomes(s *outcomeShard) {
	s.mu.Lock()
	w.queue = w.queue[:0]
	for _, i := range s.dirty {
		v := s.entries.at(i)
		v.marks = v.marks&^outcomeDirty | outcomeFlight
		x := w.cache.outcomeRun(v)
		w.queue = append(w.queue, writing{
			key: w.key(func(b []byte) []byte { return appendOutcomeKey(b, &x) }), run: x.run, filed: v.filed,
			check: v.marks&outcomeCheck != 0,
		})
	}
	s.inFlight = append(s.inFlight, s.dirty...)
	s.dirty = s.dirty[:0]
	s.mu.Unlock()
	for i := range w.queue {
		w.write(&w.queue[i])
	}
}

// outcomesLanded ends the flight of a shard's outcomes.
func (c *Cache) outcomesLanded(s *outcomeShard, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, i := range s.inFlight {
		v := s.entries.at(i)
		v.marks &^= outcomeFlight
		if !ok {
			c.queueOutcome(s, i)
		}
	}
	s.inFlight = s.inFlight[:0]
}

// outcomeRun is an outcome as the history has it.
type outcomeRun struct {
	name         string
	client       ip
	about, rcode uint16
	run          run
}

func (c *Cache) outcomeRun(v *outcome) outcomeRun {
	return outcomeRun{
		name: c.names.get(v.name), client: v.client, about: v.about, rcode: v.rcode,
		run: run{
			first: v.first, last: v.last(), count: uint64(v.count), ttl: UnknownTTL, source: v.source,
			canon: []byte(c.names.get(v.canon)),
		},
	}
}

// appendOutcomes copies what a query asks for of the index.
func (c *Cache) appendOutcomes(runs []outcomeRun, sk *sink) []outcomeRun {
	for i := range c.outcomes.shards {
		s := &c.outcomes.shards[i]
		s.mu.Lock()
		for i := uint32(1); i < s.entries.next; i++ {
			v := s.entries.at(i)
			if v.name == 0 || v.first > sk.to || v.last() < sk.from || !sk.asks(v.client) {
				continue
			}
			if x := c.outcomeRun(v); sk.wants(x.name) && sk.wanted(x.name, ip{hi: factPrefix}) {
				runs = append(runs, x)
			}
		}
		s.mu.Unlock()
	}
	slices.SortFunc(runs, func(a, b outcomeRun) int {
		return slices.Compare(appendOutcomeKey(nil, &a), appendOutcomeKey(nil, &b))
	})
	return runs
}
