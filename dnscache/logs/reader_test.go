package logs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"flowname/dnscache"
)

// reference is when the logs of tests were last written.
var reference = Config{ReferenceNs: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC).UnixNano()}

// A tape keeps what a Reader emits, as text, and the reasons of its lines.
type tape struct {
	*Reader
	evidence []string
	reasons  []string
}

func newTape(t testing.TB, format string, cfg Config) *tape {
	t.Helper()
	f := ByName(format)
	if f == nil {
		t.Fatalf("no format %q", format)
	}
	p := &tape{}
	p.Reader = NewReader(f, cfg, Sink{
		Response:   func(r *dnscache.Response) { p.evidence = append(p.evidence, responseText(r)) },
		Connection: func(c *dnscache.Connection) { p.evidence = append(p.evidence, connectionText(c)) },
	})
	return p
}

// read gives the lines of text, and flushes.
func (p *tape) read(text string) {
	for line := range strings.Lines(text) {
		p.reasons = append(p.reasons, p.Line([]byte(strings.TrimSuffix(line, "\n"))).String())
	}
	p.Flush()
}

// responseText is TIME CLIENT NAME TYPE and what else the evidence says:
// "CLIENT ? NAME" is only asked.
func responseText(r *dnscache.Response) string {
	client := "*"
	if r.Client.IsValid() {
		client = r.Client.String()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s", time.Unix(0, r.TimeNs).UTC().Format("2006-01-02T15:04:05.999999999"), client, r.Name)
	if len(r.Canonical) > 0 {
		fmt.Fprintf(&b, ">%s", r.Canonical)
	}
	fmt.Fprintf(&b, " %d", r.Type)
	if r.QuestionOnly {
		b.WriteString(" ?")
	}
	if r.RCode != 0 {
		fmt.Fprintf(&b, " rcode=%d", r.RCode)
	}
	for _, a := range r.Addrs {
		fmt.Fprintf(&b, " %s/%s", a.Addr, ttlText(a.TTL))
	}
	if r.Server.IsValid() {
		fmt.Fprintf(&b, " @%s", r.Server)
	}
	if r.Subnet.IsValid() {
		fmt.Fprintf(&b, " ecs=%s", r.Subnet)
	}
	return b.String()
}

func connectionText(c *dnscache.Connection) string {
	return fmt.Sprintf("%s %s:%d>%s:%d/%d %s inbound=%t %s,%d,%s",
		time.Unix(0, c.TimeNs).UTC().Format("2006-01-02T15:04:05.999999999"), c.Client, c.ClientPort, c.Server,
		c.ServerPort, c.Proto, c.Name, c.Inbound, c.Process.Path, c.Process.PID, c.Process.Host)
}

// A logCase is one line, or several, what they tell, and the reasons.
type logCase struct {
	name, text string
	want       []string
	reasons    string
}

func testLogs(t *testing.T, format string, cfg Config, cases []logCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := newTape(t, format, cfg)
			p.read(c.text)
			if diff := cmp.Diff(c.want, p.evidence); diff != "" {
				t.Errorf("%s\nevidence (-want +got):\n%s", c.text, diff)
			}
			if got := strings.Join(p.reasons, " "); got != c.reasons {
				t.Errorf("%s\nreasons: got %s, want %s", c.text, got, c.reasons)
			}
		})
	}
}

// logCorpus is the folder of log samples beside the project, or skips the test.
func logCorpus(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = up
	}
	dir = filepath.Join(dir, "..", "shared", "corpus", "dnslogs")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the samples of logs (../shared/corpus/dnslogs) are not here")
	}
	return dir
}

// readSample reads a file of the corpus in the format that it is told to be.
func readSample(t testing.TB, format, path string, cfg Config) *tape {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(logCorpus(t), path))
	if err != nil {
		t.Fatal(err)
	}
	head := bytes.Split(text, []byte("\n"))
	if f := Sniff(head[:min(len(head), 60)]); f == nil || f.Name != format {
		t.Errorf("%s: told to be %v, want %s", path, f, format)
	}
	p := newTape(t, format, cfg)
	p.read(string(text))
	return p
}

