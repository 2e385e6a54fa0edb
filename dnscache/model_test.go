package dnscache

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// modelTest drives a Cache and the model with the same operations.
type modelTest struct {
	t     *testing.T
	rnd   *rand.Rand
	cfg   Config
	c     *Cache
	batch Batch
	m     *model
	base  int64
	span  int64 // of event times
	grain int64
	addrs int
	names int
	filed int64
}

func (mt *modelTest) addr() netip.Addr {
	n := mt.rnd.IntN(mt.addrs)
	if n%3 == 0 {
		return netip.MustParseAddr(fmt.Sprintf("2001:db8::%x", n+1))
	}
	return netip.AddrFrom4([4]byte{192, 0, byte(n >> 8), byte(n)})
}

func (mt *modelTest) client() netip.Addr {
	return netip.AddrFrom4([4]byte{10, 0, 0, byte(1 + mt.rnd.IntN(3))})
}

func (mt *modelTest) name() string { return fmt.Sprintf("n%d.example.org", mt.rnd.IntN(mt.names)) }

// time drifts through the span with the operations, with late ones.
func (mt *modelTest) time(done float64) int64 {
	at := int64(done * float64(mt.span))
	if mt.rnd.IntN(10) == 0 {
		at -= mt.rnd.Int64N(mt.span / 2)
	}
	return mt.base + max(at, 0)/mt.grain*mt.grain
}

func (mt *modelTest) open() {
	c, err := Open(mt.cfg)
	if err != nil {
		mt.t.Fatal(err)
	}
	mt.c = c
}

func (mt *modelTest) close() {
	if err := mt.c.Close(mt.filed); err != nil {
		mt.t.Fatal(err)
	}
}

func (mt *modelTest) step(done float64) {
	switch x := mt.rnd.IntN(100); {
	case x < 45:
		mt.file(done)
	case x < 60:
		mt.checkLookup(done)
	case x < 65:
		mt.checkBatch(done)
	case x < 75:
		mt.checkOthers(done)
	case x < 82:
		mt.checkAsked(done)
	case x < 90:
		mt.checkMade(done)
	case x < 94:
		mt.checkHistory(done)
	case x < 96:
		client := netip.AddrFrom4([4]byte{10, 0, 0, byte(1 + mt.rnd.IntN(255))})
		if mt.rnd.IntN(2) == 0 {
			at := mt.time(done)
			mt.c.Saw(client, at)
			mt.m.saw(client, at)
		}
		if got, want := mt.c.ClientSeen(client), mt.m.seen[client]; got != want {
			mt.t.Fatalf("ClientSeen(%v) = %v, want %v", client, got, want)
		}
		if got := mt.c.BeganNs(); got != mt.m.began {
			mt.t.Fatalf("BeganNs() = %d, want %d", got, mt.m.began)
		}
	case x < 99:
		if err := mt.c.Flush(mt.filed); err != nil {
			mt.t.Fatal(err)
		}
	case mt.cfg.Dir != "" && mt.rnd.IntN(8) == 0:
		mt.c.Maintain(mt.filed)
		mt.close()
		mt.open()
	}
}

func (mt *modelTest) file(done float64) {
	kind := mt.rnd.IntN(10)
	if kind < 3 {
		mt.fileConnection(done)
		return
	}
	r := Response{Client: mt.client(), TimeNs: mt.time(done), Name: []byte(mt.name()), Source: SourceDnstap}
	if kind < 6 {
		r.QuestionOnly, r.Source = true, SourceBIND
		mt.c.File(&r, mt.filed)
		mt.m.file(&r)
		return
	}
	for range 1 + mt.rnd.IntN(2) {
		r.Addrs = append(r.Addrs, Addr{mt.addr(), uint32(r.TimeNs / 1e9 % 1000)})
	}
	if r.Name[1]%2 == 0 {
		r.Canonical = append([]byte("cdn."), r.Name...)
	}
	mt.c.File(&r, mt.filed)
	mt.m.file(&r)
}

// tuple is a connection of which a source may not tell all.
func (mt *modelTest) tuple() Tuple {
	t := Tuple{Client: mt.client(), Server: mt.addr(), ClientPort: uint16(40000 + mt.rnd.IntN(2)), ServerPort: 443, Proto: 6}
	return t
}

