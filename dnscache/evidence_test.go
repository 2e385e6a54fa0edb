package dnscache

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	gocmp "github.com/google/go-cmp/cmp"
)

func question(c *Cache, client netip.Addr, at int64, name string) {
	c.File(&Response{TimeNs: at, Client: client, Name: []byte(name), Source: SourceUmbrella, QuestionOnly: true}, at)
}

// seen is a connection of alice's to server, as an agent tells it.
func seen(at int64, name string) Connection {
	return Connection{
		TimeNs: at, Source: SourceSysmon, Client: alice, Server: server, ClientPort: 50000, ServerPort: 443, Proto: 6,
		Name: []byte(name), Process: Process{Path: []byte(`C:\Windows\curl.exe`), PID: 17, Host: []byte("PC-1")},
	}
}

func seenTuple() *Tuple {
	return &Tuple{Client: alice, Server: server, ClientPort: 50000, ServerPort: 443, Proto: 6}
}

// TestEvidenceOutlivesTheProcess has another process find questions, connections
// and programs, and what the history shows of them.
func TestEvidenceOutlivesTheProcess(t *testing.T) {
	dir := t.TempDir()
	now := time.Now().UnixNano()
	c := openDisk(t, dir, Config{})
	if c.HasQuestions() || c.HasConnections() {
		t.Error("a new cache has evidence")
	}
	c.File(&Response{TimeNs: t0, Name: []byte("a.example"), Source: SourceCOF, Addrs: []Addr{{server, 60}}}, now)
	c.File(&Response{TimeNs: t0 + sec, Client: alice, Name: []byte("a.example"), Source: SourceUmbrella, QuestionOnly: true}, now)
	made, nameless, theirs := seen(t0+2*sec, "b.example"), seen(t0+3*sec, ""), seen(t0+4*sec, "")
	theirs.Inbound, theirs.Process = true, Process{Path: []byte("/usr/sbin/nginx")}
	for _, x := range []*Connection{&made, &nameless, &theirs} {
		c.FileConnection(x, now)
	}
	closeDisk(t, c, now)

	for _, cfg := range []Config{{}, {Window: time.Nanosecond, MaxVersions: 1}} {
		c = openDisk(t, dir, cfg)
		if !c.HasQuestions() || !c.HasConnections() {
			t.Errorf("evidence is forgotten: questions %t, connections %t", c.HasQuestions(), c.HasConnections())
		}
		asked := []Match{{Name: "a.example", AtNs: t0 + sec, TTL: 60, Source: SourceUmbrella, DomainAt: 1, CanonicalAt: 1}}
		if d := gocmp.Diff(asked, c.AppendAsked(nil, alice, server, t0+2*sec, 0)); d != "" {
			t.Errorf("AppendAsked: -want +got\n%s", d)
		}
		curl := Program{Path: `C:\Windows\curl.exe`, PID: 17, Host: "PC-1"}
		want := []Made{
			{Name: "b.example", AtNs: t0 + 2*sec, Source: SourceSysmon, Program: curl},
			{AtNs: t0 + 3*sec, Source: SourceSysmon, Program: curl},
			{AtNs: t0 + 4*sec, Source: SourceSysmon, Program: Program{Path: "/usr/sbin/nginx"}, Inbound: true},
		}
		if d := gocmp.Diff(want, c.AppendMade(nil, nil, seenTuple(), t0+2*sec, 0)); d != "" {
			t.Errorf("AppendMade: -want +got\n%s", d)
		}
		const row = "%s %s %s %g-%g x1\n"
		answered := fmt.Sprintf(row, "a.example", "192.0.2.1", "invalid IP", 0., 0.)
		ofB := fmt.Sprintf(row, "b.example", "192.0.2.1", "10.0.0.1", 2., 2.)
		ofQuestion := fmt.Sprintf(row, "a.example", "invalid IP", "10.0.0.1", 1., 1.)
		for _, h := range []struct {
			q    Query
			want string
		}{
			{Query{Addr: server}, answered + ofB},
			{Query{Addr: server, Client: alice}, ofB},
			{Query{Addr: server, AtNs: t0 + 10*sec}, answered + ofB},
			{Query{Name: "a.example"}, answered + ofQuestion},
			{Query{Name: "a.example", AtNs: t0 + 10*sec}, answered + ofQuestion},
			{Query{Name: "a.example", Client: alice}, ofQuestion},
			{Query{Name: "*.example", Client: alice}, ofQuestion + ofB},
			{Query{Name: "*."}, answered + ofQuestion + ofB},
			{Query{Name: "."}, ""},
		} {
			if got := historyOf(t, c, h.q); got != h.want {
				t.Errorf("History(%+v):\n%swant\n%s", h.q, got, h.want)
			}
		}
		closeDisk(t, c, now)
	}
}

