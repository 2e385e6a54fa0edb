package dnscache

import (
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Config says how a Cache works. The zero Config is a cache in memory only with
// the defaults.
type Config struct {
	// Dir is where Badger keeps the history; "" is memory only: then what the
	// bound evicts is gone, and the window is the retention.
	Dir string
	// Retention is how long evidence is kept, counted from when it was filed.
	// 0: 30 days.
	Retention time.Duration
	// Window is how long the index keeps versions, in event time. 0: an hour.
	Window time.Duration
	// MaxVersions bounds the index, over all chains; an answer counts twice,
	// for its client and for its address. 0: 4 million, about 250 MB. What waits
	// to be written comes on top, and an eighth as many outcomes.
	MaxVersions int
	// MaxPending bounds what waits to be written. 0: one million versions.
	MaxPending int
	// MaxClients bounds the clients that are known by heart. 0: one million.
	MaxClients int
	// BlockCache is Badger's cache of table blocks, in bytes. 0: 64 MB.
	BlockCache int64
	// Forwarders are the networks of servers that ask for others: evidence of
	// what they asked is evidence for any client, unless it tells which one. No
	// forwarder is needed here whose own clients are seen elsewhere.
	Forwarders []netip.Prefix
	// Seed fixes how addresses are spread, and so what a full index evicts: a
	// replay sets it, to give the same output for the same input. 0: a secret
	// random spread, for a daemon whose input may be hostile.
	Seed uint64
	// Warn is told what Badger warns of; nil: nobody is. It may be called from
	// Badger's goroutines.
	Warn func(text string)
}

// Defaults of Config, and its limits.
const (
	defaultRetention   = 30 * 24 * time.Hour
	defaultWindow      = time.Hour
	defaultMaxVersions = 4 << 20
	defaultMaxPending  = 1 << 20
	defaultMaxClients  = 1 << 20
	defaultBlockCache  = 64 << 20
	limitMaxVersions   = 32 << 20
	limitRetention     = 100 * 365 * 24 * time.Hour
)

// Validate says what is wrong with the settings, and what would be right.
func (cfg *Config) Validate() error {
	switch {
	case cfg.Retention < 0 || cfg.Retention > limitRetention:
		return fmt.Errorf("retention %v: want a positive duration of at most a hundred years", cfg.Retention)
	case cfg.Window < 0:
		return fmt.Errorf("window %v: want a positive duration", cfg.Window)
	case cfg.MaxVersions < 0 || cfg.MaxVersions > limitMaxVersions:
		return fmt.Errorf("bound of %d versions: want 1 to %d", cfg.MaxVersions, limitMaxVersions)
	case cfg.MaxPending < 0 || cfg.MaxClients < 0 || cfg.BlockCache < 0:
		return fmt.Errorf("negative bound: pending %d, clients %d, block cache %d",
			cfg.MaxPending, cfg.MaxClients, cfg.BlockCache)
	}
	return nil
}

func (cfg *Config) setDefaults() {
	cfg.Retention = or(cfg.Retention, defaultRetention)
	cfg.Window = or(cfg.Window, defaultWindow)
	cfg.MaxVersions = or(cfg.MaxVersions, defaultMaxVersions)
	cfg.MaxPending = or(cfg.MaxPending, defaultMaxPending)
	cfg.MaxClients = or(cfg.MaxClients, defaultMaxClients)
	cfg.BlockCache = or(cfg.BlockCache, defaultBlockCache)
}

// or is v, or what it is by default.
func or[T int | int64 | time.Duration](v, byDefault T) T {
	if v == 0 {
		return byDefault
	}
	return v
}

// Cache is the time-versioned memory of DNS answers. All methods may be called
// by several goroutines at once, but for Close, which comes last.
type Cache struct {
	cfg         Config
	retentionNs int64
	windowNs    int64
	windowSec   int64
	quota       int // versions a shard
	clientQuota int // clients a shard

	hash    hasher
	clock   eventClock
	names   names
	clients clients
	shards  [1 << shardBits]shard
	arena   arena // of what is in clients, names and shards

	outcomes outcomes

	beganNs atomic.Int64 // the earliest time known
	newest  atomic.Int64 // the latest
	filedNs atomic.Int64 // when something was last filed
	pending atomic.Int64 // versions that wait to be written

	// facts says of which kinds and shapes there ever was a fact: what there is
	// none of costs a look-up nothing.
	facts atomic.Uint64

	store  *store // nil: memory only
	filter *filter

	flushing sync.Mutex // held by Flush
	saved    state      // guarded by flushing; as the store has it

	count counters
}

// Open makes a Cache. With a directory it opens, or makes, the history in it
// and reads the latest window of it into the index.
//
// The error is ErrLocked when another process has the directory, ErrCorrupt
// when what is in it can not be read.
func Open(cfg Config) (*Cache, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("dnscache: %w", err)
	}
	cfg.setDefaults()
	c := &Cache{
		cfg:         cfg,
		retentionNs: int64(cfg.Retention),
		windowNs:    int64(cfg.Window),
		windowSec:   max(1, int64(cfg.Window/time.Second)),
		quota:       max(1, cfg.MaxVersions>>shardBits),
		clientQuota: max(1, cfg.MaxClients/len(clients{}.shards)),
		hash:        newHasher(cfg.Seed),
	}
	c.outcomes.quota = uint32(max(1, cfg.MaxVersions/outcomeShare/len(c.outcomes.shards)))
	c.names.init(c.hash)
	c.plant()
	if cfg.Dir == "" {
		return c, nil
	}
	var err error
	if c.store, err = openStore(cfg.Dir, cfg.BlockCache, cfg.Warn); err != nil {
		return nil, err
	}
	c.filter = newFilter()
	c.store.readAhead(aheadToFile)
	if err := c.warm(); err != nil {
		_ = c.store.close() // the first error is the one that tells
		return nil, err
	}
	c.store.lookedUp()
	return c, nil
}

