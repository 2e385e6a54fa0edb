package clients

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"

	"flowname/cmd/flowname/api"
	"flowname/cmd/flowname/command"
	"flowname/cmd/flowname/datadir"
	"flowname/correlate/visibility"
	"flowname/dnscache"
)

// A Cmd is the command line of clients.
type Cmd struct {
	Subject string `arg:"" optional:"" name:"address|network" help:"Only this client, or those of a network such as 10.1.0.0/16."`
	Status  string `help:"Only clients of this status, or of one of several with commas between." placeholder:"STATUS"`
	Sort    string `help:"flows, bytes, unnamed (flows without a name of their own): most first; share (of flows with a name of their own): least first." enum:"flows,bytes,unnamed,share" default:"flows"`
	N       int    `short:"n" help:"How many clients at most (default ${default}); 0 for all." default:"50" placeholder:"N"`
	Server  string `help:"The running daemon to ask (default ${default})." default:"http://127.0.0.1:8470" placeholder:"URL"`
	Data    string `help:"Read this data directory instead; no daemon must be using it." placeholder:"DIR"`
	Format  string `help:"table or json (one object a line)." enum:"table,json" default:"table"`
}

// Run asks the daemon, or the directory that it left, and prints the rows.
func (c *Cmd) Run(std command.Streams) error {
	q, err := parseQuery(c.values())
	if err != nil {
		return command.Usagef("clients: %v", err)
	}
	out := bufio.NewWriter(std.Out)
	p := newPrinter(c.Format, out, std.Err, c.Subject)
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

func (c *Cmd) values() url.Values {
	v := url.Values{"sort": {c.Sort}, "limit": {strconv.Itoa(c.N)}}
	if c.Subject != "" {
		v.Set("q", c.Subject)
	}
	if c.Status != "" {
		v.Set("status", c.Status)
	}
	return v
}

func (c *Cmd) readDirectory(q query, line func(any) error) error {
	h, err := datadir.OpenHistory(c.Data)
	if err != nil {
		return err
	}
	keeper := visibility.Keeper{Shelf: h.Shelf(dnscache.ShelfVisibility)}
	rows, judge, err := keeper.Load()
	if err == nil {
		pick := pick{query: q}
		var network visibility.Network
		network.AddRows(rows, &judge, pick.visit)
		err = pick.each(&network, &judge, line)
	}
	return errors.Join(err, h.Close())
}

func (c *Cmd) askDaemon(line func(any) error) error {
	return api.AskForRows(context.Background(), c.Server, "/api/v1/clients?"+c.values().Encode(), func(text json.RawMessage) error {
		l, err := ReadLine(text)
		if err != nil {
			return err
		}
		return line(l)
	})
}

// ReadLine reads a line: a *Line or a *NetworkLine.
func ReadLine(text json.RawMessage) (line any, err error) {
	var kind struct{ Kind string }
	if err := json.Unmarshal(text, &kind); err != nil {
		return nil, err
	}
	if line = new(Line); kind.Kind == "network" {
		line = new(NetworkLine)
	}
	return line, json.Unmarshal(text, line)
}
