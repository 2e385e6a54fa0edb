package hunt

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"flowname/cmd/flowname/api"
	"flowname/cmd/flowname/command"
	"flowname/cmd/flowname/history"
	"flowname/correlate/hunt"
	"flowname/correlate/indicators"
	"flowname/dnscache"
)

// Bounds of a request for many names and addresses.
const (
	maxScanBody = 128 << 20 // some six million names
	maxScanLine = 4 << 10   // names in presentation form have 1004 bytes at most
	maxNames    = 100_000
)

// A scanRow is an answer of POST /api/v1/scan: in its time the address was current
// without a gap.
type scanRow struct {
	history.Row
	Until      *time.Time `json:"current_until,omitempty"` // with an address
	Outcome    string     `json:"outcome,omitempty"`       // without one: empty, absent or failed
	Connection bool       `json:"connection,omitempty"`
}

func scanRowOf(a *hunt.Answer) scanRow {
	row := scanRow{Outcome: a.Outcome, Connection: a.Connection, Row: history.Row{
		Name: a.Name, Addr: api.AddrText(a.Addr), Client: api.AddrText(a.Client), FirstSeen: api.UTC(a.FirstNs), LastSeen: api.UTC(a.LastNs),
		Count: a.Count, TTL: history.TTL(a.TTL), Source: a.Source, Canonical: a.Canonical,
	}}
	if a.Addr.IsValid() {
		until := api.UTC(a.UntilNs)
		row.Until = &until
	}
	return row
}

func (r *scanRow) answer() hunt.Answer {
	addr, _ := netip.ParseAddr(r.Addr)     // empty: there is none
	client, _ := netip.ParseAddr(r.Client) // empty: not known
	a := hunt.Answer{
		Name: r.Name, Canonical: r.Canonical, Addr: addr, Client: client, FirstNs: r.FirstSeen.UnixNano(), LastNs: r.LastSeen.UnixNano(),
		Count: r.Count, TTL: uint32(r.TTL), Source: r.Source, Outcome: r.Outcome, Connection: r.Connection,
	}
	if r.Until != nil {
		a.UntilNs = r.Until.UnixNano()
	}
	return a
}

// appendScan appends what is asked for, as the request has it: a line each, NAME,
// *.NAME for it and what is beneath it, ADDRESS or PREFIX; with windows, ADDRESS
// FROM TO.
func appendScan(b []byte, s *hunt.Search) []byte {
	for e := range s.Set.All() {
		switch w, ok := s.Windows[e.Prefix.Addr()]; {
		case e.Name != "" && e.Beneath:
			b = append(append(b, "*."...), e.Name...)
		case e.Name != "":
			b = append(b, e.Name...)
		case ok:
			b = append(append(append(append(e.Prefix.Addr().AppendTo(b), ' '), unixText(w.FromNs)...), ' '), unixText(w.ToNs)...)
		default:
			b = append(b, e.String()...)
		}
		b = append(b, '\n')
	}
	return b
}

// parseScan reads a request.
func parseScan(r *http.Request, body io.Reader, now time.Time) (*hunt.Search, error) {
	v := r.URL.Query()
	s := &hunt.Search{}
	for key, ns := range map[string]*int64{"from": &s.FromNs, "to": &s.ToNs} {
		var err error
		if text := v.Get(key); text != "" {
			if *ns, err = command.ParseTime(text, now); err != nil {
				return nil, fmt.Errorf("%s: %w", key, err)
			}
		}
	}
	if s.ToNs != 0 && s.FromNs > s.ToNs {
		return nil, errors.New("from is later than to")
	}
	if text := v.Get("names"); text != "" {
		var err error
		if s.Names, err = strconv.Atoi(text); err != nil || s.Names < 1 || s.Names > maxNames {
			return nil, fmt.Errorf("names: %q is not a number from 1 to %d", text, maxNames)
		}
	}
	var b indicators.Builder
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, maxScanLine)
	first, n := true, 1
	for ; lines.Scan(); n++ {
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 {
			continue
		}
		if first && len(fields) == 3 {
			s.Windows = map[netip.Addr]hunt.Window{}
		}
		first = false
		if err := addScanLine(s, &b, fields, now); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("line %d: %w", n, err)
	}
	if s.Set = b.Set(); s.Set.Len() == 0 {
		return nil, errors.New("what is asked for is missing: give a name, *.DOMAIN, an address or a network a line")
	}
	return s, nil
}

var errNoScanLine = errors.New("want a name, *.DOMAIN, an address or a network; or all lines as an address and two times")

// addScanLine takes a line. Either all have times, or none.
func addScanLine(s *hunt.Search, b *indicators.Builder, fields []string, now time.Time) error {
	e, err := scanEntry(fields[0])
	if err != nil {
		return err
	}
	if timed := s.Windows != nil; !timed && len(fields) != 1 || timed && (len(fields) != 3 || !e.Prefix.IsSingleIP()) {
		return errNoScanLine
	}
	if s.Windows != nil {
		var w hunt.Window
		for i, ns := range []*int64{&w.FromNs, &w.ToNs} {
			if *ns, err = command.ParseTime(fields[i+1], now); err != nil {
				return err
			}
		}
		if w.FromNs > w.ToNs {
			return errors.New("the first time is later than the second")
		}
		s.Windows[e.Prefix.Addr()] = w
	}
	if !b.Add("asked", e) {
		return errors.New("too many names and addresses")
	}
	return nil
}

// scanEntry reads a name or address.
func scanEntry(text string) (e indicators.Entry, err error) {
	if p, err := command.ParseNetwork(text); err == nil {
		e.Prefix = p
		return e, nil
	}
	e.Name, e.Self = command.CanonicalName(text), true
	e.Name, e.Beneath = strings.CutPrefix(e.Name, "*.")
	if !dnscache.ValidName([]byte(e.Name)) {
		return e, errNoScanLine
	}
	return e, nil
}