func (mt *modelTest) fileConnection(done float64) {
	t := mt.tuple()
	if mt.rnd.IntN(3) == 0 {
		t.ClientPort = 0
	}
	if mt.rnd.IntN(4) == 0 {
		t.ServerPort, t.Proto = 0, 0
	}
	x := Connection{
		TimeNs: mt.time(done), Source: SourceZeekSSL, Name: []byte(mt.name()),
		Client: t.Client, Server: t.Server, ClientPort: t.ClientPort, ServerPort: t.ServerPort, Proto: t.Proto,
	}
	if mt.rnd.IntN(2) == 0 {
		// Two kinds of evidence at the very same time are the same evidence.
		x.Source, x.Inbound = SourceCarbonBlackEDR, mt.rnd.IntN(3) == 0
		x.TimeNs += 100
		x.Process.Path = []byte(mt.name())
		x.Name = x.Name[:len(x.Name)*mt.rnd.IntN(2)]
	}
	mt.c.FileConnection(&x, mt.filed)
	mt.m.fileConnection(&x)
}

func (mt *modelTest) checkAsked(done float64) {
	client, addr, start, tol := mt.client(), mt.addr(), mt.time(done)+mt.rnd.Int64N(mt.grain), mt.rnd.Int64N(3*mt.grain)
	got := mt.c.AppendAsked(nil, client, addr, start, tol)
	if d := gocmp.Diff(mt.m.asked(client, addr, start, tol), got, cmpopts.EquateEmpty()); d != "" {
		mt.t.Fatalf("AppendAsked(%v, %v, %d, %d): -want +got\n%s", client, addr, start, tol, d)
	}
}

func (mt *modelTest) checkMade(done float64) {
	t, start, tol := mt.tuple(), mt.time(done)+mt.rnd.Int64N(mt.grain), mt.rnd.Int64N(3*mt.grain)
	got := mt.c.AppendMade(nil, nil, &t, start, tol)
	dist := func(m *Made) int64 { return max(m.AtNs-start, start-m.AtNs) }
	for i := 1; i < len(got); i++ {
		a, b := &got[i-1], &got[i]
		if !a.Source.IsTLS() && b.Source.IsTLS() || a.Source.IsTLS() == b.Source.IsTLS() && dist(a) > dist(b) {
			mt.t.Fatalf("AppendMade(%+v, %d, %d): %+v before %+v", t, start, tol, *a, *b)
		}
	}
	less := func(a, b Made) bool { return fmt.Sprint(a) < fmt.Sprint(b) }
	if d := gocmp.Diff(mt.m.connections(t, start, tol), got, cmpopts.EquateEmpty(), cmpopts.SortSlices(less)); d != "" {
		mt.t.Fatalf("AppendMade(%+v, %d, %d): -want +got\n%s", t, start, tol, d)
	}
}

func (mt *modelTest) checkLookup(done float64) {
	client, addr, start := mt.client(), mt.addr(), mt.time(done)+mt.rnd.Int64N(mt.grain)
	tol := mt.rnd.Int64N(3 * mt.grain)
	horizon := start + mt.rnd.Int64N(mt.span/4)
	got := mt.c.AppendClient(nil, client, addr, start, tol, horizon)
	want := mt.m.client(client, addr, start, tol, horizon)
	if d := gocmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		mt.t.Fatalf("AppendClient(%v, %v, %d, %d, %d): -want +got\n%s", client, addr, start, tol, horizon, d)
	}
}

// checkBatch asks many at once, some of them for what others had only.
func (mt *modelTest) checkBatch(done float64) {
	type want struct {
		matches []Match
		others  bool
	}
	var wants []want
	mt.batch.Reset()
	for range mt.rnd.IntN(40) {
		client, addr, start := mt.client(), mt.addr(), mt.time(done)+mt.rnd.Int64N(mt.grain)
		tol := mt.rnd.Int64N(3 * mt.grain)
		horizon := start + mt.rnd.Int64N(mt.span/4)
		var w want
		switch mt.rnd.IntN(10) {
		case 0:
			addr = netip.Addr{}
		case 1:
			client = netip.Addr{}
		}
		if w.matches = mt.m.client(client, addr, start, tol, horizon); len(w.matches) == 0 && addr.IsValid() {
			w = want{modelSelect(mt.m.others[addr], start+tol, 0, 0), true}
		}
		wants = append(wants, w)
		mt.batch.Add(client, addr, start, tol, horizon)
	}
	mt.c.LookUp(&mt.batch)
	for i, w := range wants {
		got, others := mt.batch.Answer(i)
		if d := gocmp.Diff(w.matches, got, cmpopts.EquateEmpty()); d != "" || others != w.others {
			mt.t.Fatalf("Answer(%d) of others %v, want %v: -want +got\n%s", i, others, w.others, d)
		}
	}
}