func TestHistoryInMemoryHasEvidenceToo(t *testing.T) {
	c := open(t, Config{})
	question(c, alice, t0, "a.example")
	x := seen(t0+sec, "b.example")
	c.FileConnection(&x, t0)
	want := "a.example invalid IP 10.0.0.1 0-0 x1\nb.example 192.0.2.1 10.0.0.1 1-1 x1\n"
	if got := historyOf(t, c, Query{Name: "*."}); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if got := rowsOf(t, c, Query{Addr: server, Client: alice}); len(got) != 1 || got[0].Source != SourceSysmon {
		t.Errorf("got %+v, want the connection with its source", got)
	}
}

// TestReserved has evidence that claims the addresses that the package keeps for
// itself.
func TestReserved(t *testing.T) {
	c := open(t, Config{})
	fact := askedFact("a.example").addr()
	question(c, alice, t0, "a.example")
	had := c.Stats()
	shadow := ipOf(alice).shadow().addr()
	answer(c, bob, t0, "a.example", fact, server)
	answer(c, shadow, t0, "a.example", server)
	question(c, shadow, t0, "b.example")
	c.Saw(shadow, t0)
	x := seen(t0, "a.example")
	x.Server = fact
	c.FileConnection(&x, t0)
	x = seen(t0, "a.example")
	x.Client = shadow
	c.FileConnection(&x, t0)
	if got := c.Stats().Reserved - had.Reserved; got != 6 {
		t.Errorf("refused %d, want 6", got)
	}
	if c.HasConnections() || c.ClientSeen(shadow) {
		t.Error("what was refused is known")
	}
	if got := times(c.AppendClient(nil, bob, server, t0, 0, t0)); got != "a.example@0" {
		t.Errorf("the good neighbour of a bad address: got %q", got)
	}
	for _, q := range []Query{{Addr: fact}, {Addr: server, Client: shadow}} {
		if err := c.History(t.Context(), q, func(Row) bool { return true }); !errors.Is(err, ErrBadQuery) {
			t.Errorf("History(%+v): error %v, want %v", q, err, ErrBadQuery)
		}
	}
}

func TestShadows(t *testing.T) {
	for text, shadows := range map[string]bool{
		"10.0.0.1": false, "255.255.255.255": false, "2001:db8::1": false, "3fff::1": false, "64:ff9b::1": false, "100::1": false,
		"fc00::1": false, "fd00::1": false, "fe80::1": false, "ff02::1": false, "::1": false,
		"a001:db8::1": true, "8000::ffff:a00:1": true, "7c00::1": true, "7fff::1": true, "f800::1": true, "8064:ff9b::1": true,
	} {
		p := ipOf(netip.MustParseAddr(text))
		if p.isShadow() != shadows {
			t.Errorf("%s: shadow %t, want %t", text, p.isShadow(), shadows)
		}
		if !shadows && (!p.shadow().isShadow() || p.shadow().clientAddr() != p.addr()) {
			t.Errorf("%s: its shadow is %v", text, p.shadow().addr())
		}
	}
}

// TestFactsAreForEver: the store keeps the addresses of facts.
func TestFactsAreForEver(t *testing.T) {
	tuple := seenTuple()
	for got, want := range map[netip.Addr]string{
		askedFact("www.example.org").addr():                        "100::1:8b6:e3d7:295f:e4fe",
		askedFact([]byte("www.example.org")).addr():                "100::1:8b6:e3d7:295f:e4fe",
		connectionFact(tuple, factHandshake, tuple.shape()).addr(): "100::1:172e:f3a9:8c59:7cc1",
		connectionFact(tuple, factAgent, 0).addr():                 "100::1:187d:d177:c04d:19ca",
		connectionFact(tuple, factInbound, knowsServerPort).addr(): "100::1:22bb:9345:5d82:5c7e",
	} {
		if got.String() != want {
			t.Errorf("got %v, want %s", got, want)
		}
	}
}

func TestFactsOfAllShapesDiffer(t *testing.T) {
	seenAt := map[ip]string{}
	for kind := factHandshake; kind <= factInbound; kind++ {
		for shape := range uint8(numShapes) {
			p := connectionFact(seenTuple(), kind, shape)
			what := fmt.Sprint(kind, shape)
			if gotKind, gotShape, ok := p.fact(); gotKind != kind || gotShape != shape || !ok || !p.isConnection() {
				t.Errorf("%s is read as %d %d, %t", what, gotKind, gotShape, ok)
			}
			if seenAt[p] != "" {
				t.Errorf("%s and %s are one", what, seenAt[p])
			}
			seenAt[p] = what
		}
	}
	if askedFact("a").isConnection() || ipOf(server).isConnection() {
		t.Error("what is no connection is taken for one")
	}
}

