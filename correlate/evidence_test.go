package correlate

import (
	"net/netip"
	"strings"
	"testing"

	"flowname/dnscache"
	"flowname/flows"
)

// asks tells that client asked for a name at a time after t0, by a source that
// can not tell the answer.
func (w *world) asks(client netip.Addr, name string, atNs int64) {
	w.cache.File(&dnscache.Response{
		TimeNs: t0 + atNs, Client: client, Source: dnscache.SourceBIND, Name: []byte(name), Type: 1, QuestionOnly: true,
	}, t0)
}

// told tells that somebody saw the connection of flow(client, server, ...) made
// at a time after t0.
func (w *world) told(source dnscache.Source, client netip.Addr, name string, server netip.Addr, atNs int64) {
	w.cache.FileConnection(&dnscache.Connection{
		TimeNs: t0 + atNs, Source: source, Client: client, Server: server,
		ClientPort: 40000, ServerPort: 443, Proto: flows.ProtoTCP, Name: []byte(name),
	}, t0)
}

// TestRanks has evidence of each rank against that of each other, in the most
// misleading order of time: what is farther is newer.
func TestRanks(t *testing.T) {
	ranks := []struct {
		basis Basis
		tell  func(*world, *flows.Record)
	}{
		{Exporter, func(_ *world, r *flows.Record) { r.HostName = "exporter.example" }},
		{TLS, func(w *world, _ *flows.Record) {
			w.told(dnscache.SourceZeekSSL, alice, "tls.example", server, 100*second)
		}},
		{Endpoint, func(w *world, _ *flows.Record) {
			w.told(dnscache.SourceCarbonBlackEDR, alice, "endpoint.example", server, 101*second)
		}},
		{Client, func(w *world, _ *flows.Record) { w.answer(alice, "client.example", server, 95*second, 300) }},
		{ClientQuery, func(w *world, _ *flows.Record) {
			w.answer(bob, "asked.example", server, 90*second, 60)
			w.asks(alice, "asked.example", 96*second)
		}},
		{ClientExpired, func(w *world, _ *flows.Record) { w.answer(alice, "expired.example", server, 20*second, 10) }},
		{ClientLater, func(w *world, _ *flows.Record) { w.answer(alice, "later.example", server, 110*second, 300) }},
		{Others, func(w *world, _ *flows.Record) { w.answer(carol, "others.example", server, 99*second, 300) }},
	}
	for i, near := range ranks {
		for _, far := range ranks[i+1:] {
			w := newWorld(t, Config{})
			record := flow(alice, server, 100*second)
			far.tell(w, &record)
			near.tell(w, &record)
			w.Join([]flows.Record{record}, t0+200*second, func(f *Flow) {
				got := f.Dst.describe(f.StartNs)
				if f.Dst.Basis() != near.basis || f.Basis() != near.basis {
					t.Errorf("%s against %s: got %s", near.basis, far.basis, got)
				}
				// What others had is not listed behind what the client had itself.
				listed := len(f.Dst.Candidates) == 2 && f.Dst.Candidates[1].Basis == far.basis
				own := near.basis >= Client && far.basis == Others
				if listed == own {
					t.Errorf("%s against %s: got %s, listed %t, want %t", near.basis, far.basis, got, listed, !own)
				}
			})
		}
	}
}

