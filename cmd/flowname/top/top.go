package top

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"flowname/cmd/flowname/api"
	"flowname/cmd/flowname/command"
	"flowname/cmd/flowname/datadir"
	"flowname/correlate/baseline"
	"flowname/dnscache"
)

// A Cmd is the command line of top.
type Cmd struct {
	By     string `help:"clients, lookups, bytes or flows: most first (default ${default})." enum:"clients,lookups,bytes,flows" default:"clients"`
	Day    string `help:"The day, in UTC; with --server today so far, with --data the newest if it is not given." placeholder:"DAY"`
	From   string `help:"The first day of several." placeholder:"DAY"`
	To     string `help:"The last day of several." placeholder:"DAY"`
	Since  string `help:"Only what entered the list since this day, and what left it." placeholder:"DAY"`
	N      int    `short:"n" help:"How many domains the list has (default ${default}); 0 for all that are tracked." default:"5000" placeholder:"N"`
	Server string `help:"The running daemon to ask (default ${default})." default:"http://127.0.0.1:8470" placeholder:"URL"`
	Data   string `help:"Read this data directory instead; no daemon must be using it." placeholder:"DIR"`
	Format string `help:"table or json (one object a line)." enum:"table,json" default:"table"`
}

// Run asks the daemon, or the directory that it left, and prints the list.
func (c *Cmd) Run(std command.Streams) error {
	q, err := parseQuery(c.values(), time.Now())
	if err != nil {
		return command.Usagef("top: %v", err)
	}
	out := bufio.NewWriter(std.Out)
	p := newPrinter(c.Format, out)
	if c.Data != "" {
		err = c.readDirectory(&q, p.line)
	} else {
		err = c.askDaemon(p.line)
	}
	if err != nil {
		err = fmt.Errorf("top: %w", err)
	}
	if err = errors.Join(err, p.finish(), out.Flush()); err == nil && p.summary != nil {
		p.summary.print(std.Err)
	}
	return err
}

func (c *Cmd) values() url.Values {
	v := url.Values{"by": {c.By}, "limit": {strconv.Itoa(c.N)}}
	for key, text := range map[string]string{"day": c.Day, "from": c.From, "to": c.To, "since": c.Since} {
		if text != "" {
			v.Set(key, text)
		}
	}
	return v
}

func (c *Cmd) readDirectory(q *query, line func(any) error) error {
	h, err := datadir.OpenHistory(c.Data)
	if err != nil {
		return err
	}
	days, err := baseline.OpenArchive(h.Shelf(dnscache.ShelfBaseline))
	switch {
	case errors.Is(err, baseline.ErrNone):
		err = fmt.Errorf("%s has no baselines: run and replay keep them without --no-baseline", c.Data)
	case err == nil:
		if all := days.Days(); len(all) > 0 && !q.given {
			q.from, q.to = all[len(all)-1], all[len(all)-1]
		}
		err = q.tell(context.Background(), days, line)
	}
	return errors.Join(err, h.Close())
}

func (c *Cmd) askDaemon(line func(any) error) error {
	return api.AskForRows(context.Background(), c.Server, "/api/v1/top?"+c.values().Encode(), func(text json.RawMessage) error {
		l, err := readLine(text)
		if err != nil {
			return err
		}
		return line(l)
	})
}

func readLine(text json.RawMessage) (line any, err error) {
	var kind struct{ Kind string }
	if err := json.Unmarshal(text, &kind); err != nil {
		return nil, err
	}
	if line = new(domainLine); kind.Kind == "summary" {
		line = new(summaryLine)
	}
	return line, json.Unmarshal(text, line)
}
