package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"flowname/cmd/flowname/exports/exportstest"
	"flowname/cmd/flowname/ledger"
)

// An exporter sends IPFIX from a loopback address of its own, with the sequence
// numbers and header times that it has to have.
type exporter struct {
	t    *testing.T
	conn *net.UDPConn
	sent uint32 // data records
}

// exportTo opens an exporter at an address (port 0: any) of 127.0.0.0/8.
func exportTo(t *testing.T, collector, from string) *exporter {
	t.Helper()
	to := net.UDPAddrFromAddrPort(netip.MustParseAddrPort(collector))
	conn, err := net.DialUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(from)), to)
	if err != nil && runtime.GOOS == "linux" {
		t.Fatal(err) // all of 127.0.0.0/8 is there
	}
	if err != nil {
		t.Skipf("an exporter at %s: %v", from, err)
	}
	t.Cleanup(func() { conn.Close() })
	return &exporter{t: t, conn: conn}
}

// send sends a message with so many data records.
func (e *exporter) send(msg []byte, records int) {
	e.t.Helper()
	e.number(msg, records)
	if _, err := e.conn.Write(msg); err != nil {
		e.t.Fatal(err)
	}
}

// number gives a message its place and time.
func (e *exporter) number(msg []byte, records int) {
	binary.BigEndian.PutUint32(msg[4:], uint32(time.Now().Unix()))
	binary.BigEndian.PutUint32(msg[8:], e.sent)
	e.sent += uint32(records)
}

// flows is a message of n flows.
func testFlows(n int) []byte {
	numbers := make([]uint32, n)
	for i := range numbers {
		numbers[i] = uint32(i)
	}
	return exportstest.Data(numbers, numbers)
}

// ledger asks the collector for its accounts.
func (c *collector) ledger() (ledger.Collector, []ledger.Exporter) {
	c.t.Helper()
	l, err := ledger.Ask(c.http)
	if err != nil {
		c.t.Fatal(err)
	}
	return l.Collector, l.Exporters
}

// row is the account of an address, with Exporter empty when there is none.
func (c *collector) row(addr string) ledger.Exporter {
	c.t.Helper()
	_, each := c.ledger()
	for _, e := range each {
		if e.Exporter == addr {
			return e
		}
	}
	return ledger.Exporter{}
}

// TestRunKeepsTemplatesThroughAKill: an exporter sends its template once; the
// daemon is killed and started again, and its flows go on at once, also when
// they now reach another socket.
func TestRunKeepsTemplatesThroughAKill(t *testing.T) {
	dir := t.TempDir()
	c := startCollector(t, dir, "--sockets", "1")
	e := exportTo(t, c.netflow, "127.0.0.1:0")
	e.send(exportstest.Template(), 0)
	e.send(testFlows(5), 5)
	eventually(t, "flows are written", func() bool { return len(lines(t, c.out)) == 5 })
	eventually(t, "the template is saved", func() bool {
		info, err := os.Stat(filepath.Join(c.data, exporterStateFile))
		return err == nil && info.Size() > 50
	})
	c.end(syscall.SIGKILL)
	again := startCollector(t, dir, "--sockets", "3", "--netflow", c.netflow)
	for range 20 { // exporters of all ports: some reach each socket
		other := exportTo(t, again.netflow, "127.0.0.1:0")
		other.send(testFlows(1), 1)
	}
	e.send(testFlows(5), 5)
	eventually(t, "flows go on", func() bool { return len(lines(t, again.out)) == 30 })
	if r := again.row("127.0.0.1"); r.Flows != 25 || r.Borrowed.Count != 20 || r.Ports != 21 || r.Waiting.Count != 0 {
		t.Errorf("after the restart: %+v", r)
	}
	if err := again.end(syscall.SIGTERM); err != nil {
		t.Errorf("after SIGTERM: %v: %s", err, again.stderr)
	}
	if torn, _ := filepath.Glob(filepath.Join(c.data, exporterStateFile+".new-*")); len(torn) != 0 {
		t.Errorf("left behind: %q", torn)
	}
}

// TestRunRefusesAForeignState starts without one, and says so.
func TestRunRefusesAForeignState(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	if err := os.MkdirAll(data, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(data, exporterStateFile)
	for _, content := range []string{"foreign", strings.Repeat("\x00", 100)} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		c := startCollector(t, dir)
		e := exportTo(t, c.netflow, "127.0.0.1:0")
		e.send(exportstest.Template(), 0)
		eventually(t, "the template is there", func() bool { return c.row("127.0.0.1").Templates == 1 })
		if err := c.end(syscall.SIGTERM); err != nil {
			t.Errorf("after SIGTERM: %v", err)
		}
		if !strings.Contains(c.stderr.String(), "can not be used") || !strings.Contains(c.stderr.String(), path) {
			t.Errorf("nothing is said of %s: %s", path, c.stderr)
		}
		if b, err := os.ReadFile(path); err != nil || !strings.HasPrefix(string(b), "flownmNF") {
			t.Errorf("at the end a good one is written: %q, %v", b, err)
		}
	}
}

func TestReplaceFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	for _, content := range []string{"one", "", "three"} {
		if err := replaceFile(path, []byte(content)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != content {
			t.Errorf("got %q, %v; want %q", got, err, content)
		}
	}
	if err := replaceFile(filepath.Join(path, "beneath"), nil); err == nil {
		t.Error("no error in a folder that is none")
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestRunLedgerAddsUp forces loss of many kinds on a running collector and asks
// its API, its metrics and its doctor for exactly that.
func TestRunLedgerAddsUp(t *testing.T) {
	c := startCollector(t, t.TempDir(), "--exporter", "127.0.0.0/28", "--exporter", "127.0.0.77", "--sockets", "2")
	var sent uint64
	send := func(e *exporter, msg []byte, records int) {
		sent += uint64(len(msg))
		e.send(msg, records)
	}
	good, stranger := exportTo(t, c.netflow, "127.0.0.2:0"), exportTo(t, c.netflow, "127.0.1.1:0")
	late, broken := exportTo(t, c.netflow, "127.0.0.77:0"), exportTo(t, c.netflow, "127.0.0.4:0")
	send(good, exportstest.Template(), 0)
	for i := range 200 {
		if i == 100 {
			good.number(testFlows(7), 7) // lost on the way
		}
		send(good, testFlows(3), 3)
	}
	send(stranger, testFlows(3), 3)
	send(late, testFlows(4), 4)
	send(late, exportstest.Message(999, make([]byte, 50)), 1)
	send(late, exportstest.Template(), 0)
	send(broken, exportstest.Template(), 0)
	cut := testFlows(2)
	send(broken, cut[:len(cut)-9], 2)
	send(broken, exportstest.Message(99, make([]byte, 30)), 0)
	send(broken, []byte("GET / HTTP/1.1\r\n"), 0)

	const flows = 200*3 + 4 + 1
	eventually(t, "all flows are written", func() bool { return len(lines(t, c.out)) == flows })
	eventually(t, "all is accounted", func() bool { w, _ := c.ledger(); return w.Account.Bytes == sent && w.FlowsInside == 0 })
	whole, each := c.ledger()
	sum := wantAddsUp(t, whole, each)
	if whole.DatagramBytes != sent || sum+whole.Forgotten.Bytes != sent || whole.Exported != flows || whole.Account.Flows != flows {
		t.Errorf("%d bytes sent, collector %+v", sent, whole)
	}
	once := func(bytes int) ledger.Tally { return ledger.Tally{Count: 1, Bytes: uint64(bytes)} }
	for addr, want := range map[string]map[string]ledger.Tally{
		"127.0.0.2": {}, "127.0.1.1": {"not_allowed": once(len(testFlows(3)))}, "127.0.0.77": {},
		"127.0.0.4": {"cut_short": once(0), "bad_set": once(0), "bad_record": once((len(cut)-20)/2 - 9), "reserved_set": once(34), "bad_version": once(16)},
	} {
		if got := refusalsOf(each, addr); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: refused %v, want %v", addr, got, want)
		}
	}
	if r := c.row("127.0.0.2"); r.Lost != 7 || r.Missing != 0 || !r.CountsRight {
		t.Errorf("lost %d, missing %d, counts %s; want 7 of data records", r.Lost, r.Missing, r.Counts)
	}
	if r := c.row("127.0.0.77"); r.Late != (ledger.Tally{Count: 1, Bytes: uint64(len(testFlows(4)) - 16)}) || r.Waiting != (ledger.Tally{Count: 1, Bytes: 54}) {
		t.Errorf("late %v, waiting %v", r.Late, r.Waiting)
	}
	metrics := c.get("/metrics")
	for _, want := range []string{
		`flowname_exporter_lost_total{exporter="127.0.0.2"} 7` + "\n", `flowname_exporter_flows_total{exporter="127.0.0.77"} 4` + "\n",
		`flowname_refused_total{reason="not_allowed"} 1` + "\n", `flowname_exporter_bytes_total{exporter="others"} 0` + "\n",
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("metrics lack %q", want)
		}
	}
	text := askDoctor(t, "--server", c.http)
	for _, want := range []string{"1.15 % of what it sent was lost on the way", "it is not in --exporter", "1 of its messages are neither NetFlow"} {
		if !strings.Contains(text, want) {
			t.Errorf("the doctor does not say %q:\n%s", want, text)
		}
	}
}

// wantAddsUp wants every byte of every account in one of its parts, and returns
// the bytes of all exporters.
func wantAddsUp(t *testing.T, whole ledger.Collector, each []ledger.Exporter) (sum uint64) {
	t.Helper()
	all := []ledger.Account{whole.Forgotten, whole.Ended, whole.Account}
	for _, e := range each {
		all = append(all, e.Account)
		sum += e.Bytes
	}
	for _, a := range all {
		parts := a.HeaderBytes + a.FlowBytes + a.OptionsBytes + a.TemplateBytes + a.PaddingBytes + a.Waiting.Bytes
		for _, r := range a.Refused {
			parts += r.Bytes
		}
		if parts != a.Bytes {
			t.Errorf("%d bytes received, %d filed: %+v", a.Bytes, parts, a)
		}
	}
	return sum
}

