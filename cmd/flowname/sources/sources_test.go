package sources

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"

	"flowname/dnscache"
	"flowname/dnscache/dnswire"
)

// running are sources that run, and what they brought.
type running struct {
	*Sources
	t       *testing.T
	mu      sync.Mutex
	brought map[string]bool // name, address and source
	end     func() error
}

func start(t *testing.T, cfg Config) *running {
	t.Helper()
	r := &running{t: t, brought: map[string]bool{}}
	cfg.Response = func(a *dnscache.Response) {
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, addr := range a.Addrs {
			r.brought[fmt.Sprintf("%s %v %v", a.Name, addr.Addr, a.Source)] = true
		}
	}
	cfg.Connection, cfg.Flush = func(*dnscache.Connection) {}, func() error { return nil }
	cfg.Log = slog.New(slog.DiscardHandler)
	cfg.DNS.Logs.Location = time.UTC
	var err error
	if r.Sources, err = Open(cfg); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	tasks, ctx := errgroup.WithContext(ctx)
	r.Run(ctx, tasks.Go)
	r.end = sync.OnceValue(func() error {
		cancel()
		defer r.Ended()
		return tasks.Wait()
	})
	t.Cleanup(func() {
		if err := r.end(); err != nil {
			t.Errorf("at the end: %v", err)
		}
	})
	return r
}

// wants waits for a response: name, address and source.
func (r *running) wants(response string) {
	r.t.Helper()
	eventually(r.t, response, func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.brought[response]
	})
}

// Describe and Collect make the sources a collector of metrics.
func (r *running) Describe(chan<- *prometheus.Desc) {}

func (r *running) Collect(ch chan<- prometheus.Metric) {
	var wire dnswire.Stats
	r.Metrics(ch, &wire)
}

// has tells whether a line is among the metrics.
func (r *running) has(line string) bool {
	registry := prometheus.NewRegistry()
	registry.MustRegister(r)
	text := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(text, httptest.NewRequest("GET", "/metrics", nil))
	return strings.Contains(text.Body.String(), line+"\n")
}

func eventually(t *testing.T, what string, ask func() bool) {
	t.Helper()
	for deadline := time.After(30 * time.Second); !ask(); {
		select {
		case <-deadline:
			t.Fatalf("%s: not within half a minute", what)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// dnsmasqAnswer is a question and its answer in dnsmasq's log.
func dnsmasqAnswer(serial int) string {
	head := fmt.Sprintf("Nov 23 17:16:35 dnsmasq[7]: %d 192.0.2.7/4242 ", serial)
	return fmt.Sprintf("%squery[A] n%d.example from 192.0.2.7\n%sreply n%d.example is 198.51.100.%d\n", head, serial, head, serial, serial%250)
}

func TestStdin(t *testing.T) {
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	r := start(t, Config{DNSLog: []string{"-"}, Stdin: in})
	if _, err := out.WriteString(dnsmasqAnswer(1) + dnsmasqAnswer(2)); err != nil {
		t.Fatal(err)
	}
	r.wants("n1.example 198.51.100.1 dnsmasq")
	r.wants("n2.example 198.51.100.2 dnsmasq")
	if line := `flowname_log_lines_total{log="-",reason="used"} 4`; !r.has(line) {
		t.Errorf("no %s", line)
	}
	if err := r.end(); err != nil { // also while stdin is open
		t.Error(err)
	}
}

func TestSyslog(t *testing.T) {
	r := start(t, Config{Syslog: SyslogFlags{Syslog: "127.0.0.1:0", SyslogAllow: []string{"127.0.0.0/8"}}})
	udp, tcp := r.syslog.Addrs()
	for i, addr := range []net.Addr{udp, tcp} {
		i++
		conn, err := net.Dial(addr.Network(), addr.String())
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(dnsmasqAnswer(i)) {
			if _, err := fmt.Fprintf(conn, "<30>%s", line); err != nil {
				t.Fatal(err)
			}
		}
		conn.Close()
		r.wants(fmt.Sprintf("n%d.example 198.51.100.%d dnsmasq", i, i))
	}
	for _, line := range []string{"flowname_syslog_messages_total 4", `flowname_log_lines_total{log="syslog",reason="used"} 4`} {
		if !r.has(line) {
			t.Errorf("no %s", line)
		}
	}
}

// A state that can not be used is set aside, and the log read from its beginning.
func TestBadLogState(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "dnsmasq.log")
	if err := os.WriteFile(path, []byte(dnsmasqAnswer(1)), 0o600); err != nil {
		t.Fatal(err)
	}
	state := logStateFile(dir, path)
	if err := os.WriteFile(state, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, Config{DNSLog: []string{path}, Data: dir}).wants("n1.example 198.51.100.1 dnsmasq")
	if b, err := os.ReadFile(state + ".bad"); err != nil || string(b) != "{" {
		t.Errorf("%q, %v", b, err)
	}
}

// TestOpenRefuses: what is open already is closed again.
func TestOpenRefuses(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "dnstap.sock")
	for want, cfg := range map[string]Config{
		"unix:":                 {Dnstap: "fifo:x"},
		"powerdns: ":            {PowerDNS: "fifo:x"},
		"is given twice":        {DNSLog: []string{"x.log", "./x.log"}, Data: t.TempDir()},
		"there is no format":    {Syslog: SyslogFlags{Syslog: "127.0.0.1:0", SyslogFormat: "none"}},
		"neither a network":     {Syslog: SyslogFlags{Syslog: "127.0.0.1:0", SyslogAllow: []string{"x"}}},
		"give another --syslog": {Syslog: SyslogFlags{Syslog: "nowhere"}},
	} {
		if cfg.Dnstap == "" {
			cfg.Dnstap = "unix:" + socket
		}
		cfg.Log, cfg.Response, cfg.Connection = slog.New(slog.DiscardHandler), func(*dnscache.Response) {}, func(*dnscache.Connection) {}
		if s, err := Open(cfg); err == nil || !strings.Contains(err.Error(), want) || s != nil {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
