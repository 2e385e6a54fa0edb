package netflow

import (
	"encoding/binary"
	"iter"
	"net/netip"
)

// A domainKey is where template ids have their meaning: one observation domain
// (v9: source id, v5: engine) of one exporting process, which is an address and
// a port, in one version. Messages of which no more can be told are of version 0
// and port 0.
type domainKey struct {
	exporter netip.AddrPort
	id       uint32
	version  uint16
}

// A domain is all that is known of one observation domain.
type domain struct {
	key       domainKey
	templates map[uint16]*template
	// recent and oldest are the ends of the list of templates in the order of
	// their use.
	recent, oldest *template

	clock    bootClock   // v9, and v5 without nanoseconds
	initMs   int64       // IPFIX systemInitTimeMilliseconds; 0 not told
	uptimes  uptimeBound // IPFIX uptimes without it
	options  *optionData // what options data said; nil nothing
	exporter ExporterStats

	// common is the exporter's domain 0, whose options data is true of all its
	// domains; nil none. It is as of commonAt.
	common   *domain
	commonAt uint64

	account  Account
	sequence sequence
	hearing  hearing
	waits    []*wait // its data sets without a template, oldest first
	waitSize int     // of all of them
	ready    bool    // some of them may have their template by now

	standing       standing
	source         *source
	newer, older   *domain // in the store's list of its standing, by use
	sister, senior *domain // in its source's list
}

// A template is one template record and the plan made of it.
type template struct {
	id      uint16
	options bool
	raw     []byte // the record as it came, to know a refresh by
	plan    plan

	seenNs    int64 // when it last came
	refreshNs int64 // between the last two times; 0 came once

	newer, older *template // in its domain's list, by use
}

// template returns the template with this id, or nil, and marks it as used.
func (dom *domain) template(id uint16) *template {
	if t := dom.recent; t != nil && t.id == id {
		return t
	}
	t := dom.templates[id]
	if t != nil {
		dom.unlink(t)
		dom.link(t)
	}
	return t
}

func (dom *domain) link(t *template) {
	t.newer, t.older = nil, dom.recent
	if dom.recent != nil {
		dom.recent.newer = t
	} else {
		dom.oldest = t
	}
	dom.recent = t
}

func (dom *domain) unlink(t *template) {
	if t.newer != nil {
		t.newer.older = t.older
	} else {
		dom.recent = t.older
	}
	if t.older != nil {
		t.older.newer = t.newer
	} else {
		dom.oldest = t.newer
	}
}

// A store holds domains and their templates, bounded in both. When a domain is
// full its template that was not used for longest goes; when the store is, a
// domain goes with its templates, by standing (victim).
type store struct {
	cfg     *Config
	stats   *Stats
	domains map[domainKey]*domain
	sources map[netip.Addr]*source
	last    *domain // used last
	// quick finds domains without hashing their keys, which takes longer than
	// reading a flow: each at its slot, nil or another one there.
	quick   [quickSlots]*domain
	lists   [standings]useList
	waiting waitRoom

	templates int
	options   int     // entries of options data in all
	changes   uint64  // of domains, made or dropped
	gone      Account // of the domains that went to make room
	ended     Account // of those whose session ended
	spare     *domain // one that went, to be used again
}

// A useList has domains of one standing in the order of their use.
type useList struct{ recent, oldest *domain }

func newStore(cfg *Config, stats *Stats) store {
	return store{
		cfg: cfg, stats: stats,
		domains: make(map[domainKey]*domain), sources: make(map[netip.Addr]*source),
	}
}

// domain returns the domain, which it makes if need be, and marks it as used.
func (s *store) domain(key domainKey) *domain {
	dom := s.last
	if dom != nil && dom.key == key {
		return dom
	}
	slot := &s.quick[key.slot()]
	if dom = *slot; dom == nil || dom.key != key {
		dom = s.domains[key]
	}
	if dom == nil {
		dom = s.enter(key)
	} else {
		s.unlink(dom)
	}
	s.link(dom)
	s.last, *slot = dom, dom
	return dom
}

