package timeline

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"flowname/cmd/flowname/api"
	"flowname/cmd/flowname/command"
	"flowname/cmd/flowname/datadir"
	"flowname/cmd/flowname/history"
	"flowname/cmd/flowname/sinkholes"
	"flowname/correlate/indicators"
	"flowname/correlate/timeline"
	"flowname/dnscache"
	"flowname/geo"
)

// A Cmd is the command line of timeline.
type Cmd struct {
	Subject   string        `arg:"" name:"name|address" help:"A name, for its phases, or an IP address, for the names that it carried."`
	From      string        `help:"Only evidence from this time on." placeholder:"TIME"`
	To        string        `help:"Only evidence up to this time." placeholder:"TIME"`
	Client    string        `help:"Only what this client was told." placeholder:"ADDR"`
	Settle    time.Duration `help:"How long something must last to be a phase of its own where answers change to and fro; if not given 10m, more for names with very many phases." placeholder:"DURATION"`
	Sinkholes []string      `help:"File of known sinkholes, addresses and names, in any format that 'hunt --iocs' takes (repeatable)." placeholder:"FILE" sep:"none"`
	ASN       string        `name:"asn" help:"MMDB file with autonomous systems; in place of the daemon's." placeholder:"FILE.mmdb"`
	Geo       string        `help:"MMDB file with countries and cities; in place of the daemon's." placeholder:"FILE.mmdb"`
	Server    string        `help:"The running daemon to ask (default ${default})." default:"http://127.0.0.1:8470" placeholder:"URL"`
	Data      string        `help:"Read this data directory instead; no daemon must be using it." placeholder:"DIR"`
	Format    string        `help:"table or json (one object a line)." enum:"table,json" default:"table"`
}

// Run asks the daemon, or the directory that it left, and prints what it was told.
func (c *Cmd) Run(std command.Streams) error {
	v := c.values()
	q, err := parseQuery(v, time.Now())
	if err != nil {
		return command.Usagef("timeline: %v", err)
	}
	if err := c.run(std, v, q); err != nil {
		return fmt.Errorf("timeline: %w", err)
	}
	return nil
}

func (c *Cmd) run(std command.Streams, v url.Values, q query) error {
	places, err := geo.New(c.ASN, c.Geo)
	if err != nil {
		return err
	}
	sinkholes, err := sinkholes.Read(c.Sinkholes, std.Err)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(std.Out)
	p := newPrinter(c.Format, out)
	if c.Data != "" {
		q.cfg.Sinkholes = sinkholes
		err = c.readDirectory(q, places, p.line)
	} else {
		err = c.askDaemon(v, sinkholes, places, p.line)
	}
	if err == nil && p.lines == 0 {
		fmt.Fprintf(std.Err, "nothing is known of %s\n", c.Subject)
	}
	return errors.Join(err, p.finish(), out.Flush())
}

func (c *Cmd) values() url.Values {
	v := url.Values{"q": {c.Subject}}
	for key, text := range map[string]string{"client": c.Client, "from": c.From, "to": c.To} {
		if text != "" {
			v.Set(key, text)
		}
	}
	if c.Settle != 0 {
		v.Set("settle", c.Settle.String())
	}
	return v
}

// A query is what is asked for.
type query struct {
	dnscache.Query
	cfg timeline.Config
}

// sinkholesAsked is how many sinkholes a request may have.
const sinkholesAsked = 1000

// parseQuery reads a query from the parameters that the command sends and
// GET /api/v1/timeline takes.
func parseQuery(v url.Values, now time.Time) (q query, err error) {
	v.Del("at") // of the history only
	if q.Query, err = history.ParseQuery(v, now); err != nil {
		return q, err
	}
	if strings.HasPrefix(q.Name, "*") {
		return q, errors.New("phases are of one name: give it without *, and see 'flowname history' for the names beneath")
	}
	if text := v.Get("settle"); text != "" {
		if q.cfg.Settle, err = time.ParseDuration(text); err != nil || q.cfg.Settle <= 0 {
			return q, fmt.Errorf("settle %q is not a duration such as 10m", text)
		}
	}
	texts := v["sinkhole"]
	if len(texts) > sinkholesAsked {
		return q, fmt.Errorf("%d sinkholes are more than %d: give the daemon the file (run --sinkholes)", len(texts), sinkholesAsked)
	}
	if len(texts) > 0 {
		var b indicators.Builder
		report, err := b.Read("sinkholes", strings.NewReader(strings.Join(texts, "\n")))
		if err != nil || len(report.First) > 0 {
			return q, fmt.Errorf("sinkhole %q is neither an address, a network nor a name", texts[0])
		}
		q.cfg.Sinkholes = b.Set()
	}
	return q, nil
}

func (c *Cmd) readDirectory(q query, places *geo.Reader, line func(*row) error) error {
	h, err := datadir.OpenHistory(c.Data)
	if err != nil {
		return err
	}
	return errors.Join(tell(context.Background(), h, q, places, line), h.Close())
}

func (c *Cmd) askDaemon(v url.Values, sinkholes *indicators.Set, places *geo.Reader, line func(*row) error) error {
	if sinkholes != nil {
		if sinkholes.Len() > sinkholesAsked {
			return fmt.Errorf("--sinkholes has more than %d entries: give the file to the daemon (run --sinkholes), or ask --data", sinkholesAsked)
		}
		for e := range sinkholes.All() {
			v.Add("sinkhole", e.String())
		}
	}
	return api.AskForRows(context.Background(), c.Server, "/api/v1/timeline?"+v.Encode(), func(row row) error {
		if c.ASN != "" || c.Geo != "" {
			row.place(places)
		}
		return line(&row)
	})
}
