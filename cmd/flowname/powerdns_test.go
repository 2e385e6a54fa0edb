package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"flowname/cmd/flowname/command"
)

// powerDNSFrame is a response to 192.0.2.7, n1.example and so on, framed.
func powerDNSFrame(i int) []byte {
	num := func(b []byte, field protowire.Number, v uint64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), v)
	}
	text := func(b []byte, field protowire.Number, v string) []byte {
		return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), v)
	}
	name := fmt.Sprintf("n%d.example.", i)
	record := text(num(num(num(text(nil, 1, name), 2, 1), 3, 1), 4, 300), 5, string([]byte{198, 51, 100, byte(i)}))
	m := num(num(nil, 1, 2), 9, 1795454226)
	m = text(text(m, 6, "\xc0\x00\x02\x07"), 7, "\xc0\x00\x02\x35")
	m = text(m, 12, string(num(num(text(nil, 1, name), 2, 1), 3, 1)))
	m = text(m, 13, string(text(num(nil, 1, 0), 2, string(record))))
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(m))), m...)
}

func TestRunTakesPowerDNS(t *testing.T) {
	dir := t.TempDir()
	c := startCollector(t, dir, "--powerdns", "tcp:127.0.0.1:0")
	conn, err := net.Dial("tcp", c.powerDNS)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(append(powerDNSFrame(1), powerDNSFrame(2)...)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"flowname_powerdns_messages_total{type=\"response\"} 2\n", "flowname_powerdns_connections 1\n"} {
		eventually(t, want, func() bool { return strings.Contains(c.get("/metrics"), want) })
	}
	conn.Close()
	eventually(t, "the end", func() bool { return strings.Contains(c.get("/metrics"), "flowname_powerdns_ended_total 1\n") })
	if history := c.get("/api/v1/history?q=n2.example"); !strings.Contains(history, `"addr":"198.51.100.2"`) || !strings.Contains(history, `"source":"powerdns"`) {
		t.Errorf("history: %s", history)
	}
	if err := c.end(syscall.SIGTERM); err != nil {
		t.Errorf("%v: %s", err, c.stderr)
	}
}

// TestResolversAreBounded: of both protocols one more than there may be is refused, and
// taken when another has left.
func TestResolversAreBounded(t *testing.T) {
	const maxResolvers = 64 // of sources
	c := startCollector(t, t.TempDir(), "--powerdns", "tcp:127.0.0.1:0")
	for stage, addr := range map[string]string{"dnstap": c.dnstap, "powerdns": c.powerDNS} {
		dial := func() net.Conn {
			t.Helper()
			conn, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { conn.Close() })
			return conn
		}
		first := dial()
		for range maxResolvers - 1 {
			dial()
		}
		connected := fmt.Sprintf("flowname_%s_connections %d", stage, maxResolvers)
		eventually(t, connected, func() bool { return c.hasMetric(connected) })
		if n, err := dial().Read(make([]byte, 1)); n != 0 || err == nil {
			t.Errorf("%s: one too many read %d bytes, %v, want it closed", stage, n, err)
		}
		refused := "flowname_" + stage + "_connections_refused_total 1"
		eventually(t, refused, func() bool { return c.hasMetric(refused) })
		first.Close()
		left := fmt.Sprintf("flowname_%s_connections %d", stage, maxResolvers-1)
		eventually(t, left, func() bool { return c.hasMetric(left) })
		dial()
		eventually(t, connected, func() bool { return c.hasMetric(connected) })
	}
}

func TestReplayAndCheckPowerDNS(t *testing.T) {
	path := filepath.Join(t.TempDir(), "messages.bin")
	if err := os.WriteFile(path, append(append(powerDNSFrame(1), powerDNSFrame(2)...), powerDNSFrame(3)[:20]...), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, stderr bytes.Buffer
	if code := execute([]string{"replay", "--dns", path, "--data", filepath.Join(t.TempDir(), "data")}, command.Streams{Out: &out, Err: &stderr}); code != exitOK {
		t.Errorf("%d: %s", code, stderr.String())
	}
	for _, want := range []string{"powerdns: frames=3 streams=1 broken=1", "responses=2", "unexpected EOF: what came before is used"} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("no %q in %s", want, stderr.String())
		}
	}
	out.Reset()
	if code := execute([]string{"check", path}, command.Streams{Out: &out, Err: &stderr}); code != exitOK || !strings.Contains(out.String(), "PowerDNS") {
		t.Errorf("%d: %s", code, out.String())
	}
}
