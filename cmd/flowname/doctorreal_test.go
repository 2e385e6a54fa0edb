package main

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"time"

	"flowname/cmd/flowname/exports/exportstest"
)

// An ailingExporter is an exporter with something wrong: how it exports, and what the
// doctor has to say of it, and nothing else.
type ailingExporter struct {
	name, from string
	export     func(*exporter, *datagrams)
	findings   []string
}

// datagrams sends so that none is lost on this machine.
type datagrams struct {
	c    *collector
	sent uint64
}

func (d *datagrams) send(e *exporter, msg []byte) {
	d.c.t.Helper()
	if _, err := e.conn.Write(msg); err != nil {
		d.c.t.Fatal(err)
	}
	if d.sent++; d.sent%20 == 0 || len(msg) > 10_000 {
		d.settle()
	}
}

func (d *datagrams) settle() {
	d.c.t.Helper()
	eventually(d.c.t, "it is read", func() bool { w, _ := d.c.ledger(); return w.Datagrams == d.sent })
}

// flows sends n messages of three flows, each of which counts step.
func (d *datagrams) flows(e *exporter, n, step int) {
	for range n {
		msg := testFlows(3)
		e.number(msg, step)
		d.send(e, msg)
	}
}

// v9Message is a message of an exporter that has been up for so many ms.
func v9Message(uptime, number uint32, sets ...[]byte) []byte {
	m := binary.BigEndian.AppendUint32([]byte{0, 9, 0, byte(len(sets))}, uptime)
	m = binary.BigEndian.AppendUint32(m, uint32(time.Now().Unix()))
	m = binary.BigEndian.AppendUint32(m, number)
	return slices.Concat(append([][]byte{binary.BigEndian.AppendUint32(m, 1)}, sets...)...)
}

var ailing = []ailingExporter{
	{"well, but silent of its sampling", "127.0.0.11", func(e *exporter, d *datagrams) {
		d.send(e, exportstest.Template())
		d.flows(e, 400, 3)
	}, []string{"Nothing in its 1,200 flows or options data says a sampling rate. If it samples, let it say so (Cisco, in the flow exporter: \"option sampler-table\""}},
	{"no template", "127.0.0.12", func(e *exporter, d *datagrams) {
		d.flows(e, 5, 3)
	}, []string{"5 data sets came and no template to read them by. Let it send its templates every minute (Cisco, in the flow exporter: \"template data timeout 60\"; Junos"}},
	{"loss on the way", "127.0.0.13", func(e *exporter, d *datagrams) {
		d.send(e, exportstest.Template())
		d.flows(e, 100, 3)
		e.sent += 30
		d.flows(e, 100, 3)
	}, []string{"4.76 % of what it sent was lost on the way (more than 0.1 %), by its sequence numbers. Where the collector says above"}},
	{"restarts", "127.0.0.14", func(e *exporter, d *datagrams) {
		template := slices.Concat([]byte{0, 0}, exportstest.Template()[18:])
		for i := range uint32(5) {
			d.send(e, v9Message(1000, 0, template))
			d.send(e, v9Message(100_000+i, 1, testFlows(1)[16:]))
		}
	}, []string{"It has started anew 4 times (more than 3): its uptime fell"}},
	{"counts wrongly", "127.0.0.15", func(e *exporter, d *datagrams) {
		d.send(e, exportstest.Template())
		d.flows(e, 200, 1)
	}, []string{"Its sequence numbers do not count what its protocol says"}},
	{"more data without a template than waits", "127.0.0.16", func(e *exporter, d *datagrams) {
		for range 25 {
			msg := exportstest.Message(300, make([]byte, 60_000))
			e.number(msg, 0)
			d.send(e, msg)
		}
	}, []string{"data sets came and no template"}},
	{"a stranger", "127.0.1.1", func(e *exporter, d *datagrams) {
		d.flows(e, 4, 3)
	}, []string{"4 of its messages were refused: it is not in --exporter. Add it there, or stop it from exporting to here."}},
	{"no exporter at all", "127.0.0.17", func(e *exporter, d *datagrams) {
		d.send(e, []byte("GET / HTTP/1.1\r\n"))
	}, []string{"1 of its messages are neither NetFlow v5, v9 nor IPFIX"}},
}

// TestDoctorOfRealExporters has an exporter for each thing that can be wrong with
// one send to a running collector: the doctor finds that, says what to change, and
// finds nothing else.
func TestDoctorOfRealExporters(t *testing.T) {
	c := startCollector(t, t.TempDir(), "--exporter", "127.0.0.0/24", "--sockets", "1")
	d := &datagrams{c: c}
	for _, p := range ailing {
		p.export(exportTo(t, c.netflow, p.from+":0"), d)
	}
	d.settle()
	eventually(t, "all is accounted", func() bool { w, _ := c.ledger(); return w.Account.Bytes == w.DatagramBytes && w.FlowsInside == 0 })
	text := askDoctor(t, "--server", c.http)
	t.Logf("the doctor says:\n%s", text)
	sections := strings.Split(text, "\nexporter ")
	if len(sections) != 1+len(ailing) {
		t.Errorf("%d exporters, want %d", len(sections)-1, len(ailing))
	}
	wantFound(t, "the collector", sections[0], []string{"data sets had no room to wait for their templates. They are of the exporters below"})
	for _, p := range ailing {
		i := slices.IndexFunc(sections, func(s string) bool { return strings.HasPrefix(s, p.from+",") })
		if i < 0 {
			t.Errorf("%s: not told of", p.name)
			continue
		}
		wantFound(t, p.name, sections[i], p.findings)
	}
}

// foundIn are the findings in a section of the doctor's text.
func foundIn(section string) (all []string) {
	for line := range strings.Lines(section) {
		if say, ok := strings.CutPrefix(line, "  -> "); ok {
			all = append(all, say)
		}
	}
	return all
}

// wantFound wants a section to have these findings and no others.
func wantFound(t *testing.T, name, section string, want []string) {
	t.Helper()
	got := foundIn(section)
	for _, w := range want {
		i := slices.IndexFunc(got, func(say string) bool { return strings.Contains(say, w) })
		if i < 0 {
			t.Errorf("%s: the doctor does not say %q:\n%s", name, w, section)
			continue
		}
		got = slices.Delete(got, i, i+1)
	}
	for _, say := range got {
		if !strings.Contains(say, "receive buffer is smaller") { // of this machine
			t.Errorf("%s: the doctor says too: %s", name, say)
		}
	}
}