func TestWhoTheClientIs(t *testing.T) {
	prefix := netip.MustParsePrefix
	addr := netip.MustParseAddr
	forwarder := addr("10.0.0.53")
	none := netip.Addr{}
	for _, tt := range []struct {
		name   string
		client netip.Addr
		subnet netip.Prefix
		source Source
		want   netip.Addr
	}{
		{"a host", alice, netip.Prefix{}, SourceDnstap, alice},
		{"a host's subnet is its own word", alice, prefix("10.9.9.9/32"), SourceDnstap, alice},
		{"a forwarder", forwarder, netip.Prefix{}, SourceDnstap, none},
		{"a forwarder by IPv6", addr("2001:db8:53::1"), netip.Prefix{}, SourcePackets, none},
		{"that tells the host", forwarder, prefix("10.9.9.9/32"), SourceDnstap, addr("10.9.9.9")},
		{"and one of IPv6", forwarder, prefix("2001:db8::9/128"), SourcePackets, addr("2001:db8::9")},
		{"that tells a network", forwarder, prefix("10.9.9.0/24"), SourceDnstap, none},
		{"or all", forwarder, prefix("0.0.0.0/0"), SourceDnstap, none},
		{"or another forwarder", forwarder, prefix("10.0.0.54/32"), SourceDnstap, none},
		{"or what was masked", forwarder, prefix("10.9.9.0/32"), SourcePackets, none},
		{"a masked client", addr("10.9.9.0"), netip.Prefix{}, SourcePowerDNS, none},
		{"a masked client of IPv6", addr("2001:db8:1:2::"), netip.Prefix{}, SourcePowerDNS, none},
		{"on the wire it is a host", addr("10.9.9.0"), netip.Prefix{}, SourcePackets, addr("10.9.9.0")},
		{"nobody", none, netip.Prefix{}, SourceDnstap, none},
	} {
		c := open(t, Config{Forwarders: []netip.Prefix{prefix("10.0.0.48/28"), prefix("2001:db8:53::/48")}})
		r := &Response{
			TimeNs: t0, Client: tt.client, Subnet: tt.subnet, Source: tt.source, Name: []byte("a.example"), Addrs: []Addr{{server, 60}},
		}
		c.File(r, t0)
		if got := c.Asker(r); got != tt.want {
			t.Errorf("%s: the asker is %v, want %v", tt.name, got, tt.want)
		}
		rows := rowsOf(t, c, Query{Addr: server})
		if len(rows) != 1 || rows[0].Client != tt.want {
			t.Errorf("%s: filed %+v, want client %v", tt.name, rows, tt.want)
		}
		if tt.client.IsValid() && tt.client != tt.want && c.ClientSeen(tt.client) {
			t.Errorf("%s: %v is seen", tt.name, tt.client)
		}
		if st := c.Stats(); st.Forwarded+st.Masked == 0 && tt.client != tt.want {
			t.Errorf("%s: not counted", tt.name)
		}
	}
}

func TestLiterals(t *testing.T) {
	for name, want := range map[string]bool{
		"192.168.0.4": true, "1.2.3": true, "7": true, "2001:db8::1": true, "[2001:db8::1]": true, "fe80::1%eth0": true,
		"a.example": false, "192.168.0.4.example": false, "1e100.net": false, "a:b.example": false, "": false, ".": false, "4a": false,
		"x.12a": false,
	} {
		if got := isLiteral([]byte(name)); got != want {
			t.Errorf("isLiteral(%q): got %t, want %t", name, got, want)
		}
	}
}

