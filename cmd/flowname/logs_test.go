package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// dnsmasqAnswer is a question and its answer in dnsmasq's log.
func dnsmasqAnswer(serial int) string {
	head := fmt.Sprintf("Nov 23 17:16:35 dnsmasq[7]: %d 192.0.2.7/4242 ", serial)
	return fmt.Sprintf("%squery[A] n%d.example from 192.0.2.7\n%sreply n%d.example is 198.51.100.%d\n", head, serial, head, serial, serial%250)
}

// A log is followed into the history through a rotation while nobody looks,
// a kill and an end, and what /metrics counts is exact.
func TestRunFollowsLog(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "dnsmasq.log")
	serial := 0
	add := func(n int) {
		t.Helper()
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for range n {
			serial++
			if _, err := f.WriteString(dnsmasqAnswer(serial)); err != nil {
				t.Fatal(err)
			}
		}
	}
	counted := func(c *collector) {
		t.Helper()
		line := fmt.Sprintf("flowname_log_lines_total{log=%q,reason=\"used\"} %d\n", path, 2*serial)
		eventually(t, line, func() bool { return strings.Contains(c.get("/metrics"), line) })
	}
	add(20)
	c := startCollector(t, dir, "--dns-log", path)
	counted(c)
	add(10)
	counted(c)
	c.end(syscall.SIGKILL)
	add(5)
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	add(5)
	c = startCollector(t, dir, "--dns-log", "dnsmasq:"+path)
	add(5)
	counted(c)
	if err := c.end(syscall.SIGTERM); err != nil {
		t.Errorf("%v: %s", err, c.stderr)
	}
	c = startCollector(t, dir, "--dns-log", path)
	counted(c)
	for i := 1; i <= serial; i++ {
		name := fmt.Sprintf("n%d.example", i)
		eventually(t, name+" is in the history", func() bool {
			return strings.Contains(c.get("/api/v1/history?q="+name), fmt.Sprintf(`"addr":"198.51.100.%d"`, i%250))
		})
	}
	metrics := c.get("/metrics")
	for _, want := range []string{
		fmt.Sprintf("flowname_log_restarts_total{log=%q} 2\n", path),
		fmt.Sprintf("flowname_log_rotations_total{log=%q} 1\n", path),
		fmt.Sprintf("flowname_log_behind{log=%q} 0\n", path),
		fmt.Sprintf("flowname_log_lost_total{log=%q} 0\n", path),
		fmt.Sprintf("flowname_log_newest_timestamp_seconds{log=%q} ", path),
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s in /metrics", want)
		}
	}
}

// What a followed log tells of connections is seen, as answers are.
func TestRunSeesConnections(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "ssl.log")
	line := `{"ts":1795459008.5,"uid":"C1","id.orig_h":"192.168.2.7","id.orig_p":56310,"id.resp_h":"198.51.100.10","id.resp_p":443,"version":"TLSv12","cipher":"TLS_AES_128_GCM_SHA256","server_name":"www.handshake.example"}` + "\n"
	if err := os.WriteFile(path, []byte(line+strings.ReplaceAll(line, "192.168.2.7", "203.0.113.9")), 0o600); err != nil {
		t.Fatal(err)
	}
	c := startCollector(t, dir, "--dns-log", path)
	const want = `{"domain":"handshake.example","first_seen":"2026-11-23T18:36:48Z","warm_up":true}` + "\n" +
		`{"domain":"handshake.example","client":"192.168.2.7","first_seen":"2026-11-23T18:36:48Z","warm_up":true}` + "\n"
	var got string
	eventually(t, "the connection is seen", func() bool {
		got = c.get("/api/v1/first-seen?q=handshake.example&clients=true")
		return got != ""
	})
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if err := c.end(syscall.SIGTERM); err != nil {
		t.Errorf("%v: %s", err, c.stderr)
	}
}

func TestRunReadsStdin(t *testing.T) {
	dir := t.TempDir()
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	c := startCollectorWith(t, dir, in, "--dns-log", "-")
	in.Close()
	if _, err := out.WriteString(dnsmasqAnswer(1) + dnsmasqAnswer(2)); err != nil {
		t.Fatal(err)
	}
	line := "flowname_log_lines_total{log=\"-\",reason=\"used\"} 4\n"
	eventually(t, line, func() bool { return strings.Contains(c.get("/metrics"), line) })
	if err := c.end(syscall.SIGTERM); err != nil { // also while stdin is open
		t.Errorf("%v: %s", err, c.stderr)
	}
}
