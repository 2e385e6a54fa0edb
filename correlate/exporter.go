package correlate

import "flowname/dnscache"

// maxTold is how many names that exporters told are known at least.
const maxTold = 1 << 14

// told are the names that exporters told in flow records, by their hash: a
// connection remembers hashes only, and a later slice, or the other direction,
// need not tell the name again. It knows the latest maxTold names and at most
// twice as many.
type told struct{ young, old map[uint32]string }

func (t *told) add(hash uint32, name string) {
	if t.young[hash] == name {
		return
	}
	if len(t.young) >= maxTold {
		t.old, t.young = t.young, nil
	}
	if t.young == nil {
		t.young = make(map[uint32]string)
	}
	t.young[hash] = name
}

// find returns the name with this hash; empty where there is none.
func (t *told) find(hash uint32) string {
	if name := t.young[hash]; name != "" {
		return name
	}
	return t.old[hash]
}

// nameServer gives the server's end the name that the flow record carries. It
// is nearer to the connection than any answer: those stay behind it.
func (c *Correlator) nameServer(f *Flow) {
	e := &f.Dst
	if !f.ServerIsDst() {
		e = &f.Src
	}
	hash := hashName(f.HostName)
	c.told.add(hash, f.HostName)
	e.tell(f.HostName, hash)
}

// tell puts the name that an exporter told before the candidates. Where an
// answer has it too, that one's time and canonical name stay with it.
func (e *End) tell(name string, hash uint32) {
	if e.lead(hash) {
		lead := &e.Candidates[0]
		if lead.Name != name { // but has its hash
			lead.DomainAt, lead.CanonicalAt = 0, 0
		}
		lead.Name, lead.Basis, lead.Source = name, Exporter, dnscache.SourceFlowRecord
		return
	}
	if len(e.Candidates) < MaxCandidates {
		e.Candidates = append(e.Candidates, Candidate{})
	}
	copy(e.Candidates[1:], e.Candidates)
	e.Candidates[0] = Candidate{Name: name, Basis: Exporter, Source: dnscache.SourceFlowRecord}
	e.Named = true
}

// HasAge says whether the candidate rests on an answer, so that AnsweredNs is
// its time: what only an exporter told does not.
func (c *Candidate) HasAge() bool { return c.Basis != Exporter || c.AnsweredNs != 0 }
