package visibility

import (
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flowname/correlate"
	"flowname/flows"
)

// A naive counts as the package comment says, with maps and in plain words.
type naive struct {
	clients map[netip.Addr]*Row
	asks    map[netip.Addr]bool // whose DNS is seen
}

func (m *naive) flow(f *correlate.Flow) {
	toServer := f.ServerIsDst()
	server, client := &f.Dst, &f.Src
	if !toServer {
		server, client = client, server
	}
	if !server.Named && client.Named {
		toServer, server = !toServer, client
	}
	from, to, port, other := f.Record.Src, f.Record.Dst, f.DstPort, f.XlateSrc
	if !toServer {
		from, to, port, other = f.Record.Dst, f.Record.Src, f.SrcPort, f.XlateDst
	}
	if f.Unnamed == correlate.NotResolvable || f.Proto == flows.ProtoICMP {
		return
	}
	private := from.IsPrivate()
	if !private && other.IsPrivate() {
		from, private = other, true
	}
	asksDNS := port == 53 || port == 853
	counts := f.FirewallEvent != flows.FirewallDenied && (server.Named || !to.IsPrivate())
	switch {
	case f.Proto == flows.ProtoUDP:
		counts = counts && port == 443
	case f.TCPFlags == flows.TCPSyn || f.TCPFlags == flows.TCPRst || f.TCPFlags == flows.TCPRst|flows.TCPAck:
		counts = false
	}
	switch {
	case asksDNS || !counts:
		if !private || !toServer {
			return
		}
	case !private && f.Unnamed == correlate.ClientUnseen:
		return
	case !private && !m.asks[from] && f.Unnamed != correlate.NoAnswer && (server.Basis() < correlate.Client || server.Basis() == correlate.Others):
		return
	}
	r := m.clients[from]
	if r == nil {
		r = &Row{Client: from, FirstNs: f.ReceivedNs, LastNs: f.ReceivedNs}
		m.clients[from] = r
	}
	r.FirstNs, r.LastNs = min(r.FirstNs, f.ReceivedNs), max(r.LastNs, f.ReceivedNs)
	switch {
	case asksDNS:
		r.Resolver, r.Kind = to, AskedInside
		if !to.IsPrivate() {
			r.Kind = AskedOutside // no answer is in the cache
			r.Outside++
		}
		r.Lately.Asked[r.Kind]++
	case !counts:
		r.Other++
	default:
		m.count(r, f, server.Basis())
	}
}

func (m *naive) count(r *Row, f *correlate.Flow, basis correlate.Basis) {
	how := map[correlate.Reason]How{
		correlate.Ambiguous: Ambiguous, correlate.NoAnswer: NoAnswer, correlate.ClientUnseen: ClientUnseen, correlate.BeforeSensor: BeforeSensor,
	}[f.Unnamed]
	switch basis {
	case correlate.Exporter, correlate.TLS, correlate.Endpoint:
		how = Told
	case correlate.Client, correlate.ClientQuery, correlate.ClientExpired, correlate.ClientLater:
		how = LookedUp
	case correlate.Others:
		how = Others
	}
	r.Flows[how]++
	r.Bytes += f.Bytes
	r.Lately.Flows++
	if how == LookedUp || how == Told {
		r.OwnBytes += f.Bytes
		r.Lately.Own++
	}
	if how == LookedUp {
		r.Lately.LookedUp++
	}
	if how == Others || how == Ambiguous {
		r.Lately.Others++
	}
}

// randomFlow is some flow of few clients.
func randomFlow(r *rand.Rand, atNs int64) *correlate.Flow {
	pick := func(texts ...string) netip.Addr { return netip.MustParseAddr(texts[r.IntN(len(texts))]) }
	f := &correlate.Flow{Record: &flows.Record{
		Src:        pick("10.0.0.1", "10.0.0.2", "fd00::3", "203.0.113.4", "203.0.113.5", "2001:db8::6"),
		Dst:        pick("198.51.100.1", "198.51.100.2", "10.9.9.9", "2001:db8:1::7"),
		SrcPort:    uint16(30000 + r.IntN(30000)),
		DstPort:    []uint16{443, 80, 53, 853, 123, 25}[r.IntN(6)],
		Proto:      []uint8{flows.ProtoTCP, flows.ProtoTCP, flows.ProtoUDP, flows.ProtoICMP}[r.IntN(4)],
		TCPFlags:   []uint16{0, 0x02, 0x1b, 0x14, 0x04, 0x13}[r.IntN(6)],
		ReceivedNs: atNs, StartNs: atNs, Bytes: r.Uint64N(100000),
	}}
	if r.IntN(8) == 0 {
		f.FirewallEvent = flows.FirewallDenied
	}
	if r.IntN(8) == 0 {
		f.XlateSrc = pick("10.0.0.1", "198.51.100.77")
	}
	end := &f.Dst
	if r.IntN(10) == 0 {
		end = &f.Src
	}
	if n := r.IntN(14); n < 8 {
		end.Named, end.Candidates = true, []correlate.Candidate{{Basis: correlate.Basis(1 + n)}}
	} else {
		f.Unnamed = correlate.Reason(1 + r.IntN(5))
	}
	if r.IntN(2) == 0 {
		f = reversed(f)
		f.XlateSrc, f.XlateDst = f.XlateDst, f.XlateSrc
	}
	return f
}

