package flowlog

import (
	"bytes"

	"flowname/correlate"
	"flowname/correlate/export"
)

// What became of a line.
type Change struct {
	// Named ends had no name and have one, Renamed ends have another or one
	// of a better basis, Listed ends only have other candidates or another
	// process, Withdrawn ends had a name that is one of several now.
	Named, Renamed, Listed, Withdrawn int
	// Reason says that the reason for having no name is another one.
	Reason bool
}

// Any says that something is different.
func (c Change) Any() bool { return c != Change{} }

// AppendNamed appends the line that was read into f with the names that now
// gives, where they are better. now is the join of f.Record. A line that has
// the best names already is appended as it is.
func (r *Reader) AppendNamed(dst, line []byte, f *Flow, now *correlate.Flow) ([]byte, Change) {
	var c Change
	src := verdictOf(&f.Src, &now.Src, now.StartNs, &c)
	dstEnd := verdictOf(&f.Dst, &now.Dst, now.StartNs, &c)
	named := has(&f.Src, &now.Src, src) || has(&f.Dst, &now.Dst, dstEnd)
	reason := f.Unnamed
	switch {
	case named:
		reason = 0
	case moreTelling(now.Unnamed, f.Unnamed):
		reason = now.Unnamed
	}
	c.Reason = reason != f.Unnamed && reason != 0
	if !c.Any() && reason == f.Unnamed {
		return append(dst, line...), c
	}
	s := splice{now: now, take: [2]bool{src, dstEnd}, reason: reason, old: f.Unnamed}
	r.fields = fieldsOf(r.fields[:0], line)
	dst = s.append(dst, r.fields)
	if bytes.HasSuffix(line, []byte("\n")) {
		dst = append(dst, '\n')
	}
	return dst, c
}

// has says whether an end has a name in the end.
func has(was *End, now *correlate.End, taken bool) bool {
	if taken {
		return now.Named
	}
	return was.Name != ""
}

// verdictOf says whether an end's names of now are taken, and counts why.
func verdictOf(was *End, now *correlate.End, startNs int64, c *Change) bool {
	switch {
	case was.Name == "" && now.Named:
		c.Named++
	case was.Name == "":
		if possible(now) <= was.Candidates {
			return false
		}
		c.Listed++
	case was.Basis == correlate.Others && !now.Named && len(now.Candidates) > 1:
		c.Withdrawn++
	case !now.Named || outranks(was.Basis, now.Basis()):
		return false
	case outranks(now.Basis(), was.Basis):
		c.Renamed++
	case now.Candidates[0].Name != was.Name:
		if !nearer(&now.Candidates[0], startNs, was) {
			return false
		}
		c.Renamed++
	case possible(now) > max(was.Candidates, 1):
		c.Listed++
	default:
		return false
	}
	return true
}

// possible is how many candidates the flow can have been made by. What its
// client resolved only afterwards is no news of a flow that has a name.
func possible(e *correlate.End) int {
	n := 0
	for i := range e.Candidates {
		if e.Candidates[i].Basis != correlate.ClientLater {
			n++
		}
	}
	return n
}

// outranks says whether a is nearer to the connection than b.
func outranks(a, b correlate.Basis) bool { return a != 0 && (b == 0 || a < b) }

// nearer says whether a candidate's answer is nearer to the start than the
// line's.
func nearer(now *correlate.Candidate, startNs int64, was *End) bool {
	if !now.HasAge() || !was.HasAge {
		return false
	}
	return abs(startNs-now.AnsweredNs)/1e6 < abs(was.AgeMs)
}

func abs(x int64) int64 {
	if x < 0 {
		return -x
	}
	return x
}

// telling are the reasons by how much they say, most first: each is known by
// more evidence than those behind it.
var telling = []correlate.Reason{correlate.Ambiguous, correlate.NoAnswer, correlate.ClientUnseen, correlate.BeforeSensor}

func moreTelling(now, was correlate.Reason) bool {
	if now == 0 || now == was {
		return false
	}
	for _, r := range telling {
		if r == now || r == was {
			return r == now
		}
	}
	return false
}

// A splice puts names into the fields of a line.
type splice struct {
	now         *correlate.Flow
	take        [2]bool // of source and destination
	reason, old correlate.Reason
	put         int // how many of the places are filled
}

// append appends the object. What is put in stands where export puts it: behind
// the fields that go before it, before the first that goes after it.
func (s *splice) append(dst []byte, fields []field) []byte {
	dst = append(dst, '{')
	start := len(dst)
	for i := range fields {
		place := export.PlaceOf(string(fields[i].key))
		if place != export.NoPlace {
			dst = s.fill(dst, start, place)
		}
		if s.dropped(place) {
			continue
		}
		if len(dst) > start {
			dst = append(dst, ',')
		}
		dst = append(dst, fields[i].raw...)
	}
	return append(s.fill(dst, start, export.NumPlaces), '}')
}

// dropped says whether a field of the line gives way to what is known now.
func (s *splice) dropped(p export.Place) bool {
	switch p {
	case export.SrcNames:
		return s.take[0]
	case export.DstNames:
		return s.take[1]
	case export.Unnamed:
		return s.reason != s.old
	}
	return false
}

// fill appends what belongs into the places up to and including p.
func (s *splice) fill(dst []byte, start int, p export.Place) []byte {
	for ; s.put < int(export.NumPlaces) && s.put <= int(p); s.put++ {
		at := len(dst)
		if !s.dropped(export.Place(s.put)) {
			continue
		}
		switch export.Place(s.put) {
		case export.SrcNames:
			dst = export.AppendSrcNames(dst, s.now)
		case export.DstNames:
			dst = export.AppendDstNames(dst, s.now)
		case export.Unnamed:
			dst = export.AppendUnnamed(dst, s.reason)
		}
		if at == start && len(dst) > at { // nothing goes before it: no comma
			dst = append(dst[:at], dst[at+1:]...)
		}
	}
	return dst
}
