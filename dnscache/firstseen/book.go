package firstseen

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"flowname/dnscache"
)

// Config says how a Book works.
type Config struct {
	// Shelf is where the book lies; nil is in memory, where it ends with the
	// process.
	Shelf *dnscache.Shelf
	// WarmUp is how long from the earliest evidence on what is new may be old.
	WarmUp time.Duration
	// Young is how long a domain is young; 0: none is.
	Young time.Duration
	// Seed spreads what is hashed in a new book, so that a replay is the same each
	// time; 0 is a secret random one. An old book has its own.
	Seed uint64
	// Memory is how many pairs of client and domain are known by heart, of 8 bytes
	// each; half as many names, of 16. 0: two million.
	Memory int
	// MaxQueue bounds what waits to be settled, in bytes. 0: 16 MB.
	MaxQueue int
	// MaxAbsent is how many domains without an address are entered for each hour.
	// 0: 1000.
	MaxAbsent int
	// MaxDomains, MaxNames and MaxPairs bound the book. 0: 64, 256 and 512 million
	// on a shelf, a million, two and four in memory.
	MaxDomains, MaxNames, MaxPairs uint64
}

// Validate says what is wrong with the settings.
func (c *Config) Validate() error {
	const most = 10 * 365 * 24 * time.Hour
	switch {
	case c.WarmUp < 0 || c.WarmUp > most:
		return fmt.Errorf("warm-up %v: want 0 to %v", c.WarmUp, most)
	case c.Young < 0 || c.Young > most:
		return fmt.Errorf("new domain %v: want 0 to %v", c.Young, most)
	case c.Memory < 0 || c.MaxQueue < 0 || c.MaxAbsent < 0:
		return fmt.Errorf("negative bound: memory %d, queue %d, absent %d", c.Memory, c.MaxQueue, c.MaxAbsent)
	}
	return nil
}

func (c *Config) setDefaults() {
	orDefault(&c.Memory, 2<<20)
	orDefault(&c.MaxQueue, 16<<20)
	orDefault(&c.MaxAbsent, 1000)
	most := uint64(64 << 20)
	if c.Shelf == nil {
		most = 1 << 20
	}
	orDefault(&c.MaxDomains, most)
	if c.Shelf == nil {
		orDefault(&c.MaxNames, 2*most)
		orDefault(&c.MaxPairs, 4*most)
	}
	orDefault(&c.MaxNames, 4*most)
	orDefault(&c.MaxPairs, 8*most)
	for n := c.Memory; ; n &= n - 1 { // the highest bit
		if n&(n-1) == 0 {
			c.Memory = max(n, 2*pairWays)
			return
		}
	}
}

func orDefault[T int | uint64](v *T, byDefault T) {
	if *v == 0 {
		*v = byDefault
	}
}

// A Book is what was first seen when. Note, Age and what asks may be called by any
// number of goroutines at once, and so may Settle, one of which waits for the other.
type Book struct {
	cfg    Config
	secret secret
	names  nameMemory
	pairs  pairMemory
	queue  queue
	young  atomic.Pointer[youngTable]
	began  atomic.Uint32 // the earliest evidence; 0: none yet
	count  counters

	room *room

	settling sync.Mutex // guards what follows
	header   header
	written  header // as it is kept
	batch    map[string][]byte
	held     held
	newest   uint32 // the latest first sighting
	nowSec   uint32 // as Settle was told
	restored bool

	youngMost int
}

// ErrFormat is a shelf that another version of the program has written.
var ErrFormat = errors.New("firstseen: the book has another format")

