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
	"strings"
	"text/tabwriter"
	"time"

	"flowname/cmd/flowname/api"
	"flowname/cmd/flowname/command"
	"flowname/cmd/flowname/datadir"
	"flowname/cmd/flowname/guard"
	"flowname/cmd/flowname/table"
	"flowname/dnscache"
	"flowname/dnscache/firstseen"
)

type firstSeenCmd struct {
	Subject string `arg:"" optional:"" name:"name|*.domain" help:"A domain or a name, or *.DOMAIN for the domains and names beneath it, * for all; none is all domains, the newest last."`
	Client  string `help:"When this client first saw the domain." placeholder:"ADDR"`
	Clients bool   `help:"When each client first saw the domain."`
	Since   string `help:"Only what is new since this time." placeholder:"TIME"`
	Server  string `help:"The running daemon to ask (default ${default})." default:"http://127.0.0.1:8470" placeholder:"URL"`
	Data    string `help:"Read this data directory instead; no daemon must be using it." placeholder:"DIR"`
	Format  string `help:"table or json (one object a line)." enum:"table,json" default:"table"`
}

// Run asks the daemon, or the directory that it left, and prints what it was told.
func (c *firstSeenCmd) Run(std command.Streams) error {
	v := url.Values{}
	for key, text := range map[string]string{"q": c.Subject, "client": c.Client, "since": c.Since} {
		if text != "" {
			v.Set(key, text)
		}
	}
	if c.Clients {
		v.Set("clients", "true")
	}
	q, err := parseFirstSeenQuery(v, time.Now())
	if err != nil {
		return command.Usagef("first-seen: %v", err)
	}
	out := bufio.NewWriter(std.Out)
	row, finish := firstSeenPrinter(c.Format, out)
	n := 0
	count := func(r firstSeenRow) error { n++; return row(r) }
	if c.Data != "" {
		err = c.readDirectory(q, count)
	} else {
		err = api.AskForRows(context.Background(), c.Server, "/api/v1/first-seen?"+v.Encode(), count)
	}
	if err == nil && n == 0 {
		fmt.Fprintf(std.Err, "nothing was first seen of %s\n", cmp.Or(c.Subject, "any domain"))
	}
	if err = errors.Join(err, finish(), out.Flush()); err != nil {
		return fmt.Errorf("first-seen: %w", err)
	}
	return nil
}

func (c *firstSeenCmd) readDirectory(q firstSeenQuery, row func(firstSeenRow) error) error {
	h, err := datadir.OpenHistory(c.Data)
	if err != nil {
		return err
	}
	pages, err := firstseen.Read(h.Shelf(dnscache.ShelfFirstSeen))
	if err == nil {
		err = q.tell(pages, row)
	}
	return errors.Join(err, h.Close())
}

// A firstSeenQuery is what is asked for.
type firstSeenQuery struct {
	name    string // in presentation form; empty: all domains, by time
	beneath bool   // what is beneath the name too
	client  netip.Addr
	clients bool
	since   uint32 // Unix seconds
}

// parseFirstSeenQuery reads a query from the parameters that the command sends and
// GET /api/v1/first-seen takes.
func parseFirstSeenQuery(v url.Values, now time.Time) (q firstSeenQuery, err error) {
	q.name = command.CanonicalName(strings.TrimSpace(v.Get("q")))
	if _, err := netip.ParseAddr(q.name); err == nil {
		return q, fmt.Errorf("%s is an address: give a name, and see 'flowname history' for addresses", q.name)
	}
	if rest, ok := strings.CutPrefix(q.name, "*."); ok {
		q.name, q.beneath = cmp.Or(rest, "."), true
	}
	if q.name != "" && !dnscache.ValidName([]byte(q.name)) {
		return q, fmt.Errorf("%q is no name", q.name)
	}
	if text := v.Get("client"); text != "" {
		client, err := netip.ParseAddr(text)
		if err != nil {
			return q, fmt.Errorf("client %q is not an IP address", text)
		}
		q.client = client.Unmap().WithZone("")
	}
	if text := v.Get("since"); text != "" {
		ns, err := command.ParseTime(text, now)
		if err != nil {
			return q, fmt.Errorf("since: %w", err)
		}
		q.since = uint32(min(max((ns+1e9-1)/1e9, 0), 1<<32-1))
	}
	switch v.Get("clients") {
	case "", "false":
	case "true":
		q.clients = true
	default:
		return q, fmt.Errorf("clients %q is neither true nor false", v.Get("clients"))
	}
	if q.clients && (q.name == "" || q.beneath) {
		return q, errors.New("the clients are those of one domain: give its name")
	}
	return q, nil
}

