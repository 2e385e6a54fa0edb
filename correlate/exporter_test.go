package correlate

import (
	"fmt"
	"net/netip"
	"testing"

	"flowname/flows"
)

// hosted is a flow whose record carries the server's name.
func hosted(r flows.Record, name string) flows.Record {
	r.HostName = name
	return r
}

func reply(r flows.Record) flows.Record {
	r.Src, r.Dst, r.SrcPort, r.DstPort = r.Dst, r.Src, r.DstPort, r.SrcPort
	return r
}

func TestExportersName(t *testing.T) {
	for _, c := range []struct {
		name    string
		answers func(*world)
		flow    flows.Record
		want    string
	}{
		{"alone", func(*world) {}, hosted(flow(alice, server, 0), "a.example"), "a.example exporter"},
		{"before the client's answers", func(w *world) {
			w.answer(alice, "b.example", server, 0, 300)
		}, hosted(flow(alice, server, second), "a.example"), "a.example exporter [a.example exporter] [b.example client]"},
		{"with the time of the answer that has it", func(w *world) {
			w.answer(alice, "a.example", server, 0, 300)
			w.answer(alice, "b.example", server, second, 300)
		}, hosted(flow(alice, server, 2*second), "a.example"), "a.example exporter 2000 [a.example exporter] [b.example client]"},
		{"where others' answers are ambiguous", func(w *world) {
			w.answer(bob, "b.example", server, 0, 300)
			w.answer(carol, "c.example", server, 0, 300)
		}, hosted(flow(alice, server, second), "a.example"), "a.example exporter [a.example exporter] [b.example others] [c.example others]"},
		{"at the server's end of a reply", func(*world) {}, hosted(reply(flow(alice, server, 0)), "a.example"), "- src a.example exporter"},
		{"at the end that did not begin", func(*world) {}, func() flows.Record {
			r := hosted(flow(alice, server, 0), "a.example")
			r.SrcPort, r.DstPort, r.BiflowDirection = 80, 443, 2
			return r
		}(), "- src a.example exporter"},
		{"among as many as there may be", func(w *world) {
			for i := range int64(MaxCandidates) {
				w.answer(alice, fmt.Sprintf("%d.example", i), server, i*second*10, 300)
			}
		}, hosted(flow(alice, server, 100*second), "a.example"),
			"a.example exporter [a.example exporter] [7.example client] [6.example client] [5.example client] [4.example client] [3.example client] [2.example client] [1.example client]"},
	} {
		w := newWorld(t, Config{})
		c.answers(w)
		w.join(c.name, 100*second, []flows.Record{c.flow}, c.want)
		if w.Stats().Named[Exporter].Flows != 1 {
			t.Errorf("%s: not counted: %+v", c.name, w.Stats())
		}
	}
}

// TestExportersNameStays gives it to what follows of a connection, and the
// record's own name before that.
func TestExportersNameStays(t *testing.T) {
	w := newWorld(t, Config{})
	w.answer(alice, "dns.example", server, -second, 300)
	first := flow(alice, server, 0)
	later := flow(alice, server, 60*second)
	later.TCPFlags = flows.TCPAck
	w.join("first slice, by DNS", 0, []flows.Record{first}, "dns.example client 1000")
	w.join("second slice, told", 60*second, []flows.Record{hosted(later, "a.example")}, "a.example exporter [a.example exporter] [dns.example client]")
	w.join("the way back", 60*second, []flows.Record{reply(later)}, "- src a.example exporter [a.example exporter] [dns.example client]")
	w.join("third slice", 90*second, []flows.Record{later}, "a.example exporter [a.example exporter] [dns.example client]")
	w.join("told otherwise", 90*second, []flows.Record{hosted(later, "b.example")}, "b.example exporter [b.example exporter] [a.example exporter] [dns.example client]")
}

// TestExportersNameDoesNotWait: nothing better can come.
func TestExportersNameDoesNotWait(t *testing.T) {
	w := newWorld(t, Config{Wait: 2 * 1e9})
	w.join("told", 0, []flows.Record{hosted(flow(alice, server, 0), "a.example")}, "a.example exporter")
}

func TestToldIsBounded(t *testing.T) {
	var names told
	for i := range uint32(5 * maxTold) {
		names.add(i+1, fmt.Sprint(i+1))
		if len(names.young)+len(names.old) > 2*maxTold {
			t.Fatal("too many are known")
		}
	}
	for _, hash := range []uint32{5 * maxTold, 4*maxTold + 1} {
		if got := names.find(hash); got != fmt.Sprint(hash) {
			t.Errorf("%d is %q", hash, got)
		}
	}
	if names.find(1) != "" {
		t.Error("the first is still known")
	}
}

// TestTranslatedEnds has a client and a server behind NAT, as the exporters of
// both habits tell it.
func TestTranslatedEnds(t *testing.T) {
	outside := netip.MustParseAddr("203.0.113.7") // alice's address on the Internet
	with := func(r flows.Record, src, dst netip.Addr) flows.Record {
		r.XlateSrc, r.XlateDst = src, dst
		return r
	}
	none := netip.Addr{}
	dnat := netip.MustParseAddr("10.9.9.9") // the server's own address, behind its public one
	for _, c := range []struct {
		name string
		flow flows.Record
		want string
	}{
		{"on the way out", with(flow(alice, server, second), outside, none), "a.example client 1000"},
		{"on the way out, from outside", with(flow(outside, server, second), alice, none), "a.example client 1000"},
		{"on the way back, from outside", with(reply(flow(outside, server, second)), none, alice), "- src a.example client 1000"},
		{"on the way back, from inside", with(reply(flow(alice, server, second)), none, outside), "- src a.example client 1000"},
		{"to a translated server", with(flow(alice, server, second), none, dnat), "a.example client 1000"},
		{"back from a translated server", with(reply(flow(alice, dnat, second)), server, none), "- src a.example client 1000"},
		{"nobody's answer", with(flow(bob, dnat, second), outside, none), "- no_answer"},
	} {
		w := newWorld(t, Config{})
		w.answer(alice, "a.example", server, 0, 300)
		w.answer(bob, "b.example", carol, 0, 300)
		w.join(c.name, second, []flows.Record{c.flow}, c.want)
	}
	w := newWorld(t, Config{})
	w.answer(alice, "x.example", carol, 0, 300)
	w.join("the client's DNS is seen inside", second, []flows.Record{with(flow(outside, server, second), alice, none)}, "- no_answer")
}
