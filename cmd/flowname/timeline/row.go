package timeline

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"flowname/cmd/flowname/api"
	"flowname/cmd/flowname/table"
	"flowname/correlate/timeline"
	"flowname/geo"
)

// A row is a phase of a name, or a name of an address, as programs read
// it.
type row struct {
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
	Clients      int          `json:"clients"`
	FirstClient  string       `json:"first_client"`
	FirstClients []clientTime `json:"first_clients,omitempty"`
	AddressCount int          `json:"address_count"`
	Addresses    []addrRow    `json:"addresses"`
	Aliases      []string     `json:"aliases,omitempty"`
	Errors       []string     `json:"errors,omitempty"`
	Times        []times      `json:"times,omitempty"`
	SettleS      float64      `json:"settle_s,omitempty"`
}

type clientTime struct {
	Client    string    `json:"client"`
	FirstSeen time.Time `json:"first_seen"`
}

type times struct {
	FirstSeen time.Time `json:"first_seen"`
	LastSeen  time.Time `json:"last_seen"`
	Count     uint64    `json:"count"`
}

type addrRow struct {
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
func (r *row) place(places *geo.Reader) {
	for i := range r.Addresses {
		a := &r.Addresses[i]
		var info geo.Info
		if addr, err := netip.ParseAddr(a.Addr); err == nil {
			places.Lookup(&info, addr)
		}
		a.ASN, a.ASOrg, a.Country = info.ASN, info.Org, info.Country
	}
}

// tell gives the rows of a query.
func tell(ctx context.Context, src timeline.Source, q query, places *geo.Reader, line func(*row) error) error {
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

func phaseRow(name string, p *timeline.Phase) *row {
	r := &row{
		Kind: "phase", Name: name, State: p.State.String(), Rotating: p.Rotating, FirstSeen: api.UTC(p.FirstNs), LastSeen: api.UTC(p.LastNs),
		Count: p.Count, Beside: p.Beside, Clients: p.ClientCount, AddressCount: p.AddressCount, Aliases: p.Aliases,
		Addresses: []addrRow{},
	}
	for _, s := range p.Also {
		r.Also = append(r.Also, s.String())
	}
	for _, c := range p.Clients {
		r.FirstClients = append(r.FirstClients, clientTime{c.Addr.String(), api.UTC(c.FirstNs)})
		if c.FirstNs == p.FirstNs && r.FirstClient == "" {
			r.FirstClient = c.Addr.String()
		}
	}
	for _, a := range p.Addresses {
		r.Addresses = append(r.Addresses, addrRow{
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

func tellNames(ctx context.Context, src timeline.Source, q query, places *geo.Reader, line func(*row) error) error {
	names, leftOut, err := timeline.Names(ctx, src, q.Query, q.cfg)
	if err != nil {
		return err
	}
	if leftOut > 0 {
		return fmt.Errorf("%v has more than %s names: narrow the time or the client", q.Addr, table.Grouped(timeline.MaxNames))
	}
	for i := range names {
		n := &names[i]
		row := &row{
			Kind: "name", Name: n.Name, State: n.State.String(), FirstSeen: api.UTC(n.FirstNs), LastSeen: api.UTC(n.LastNs), Count: n.Count,
			Connections: n.Connections, Clients: n.ClientCount, FirstClient: api.AddrText(n.FirstClient), AddressCount: 1,
			Addresses: []addrRow{{Addr: q.Addr.String(), State: n.State.String(), FirstSeen: api.UTC(n.FirstNs), LastSeen: api.UTC(n.LastNs), Count: n.Count}},
		}
		for _, t := range n.Times {
			row.Times = append(row.Times, times{api.UTC(t.FirstNs), api.UTC(t.LastNs), t.Count})
		}
		row.place(places)
		if err := line(row); err != nil {
			return err
		}
	}
	return nil
}
