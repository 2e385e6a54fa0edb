package doctor

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"text/tabwriter"

	"flowname/cmd/flowname/command"
	"flowname/cmd/flowname/ledger"
	"flowname/cmd/flowname/table"
)

// A Cmd is the command line of doctor.
type Cmd struct {
	Server string `help:"The running daemon to ask (default ${default})." default:"http://127.0.0.1:8470" placeholder:"URL"`
	Format string `help:"text or json (one object a line)." enum:"text,json" default:"text"`
}

// A diagnosis is a row of the ledger and what there is to say about it.
type diagnosis[T any] struct {
	row      T
	findings []finding
}

// Run asks the daemon for its ledger and says what it means. What it finds does
// not change the exit code: that says only whether the daemon could be asked.
func (c *Cmd) Run(std command.Streams) error {
	l, err := ledger.Ask(c.Server)
	if err != nil {
		return fmt.Errorf("doctor: %w", err)
	}
	d := diagnoses{whole: diagnose(collectorRules, l.Collector)}
	for i := range l.Exporters {
		d.exporters = append(d.exporters, diagnose(exporterRules, l.Exporters[i]))
	}
	for i := range l.Agents {
		d.agents = append(d.agents, diagnose(agentRules, l.Agents[i]))
	}
	out := bufio.NewWriter(std.Out)
	if c.Format == "json" {
		err = d.writeJSON(out)
	} else {
		err = d.writeText(out)
	}
	return errors.Join(err, out.Flush())
}

func diagnose[T any](rules []rule[T], row T) diagnosis[T] {
	return diagnosis[T]{row, applied(rules, &row)}
}

// diagnoses are all that the doctor has to say.
type diagnoses struct {
	whole     diagnosis[ledger.Collector]
	exporters []diagnosis[ledger.Exporter]
	agents    []diagnosis[ledger.Agent]
}

func (d *diagnoses) writeJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	err := enc.Encode(struct {
		ledger.Collector
		Findings []finding `json:"findings"`
	}{d.whole.row, orNone(d.whole.findings)})
	for _, e := range d.exporters {
		err = errors.Join(err, enc.Encode(struct {
			ledger.Exporter
			Findings []finding `json:"findings"`
		}{e.row, orNone(e.findings)}))
	}
	for _, a := range d.agents {
		err = errors.Join(err, enc.Encode(struct {
			ledger.Agent
			Findings []finding `json:"findings"`
		}{a.row, orNone(a.findings)}))
	}
	return err
}

func orNone(f []finding) []finding {
	if f == nil {
		return []finding{}
	}
	return f
}

func (d *diagnoses) writeText(w io.Writer) error {
	c := &d.whole.row
	fmt.Fprintf(w, "collector: %s datagrams, %s bytes, on %s; %s flows exported, %s under way\n",
		table.Grouped(c.Datagrams), table.Grouped(c.DatagramBytes), several(c.Sockets, "socket"), table.Grouped(c.Exported), table.Grouped(c.FlowsInside))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if c.StreamMessages > 0 {
		fmt.Fprintf(t, "  by TCP and TLS\t%s messages, %s bytes, of %d connections now\n", table.Grouped(c.StreamMessages), table.Grouped(c.StreamBytes), c.Connections)
	}
	for _, why := range slices.Sorted(maps.Keys(c.RefusedConnections)) {
		fmt.Fprintf(t, "  connections refused or broken\t%s: %s\n", why, table.Grouped(c.RefusedConnections[why]))
	}
	if c.SampleDatagrams > 0 {
		fmt.Fprintf(t, "  of sFlow\t%s datagrams, %s bytes, %s flows; %s dropped by the kernel\n",
			table.Grouped(c.SampleDatagrams), table.Grouped(c.SampleBytes), table.Grouped(c.SampledFlows), table.Grouped(c.SampleKernelDrops))
	}
	fmt.Fprintf(t, "  dropped by the kernel\t%s datagrams\n", table.Grouped(c.KernelDrops))
	writeRefused(t, c.Account.Refused)
	if err := t.Flush(); err != nil {
		return err
	}
	writeFindings(w, d.whole.findings)
	if len(d.exporters)+len(d.agents) == 0 {
		fmt.Fprintln(w, "\nNo exporter has sent anything. Let one export to this collector, and look whether a firewall lets UDP through.")
	}
	for i := range d.exporters {
		if err := writeExporter(w, &d.exporters[i]); err != nil {
			return err
		}
	}
	for i := range d.agents {
		if err := writeAgent(w, &d.agents[i]); err != nil {
			return err
		}
	}
	return nil
}

var versionNames = map[uint16]string{0: "nothing that is known", 5: "NetFlow v5", 9: "NetFlow v9", 10: "IPFIX"}