// TestFormats holds the table to what its fields promise.
func TestFormats(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range Formats() {
		if f.Title == "" || f.Configure == "" || f.Capability == 0 {
			t.Errorf("%+v: an empty field", f)
		}
		if strings.Trim(f.Name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || f.Name == "" || seen[f.Name] {
			t.Errorf("name %q", f.Name)
		}
		seen[f.Name] = true
		if ByName(f.Name) != f {
			t.Errorf("ByName(%q) is another", f.Name)
		}
		if strings.ContainsAny(f.Configure+f.Caveat+f.Title, "\n\t") {
			t.Errorf("%s: texts are one line", f.Name)
		}
	}
	if ByName("nosuch") != nil {
		t.Error("a format of no such name")
	}
}

func TestSniffNothing(t *testing.T) {
	for _, text := range []string{"", "\n", "hello\nworld", "{}", "{\"a\":1}", "a,b,c\n1,2,3", "\x00\x01\x02", strings.Repeat("x", 4096)} {
		if f := Sniff(bytes.Split([]byte(text), []byte("\n"))); f != nil {
			t.Errorf("%q: told to be %s", text, f.Name)
		}
	}
}

// TestReaderLimits: what the frame decides, without a parser.
func TestReaderLimits(t *testing.T) {
	f := &Format{open: func(Config) Parser { return echoParser{} }}
	r := NewReader(f, Config{}, Sink{Response: func(*dnscache.Response) {}, Connection: func(*dnscache.Connection) {}})
	for _, c := range []struct {
		line string
		want Reason
	}{
		{"", Passed},
		{"\r", Passed},
		{"both", Used},
		{"both\r", Used},
		{strings.Repeat("x", MaxLine), NotTheFormat},
		{strings.Repeat("x", MaxLine+1), TooLong},
		{strings.Repeat("x", MaxLine) + "\r", NotTheFormat},
	} {
		if got := r.Line([]byte(c.line)); got != c.want {
			t.Errorf("%d bytes: got %v, want %v", len(c.line), got, c.want)
		}
	}
	r.Flush()
	want := Stats{Lines: 7, Responses: 2, Connections: 3}
	want.ByReason[Passed], want.ByReason[Used], want.ByReason[NotTheFormat], want.ByReason[TooLong] = 2, 2, 2, 1
	if diff := cmp.Diff(want, r.Stats()); diff != "" {
		t.Errorf("stats (-want +got):\n%s", diff)
	}
	if r.Format() != f {
		t.Error("another format")
	}
	if state := r.AppendState([]byte("x")); string(state) != "x" {
		t.Errorf("state of a parser without: %q", state)
	}
	if err := r.Restore(nil); err != nil {
		t.Error(err)
	}
	if err := r.Restore([]byte("x")); err == nil {
		t.Error("a state is taken by a parser without")
	}
}

// An echoParser gives one response and one connection for the line "both", and a
// connection at the end.
type echoParser struct{}

func (echoParser) Flush(to *Sink) { to.Connection(&dnscache.Connection{}) }

func (echoParser) Line(line []byte, to *Sink) Reason {
	if string(line) != "both" {
		return NotTheFormat
	}
	to.Response(&dnscache.Response{})
	to.Connection(&dnscache.Connection{})
	return Used
}

func TestReasons(t *testing.T) {
	all := Reasons()
	if len(all) != int(numReasons)-1 || slices.Contains(all, Used) {
		t.Errorf("reasons: %v", all)
	}
	seen := map[string]bool{}
	for r := range numReasons {
		if name := r.String(); name == "" || seen[name] || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_") != "" {
			t.Errorf("reason %d is %q", r, name)
		} else {
			seen[name] = true
		}
	}
}

