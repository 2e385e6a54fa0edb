package sflow

import (
	"iter"
	"net/netip"
)

// An agentKey tells agents apart: by the address that the datagram states and
// the sub-agent, which have numbers of their own, and by the sender's address,
// since what is misconfigured states 127.0.0.1. Datagrams of which no more
// can be told are of no agent.
type agentKey struct {
	sender, agent netip.Addr
	subAgent      uint32
}

// An agent is all that is known of one.
type agent struct {
	key      agentKey
	account  Account
	sequence sequence
	sources  map[sourceID]*source

	firstNs, lastNs int64
	lastRate        uint32
	severalRates    bool

	standing     standing
	newer, older *agent // in the list of its standing, by use
}

// A standing is how much an agent has shown that it is one. Whoever can send a
// datagram can make agents up: they push out each other before one that has sent
// flows for over a minute.
type standing uint8

const (
	stranger standing = iota
	established
	standings
)

const establishedNs = 60 * 1e9

// rate notes the sampling rate of a sample.
func (g *agent) rate(rate uint32) {
	g.severalRates = g.severalRates || g.account.Flows > 0 && rate != g.lastRate
	g.lastRate = rate
}

// agents are those that are known, bounded in number: when there are too many the
// one that was silent for longest goes, of the lowest standing there is, and its
// account is added to gone.
type agents struct {
	most    int
	byKey   map[agentKey]*agent
	last    *agent // used last
	lists   [standings]useList
	sources int // of all agents
	gone    Account
}

// A useList has agents of one standing in the order of their use.
type useList struct{ recent, oldest *agent }

// agent returns the agent, which it makes if need be, and marks it as used.
func (s *agents) agent(key agentKey) (g *agent, evicted bool) {
	if g = s.last; g != nil && g.key == key {
		return g, false
	}
	if g = s.byKey[key]; g != nil {
		s.unlink(g)
	} else {
		if len(s.byKey) >= s.most {
			s.evict()
			evicted = true
		}
		g = &agent{key: key}
		s.byKey[key] = g
	}
	s.link(g)
	s.last = g
	return g, evicted
}

// heard notes that a datagram of the agent was read.
func (s *agents) heard(g *agent, receivedNs int64) {
	if g.firstNs == 0 {
		g.firstNs = receivedNs
	}
	g.lastNs = max(g.lastNs, receivedNs)
	if g.standing == stranger && g.account.Flows > 0 && g.lastNs-g.firstNs >= establishedNs {
		s.unlink(g)
		g.standing = established
		s.link(g)
	}
}

func (s *agents) evict() {
	for i := range s.lists {
		g := s.lists[i].oldest
		if g == nil {
			continue
		}
		s.unlink(g)
		delete(s.byKey, g.key)
		s.forgetSources(g)
		g.sequence.settle(&g.account)
		s.gone.Add(&g.account)
		if s.last == g {
			s.last = nil
		}
		return
	}
}

// forgetSources forgets what the numbers of an agent's data sources were: those
// of its next run have nothing to do with them.
func (s *agents) forgetSources(g *agent) {
	s.sources -= len(g.sources)
	clear(g.sources)
}

func (s *agents) link(g *agent) {
	l := &s.lists[g.standing]
	g.newer, g.older = nil, l.recent
	if l.recent != nil {
		l.recent.newer = g
	} else {
		l.oldest = g
	}
	l.recent = g
}

func (s *agents) unlink(g *agent) {
	l := &s.lists[g.standing]
	if g.newer != nil {
		g.newer.older = g.older
	} else {
		l.recent = g.older
	}
	if g.older != nil {
		g.older.newer = g.newer
	} else {
		l.oldest = g.newer
	}
}

// all are the agents, those that would go first first.
func (s *agents) all() iter.Seq[*agent] {
	return func(yield func(*agent) bool) {
		for i := range s.lists {
			for g := s.lists[i].oldest; g != nil; g = g.newer {
				if !yield(g) {
					return
				}
			}
		}
	}
}