// tell gives the rows of a query.
func (q *firstSeenQuery) tell(p *firstseen.Pages, row func(firstSeenRow) error) (err error) {
	var rowErr error
	give := func(s firstseen.Sighting) bool {
		if q.client.IsValid() && s.Client != q.client {
			if s.Name != "" {
				return true // a client's are domains
			}
			var ok bool
			if s, ok, rowErr = p.Domain(s.Domain, q.client); !ok {
				return rowErr == nil
			}
		}
		if s.Sec >= q.since {
			rowErr = row(firstSeenRowOf(s))
		}
		return rowErr == nil
	}
	switch {
	case q.name == "":
		since := q.since
		if q.client.IsValid() {
			since = 0 // its own sightings may be new where the domain is not
		}
		err = p.Since(since, give)
	case q.beneath:
		err = p.Beneath(q.name, give)
	default:
		err = q.one(p, give)
	}
	return errors.Join(err, rowErr)
}

// one gives what is known of one name: its domain, that domain's clients, itself.
func (q *firstSeenQuery) one(p *firstseen.Pages, give func(firstseen.Sighting) bool) error {
	if domain := firstseen.Domain(q.name); domain != "" {
		s, ok, err := p.Domain(domain, netip.Addr{})
		if err != nil || ok && !give(s) {
			return err
		}
		more := true
		if q.clients {
			err = p.Clients(domain, func(s firstseen.Sighting) bool { more = give(s); return more })
		}
		if err != nil || !more {
			return err
		}
	}
	s, ok, err := p.Name(q.name)
	if err == nil && ok {
		give(s)
	}
	return err
}

// A firstSeenRow is a first sighting as programs read it.
type firstSeenRow struct {
	Name      string    `json:"name,omitempty"`   // empty: of the domain as a whole
	Domain    string    `json:"domain,omitempty"` // empty: the name has none
	Client    string    `json:"client,omitempty"` // empty: by anybody
	FirstSeen time.Time `json:"first_seen"`
	WarmUp    bool      `json:"warm_up"` // it may have been there before
}

func firstSeenRowOf(s firstseen.Sighting) firstSeenRow {
	return firstSeenRow{
		Name: s.Name, Domain: s.Domain, Client: api.AddrText(s.Client), FirstSeen: time.Unix(int64(s.Sec), 0).UTC(), WarmUp: s.WarmUp,
	}
}

// firstSeenPrinter returns what prints a row and what ends the output.
func firstSeenPrinter(format string, w io.Writer) (row func(firstSeenRow) error, finish func() error) {
	if format == "json" {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		return func(r firstSeenRow) error { return e.Encode(r) }, func() error { return nil }
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	n := 0
	return func(r firstSeenRow) error {
		if n == 0 {
			fmt.Fprintln(t, "FIRST SEEN (UTC)\tDOMAIN\tNAME\tCLIENT\tNOTE")
		}
		if n++; n%table.Block == 0 {
			if err := t.Flush(); err != nil {
				return err
			}
		}
		note := ""
		if r.WarmUp {
			note = "in the warm-up"
		}
		_, err := fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", r.FirstSeen.Format(time.DateTime), cmp.Or(r.Domain, "-"),
			cmp.Or(r.Name, "-"), cmp.Or(r.Client, "-"), cmp.Or(note, "-"))
		return err
	}, t.Flush
}

// serveFirstSeen answers GET /api/v1/first-seen.
func serveFirstSeen(w http.ResponseWriter, r *http.Request, d *daemon) {
	if d.watch.seen == nil {
		guard.Refuse(w, http.StatusNotFound, errNoSightings.Error())
		return
	}
	q, err := parseFirstSeenQuery(r.URL.Query(), time.Now())
	if err != nil {
		guard.Refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	err = d.watch.seen.settle(time.Now().UnixNano()) // what came before the question is in the answer
	var pages *firstseen.Pages
	if err == nil {
		pages, err = d.watch.seen.book.Pages()
	}
	if err != nil {
		guard.Refuse(w, http.StatusInternalServerError, err.Error())
		return
	}
	out := api.NewWriter(w)
	var rowErr error
	err = q.tell(pages, func(row firstSeenRow) error {
		rowErr = errors.Join(out.Write(row), r.Context().Err())
		return rowErr
	})
	switch {
	case rowErr != nil:
	case err != nil && out.Rows() == 0:
		guard.Refuse(w, http.StatusInternalServerError, err.Error())
	case err != nil:
		panic(http.ErrAbortHandler) // the reader sees that the answer is cut
	default:
		out.Flush()
	}
}
