package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"

	"flowname/cmd/flowname/command"
	"flowname/cmd/flowname/evidence"
	"flowname/correlate/findings"
	"flowname/dnscache"
	"flowname/flows"
)

// The cases in testdata/findings are files of events that go through the pipeline of
// a replay. A file of a folder CODE must raise CODE if it is called raises*, and must not if
// it is called not-*. Its lines are, besides comments after #:
//
//	flags ARGS...                   of replay
//	asn NETWORK NUMBER COUNTRY      a line of the databases
//	want CODE N                     so many findings, besides what the file's name says
//	want-flows CODE N               so many flows that carry the code
//	TIME answer CLIENT NAME ADDR,... [ttl=N] [server=A] [cname=N] [rcode=N] [source=S]
//	TIME asked CLIENT NAME [server=A]
//	TIME made CLIENT:PORT SERVER:PORT NAME [inbound=yes]    a connection, as an agent tells of it; or
//	TIME shook CLIENT:PORT SERVER:PORT NAME                 as its TLS handshake does
//	TIME flow SRC:PORT DST:PORT PROTO [end=DURATION] [syn=no] [bytes=N] [host=NAME] [denied=yes]
//
// TIME is a duration since 2026-01-01, also with d for days, or FROM..TO/STEP for several
// events, in whose texts {i} is the number of the event, and {i%N} that modulo N; {a} is
// i%250+1, and {b} is i/250. No ADDR is written as -.
func TestFindingCases(t *testing.T) {
	dirs, err := filepath.Glob(filepath.Join(root, "testdata", "findings", "*"))
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, dir := range dirs {
		code := filepath.Base(dir)
		files, _ := filepath.Glob(filepath.Join(dir, "*.txt"))
		raise, not := 0, 0
		for _, path := range files {
			name := strings.TrimSuffix(filepath.Base(path), ".txt")
			if strings.HasPrefix(name, "raises") {
				raise++
			} else if strings.HasPrefix(name, "not-") {
				not++
			} else {
				t.Errorf("%s: a case is called raises* or not-*", path)
			}
			t.Run(code+"/"+name, func(t *testing.T) { runFindingCase(t, path, code, strings.HasPrefix(name, "raises")) })
		}
		if raise < 1 || not < 2 {
			t.Errorf("%s: %d cases raise it and %d do not; want 1 and 2", code, raise, not)
		}
	}
	for _, c := range findings.Codes() {
		if !slices.Contains(dirs, filepath.Join(root, "testdata", "findings", c.String())) {
			t.Errorf("there are no cases of %s", c)
		}
	}
}

// A findingLine is a finding as its reader sees it.
type findingLine struct {
	Time                                           time.Time
	Code, Client, Addr, Proto, Name, Domain, Basis string
	Port                                           int
	Evidence                                       map[string]any
	Flow                                           map[string]any
}

func runFindingCase(t *testing.T, path, code string, raises bool) {
	c := readFindingCase(t, path)
	found, marked := c.run(t)
	counts := map[string]int{}
	for _, f := range found {
		counts[f.Code]++
	}
	matches := func(has string) bool { return has == code || code == "feed" && strings.HasPrefix(has, "feed:") }
	n := 0
	for has, k := range counts {
		if matches(has) {
			n += k
		}
	}
	if raises && n == 0 || !raises && n > 0 {
		t.Errorf("%d findings of %s: %+v", n, code, found)
	}
	for has, want := range c.want {
		if counts[has] != want {
			t.Errorf("%d findings of %s, want %d: %+v", counts[has], has, want, found)
		}
	}
	for has, want := range c.wantFlows {
		if marked[has] != want {
			t.Errorf("%d flows with %s, want %d", marked[has], has, want)
		}
	}
	for has, k := range marked {
		if !raises && matches(has) {
			t.Errorf("%d flows with %s", k, has)
		}
	}
}

type findingCase struct {
	args            []string
	places          []placeLine
	want, wantFlows map[string]int
	events          []findingEvent
}

type placeLine struct {
	network *net.IPNet
	asn     uint32
	country string
}

type findingEvent struct {
	atNs       int64
	answer     *dnscache.Response
	connection *dnscache.Connection
	flow       *flows.Record
}

func (c *findingCase) run(t *testing.T) (found []findingLine, marked map[string]int) {
	t.Helper()
	dir := t.TempDir()
	flowsPath, findingsPath := filepath.Join(dir, "flows"), filepath.Join(dir, "findings")
	args := append([]string{"replay", "--out", flowsPath, "--findings", findingsPath, "--wait", "0s"}, c.args...)
	args = append(args, c.databases(t, dir)...)
	var cli struct {
		Replay replayCmd `cmd:""`
	}
	parser, err := kong.New(&cli)
	if err == nil {
		_, err = parser.Parse(args)
	}
	if err != nil {
		t.Fatalf("%q: %v", args, err)
	}
	r, err := cli.Replay.open(command.Streams{Out: &bytes.Buffer{}, Err: &bytes.Buffer{}}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range c.events {
		r.advance(e.atNs)
		switch {
		case e.connection != nil:
			r.file(evidence.Piece{Connection: e.connection})
		case e.answer != nil:
			r.file(evidence.Piece{Response: *e.answer})
		default:
			r.correlator.Join([]flows.Record{*e.flow}, e.atNs, r.write)
		}
	}
	r.correlator.Drain(r.write)
	if err := r.close(); err != nil {
		t.Fatal(err)
	}
	eachJSON(t, findingsPath, func(f findingLine) { found = append(found, f) })
	marked = map[string]int{}
	eachJSON(t, flowsPath, func(f struct{ Findings []string }) {
		for _, code := range f.Findings {
			marked[code]++
		}
	})
	return found, marked
}

func eachJSON[T any](t *testing.T, path string, see func(T)) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(b) {
		var v T
		if err := json.Unmarshal(line, &v); err != nil {
			t.Fatalf("%s: %v in %s", path, err, line)
		}
		see(v)
	}
}

