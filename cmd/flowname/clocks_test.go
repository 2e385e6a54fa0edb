package main

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"flowname/cmd/flowload/wire"
	"flowname/cmd/flowload/world"
	"flowname/cmd/flowname/exports/exportstest"
	"flowname/cmd/flowname/ledger"
)

// A clockCase is an exporter whose clock is wrong. It tells of a connection for
// each of some answers, 7 ms after the answer.
type clockCase struct {
	name, from     string
	headers, flows time.Duration // how far these are behind
	first, count   int           // answers
	byHeaders      bool          // too few flows for answers alone
	corrected      time.Duration // what the flows are to be corrected by
	doctor         []string
	*exporter
}

// flow sends the flow that follows an answer.
func (c *clockCase) flow(a *world.Answer) {
	start := time.Unix(0, a.TimeNs).Add(7*time.Millisecond - c.flows)
	c.tell(exportstest.Message(256, exportstest.AppendFlow(nil, a.Client, a.Addr, uint64(start.UnixMilli()))), 1)
}

// tell sends a message with the header's time that the clock has.
func (c *clockCase) tell(msg []byte, records int) {
	c.number(msg, records)
	binary.BigEndian.PutUint32(msg[4:], uint32(time.Now().Add(-c.headers).Unix()))
	if _, err := c.conn.Write(msg); err != nil {
		c.t.Fatal(err)
	}
}

// clockWorld writes answers of the last minutes to a file.
func clockWorld(t *testing.T, answers int) (*world.World, string) {
	t.Helper()
	cfg := world.Default()
	cfg.StartNs = time.Now().Add(-2 * time.Minute).Truncate(time.Millisecond).UnixNano()
	cfg.Clients, cfg.Answers, cfg.Turns, cfg.IPv6 = answers, answers, 1, 0
	w, err := world.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "answers.dnstap")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := wire.WriteDnstap(f, w); err != nil {
		t.Fatal(err)
	}
	return w, path
}

// TestRunFixesClocks has exporters with wrong clocks: one whose messages say so,
// found by few flows, some whose messages are right and whose flows alone show it.
// What they tell then is named as if their clocks were right; a clock that is right
// is left alone.
func TestRunFixesClocks(t *testing.T) {
	const minute = time.Minute
	cases := []*clockCase{
		{name: "behind by headers", from: "127.0.0.2", headers: 10 * minute, flows: 10 * minute, count: 40, byHeaders: true, corrected: 10 * minute,
			doctor: []string{"Its clock is 10m0", "Set it by NTP", "for the join its flows are taken", "later"}},
		{name: "ahead by headers", from: "127.0.0.3", headers: -10 * minute, flows: -10 * minute, count: 40, byHeaders: true, corrected: -10 * minute,
			doctor: []string{"ahead of the collector's", "earlier"}},
		{name: "flows behind", from: "127.0.0.4", flows: 60 * minute, count: 120, corrected: 60 * minute,
			doctor: []string{"before the answers that name them", "time zone"}},
		{name: "flows ahead", from: "127.0.0.5", flows: -3 * minute, count: 120, corrected: -3 * minute,
			doctor: []string{"after the answers that name them"}},
		{name: "right", from: "127.0.0.6", count: 120},
	}
	const more = 50 // flows of each, when its clock is known
	answers := 0
	for _, c := range cases {
		c.first = answers
		answers += c.count + more
	}
	w, path := clockWorld(t, answers)
	c := startCollector(t, t.TempDir(), "--dns", path, "--sockets", "1")
	send := func(e *clockCase, from, to int) {
		for i := from; i < to; i++ {
			a := w.Answer(e.first + i)
			e.flow(&a)
		}
	}
	total := 0
	for _, e := range cases {
		e.exporter = exportTo(t, c.netflow, e.from+":0")
		e.tell(exportstest.Template(), 0)
		send(e, 0, e.count)
		total += e.count
	}
	eventually(t, "the first flows are written", func() bool { return len(lines(t, c.out)) == total })
	for _, e := range cases {
		e.known(c)
		send(e, e.count, e.count+more)
		total += more
	}
	eventually(t, "all flows are written", func() bool { return len(lines(t, c.out)) == total })
	for _, e := range cases {
		e.check(w, lines(t, c.out), more)
	}
	text := askDoctor(t, "--server", c.http)
	for _, e := range cases {
		_, about, _ := strings.Cut(text, "exporter "+e.from+",")
		about, _, _ = strings.Cut(about, "\nexporter ")
		for _, say := range e.doctor {
			if !strings.Contains(about, say) {
				t.Errorf("%s: the doctor does not say %q:\n%s", e.name, say, about)
			}
		}
		if e.corrected == 0 && strings.Contains(strings.ToLower(about), "ntp") {
			t.Errorf("%s: the doctor says:\n%s", e.name, about)
		}
	}
}

