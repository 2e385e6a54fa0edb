package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"flowname/cmd/flowload/wire"
	"flowname/cmd/flowname/command"
	"flowname/cmd/flowname/exports/exportstest"
	"flowname/cmd/flowname/table"
)

// TestReplayAccountsForEveryByte: what became nothing is told by reason, and adds
// up; what the sequence numbers miss is told too.
func TestReplayAccountsForEveryByte(t *testing.T) {
	path := filepath.Join(t.TempDir(), "flows.pcap")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out, err := wire.NewCapture(f)
	if err != nil {
		t.Fatal(err)
	}
	e := &exporter{t: t}
	add := func(msg []byte, records int) int {
		e.number(msg, records)
		from, to := netip.MustParseAddrPort("192.0.2.1:40000"), netip.MustParseAddrPort("192.0.2.2:2055")
		if err := out.UDP(exportstest.Start*1e9+int64(e.sent)*1e6, from, to, msg); err != nil {
			t.Fatal(err)
		}
		return len(msg)
	}
	sent := add(exportstest.Template(), 0)
	for i := range 100 {
		if i == 50 {
			e.sent += 40 // lost on the way
		}
		sent += add(testFlows(3), 3)
	}
	reserved := append(exportstest.Template(), append([]byte{0, 99, 0, 34}, make([]byte, 30)...)...)
	binary.BigEndian.PutUint16(reserved[2:], uint16(len(reserved)))
	sent += add(reserved, 0)
	sent += add(exportstest.Message(999, make([]byte, 40)), 1) // its template never comes
	sent += add(exportstest.Message(256, make([]byte, 5)), 0)  // padding
	records := testFlows(2)[20:]
	sent += add(exportstest.Message(256, records[:len(records)-9]), 2) // the second one runs over its set
	add([]byte("GET / HTTP/1.1\r\n"), 0)                               // no export message, which is told by itself

	var stdout, stderr bytes.Buffer
	if code := execute([]string{"replay", "--flows", path}, command.Streams{Out: &stdout, Err: &stderr}); code != exitOK {
		t.Fatalf("exit %d: %s", code, stderr.String())
	}
	m := regexp.MustCompile(`of ([\d,]+) bytes of export messages ([\d,]+) became nothing:(.*)`).FindStringSubmatch(stderr.String())
	if m == nil {
		t.Fatalf("no account: %s", stderr.String())
	}
	sum := 0
	for _, part := range strings.Fields(m[3]) {
		_, number, _ := strings.Cut(part, "=")
		n, err := strconv.Atoi(number)
		if err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	for _, want := range []string{"reserved_set=34", "template_never_came=44", fmt.Sprintf("bad_record=%d", len(records)/2-9)} {
		if !strings.Contains(m[3], want) {
			t.Errorf("no %q in %s", want, m[0])
		}
	}
	if want := strings.ReplaceAll(m[2], ",", ""); strconv.Itoa(sum) != want || m[1] != table.Grouped(uint64(sent)) {
		t.Errorf("the parts are %d of %d bytes sent: %s", sum, sent, m[0])
	}
	for _, want := range []string{"40 messages or records are missing", "1 of 106 UDP datagrams are no NetFlow"} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("no %q: %s", want, stderr.String())
		}
	}
	if n := strings.Count(stdout.String(), "\n"); n != 301 {
		t.Errorf("%d lines, want 301", n)
	}
}
