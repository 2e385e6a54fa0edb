package firstseen

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"flowname/cmd/flowname/api"
	"flowname/cmd/flowname/table"
	"flowname/dnscache/firstseen"
)

// A sighting is a first sighting as programs read it.
type sighting struct {
	Name      string    `json:"name,omitempty"`   // empty: of the domain as a whole
	Domain    string    `json:"domain,omitempty"` // empty: the name has none
	Client    string    `json:"client,omitempty"` // empty: by anybody
	FirstSeen time.Time `json:"first_seen"`
	WarmUp    bool      `json:"warm_up"` // it may have been there before
}

func sightingOf(s firstseen.Sighting) sighting {
	return sighting{
		Name: s.Name, Domain: s.Domain, Client: api.AddrText(s.Client), FirstSeen: time.Unix(int64(s.Sec), 0).UTC(), WarmUp: s.WarmUp,
	}
}

// printer returns what prints a row and what ends the output.
func printer(format string, w io.Writer) (row func(sighting) error, finish func() error) {
	if format == "json" {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		return func(r sighting) error { return e.Encode(r) }, func() error { return nil }
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	n := 0
	return func(r sighting) error {
		if n == 0 {
			fmt.Fprintln(t, "FIRST SEEN (UTC)\tDOMAIN\tNAME\tCLIENT\tNOTE")
		}
		if n++; n%table.Block == 0 {
			if err := t.Flush(); err != nil {
				return err
			}
		}
		note := ""
		if r.WarmUp {
			note = "in the warm-up"
		}
		_, err := fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", r.FirstSeen.Format(time.DateTime), cmp.Or(r.Domain, "-"),
			cmp.Or(r.Name, "-"), cmp.Or(r.Client, "-"), cmp.Or(note, "-"))
		return err
	}, t.Flush
}
