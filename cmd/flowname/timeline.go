package main

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
	"flowname/cmd/flowname/history"
	"flowname/cmd/flowname/sinkholes"
	"flowname/cmd/flowname/table"
	"flowname/correlate/indicators"
	"flowname/correlate/timeline"
	"flowname/dnscache"
	"flowname/geo"
)

type timelineCmd struct {
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
func (c *timelineCmd) Run(std command.Streams) error {
	v := c.values()
	q, err := parseTimelineQuery(v, time.Now())
	if err != nil {
		return command.Usagef("timeline: %v", err)
	}
	if err := c.run(std, v, q); err != nil {
		return fmt.Errorf("timeline: %w", err)
	}
	return nil
}

func (c *timelineCmd) run(std command.Streams, v url.Values, q timelineQuery) error {
	places, err := geo.New(c.ASN, c.Geo)
	if err != nil {
		return err
	}
	sinkholes, err := sinkholes.Read(c.Sinkholes, std.Err)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(std.Out)
	p := newTimelinePrinter(c.Format, out)
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

func (c *timelineCmd) values() url.Values {
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

// A timelineQuery is what is asked for.
type timelineQuery struct {
	dnscache.Query
	cfg timeline.Config
}

// sinkholesAsked is how many sinkholes a request may have.
const sinkholesAsked = 1000

// parseTimelineQuery reads a query from the parameters that the command sends and
// GET /api/v1/timeline takes.
func parseTimelineQuery(v url.Values, now time.Time) (q timelineQuery, err error) {
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

func (c *timelineCmd) readDirectory(q timelineQuery, places *geo.Reader, line func(*timelineRow) error) error {
	h, err := datadir.OpenHistory(c.Data)
	if err != nil {
		return err
	}
	return errors.Join(tellTimeline(context.Background(), h, q, places, line), h.Close())
}

func (c *timelineCmd) askDaemon(v url.Values, sinkholes *indicators.Set, places *geo.Reader, line func(*timelineRow) error) error {
	if sinkholes != nil {
		if sinkholes.Len() > sinkholesAsked {
			return fmt.Errorf("--sinkholes has more than %d entries: give the file to the daemon (run --sinkholes), or ask --data", sinkholesAsked)
		}
		for e := range sinkholes.All() {
			v.Add("sinkhole", e.String())
		}
	}
	return api.AskForRows(context.Background(), c.Server, "/api/v1/timeline?"+v.Encode(), func(row timelineRow) error {
		if c.ASN != "" || c.Geo != "" {
			row.place(places)
		}
		return line(&row)
	})
}

// A timelineRow is a phase of a name, or a name of an address, as programs read
// it.
type timelineRow struct {
	Kind string `json:"kind"` // phase, name
	Name string `json:"name"`
	// Phase counts from 1. Of an address there are names instead.
	Phase     int       `json:"phase,omitempty"`
	State     string    `json:"state"`
	Also      []string  `json:"also,omitempty"`     // what others were told meanwhile
	Rotating  bool      `json:"rotating,omitempty"` // its addresses take turns
	FirstSeen time.Time `json:"first_seen"`
	LastSeen  time.Time `json:"last_seen"`
	Count     uint64    `json:"count"`
	// Beside are answers that say nothing of the phase: failures, and that there is
	// nothing of one family.
	Beside      uint64 `json:"beside,omitempty"`
	Connections uint64 `json:"connections,omitempty"`
	// Clients are those that the sources could tell. FirstClient is empty where the
	// source of the first evidence could not.
	Clients      int              `json:"clients"`
	FirstClient  string           `json:"first_client"`
	FirstClients []timelineClient `json:"first_clients,omitempty"`
	AddressCount int              `json:"address_count"`
	Addresses    []timelineAddr   `json:"addresses"`
	Aliases      []string         `json:"aliases,omitempty"`
	Errors       []string         `json:"errors,omitempty"`
	Times        []timelineTime   `json:"times,omitempty"`
	SettleS      float64          `json:"settle_s,omitempty"`
}

type timelineClient struct {
	Client    string    `json:"client"`
	FirstSeen time.Time `json:"first_seen"`
}

type timelineTime struct {
	FirstSeen time.Time `json:"first_seen"`
	LastSeen  time.Time `json:"last_seen"`
	Count     uint64    `json:"count"`
}

type timelineAddr struct {
	Addr      string    `json:"addr"`
	State     string    `json:"state"`
	ASN       uint32    `json:"asn,omitempty"`
	ASOrg     string    `json:"as_org,omitempty"`
	Country   string    `json:"country,omitempty"`
	FirstSeen time.Time `json:"first_seen"`
	LastSeen  time.Time `json:"last_seen"`
	Count     uint64    `json:"count"`
}

// place fills in what databases say of the addresses.
func (r *timelineRow) place(places *geo.Reader) {
	for i := range r.Addresses {
		a := &r.Addresses[i]
		var info geo.Info
		if addr, err := netip.ParseAddr(a.Addr); err == nil {
			places.Lookup(&info, addr)
		}
		a.ASN, a.ASOrg, a.Country = info.ASN, info.Org, info.Country
	}
}

// tellTimeline gives the rows of a query.
func tellTimeline(ctx context.Context, src timeline.Source, q timelineQuery, places *geo.Reader, line func(*timelineRow) error) error {
	if q.Addr.IsValid() {
		return tellNames(ctx, src, q, places, line)
	}
	life, err := timeline.Of(ctx, src, q.Query, q.cfg)
	if err != nil {
		return err
	}
	for i := range life.Phases {
		row := phaseRow(q.Name, &life.Phases[i])
		row.Phase, row.SettleS = i+1, life.Settle.Seconds()
		row.place(places)
		if err := line(row); err != nil {
			return err
		}
	}
	return nil
}

func phaseRow(name string, p *timeline.Phase) *timelineRow {
	r := &timelineRow{
		Kind: "phase", Name: name, State: p.State.String(), Rotating: p.Rotating, FirstSeen: api.UTC(p.FirstNs), LastSeen: api.UTC(p.LastNs),
		Count: p.Count, Beside: p.Beside, Clients: p.ClientCount, AddressCount: p.AddressCount, Aliases: p.Aliases,
		Addresses: []timelineAddr{},
	}
	for _, s := range p.Also {
		r.Also = append(r.Also, s.String())
	}
	for _, c := range p.Clients {
		r.FirstClients = append(r.FirstClients, timelineClient{c.Addr.String(), api.UTC(c.FirstNs)})
		if c.FirstNs == p.FirstNs && r.FirstClient == "" {
			r.FirstClient = c.Addr.String()
		}
	}
	for _, a := range p.Addresses {
		r.Addresses = append(r.Addresses, timelineAddr{
			Addr: a.Addr.String(), State: a.State.String(), FirstSeen: api.UTC(a.FirstNs), LastSeen: api.UTC(a.LastNs), Count: a.Count,
		})
	}
	for _, code := range p.RCodes {
		r.Errors = append(r.Errors, rcodeText(code))
	}
	return r
}

// rcodeText is an RCODE as its registry calls it.
func rcodeText(code uint16) string {
	switch code {
	case 1:
		return "FORMERR"
	case 2:
		return "SERVFAIL"
	case 4:
		return "NOTIMP"
	case 5:
		return "REFUSED"
	case 9:
		return "NOTAUTH"
	}
	return fmt.Sprintf("RCODE%d", code)
}

func tellNames(ctx context.Context, src timeline.Source, q timelineQuery, places *geo.Reader, line func(*timelineRow) error) error {
	names, leftOut, err := timeline.Names(ctx, src, q.Query, q.cfg)
	if err != nil {
		return err
	}
	if leftOut > 0 {
		return fmt.Errorf("%v has more than %s names: narrow the time or the client", q.Addr, table.Grouped(timeline.MaxNames))
	}
	for i := range names {
		n := &names[i]
		row := &timelineRow{
			Kind: "name", Name: n.Name, State: n.State.String(), FirstSeen: api.UTC(n.FirstNs), LastSeen: api.UTC(n.LastNs), Count: n.Count,
			Connections: n.Connections, Clients: n.ClientCount, FirstClient: api.AddrText(n.FirstClient), AddressCount: 1,
			Addresses: []timelineAddr{{Addr: q.Addr.String(), State: n.State.String(), FirstSeen: api.UTC(n.FirstNs), LastSeen: api.UTC(n.LastNs), Count: n.Count}},
		}
		for _, t := range n.Times {
			row.Times = append(row.Times, timelineTime{api.UTC(t.FirstNs), api.UTC(t.LastNs), t.Count})
		}
		row.place(places)
		if err := line(row); err != nil {
			return err
		}
	}
	return nil
}