// Close writes what is pending and closes the history. nowNs is the time of
// filing as in Flush.
func (c *Cache) Close(nowNs int64) error {
	if c.store == nil {
		return nil
	}
	err := c.Flush(nowNs)
	if closing := c.store.close(); err == nil {
		err = closing
	}
	return err
}

// maxName bounds a name in presentation form: 255 bytes of it on the wire, each
// written as four characters, and then some.
const maxName = 1100

// File takes in what a response tells. filedNs is the time now, from which the
// retention counts; the response's own time is the evidence's. It copies what
// it keeps and never waits for the disk.
func (c *Cache) File(r *Response, filedNs int64) {
	c.count.responses.Add(1)
	if r.TimeNs <= 0 {
		c.count.badTime.Add(1)
		return
	}
	who := c.clientOf(r.Client, r.Subnet, r.Source)
	if who.isShadow() {
		c.count.reserved.Add(1)
		return
	}
	c.noteFiled(filedNs)
	c.clock.tick(r.TimeNs)
	c.sawClient(who, r.TimeNs, r.signOf(who), toSeconds(filedNs))
	if r.QuestionOnly {
		c.fileQuestion(who, r, filedNs)
		return
	}
	if len(r.Addrs) == 0 {
		c.fileOutcome(who, r, filedNs)
		return
	}
	if !validName(r.Name) || len(r.Canonical) > 0 && !validName(r.Canonical) {
		c.count.badName.Add(1)
		return
	}
	ev := evidence{
		at: r.TimeNs, name: c.names.intern(r.Name), source: r.Source, filed: toSeconds(filedNs),
	}
	if ev.name == 0 {
		c.count.badName.Add(1) // the table of names is full
		return
	}
	if string(r.Canonical) != string(r.Name) {
		ev.canon = c.names.intern(r.Canonical)
	}
	for i := range r.Addrs {
		ev.ttl = clampTTL(r.Addrs[i].TTL)
		c.fileAddr(who, r.Addrs[i].Addr, &ev)
	}
	c.names.release(ev.name)
	c.names.release(ev.canon)
	raise(&c.newest, r.TimeNs)
}

// clientOf is the Asker as a key, counted where that is not who asked.
func (c *Cache) clientOf(client netip.Addr, subnet netip.Prefix, source Source) ip {
	who, forwarded, masked := c.asker(client, subnet, source)
	if forwarded {
		c.count.forwarded.Add(1)
	}
	if masked {
		c.count.masked.Add(1)
	}
	if !who.IsValid() {
		return anyClient
	}
	return ipOf(who)
}

// Asker is whose evidence a response is: the client's, where that is one host and no
// forwarder. A forwarder's is the host's whose whole address it gave as the
// client subnet (RFC 7871); shorter ones are networks, and so are clients that
// were masked. What anybody else says of a subnet is his own word. It is the zero
// Addr for evidence of any client.
func (c *Cache) Asker(r *Response) netip.Addr {
	who, _, _ := c.asker(r.Client, r.Subnet, r.Source)
	return who
}

func (c *Cache) asker(client netip.Addr, subnet netip.Prefix, source Source) (who netip.Addr, forwarded, masked bool) {
	if !client.IsValid() {
		return who, false, false
	}
	seen := source.isWire()
	if c.forwards(client) {
		forwarded = true
		client, seen = subnet.Addr().Unmap(), false
		if !subnet.IsSingleIP() || c.forwards(client) {
			return who, forwarded, false
		}
	}
	if !seen && !IsHost(client) {
		return who, forwarded, true
	}
	return client.Unmap(), forwarded, false
}

func (c *Cache) forwards(client netip.Addr) bool {
	for _, p := range c.cfg.Forwarders {
		if p.Contains(client) {
			return true
		}
	}
	return false
}

