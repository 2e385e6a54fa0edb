package netflow

// A standing is how much an exporter's domain has shown that it is one. Exports
// are UDP: whoever can send a datagram can claim any address, so a flood of
// made-up exporters must not push out a good one that is silent for a while. The
// lower standings go first, and the high ones take time that a flood does not
// have: it would have to keep up as many exporters as there is room for, for
// longer than the good one is known.
type standing uint8

const (
	stranger    standing = iota // nothing that could be used
	described                   // has sent a template
	delivering                  // has sent flow records
	established                 // over a minute and more
	old                         // over an hour and more
	standings
)

// What makes a domain established and old: from its first flow record to its
// latest.
const (
	establishedNs = 60 * 1e9
	oldNs         = 3600 * 1e9
)

// victimReach is how many domains are looked at from either end of a list to
// find one whose address has many.
const victimReach = 8

// A source is an address with the domains that it has, from the one made last to
// the one made first.
type source struct {
	domains, eldest *domain
	count           int
}

// victim chooses which domain of an address has to go for another one of it: of
// those made last and of those made first, one of the lowest standing that was
// silent for longest. A flood's own are among the last, and those of ports that
// an exporter has left among the first.
func (src *source) victim() *domain {
	worst := src.eldest
	consider := func(dom *domain) {
		if dom.standing < worst.standing || dom.standing == worst.standing && dom.hearing.lastNs < worst.hearing.lastNs {
			worst = dom
		}
	}
	for dom, n := src.eldest, 0; dom != nil && n < victimReach; dom, n = dom.senior, n+1 {
		consider(dom)
	}
	for dom, n := src.domains, 0; dom != nil && n < victimReach; dom, n = dom.sister, n+1 {
		consider(dom)
	}
	return worst
}

func (s *store) joinSource(dom *domain) {
	addr := dom.key.exporter.Addr()
	src := s.sources[addr]
	if src == nil {
		src = new(source)
		s.sources[addr] = src
	}
	dom.source, dom.senior, dom.sister = src, nil, src.domains
	if src.domains != nil {
		src.domains.senior = dom
	} else {
		src.eldest = dom
	}
	src.domains = dom
	src.count++
}

func (s *store) leaveSource(dom *domain) {
	src := dom.source
	if dom.senior != nil {
		dom.senior.sister = dom.sister
	} else {
		src.domains = dom.sister
	}
	if dom.sister != nil {
		dom.sister.senior = dom.senior
	} else {
		src.eldest = dom.senior
	}
	if src.count--; src.count == 0 {
		delete(s.sources, dom.key.exporter.Addr())
	}
}

// raise gives a listed domain a higher standing.
func (s *store) raise(dom *domain, to standing) {
	if to <= dom.standing {
		return
	}
	s.unlink(dom)
	dom.standing = to
	s.link(dom)
}

// delivered notes flow records of a domain.
func (s *store) delivered(dom *domain, receivedNs int64) {
	h := &dom.hearing
	if dom.standing < delivering {
		h.deliveredNs = receivedNs
		s.raise(dom, delivering)
		return
	}
	switch span := receivedNs - h.deliveredNs; {
	case span >= oldNs:
		s.raise(dom, old)
	case span >= establishedNs:
		s.raise(dom, established)
	}
}

// victim chooses which domain has to go, other than keep: one of the lowest
// standing there is. Of those that were silent for longest, and those that came
// last, it is one whose address has the most domains; where none has more, the
// one that was silent for longest. It is none that spared says, nil for any.
func (s *store) victim(spared func(*domain) bool) *domain {
	if spared == nil {
		spared = func(*domain) bool { return false }
	}
	for i := range s.lists {
		var worst *domain
		consider := func(dom *domain) {
			if worst == nil || dom.source.count > worst.source.count {
				worst = dom
			}
		}
		for dom, n := s.lists[i].oldest, 0; dom != nil && n < victimReach; dom = dom.newer {
			if !spared(dom) {
				consider(dom)
				n++
			}
		}
		if worst == nil {
			continue // all there are were seen
		}
		for dom, n := s.lists[i].recent, 0; dom != nil && n < victimReach; dom, n = dom.older, n+1 {
			if !spared(dom) {
				consider(dom)
			}
		}
		return worst
	}
	return nil
}

// maxSisters bounds the search for another port's template.
const maxSisters = 32

// borrow finds the data template with this id that the exporter sent from
// another port, as one does that changes its source port and sends templates
// seldom. Nothing is guessed: dom must have no template of its own, all the
// domains of this address and id that know the template must agree on it, each
// must have been silent since dom was first heard (one that still sends is
// another exporter behind the same address), and records of that layout must
// fill the set, padding aside. Nothing is borrowed between connections.
func (s *store) borrow(dom *domain, id uint16, body []byte) *template {
	if s.cfg.Sessions || len(dom.templates) > 0 || dom.source.count > maxSisters {
		return nil
	}
	var found *template
	for other := dom.source.domains; other != nil; other = other.sister {
		if other == dom || other.key.id != dom.key.id || other.key.version != dom.key.version {
			continue
		}
		t := other.templates[id]
		if t == nil {
			continue
		}
		if t.options || other.hearing.lastNs > dom.hearing.firstNs || found != nil && string(found.raw) != string(t.raw) {
			return nil
		}
		found = t
	}
	if found == nil || !found.plan.fills(body) {
		return nil
	}
	return found
}

// fills reports whether b is records of this plan and padding, which is zeros
// shorter than a record or less than four bytes (RFC 7011 section 3.3.1).
func (p *plan) fills(b []byte) bool {
	for n := 0; len(b) > 0; n++ {
		size := p.length(b)
		if size < 0 {
			return n > 0 && zeros(b)
		}
		b = b[size:]
	}
	return true
}

// length measures the record at the start of b; it is negative when b does not
// hold it whole.
func (p *plan) length(b []byte) int {
	if len(b) < p.size {
		return -1
	}
	if !p.walk {
		return p.size
	}
	off := 0
	for i := range p.steps {
		n := int(p.steps[i].length)
		if n == variableLength {
			var head int
			if n, head = fieldLength(b[off:]); head == 0 {
				return -1
			}
			off += head
		}
		if n > len(b)-off {
			return -1
		}
		off += n
	}
	return off
}
