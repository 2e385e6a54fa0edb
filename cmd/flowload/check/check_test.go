package check

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"flowname/cmd/flowload/world"
	"flowname/flows"
)

func mustWorld(t testing.TB) *world.World {
	t.Helper()
	c := world.Default()
	c.Clients, c.Answers, c.Flows, c.Other, c.IPv6 = 100, 2000, 1000, 40, 30
	w, err := world.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// line is what a collector that is right says of a flow, by encoding/json.
func line(t testing.TB, w *world.World, f *world.Flow) map[string]any {
	t.Helper()
	proto := "TCP"
	if f.Proto == flows.ProtoUDP {
		proto = "UDP"
	}
	m := map[string]any{
		"type": "IPFIX", "bytes": f.Bytes, "packets": f.Packets, "proto": proto, "tcp_flags": f.TCPFlags,
		"time_flow_start_ns": f.StartNs, "time_flow_end_ns": f.EndNs,
		"src_addr": f.Src().Addr(), "dst_addr": f.Dst().Addr(), "src_port": f.Src().Port(), "dst_port": f.Dst().Port(),
		"dst_names": []map[string]any{{"name": "}],\"x"}, {"name": "y"}}, "dst_lat": -1.5,
	}
	server := "dst_"
	if f.Reply {
		server = "src_"
	}
	if f.Want.Reason != 0 {
		m["unnamed"] = f.Want.Reason.String()
	} else {
		m[server+"name"], m[server+"name_basis"] = string(f.Want.Name(nil)), f.Want.Basis.String()
		m[server+"name_age_ms"] = (f.StartNs - f.Want.AnsweredNs) / 1e6
		if c := f.Want.Canonical(nil); len(c) > 0 {
			m[server+"name_canonical"] = string(c)
		}
	}
	for end, a := range map[string]netip.Addr{"src_": f.Src().Addr(), "dst_": f.Dst().Addr()} {
		if p := w.PlaceOf(a); p.ASN != 0 {
			m[end+"asn"], m[end+"as_org"], m[end+"country"] = p.ASN, string(p.AppendOrg(nil)), p.Country
			if p.City != "" {
				m[end+"city"] = p.City
			}
		}
	}
	return m
}

func encode(t testing.TB, m map[string]any) []byte {
	t.Helper()
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return append(b, '\n')
}

func TestRightLinesPass(t *testing.T) {
	w := mustWorld(t)
	c := New(w, true)
	var all strings.Builder
	for i := range w.Config().Flows {
		f := w.Flow(i)
		all.Write(encode(t, line(t, w, &f)))
	}
	if err := c.Read(strings.NewReader(all.String())); err != nil {
		t.Fatal(err)
	}
	a := c.Account()
	if !a.OK(0) || a.Lines != 1000 || a.Right != 1000 || a.Named == 0 || a.Named == a.Right {
		t.Errorf("got %+v", a)
	}
}

// flowOf finds a flow that is as wanted.
func flowOf(t *testing.T, w *world.World, good func(*world.Flow) bool) world.Flow {
	t.Helper()
	for i := range w.Config().Flows {
		if f := w.Flow(i); good(&f) {
			return f
		}
	}
	t.Fatal("no such flow")
	return world.Flow{}
}

func TestFaultsAreFound(t *testing.T) {
	w := mustWorld(t)
	named := flowOf(t, w, func(f *world.Flow) bool { return f.Want.AnsweredNs != 0 && !f.Reply && f.Proto == flows.ProtoTCP })
	reply := flowOf(t, w, func(f *world.Flow) bool { return f.Want.AnsweredNs != 0 && f.Reply })
	unnamed := flowOf(t, w, func(f *world.Flow) bool { return f.Want.Reason != 0 && !f.Reply })
	for _, c := range []struct {
		flow  world.Flow
		key   string
		value any // nil: the key is left out
	}{
		{named, "dst_name", "other.example"},
		{named, "dst_name", nil},
		{named, "dst_name_basis", "others"},
		{named, "dst_name_age_ms", 0},
		{named, "dst_name_age_ms", nil},
		{named, "dst_name_canonical", "x.example"},
		{named, "src_name", "x.example"},
		{named, "unnamed", "no_answer"},
		{named, "src_addr", "10.9.9.9"},
		{named, "dst_addr", "10.9.9.9"},
		{named, "src_port", 1},
		{named, "dst_port", nil},
		{named, "packets", 999},
		{named, "proto", "UDP"},
		{named, "tcp_flags", 1},
		{named, "type", "SFLOW_9"},
		{named, "time_flow_start_ns", named.StartNs + 1},
		{named, "time_flow_end_ns", named.EndNs - 1},
		{named, "dst_asn", 1},
		{named, "dst_as_org", nil},
		{named, "src_country", "XX"},
		{named, "src_city", "Nowhere"},
		{reply, "src_name", "other.example"},
		{reply, "dst_name", "other.example"},
		{unnamed, "unnamed", nil},
		{unnamed, "unnamed", "else"},
		{unnamed, "dst_name", "guess.example"},
	} {
		checker := New(w, true)
		m := line(t, w, &c.flow)
		m[c.key] = c.value
		if c.value == nil {
			delete(m, c.key)
		}
		checker.Line(encode(t, m))
		a := checker.Account()
		if a.Wrong != 1 || a.Right != 0 || a.OK(1e6) || !strings.Contains(strings.Join(a.Faults, ""), c.key) {
			t.Errorf("%s = %v: got %+v, want it found", c.key, c.value, a)
		}
	}
}

func TestForeignTwiceAndMissing(t *testing.T) {
	w := mustWorld(t)
	c := New(w, true)
	f := w.Flow(7)
	good := encode(t, line(t, w, &f))
	for _, b := range [][]byte{good, good, []byte("\n"), []byte("{}\n"), []byte(`{"bytes":5}`), []byte(`{"bytes":99999999}`), good[:50]} {
		c.Line(b)
	}
	a := c.Account()
	if a.Lines != 7 || a.Right != 1 || a.Twice != 1 || a.Foreign != 5 || a.Missing != 999 || a.OK(1e6) {
		t.Errorf("got %+v", a)
	}
	if len(a.Faults) != 6 {
		t.Errorf("got faults %q, want 6", a.Faults)
	}
	one := New(w, true)
	one.Line(good)
	if a := one.Account(); !a.OK(999) || a.OK(998) {
		t.Errorf("one of 1000: got %+v", a)
	}
}

// NetFlow v5 has no flows of IPv6 to miss, and times to the millisecond.
func TestV5(t *testing.T) {
	w := mustWorld(t)
	c := New(w, true)
	for i := range w.Config().Flows {
		f := w.Flow(i)
		if f.Client.Addr().Is6() {
			continue
		}
		m := line(t, w, &f)
		m["type"] = "NETFLOW_V5"
		m["time_flow_start_ns"] = f.StartNs + 999_999
		c.Line(encode(t, m))
	}
	if a := c.Account(); !a.OK(0) || a.Right == 0 || a.Right == 1000 {
		t.Errorf("got %+v", a)
	}
}

// scan finds what encoding/json finds, and refuses what is no object.
func FuzzScan(f *testing.F) {
	for _, s := range []string{
		"{}", "", "{", `{"a":1}`, `{"type":"x","bytes":12,"dst_names":[{"name":"]"}],"unnamed":"\"}"}` + "\n",
		`{"type":{"a":[1,{"b":"}"}]},"bytes":-5}`, `{"type":}`, `{"type":"a"`, `{"type":1]}`, `{"bytes":1,}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := newScanner()
		err := r.scan(b)
		again := newScanner()
		_ = again.scan([]byte(`{"dst_names":1,"type":"x","bytes":2,"unnamed":3}`)) // keys in another order
		if err2 := again.scan(b); !errors.Is(err2, err) || err == nil && !slices.EqualFunc(r.record[:], again.record[:], bytes.Equal) {
			t.Fatalf("%q: %v and %q, after another line %v and %q", b, err, r.record, err2, again.record)
		}
		var want map[string]json.RawMessage
		if json.Unmarshal(b, &want) != nil || len(want) == 0 || strings.Contains(string(b), `\`) || strings.ContainsAny(string(b), " \t\n\r") {
			return // the scanner takes more than JSON, and no blanks
		}
		if err != nil {
			t.Fatalf("%q: %v", b, err)
		}
		for key, value := range want {
			if id := slices.Index(keyNames[:], key); id >= 0 {
				if got, want := string(r.record[id]), strings.Trim(string(value), `"`); got != want {
					t.Fatalf("%q: %s: got %q, want %q", b, key, got, want)
				}
			}
		}
	})
}