// TestEveryReasonIsRaised: each in some format, in none by chance.
func TestEveryReasonIsRaised(t *testing.T) {
	raised := map[Reason]bool{}
	for _, c := range []struct {
		reason       Reason
		format, text string
	}{
		{Used, "bind", "23-Nov-2026 17:17:06.577 client 192.0.2.7#5: query: a.example IN A +"},
		{Passed, "bind", "23-Nov-2026 17:17:06.577 general: info: running"},
		{TooLong, "bind", strings.Repeat("x", MaxLine+1)},
		{Torn, "bind", "23-Nov-2026 17:17:06.577 client 192.0.2.7#5: query: a.example IN"},
		{NotTheFormat, "bind", "hello"},
		{BadColumns, "unbound", "[1795454195] unbound[1:0] reply: 192.0.2.7 a.example. A IN NOERROR"},
		{BadSyntax, "adguard-home", `{"T":"2026-11-23T17:17:06Z","QH":"a","QT":"A","IP":"192.0.2.7","Answer":"?"}`},
		{BadTime, "coredns", `[INFO] 192.0.2.7:6 - 1 "A IN a.example. udp 41 false 1232" NOERROR qr 58 0.1s`},
		{BadClient, "dnsmasq", "Nov 23 17:17:06 dnsmasq[77]: query[A] a.example from here"},
		{BadName, "unbound", "[1795454195] unbound[1:0] query: 192.0.2.7 a?.example. A IN"},
		{BadAddress, "dnsmasq", dnsmasqLines("8 192.0.2.7/1 query[A] a.example from 192.0.2.7", "8 192.0.2.7/1 reply a.example is 2001:db8::1")},
		{Unpaired, "dnsmasq", "Nov 23 17:17:06 dnsmasq[77]: reply a.example is 192.0.2.1"},
		{SiteOnly, "umbrella", strings.Replace(umbrellaRow, "10.1.0.7", "198.51.100.10", 1)},
		{Full, "windows-dns-debug", debugResponse + "UDP response info at 0\n  " + strings.Repeat("x", maxWindowsBlock)},
	} {
		p := newTape(t, c.format, reference)
		p.read(c.text)
		if last := p.reasons[len(p.reasons)-1]; last != c.reason.String() || p.Stats().ByReason[c.reason] == 0 {
			t.Errorf("%s: %.100s: got %s, want %v", c.format, c.text, last, c.reason)
		}
		raised[c.reason] = true
	}
	if len(raised) != int(numReasons) {
		t.Errorf("%d of %d reasons are raised", len(raised), numReasons)
	}
}

func TestLines(t *testing.T) {
	long := strings.Repeat("y", 100_000)
	huge := strings.Repeat("z", 3*MaxLine)
	for _, c := range []struct {
		text  string
		want  []string
		ended bool // the last line
	}{
		{"", nil, false},
		{"a", []string{"a"}, false},
		{"a\n", []string{"a"}, true},
		{"\n\na\r\nb", []string{"", "", "a\r", "b"}, false},
		{long + "\n" + long, []string{long, long}, false},
		{huge + "\nb\n", []string{huge[:MaxLine+1], "b"}, true},
		{huge, []string{huge[:MaxLine+1]}, false},
	} {
		for _, in := range []io.Reader{strings.NewReader(c.text), iotest.HalfReader(strings.NewReader(c.text))} {
			l := NewLines(in)
			var got []string
			var last bool
			for {
				line, ended, err := l.Next()
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				got, last = append(got, string(line)), ended
			}
			if !slices.Equal(got, c.want) || last != c.ended {
				t.Errorf("%.20q (%d bytes): got %d lines, ended %t, want %d, %t", c.text, len(c.text), len(got), last, len(c.want), c.ended)
			}
		}
	}
	broken := errors.New("broken")
	l := NewLines(io.MultiReader(strings.NewReader("a\nb"), iotest.ErrReader(broken)))
	if line, _, err := l.Next(); string(line) != "a" || err != nil {
		t.Errorf("got %q, %v", line, err)
	}
	if _, _, err := l.Next(); !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
}

