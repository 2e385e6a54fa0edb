package sflow

// A sourceID is a data source of an agent: a class, mostly that of interfaces,
// and a number in it.
type sourceID struct{ class, index uint32 }

// A source is what the last flow sample of a data source said. Its numbers are
// counted modulo 2^32.
type source struct {
	number      uint32 // of its samples
	pool, drops uint32
}

// aheadSamples is the widest gap in a source's numbers that is a loss, and
// mostPool how much its pool can grow from one sample to the next.
const (
	aheadSamples = 1 << 20
	mostPool     = 1 << 31
)

// observe takes in a flow sample that came in a datagram of this arrival.
func (s *source) observe(a *Account, how arrival, next *sample) {
	step := next.number - s.number
	switch {
	case how == late && int32(step) <= 0:
		// It was counted as lost when one after it came.
		a.SamplesLost -= min(a.SamplesLost, 1)
		return
	case how == again:
		return
	case step == 0 || step > aheadSamples: // the source's numbers began anew, or count nothing
		*s = next.state()
		return
	}
	a.SamplesLost += uint64(step - 1)
	if pool := next.pool - s.pool; pool < mostPool {
		a.SamplePool += uint64(pool)
		a.PoolSamples += uint64(step)
	}
	if drops := next.drops - s.drops; drops < mostPool {
		a.SamplesDropped += uint64(drops)
	}
	*s = next.state()
}

func (s *sample) state() source { return source{s.number, s.pool, s.drops} }

// noteSample files a flow sample with its agent's data source. An agent with
// more sources than there is room for has the rest of them not followed.
func (d *Decoder) noteSample(s *sample) {
	g := d.cur.agent
	g.rate(s.rate)
	src := g.sources[s.sourceID]
	if src != nil {
		src.observe(&g.account, d.cur.arrival, s)
		return
	}
	if d.cur.arrival == late || d.cur.arrival == again {
		return
	}
	if len(g.sources) >= d.cfg.MaxSourcesPerAgent || d.agents.sources >= d.cfg.MaxSources {
		d.stats.SourcesRefused++
		return
	}
	if g.sources == nil {
		g.sources = make(map[sourceID]*source)
	}
	first := s.state()
	g.sources[s.sourceID] = &first
	d.agents.sources++
}
