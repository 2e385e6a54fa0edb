package clients

import (
	"cmp"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"flowname/cmd/flowname/command"
	"flowname/cmd/flowname/table"
	"flowname/correlate/visibility"
)

// A query says which clients are wanted.
type query struct {
	subject netip.Prefix // the zero Prefix: all
	status  [visibility.NumStatuses]bool
	order   func(a, b *visibility.Row) int
	n       int // 0: all
}

// orders are the orders by their names.
var orders = map[string]func(a, b *visibility.Row) int{
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

// parseQuery reads a query from the parameters that the command sends and GET
// /api/v1/clients takes.
func parseQuery(v url.Values) (q query, err error) {
	if text := v.Get("q"); text != "" {
		if q.subject, err = command.ParseNetwork(text); err != nil {
			return q, fmt.Errorf("%q is neither an address nor a network such as 10.1.0.0/16", text)
		}
	}
	if err := q.parseStatus(v.Get("status")); err != nil {
		return q, err
	}
	order := cmp.Or(v.Get("sort"), "flows")
	if q.order = orders[order]; q.order == nil {
		return q, fmt.Errorf("sort %q is none of flows, bytes, unnamed, share", order)
	}
	if q.n, err = strconv.Atoi(cmp.Or(v.Get("limit"), "0")); err != nil || q.n < 0 {
		return q, fmt.Errorf("limit %q is not a number of clients", v.Get("limit"))
	}
	return q, nil
}

func (q *query) parseStatus(texts string) error {
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

// A pick is the clients that a query wants, in its order.
type pick struct {
	query query
	rows  []visibility.Row
}

// visit takes a client if it is wanted. What can not be among the first any more is
// thrown away in between.
func (p *pick) visit(r *visibility.Row, s visibility.Status) {
	if !p.query.status[s] || p.query.subject.IsValid() && !p.query.subject.Contains(r.Client) {
		return
	}
	p.rows = append(p.rows, *r)
	if n := p.query.n; n > 0 && len(p.rows) >= 2*n+table.Block {
		p.cut()
	}
}

func (p *pick) cut() {
	slices.SortFunc(p.rows, func(a, b visibility.Row) int {
		return cmp.Or(p.query.order(&a, &b), a.Client.Compare(b.Client))
	})
	if n := p.query.n; n > 0 && len(p.rows) > n {
		p.rows = p.rows[:n]
	}
}

// each gives the lines, and then the whole network's.
func (p *pick) each(n *visibility.Network, j *visibility.Judge, line func(any) error) error {
	p.cut()
	for i := range p.rows {
		if err := line(lineOf(&p.rows[i], j)); err != nil {
			return err
		}
	}
	return line(networkLineOf(n))
}