// databases writes those of the case.
func (c *findingCase) databases(t *testing.T, dir string) (args []string) {
	t.Helper()
	for _, db := range []struct {
		flag, kind string
		record     func(p *placeLine) mmdbtype.Map
	}{
		{"--asn", "GeoLite2-ASN", func(p *placeLine) mmdbtype.Map {
			return mmdbtype.Map{"autonomous_system_number": mmdbtype.Uint32(p.asn), "autonomous_system_organization": mmdbtype.String(fmt.Sprintf("Organisation %d", p.asn))}
		}},
		{"--geo", "GeoLite2-Country", func(p *placeLine) mmdbtype.Map {
			return mmdbtype.Map{"country": mmdbtype.Map{"iso_code": mmdbtype.String(p.country)}}
		}},
	} {
		if len(c.places) == 0 {
			continue
		}
		w, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: db.kind, RecordSize: 24, IncludeReservedNetworks: true})
		if err != nil {
			t.Fatal(err)
		}
		for i := range c.places {
			if err := w.Insert(c.places[i].network, db.record(&c.places[i])); err != nil {
				t.Fatal(err)
			}
		}
		path := filepath.Join(dir, db.kind+".mmdb")
		f, err := os.Create(path)
		if err == nil {
			_, err = w.WriteTo(f)
		}
		if err == nil {
			err = f.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		args = append(args, db.flag, path)
	}
	return args
}

func readFindingCase(t *testing.T, path string) *findingCase {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c := &findingCase{want: map[string]int{}, wantFlows: map[string]int{}}
	n := 0
	for s := bufio.NewScanner(f); s.Scan(); {
		n++
		line, _, _ := strings.Cut(s.Text(), "#")
		if fields := strings.Fields(line); len(fields) > 0 {
			if err := c.add(fields); err != nil {
				t.Fatalf("%s:%d: %v", path, n, err)
			}
		}
	}
	slices.SortStableFunc(c.events, func(a, b findingEvent) int { return cmp.Compare(a.atNs, b.atNs) })
	return c
}

func (c *findingCase) add(fields []string) (err error) {
	switch fields[0] {
	case "flags":
		for _, arg := range fields[1:] {
			c.args = append(c.args, strings.ReplaceAll(arg, "TESTDATA", filepath.Join(root, "testdata")))
		}
	case "asn":
		var p placeLine
		if _, p.network, err = net.ParseCIDR(fields[1]); err != nil {
			return err
		}
		asn, err := strconv.ParseUint(fields[2], 10, 32)
		p.asn, p.country = uint32(asn), fields[3]
		c.places = append(c.places, p)
		return err
	case "want":
		c.want[fields[1]], err = strconv.Atoi(fields[2])
	case "want-flows":
		c.wantFlows[fields[1]], err = strconv.Atoi(fields[2])
	default:
		return c.addEvents(fields)
	}
	return err
}

var eventNumber = regexp.MustCompile(`\{(i|i%\d+|a|b)\}`)

func (c *findingCase) addEvents(fields []string) error {
	span, step, repeated := strings.Cut(fields[0], "/")
	from, to, _ := strings.Cut(span, "..")
	fromNs, err := eventTime(from)
	if err != nil {
		return err
	}
	toNs, stepNs := fromNs, int64(1)
	if repeated {
		if toNs, err = eventTime(to); err != nil {
			return err
		}
		if stepNs, err = eventTime(step); err != nil {
			return err
		}
	}
	for i := 0; fromNs+int64(i)*stepNs <= toNs; i++ {
		texts := make([]string, len(fields))
		for k := range fields {
			texts[k] = eventNumber.ReplaceAllStringFunc(fields[k], func(what string) string {
				n := i
				switch {
				case what == "{a}":
					n = i%250 + 1
				case what == "{b}":
					n = i / 250
				case strings.Contains(what, "%"):
					modulo, _ := strconv.Atoi(what[3 : len(what)-1])
					n = i % modulo
				}
				return strconv.Itoa(n)
			})
		}
		e, err := eventOf(fromNs+int64(i)*stepNs, texts[1:])
		if err != nil {
			return err
		}
		c.events = append(c.events, e)
	}
	return nil
}

var casesBegin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()