// quickSlots is how many domains can be found by slot, a power of two.
const quickSlots = 256

// slot is where in quick the domain is, if it is there.
func (k *domainKey) slot() uint64 {
	a := k.exporter.Addr().As16()
	h := binary.BigEndian.Uint64(a[8:]) ^ uint64(k.exporter.Port())<<40 ^ uint64(k.id)<<16 ^ uint64(k.version)<<8
	return h * 0x9e3779b97f4a7c15 / (1 << 64 / quickSlots) // the golden ratio's bits
}

// enter makes a domain, which is not in a list yet.
func (s *store) enter(key domainKey) *domain {
	if src := s.sources[key.exporter.Addr()]; src != nil && src.count >= s.cfg.MaxDomainsPerAddress {
		s.evictDomain(src.victim())
		s.stats.DomainsEvicted++
	}
	if len(s.domains) >= s.cfg.MaxExporters {
		s.evictDomain(s.victim(nil))
	}
	dom := s.spare
	if dom == nil {
		dom = new(domain)
	}
	s.spare = nil
	*dom = domain{key: key}
	s.changes++
	s.domains[key] = dom
	s.joinSource(dom)
	return dom
}

// put files t in dom, which must be the domain used last.
func (s *store) put(dom *domain, t *template) {
	if old := dom.templates[t.id]; old != nil {
		s.remove(dom, old)
		s.stats.TemplatesReplaced++
	} else {
		s.stats.TemplatesLearned++
	}
	dom.hearing.templatesNs = max(dom.hearing.templatesNs, t.seenNs)
	if len(dom.templates) >= s.cfg.MaxTemplatesPerDomain {
		s.evictTemplate(dom)
	}
	// Each turn removes a template: dom's own, or all of one that has some.
	for s.templates >= s.cfg.MaxTemplates {
		v := s.victim(func(other *domain) bool { return other == dom || other.oldest == nil })
		if dom.oldest != nil && (v == nil || v.standing > dom.standing) {
			s.evictTemplate(dom)
			continue
		}
		s.evictDomain(v)
	}
	if dom.templates == nil {
		dom.templates = make(map[uint16]*template)
	}
	dom.templates[t.id] = t
	dom.link(t)
	s.templates++
	dom.ready = dom.ready || len(dom.waits) > 0
	s.raise(dom, described)
}

// remove forgets a template that is in dom.
func (s *store) remove(dom *domain, t *template) {
	dom.unlink(t)
	delete(dom.templates, t.id)
	s.templates--
}

func (s *store) evictTemplate(dom *domain) {
	s.remove(dom, dom.oldest)
	s.stats.TemplatesEvicted++
}

// evictDomain forgets a domain to make room.
func (s *store) evictDomain(dom *domain) {
	s.drop(dom, WaitingRoomFull, &s.gone)
	s.stats.TemplatesEvicted += uint64(len(dom.templates))
	s.stats.ExportersEvicted++
}

func (s *store) link(dom *domain) {
	l := &s.lists[dom.standing]
	dom.newer, dom.older = nil, l.recent
	if l.recent != nil {
		l.recent.newer = dom
	} else {
		l.oldest = dom
	}
	l.recent = dom
}

func (s *store) unlink(dom *domain) {
	l := &s.lists[dom.standing]
	if dom.newer != nil {
		dom.newer.older = dom.older
	} else {
		l.recent = dom.older
	}
	if dom.older != nil {
		dom.older.newer = dom.newer
	} else {
		l.oldest = dom.newer
	}
}

// all are the domains, those that would go first first.
func (s *store) all() iter.Seq[*domain] {
	return func(yield func(*domain) bool) {
		for i := range s.lists {
			for dom := s.lists[i].oldest; dom != nil; dom = dom.newer {
				if !yield(dom) {
					return
				}
			}
		}
	}
}
