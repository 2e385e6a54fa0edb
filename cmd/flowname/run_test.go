package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"flowname/cmd/flowname/command"
)

// demoFlows is how many flows demo/flows.pcap holds.
const demoFlows = 41

// A collector is 'flowname run' as a process of its own, on loopback
// addresses that the kernel picked.
type collector struct {
	t                     *testing.T
	cmd                   *exec.Cmd
	netflow, dnstap, http string
	tcp, tls, sflow       string // where they were asked for
	powerDNS              string
	syslogUDP, syslogTCP  string
	out, data             string
	stderr                *said
	exited                chan error
}

var addressLine = regexp.MustCompile(`msg="?(waiting for NetFlow and IPFIX|waiting for IPFIX by T(?:CP|LS)|waiting for sFlow|waiting for dnstap|waiting for PowerDNS protobuf|waiting for syslog by (?:UDP|TCP)|serving)"? (?:address|http)=(\S+)`)

// said is what the collector has written to its standard error so far.
type said struct {
	mu sync.Mutex
	b  strings.Builder
}

func (s *said) WriteString(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.b.WriteString(text)
}

// String may be called while it runs.
func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// startCollector starts it and waits until it serves.
func startCollector(t *testing.T, dir string, args ...string) *collector {
	t.Helper()
	return startCollectorWith(t, dir, nil, args...)
}

// startCollectorWith starts it with a stdin of its own.
func startCollectorWith(t *testing.T, dir string, stdin io.Reader, args ...string) *collector {
	t.Helper()
	c := &collector{
		t: t, out: filepath.Join(dir, "flows.jsonl"), data: filepath.Join(dir, "data"),
		stderr: new(said), exited: make(chan error, 1),
	}
	c.cmd = exec.Command(os.Args[0], append([]string{
		"run", "--netflow", "127.0.0.1:0", "--dnstap", "tcp:127.0.0.1:0", "--http", "127.0.0.1:0",
		"--data", c.data, "--out", c.out, "--wait", "300ms",
	}, args...)...)
	c.cmd.Env = append(os.Environ(), asCommand+"=1")
	c.cmd.Stdin = stdin
	stderr, err := c.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	serving := make(chan bool, 1)
	go func() {
		for s := bufio.NewScanner(stderr); s.Scan(); {
			c.stderr.WriteString(s.Text() + "\n")
			m := addressLine.FindStringSubmatch(s.Text())
			switch {
			case m == nil:
			case m[1] == "serving":
				c.http = m[2]
				serving <- true
			case m[1] == "waiting for dnstap":
				c.dnstap = m[2]
			case m[1] == "waiting for PowerDNS protobuf":
				c.powerDNS = m[2]
			case m[1] == "waiting for syslog by UDP":
				c.syslogUDP = m[2]
			case m[1] == "waiting for syslog by TCP":
				c.syslogTCP = m[2]
			case m[1] == "waiting for sFlow":
				c.sflow = m[2]
			case m[1] == "waiting for IPFIX by TCP":
				c.tcp = m[2]
			case m[1] == "waiting for IPFIX by TLS":
				c.tls = m[2]
			default:
				c.netflow = m[2]
			}
		}
		c.exited <- c.cmd.Wait()
		close(serving)
	}()
	t.Cleanup(func() { c.cmd.Process.Kill() })
	select {
	case ok := <-serving:
		if !ok {
			t.Fatalf("the collector ended: %s", c.stderr)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the collector does not serve")
	}
	return c
}

// end sends a signal, waits, and returns how the process ended.
func (c *collector) end(signal syscall.Signal) error {
	c.t.Helper()
	if err := c.cmd.Process.Signal(signal); err != nil {
		c.t.Fatal(err)
	}
	select {
	case err := <-c.exited:
		return err
	case <-time.After(20 * time.Second):
		c.t.Fatalf("the collector does not end: %s", c.stderr)
		return nil
	}
}

// play sends the demo's recordings, flows when all answers are there.
func (c *collector) play() {
	c.t.Helper()
	if err := sendDnstap(context.Background(), c.dnstap); err != nil {
		c.t.Fatal(err)
	}
	eventually(c.t, "the dnstap stream is taken", func() bool {
		return strings.Contains(c.get("/metrics"), "flowname_dnstap_stopped_total 1\n")
	})
	c.sendFlows()
}

func (c *collector) sendFlows() {
	c.t.Helper()
	if _, err := sendExports(context.Background(), c.netflow); err != nil {
		c.t.Fatal(err)
	}
}

// eventually asks until the answer is yes.
func eventually(t *testing.T, what string, ask func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); <-tick.C {
		if ask() {
			return
		}
	}
	t.Fatalf("%s: not so after 20 s", what)
}

