package dnscache

import (
	"iter"
	"net/netip"
	"sync/atomic"
	"time"
)

// A Sight is how the DNS of a client is seen. It is kept in memory only, with the
// client; see RestoreSight.
type Sight struct {
	// Sources have told of its answers or questions.
	Sources SourceSet
	// AnsweredNs is the time of its newest answer, one that says no or nothing
	// too, and AskedNs of its newest question that was seen by itself; Unix
	// nanoseconds of whole seconds, 0: there was none.
	AnsweredNs, AskedNs int64
	// Direct says that it was seen to ask itself, Forwarded that a forwarder told
	// of it as the client subnet of what it asked.
	Direct, Forwarded bool
}

// A SourceSet is a set of sources.
type SourceSet uint64

// Has says whether source is in the set.
func (s SourceSet) Has(source Source) bool { return s&(1<<source) != 0 }

// All are the sources of the set, in order of their numbers.
func (s SourceSet) All() iter.Seq[Source] {
	return func(yield func(Source) bool) {
		for source := range numSources {
			if s.Has(source) && !yield(source) {
				return
			}
		}
	}
}

// A sight is a Sight as it is kept. Its fields are atomic.
type sight struct {
	signs           uint64 // sources, and the signs below
	answered, asked uint32 // Unix seconds of evidence
}

// Signs that stand above the sources' bits.
const (
	signAsked     = 1 << (63 - iota) // asked only, of a single piece of evidence; not kept
	signDirect                       // seen to ask itself
	signForwarded                    // told of by a forwarder

	keptSigns = ^uint64(signAsked)
)

// signOf is what a response is a sign of for who: a question without an answer has
// no name, because only its header was read, or says that it is one.
func (r *Response) signOf(who ip) uint64 {
	sign := uint64(1) << r.Source
	if r.QuestionOnly || len(r.Name) == 0 {
		sign |= signAsked
	}
	if r.Client.IsValid() && ipOf(r.Client) == who {
		return sign | signDirect
	}
	return sign | signForwarded
}

// note takes in a sign at a time.
func (s *sight) note(at int64, sign uint64) {
	when := &s.answered
	if sign&signAsked != 0 {
		when = &s.asked
	}
	raiseSeconds(when, toSeconds(at))
	if kept := sign & keptSigns; atomic.LoadUint64(&s.signs)&kept != kept {
		atomic.OrUint64(&s.signs, kept)
	}
}

func raiseSeconds(at *uint32, to uint32) {
	for had := atomic.LoadUint32(at); to > had; had = atomic.LoadUint32(at) {
		if atomic.CompareAndSwapUint32(at, had, to) {
			return
		}
	}
}

func (s *sight) load() Sight {
	signs := atomic.LoadUint64(&s.signs)
	return Sight{
		Sources:    SourceSet(signs & (1<<numSources - 1)),
		AnsweredNs: int64(atomic.LoadUint32(&s.answered)) * int64(time.Second),
		AskedNs:    int64(atomic.LoadUint32(&s.asked)) * int64(time.Second),
		Direct:     signs&signDirect != 0,
		Forwarded:  signs&signForwarded != 0,
	}
}

// Client is how a client's DNS is seen, by what memory knows: the store is not
// asked, and the zero Sight with known is that of a client from before the start.
func (c *Cache) Client(client netip.Addr) (seen Sight, known bool) {
	if !client.IsValid() {
		return Sight{}, false
	}
	p := ipOf(client)
	h := c.hash.ip(p, saltClient)
	s := c.clientShard(h)
	s.mu.RLock()
	defer s.mu.RUnlock()
	i := s.find(p, h)
	if i == 0 {
		return Sight{}, false
	}
	return s.entries.at(i).sight.load(), true
}

// RestoreSight adds what was known of a client before a start to what is known
// since, if memory knows the client.
func (c *Cache) RestoreSight(client netip.Addr, was Sight) {
	if !client.IsValid() {
		return
	}
	p := ipOf(client)
	h := c.hash.ip(p, saltClient)
	s := c.clientShard(h)
	s.mu.RLock()
	defer s.mu.RUnlock()
	i := s.find(p, h)
	if i == 0 {
		return
	}
	signs := uint64(was.Sources) & (1<<numSources - 1)
	if was.Direct {
		signs |= signDirect
	}
	if was.Forwarded {
		signs |= signForwarded
	}
	e := &s.entries.at(i).sight
	atomic.OrUint64(&e.signs, signs)
	raiseSeconds(&e.answered, toSeconds(was.AnsweredNs))
	raiseSeconds(&e.asked, toSeconds(was.AskedNs))
}
