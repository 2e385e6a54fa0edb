package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"flowname/cmd/flowname/guard"
	"flowname/correlate/visibility"
	"flowname/dnscache"
)

type clientsCmd struct {
	Subject string `arg:"" optional:"" name:"address|network" help:"Only this client, or those of a network such as 10.1.0.0/16."`
	Status  string `help:"Only clients of this status, or of one of several with commas between." placeholder:"STATUS"`
	Sort    string `help:"flows, bytes, unnamed (flows without a name of their own): most first; share (of flows with a name of their own): least first." enum:"flows,bytes,unnamed,share" default:"flows"`
	N       int    `short:"n" help:"How many clients at most (default ${default}); 0 for all." default:"50" placeholder:"N"`
	Server  string `help:"The running daemon to ask (default ${default})." default:"http://127.0.0.1:8470" placeholder:"URL"`
	Data    string `help:"Read this data directory instead; no daemon must be using it." placeholder:"DIR"`
	Format  string `help:"table or json (one object a line)." enum:"table,json" default:"table"`
}

// Run asks the daemon, or the directory that it left, and prints the rows.
func (c *clientsCmd) Run(std streams) error {
	q, err := parseClientQuery(c.values())
	if err != nil {
		return usagef("clients: %v", err)
	}
	out := bufio.NewWriter(std.out)
	p := newClientPrinter(c.Format, out, std.err, c.Subject)
	if c.Data != "" {
		err = c.readDirectory(q, p.line)
	} else {
		err = c.askDaemon(p.line)
	}
	if err != nil {
		err = fmt.Errorf("clients: %w", err)
	}
	if err = errors.Join(err, p.finish(), out.Flush()); err == nil {
		p.note()
	}
	return err
}

func (c *clientsCmd) values() url.Values {
	v := url.Values{"sort": {c.Sort}, "limit": {strconv.Itoa(c.N)}}
	if c.Subject != "" {
		v.Set("q", c.Subject)
	}
	if c.Status != "" {
		v.Set("status", c.Status)
	}
	return v
}

// A clientQuery says which clients are wanted.
type clientQuery struct {
	subject netip.Prefix // the zero Prefix: all
	status  [visibility.NumStatuses]bool
	order   func(a, b *visibility.Row) int
	n       int // 0: all
}

// clientOrders are the orders by their names.
var clientOrders = map[string]func(a, b *visibility.Row) int{
	"flows":   func(a, b *visibility.Row) int { return cmp.Compare(b.Total(), a.Total()) },
	"bytes":   func(a, b *visibility.Row) int { return cmp.Compare(b.Bytes, a.Bytes) },
	"unnamed": func(a, b *visibility.Row) int { return cmp.Compare(b.Total()-b.Own(), a.Total()-a.Own()) },
	"share":   func(a, b *visibility.Row) int { return cmp.Compare(shareOf(a), shareOf(b)) },
}

// shareOf is the share of flows with a name of their own; that of a client without any
// that count is the last.
func shareOf(r *visibility.Row) float64 {
	if r.Total() == 0 {
		return 2
	}
	return float64(r.Own()) / float64(r.Total())
}

// parseClientQuery reads a query from the parameters that the command sends and GET
// /api/v1/clients takes.
func parseClientQuery(v url.Values) (q clientQuery, err error) {
	if text := v.Get("q"); text != "" {
		if a, err := netip.ParseAddr(text); err == nil {
			text = a.Unmap().WithZone("").String()
		}
		all, err := networks("", []string{text})
		if err != nil {
			return q, fmt.Errorf("%q is neither an address nor a network such as 10.1.0.0/16", text)
		}
		q.subject = all[0]
	}
	if err := q.parseStatus(v.Get("status")); err != nil {
		return q, err
	}
	order := cmp.Or(v.Get("sort"), "flows")
	if q.order = clientOrders[order]; q.order == nil {
		return q, fmt.Errorf("sort %q is none of flows, bytes, unnamed, share", order)
	}
	if q.n, err = strconv.Atoi(cmp.Or(v.Get("limit"), "0")); err != nil || q.n < 0 {
		return q, fmt.Errorf("limit %q is not a number of clients", v.Get("limit"))
	}
	return q, nil
}

func (q *clientQuery) parseStatus(texts string) error {
	if texts == "" {
		for i := range q.status {
			q.status[i] = true
		}
		return nil
	}
	for text := range strings.SplitSeq(texts, ",") {
		i := slices.IndexFunc(visibility.Statuses(), func(s visibility.Status) bool { return s.String() == strings.TrimSpace(text) })
		if i < 0 {
			return fmt.Errorf("status %q is none of %s", text, strings.Trim(fmt.Sprint(visibility.Statuses()), "[]"))
		}
		q.status[i] = true
	}
	return nil
}

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