func TestInteger(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "-5": -5, "1795461139726768521": 1795461139726768521, "": -1, "-": -1, "1.5": -1, "x": -1, "99999999999999999999": -1} {
		got, ok := integer([]byte(text))
		if ok != (want != -1) || ok && got != want {
			t.Errorf("integer(%q): got %d, %v, want %d", text, got, ok, want)
		}
	}
}

func TestAllocs(t *testing.T) {
	w := mustWorld(t)
	c := New(w, true)
	var lines [][]byte
	for i := range w.Config().Flows {
		f := w.Flow(i)
		lines = append(lines, encode(t, line(t, w, &f)))
	}
	i := 0
	if n := testing.AllocsPerRun(len(lines)-1, func() { c.Line(lines[i]); i++ }); n != 0 {
		t.Errorf("%v allocations a line, want 0", n)
	}
	if a := c.Account(); !a.OK(0) {
		t.Errorf("got %+v", a)
	}
}

func BenchmarkLine(b *testing.B) {
	w := mustWorld(b)
	var lines [][]byte
	for i := range w.Config().Flows {
		f := w.Flow(i)
		lines = append(lines, encode(b, line(b, w, &f)))
	}
	c := New(w, true)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%len(lines) == 0 {
			clear(c.seen)
		}
		c.Line(lines[i%len(lines)])
	}
	if c.acc.Wrong > 0 {
		b.Fatal(fmt.Sprint(c.acc))
	}
}
