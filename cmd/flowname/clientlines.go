package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"text/tabwriter"
	"time"

	"flowname/cmd/flowname/table"
	"flowname/correlate/visibility"
)

// A clientLine is a client, or the whole network, as programs read it.
type clientLine struct {
	Kind      string     `json:"kind"` // client
	Client    netip.Addr `json:"client"`
	Status    string     `json:"status"`
	Why       string     `json:"why"`
	FirstSeen time.Time  `json:"first_seen"`
	LastSeen  time.Time  `json:"last_seen"`
	clientSums
	Recent   clientRecent    `json:"recent"`
	DNS      clientDNS       `json:"dns"`
	Resolver *clientResolver `json:"resolver,omitempty"`
}

// clientSums are flows that count, by how they are named, and bytes.
type clientSums struct {
	Flows    uint64        `json:"flows"`
	OwnFlows uint64        `json:"own_flows"`
	Bytes    uint64        `json:"bytes"`
	OwnBytes uint64        `json:"own_bytes"`
	Named    clientNamed   `json:"named"`
	Unnamed  clientUnnamed `json:"unnamed"`
	Other    uint64        `json:"other_flows"`
}

type clientNamed struct {
	LookedUp uint64 `json:"looked_up"`
	Told     uint64 `json:"told"`
	Others   uint64 `json:"others"`
}

type clientUnnamed struct {
	Ambiguous    uint64 `json:"ambiguous"`
	NoAnswer     uint64 `json:"no_answer"`
	ClientUnseen uint64 `json:"client_unseen"`
	BeforeSensor uint64 `json:"before_sensor"`
}

// clientRecent is what counts now.
type clientRecent struct {
	Flows    uint64 `json:"flows"`
	OwnFlows uint64 `json:"own_flows"`
	LookedUp uint64 `json:"looked_up"`
}

// clientDNS is how the client's DNS is seen.
type clientDNS struct {
	Sources   []string   `json:"sources"`
	Answered  *time.Time `json:"answered,omitempty"`
	Asked     *time.Time `json:"asked,omitempty"` // newest question that was seen by itself
	Direct    bool       `json:"direct"`
	Forwarded bool       `json:"forwarded"`
}

// clientResolver is the last resolver that the client's flows go to, and how many
// went to those that are not allowed.
type clientResolver struct {
	Addr         netip.Addr `json:"addr"`
	Kind         string     `json:"kind"`
	OutsideFlows uint64     `json:"outside_flows"`
	DoHFlows     uint64     `json:"doh_flows"`
}

// A networkLine is all clients together.
type networkLine struct {
	Kind     string            `json:"kind"` // network
	Clients  uint64            `json:"clients"`
	Statuses map[string]uint64 `json:"statuses"`
	clientSums
}

func sumsOf(flows *[visibility.NumHows]uint64, bytes, ownBytes, other uint64) clientSums {
	s := clientSums{
		Bytes: bytes, OwnBytes: ownBytes, Other: other,
		Named: clientNamed{flows[visibility.LookedUp], flows[visibility.Told], flows[visibility.Others]},
		Unnamed: clientUnnamed{
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

func clientLineOf(r *visibility.Row, j *visibility.Judge) *clientLine {
	status := j.Of(r)
	l := &clientLine{
		Kind: "client", Client: r.Client, Status: status.String(), Why: j.Why(r, status),
		FirstSeen: time.Unix(0, r.FirstNs).UTC(), LastSeen: time.Unix(0, r.LastNs).UTC(),
		clientSums: sumsOf(&r.Flows, r.Bytes, r.OwnBytes, r.Other),
		Recent:     clientRecent{r.Lately.Flows, r.Lately.Own, r.Lately.LookedUp},
		DNS: clientDNS{
			Sources: []string{}, Direct: r.Sight.Direct, Forwarded: r.Sight.Forwarded,
			Answered: timeOrNone(r.Sight.AnsweredNs), Asked: timeOrNone(r.Sight.AskedNs),
		},
	}
	for source := range r.Sight.Sources.All() {
		l.DNS.Sources = append(l.DNS.Sources, source.String())
	}
	if r.Kind != 0 {
		l.Resolver = &clientResolver{r.Resolver, r.Kind.String(), r.Outside, r.DoH}
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

func networkLineOf(n *visibility.Network) *networkLine {
	l := &networkLine{
		Kind: "network", Clients: n.Clients, Statuses: map[string]uint64{},
		clientSums: sumsOf(&n.Flows, n.Bytes, n.OwnBytes, n.Other),
	}
	for _, s := range visibility.Statuses() {
		l.Statuses[s.String()] = n.By[s]
	}
	return l
}

// A clientPrinter prints lines as a table or as JSON; finish ends the output, and note
// tells what comes beside it.
type clientPrinter struct {
	line   func(any) error
	finish func() error
	note   func()
}

func newClientPrinter(format string, w, notes io.Writer, subject string) clientPrinter {
	if format == "json" {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		return clientPrinter{e.Encode, func() error { return nil }, func() {}}
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	n := 0
	var network *networkLine
	return clientPrinter{
		line: func(line any) error {
			if l, ok := line.(*networkLine); ok {
				network = l
				return nil
			}
			if n == 0 {
				fmt.Fprintln(t, "CLIENT\tFLOWS\tOWN\tBYTES\tOWN\tLATELY\tDNS SEEN BY\tLAST (UTC)\tSTATUS\tWHY")
			}
			if n++; n%table.Block == 0 {
				if err := t.Flush(); err != nil {
					return err
				}
			}
			return printClient(t, line.(*clientLine))
		},
		finish: t.Flush,
		note: func() {
			if n == 0 {
				fmt.Fprintf(notes, "no such client%s is known\n", of(subject))
			}
			if network != nil {
				printNetwork(notes, network)
			}
		},
	}
}

func of(subject string) string {
	if subject == "" {
		return ""
	}
	return " of " + subject
}

func printClient(w io.Writer, l *clientLine) error {
	seen, last := "-", "-"
	if len(l.DNS.Sources) > 0 {
		seen = strings.Join(l.DNS.Sources, ",")
	}
	switch {
	case l.DNS.Answered != nil:
		last = l.DNS.Answered.Format(time.DateTime)
	case l.DNS.Asked != nil:
		last = l.DNS.Asked.Format(time.DateTime)
	}
	_, err := fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", l.Client,
		table.Grouped(l.Flows), percent(l.OwnFlows, l.Flows), table.Grouped(l.Bytes), percent(l.OwnBytes, l.Bytes),
		percent(l.Recent.OwnFlows, l.Recent.Flows), seen, last, l.Status, cmp.Or(l.Why, "-"))
	return err
}

func printNetwork(w io.Writer, l *networkLine) {
	var statuses []string
	for _, s := range visibility.Statuses() {
		if n := l.Statuses[s.String()]; n > 0 {
			statuses = append(statuses, fmt.Sprintf("%s %s", table.Grouped(n), s))
		}
	}
	fmt.Fprintf(w, "network: %s clients (%s); %s flows that count, %s with names of their own; %s bytes, %s\n",
		table.Grouped(l.Clients), cmp.Or(strings.Join(statuses, ", "), "none"), table.Grouped(l.Flows), percent(l.OwnFlows, l.Flows),
		table.Grouped(l.Bytes), percent(l.OwnBytes, l.Bytes))
}
