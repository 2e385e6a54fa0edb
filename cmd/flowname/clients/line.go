package clients

import (
	"net/netip"
	"time"

	"flowname/correlate/visibility"
)

// A Line is a client, or the whole network, as programs read it.
type Line struct {
	Kind      string     `json:"kind"` // client
	Client    netip.Addr `json:"client"`
	Status    string     `json:"status"`
	Why       string     `json:"why"`
	FirstSeen time.Time  `json:"first_seen"`
	LastSeen  time.Time  `json:"last_seen"`
	Sums
	Recent   recentFlows   `json:"recent"`
	DNS      seenDNS       `json:"dns"`
	Resolver *lastResolver `json:"resolver,omitempty"`
}

// Sums are flows that count, by how they are named, and bytes.
type Sums struct {
	Flows    uint64       `json:"flows"`
	OwnFlows uint64       `json:"own_flows"`
	Bytes    uint64       `json:"bytes"`
	OwnBytes uint64       `json:"own_bytes"`
	Named    namedFlows   `json:"named"`
	Unnamed  unnamedFlows `json:"unnamed"`
	Other    uint64       `json:"other_flows"`
}

type namedFlows struct {
	LookedUp uint64 `json:"looked_up"`
	Told     uint64 `json:"told"`
	Others   uint64 `json:"others"`
}

type unnamedFlows struct {
	Ambiguous    uint64 `json:"ambiguous"`
	NoAnswer     uint64 `json:"no_answer"`
	ClientUnseen uint64 `json:"client_unseen"`
	BeforeSensor uint64 `json:"before_sensor"`
}

// recentFlows is what counts now.
type recentFlows struct {
	Flows    uint64 `json:"flows"`
	OwnFlows uint64 `json:"own_flows"`
	LookedUp uint64 `json:"looked_up"`
}

// seenDNS is how the client's DNS is seen.
type seenDNS struct {
	Sources   []string   `json:"sources"`
	Answered  *time.Time `json:"answered,omitempty"`
	Asked     *time.Time `json:"asked,omitempty"` // newest question that was seen by itself
	Direct    bool       `json:"direct"`
	Forwarded bool       `json:"forwarded"`
}

// lastResolver is the last resolver that the client's flows go to, and how many
// went to those that are not allowed.
type lastResolver struct {
	Addr         netip.Addr `json:"addr"`
	Kind         string     `json:"kind"`
	OutsideFlows uint64     `json:"outside_flows"`
	DoHFlows     uint64     `json:"doh_flows"`
}

// A NetworkLine is all clients together.
type NetworkLine struct {
	Kind     string            `json:"kind"` // network
	Clients  uint64            `json:"clients"`
	Statuses map[string]uint64 `json:"statuses"`
	Sums
}

func sumsOf(flows *[visibility.NumHows]uint64, bytes, ownBytes, other uint64) Sums {
	s := Sums{
		Bytes: bytes, OwnBytes: ownBytes, Other: other,
		Named: namedFlows{flows[visibility.LookedUp], flows[visibility.Told], flows[visibility.Others]},
		Unnamed: unnamedFlows{
			flows[visibility.Ambiguous], flows[visibility.NoAnswer], flows[visibility.ClientUnseen], flows[visibility.BeforeSensor],
		},
	}
	for how, n := range flows {
		s.Flows += n
		if visibility.How(how).Own() {
			s.OwnFlows += n
		}
	}
	return s
}

func lineOf(r *visibility.Row, j *visibility.Judge) *Line {
	status := j.Of(r)
	l := &Line{
		Kind: "client", Client: r.Client, Status: status.String(), Why: j.Why(r, status),
		FirstSeen: time.Unix(0, r.FirstNs).UTC(), LastSeen: time.Unix(0, r.LastNs).UTC(),
		Sums:   sumsOf(&r.Flows, r.Bytes, r.OwnBytes, r.Other),
		Recent: recentFlows{r.Lately.Flows, r.Lately.Own, r.Lately.LookedUp},
		DNS: seenDNS{
			Sources: []string{}, Direct: r.Sight.Direct, Forwarded: r.Sight.Forwarded,
			Answered: timeOrNone(r.Sight.AnsweredNs), Asked: timeOrNone(r.Sight.AskedNs),
		},
	}
	for source := range r.Sight.Sources.All() {
		l.DNS.Sources = append(l.DNS.Sources, source.String())
	}
	if r.Kind != 0 {
		l.Resolver = &lastResolver{r.Resolver, r.Kind.String(), r.Outside, r.DoH}
	}
	return l
}

func timeOrNone(ns int64) *time.Time {
	if ns == 0 {
		return nil
	}
	t := time.Unix(0, ns).UTC()
	return &t
}

func networkLineOf(n *visibility.Network) *NetworkLine {
	l := &NetworkLine{
		Kind: "network", Clients: n.Clients, Statuses: map[string]uint64{},
		Sums: sumsOf(&n.Flows, n.Bytes, n.OwnBytes, n.Other),
	}
	for _, s := range visibility.Statuses() {
		l.Statuses[s.String()] = n.By[s]
	}
	return l
}