// checkResponse says what is wrong with evidence that a parser gave.
func checkResponse(r *dnscache.Response) error {
	switch {
	case !canonicalName(r.Name):
		return fmt.Errorf("name %q is not in presentation form", r.Name)
	case len(r.Canonical) > 0 && !canonicalName(r.Canonical):
		return fmt.Errorf("canonical name %q is not in presentation form", r.Canonical)
	case r.TimeNs < 0:
		return fmt.Errorf("time %d", r.TimeNs)
	case r.QuestionOnly && len(r.Addrs) > 0:
		return errors.New("a question with addresses")
	case r.QuestionOnly && !r.Client.IsValid():
		return errors.New("a question of nobody")
	case r.Source == dnscache.SourceUnknown:
		return errors.New("no source")
	case r.RCode != 0 && len(r.Addrs) > 0:
		return errors.New("an error with addresses")
	case len(r.Addrs) > 4096:
		return fmt.Errorf("%d addresses", len(r.Addrs))
	case r.Subnet.IsValid() && r.Subnet != r.Subnet.Masked():
		return fmt.Errorf("subnet %s", r.Subnet)
	}
	for _, a := range r.Addrs {
		if err := checkAddr(a.Addr); err != nil {
			return err
		}
		if a.TTL > dnscache.MaxTTL && a.TTL != dnscache.UnknownTTL {
			return fmt.Errorf("TTL %d", a.TTL)
		}
	}
	for _, a := range []netip.Addr{r.Client, r.Server} {
		if a.IsValid() {
			if err := checkAddr(a); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkConnection(c *dnscache.Connection) error {
	switch {
	case len(c.Name) > 0 && !canonicalName(c.Name):
		return fmt.Errorf("name %q is not in presentation form", c.Name)
	case len(c.Name) == 0 && len(c.Process.Path) == 0 && c.Process.PID == 0 && len(c.Process.Host) == 0:
		return errors.New("a connection that tells nothing")
	case c.TimeNs < 0:
		return fmt.Errorf("time %d", c.TimeNs)
	case c.Source == dnscache.SourceUnknown:
		return errors.New("no source")
	}
	return errors.Join(checkAddr(c.Client), checkAddr(c.Server))
}

func checkAddr(a netip.Addr) error {
	if !a.IsValid() || a.Is4In6() || a.Zone() != "" {
		return fmt.Errorf("address %s", a)
	}
	return nil
}

// canonicalName says whether a name is as appendName writes it.
func canonicalName(name []byte) bool {
	again, ok := appendName(nil, name)
	return ok && bytes.Equal(again, name)
}

// FuzzReader gives every format arbitrary lines, and its state to a second
// Reader on the way.
func FuzzReader(f *testing.F) {
	for _, format := range Formats() {
		for _, line := range append(fuzzSeeds, deviceSeeds...) {
			f.Add(format.Name, line)
		}
	}
	f.Fuzz(func(t *testing.T, name, text string) {
		format := ByName(name)
		if format == nil {
			return
		}
		sink := Sink{
			Response: func(r *dnscache.Response) {
				if err := checkResponse(r); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			},
			Connection: func(c *dnscache.Connection) {
				if err := checkConnection(c); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			},
		}
		cfg := reference
		if len(text)%2 == 1 {
			cfg = Config{Location: time.FixedZone("", -9000)}
		}
		lines := strings.Split(text, "\n")
		r := NewReader(format, cfg, sink)
		for i, line := range lines {
			if i == len(lines)/2 {
				second := NewReader(format, cfg, sink)
				if err := second.Restore(r.AppendState(nil)); err != nil {
					t.Fatalf("%s: its own state is refused: %v", name, err)
				}
				r = second
			}
			if reason := r.Line([]byte(line)); reason >= numReasons {
				t.Fatalf("reason %d", reason)
			}
		}
		r.Flush()
		_ = NewReader(format, cfg, sink).Restore([]byte(text)) // nor does a state of others' making
	})
}

// fuzzSeeds are lines to begin with; each format is given each.
var fuzzSeeds = []string{
	"",
	"23-Nov-2026 17:17:06.577 client @0x7f 192.0.2.7#5 (a.example): view v: query: a.example IN A +E(0) (192.0.2.1) [ECS 198.51.100.7/32/0]",
	"client 192.0.2.7#5 (a.example): query failed (REFUSED) for a.example/IN/A at query.c:1\nNov 23 17:17:06 ns named[1]: x",
	"[1795454226] unbound[1:0] reply: 192.0.2.7 a.example. A IN NOERROR 0.0 0 72 on udp 192.0.2.1 53",
	"Nov 23 17:17:06 dnsmasq[7]: 8 192.0.2.7/1 query[A] a.example from 192.0.2.7\nNov 23 17:17:06 dnsmasq[7]: 8 192.0.2.7/1 reply a.example is <CNAME>\n" +
		"Nov 23 17:17:06 dnsmasq[7]: 8 192.0.2.7/1 reply b.example is 198.51.100.1\nNov 23 17:17:06 dnsmasq[7]: 8 192.0.2.7/1 reply error is SERVFAIL",
	"Nov 23 17:17:06 dnsmasq[7]: query[AAAA] a.example from 192.0.2.7\nNov 23 17:17:06 dnsmasq[7]: cached a.example is <CNAME>\nNov 23 17:17:06 dnsmasq[7]: cached b.example is 2001:db8::1",
	`{"T":"2026-11-23T17:17:06Z","QH":"a","QT":"A","IP":"192.0.2.7","ECS":"192.0.2.0/24","Answer":"UueBgAABAAEAAAAAA3d3dwdleGFtcGxlAAABAAHADAABAAEAAAEsAATAAAIC"}`,
	`{"@timestamp":"2026-11-23T17:17:06Z","winlog":{"event_data":{"InterfaceIP":"192.0.2.53","Destination":"192.0.2.7","QNAME":"a.","QTYPE":"1","PacketData":"0x52E78180000100010000000003777777076578616D706C650000010001C00C000100010000012C0004C0000202"}},"event":{"code":"257"}}`,
	"<Event ><EventID>257</EventID><TimeCreated SystemTime='2026-11-23T17:17:06Z'/><Data Name='Destination'>192.0.2.7</Data><Data Name='QNAME'>a.</Data><Data Name='PacketData'>52E7</Data></Event>",
	"23-Nov-2026 17:17:06.329 client 192.0.2.7#1: UDP: query: a.example IN A response: NOERROR + b.example. 60 IN A 198.51.100.1; a.example. 30 IN CNAME b.example.; a.example. 1 IN TXT \";\";",
	"11/23/2026 5:17:06 PM 0F3C PACKET  00000272D98DD0B0 UDP Snd 192.0.2.7 25ea R Q [8081   DR  NOERROR] A      (1)a(7)example(0)\nUDP response info at 1\n" +
		"    ANSWER SECTION:\n    Name      \"[C00C](1)a(7)example(0)\"\n      TYPE   CNAME  (5)\n      TTL    300\n      DATA   (1)b(0)\n    Name      \"(1)b(0)\"\n      TYPE   A  (1)\n      TTL    3\n      DATA   198.51.100.1\n    AUTHORITY SECTION:",
	"3/2/26 17.17.06 0F3C PACKET UDP Rcv 192.0.2.7 25ea   Q [0001   D   NOERROR] A      (0)",
	`2026-11-23T17:17:06Z stdout F [INFO] [2001:db8::7]:5 - 1 "A IN a\ \"b.example. udp 40 false 1232" NOERROR qr 1 0.1s`,
	zeekHead + zeekRow("1", `s\x69te.test`, "0", `a\x2c,203.0.113.5`, "60.0,-") + zeekJSON[3],
	cofLine + `{"obj":{"rrname":"a.","rrtype":65,"rdata":["1 . ipv4hint=203.0.113.5"],"zone_time_first":1,"zone_time_last":2}}`,
	umbrellaHead + "\n" + umbrellaRow,
	eveVersions["version 1"],
	eveVersions["version 2"] + eveVersions["version 3"],
	passiveRowAt(1, "a.test.", "CNAME", "b.test.", "60") + passiveRowAt(1, "b.test.", "A", "203.0.113.5", "60") + passiveRowAt(2, "c.test.", "A", "NXDOMAIN", "0"),
	"2023-11-14 22:13:20.500000,ids,10.1.0.7,10.1.0.53,udp,IN,site.test.,10,A,203.0.113.5,11,60,1",
}

// What stands behind the last line end is only taken where it is whole by itself.
func TestUnended(t *testing.T) {
	sink := Sink{Response: func(*dnscache.Response) {}, Connection: func(*dnscache.Connection) {}}
	for _, c := range []struct {
		format, line string
		want         Reason
	}{
		{"cloudflare-gateway", `{"a":1`, Torn},
		{"cloudflare-gateway", `{"a":{"b":1}`, Torn},
		{"cloudflare-gateway", `{"a":{"b":1}}`, NotTheFormat},
		{"carbonblack-cloud", `[{"a":1}]`, NotTheFormat},
		{"carbonblack-cloud", `[{"a":1}`, Torn},
		{"sysmon", "<Event></Event>", NotTheFormat},
		{"bind", "23-Nov-2026 17:16:35.277 queries: info: client @0x7fd9f6830098 127.0.2.11#57690 (n.example): query: n.example IN A +E(0) (127.0.1.8)", Torn},
		{"bind", "{" + strings.Repeat(" ", MaxLine) + "}", Torn},
	} {
		r := NewReader(ByName(c.format), Config{}, sink)
		if got := r.Unended([]byte(c.line)); got != c.want || r.Stats().ByReason[got] != 1 || r.Stats().Lines != 1 {
			t.Errorf("%s: %.50s: got %s, %+v, want %s", c.format, c.line, got, r.Stats(), c.want)
		}
	}
}

// ttlText is a TTL as tests write it.
func ttlText(ttl uint32) string {
	if ttl == dnscache.UnknownTTL {
		return "-"
	}
	return strconv.FormatUint(uint64(ttl), 10)
}
