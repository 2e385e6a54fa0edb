package firstseen

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"flowname/cmd/flowname/api"
	"flowname/cmd/flowname/command"
	"flowname/cmd/flowname/datadir"
	"flowname/dnscache"
	"flowname/dnscache/firstseen"
)

// A Cmd is the command line of first-seen.
type Cmd struct {
	Subject string `arg:"" optional:"" name:"name|*.domain" help:"A domain or a name, or *.DOMAIN for the domains and names beneath it, * for all; none is all domains, the newest last."`
	Client  string `help:"When this client first saw the domain." placeholder:"ADDR"`
	Clients bool   `help:"When each client first saw the domain."`
	Since   string `help:"Only what is new since this time." placeholder:"TIME"`
	Server  string `help:"The running daemon to ask (default ${default})." default:"http://127.0.0.1:8470" placeholder:"URL"`
	Data    string `help:"Read this data directory instead; no daemon must be using it." placeholder:"DIR"`
	Format  string `help:"table or json (one object a line)." enum:"table,json" default:"table"`
}

// Run asks the daemon, or the directory that it left, and prints what it was told.
func (c *Cmd) Run(std command.Streams) error {
	v := url.Values{}
	for key, text := range map[string]string{"q": c.Subject, "client": c.Client, "since": c.Since} {
		if text != "" {
			v.Set(key, text)
		}
	}
	if c.Clients {
		v.Set("clients", "true")
	}
	q, err := parseQuery(v, time.Now())
	if err != nil {
		return command.Usagef("first-seen: %v", err)
	}
	out := bufio.NewWriter(std.Out)
	row, finish := printer(c.Format, out)
	n := 0
	count := func(r sighting) error { n++; return row(r) }
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

func (c *Cmd) readDirectory(q query, row func(sighting) error) error {
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