// New gives the book that lies on the shelf, or begins one.
func New(cfg Config) (*Book, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("firstseen: %w", err)
	}
	cfg.setDefaults()
	b := &Book{cfg: cfg, room: newRoom(cfg.Shelf), batch: map[string][]byte{}, youngMost: youngMost}
	b.queue.filling = &part{domains: map[uint64]uint32{}}
	b.queue.spare = &part{domains: map[uint64]uint32{}}
	h := header{seed: cfg.Seed}
	if h.seed == 0 {
		h.seed = rand.Uint64()
	}
	value, ok, err := b.room.get([]byte{kindBook})
	switch {
	case err != nil:
		return nil, err
	case ok && !h.read(value):
		return nil, ErrFormat
	}
	b.written = h
	h.warmUp, h.young = uint32(cfg.WarmUp/time.Second), uint32(cfg.Young/time.Second)
	b.header = h
	b.began.Store(h.began)
	b.secret = newSecret(h.seed)
	b.names, b.pairs = newNameMemory(cfg.Memory/2), newPairMemory(cfg.Memory)
	dnscache.HugePages(b.names.entries)
	dnscache.HugePages(b.pairs.words)
	b.young.Store(newYoungTable(youngLeast))
	b.countKept()
	return b, nil
}

// maxName bounds a name, as in package dnscache.
const maxName = 1100

// seconds are those of a time in nanoseconds, at most what a key can have.
func seconds(ns int64) uint32 { return uint32(min(max(ns, 0)/1e9, math.MaxUint32)) }

// Note takes in what a response tells. client is whose response it is
// (Cache.Asker), the zero Addr being nobody's.
func (b *Book) Note(client netip.Addr, r *dnscache.Response) {
	b.note(client, r.Name, r.TimeNs, len(r.Addrs) > 0 || r.QuestionOnly)
}

// NoteConnection takes in what a handshake or an agent tells: that client reached a
// server by a name. The zero Addr is nobody.
func (b *Book) NoteConnection(client netip.Addr, x *dnscache.Connection) {
	b.note(client, x.HostName(), x.TimeNs, true)
}

func (b *Book) note(client netip.Addr, name []byte, atNs int64, answered bool) {
	if len(name) == 0 {
		return
	}
	sec := seconds(atNs)
	if sec == 0 {
		b.count.badTime.Add(1)
		return
	}
	h := hashText(&b.secret, name)
	if answered {
		h = ^h // what had no address may have one now
	}
	domain, known := b.names.knows(h, sec)
	switch {
	case !known:
		b.noteName(h, &thing{sec: sec, answered: answered, client: client, name: name})
	case domain != 0 && client.IsValid():
		if pair := b.secret.pair(domain, client); !b.pairs.knows(pair, sec) {
			b.noteThing(pair, &thing{sec: sec, client: client, domain: domain})
		}
	}
}

// noteName queues a name that the memory does not know.
func (b *Book) noteName(h uint64, t *thing) {
	if !dnscache.ValidName(t.name) {
		b.count.badName.Add(1)
		return
	}
	domain := domainOf(unsafe.String(&t.name[0], len(t.name))) // which is not kept
	t.at = len(t.name) - len(domain)
	if domain != "" {
		t.domain = b.hash(domain)
	}
	if domain == "" && !t.answered {
		b.names.note(h, 0, t.sec)
		return // nothing to enter
	}
	pair := uint64(0)
	if t.client.IsValid() && domain != "" {
		pair = b.secret.pair(t.domain, t.client)
	}
	if b.noteThing(pair, t) {
		b.names.note(h, t.domain, t.sec)
	}
}

// noteThing queues a thing, and remembers its pair.
func (b *Book) noteThing(pair uint64, t *thing) bool {
	b.lowerBegan(t.sec) // before it can be asked how young it is
	if !b.queue.put(t, b.cfg.MaxQueue) {
		b.count.overflowed.Add(1)
		return false
	}
	b.count.queued.Add(1)
	if pair != 0 {
		b.pairs.note(pair, t.sec)
	}
	return true
}

func (b *Book) lowerBegan(sec uint32) {
	for had := b.began.Load(); had == 0 || sec < had; had = b.began.Load() {
		if b.began.CompareAndSwap(had, sec) {
			return
		}
	}
}

// domainOf is Domain for what the book is about: names beneath arpa are no one's.
func domainOf(name string) string {
	domain := dnscache.Domain(name)
	if end := len(domain) - len(".arpa"); end >= 0 && domain[end:] == ".arpa" {
		return ""
	}
	return domain
}

// hash is that of a domain, never 0.
func (b *Book) hash(domain string) uint64 { return max(hashText(&b.secret, domain), 1) }
