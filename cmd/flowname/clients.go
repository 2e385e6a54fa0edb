package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"flowname/cmd/flowname/api"
	"flowname/cmd/flowname/command"
	"flowname/cmd/flowname/datadir"
	"flowname/cmd/flowname/guard"
	"flowname/cmd/flowname/table"
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
func (c *clientsCmd) Run(std command.Streams) error {
	q, err := parseClientQuery(c.values())
	if err != nil {
		return command.Usagef("clients: %v", err)
	}
	out := bufio.NewWriter(std.Out)
	p := newClientPrinter(c.Format, out, std.Err, c.Subject)
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
		all, err := command.ParseNetworks("", []string{text})
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
	if n := p.query.n; n > 0 && len(p.rows) >= 2*n+table.Block {
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
	out := api.NewWriter(w)
	if pick.each(&network, &b.judge, out.Write) == nil {
		out.Flush()
	}
}

func (c *clientsCmd) readDirectory(q clientQuery, line func(any) error) error {
	h, err := datadir.OpenHistory(c.Data)
	if err != nil {
		return err
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
	return api.AskForRows(context.Background(), c.Server, "/api/v1/clients?"+c.values().Encode(), func(text json.RawMessage) error {
		l, err := readClientLine(text)
		if err != nil {
			return err
		}
		return line(l)
	})
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
