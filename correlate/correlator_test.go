package correlate

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"flowname/dnscache"
	"flowname/flows"
)

const (
	second = int64(time.Second)
	ms     = int64(time.Millisecond)
	// t0 is the time that all tests count from.
	t0 = 1_700_000_000 * second
)

var (
	alice  = netip.MustParseAddr("10.0.0.1")
	bob    = netip.MustParseAddr("10.0.0.2")
	carol  = netip.MustParseAddr("10.0.0.3")
	server = netip.MustParseAddr("192.0.2.80")
)

// world is a cache that answers are told to, and a correlator over it.
type world struct {
	t     *testing.T
	cache *dnscache.Cache
	*Correlator
	got []string
}

func newWorld(t *testing.T, cfg Config) *world {
	t.Helper()
	cache, err := dnscache.Open(dnscache.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cache.Close(t0) })
	return &world{t: t, cache: cache, Correlator: New(cfg, cache, nil)}
}

// answer tells that client was answered name = addr at a time after t0.
func (w *world) answer(client netip.Addr, name string, addr netip.Addr, atNs int64, ttl uint32) {
	w.cache.File(&dnscache.Response{
		TimeNs: t0 + atNs, Client: client, Source: dnscache.SourcePackets, Name: []byte(name), Type: 1,
		Addrs: []dnscache.Addr{{Addr: addr, TTL: ttl}},
	}, t0)
}

func flow(src, dst netip.Addr, startNs int64) flows.Record {
	return flows.Record{
		Type: flows.IPFIX, Src: src, Dst: dst, SrcPort: 40000, DstPort: 443, Proto: flows.ProtoTCP,
		TCPFlags: flows.TCPSyn | flows.TCPAck, EtherType: flows.EtherTypeIPv4,
		StartNs: t0 + startNs, EndNs: t0 + startNs + second, StartErrorNs: 100 * ms, Bytes: 10,
	}
}

// end describes an end: name, basis, age in ms, then the candidates.
func (e *End) describe(startNs int64) string {
	s := "-"
	if e.Named {
		c := e.Candidates[0]
		s = fmt.Sprintf("%s %s", c.Name, c.Basis)
		if c.HasAge() {
			s += fmt.Sprintf(" %d", (startNs-c.AnsweredNs)/ms)
		}
	}
	if len(e.Candidates) > 1 {
		for _, c := range e.Candidates {
			s += fmt.Sprintf(" [%s %s]", c.Name, c.Basis)
		}
	}
	return s
}

func (w *world) emit(f *Flow) {
	s := f.Dst.describe(f.StartNs)
	if f.Src.Named {
		s += " src " + f.Src.describe(f.StartNs)
	}
	if f.Unnamed != 0 {
		s += " " + f.Unnamed.String()
	}
	w.got = append(w.got, s)
}

// join joins records at a time after t0 and checks what comes out.
func (w *world) join(what string, nowNs int64, records []flows.Record, want ...string) {
	w.t.Helper()
	w.got = nil
	w.Join(records, t0+nowNs, w.emit)
	if !slices.Equal(w.got, want) {
		w.t.Errorf("%s:\n got %q\nwant %q", what, w.got, want)
	}
}

