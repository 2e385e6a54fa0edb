package logs

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"flowname/dnscache"
)

// passiveFile reads a file of the corpus.
func passiveFile(t testing.TB, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(logCorpus(t), path))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// A passiveLog is what a Reader made of a text.
type passiveLog struct {
	evidence []string // a line each, see below
	reasons  []Reason // of each line
	stats    Stats
}

// readPassive reads a text in a format.
func readPassive(t testing.TB, f *Format, cfg Config, text string) passiveLog {
	t.Helper()
	var log passiveLog
	r := NewReader(f, cfg, Sink{
		Response:   func(r *dnscache.Response) { log.evidence = append(log.evidence, passiveResponse(r)) },
		Connection: func(c *dnscache.Connection) { log.evidence = append(log.evidence, passiveConnection(c)) },
	})
	lines := NewLines(strings.NewReader(text))
	for {
		line, _, err := lines.Next()
		if err != nil {
			break
		}
		log.reasons = append(log.reasons, r.Line(bytes.Clone(line)))
	}
	r.Flush()
	log.stats = r.Stats()
	return log
}

// passiveResponse is one response: time, client<server, name type rcode, canonical
// name and addresses/TTL, - for one that is not told; "?" behind the type for a question only.
func passiveResponse(r *dnscache.Response) string {
	client := "any"
	if r.Client.IsValid() {
		client = r.Client.String()
	}
	if r.Server.IsValid() {
		client += "<" + r.Server.String()
	}
	text := fmt.Sprintf("%s %s %s %d", passiveTime(r.TimeNs), client, r.Name, r.Type)
	switch {
	case r.QuestionOnly:
		text += "?"
	case r.RCode != 0:
		text += fmt.Sprintf(" rcode %d", r.RCode)
	}
	if len(r.Canonical) > 0 {
		text += " =" + string(r.Canonical)
	}
	for _, a := range r.Addrs {
		text += fmt.Sprintf(" %s/%s", a.Addr, ttlText(a.TTL))
	}
	return text
}

// passiveConnection is one connection: time, client:port>server:port/protocol, name.
func passiveConnection(c *dnscache.Connection) string {
	return fmt.Sprintf("%s %s:%d>%s:%d/%d %s", passiveTime(c.TimeNs), c.Client, c.ClientPort, c.Server, c.ServerPort, c.Proto, c.Name)
}

func passiveTime(ns int64) string {
	return time.Unix(0, ns).UTC().Format("2006-01-02T15:04:05.999999999Z")
}

// wantPassive compares what was read with what each line is and gives.
func wantPassive(t testing.TB, log passiveLog, reasons []Reason, evidence ...string) {
	t.Helper()
	if !slices.Equal(log.reasons, reasons) {
		t.Errorf("lines: got %v, want %v", log.reasons, reasons)
	}
	if !slices.Equal(log.evidence, evidence) {
		t.Errorf("evidence: got\n%s\nwant\n%s", strings.Join(log.evidence, "\n"), strings.Join(evidence, "\n"))
	}
}

// benchLines reads the same lines over and over; the speed is that of all.
func benchLines(b *testing.B, f *Format, head, lines []string) {
	r := NewReader(f, Config{}, Sink{
		Response:   func(*dnscache.Response) {},
		Connection: func(*dnscache.Connection) {},
	})
	for _, line := range head {
		r.Line([]byte(line))
	}
	raw, size := make([][]byte, len(lines)), 0
	for i, line := range lines {
		raw[i] = []byte(line)
		size += len(line) + 1
	}
	b.SetBytes(int64(size / len(lines)))
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		r.Line(raw[n])
		if n++; n == len(raw) {
			n = 0
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}

// wantNoAllocs reads lines once, and then again counting allocations.
func wantNoAllocs(t *testing.T, f *Format, head, lines []string) {
	t.Helper()
	r := NewReader(f, Config{}, Sink{
		Response:   func(*dnscache.Response) {},
		Connection: func(*dnscache.Connection) {},
	})
	for _, line := range head {
		r.Line([]byte(line))
	}
	var raw [][]byte
	for _, line := range lines {
		raw = append(raw, []byte(line))
	}
	if n := testing.AllocsPerRun(100, func() {
		for _, line := range raw {
			r.Line(line)
		}
	}); n != 0 {
		t.Errorf("%s: got %v allocations in %d lines, want 0", f.Name, n, len(lines))
	}
	if s := r.Stats(); s.Responses+s.Connections == 0 {
		t.Errorf("%s: the lines gave nothing", f.Name)
	}
}

// sinkOf appends evidence to a list, as texts.
func sinkOf(list *[]string) *Sink {
	return &Sink{
		Response:   func(r *dnscache.Response) { *list = append(*list, passiveResponse(r)) },
		Connection: func(c *dnscache.Connection) { *list = append(*list, passiveConnection(c)) },
	}
}