// TestBadConnections are refused, and what of them is good is kept.
func TestBadConnections(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Connection)
		made   string // name of what is made of it
		others string
		count  func(*Stats) uint64
	}{
		{"good", func(*Connection) {}, "a.example", "a.example", func(s *Stats) uint64 { return s.Connections }},
		{"no time", func(x *Connection) { x.TimeNs = 0 }, "-", "", func(s *Stats) uint64 { return s.BadTime }},
		{"no server", func(x *Connection) { x.Server = netip.Addr{} }, "-", "", func(s *Stats) uint64 { return s.BadAddr }},
		{"no client", func(x *Connection) { x.Client = netip.Addr{} }, "-", "a.example", func(s *Stats) uint64 { return s.Answers }},
		{"a masked client", func(x *Connection) { x.Client = netip.MustParseAddr("10.0.0.0") }, "-", "a.example", func(s *Stats) uint64 { return s.Masked }},
		{"a bad name", func(x *Connection) { x.Name = []byte("a..b") }, "", "", func(s *Stats) uint64 { return s.BadName }},
		{"no name", func(x *Connection) { x.Name = nil }, "", "", func(s *Stats) uint64 { return s.Connections }},
		{"the root", func(x *Connection) { x.Name = []byte(".") }, "", "", func(s *Stats) uint64 { return s.Connections }},
		{"an address", func(x *Connection) { x.Name = []byte("192.0.2.1") }, "", "", func(s *Stats) uint64 { return s.Connections }},
		{"nothing", func(x *Connection) { x.Name, x.Process = nil, Process{} }, "-", "", func(s *Stats) uint64 { return s.Connections }},
	} {
		c := open(t, Config{})
		x := seen(t0, "a.example")
		tt.change(&x)
		c.FileConnection(&x, t0)
		got := "-"
		if made := c.AppendMade(nil, nil, seenTuple(), t0, 0); len(made) > 0 {
			got = made[0].Name
		}
		if got != tt.made {
			t.Errorf("%s: made %q, want %q", tt.name, got, tt.made)
		}
		got = ""
		for _, m := range c.AppendOthers(nil, server, t0+sec) {
			got += m.Name
		}
		if got != tt.others {
			t.Errorf("%s: others have %q, want %q", tt.name, got, tt.others)
		}
		st := c.Stats()
		if tt.count(&st) != 1 {
			t.Errorf("%s: not counted: %+v", tt.name, st)
		}
		if c.ClientSeen(alice) {
			t.Errorf("%s: a connection shows no DNS of its client", tt.name)
		}
		checkInvariants(t, c)
	}
}

func TestQuestionsAreCountedAndRefused(t *testing.T) {
	c := open(t, Config{})
	question(c, alice, t0, "a.example")
	question(c, bob, t0, "a..b")
	question(c, netip.Addr{}, t0, "a.example")
	if st := c.Stats(); st.Questions != 1 || st.BadName != 1 || st.Responses != 3 || st.Answers != 0 {
		t.Errorf("%+v", st)
	}
	if !c.ClientSeen(alice) || !c.ClientSeen(bob) {
		t.Error("who asks is seen")
	}
}

func FuzzProcess(f *testing.F) {
	f.Add([]byte("/bin/sh"), []byte("host"), uint32(1))
	f.Add([]byte("\x00\x1f\xff"), []byte("\x1f"), uint32(0))
	f.Add([]byte(strings.Repeat("é", 2000)), []byte(strings.Repeat("é", 200)), ^uint32(0))
	f.Fuzz(func(t *testing.T, path, host []byte, pid uint32) {
		text := appendProcess(nil, &Process{Path: path, Host: host, PID: pid})
		p := readProcess(string(text))
		if len(text) > maxName || !utf8.Valid(text) || strings.ContainsAny(p.Path+p.Host, "\x00\x1f") || p.PID != pid {
			t.Errorf("%q, %q, %d: got %q, read as %+v", path, host, pid, text, p)
		}
		if clean := string(path); len(path) <= maxPath && utf8.ValidString(clean) && !strings.ContainsAny(clean, "\x00\x1f") && p.Path != clean {
			t.Errorf("%q: got %q", path, p.Path)
		}
	})
}

func TestEvidenceAllocatesNothing(t *testing.T) {
	c := open(t, Config{})
	answer(c, bob, t0, "a.example", server)
	question(c, alice, t0, "a.example")
	q := Response{TimeNs: t0, Client: alice, Name: []byte("b.example"), QuestionOnly: true}
	x := seen(t0, "b.example")
	c.FileConnection(&x, t0)
	matches, made := make([]Match, 0, 4*MaxMatches), make([]Made, 0, MaxMatches)
	tuple := seenTuple()
	for name, fn := range map[string]func(){
		"File":           func() { q.TimeNs += 100 * ms; c.File(&q, t0) },
		"FileConnection": func() { x.TimeNs += 100 * ms; c.FileConnection(&x, t0) },
		"AppendAsked":    func() { c.AppendAsked(matches, alice, server, t0+sec, 0) },
		"AppendMade":     func() { c.AppendMade(made, matches, tuple, t0, 0) },
	} {
		if n := testing.AllocsPerRun(1000, fn); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
	if n := len(c.AppendAsked(matches, alice, server, t0+sec, 0)); n != 2 {
		t.Errorf("asked: got %d, want a.example and b.example", n)
	}
	if n := len(c.AppendMade(made, matches, tuple, t0, 0)); n != 1 {
		t.Errorf("made: got %d, want b.example", n)
	}
}