func TestRules(t *testing.T) {
	for _, c := range []struct {
		name    string
		answers func(*world)
		flow    flows.Record
		want    string
	}{
		{"newest answer before the start", func(w *world) {
			w.answer(alice, "old.example", server, 0, 300)
			w.answer(alice, "new.example", server, 60*second, 300)
			w.answer(alice, "next.example", server, 70*second, 300)
		}, flow(alice, server, 65*second), "new.example client 5000 [new.example client] [old.example client] [next.example client_later]"},
		{"nearest within the tolerance", func(w *world) {
			w.answer(alice, "old.example", server, 0, 300)
			w.answer(alice, "new.example", server, 60*second+50*ms, 300)
		}, flow(alice, server, 60*second), "new.example client -50 [new.example client] [old.example client]"},
		{"past TTL and grace", func(w *world) {
			w.answer(alice, "a.example", server, 0, 10)
		}, flow(alice, server, 70*second+ms), "a.example client_expired 70001"},
		{"at TTL and grace", func(w *world) {
			w.answer(alice, "a.example", server, 0, 10)
		}, flow(alice, server, 70*second), "a.example client 70000"},
		{"a TTL that nobody told", func(w *world) {
			w.answer(alice, "a.example", server, 0, dnscache.UnknownTTL)
		}, flow(alice, server, 360*second), "a.example client 360000"},
		{"long after one that nobody told", func(w *world) {
			w.answer(alice, "a.example", server, 0, dnscache.UnknownTTL)
		}, flow(alice, server, 360*second+ms), "a.example client_expired 360001"},
		{"only later", func(w *world) {
			w.answer(alice, "a.example", server, 5*second, 300)
			w.answer(bob, "b.example", server, 0, 300)
		}, flow(alice, server, 0), "a.example client_later -5000"},
		{"others, one name", func(w *world) {
			w.answer(bob, "a.example", server, 0, 300)
			w.answer(carol, "a.example", server, second, 300)
		}, flow(alice, server, 10*second), "a.example others 9000"},
		{"others, several names", func(w *world) {
			w.answer(bob, "a.example", server, 0, 300)
			w.answer(carol, "b.example", server, second, 300)
		}, flow(alice, server, 10*second), "- [b.example others] [a.example others] ambiguous"},
		{"others' later answers do not count", func(w *world) {
			w.answer(bob, "a.example", server, 0, 300)
			w.answer(carol, "b.example", server, 11*second, 300)
		}, flow(alice, server, 10*second), "a.example others 10000"},
		{"client seen, never this address", func(w *world) {
			w.answer(alice, "a.example", carol, 0, 300)
		}, flow(alice, server, 10*second), "- no_answer"},
		{"client never seen", func(w *world) {
			w.answer(bob, "a.example", carol, 0, 300)
		}, flow(alice, server, 10*second), "- client_unseen"},
		{"nothing seen at all", func(*world) {}, flow(alice, server, 0), "- client_unseen"},
		{"flow began before the sensor", func(w *world) {
			w.answer(bob, "a.example", carol, 10*second, 300)
		}, flow(alice, server, 0), "- before_sensor"},
		{"multicast", func(*world) {}, flow(alice, netip.MustParseAddr("224.0.0.251"), 0), "- not_resolvable"},
		{"broadcast", func(*world) {}, flow(alice, netip.MustParseAddr("255.255.255.255"), 0), "- not_resolvable"},
		{"link-local", func(*world) {}, flow(alice, netip.MustParseAddr("fe80::1"), 0), "- not_resolvable"},
		{"null-routed names do not name", func(w *world) {
			w.answer(alice, "a.example", netip.MustParseAddr("0.0.0.0"), 0, 300)
		}, flow(alice, netip.MustParseAddr("0.0.0.0"), second), "- not_resolvable"},
		{"no addresses", func(*world) {}, flows.Record{StartNs: t0}, "- not_resolvable"},
		{"the reply direction", func(w *world) {
			w.answer(alice, "a.example", server, 0, 300)
		}, func() flows.Record {
			r := flow(server, alice, second)
			r.SrcPort, r.DstPort = r.DstPort, r.SrcPort
			return r
		}(), "- src a.example client 1000"},
		{"any-client evidence is others'", func(w *world) {
			w.answer(netip.Addr{}, "a.example", server, 0, 300)
		}, flow(alice, server, second), "a.example others 1000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, Config{})
			c.answers(w)
			w.join(c.name, 100*second, []flows.Record{c.flow}, c.want)
		})
	}
}

func TestFirstNameStaysWithTheConnection(t *testing.T) {
	w := newWorld(t, Config{})
	w.answer(alice, "first.example", server, 0, 300)
	w.join("first slice", 61*second, []flows.Record{flow(alice, server, second)}, "first.example client 1000")

	w.answer(alice, "second.example", server, 30*second, 300)
	slice := flow(alice, server, 61*second)
	slice.TCPFlags = flows.TCPAck
	w.join("second slice", 121*second, []flows.Record{slice}, "first.example client 61000 [first.example client] [second.example client_later]")

	reply := slice
	reply.Src, reply.Dst, reply.SrcPort, reply.DstPort = slice.Dst, slice.Src, slice.DstPort, slice.SrcPort
	w.join("other direction", 121*second, []flows.Record{reply}, "- src first.example client 61000 [first.example client] [second.example client_later]")

	again := flow(alice, server, 70*second)
	w.join("a new SYN", 131*second, []flows.Record{again}, "second.example client 40000 [second.example client] [first.example client]")
}

// Two connections of one 5-tuple that come in one batch are each named as of
// their own start, although names are looked up for the whole batch at once.
func TestTwoConnectionsInOneBatch(t *testing.T) {
	w := newWorld(t, Config{})
	w.answer(alice, "first.example", server, 0, 300)
	w.answer(alice, "second.example", server, 60*second, 300)
	w.join("one 5-tuple", 120*second, []flows.Record{flow(alice, server, second), flow(alice, server, 70*second)},
		"first.example client 1000 [first.example client] [second.example client_later]",
		"second.example client 10000 [second.example client] [first.example client]")
}

func TestSliceAfterTooLongAGapIsAnotherConnection(t *testing.T) {
	w := newWorld(t, Config{})
	w.answer(alice, "first.example", server, 0, 300)
	w.join("first", 2*second, []flows.Record{flow(alice, server, second)}, "first.example client 1000")
	w.answer(alice, "second.example", server, 60*second, 7200)
	late := flow(alice, server, 2*second+maxGapTCP+second)
	late.TCPFlags = flows.TCPAck
	w.join("late", 3600*second, []flows.Record{late}, "second.example client 1743000 [second.example client] [first.example client_expired]")
}

