package history

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"flowname/cmd/flowname/api"
	"flowname/cmd/flowname/command"
	"flowname/cmd/flowname/datadir"
	"flowname/dnscache"
)

// A Cmd is the command line of history.
type Cmd struct {
	Subject string `arg:"" name:"address|name|*.domain" help:"An IP address, a name, or *.DOMAIN for it and all names beneath it, * for all."`
	At      string `help:"What was in force at this time: the newest answer at or before it." placeholder:"TIME"`
	From    string `help:"Only answers from this time on." placeholder:"TIME"`
	To      string `help:"Only answers up to this time." placeholder:"TIME"`
	Client  string `help:"Only what this client was answered." placeholder:"ADDR"`
	Server  string `help:"The running daemon to ask (default ${default})." default:"http://127.0.0.1:8470" placeholder:"URL"`
	Data    string `help:"Read this data directory instead; no daemon must be using it." placeholder:"DIR"`
	Format  string `help:"table or json (one object a line)." enum:"table,json" default:"table"`
}

// Run asks the daemon, or the directory that it left, and prints the rows.
func (c *Cmd) Run(std command.Streams) error {
	if _, err := c.query(time.Now()); err != nil {
		return command.Usagef("history: %v", err)
	}
	out := bufio.NewWriter(std.Out)
	rows, finish := c.printer(out, std.Err)
	var err error
	if c.Data != "" {
		err = c.readDirectory(rows)
	} else {
		err = c.askDaemon(rows)
	}
	if err == nil {
		err = finish()
	}
	return errors.Join(err, out.Flush())
}

// query turns the command's texts into a query.
func (c *Cmd) query(now time.Time) (dnscache.Query, error) {
	return ParseQuery(url.Values{
		"q": {c.Subject}, "client": {c.Client}, "at": {c.At}, "from": {c.From}, "to": {c.To},
	}, now)
}

// ParseQuery reads a query from the parameters that the command sends
// and GET /api/v1/history takes.
func ParseQuery(v url.Values, now time.Time) (q dnscache.Query, err error) {
	subject := strings.TrimSpace(v.Get("q"))
	if subject == "" {
		return q, errors.New("what is asked for is missing: give an address, a name or *.DOMAIN")
	}
	if addr, err := netip.ParseAddr(subject); err == nil {
		q.Addr = addr.Unmap().WithZone("")
	} else {
		q.Name = command.CanonicalName(subject)
	}
	if text := v.Get("client"); text != "" {
		client, err := netip.ParseAddr(text)
		if err != nil {
			return q, fmt.Errorf("client %q is not an IP address", text)
		}
		q.Client = client.Unmap().WithZone("")
	}
	for _, t := range []struct {
		key string
		ns  *int64
	}{{"at", &q.AtNs}, {"from", &q.FromNs}, {"to", &q.ToNs}} {
		if text := v.Get(t.key); text != "" {
			if *t.ns, err = command.ParseTime(text, now); err != nil {
				return q, fmt.Errorf("%s: %w", t.key, err)
			}
		}
	}
	if q.AtNs != 0 && (q.FromNs != 0 || q.ToNs != 0) {
		return q, errors.New("at is one moment, from and to a range: give the one or the other")
	}
	if q.FromNs != 0 && q.ToNs != 0 && q.FromNs > q.ToNs {
		return q, errors.New("from is later than to")
	}
	return q, nil
}

func (c *Cmd) readDirectory(row func(Row) error) error {
	h, err := datadir.OpenHistory(c.Data)
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	q, err := c.query(time.Now())
	if err == nil {
		var rowErr error
		err = h.History(context.Background(), q, func(r dnscache.Row) bool {
			rowErr = row(rowOf(r))
			return rowErr == nil
		})
		err = errors.Join(err, rowErr)
	}
	return errors.Join(err, h.Close())
}

func (c *Cmd) askDaemon(row func(Row) error) error {
	v := url.Values{"q": {c.Subject}}
	for key, text := range map[string]string{"client": c.Client, "at": c.At, "from": c.From, "to": c.To} {
		if text != "" {
			v.Set(key, text)
		}
	}
	var rowErr error
	err := api.AskForRows(context.Background(), c.Server, "/api/v1/history?"+v.Encode(), func(r Row) error {
		rowErr = row(r)
		return rowErr
	})
	if err != nil && rowErr == nil {
		return fmt.Errorf("history: %w", err)
	}
	return rowErr
}