// questionCases are evidence and the names that it gives a flow.
var questionCases = []struct {
	name string
	tell func(*world)
	flow flows.Record
	want string
}{
	{"answered to another client before", func(w *world) {
		w.answer(bob, "a.example", server, 0, 300)
		w.asks(alice, "a.example", 10*second)
	}, flow(alice, server, 11*second), "a.example client_query 1000"},
	{"answered to nobody in particular", func(w *world) {
		w.answer(netip.Addr{}, "a.example", server, 0, 300)
		w.asks(alice, "a.example", 10*second)
	}, flow(alice, server, 11*second), "a.example client_query 1000"},
	{"answered a little after", func(w *world) {
		w.asks(alice, "a.example", 10*second)
		w.answer(bob, "a.example", server, 70*second, 300)
	}, flow(alice, server, 11*second), "a.example client_query 1000"},
	{"answered too long after", func(w *world) {
		w.asks(alice, "a.example", 10*second)
		w.answer(bob, "a.example", server, 70*second+ms, 300)
		w.answer(carol, "b.example", server, 70*second, 300)
	}, flow(alice, server, 90*second), "- [a.example others] [b.example others] ambiguous"},
	{"answered as long before as may be", func(w *world) {
		w.answer(bob, "a.example", server, 0, 60)
		w.answer(bob, "b.example", server, second, 60)
		w.asks(alice, "a.example", 360*second)
	}, flow(alice, server, 361*second), "a.example client_query 1000"},
	{"answered too long before", func(w *world) {
		w.answer(bob, "a.example", server, 0, 60)
		w.answer(bob, "b.example", server, second, 60)
		w.asks(alice, "a.example", 360*second+ms)
	}, flow(alice, server, 361*second), "- [b.example others] [a.example others] ambiguous"},
	{"the answer that is near is not the newest", func(w *world) {
		w.answer(bob, "a.example", server, 0, 60)
		w.asks(alice, "a.example", 10*second)
		w.answer(bob, "a.example", server, 5000*second, 7200)
	}, flow(alice, server, 5001*second), "a.example client_expired 4991000"},
	{"past the TTL of the answer and grace", func(w *world) {
		w.answer(bob, "a.example", server, 0, 60)
		w.asks(alice, "a.example", second)
	}, flow(alice, server, 121*second+ms), "a.example client_expired 120001"},
	{"at them", func(w *world) {
		w.answer(bob, "a.example", server, 0, 60)
		w.asks(alice, "a.example", second)
	}, flow(alice, server, 121*second), "a.example client_query 120000"},
	{"two names, nearest question first", func(w *world) {
		w.answer(bob, "a.example", server, 0, 300)
		w.answer(bob, "b.example", server, 5*second, 300)
		w.answer(bob, "c.example", server, 6*second, 300)
		w.asks(alice, "b.example", 10*second)
		w.asks(alice, "a.example", 12*second)
	}, flow(alice, server, 20*second), "a.example client_query 8000 [a.example client_query] [b.example client_query]"},
	{"asked only after the flow began", func(w *world) {
		w.answer(bob, "a.example", server, 0, 300)
		w.answer(bob, "b.example", server, second, 300)
		w.asks(alice, "a.example", 10*second)
	}, flow(alice, server, 9*second), "- [b.example others] [a.example others] ambiguous"},
	{"somebody else asked", func(w *world) {
		w.answer(bob, "a.example", server, 0, 300)
		w.answer(bob, "b.example", server, second, 300)
		w.asks(carol, "a.example", 2*second)
	}, flow(alice, server, 9*second), "- [b.example others] [a.example others] ambiguous"},
	{"never the address's name", func(w *world) {
		w.answer(bob, "a.example", bob, 0, 300)
		w.asks(alice, "a.example", second)
	}, flow(alice, server, 2*second), "- no_answer"},
	{"asked again after its own answer expired", func(w *world) {
		w.answer(alice, "a.example", server, 0, 10)
		w.asks(alice, "a.example", 99*second)
	}, flow(alice, server, 100*second), "a.example client_query 1000"},
	{"its own answer tells as much", func(w *world) {
		w.asks(alice, "a.example", 0)
		w.answer(alice, "a.example", server, 1, 10)
	}, flow(alice, server, second), "a.example client 999"},
	{"the reply direction", func(w *world) {
		w.answer(bob, "a.example", server, 0, 300)
		w.asks(alice, "a.example", 0)
	}, reply(flow(alice, server, second)), "- src a.example client_query 1000"},
}

func TestQuestions(t *testing.T) {
	for _, c := range questionCases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, Config{})
			c.tell(w)
			w.join(c.name, 6000*second, []flows.Record{c.flow}, c.want)
		})
	}
}

// TestQuestionsBehindNAT: the inside knows who asked.
func TestQuestionsBehindNAT(t *testing.T) {
	outside := netip.MustParseAddr("203.0.113.7")
	w := newWorld(t, Config{})
	w.answer(bob, "a.example", server, 0, 300)
	w.asks(alice, "a.example", 0)
	r := flow(outside, server, second)
	r.XlateSrc = alice
	w.join("from outside", second, []flows.Record{r}, "a.example client_query 1000")
}