// A clientPick is the clients that a query wants, in its order.
type clientPick struct {
	query clientQuery
	rows  []visibility.Row
}

// visit takes a client if it is wanted. What can not be among the first any more is
// thrown away in between.
func (p *clientPick) visit(r *visibility.Row, s visibility.Status) {
	if !p.query.status[s] || p.query.subject.IsValid() && !p.query.subject.Contains(r.Client) {
		return
	}
	p.rows = append(p.rows, *r)
	if n := p.query.n; n > 0 && len(p.rows) >= 2*n+tableBlock {
		p.cut()
	}
}

func (p *clientPick) cut() {
	slices.SortFunc(p.rows, func(a, b visibility.Row) int {
		return cmp.Or(p.query.order(&a, &b), a.Client.Compare(b.Client))
	})
	if n := p.query.n; n > 0 && len(p.rows) > n {
		p.rows = p.rows[:n]
	}
}

// each gives the lines, and then the whole network's.
func (p *clientPick) each(n *visibility.Network, j *visibility.Judge, line func(any) error) error {
	p.cut()
	for i := range p.rows {
		if err := line(clientLineOf(&p.rows[i], j)); err != nil {
			return err
		}
	}
	return line(networkLineOf(n))
}

// serveClients answers GET /api/v1/clients.
func serveClients(w http.ResponseWriter, r *http.Request, b *clientBook) {
	q, err := parseClientQuery(r.URL.Query())
	if err != nil {
		guard.Refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	if b == nil {
		guard.Refuse(w, http.StatusNotFound, "nobody counts the flows of clients: the daemon runs with --max-clients 0")
		return
	}
	pick := clientPick{query: q}
	network := b.look(pick.visit)
	w.Header().Set("Content-Type", "application/x-ndjson")
	deadline := http.NewResponseController(w)
	out := bufio.NewWriter(w)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	n := 0
	err = pick.each(&network, &b.judge, func(line any) error {
		if n%tableBlock == 0 {
			deadline.SetWriteDeadline(time.Now().Add(historyWriteEvery))
		}
		n++
		return enc.Encode(line)
	})
	if err == nil {
		out.Flush()
	}
}

func (c *clientsCmd) readDirectory(q clientQuery, line func(any) error) error {
	h, err := dnscache.OpenHistory(c.Data)
	if err != nil {
		return openHistoryError(c.Data, err)
	}
	keeper := visibility.Keeper{Shelf: h.Shelf(dnscache.ShelfVisibility)}
	rows, judge, err := keeper.Load()
	if err == nil {
		pick := clientPick{query: q}
		var network visibility.Network
		addUp(&network, rows, &judge, pick.visit)
		err = pick.each(&network, &judge, line)
	}
	return errors.Join(err, h.Close())
}

func (c *clientsCmd) askDaemon(line func(any) error) error {
	resp, err := ask(context.Background(), http.MethodGet, c.Server, "/api/v1/clients?"+c.values().Encode(), nil, ", or --data DIR where none runs")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	for d := json.NewDecoder(resp.Body); ; {
		var text json.RawMessage
		switch err := d.Decode(&text); {
		case err == io.EOF:
			return nil
		case err != nil:
			return fmt.Errorf("the answer of %s ends early: %w", redacted(c.Server), err)
		}
		l, err := readClientLine(text)
		if err == nil {
			err = line(l)
		}
		if err != nil {
			return err
		}
	}
}

func readClientLine(text json.RawMessage) (line any, err error) {
	var kind struct{ Kind string }
	if err := json.Unmarshal(text, &kind); err != nil {
		return nil, err
	}
	if line = new(clientLine); kind.Kind == "network" {
		line = new(networkLine)
	}
	return line, json.Unmarshal(text, line)
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
			if n++; n%tableBlock == 0 {
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
		grouped(l.Flows), percent(l.OwnFlows, l.Flows), grouped(l.Bytes), percent(l.OwnBytes, l.Bytes),
		percent(l.Recent.OwnFlows, l.Recent.Flows), seen, last, l.Status, cmp.Or(l.Why, "-"))
	return err
}

func printNetwork(w io.Writer, l *networkLine) {
	var statuses []string
	for _, s := range visibility.Statuses() {
		if n := l.Statuses[s.String()]; n > 0 {
			statuses = append(statuses, fmt.Sprintf("%s %s", grouped(n), s))
		}
	}
	fmt.Fprintf(w, "network: %s clients (%s); %s flows that count, %s with names of their own; %s bytes, %s\n",
		grouped(l.Clients), cmp.Or(strings.Join(statuses, ", "), "none"), grouped(l.Flows), percent(l.OwnFlows, l.Flows),
		grouped(l.Bytes), percent(l.OwnBytes, l.Bytes))
}