func (mt *modelTest) checkOthers(done float64) {
	addr, until := mt.addr(), mt.time(done)+mt.rnd.Int64N(mt.grain)
	got := mt.c.AppendOthers(nil, addr, until)
	want := modelSelect(mt.m.others[addr], until, 0, 0)
	if d := gocmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		mt.t.Fatalf("AppendOthers(%v, %d): -want +got\n%s", addr, until, d)
	}
}

func (mt *modelTest) checkHistory(done float64) {
	var q Query
	if mt.rnd.IntN(2) == 0 {
		q.Addr = mt.addr()
	} else {
		q.Name = mt.name()
	}
	if mt.rnd.IntN(2) == 0 {
		q.Client = mt.client()
	}
	switch mt.rnd.IntN(3) {
	case 0:
		q.AtNs = mt.time(done)
	case 1:
		q.FromNs = mt.time(done)
		q.ToNs = q.FromNs + mt.rnd.Int64N(mt.span/3)
	}
	got := rowsOf(mt.t, mt.c, q)
	want := mt.m.history(q)
	less := func(a, b Row) bool {
		return cmp.Or(cmp.Compare(a.Name, b.Name), a.Client.Compare(b.Client), a.Addr.Compare(b.Addr),
			cmp.Compare(a.Source.class(), b.Source.class()), cmp.Compare(a.LastNs, b.LastNs), cmp.Compare(a.FirstNs, b.FirstNs)) < 0
	}
	if d := gocmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.SortSlices(less), addrsEqual); d != "" {
		mt.t.Fatalf("History(%+v): -want +got\n%s", q, d)
	}
}

var addrsEqual = gocmp.Comparer(func(a, b netip.Addr) bool { return a == b })

type historian interface {
	History(ctx context.Context, q Query, yield func(Row) bool) error
}

func rowsOf(t *testing.T, h historian, q Query) []Row {
	t.Helper()
	var rows []Row
	err := h.History(context.Background(), q, func(r Row) bool {
		rows = append(rows, r)
		return true
	})
	if err != nil {
		t.Fatalf("History(%+v): %v", q, err)
	}
	return rows
}

func TestModel(t *testing.T) {
	sec := int64(time.Second)
	tests := []struct {
		name  string
		cfg   Config
		disk  bool
		addrs int
		names int
		grain int64 // with eviction, runs may be cut: times lie farther apart than a run
		span  int64
		steps int
	}{
		{"memory", Config{}, false, 100, 8, sec / 4, 150 * sec, 5000},
		{"memory, one second", Config{}, false, 100, 8, 1e6, 10 * sec, 5000},
		{"store", Config{}, true, 30, 8, 5 * sec, 7200 * sec, 8000},
		{"store, short window", Config{Window: 60 * time.Second}, true, 30, 8, 5 * sec, 7200 * sec, 8000},
		{"store, small index", Config{MaxVersions: 200}, true, 100, 8, 5 * sec, 7200 * sec, 8000},
		{"store, many names", Config{MaxVersions: 4000, Window: 300 * time.Second}, true, 3, 90, 5 * sec, 36000 * sec, 5000},
		{"store, few addresses", Config{MaxVersions: 400, Window: 60 * time.Second}, true, 2, 4, 5 * sec, 36000 * sec, 5000},
		{"store, no room at all", Config{MaxVersions: 1, MaxClients: 1}, true, 20, 8, 5 * sec, 7200 * sec, 4000},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for seed := range uint64(3) {
				mt := &modelTest{
					t: t, rnd: rand.New(rand.NewPCG(seed, 7)), cfg: tt.cfg, m: newModel(),
					base: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).UnixNano(), span: tt.span, grain: tt.grain,
					addrs: tt.addrs, names: tt.names, filed: time.Now().UnixNano(),
				}
				mt.cfg.Seed = seed + 1
				if tt.disk {
					mt.cfg.Dir = t.TempDir()
				}
				mt.open()
				for i := range tt.steps {
					mt.step(float64(i) / float64(tt.steps))
					if i%500 == 0 {
						checkInvariants(t, mt.c)
					}
				}
				t.Logf("seed %d: %+v", seed, mt.c.Stats())
				mt.close()
			}
		})
	}
}