func writeExporter(w io.Writer, d *diagnosis[ledger.Exporter]) error {
	e := &d.row
	fmt.Fprintf(w, "\nexporter %s, domain %d: %s\n", e.Exporter, e.Domain, versionNames[e.Version])
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) { fmt.Fprintf(t, "  "+name+"\t"+format+"\n", args...) }
	row("seen", "%s to %s UTC, from %s", e.FirstSeen.Format("2006-01-02 15:04:05"), e.LastSeen.Format("2006-01-02 15:04:05"), several(e.Ports, "port"))
	row("came", "%s messages, %s flows, %s bytes", table.Grouped(e.Messages), table.Grouped(e.Flows), table.Grouped(e.Bytes))
	row("rate", "%s", rateText(e))
	if e.Version >= 9 {
		refresh := "none came twice"
		if e.TemplateRefreshS != nil {
			refresh = "repeated every " + amount(*e.TemplateRefreshS, "s")
		}
		row("templates", "%d, and %d of options; %s", e.Templates, e.OptionsTemplates, refresh)
	}
	if e.Version >= 5 {
		row("sampling", "%s", samplingText(e))
		row("times", "%s", timesText(e))
		row("clock", "%s", clockText(e))
		row("numbers", "count %s; lost %s, missing %s, out of order %s, repeated %s; restarts %d",
			countingText(e), table.Grouped(e.Lost), table.Grouped(e.Missing), table.Grouped(e.Reordered), table.Grouped(e.Repeated), e.Restarts)
	}
	if e.Waiting.Count+e.Late.Count+e.Borrowed.Count > 0 {
		row("templates late", "%s data sets wait, %s were read late, %s with another port's", table.Grouped(e.Waiting.Count), table.Grouped(e.Late.Count), table.Grouped(e.Borrowed.Count))
	}
	if s := e.Said; s != nil {
		row("it says", "exported %s flows in %s messages; not sent %s flows and %s packets; not metered %s packets",
			table.Grouped(s.ExportedFlows), table.Grouped(s.ExportedMessages), table.Grouped(s.NotSentFlows), table.Grouped(s.NotSentPackets), table.Grouped(s.IgnoredPackets))
	}
	writeRefused(t, e.Refused)
	if err := t.Flush(); err != nil {
		return err
	}
	writeFindings(w, d.findings)
	return nil
}

func writeRefused(t io.Writer, refused map[string]ledger.Tally) {
	for _, why := range slices.Sorted(maps.Keys(refused)) {
		r := refused[why]
		fmt.Fprintf(t, "  refused\t%s: %s, %s bytes\n", why, table.Grouped(r.Count), table.Grouped(r.Bytes))
	}
}

func writeFindings(w io.Writer, all []finding) {
	for _, f := range all {
		fmt.Fprintf(w, "  -> %s\n", f.Text)
	}
}

func samplingText(e *ledger.Exporter) string {
	switch {
	case e.SamplingSeveral:
		return "several rates"
	case e.SamplingRate == 0:
		return "not said"
	}
	return fmt.Sprintf("1 in %s", table.Grouped(e.SamplingRate))
}

// rateText is how much comes, where it has come for long enough to tell.
func rateText(e *ledger.Exporter) string {
	text := "not known before it has sent for 10 seconds"
	if lifeS(e) >= 10 {
		text = fmt.Sprintf("%.1f messages/s, %.1f flows/s in all its time", e.Life.MessagesPerS, e.Life.FlowsPerS)
	}
	if e.Lately.MessagesPerS > 0 {
		text += fmt.Sprintf("; lately %.1f and %.1f", e.Lately.MessagesPerS, e.Lately.FlowsPerS)
	}
	return text
}

func timesText(e *ledger.Exporter) string {
	if e.Flows == 0 {
		return "not known"
	}
	return e.TimeSource + ", start known to " + amount(e.StartErrorMs/1000, "s")
}

// several writes a number of things.
func several(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return table.Grouped(uint64(n)) + " " + thing + "s"
}

func clockText(e *ledger.Exporter) string {
	off, ok := known(e.ClockOffsetMs)
	if !ok {
		return "not known"
	}
	text := sign(off, " behind the collector's", " ahead of the collector's")
	if math.Abs(off) < 1000 { // headers are in whole seconds
		text = "right to a second"
	}
	if drift, ok := known(e.ClockDriftPPM); ok {
		text += fmt.Sprintf(", drift %.3g ppm", drift)
	}
	if names, ok := known(e.NamesOffsetMs); ok {
		text += "; by the answers that named its flows " + sign(names, " behind", " ahead")
	}
	if e.CorrectedMs != 0 {
		text += "; for the join its flows are taken " + sign(e.CorrectedMs, " later", " earlier")
	}
	return text
}

// sign writes a number of milliseconds, with a word for its sign.
func sign(ms float64, positive, negative string) string {
	if ms < 0 {
		return amount(-ms/1000, "s") + negative
	}
	return amount(ms/1000, "s") + positive
}

func countingText(e *ledger.Exporter) string {
	if !e.CountsDecided {
		return e.Counts + " (not sure yet)"
	}
	return e.Counts
}