// known wants the ledger to know of the correction, and by which measure.
func (c *clockCase) known(of *collector) {
	c.t.Helper()
	var r ledger.Exporter
	eventually(c.t, c.name+": the clock is known", func() bool {
		r = of.row(c.from)
		return near(r.CorrectedMs, c.corrected)
	})
	names, headers := r.NamesOffsetMs, r.ClockOffsetMs
	if (names != nil) == c.byHeaders || names != nil && !near(*names, c.flows) {
		c.t.Errorf("%s: by names %v (%v)", c.name, names != nil, r)
	}
	if headers == nil || !near(*headers, c.headers) {
		c.t.Errorf("%s: by headers %v (%v)", c.name, headers != nil, r)
	}
}

func near(ms float64, d time.Duration) bool {
	return math.Abs(ms-float64(d.Milliseconds())) < 1500
}

// check wants the flows that were sent when the clock was known named by their
// clients' answers, and the exporter's own times in the lines.
func (c *clockCase) check(w *world.World, all []string, more int) {
	c.t.Helper()
	wanted := map[string]int64{} // client and server, and when the flow began
	for i := c.count; i < c.count+more; i++ {
		a := w.Answer(c.first + i)
		wanted[a.Client.Addr().String()+" "+a.Addr.String()] = (a.TimeNs + 7e6 - int64(c.flows)) / 1e6
	}
	found := 0
	for _, line := range all {
		var f struct {
			Sampler string `json:"sampler_address"`
			Src     string `json:"src_addr"`
			Dst     string `json:"dst_addr"`
			StartNs int64  `json:"time_flow_start_ns"`
			Offset  int64  `json:"clock_offset_ms"`
			Basis   string `json:"dst_name_basis"`
			AgeMs   int64  `json:"dst_name_age_ms"`
		}
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			c.t.Fatal(err)
		}
		startMs, ok := wanted[f.Src+" "+f.Dst]
		if !ok || f.Sampler != c.from {
			continue
		}
		found++
		if f.Basis != "client" || f.StartNs/1e6 != startMs || !near(float64(f.Offset), c.corrected) || !near(float64(f.AgeMs), 0) {
			c.t.Errorf("%s: got %s, want start %d ms, by client", c.name, line, startMs)
		}
	}
	if found != more {
		c.t.Errorf("%s: %d flows, want %d", c.name, found, more)
	}
}

// TestRunLeavesClocksAlone: --no-fix-clocks.
func TestRunLeavesClocksAlone(t *testing.T) {
	w, path := clockWorld(t, 100)
	c := startCollector(t, t.TempDir(), "--dns", path, "--no-fix-clocks")
	e := &clockCase{exporter: exportTo(t, c.netflow, "127.0.0.1:0"), headers: 10 * time.Minute, flows: 10 * time.Minute}
	e.tell(exportstest.Template(), 0)
	for i := range w.Answers() {
		a := w.Answer(i)
		e.flow(&a)
	}
	eventually(t, "all flows are written", func() bool { return len(lines(t, c.out)) == w.Answers() })
	if all := strings.Join(lines(t, c.out), ""); strings.Contains(all, "clock_offset_ms") || !strings.Contains(all, `"client_later"`) {
		t.Error("flows were corrected")
	}
	if r := c.row("127.0.0.1"); r.CorrectedMs != 0 || r.NamesOffsetMs != nil {
		t.Errorf("corrected by %v ms", r.CorrectedMs)
	}
}
