package timeline

import (
	"cmp"
	"net/netip"
	"slices"

	"flowname/dnscache"
)

// A question is whether a track went on over a gap in its evidence in which others
// were told something else.
type question struct {
	track int
	gap   span
}

// An answer counts the clients that kept the track over the gap, and those that saw
// it go or come in it. A client that was not there may take two times for one;
// one that saw a change knows.
type answer struct{ kept, seen int }

const (
	// maxQuestions bounds the questions; gaps beyond are changes.
	maxQuestions = 256
	// keptShare is how many times as many must have kept it.
	keptShare = 4
)

// A jury answers the questions, client by client.
type jury struct {
	*collector
	client  netip.Addr
	points  []point
	byTrack map[int][]question
}

func newJury(c *collector) *jury {
	j := &jury{collector: c, byTrack: map[int][]question{}}
	for q := range c.answers {
		j.byTrack[q.track] = append(j.byTrack[q.track], q)
	}
	return j
}

// add takes a run. Those of a client come together.
func (j *jury) add(r *dnscache.Run) {
	j.keys = appendKeys(j.keys[:0], r, j.sinkholes)
	if len(j.keys) > 0 && (r.Client != j.client || len(j.points) >= maxPoints) {
		j.endClient()
		j.client = r.Client
	}
	for _, k := range j.keys {
		if i, ok := j.index[k]; ok {
			j.points = append(j.points, point{i, span{r.FirstNs, r.LastNs}})
		}
	}
}

// endClient hears a client: what it was told, moment by moment.
func (j *jury) endClient() {
	if j.client.IsValid() && len(j.points) > 1 {
		slices.SortFunc(j.points, func(a, b point) int {
			return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(a.track, b.track))
		})
		for _, family := range []uint8{four, six} {
			j.hear(family)
		}
	}
	j.points = j.points[:0]
}

func (j *jury) hear(family uint8) {
	var before, now []int
	var beforeAt, nowAt int64
	for from := 0; from < len(j.points); {
		at := j.points[from].first
		now = now[:0]
		nowAt = at
		for ; from < len(j.points) && j.points[from].first == at; from++ {
			if p := j.points[from]; j.tracks[p.track].family&family != 0 {
				now, nowAt = append(now, p.track), max(nowAt, p.last)
			}
		}
		if len(now) == 0 {
			continue
		}
		for _, i := range before {
			if holds(now, i) {
				j.count(i, func(g span) bool { return beforeAt <= g.first && at >= g.last }, true)
			} else {
				j.count(i, func(g span) bool { return beforeAt <= g.first && at > g.first && at < g.last }, false)
			}
		}
		for _, i := range now {
			if !holds(before, i) && len(before) > 0 {
				j.count(i, func(g span) bool { return beforeAt > g.first && beforeAt < g.last && at >= g.last }, false)
			}
		}
		before, now, beforeAt = now, before, nowAt
	}
}

// count notes what the client says to the questions about a track that it can
// answer.
func (j *jury) count(track int, can func(span) bool, kept bool) {
	for _, q := range j.byTrack[track] {
		if !can(q.gap) {
			continue
		}
		if a := j.answers[q]; kept {
			a.kept++
		} else {
			a.seen++
		}
	}
}
