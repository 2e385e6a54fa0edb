package netflow

import "net/netip"

// A domainKey is where template ids have their meaning: one observation domain
// (v9: source id, v5: engine) of one exporting process, which is an address and
// a port, in one version.
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

	newer, older *domain // in the store's list, by use
}

// A template is one template record and the plan made of it.
type template struct {
	id      uint16
	options bool
	raw     []byte // the record as it came, to know a refresh by
	plan    plan

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
// full its template that was not used for longest goes; when the store is, the
// domain that was silent for longest goes, with its templates.
type store struct {
	cfg            *Config
	stats          *Stats
	domains        map[domainKey]*domain
	recent, oldest *domain
	templates      int
	options        int    // entries of options data in all
	changes        uint64 // of domains, made or evicted
}

func newStore(cfg *Config, stats *Stats) store {
	return store{cfg: cfg, stats: stats, domains: make(map[domainKey]*domain)}
}

// known returns the domain, or nil, and marks it as used.
func (s *store) known(key domainKey) *domain {
	if dom := s.recent; dom != nil && dom.key == key {
		return dom
	}
	dom := s.domains[key]
	if dom != nil {
		s.unlink(dom)
		s.link(dom)
	}
	return dom
}

// domain returns the domain, which it makes if need be.
func (s *store) domain(key domainKey) *domain {
	if dom := s.known(key); dom != nil {
		return dom
	}
	if len(s.domains) >= s.cfg.MaxExporters {
		s.evictDomain()
	}
	dom := &domain{key: key}
	s.changes++
	s.domains[key] = dom
	s.link(dom)
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
	if len(dom.templates) >= s.cfg.MaxTemplatesPerDomain {
		s.evictTemplate(dom)
	}
	// dom is the youngest and has fewer than the bound by itself, so this ends
	// before its turn comes.
	for s.templates >= s.cfg.MaxTemplates {
		s.evictDomain()
	}
	if dom.templates == nil {
		dom.templates = make(map[uint16]*template)
	}
	dom.templates[t.id] = t
	dom.link(t)
	s.templates++
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

func (s *store) evictDomain() {
	dom := s.oldest
	s.drop(dom)
	s.stats.TemplatesEvicted += uint64(len(dom.templates))
	s.stats.ExportersEvicted++
}

func (s *store) link(dom *domain) {
	dom.newer, dom.older = nil, s.recent
	if s.recent != nil {
		s.recent.newer = dom
	} else {
		s.oldest = dom
	}
	s.recent = dom
}

func (s *store) unlink(dom *domain) {
	if dom.newer != nil {
		dom.newer.older = dom.older
	} else {
		s.recent = dom.older
	}
	if dom.older != nil {
		dom.older.newer = dom.newer
	} else {
		s.oldest = dom.newer
	}
}
