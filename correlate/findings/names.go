package findings

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"flowname/dnscache"
	"flowname/dnscache/firstseen"
	"flowname/geo"
)

// Bounds of Names.
const (
	nameShards = 64
	nameWays   = 8
	// nameEntries is how many names are remembered: 44 MB where they are all in use,
	// 168 bytes each.
	nameEntries = 1 << 18
	// maxAnswered is how many addresses of an answer are looked at.
	maxAnswered = 32
)

// NamesConfig says how Names works.
type NamesConfig struct {
	// Seed spreads names; a daemon's is secret and stays with what is kept.
	Seed uint64
	// Entries is how many names are remembered; 0: nameEntries.
	Entries int
	// Places tells networks; nil: /16 and /32 take their place where that is enough.
	Places *geo.Reader
	// Sinkholes are addresses that lead nowhere, besides those that do so by
	// themselves.
	Sinkholes func(netip.Addr) bool
	// Age is how long before a time a domain was first seen, in nanoseconds;
	// negative where it is not young. nil: none is.
	Age func(domain string, atNs int64) int64
	// Young is how long a domain is young.
	Young time.Duration
	// Shelf keeps what is worth it; nil: nothing is kept.
	Shelf *dnscache.Shelf
}

// Names remembers the lives of names and says what is noteworthy about an answer by
// what was before. It may be used by several goroutines at once: names are spread
// over parts with a lock each, of which an answer that is like the one before takes
// one for a comparison.
//
// It is a table of a fixed size, in which a name has eight places. Of these the
// one that was not looked at for longest makes room, and before all others one that
// was asked for in one hour only. Where all were asked for in several, and within a
// day, the new name is not remembered. Names without any address are not.
type Names struct {
	cfg    NamesConfig
	cdn    map[uint32]bool
	byASN  bool
	byGeo  bool
	shards [nameShards]nameShard
	shelf  *dnscache.Shelf
	bursts bursts
	marks  marks
	old    [1 << 14]atomic.Uint64 // names without addresses whose domain is not young

	places struct {
		sync.Mutex
		cursor *geo.Cursor
	}

	evicted, full, unreadable atomic.Uint64
}

type nameShard struct {
	mu    sync.Mutex
	sets  []nameSet
	lives []life   // nameWays of each set
	dirty []uint64 // bits of the sets of which more is to be kept
}

// A nameSet are the keys of the places in it: a line of the processor's cache.
type nameSet [nameWays]uint64

// NamesStats are what became of names.
type NamesStats struct {
	Names uint64 // remembered now
	// Evicted made room; Full were not taken since all that were there are in use.
	Evicted, Full uint64
	// Unreadable sets of names were on the shelf.
	Unreadable uint64
}

// NewNames makes Names, of what is kept on the shelf.
func NewNames(cfg NamesConfig) (*Names, error) {
	n := &Names{cfg: cfg, cdn: contentNetworks()}
	if n.cfg.Entries == 0 {
		n.cfg.Entries = nameEntries
	}
	if cfg.Places != nil {
		n.places.cursor = cfg.Places.NewCursor()
		for _, db := range cfg.Places.Databases() {
			n.byASN = n.byASN || db.Facts&geo.FactASN != 0
			n.byGeo = n.byGeo || db.Facts&geo.FactCountry != 0
		}
	}
	sets := max(1, n.cfg.Entries/nameShards/nameWays)
	for i := range n.shards {
		n.shards[i].sets = make([]nameSet, sets)
		n.shards[i].lives = make([]life, sets*nameWays)
		n.shards[i].dirty = make([]uint64, sets/64+1)
	}
	n.bursts.init()
	if cfg.Shelf == nil {
		return n, nil
	}
	return n, n.restore(cfg.Shelf)
}

// Answer takes what a response tells client, the zero Addr where that is not known,
// and says what it shows. It keeps nothing of the response; v is filled where it
// shows something.
func (n *Names) Answer(a *dnscache.Response, client netip.Addr, v *Verdict) Shown {
	if !a.Source.IsDNS() || len(a.Name) == 0 || a.TimeNs <= 0 {
		return 0
	}
	sec := uint32(a.TimeNs / 1e9)
	key := hashName(n.cfg.Seed, a.Name) | 1
	if len(a.Addrs) == 0 {
		return n.barren(a, client, key, sec, v)
	}
	signature := uint64(0)
	for i := range a.Addrs {
		signature += hashAddr(n.cfg.Seed, a.Addrs[i].Addr)
	}
	s := &n.shards[key>>58]
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.find(key)
	if l != nil && l.unchanged(signature, sec) {
		return 0
	}
	if l == nil {
		if l = n.begin(s, a, key, sec); l == nil {
			return 0
		}
	}
	l.proven = l.proven || since(l.born, sec) >= lookAgain
	l.signature, l.touched = signature, sec
	shown := n.look(l, a, client, sec, v)
	s.keep(l, sec)
	return shown
}