// eventTime is a duration that may begin with days.
func eventTime(text string) (ns int64, err error) {
	if days, rest, ok := strings.Cut(text, "d"); ok {
		n, err := strconv.Atoi(days)
		if err != nil {
			return 0, err
		}
		if ns = int64(n) * 24 * int64(time.Hour); rest == "" {
			return ns, nil
		}
		text = rest
	}
	d, err := time.ParseDuration(text)
	return ns + int64(d), err
}

func eventOf(sinceNs int64, fields []string) (e findingEvent, err error) {
	e.atNs = casesBegin + sinceNs
	options := map[string]string{}
	var args []string
	for _, f := range fields[1:] {
		if key, value, ok := strings.Cut(f, "="); ok {
			options[key] = value
		} else {
			args = append(args, f)
		}
	}
	switch {
	case fields[0] == "answer" && len(args) == 3, fields[0] == "asked" && len(args) == 2:
		e.answer, err = answerEvent(e.atNs, args, options)
	case (fields[0] == "made" || fields[0] == "shook") && len(args) == 3:
		e.connection, err = connectionEvent(e.atNs, args, options)
		if fields[0] == "shook" {
			e.connection.Source = dnscache.SourceZeekSSL
		}
	case fields[0] == "flow" && len(args) == 3:
		e.flow, err = flowEvent(e.atNs, args, options)
	default:
		err = fmt.Errorf("%q is no event", fields)
	}
	return e, err
}

func answerEvent(atNs int64, args []string, options map[string]string) (*dnscache.Response, error) {
	a := &dnscache.Response{TimeNs: atNs, Source: dnscache.SourcePackets, Name: []byte(args[1]), Canonical: []byte(options["cname"]), Type: 1}
	ttl, rcode := uint64(300), uint64(0)
	var errs [4]error
	if args[0] != "-" {
		a.Client, errs[0] = netip.ParseAddr(args[0])
	}
	a.Server, errs[1] = netip.ParseAddr(cmp.Or(options["server"], "10.0.0.53"))
	if text := options["ttl"]; text != "" {
		ttl, errs[2] = strconv.ParseUint(text, 10, 32)
	}
	if text := options["rcode"]; text != "" {
		rcode, errs[3] = strconv.ParseUint(text, 10, 16)
	}
	a.RCode = uint16(rcode)
	if options["source"] == "dnstap" {
		a.Source = dnscache.SourceDnstap
	}
	if len(args) == 2 {
		a.QuestionOnly = true
	} else if args[2] != "-" {
		for text := range strings.SplitSeq(args[2], ",") {
			addr, err := netip.ParseAddr(text)
			if err != nil {
				return nil, err
			}
			if addr.Is6() {
				a.Type = 28
			}
			a.Addrs = append(a.Addrs, dnscache.Addr{Addr: addr, TTL: uint32(ttl)})
		}
	}
	return a, cmp.Or(errs[:]...)
}

func connectionEvent(atNs int64, args []string, options map[string]string) (*dnscache.Connection, error) {
	client, err1 := netip.ParseAddrPort(args[0])
	server, err2 := netip.ParseAddrPort(args[1])
	return &dnscache.Connection{
		TimeNs: atNs, Source: dnscache.SourceCarbonBlackEDR, Client: client.Addr(), ClientPort: client.Port(), Server: server.Addr(), ServerPort: server.Port(),
		Proto: flows.ProtoTCP, Name: []byte(args[2]), Inbound: options["inbound"] == "yes",
	}, cmp.Or(err1, err2)
}

func flowEvent(atNs int64, args []string, options map[string]string) (*flows.Record, error) {
	src, err1 := netip.ParseAddrPort(args[0])
	dst, err2 := netip.ParseAddrPort(args[1])
	r := &flows.Record{
		Type: flows.IPFIX, Exporter: netip.MustParseAddr("10.255.0.1"), Src: src.Addr(), SrcPort: src.Port(), Dst: dst.Addr(), DstPort: dst.Port(),
		StartNs: atNs, EndNs: atNs + int64(time.Second), ReceivedNs: atNs, StartErrorNs: int64(100 * time.Millisecond),
		EtherType: flows.EtherTypeIPv4, Bytes: 1000, Packets: 10, Texts: flows.Texts{HostName: options["host"]},
	}
	if src.Addr().Is6() {
		r.EtherType = flows.EtherTypeIPv6
	}
	switch args[2] {
	case "tcp":
		r.Proto, r.TCPFlags = flows.ProtoTCP, flows.TCPAck|flows.TCPSyn
		if options["syn"] == "no" {
			r.TCPFlags = flows.TCPAck
		}
	case "udp":
		r.Proto = flows.ProtoUDP
	case "icmp":
		r.Proto = flows.ProtoICMP
	default:
		return nil, fmt.Errorf("%q is no protocol", args[2])
	}
	if options["denied"] == "yes" {
		r.FirewallEvent = flows.FirewallDenied
	}
	var err3 error
	if text := options["end"]; text != "" {
		var d time.Duration
		d, err3 = time.ParseDuration(text)
		r.EndNs = atNs + int64(d)
	}
	return r, cmp.Or(err1, err2, err3)
}
