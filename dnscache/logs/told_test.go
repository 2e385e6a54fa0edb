package logs

import (
	"bufio"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"flowname/dnscache"
)

// A lineCase is a line and what it should tell.
type lineCase struct {
	name string
	line string
	want []string // evidence as texts
	why  Reason
}

// checkLines reads each case's line with a parser of its own.
func checkLines(t *testing.T, f *Format, cfg Config, cases []lineCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, reasons := told(f, cfg, c.line)
			if diff := cmp.Diff(c.want, got); diff != "" || reasons[0] != c.why {
				t.Errorf("line: %s\nreason: got %v, want %v\nevidence (-want +got):\n%s", c.line, reasons[0], c.why, diff)
			}
		})
	}
}

// told is the evidence in lines as texts, and what became of each line.
func told(f *Format, cfg Config, lines ...string) (evidence []string, reasons []Reason) {
	r := NewReader(f, cfg, Sink{
		Response:   func(x *dnscache.Response) { evidence = append(evidence, toldResponse(x)) },
		Connection: func(c *dnscache.Connection) { evidence = append(evidence, toldConnection(c)) },
	})
	for _, line := range lines {
		reasons = append(reasons, r.Line([]byte(line)))
	}
	r.Flush()
	return evidence, reasons
}

// toldResponse is time, source, client @server, type, name, the canonical name
// behind a tilde, the addresses; a question mark for a question only, the code
// of an error.
func toldResponse(r *dnscache.Response) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %v ", timeText(r.TimeNs), r.Source)
	if r.Client.IsValid() {
		fmt.Fprintf(&b, "%v", r.Client)
	} else {
		b.WriteString("anyone")
	}
	if r.Server.IsValid() {
		fmt.Fprintf(&b, " @%v", r.Server)
	}
	fmt.Fprintf(&b, " %d %s", r.Type, r.Name)
	if len(r.Canonical) > 0 {
		fmt.Fprintf(&b, " ~%s", r.Canonical)
	}
	for _, a := range r.Addrs {
		fmt.Fprintf(&b, " %v", a.Addr)
		if a.TTL != dnscache.UnknownTTL {
			fmt.Fprintf(&b, "/%d", a.TTL)
		}
	}
	if r.QuestionOnly {
		b.WriteString(" ?")
	}
	if r.RCode != 0 {
		fmt.Fprintf(&b, " !%d", r.RCode)
	}
	if r.Subnet.IsValid() {
		fmt.Fprintf(&b, " ecs %v", r.Subnet)
	}
	return b.String()
}

// toldConnection is time, source, client > server, protocol, name, and the
// process with its host.
func toldConnection(c *dnscache.Connection) string {
	arrow := ">"
	if c.Inbound {
		arrow = ">in>"
	}
	text := fmt.Sprintf("%s %v %v %s %v %d %s", timeText(c.TimeNs), c.Source, netip.AddrPortFrom(c.Client, c.ClientPort), arrow,
		netip.AddrPortFrom(c.Server, c.ServerPort), c.Proto, c.Name)
	if p := c.Process; len(p.Path)+len(p.Host) > 0 || p.PID > 0 {
		text += fmt.Sprintf(" [%s %d %s]", p.Path, p.PID, p.Host)
	}
	return text
}

func timeText(ns int64) string { return time.Unix(0, ns).UTC().Format("2006-01-02T15:04:05.999999999") }

// corpusLines are the lines of a file of the corpus.
func corpusLines(t testing.TB, path string) []string {
	t.Helper()
	root := "."
	for range 8 {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			break
		}
		root = filepath.Join(root, "..")
	}
	path = filepath.Join(root, "../shared/corpus/dnslogs", path)
	file, err := os.Open(path)
	if os.IsNotExist(err) {
		t.Skipf("the corpus is not here: %s", path)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var lines []string
	s := bufio.NewScanner(file)
	s.Buffer(nil, MaxLine)
	for s.Scan() {
		lines = append(lines, s.Text())
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	return lines
}

// sniffed is the format that lines are taken for.
func sniffed(lines ...string) string {
	var head [][]byte
	for _, l := range lines {
		head = append(head, []byte(l))
	}
	if f := Sniff(head); f != nil {
		return f.Name
	}
	return ""
}

// checkAllocs fails if reading the lines over and over allocates.
func checkAllocs(t *testing.T, f *Format, lines ...string) {
	t.Helper()
	r := NewReader(f, Config{}, Sink{Response: func(*dnscache.Response) {}, Connection: func(*dnscache.Connection) {}})
	var all [][]byte
	for _, l := range lines {
		all = append(all, []byte(l))
		if why := r.Line([]byte(l)); why != Used {
			t.Fatalf("%v: %s", why, l)
		}
	}
	if n := testing.AllocsPerRun(100, func() {
		for _, l := range all {
			r.Line(l)
		}
	}); n != 0 {
		t.Errorf("%s: %g allocations for %d lines, want none", f.Name, n, len(lines))
	}
}

// benchmarkLines reads the lines over and over.
func benchmarkLines(b *testing.B, f *Format, lines ...string) {
	b.Helper()
	r := NewReader(f, Config{}, Sink{Response: func(*dnscache.Response) {}, Connection: func(*dnscache.Connection) {}})
	size := 0
	var all [][]byte
	for _, l := range lines {
		all = append(all, []byte(l))
		size += len(l) + 1
	}
	b.SetBytes(int64(size / len(all)))
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		r.Line(all[i])
		if i++; i == len(all) {
			i = 0
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}

// deviceSeeds are lines of firewalls, cloud services and endpoints for
// FuzzReader to begin with.
var deviceSeeds = []string{
	fortiLine(), panLine, panSignature, cloudflareLine, route53Line, paloAltoDNSLine, cbEDRLine, "[" + cbcLine + "," + cbcLine + "]",
	sysmonConnected + "\n" + sysmonAsked, `{"logEvents":[{"message":"{\"query_timestamp\":\"2026-11-23T18:30:00Z\"}"}]}`,
	`<Event><System><EventID>22</EventID></System><EventData><Data Name='UtcTime'>2026-11-23 18:30:00</Data><Data Name='QueryName'>a&lt;&#9;</Data>` +
		`<Data Name='QueryResults'>type:  5 b;192.0.2.1;</Data></EventData></Event>`,
}