// begin begins a life, if there is room; s is locked, but not for a while.
func (n *Names) begin(s *nameShard, a *dnscache.Response, key uint64, sec uint32) *life {
	until := uint32(0)
	if n.cfg.Age != nil { // which can read the disk
		s.mu.Unlock()
		until = n.youngUntil(a, sec)
		s.mu.Lock()
		if l := s.find(key); l != nil {
			return l
		}
	}
	l := n.take(s, key, sec)
	if l != nil {
		l.born, l.youngUntil = sec, until
	}
	return l
}

func (s *nameShard) find(key uint64) *life {
	i := key >> 8 % uint64(len(s.sets))
	for way, had := range s.sets[i] {
		if had == key {
			return &s.lives[int(i)*nameWays+way]
		}
	}
	return nil
}

// take makes room for a name; nil where there is none.
func (n *Names) take(s *nameShard, key uint64, sec uint32) *life {
	i := key >> 8 % uint64(len(s.sets))
	set, lives := &s.sets[i], s.lives[i*nameWays:][:nameWays]
	victim := -1
	for way := range lives {
		l := &lives[way]
		if l.key == 0 {
			victim = way
			break
		}
		if l.proven && near(l.touched, sec, day) {
			continue
		}
		if victim < 0 || l.proven == lives[victim].proven && l.touched < lives[victim].touched || !l.proven && lives[victim].proven {
			victim = way
		}
	}
	if victim < 0 {
		n.full.Add(1)
		return nil
	}
	if lives[victim].key != 0 {
		n.evicted.Add(1)
		s.dirty[i/64] |= 1 << (i % 64)
	}
	set[victim] = key
	lives[victim] = life{key: key}
	return &lives[victim]
}

// youngUntil is until when an answer's domain is young.
func (n *Names) youngUntil(a *dnscache.Response, sec uint32) uint32 {
	if n.cfg.Age == nil {
		return 0
	}
	domain := firstseen.Domain(text8(a.Name))
	if domain == "" {
		return 0
	}
	age := n.cfg.Age(domain, a.TimeNs)
	if age < 0 {
		return 0
	}
	return sec + uint32((int64(n.cfg.Young)-age)/1e9)
}

// text8 is b as a string that lives as long as b stays as it is.
func text8(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// barren looks at a response without addresses: only what is beneath a young domain
// counts.
func (n *Names) barren(a *dnscache.Response, client netip.Addr, key uint64, sec uint32, v *Verdict) Shown {
	if n.cfg.Age == nil {
		return 0
	}
	old := &n.old[key>>40%uint64(len(n.old))]
	if old.Load() == key {
		return 0
	}
	if n.youngUntil(a, sec) == 0 {
		old.Store(key)
		return 0
	}
	return n.young(a, client, v)
}

// asker tells who was answered, by 31 bits of a hash: the client, or where that is not
// known the one who answered. 0 is nobody.
func (n *Names) asker(client, server netip.Addr) uint32 {
	if !client.IsValid() {
		if client = server; !client.IsValid() {
			return 0
		}
	}
	return uint32(hashAddr(n.cfg.Seed, client))>>1 | 1
}

// place is the network of an address, by autonomous system or else country; 0 where it
// is not known.
func (n *Names) place(a netip.Addr) (network uint32, asn bool) {
	if n.places.cursor == nil {
		return 0, false
	}
	n.places.Lock()
	defer n.places.Unlock()
	p := n.places.cursor.Place(a)
	switch {
	case p == nil:
		return 0, false
	case p.ASN != 0:
		return p.ASN, true
	case !n.byASN && len(p.Country) == 2:
		return countryBit | uint32(p.Country[0])<<8 | uint32(p.Country[1]), false
	}
	return 0, false
}

// Stats are the counts so far.
func (n *Names) Stats() NamesStats {
	s := NamesStats{Evicted: n.evicted.Load(), Full: n.full.Load(), Unreadable: n.unreadable.Load()}
	for i := range n.shards {
		shard := &n.shards[i]
		shard.mu.Lock()
		for k := range shard.sets {
			for _, key := range shard.sets[k] {
				if key != 0 {
					s.Names++
				}
			}
		}
		shard.mu.Unlock()
	}
	return s
}