func TestConnectionsThatWereSeen(t *testing.T) {
	zeek, edr := dnscache.SourceZeekSSL, dnscache.SourceCarbonBlackEDR
	noPorts := func(w *world, client netip.Addr, name string, atNs int64) {
		w.cache.FileConnection(&dnscache.Connection{
			TimeNs: t0 + atNs, Source: edr, Client: client, Server: server, Name: []byte(name),
		}, t0)
	}
	otherPort := flow(alice, server, 0)
	otherPort.SrcPort++
	udp := flow(alice, server, 0)
	udp.Proto = flows.ProtoUDP
	for _, c := range []struct {
		name string
		tell func(*world)
		flow flows.Record
		want string
	}{
		{"its own", func(w *world) { w.told(zeek, alice, "a.example", server, 0) }, flow(alice, server, 0), "a.example tls 0"},
		{"the way back", func(w *world) { w.told(zeek, alice, "a.example", server, 0) }, reply(flow(alice, server, 0)), "- src a.example tls 0"},
		{"of another port it is what others tell", func(w *world) { w.told(edr, alice, "a.example", server, 0) }, otherPort, "a.example others 0"},
		{"of another protocol too", func(w *world) { w.told(edr, alice, "a.example", server, 0) }, udp, "a.example others 0"},
		{"for another client too", func(w *world) { w.told(edr, alice, "a.example", server, 0) }, flow(bob, server, second), "a.example others 1000"},
		{"without ports it is of all", func(w *world) { noPorts(w, alice, "a.example", 0) }, otherPort, "a.example endpoint 0"},
		{"without ports, 10 s before", func(w *world) { noPorts(w, alice, "a.example", 0) }, flow(alice, server, 10*second), "a.example endpoint 10000"},
		{"without ports, longer before", func(w *world) { noPorts(w, alice, "a.example", 0) }, flow(alice, server, 11*second), "a.example others 11000"},
		{"10 s after the start", func(w *world) { w.told(edr, alice, "a.example", server, 10*second) }, flow(alice, server, 0), "a.example endpoint -10000"},
		{"longer after", func(w *world) { w.told(edr, alice, "a.example", server, 11*second) }, flow(alice, server, 0), "- before_sensor"},
		{"half an hour before", func(w *world) { w.told(edr, alice, "a.example", server, 0) }, flow(alice, server, 1800*second), "a.example endpoint 1800000"},
		{"longer before", func(w *world) { w.told(edr, alice, "a.example", server, 0) }, flow(alice, server, 1801*second), "a.example others 1801000"},
		{"the nearest of a port that is used again", func(w *world) {
			w.told(edr, alice, "a.example", server, 0)
			w.told(edr, alice, "b.example", server, 60*second)
			w.told(edr, alice, "c.example", server, 120*second)
		}, flow(alice, server, 61*second), "b.example endpoint 1000 [b.example endpoint] [a.example endpoint]"},
		{"a conflict with DNS is shown", func(w *world) {
			w.answer(alice, "dns.example", server, 0, 300)
			w.told(edr, alice, "a.example", server, second)
		}, flow(alice, server, second), "a.example endpoint 0 [a.example endpoint] [dns.example client]"},
		{"and so are those with each other", func(w *world) {
			w.told(edr, alice, "agent.example", server, second)
			w.told(zeek, alice, "sni.example", server, 2*second)
		}, flow(alice, server, second), "sni.example tls -1000 [sni.example tls] [agent.example endpoint]"},
		{"before several of others", func(w *world) {
			w.answer(bob, "b.example", server, 0, 300)
			w.answer(bob, "c.example", server, second, 300)
			w.told(edr, alice, "a.example", server, 2*second)
		}, flow(alice, server, 2*second), "a.example endpoint 0 [a.example endpoint] [c.example others] [b.example others]"},
		{"the same name as DNS", func(w *world) {
			w.answer(alice, "a.example", server, 0, 300)
			w.told(edr, alice, "a.example", server, second)
		}, flow(alice, server, 2*second), "a.example endpoint 1000"},
		{"an address written out is no name", func(w *world) {
			w.answer(alice, "a.example", server, 0, 300)
			w.told(zeek, alice, "192.0.2.80", server, second)
		}, flow(alice, server, second), "a.example client 1000"},
		{"a masked client's is another's", func(w *world) {
			w.told(zeek, netip.MustParseAddr("10.0.0.0"), "a.example", server, 0)
		}, flow(alice, server, second), "a.example others 1000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, Config{})
			c.tell(w)
			w.join(c.name, 6000*second, []flows.Record{c.flow}, c.want)
		})
	}
}