// lines are the whole lines of a file; it is an error if one is no JSON. A
// last line without its end is left out: the kernel shows a reader the pages
// of a write one by one.
func lines(t *testing.T, path string) []string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	b = b[:bytes.LastIndexByte(b, '\n')+1]
	var all []string
	for line := range strings.Lines(string(b)) {
		if !json.Valid([]byte(line)) {
			t.Errorf("%s: a torn line: %q", path, line)
		}
		all = append(all, line)
	}
	return all
}

// ended is lines for a file that nobody writes any more, whose last line must
// have its end.
func ended(t *testing.T, path string) []string {
	t.Helper()
	if b, err := os.ReadFile(path); err == nil && len(b) > 0 && b[len(b)-1] != '\n' {
		t.Errorf("%s: the last line has no end: %q", path, b[bytes.LastIndexByte(b, '\n')+1:])
	}
	return lines(t, path)
}

func (c *collector) get(path string) string {
	c.t.Helper()
	resp, err := http.Get("http://" + c.http + path)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return string(b)
}

// askHistory runs the history command.
func askHistory(t *testing.T, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if code := execute(append([]string{"history", "--format", "json"}, args...), command.Streams{Out: &out, Err: &errs}); code != exitOK {
		t.Fatalf("history %q: exit %d: %s", args, code, errs.String())
	}
	return out.String()
}

func TestRunNamesFlowsAndAnswersQuestions(t *testing.T) {
	c := startCollector(t, t.TempDir())
	c.play()
	eventually(t, "all flows are written", func() bool { return len(lines(t, c.out)) == demoFlows })
	all := strings.Join(lines(t, c.out), "")
	for _, want := range []string{`"dst_name":"shop.example","dst_name_basis":"client"`, `"unnamed":"ambiguous"`, `"dst_name":"beacon.badsite.test"`} {
		if !strings.Contains(all, want) {
			t.Errorf("no flow has %s", want)
		}
	}
	if got := c.get("/healthz"); got != "ok\n" {
		t.Errorf("healthz: got %q", got)
	}
	metrics := c.get("/metrics")
	for _, want := range []string{
		"flowname_netflow_records_total 41\n", `flowname_flows_named_total{basis="client"} 32` + "\n",
		`flowname_flows_unnamed_total{reason="ambiguous"} 2` + "\n", "flowname_dnstap_frames_total 72\n", "flowname_flows_waiting 0\n",
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("metrics lack %q", want)
		}
	}
	server := "http://" + c.http
	for _, q := range []struct {
		want string
		args []string
	}{
		{"shop.example", []string{"198.51.100.10", "--client", "192.0.2.11", "--at", "2026-11-23T18:36:50Z", "--server", server}},
		{"blog.example", []string{"198.51.100.10", "--client", "192.0.2.11", "--at", "2026-11-23T18:37:00Z", "--server", server}},
	} {
		if got := askHistory(t, q.args...); strings.Count(got, "\n") != 1 || !strings.Contains(got, `"name":"`+q.want+`"`) {
			t.Errorf("history %q: got %s, want one row of %s", q.args, got, q.want)
		}
	}
	var out, errs bytes.Buffer
	if code := execute([]string{"history", "192.0.2.1", "--data", c.data}, command.Streams{Out: &out, Err: &errs}); code != exitFailure || !strings.Contains(errs.String(), "--server") {
		t.Errorf("history of a directory in use: exit %d, %q; want a hint at --server", code, errs.String())
	}
	if err := c.end(syscall.SIGTERM); err != nil {
		t.Fatalf("after SIGTERM: %v: %s", err, c.stderr)
	}
	if got := askHistory(t, "beacon.badsite.test", "--data", c.data); !strings.Contains(got, "203.0.113.66") || !strings.Contains(got, "0.0.0.0") {
		t.Errorf("history after the daemon ended: got %s", got)
	}
}

