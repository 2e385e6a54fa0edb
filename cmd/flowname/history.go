package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"flowname/cmd/flowname/api"
	"flowname/cmd/flowname/command"
	"flowname/cmd/flowname/datadir"
	"flowname/cmd/flowname/table"
	"flowname/dnscache"
)

type historyCmd struct {
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
func (c *historyCmd) Run(std command.Streams) error {
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
func (c *historyCmd) query(now time.Time) (dnscache.Query, error) {
	return parseHistoryQuery(url.Values{
		"q": {c.Subject}, "client": {c.Client}, "at": {c.At}, "from": {c.From}, "to": {c.To},
	}, now)
}

// parseHistoryQuery reads a query from the parameters that the command sends
// and GET /api/v1/history takes.
func parseHistoryQuery(v url.Values, now time.Time) (q dnscache.Query, err error) {
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

// A historyRow is a row of the history as programs read it.
type historyRow struct {
	Name      string    `json:"name"`
	Addr      string    `json:"addr"`   // empty: a question whose answer the source could not tell
	Client    string    `json:"client"` // empty: the source could not say
	FirstSeen time.Time `json:"first_seen"`
	LastSeen  time.Time `json:"last_seen"`
	Count     uint64    `json:"count"`
	TTL       rowTTL    `json:"ttl"` // null where the source did not tell it
	Source    string    `json:"source"`
	Canonical string    `json:"canonical,omitempty"`
}

// A rowTTL is a TTL in seconds, or dnscache.UnknownTTL.
type rowTTL uint32

func ttlOf(r *dnscache.Row) rowTTL {
	if !r.Addr.IsValid() || !r.Source.IsDNS() {
		return dnscache.UnknownTTL // questions and connections have none
	}
	return rowTTL(r.TTL)
}

// MarshalJSON writes null for a TTL that is not known.
func (t rowTTL) MarshalJSON() ([]byte, error) {
	if t == dnscache.UnknownTTL {
		return []byte("null"), nil
	}
	return strconv.AppendUint(nil, uint64(t), 10), nil
}

// UnmarshalJSON is MarshalJSON undone.
func (t *rowTTL) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*t = dnscache.UnknownTTL
		return nil
	}
	n, err := strconv.ParseUint(string(b), 10, 32)
	*t = rowTTL(n)
	return err
}

// String is the TTL as tables show it.
func (t rowTTL) String() string {
	if t == dnscache.UnknownTTL {
		return "-"
	}
	return strconv.FormatUint(uint64(t), 10)
}

func rowOf(r dnscache.Row) historyRow {
	row := historyRow{
		Name:      r.Name,
		FirstSeen: time.Unix(0, r.FirstNs).UTC(), LastSeen: time.Unix(0, r.LastNs).UTC(),
		Count: r.Count, TTL: ttlOf(&r), Source: r.Source.String(), Canonical: r.Canonical,
	}
	if r.Addr.IsValid() {
		row.Addr = r.Addr.String()
	}
	if r.Client.IsValid() {
		row.Client = r.Client.String()
	}
	return row
}

func (c *historyCmd) readDirectory(row func(historyRow) error) error {
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

func (c *historyCmd) askDaemon(row func(historyRow) error) error {
	v := url.Values{"q": {c.Subject}}
	for key, text := range map[string]string{"client": c.Client, "at": c.At, "from": c.From, "to": c.To} {
		if text != "" {
			v.Set(key, text)
		}
	}
	var rowErr error
	err := api.AskForRows(context.Background(), c.Server, "/api/v1/history?"+v.Encode(), func(r historyRow) error {
		rowErr = row(r)
		return rowErr
	})
	if err != nil && rowErr == nil {
		return fmt.Errorf("history: %w", err)
	}
	return rowErr
}

// printer returns what prints a row and what ends the output.
func (c *historyCmd) printer(w, notes io.Writer) (row func(historyRow) error, finish func() error) {
	if c.Format == "json" {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		return func(r historyRow) error { return e.Encode(r) }, func() error { return nil }
	}
	return tablePrinter(w, notes, c.Subject)
}

func tablePrinter(w, notes io.Writer, subject string) (row func(historyRow) error, finish func() error) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	n := 0
	row = func(r historyRow) error {
		if n == 0 {
			fmt.Fprintln(t, "NAME\tADDRESS\tCLIENT\tFIRST SEEN (UTC)\tLAST SEEN (UTC)\tCOUNT\tTTL\tSOURCE")
		}
		if n++; n%table.Block == 0 {
			if err := t.Flush(); err != nil {
				return err
			}
		}
		_, err := fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\n", r.Name, cmp.Or(r.Addr, "-"), cmp.Or(r.Client, "-"),
			r.FirstSeen.Format(table.TimeForm), r.LastSeen.Format(table.TimeForm), r.Count, r.TTL, r.Source)
		return err
	}
	finish = func() error {
		if n == 0 {
			fmt.Fprintf(notes, "nothing is known of %s\n", subject)
		}
		return t.Flush()
	}
	return row, finish
}