// TestSeenConnectionStays: what is told late is told of the whole connection.
func TestSeenConnectionStays(t *testing.T) {
	w := newWorld(t, Config{})
	w.answer(alice, "dns.example", server, -second, 300)
	first := flow(alice, server, 0)
	later := flow(alice, server, 60*second)
	later.TCPFlags = flows.TCPAck
	w.join("first slice, by DNS", 0, []flows.Record{first}, "dns.example client 1000")
	w.told(dnscache.SourceZeekSSL, alice, "sni.example", server, 0)
	w.join("second slice", 60*second, []flows.Record{later}, "sni.example tls 60000 [sni.example tls] [dns.example client]")
	w.join("the exporter told", 60*second, []flows.Record{hosted(later, "host.example")},
		"host.example exporter [host.example exporter] [sni.example tls] [dns.example client]")
	w.join("and what it told stays", 90*second, []flows.Record{later},
		"host.example exporter [host.example exporter] [sni.example tls] [dns.example client]")
}

func TestPrograms(t *testing.T) {
	w := newWorld(t, Config{})
	file := func(inbound bool, name, path, host string, pid uint32) {
		w.cache.FileConnection(&dnscache.Connection{
			TimeNs: t0, Source: dnscache.SourceCarbonBlackEDR, Client: alice, Server: server,
			ClientPort: 40000, ServerPort: 443, Proto: flows.ProtoTCP, Name: []byte(name), Inbound: inbound,
			Process: dnscache.Process{Path: []byte(path), PID: pid, Host: []byte(host)},
		}, t0)
	}
	long := strings.Repeat("ä/", 1000) + "prog.exe"
	file(false, "a.example", "/bin/\xff\x00\"curl", "pc\x1f1", 7)
	file(true, "", long, "srv", 1<<32-1)
	w.Join([]flows.Record{flow(alice, server, 0), reply(flow(alice, server, 0))}, t0, func(f *Flow) {
		client, srv := &f.Src, &f.Dst
		if f.Src.Named {
			client, srv = srv, client
		}
		want := dnscache.Program{Path: "/bin/\ufffd\ufffd\"curl", Host: "pc\ufffd1", PID: 7}
		if client.Program != want {
			t.Errorf("client: got %+v, want %+v", client.Program, want)
		}
		p := srv.Program
		if p.Host != "srv" || p.PID != 1<<32-1 || !strings.HasPrefix(p.Path, "…") || !strings.HasSuffix(p.Path, "ä/prog.exe") || len(p.Path) > 1000 {
			t.Errorf("server: got %+v", p)
		}
		if got := srv.describe(f.StartNs); got != "a.example endpoint 0" {
			t.Errorf("got %s", got)
		}
	})
	other := flow(alice, server, 0)
	other.SrcPort++
	w.Join([]flows.Record{other}, t0, func(f *Flow) {
		if f.Src.Program != (dnscache.Program{}) || f.Dst.Program != (dnscache.Program{}) {
			t.Errorf("another connection: got %+v and %+v", f.Src.Program, f.Dst.Program)
		}
	})
}

// TestTranslatedConnections has the agent inside of a NAT and the exporter
// outside.
func TestTranslatedConnections(t *testing.T) {
	w := newWorld(t, Config{})
	w.told(dnscache.SourceCarbonBlackEDR, alice, "a.example", server, 0)
	r := flow(netip.MustParseAddr("203.0.113.7"), server, 0)
	r.SrcPort, r.XlateSrc, r.XlateSrcPort = 1024, alice, 40000
	w.join("out", 0, []flows.Record{r}, "a.example endpoint 0")
	back := reply(r)
	back.XlateSrc, back.XlateSrcPort, back.XlateDst, back.XlateDstPort = netip.Addr{}, 0, alice, 40000
	w.join("back", 0, []flows.Record{back}, "- src a.example endpoint 0")
}

func TestEvidenceAllocatesNothing(t *testing.T) {
	w := newWorld(t, Config{})
	w.answer(bob, "b.example", server, 0, 300)
	w.answer(bob, "a.example", server, second, 300)
	w.asks(alice, "b.example", second)
	w.told(dnscache.SourceZeekSSL, alice, "sni.example", server, second)
	records := []flows.Record{flow(alice, server, second)}
	emit := func(f *Flow) {
		if len(f.Dst.Candidates) != 2 {
			t.Fatal(f.Dst.describe(f.StartNs))
		}
	}
	if n := testing.AllocsPerRun(1000, func() { w.Join(records, t0, emit) }); n != 0 {
		t.Errorf("%v allocations a flow, want 0", n)
	}
}