func TestRunDrainsOnSIGTERM(t *testing.T) {
	c := startCollector(t, t.TempDir(), "--wait", "1h")
	c.sendFlows() // with no DNS at all: all but one wait
	eventually(t, "flows wait", func() bool { return strings.Contains(c.get("/metrics"), "flowname_flows_waiting 40\n") })
	if err := c.end(syscall.SIGTERM); err != nil {
		t.Fatalf("after SIGTERM: %v: %s", err, c.stderr)
	}
	if got := len(ended(t, c.out)); got != demoFlows {
		t.Errorf("written: got %d flows, want all %d", got, demoFlows)
	}
}

func TestRunKeepsItsHistoryThroughAKill(t *testing.T) {
	dir := t.TempDir()
	c := startCollector(t, dir)
	c.play()
	eventually(t, "the history is written", func() bool {
		m := regexp.MustCompile(`flowname_cache_written_total (\d+)`).FindStringSubmatch(c.get("/metrics"))
		return m != nil && len(m[1]) > 1
	})
	c.end(syscall.SIGKILL)
	if err := os.Remove(c.out); err != nil { // a kill may cut its last line short
		t.Fatal(err)
	}
	if got := askHistory(t, "beacon.badsite.test", "--data", c.data); !strings.Contains(got, "203.0.113.66") {
		t.Errorf("history after a kill: got %q", got)
	}
	again := startCollector(t, dir)
	again.sendFlows() // no DNS this time: the names come from the history
	eventually(t, "flows are named by the history", func() bool {
		return strings.Contains(strings.Join(lines(t, again.out), ""), `"dst_name":"beacon.badsite.test","dst_name_basis":"client"`)
	})
	if err := again.end(syscall.SIGINT); err != nil {
		t.Errorf("after SIGINT: %v: %s", err, again.stderr)
	}
}

func TestRunReopensItsOutputOnSIGHUP(t *testing.T) {
	c := startCollector(t, t.TempDir())
	c.play()
	eventually(t, "all flows are written", func() bool { return len(lines(t, c.out)) == demoFlows })
	if err := os.Rename(c.out, c.out+".1"); err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the output is reopened", func() bool { _, err := os.Stat(c.out); return err == nil })
	c.sendFlows()
	eventually(t, "flows are in the new file", func() bool { return len(lines(t, c.out)) == demoFlows })
	if got := len(ended(t, c.out+".1")); got != demoFlows {
		t.Errorf("rotated file: got %d flows, want the first %d", got, demoFlows)
	}
}

func TestRunSaysWhatItCanNotOpen(t *testing.T) {
	c := startCollector(t, t.TempDir())
	var out, errs bytes.Buffer
	args := []string{"run", "--netflow", c.netflow, "--http", "off", "--data", filepath.Join(t.TempDir(), "data"), "--out", os.DevNull}
	if code := execute(args, command.Streams{Out: &out, Err: &errs}); code != exitFailure || !strings.Contains(errs.String(), "in use") {
		t.Errorf("port in use: exit %d, %q", code, errs.String())
	}
	errs.Reset()
	args = []string{"run", "--netflow", "off", "--http", "off", "--data", c.data, "--out", os.DevNull}
	if code := execute(args, command.Streams{Out: &out, Err: &errs}); code != exitFailure || !strings.Contains(errs.String(), "in use by another flowname") {
		t.Errorf("data directory in use: exit %d, %q", code, errs.String())
	}
}

// askDoctor runs the doctor.
func askDoctor(t *testing.T, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if code := execute(append([]string{"doctor"}, args...), command.Streams{Out: &out, Err: &errs}); code != exitOK {
		t.Fatalf("doctor %q: exit %d: %s", args, code, errs.String())
	}
	return out.String()
}