// fileQuestion files that a client asked for a name.
func (c *Cache) fileQuestion(who ip, r *Response, filedNs int64) {
	if who == anyClient {
		return // that somebody asked names nothing
	}
	ev := evidence{at: r.TimeNs, source: r.Source, filed: toSeconds(filedNs)}
	if validName(r.Name) {
		ev.name = c.names.intern(r.Name)
	}
	if ev.name == 0 {
		c.count.badName.Add(1)
		return
	}
	c.count.questions.Add(1)
	c.facts.Or(anyQuestion)
	c.fileUnder(who, askedFact(r.Name), &ev, notForOthers)
	c.names.release(ev.name)
	raise(&c.newest, r.TimeNs)
}

// fileAddr files one address of an answer.
func (c *Cache) fileAddr(who ip, addr netip.Addr, ev *evidence) {
	if !addr.IsValid() {
		c.count.badAddr.Add(1)
		return
	}
	p := ipOf(addr)
	if reserved(p) {
		c.count.reserved.Add(1)
		return
	}
	c.count.answers.Add(1)
	c.fileUnder(who, p, ev, ev.at)
}

// notForOthers is no time at all.
const notForOthers = 0

// fileUnder files evidence under an address for a client, and for the address
// itself as of the time othersAt, unless that is notForOthers.
func (c *Cache) fileUnder(who, p ip, ev *evidence, othersAt int64) {
	h := c.hash.ip(p, saltAddress)
	hp := c.hash.ip(who, h)
	now := max(c.clock.seconds(), 1)
	s := c.shardOf(h)
	s.mu.Lock()
	defer s.mu.Unlock()
	c.room(s)
	ai := s.findAddress(p, h)
	if ai == 0 {
		if ai = c.addAddress(s, p, h); ai == 0 {
			c.count.dropped.Add(1)
			return
		}
		s.addresses.at(ai).chain.unknown = c.mayBeStored(h)
	}
	a := s.addresses.at(ai)
	a.chain.touch(now)
	if othersAt != notForOthers {
		anyones := *ev
		anyones.at = othersAt
		c.add(s, owner{chain: &a.chain, number: ai, hash: h, others: true}, &anyones)
	}
	pi := s.findPair(who, p, hp)
	if pi == 0 {
		if pi = c.addPair(s, who, ai, hp); pi == 0 {
			c.count.dropped.Add(1)
			return
		}
		s.pairs.at(pi).chain.unknown = c.mayBeStored(hp)
	}
	e := s.pairs.at(pi)
	e.chain.touch(now)
	c.add(s, owner{chain: &e.chain, number: pi, hash: hp}, ev)
}

// mayBeStored says whether the store may hold something from before under a
// hash that is new in the index; from now on it does.
func (c *Cache) mayBeStored(h uint64) bool {
	return c.store != nil && c.filter.add(h)
}

// validName says whether b is a name in presentation form: printable ASCII,
// labels that are not empty, no final dot but the root's.
func validName(b []byte) bool {
	if len(b) == 0 || len(b) > maxName {
		return false
	}
	if len(b) == 1 && b[0] == '.' {
		return true
	}
	label, escaped := 0, false
	for _, x := range b {
		switch {
		case x < ' ' || x > '~':
			return false
		case escaped:
			escaped = false
			label++
		case x == '.' && label == 0:
			return false
		case x == '.':
			label = 0
		default:
			escaped = x == '\\'
			label++
		}
	}
	return label > 0 && !escaped
}

// Saw notes that client asked something at a time: its DNS is seen, even if no
// answer ever is. The zero Addr is nobody: then only BeganNs may change.
func (c *Cache) Saw(client netip.Addr, atNs int64) {
	if atNs <= 0 {
		c.count.badTime.Add(1)
		return
	}
	who := c.clientOf(client, netip.Prefix{}, SourceUnknown)
	if who.isShadow() {
		c.count.reserved.Add(1)
		return
	}
	c.clock.tick(atNs)
	c.sawClient(who, atNs, signAsked|signDirect, toSeconds(c.filedNs.Load()))
}

// BeganNs is the time of the earliest evidence or query known, Unix
// nanoseconds; 0: there is none yet.
func (c *Cache) BeganNs() int64 { return c.beganNs.Load() }

func (c *Cache) noteBegan(at int64) {
	for began := c.beganNs.Load(); began == 0 || at < began; began = c.beganNs.Load() {
		if c.beganNs.CompareAndSwap(began, at) {
			return
		}
	}
}

// noteFiled keeps the time of filing to a second: it is read where there is no
// evidence that tells it.
func (c *Cache) noteFiled(ns int64) {
	if had := c.filedNs.Load(); ns > had+int64(time.Second) || ns < had-int64(time.Second) {
		c.filedNs.Store(ns)
	}
}

// raise makes a at least x.
func raise(a *atomic.Int64, x int64) {
	for had := a.Load(); x > had; had = a.Load() {
		if a.CompareAndSwap(had, x) {
			return
		}
	}
}
