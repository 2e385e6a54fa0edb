package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"flowname/cmd/flowname/exports/exportstest"
	"flowname/cmd/flowname/ledger"
	"flowname/flows/netflow"
)

// A biflow template and data records of it: packets of both directions (RFC 5103).
var biflowTemplate = exportstest.Message(2, []byte{1, 4, 0, 3, 0, 4, 0, 1, 0, 2, 0, 1, 0x80, 2, 0, 1, 0, 0, 0x72, 0x79})

func biflows(n int) []byte { return exportstest.Message(260, slices.Repeat([]byte{6, 1, 2}, n)) }

// TestRunLedgerOfAllSources: flows by UDP, TCP and sFlow, records for both
// directions among them, add up; a connection's account stays when it ends, its
// templates are never saved, and who is not in --exporter is refused everywhere.
func TestRunLedgerOfAllSources(t *testing.T) {
	c := startCollector(t, t.TempDir(), "--netflow-tcp", "127.0.0.1:0", "--sflow", "127.0.0.1:0", "--exporter", "127.0.0.1", "--sockets", "1")
	udp := exportTo(t, c.netflow, "127.0.0.1:0")
	var datagrams, stream uint64
	for _, m := range []struct {
		msg     []byte
		records int
	}{{biflowTemplate, 0}, {biflows(5), 5}, {biflows(4), 4}} {
		msg := slices.Clone(m.msg)
		udp.send(msg, m.records)
		datagrams += uint64(len(msg))
	}
	conn := connectFrom(t, "127.0.0.1", c.tcp)
	for _, m := range [][]byte{exportstest.Template(), testFlows(3)} {
		if _, err := conn.Write(m); err != nil {
			t.Fatal(err)
		}
		stream += uint64(len(m))
	}
	stranger := connectFrom(t, "127.0.0.9", c.tcp)
	if n, err := stranger.Read(make([]byte, 1)); err == nil {
		t.Errorf("the stranger's connection stands and says %d bytes", n)
	}
	for _, from := range []string{"127.0.0.1:0", "127.0.0.9:0"} {
		sampled := exportTo(t, c.sflow, from)
		if _, err := sampled.conn.Write(exportstest.SFlowDatagram(128, exportstest.Frame(t, exportstest.SampledClient, exportstest.SampledServer, true, []byte("hello")))); err != nil {
			t.Fatal(err)
		}
	}

	const flows = 18 + 3 + 1
	eventually(t, "all flows are written", func() bool { return len(lines(t, c.out)) == flows })
	check := func(ended uint64) func() bool {
		return func() bool {
			w, each := c.ledger()
			sum := w.Forgotten.Bytes + w.Ended.Bytes
			for _, e := range each {
				sum += e.Bytes
			}
			return w.Exported == flows && w.FlowsInside == 0 && w.SampledFlows == 1 && w.Account.Flows == 21 && w.Account.DataRecords == 12 &&
				w.DatagramBytes == datagrams && w.StreamBytes == stream && w.Account.Bytes == datagrams+stream && sum == w.Account.Bytes &&
				w.Ended.Bytes == ended && w.Forgotten.Messages == 0
		}
	}
	eventually(t, "the ledger adds up", check(0))
	if w, _ := c.ledger(); w.RefusedConnections["not_allowed"] != 1 || len(w.RefusedConnections) != 1 {
		t.Errorf("refused connections: %v, want the stranger's", w.RefusedConnections)
	}
	eventually(t, "a strange connection is counted", func() bool {
		return c.hasMetric(`flowname_stream_refused_not_allowed_total{transport="tcp"} 1`)
	})
	eventually(t, "strange samples are refused", func() bool { return c.hasMetric("flowname_sflow_datagrams_not_allowed_total 1") })
	text := askDoctor(t, "--server", c.http)
	if !strings.Contains(text, "by TCP and TLS") || !strings.Contains(text, "of sFlow") {
		t.Errorf("the doctor says:\n%s", text)
	}
	conn.Close()
	eventually(t, "the account of the connection stays", check(stream))
	if text := askDoctor(t, "--server", c.http); strings.Contains(text, "forgotten") {
		t.Errorf("a connection's end is no want of room:\n%s", text)
	}
	if err := c.end(syscall.SIGTERM); err != nil {
		t.Fatalf("after SIGTERM: %v: %s", err, c.stderr)
	}
	state, err := os.ReadFile(filepath.Join(c.data, exporterStateFile))
	if err != nil {
		t.Fatal(err)
	}
	d := netflow.NewDecoder(netflow.Config{})
	if err := d.Restore(state, 0); err != nil || d.Stats().TemplatesRestored != 1 {
		t.Errorf("saved: %v, %d templates, want that by UDP only", err, d.Stats().TemplatesRestored)
	}
}

// connectFrom is a connection from a loopback address.
func connectFrom(t *testing.T, from, to string) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	conn, err := d.Dial("tcp", to)
	if err != nil {
		t.Skipf("an exporter at %s: %v", from, err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// TestRunLedgerHasWhatExportersSay: what an exporter says it lost is in its row,
// and the doctor says it.
func TestRunLedgerHasWhatExportersSay(t *testing.T) {
	c := startCollector(t, t.TempDir())
	e := exportTo(t, c.netflow, "127.0.0.1:0")
	e.send(exportstest.Message(3, []byte{1, 10, 0, 3, 0, 1, 0, 143, 0, 4, 0, 166, 0, 8, 0, 164, 0, 8}), 0)
	e.send(exportstest.Message(266, append(append([]byte{0, 0, 0, 1}, 0, 0, 0, 0, 0, 0, 0, 5), 0, 0, 0, 0, 0, 0, 0, 9)), 1)
	want := ledger.Said{NotSentFlows: 5, IgnoredPackets: 9}
	eventually(t, "it is known", func() bool { r := c.row("127.0.0.1"); return r.Said != nil && *r.Said == want })
	text := askDoctor(t, "--server", c.http)
	for _, say := range []string{"could not send flows: 5", "did not meter 9 packets", fmt.Sprintf("not sent %d flows", 5)} {
		if !strings.Contains(text, say) {
			t.Errorf("the doctor does not say %q:\n%s", say, text)
		}
	}
}