// TestModel counts random flows by two tables and merges them, against maps.
func TestModel(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		a, cache := newTable(t, 1000)
		b := New(a.cfg)
		cache.Saw(netip.MustParseAddr("203.0.113.5"), 1)
		m := naive{clients: map[netip.Addr]*Row{}, asks: map[netip.Addr]bool{netip.MustParseAddr("203.0.113.5"): true}}
		for i := range 3000 {
			f := randomFlow(r, t0+int64(i)*second)
			m.flow(f)
			if i < 1500 { // so that the last resolver is of the later one
				a.Flow(f, false)
			} else {
				b.Flow(f, false)
			}
		}
		rows, next := a.AppendRows(nil, Part{}, 0)
		rows, next2 := b.AppendRows(rows, Part{}, 0)
		if next != 0 || next2 != 0 {
			t.Fatalf("there are more rows at %d and %d", next, next2)
		}
		got := map[netip.Addr]Row{}
		var last netip.Addr
		for _, row := range Merge(rows) {
			if !last.Less(row.Client) {
				t.Fatalf("row of %v after that of %v", row.Client, last)
			}
			last = row.Client
			row.Lately.share, row.Lately.period = 0, 0
			got[row.Client] = row
		}
		want := map[netip.Addr]Row{}
		for client, row := range m.clients {
			want[client] = *row
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(Lately{}, netip.Addr{}), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
			t.Fatalf("seed %d: rows (-want +got):\n%s", seed, diff)
		}
		checkStats(t, seed, want, a, b)
	}
}

// checkStats asks that the tables' accounts are the rows' sums.
func checkStats(t *testing.T, seed uint64, want map[netip.Addr]Row, tables ...*Table) {
	t.Helper()
	var sum Stats
	for _, table := range tables {
		s := table.Stats()
		sum.Add(&s)
	}
	var network Network
	var flows [NumHows]uint64
	for _, row := range want {
		network.Add(&row, Own)
	}
	for how, tally := range sum.By {
		flows[how] = tally.Flows
	}
	all, own := sum.Tally()
	total, named := network.Total()
	if flows != network.Flows || all.Flows != total || own.Flows != named || all.Bytes != network.Bytes || own.Bytes != network.OwnBytes {
		t.Errorf("seed %d: counted %v, %+v of %+v; the rows have %+v", seed, flows, own, all, network)
	}
	if sum.Evicted+sum.AtDoor+sum.Refused != 0 || network.By[Own] != uint64(len(want)) {
		t.Errorf("seed %d: clients were turned away: %+v", seed, sum)
	}
}

func TestLatelyIsHalved(t *testing.T) {
	table, _ := newTable(t, 10)
	at := func(hours int64) int64 { return t0 + hours*3600*second }
	add := func(n int, hours int64) {
		for range n {
			table.Flow(named(tcp(inside(1), web, at(hours)), correlate.Client), false)
		}
	}
	lately := func() uint64 {
		rows, _ := table.AppendRows(nil, Part{}, 0)
		return rows[0].Lately.Flows
	}
	for _, c := range []struct {
		flows int
		hours int64
		want  uint64
	}{
		{64, 0, 64}, {64, 11, 128}, {1, 12, 65}, {1, 1, 66}, {1, 36, 17}, {1, 10000, 1}, {1, 9000, 2},
	} {
		if add(c.flows, c.hours); lately() != c.want {
			t.Errorf("%d flows at hour %d: %d count, want %d", c.flows, c.hours, lately(), c.want)
		}
	}
	rows, _ := table.AppendRows(nil, Part{}, 0)
	if rows[0].Total() != 64+64+5 {
		t.Errorf("%d flows in all, want 133", rows[0].Total())
	}
}

