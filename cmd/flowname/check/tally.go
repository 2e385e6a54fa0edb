package check

import (
	"net/netip"
	"time"

	"flowname/dnscache"
)

// maxClients is how many clients are told apart.
const maxClients = 1 << 16

// A tally is what is known of a file's evidence.
type tally struct {
	Answers     uint64 `json:"answers"`   // responses, with addresses or without
	Addresses   uint64 `json:"addresses"` // in all of them
	Questions   uint64 `json:"questions"`
	Connections uint64 `json:"connections"`
	Named       uint64 `json:"named_connections"`

	// Clients are those that are told apart: at most maxClients.
	Clients uint64 `json:"clients"`
	// How much of the evidence is of no client: the source names none, or a
	// prefix that its writer masked, or a server that asks for others. Sites are
	// public addresses at a service: many clients may be behind each.
	Anyone    uint64 `json:"of_no_client"`
	Masked    uint64 `json:"of_masked_clients"`
	Forwarded uint64 `json:"of_forwarders"`
	Sites     uint64 `json:"of_sites"`

	First *time.Time `json:"first,omitempty"`
	Last  *time.Time `json:"last,omitempty"`
	// DisorderS is by how many seconds evidence came after later one, at most.
	DisorderS float64 `json:"disorder_s,omitempty"`

	forwarders  []netip.Prefix
	clients     map[netip.Addr]struct{}
	first, last int64
	disorder    int64
}

// all is how much evidence there is.
func (t *tally) all() uint64 { return t.Answers + t.Questions + t.Connections }

func (t *tally) response(r *dnscache.Response) {
	if r.QuestionOnly || len(r.Name) == 0 {
		t.Questions++
	} else {
		t.Answers++
		t.Addresses += uint64(len(r.Addrs))
	}
	client := r.Client
	if t.isForwarder(client) && r.Subnet.IsValid() && r.Subnet.IsSingleIP() {
		client = r.Subnet.Addr()
	}
	t.client(client, r.Source)
	t.at(r.TimeNs)
}

func (t *tally) connection(c *dnscache.Connection) {
	t.Connections++
	if len(c.Name) > 0 {
		t.Named++
	}
	t.client(c.Client, c.Source)
	t.at(c.TimeNs)
}

func (t *tally) isForwarder(a netip.Addr) bool {
	for _, p := range t.forwarders {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

func (t *tally) client(a netip.Addr, source dnscache.Source) {
	switch {
	case !a.IsValid():
		t.Anyone++
		return
	case !dnscache.IsHost(a):
		t.Masked++
		return
	case t.isForwarder(a):
		t.Forwarded++
		return
	case isService(source) && a.IsGlobalUnicast() && !a.IsPrivate():
		t.Sites++
	}
	if t.clients == nil {
		t.clients = map[netip.Addr]struct{}{}
	}
	if len(t.clients) < maxClients {
		t.clients[a] = struct{}{}
		t.Clients = uint64(len(t.clients))
	}
}

// isService says whether a source sees its clients from outside of their NAT.
func isService(s dnscache.Source) bool {
	return s == dnscache.SourceUmbrella || s == dnscache.SourceCloudflare
}

func (t *tally) at(ns int64) {
	if ns <= 0 {
		return
	}
	if t.first == 0 || ns < t.first {
		t.first = ns
	}
	t.last = max(t.last, ns)
	t.disorder = max(t.disorder, t.last-ns)
}

// finish sets what is only known at the end.
func (t *tally) finish() {
	if t.first == 0 {
		return
	}
	first, last := time.Unix(0, t.first).UTC(), time.Unix(0, t.last).UTC()
	t.First, t.Last, t.DisorderS = &first, &last, time.Duration(t.disorder).Seconds()
}