// A connection that began before its client's answer does not get a better
// basis because a later slice of it began after.
func TestLaterSlicesKeepTheConnectionsStart(t *testing.T) {
	w := newWorld(t, Config{})
	w.answer(alice, "other.example", carol, 0, 300)
	w.join("first slice", 61*second, []flows.Record{flow(alice, server, second)}, "- no_answer")
	w.answer(alice, "a.example", server, 30*second, 300)
	slice := flow(alice, server, 61*second)
	slice.TCPFlags = flows.TCPAck
	w.join("second slice", 121*second, []flows.Record{slice}, "a.example client_later 31000")
}

func TestSlicesTellWhenTheirConnectionBegan(t *testing.T) {
	w := newWorld(t, Config{})
	slice := flow(alice, server, 61*second)
	slice.TCPFlags = flows.TCPAck
	var got []int64
	w.Join([]flows.Record{flow(alice, server, second), slice, flow(alice, server, 70*second)}, t0, func(f *Flow) {
		got = append(got, f.BeganNs-t0)
	})
	if want := []int64{second, second, 70 * second}; !slices.Equal(got, want) {
		t.Errorf("the connections began at %d, want %d", got, want)
	}
}

func TestWaitingRoom(t *testing.T) {
	w := newWorld(t, Config{Wait: 2 * time.Second, WaitRoom: 2})
	a, b, c := flow(alice, server, 0), flow(bob, server, 0), flow(carol, server, 0)
	w.answer(carol, "c.example", server, -second, 300)
	w.join("two wait, the one with a name does not", 0, []flows.Record{a, b, c}, "c.example client 1000")
	if got := w.Waiting(); got != 2 {
		t.Fatalf("waiting: got %d, want 2", got)
	}
	w.answer(bob, "b.example", server, -second, 300)
	w.join("not due yet", 2*second-1, nil)
	w.join("due", 2*second, nil, "- [b.example others] [c.example others] ambiguous", "b.example client 1000")
	s := w.Stats()
	if s.Waited != 2 || s.WaitedNamed != 1 || s.WaitRoomFull != 0 {
		t.Errorf("stats: got %+v, want 2 waited, 1 of them named", s)
	}
}

func TestWaitingRoomFull(t *testing.T) {
	w := newWorld(t, Config{Wait: 2 * time.Second, WaitRoom: 2})
	var records []flows.Record
	for i := range 5 {
		r := flow(alice, server, int64(i)*20*second)
		records = append(records, r)
	}
	w.join("three leave early", 100*second, records, "- client_unseen", "- client_unseen", "- client_unseen")
	if s := w.Stats(); s.WaitRoomFull != 3 || s.Total.Flows != 3 {
		t.Errorf("stats: got %d left early of %d, want 3 of 3", s.WaitRoomFull, s.Total.Flows)
	}
	w.got = nil
	w.Drain(w.emit)
	if len(w.got) != 2 {
		t.Errorf("drained %q, want the last two", w.got)
	}
}

func TestUnresolvableDoesNotWait(t *testing.T) {
	w := newWorld(t, Config{Wait: time.Second})
	w.join("multicast", 0, []flows.Record{flow(alice, netip.MustParseAddr("ff02::fb"), 0)}, "- not_resolvable")
}

func TestCandidatesAreBounded(t *testing.T) {
	w := newWorld(t, Config{})
	for i := range int64(30) {
		w.answer(alice, fmt.Sprintf("n%02d.example", i), server, i*second, 300)
	}
	w.Join([]flows.Record{flow(alice, server, 40*second)}, t0+60*second, func(f *Flow) {
		if got := len(f.Dst.Candidates); got != MaxCandidates {
			t.Errorf("candidates: got %d, want %d", got, MaxCandidates)
		}
		if got := f.Dst.Candidates[0].Name; got != "n29.example" {
			t.Errorf("name: got %s, want the newest", got)
		}
	})
}

func TestStatsAddUp(t *testing.T) {
	w := newWorld(t, Config{})
	w.answer(alice, "a.example", server, 0, 300)
	w.Join([]flows.Record{
		flow(alice, server, second),
		flow(bob, server, second),
		flow(bob, carol, second),
		flow(alice, netip.MustParseAddr("224.0.0.1"), second),
	}, t0+10*second, func(*Flow) {})
	s := w.Stats()
	var sum Tally
	for _, b := range Bases() {
		sum.sum(s.Named[b])
	}
	for _, r := range Reasons() {
		sum.sum(s.Unnamed[r])
	}
	if sum != s.Total || s.Total != (Tally{4, 40}) {
		t.Errorf("by basis and reason %+v, total %+v, want 4 flows of 40 bytes", sum, s.Total)
	}
	if s.Named[Client].Flows != 1 || s.Named[Others].Flows != 1 || s.Unnamed[ClientUnseen].Flows != 1 || s.Unnamed[NotResolvable].Flows != 1 {
		t.Errorf("got %+v", s)
	}
}
