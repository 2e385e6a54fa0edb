package watch

import (
	"fmt"
	"net/netip"
	"testing"

	"flowname/cmd/flowname/exports/exportstest"
	"flowname/correlate"
	"flowname/correlate/export"
	"flowname/dnscache"
	"flowname/flows"
	"flowname/flows/netflow"
	"flowname/geo"
)

// A flowPath is the path of a flow without its sockets and channels.
type flowPath struct {
	decoder    *netflow.Decoder
	correlator *correlate.Correlator
	lookout    *Lookout // nil: nothing looks at the flows
	records    []flows.Record
	lines      []byte
	encoder    export.Encoder
	named      int
}

// Shape of the world of newFlowPath: each client knows addressesPerClient
// servers; serversPerName addresses share a name.
const (
	addressesPerClient = 20
	serversPerName     = 3
)

// newFlowPath makes a flow path whose cache holds a number of answers.
func newFlowPath(tb testing.TB, answers int) *flowPath {
	tb.Helper()
	return openFlowPath(tb, flowCache(tb, answers), nil)
}

// flowCache is a cache that holds a number of answers.
func flowCache(tb testing.TB, answers int) *dnscache.Cache {
	tb.Helper()
	cache, err := dnscache.Open(dnscache.Config{MaxVersions: max(2*answers, 1<<20)})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { cache.Close(exportstest.Start * 1e9) })
	r := dnscache.Response{TimeNs: (exportstest.Start - 10) * 1e9, Source: dnscache.SourcePackets, Type: 1, Addrs: make([]dnscache.Addr, 1)}
	for i := range uint32(answers) {
		fillAnswer(&r, i)
		cache.File(&r, exportstest.Start*1e9)
	}
	return cache
}

// fillAnswer makes r the answer of that number.
func fillAnswer(r *dnscache.Response, number uint32) {
	r.Client = exportstest.Client(number / addressesPerClient)
	server := serverOf(number)
	r.Name = fmt.Appendf(r.Name[:0], "host%d.service%d.example", server/serversPerName, server%100)
	r.Addrs[0] = dnscache.Addr{Addr: exportstest.Server(server), TTL: 300}
}

// openFlowPath is one of several paths that share a cache; a lookout, if there is one,
// looks at its flows.
func openFlowPath(tb testing.TB, cache *dnscache.Cache, l *Lookout) *flowPath {
	tb.Helper()
	places, err := geo.New("../demo/asn.mmdb", "../demo/city.mmdb")
	if err != nil {
		tb.Fatal(err)
	}
	cfg := correlate.Config{FixClocks: true}
	if l != nil {
		cfg.Ahead = l.Ahead
	}
	return &flowPath{
		decoder:    netflow.NewDecoder(netflow.Config{}),
		correlator: correlate.New(cfg, cache, places.NewCursor()),
		lookout:    l,
		records:    make([]flows.Record, 0, 512),
		lines:      make([]byte, 0, 1<<20),
	}
}

// serverOf is the server of an answer: a fixed scatter over a fifth as many.
func serverOf(answer uint32) uint32 { return answer * 2654435761 >> 12 }

func (p *flowPath) datagram(tb testing.TB, msg []byte) { p.burst(tb, msg) }

// burst takes datagrams that were read together.
func (p *flowPath) burst(tb testing.TB, msgs ...[]byte) {
	from := netip.MustParseAddrPort("192.0.2.1:2055")
	p.records = p.records[:0]
	for _, msg := range msgs {
		var err error
		if p.records, err = p.decoder.AppendRecords(p.records, msg, from, (exportstest.Start+61)*1e9); err != nil {
			tb.Fatal(err)
		}
	}
	p.lines = p.lines[:0]
	p.correlator.Join(p.records, (exportstest.Start+61)*1e9, p.emit)
}

func (p *flowPath) emit(f *correlate.Flow) {
	if f.Dst.Basis() == correlate.Client {
		p.named++
	}
	if p.lookout != nil {
		p.lookout.Flow(f)
	}
	p.lines = p.encoder.AppendJSON(p.lines, f)
}

// flowsEach is how many flows testDatagrams puts into a datagram: what a packet
// of 1500 bytes holds.
const flowsEach = 18

// testDatagrams are messages of flows that the cache of so many answers names.
func testDatagrams(answers, n int) [][]byte {
	msgs := make([][]byte, n)
	at := uint32(0)
	for i := range msgs {
		var clients, servers []uint32
		for range flowsEach {
			at = (at + 7919) % uint32(answers)
			clients = append(clients, at/addressesPerClient)
			servers = append(servers, serverOf(at))
		}
		msgs[i] = exportstest.Data(clients, servers)
	}
	return msgs
}

func TestFlowPathAllocatesNothing(t *testing.T) {
	p := newFlowPath(t, 1000)
	p.datagram(t, exportstest.Template())
	msgs := testDatagrams(1000, 20)
	for _, m := range msgs { // connections are remembered from here on
		p.datagram(t, m)
	}
	if p.named != 18*len(msgs) {
		t.Fatalf("named %d of %d flows by their clients' answers", p.named, 18*len(msgs))
	}
	i := 0
	if n := testing.AllocsPerRun(1000, func() { p.datagram(t, msgs[i%len(msgs)]); i++ }); n != 0 {
		t.Errorf("from datagram to JSON lines: %v allocations for 18 flows, want 0", n)
	}
}
