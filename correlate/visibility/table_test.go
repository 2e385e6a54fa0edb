package visibility

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"unsafe"

	"flowname/correlate"
	"flowname/dnscache"
	"flowname/flows"
)

const (
	t0 = 39352 * periodSeconds * second
)

var web = netip.MustParseAddr("198.51.100.80")

// newTable is a table with a cache that nothing is in.
func newTable(tb testing.TB, clients int) (*Table, *dnscache.Cache) {
	tb.Helper()
	cache, err := dnscache.Open(dnscache.Config{Seed: 1})
	if err != nil {
		tb.Fatal(err)
	}
	return New(Config{Inside: &correlate.Inside{Cache: cache}, Room: NewRoom(clients), Seed: 1}), cache
}

func inside(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
}

// tcp is a flow of a client to a server's port 443.
func tcp(client, server netip.Addr, atNs int64) *correlate.Flow {
	return &correlate.Flow{Record: &flows.Record{
		Src: client, Dst: server, SrcPort: 40000, DstPort: 443, Proto: flows.ProtoTCP, TCPFlags: 0x1b,
		StartNs: atNs, ReceivedNs: atNs, Bytes: 100,
	}, Unnamed: correlate.NoAnswer}
}

// named gives a flow's server a name of a basis.
func named(f *correlate.Flow, basis correlate.Basis) *correlate.Flow {
	end, _, _ := f.Server()
	end.Named, end.Candidates, f.Unnamed = true, []correlate.Candidate{{Name: "a.example", Basis: basis}}, 0
	return f
}

func reversed(f *correlate.Flow) *correlate.Flow {
	r := f.Record
	r.Src, r.Dst, r.SrcPort, r.DstPort = r.Dst, r.Src, r.DstPort, r.SrcPort
	f.Src, f.Dst = f.Dst, f.Src
	return f
}

func TestEstablished(t *testing.T) {
	client := inside(1)
	answer := dnscache.Response{Client: client, Source: dnscache.SourcePackets, Name: []byte("a.example"),
		Addrs: []dnscache.Addr{{Addr: web, TTL: 60}}}
	for _, c := range []struct {
		what       string
		lookedUp   int // of 100 flows in two hours, the first ones
		told       int // of the rest
		answeredNs int64
		askedNs    int64 // when it is asked whether it is established
		want       bool
	}{
		{"all looked up", 100, 0, t0 + 7200*second, t0 + 7200*second, true},
		{"most looked up", 95, 0, t0 + 7200*second, t0 + 7200*second, true},
		{"not of late", 91, 0, t0 + 7200*second, t0 + 7200*second, false},
		{"half", 50, 0, t0 + 7200*second, t0 + 7200*second, false},
		{"told by an exporter", 0, 100, t0 + 7200*second, t0 + 7200*second, false},
		{"DNS not seen any more", 100, 0, t0, t0 + 7200*second, false},
		{"no DNS ever", 100, 0, 0, t0 + 7200*second, false},
		{"known for too short a time", 100, 0, t0 + 7200*second, t0 + 1800*second, false},
	} {
		table, cache := newTable(t, 1000)
		if c.answeredNs != 0 {
			answer.TimeNs = c.answeredNs
			cache.File(&answer, c.answeredNs)
		}
		for i := range 100 {
			f := tcp(client, web, t0+int64(i)*72*second)
			switch {
			case i < c.lookedUp:
				named(f, correlate.Client)
			case i < c.lookedUp+c.told:
				named(f, correlate.Exporter)
			}
			table.Flow(f, false)
		}
		got, evidence := table.Established(client, c.askedNs)
		if got != c.want {
			t.Errorf("%s: established %v, want %v; %+v", c.what, got, c.want, evidence)
		}
		if got && (evidence.Flows != 100 || evidence.LookedUp != uint32(c.lookedUp) || evidence.First.UnixNano() != t0 || !evidence.Sources.Has(dnscache.SourcePackets)) {
			t.Errorf("%s: evidence %+v", c.what, evidence)
		}
	}
	table, _ := newTable(t, 1000)
	for _, nobody := range []netip.Addr{{}, inside(2)} {
		if ok, _ := table.Established(nobody, t0); ok {
			t.Errorf("%v is established without a flow", nobody)
		}
	}
}

func TestFlowsAreCountedWithoutAllocation(t *testing.T) {
	table, cache := newTable(t, 1<<16)
	cache.Saw(inside(1), t0)
	all := []*correlate.Flow{
		named(tcp(inside(1), web, t0), correlate.Client), tcp(inside(2), web, t0),
		named(reversed(tcp(inside(3), web, t0)), correlate.Others), tcp(web, web, t0),
	}
	dns := tcp(inside(1), web, t0)
	dns.DstPort, dns.Proto = 53, flows.ProtoUDP
	all = append(all, dns)
	i := 0
	if n := testing.AllocsPerRun(1000, func() {
		table.Flow(all[i%len(all)], false)
		i++
		table.Established(inside(1), t0)
	}); n != 0 {
		t.Errorf("%v allocations a flow, want 0", n)
	}
}

func TestMemory(t *testing.T) {
	if size := unsafe.Sizeof(entry{}); size != 128 {
		t.Errorf("an entry has %d bytes, want 128", size)
	}
	const n = 100_000
	table, _ := newTable(t, n)
	for i := range n {
		table.Flow(tcp(inside(i), web, t0), false)
	}
	table.drain()
	if bytes := len(table.chunk)*chunkSize*128 + 8*len(table.index.cells); bytes > 150*n {
		t.Errorf("%d clients take %d bytes, want at most 150 each", n, bytes)
	}
}

// BenchmarkFlow counts flows of so many clients, each of some flows in a row as
// exporters' batches have them, or of one.
func BenchmarkFlow(b *testing.B) {
	for _, c := range []struct{ clients, row int }{{1, 1}, {10_000, 1}, {10_000, 4}, {1_000_000, 1}, {1_000_000, 4}} {
		b.Run(fmt.Sprintf("clients=%d/row=%d", c.clients, c.row), func(b *testing.B) {
			table, _ := newTable(b, c.clients)
			for i := range c.clients {
				table.Flow(tcp(inside(i), web, t0), false)
			}
			f := named(tcp(inside(0), web, t0), correlate.Client)
			order := rand.New(rand.NewPCG(1, 2))
			clients := make([]netip.Addr, 1<<20)
			for i := range clients {
				if clients[i] = inside(order.IntN(c.clients)); i%c.row != 0 {
					clients[i] = clients[i-1]
				}
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				f.Record.Src = clients[i%len(clients)]
				table.Flow(f, false)
				i++
			}
		})
	}
}
