package firstseen

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"flowname/cmd/flowname/command"
	"flowname/dnscache"
	"flowname/dnscache/firstseen"
)

// A query is what is asked for.
type query struct {
	name    string // in presentation form; empty: all domains, by time
	beneath bool   // what is beneath the name too
	client  netip.Addr
	clients bool
	since   uint32 // Unix seconds
}

// parseQuery reads a query from the parameters that the command sends and
// GET /api/v1/first-seen takes.
func parseQuery(v url.Values, now time.Time) (q query, err error) {
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
func (q *query) tell(p *firstseen.Pages, row func(sighting) error) (err error) {
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
			rowErr = row(sightingOf(s))
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
func (q *query) one(p *firstseen.Pages, give func(firstseen.Sighting) bool) error {
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