// refusalsOf is what was refused of an address, by reason.
func refusalsOf(each []ledger.Exporter, addr string) map[string]ledger.Tally {
	refused := map[string]ledger.Tally{}
	for _, e := range each {
		if e.Exporter == addr {
			maps.Copy(refused, e.Refused)
		}
	}
	return refused
}

// TestRunLedgerHasLostLines: what could not be written is in the account too.
func TestRunLedgerHasLostLines(t *testing.T) {
	const full = "/dev/full" // a disk without room
	if _, err := os.Stat(full); err != nil {
		t.Skip(err)
	}
	c := startCollector(t, t.TempDir(), "--out", full)
	e := exportTo(t, c.netflow, "127.0.0.1:0")
	e.send(exportstest.Template(), 0)
	for range 10 {
		e.send(testFlows(5), 5)
	}
	var w ledger.Collector
	eventually(t, "all lines are lost", func() bool { w, _ = c.ledger(); return w.LostLines == 50 })
	if w.Account.Flows != 50 || w.Exported != 0 || w.FlowsInside != 0 {
		t.Errorf("%d flows came, %d exported, %d inside, %d lost", w.Account.Flows, w.Exported, w.FlowsInside, w.LostLines)
	}
	if !c.hasMetric("flowname_output_lost_lines_total 50") {
		t.Error("the metrics do not tell")
	}
	if text := askDoctor(t, "--server", c.http); !strings.Contains(text, "50 flows could not be written to the output") {
		t.Errorf("the doctor says:\n%s", text)
	}
	if !strings.Contains(c.stderr.String(), "no space left") {
		t.Errorf("the log does not say why: %s", c.stderr)
	}
}

// TestRunCountsKernelDrops overruns a small receive buffer: what the kernel
// dropped and what the sequence numbers miss is the same, and the doctor says
// both.
func TestRunCountsKernelDrops(t *testing.T) {
	c := startCollector(t, t.TempDir(), "--receive-buffer", "4096", "--sockets", "1")
	e := exportTo(t, c.netflow, "127.0.0.1:0")
	e.send(exportstest.Template(), 0)
	const before, burst, after = 20, 200, 100
	n := uint64(1)
	paced := func(count int) { // one at a time: none is dropped
		for range count {
			e.send(testFlows(2), 2)
			n++
			eventually(t, "it is read", func() bool { w, _ := c.ledger(); return w.Datagrams+w.KernelDrops == n })
		}
	}
	paced(before)
	c.stop()
	for range burst {
		e.send(testFlows(2), 2)
		n++
	}
	if err := c.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	paced(after)
	w, _ := c.ledger()
	r := c.row("127.0.0.1")
	if w.KernelDrops == 0 || w.Datagrams+w.KernelDrops != n || r.Lost+r.Missing != 2*w.KernelDrops || r.Missing != 0 || r.Messages != w.Datagrams {
		t.Errorf("%d sent; %d received, %d dropped, lost %d, missing %d", n, w.Datagrams, w.KernelDrops, r.Lost, r.Missing)
	}
	text := askDoctor(t, "--server", c.http)
	for _, want := range []string{fmt.Sprintf("The kernel dropped %d datagrams", w.KernelDrops), "lost on the way"} {
		if !strings.Contains(text, want) {
			t.Errorf("the doctor does not say %q:\n%s", want, text)
		}
	}
}

// stop has all threads of the collector stopped when it returns: the signal only asks
// them to, and on a busy machine the one that receives goes on for a while.
func (c *collector) stop() {
	c.t.Helper()
	if err := c.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		c.t.Fatal(err)
	}
	eventually(c.t, "the collector has stopped", func() bool {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", c.cmd.Process.Pid))
		for _, path := range threads {
			stat, err := os.ReadFile(path)
			if err != nil || !bytes.HasPrefix(stat[bytes.LastIndexByte(stat, ')')+1:], []byte(" T ")) {
				return false
			}
		}
		return err == nil && len(threads) > 0
	})
}

// TestRankExporters bounds how many exporters have metrics.
func TestRankExporters(t *testing.T) {
	l := &ledger.Ledger{}
	l.Gone.Bytes = 1000
	for i := range 100 {
		var m ledger.Domain
		m.Exporter = netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i / 2)}), 9)
		m.Bytes = uint64(i)
		l.Exporters = append(l.Exporters, m)
	}
	got := rankExporters(l)
	if len(got) != topExporters+1 || got[0].name != "192.0.2.49" || got[0].account.Bytes != 98+99 || got[topExporters].name != "others" {
		t.Fatalf("got %d, first %s", len(got), got[0].name)
	}
	var sum uint64
	for _, e := range got {
		sum += e.account.Bytes
	}
	if sum != 99*100/2+1000 {
		t.Errorf("sum %d", sum)
	}
	if !slices.IsSortedFunc(got[:topExporters], func(a, b rankedExporter) int { return int(b.account.Bytes) - int(a.account.Bytes) }) {
		t.Error("not the largest first")
	}
}
