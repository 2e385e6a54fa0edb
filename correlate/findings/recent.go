package findings

import (
	"net/netip"
	"strings"
)

// A kept finding is one with what it is looked for by.
type kept struct {
	timeNs       int64
	client       netip.Addr
	code         string
	name, domain string
	line         []byte
}

// ring keeps the newest findings.
type ring struct {
	all  []kept
	next int
}

func (r *ring) add(k kept) {
	if len(r.all) < Recent {
		r.all = append(r.all, k)
		return
	}
	r.all[r.next] = k
	r.next = (r.next + 1) % Recent
}

// A Query selects findings; zero fields select all.
type Query struct {
	Code   string // or feed, for all feeds
	Client netip.Addr
	// Name is a name, a registrable domain, or *.NAME for all beneath a name.
	Name         string
	FromNs, ToNs int64 // Unix nanoseconds; ToNs is included
	Limit        int   // the newest so many
}

func (q *Query) selects(k *kept) bool {
	switch {
	case q.Code != "" && q.Code != k.code && !(q.Code+":" == feedPrefix && strings.HasPrefix(k.code, feedPrefix)):
		return false
	case q.Client.IsValid() && q.Client != k.client:
		return false
	case q.FromNs != 0 && k.timeNs < q.FromNs, q.ToNs != 0 && k.timeNs > q.ToNs:
		return false
	case q.Name == "":
		return true
	}
	if beneath, ok := strings.CutPrefix(q.Name, "*"); ok {
		return strings.HasSuffix(k.name, beneath) || k.name == strings.TrimPrefix(beneath, ".")
	}
	return q.Name == k.name || q.Name == k.domain
}

// Recent appends the lines of the findings that are selected, the one that was told
// first before the others.
func (d *Desk) Recent(dst []byte, q *Query) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := &d.recent
	var found []*kept
	for i := len(r.all); i > 0 && (q.Limit == 0 || len(found) < q.Limit); i-- {
		k := &r.all[(r.next+i-1)%len(r.all)]
		if q.selects(k) {
			found = append(found, k)
		}
	}
	for i := len(found); i > 0; i-- {
		dst = append(dst, found[i-1].line...)
	}
	return dst
}