// TestFlood has a table of 2000 clients, 1000 of them real, get a million flows of
// made-up addresses: the real ones stay, with names of their own or without.
func TestFlood(t *testing.T) {
	for _, c := range []struct {
		what  string
		basis correlate.Basis // 0: without names
		flows int             // of each real client
		row   int             // flows of each made-up one
	}{
		{"a flow each, against clients with names", correlate.Client, 5, 1},
		{"ten flows each, against clients with names", correlate.Client, 5, 10},
		{"ten flows each, against clients without names", 0, 50, 10},
	} {
		t.Run(c.what, func(t *testing.T) { flood(t, c.basis, c.flows, c.row) })
	}
}

func flood(t *testing.T, basis correlate.Basis, flows, row int) {
	const most, clients = 2000, 1000
	table, _ := newTable(t, most)
	for i := range clients {
		for range flows {
			f := tcp(inside(i), web, t0)
			if basis != 0 {
				named(f, basis)
			}
			table.Flow(f, false)
		}
	}
	r := rand.New(rand.NewPCG(1, 1))
	var from netip.Addr
	for i := range 1_000_000 {
		if i%row == 0 {
			from = inside(1<<16 + r.IntN(1<<23))
		}
		table.Flow(tcp(from, web, t0+int64(i)*second/75000), false)
	}
	s := table.Stats()
	left := 0
	for i := range clients {
		if p := ipOf(inside(i)); table.find(p, table.hash(p)) != 0 {
			left++
		}
	}
	t.Logf("%d of %d clients are left; %+v", left, clients, s)
	if left < clients*99/100 {
		t.Errorf("%d of %d clients are left after the flood", left, clients)
	}
	if s.Clients > most || s.Evicted == 0 || s.AtDoor == 0 {
		t.Errorf("%+v; want at most %d clients, and some evicted and at the door", s, most)
	}
	if all, _ := s.Tally(); all.Flows != uint64(1_000_000+flows*clients) {
		t.Errorf("%d flows were counted, want all of them", all.Flows)
	}
	// A new client comes in by its second flow.
	for range 2 {
		table.Flow(tcp(inside(5000), web, t0+100*second), false)
		table.drain()
	}
	if p := ipOf(inside(5000)); table.find(p, table.hash(p)) == 0 {
		t.Error("a new client did not come in by two flows in a row")
	}
}

func TestRoomIsShared(t *testing.T) {
	a, _ := newTable(t, 1500)
	b := New(a.cfg)
	for i := range 1500 {
		a.Flow(tcp(inside(i), web, t0), false)
	}
	for range 2 {
		b.Flow(tcp(inside(1), web, t0), false)
		b.drain()
	}
	if s := a.Stats(); s.Clients != 1500 {
		t.Errorf("the first table: %+v, want 1500 clients", s)
	}
	if s := b.Stats(); s.Clients != 0 || s.Refused != 1 || s.AtDoor != 1 {
		t.Errorf("the second table, without any room: %+v; want one at the door, then refused", s)
	}
}

func TestStrangersAreAskedForOnceAMinute(t *testing.T) {
	table, cache := newTable(t, 10)
	stranger := netip.MustParseAddr("203.0.113.77")
	flow := func(at int64) uint64 {
		table.Flow(named(tcp(stranger, web, t0+at*second), correlate.Others), false)
		return table.Stats().Clients
	}
	if n := flow(0); n != 0 {
		t.Errorf("a stranger is a client: %d", n)
	}
	cache.Saw(stranger, t0)
	if n := flow(59); n != 0 {
		t.Errorf("a stranger was asked for again within a minute: %d", n)
	}
	if n := flow(61); n != 1 {
		t.Errorf("who asks is no client after a minute: %d", n)
	}
}

// TestTheDeadMakeRoom fills a table, and three days later others come.
func TestTheDeadMakeRoom(t *testing.T) {
	const most, newcomers = 200, 100
	table, _ := newTable(t, most)
	for i := range most {
		for range 20 {
			table.Flow(named(tcp(inside(i), web, t0), correlate.Client), false)
		}
	}
	const at = t0 + 3*24*3600*second
	for range 4 {
		for i := range newcomers {
			table.Flow(tcp(inside(1000+i), web, at), false)
		}
	}
	table.drain()
	for i := range newcomers {
		if p := ipOf(inside(1000 + i)); table.find(p, table.hash(p)) == 0 {
			t.Errorf("newcomer %d has no place", i)
		}
	}
}
