package findings

import (
	"math/bits"
	"net/netip"
	"sync"

	"flowname/dnscache"
	"flowname/dnscache/firstseen"
)

// Rules of bursts.
const (
	// burstWindow is how long look-ups are counted together, in seconds.
	burstWindow = 600
	// burstAsked look-ups by a client beneath a young domain are a burst, and so
	// are burstNames different names.
	burstAsked = 200
	burstNames = 60

	burstEntries = 1 << 13
	burstWays    = 4
)

// QueryBurstEvidence is what a QueryBurst finding rests on.
type QueryBurstEvidence struct {
	Since string `json:"since"`
	Asked int    `json:"lookups"`
	Names int    `json:"names_least"`
	AgeS  int64  `json:"domain_age_s"`
}

// FirstAsked is who first asked for a young domain, as far as is remembered.
type FirstAsked struct {
	FirstSeen string `json:"first_seen"`
	Client    string `json:"first_client,omitempty"`
	AgeS      int64  `json:"domain_age_s"`
}

// bursts counts what clients ask of young domains, and remembers who asked first.
// Both are tables of fixed size in which the oldest of four makes room.
type bursts struct {
	mu     sync.Mutex
	counts [][burstWays]burst
	firsts [][burstWays]first
}

type burst struct {
	key  uint64 // of client and domain
	from uint32
	n    uint32
	bits [4]uint64 // of the hashes of names
}

type first struct {
	domain uint64
	sec    uint32
	client netip.Addr
}

func (b *bursts) init() {
	b.counts = make([][burstWays]burst, burstEntries/burstWays)
	b.firsts = make([][burstWays]first, burstEntries/burstWays)
}

// young takes what client was answered, or asked, beneath a young domain.
func (n *Names) young(a *dnscache.Response, client netip.Addr, v *Verdict) Shown {
	v.Domain = firstseen.Domain(text8(a.Name))
	if v.Age = n.cfg.Age(v.Domain, a.TimeNs); v.Age < 0 {
		return 0
	}
	sec := uint32(a.TimeNs / 1e9)
	domain := hashName(n.cfg.Seed, v.Domain) | 1
	b := &n.bursts
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.first(domain, client, sec)
	v.First = FirstAsked{FirstSeen: at(uint32((a.TimeNs - v.Age) / 1e9)), Client: text(f.client), AgeS: v.Age / 1e9}
	shown := Shown(1 << NewDomain)
	if !client.IsValid() {
		return shown
	}
	c := b.count(fold(domain, hashAddr(n.cfg.Seed, client)|1), sec)
	c.n++
	bit := hashName(n.cfg.Seed, a.Name) >> 56
	c.bits[bit/64] |= 1 << (bit % 64)
	names := 0
	for _, w := range c.bits {
		names += bits.OnesCount64(w)
	}
	if c.n >= burstAsked || names >= burstNames {
		v.Burst = QueryBurstEvidence{Since: at(c.from), Asked: int(c.n), Names: names, AgeS: v.Age / 1e9}
		n.marks.add(c.key, 1<<QueryBurst, sec)
		shown |= 1 << QueryBurst
	}
	return shown
}

func (b *bursts) count(key uint64, sec uint32) *burst {
	set := &b.counts[key>>8%uint64(len(b.counts))]
	at := &set[0]
	for i := range set {
		c := &set[i]
		if c.key == key {
			at = c
			break
		}
		if c.from < at.from {
			at = c
		}
	}
	if at.key != key || !near(at.from, sec, burstWindow) {
		*at = burst{key: key, from: sec}
	}
	return at
}

func (b *bursts) first(domain uint64, client netip.Addr, sec uint32) *first {
	set := &b.firsts[domain>>8%uint64(len(b.firsts))]
	at := &set[0]
	for i := range set {
		f := &set[i]
		if f.domain == domain {
			if sec < f.sec {
				f.sec, f.client = sec, client
			}
			return f
		}
		if f.sec < at.sec {
			at = f
		}
	}
	*at = first{domain, sec, client}
	return at
}

// FirstAsked is who first asked for a young domain, whose age at a time is known.
func (n *Names) FirstAsked(domain string, atNs, ageNs int64) FirstAsked {
	asked := FirstAsked{FirstSeen: at(uint32((atNs - ageNs) / 1e9)), AgeS: ageNs / 1e9}
	key := hashName(n.cfg.Seed, domain) | 1
	b := &n.bursts
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, f := range b.firsts[key>>8%uint64(len(b.firsts))] {
		if f.domain == key {
			asked.Client = text(f.client)
		}
	}
	return asked
}

// ClientDomainKey is what Marked finds a client's burst by.
func (n *Names) ClientDomainKey(client netip.Addr, domain string) uint64 {
	return fold(hashName(n.cfg.Seed, domain)|1, hashAddr(n.cfg.Seed, client)|1)
}
