// Package formats is the command that lists the kinds of files and logs that tell
// who resolved what: what each carries, and what to configure at its source.
package formats

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"flowname/cmd/flowname/command"
	"flowname/cmd/flowname/table"
	"flowname/dnscache/logs"
)

// A Cmd is the command line of formats.
type Cmd struct {
	Names  []string `arg:"" name:"name" optional:"" help:"Only these formats."`
	Format string   `help:"table or json (one object a line)." enum:"table,json" default:"table"`
}

// A Row is what there is to say of a kind of file with DNS evidence.
type Row struct {
	Name      string   `json:"name"`
	Title     string   `json:"title"`
	Kind      string   `json:"kind"` // what it consists of: lines, packets or frames
	Carries   []string `json:"carries"`
	Configure string   `json:"configure"`
	Caveat    string   `json:"caveat,omitempty"`
}

// binaryFormats are those that are no logs. They are told by their first bytes
// and their names are never needed on the command line.
var binaryFormats = []Row{
	{
		Name: Capture, Title: "Packets (pcap, pcapng)", Kind: "packets", Carries: []string{"answers", "questions"},
		Configure: "Capture between the clients and their resolver, both directions: tcpdump -i eth1 -w dns.pcap port 53. " +
			"Under VLAN tags or tunnels leave the filter out.",
		Caveat: "DNS over TLS, HTTPS and QUIC can not be read.",
	},
	{
		Name: Dnstap, Title: "dnstap frame stream", Kind: "frames", Carries: []string{"answers", "any_client", "questions"},
		Configure: "In BIND, Unbound, Knot Resolver or CoreDNS log client responses to a file; in dnsdist also those from its cache.",
		Caveat:    "Resolver and forwarder responses are for any client. CoreDNS writes no messages without full.",
	},
	{
		Name: PowerDNS, Title: "PowerDNS Recursor and dnsdist, protobuf messages", Kind: "messages", Carries: []string{"answers", "any_client", "questions"},
		Configure: "In the Recursor's Lua configuration protobufServer(\"HOST:PORT\", {exportTypes={pdns.A, pdns.AAAA, pdns.CNAME}}); in dnsdist " +
			"newRemoteLogger(\"HOST:PORT\") with RemoteLogResponseAction, in addResponseAction and in addCacheHitResponseAction. " +
			"Let flowname listen there: --powerdns tcp:HOST:PORT.",
		Caveat: "Without CNAME among the exported types all addresses of an answer are taken for the question's. Masked clients are no clients.",
	},
}

// The names of those that are no logs.
const (
	Capture  = "capture"
	Dnstap   = "dnstap"
	PowerDNS = "powerdns"
)

// Rows are all formats, or those that are named.
func Rows(names []string) ([]Row, error) {
	var all []Row
	for _, f := range logs.Formats() {
		all = append(all, Row{
			Name: f.Name, Title: f.Title, Kind: "lines", Carries: f.Capability.Names(), Configure: f.Configure, Caveat: f.Caveat,
		})
	}
	all = append(all, binaryFormats...)
	if len(names) == 0 {
		return all, nil
	}
	var some []Row
	for _, name := range names {
		n := len(some)
		for _, row := range all {
			if row.Name == name {
				some = append(some, row)
			}
		}
		if len(some) == n {
			return nil, command.Usagef("formats: there is no format %q; 'flowname formats' lists them", name)
		}
	}
	return some, nil
}

// Run lists the formats.
func (c *Cmd) Run(std command.Streams) error {
	rows, err := Rows(c.Names)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(std.Out)
	if c.Format == "json" {
		err = writeFormatsJSON(out, rows)
	} else {
		err = writeFormats(out, rows, len(c.Names) == 0)
	}
	return errors.Join(err, out.Flush())
}

func writeFormatsJSON(w io.Writer, rows []Row) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for i := range rows {
		if err := enc.Encode(&rows[i]); err != nil {
			return err
		}
	}
	return nil
}

// carriesWords say what the names of capabilities mean.
var carriesWords = map[string]string{
	"answers":     "who was answered what",
	"any_client":  "what was answered, to any client",
	"questions":   "who asked what",
	"connections": "who connected to what by which name",
}

// writeFormats writes a table of all, where wanted, and below what there is to know of
// each format.
func writeFormats(w io.Writer, rows []Row, overview bool) error {
	if overview {
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "FORMAT\tCARRIES\tOF")
		for _, row := range rows {
			fmt.Fprintf(t, "%s\t%s\t%s\n", row.Name, strings.Join(row.Carries, ", "), row.Title)
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	for i, row := range rows {
		if overview || i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "%s: %s\n", row.Name, row.Title)
		var carries []string
		for _, name := range row.Carries {
			carries = append(carries, carriesWords[name])
		}
		table.WriteWrapped(w, "carries", strings.Join(carries, "; "))
		table.WriteWrapped(w, "configure", row.Configure)
		if row.Caveat != "" {
			table.WriteWrapped(w, "mind", row.Caveat)
		}
	}
	return nil
}
