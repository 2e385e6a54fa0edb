package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"flowname/cmd/flowname/command"
)

// TestHTTPBeyondLoopback: credentials for every command that asks, and
// passive DNS for programs that know nothing of flowname.
func TestHTTPBeyondLoopback(t *testing.T) {
	dir := t.TempDir()
	hash, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	users := filepath.Join(dir, "users")
	if err := os.WriteFile(users, append([]byte("ann:"), append(hash, '\n')...), 0o600); err != nil {
		t.Fatal(err)
	}
	c := startCollector(t, dir, "--http-users", users)
	if err := sendDnstap(t.Context(), c.dnstap); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the evidence is known", func() bool {
		var out, errs bytes.Buffer
		execute([]string{"history", "blog.example", "--server", "http://ann:secret@" + c.http}, command.Streams{Out: &out, Err: &errs})
		return strings.Contains(out.String(), "198.51.100.10")
	})
	for _, q := range []struct {
		path, user, password string
		status               int
		want                 string
	}{
		{"/healthz", "", "", 200, "ok\n"},
		{"/metrics", "", "", 401, `{"error":"`},
		{"/metrics", "ann", "secret", 200, "flowname_http_unauthorized_total 1\n"},
		{"/api/v1/history?q=shop.example", "ann", "wrong", 401, `{"error":"`},
		{"/api/v1/history?q=", "ann", "secret", 400, `{"error":"what is asked for is missing`},
		{"/api/v1/nonsense", "ann", "secret", 404, `{"error":"no such resource: /api/v1/nonsense"}`},
		{"/pdns/query/shop.example", "ann", "secret", 200, `{"rrname":"shop.example","rrtype":"A","rdata":"198.51.100.10",`},
		{"/dnsdb/v2/lookup/rdata/ip/198.51.100.10", "ann", "secret", 200, `"rrname":"blog.example.","rrtype":"A","rdata":"198.51.100.10"}}`},
	} {
		r, err := http.NewRequest(http.MethodGet, "http://"+c.http+q.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if q.user != "" {
			r.SetBasicAuth(q.user, q.password)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != q.status || !strings.Contains(string(body), q.want) {
			t.Errorf("%s as %q: got %d %.400s, want %d with %q", q.path, q.user, resp.StatusCode, body, q.status, q.want)
		}
	}
	flows := filepath.Join(dir, "some.jsonl")
	if err := os.WriteFile(flows, []byte("{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, words := range [][]string{{"history", "shop.example"}, {"doctor"}, {"backfill", flows}} {
		for server, want := range map[string]int{"http://" + c.http: exitFailure, "http://ann:secret@" + c.http: exitOK} {
			var out, errs bytes.Buffer
			if code := execute(append(words, "--server", server), command.Streams{Out: &out, Err: &errs}); code != want {
				t.Errorf("%q of %s: exit %d: %s", words, server, code, errs.String())
			}
			if want == exitFailure && !strings.Contains(errs.String(), "http://NAME:PASSWORD@"+c.http) {
				t.Errorf("%q without a password: %s", words, errs.String())
			}
		}
	}
	if err := c.end(syscall.SIGTERM); err != nil {
		t.Fatalf("after SIGTERM: %v: %s", err, c.stderr)
	}
	if text := c.stderr.String(); !strings.Contains(text, "user=ann method=GET path=/pdns/query/shop.example") || strings.Contains(text, "secret") {
		t.Errorf("the log of queries:\n%s", text)
	}
}

func TestHTTPByTLS(t *testing.T) {
	dir := t.TempDir()
	s := newSigner(t, dir)
	s.sign("collector", x509.ExtKeyUsageServerAuth)
	c := startCollector(t, dir, "--http-cert", s.path("collector.crt"), "--http-key", s.path("collector.key"))
	authority, err := os.ReadFile(s.path("ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	resp, err := client.Get("https://" + c.http + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("by TLS: got %d", resp.StatusCode)
	}
	if resp, err := http.Get("http://" + c.http + "/healthz"); err == nil {
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			t.Error("without TLS: it serves")
		}
	}
	if err := c.end(syscall.SIGTERM); err != nil {
		t.Fatalf("after SIGTERM: %v: %s", err, c.stderr)
	}
}

// TestOneShapeOfErrors: what ServeMux and the server would say in plain text, or
// by a redirect, is said as all errors are.
func TestOneShapeOfErrors(t *testing.T) {
	c := startCollector(t, t.TempDir(), "--http-rate", "0")
	for _, q := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{http.MethodPost, "/healthz", 405, "GET, HEAD"},
		{http.MethodDelete, "/metrics", 405, "GET, HEAD"},
		{http.MethodPost, "/api/v1/history?q=a.example", 405, "GET, HEAD"},
		{http.MethodOptions, "/api/v1/history", 405, "GET, HEAD"},
		{http.MethodPut, "/api/v1/exporters", 405, "GET, HEAD"},
		{http.MethodGet, "/api/v1/backfill", 405, "POST"},
		{http.MethodHead, "/api/v1/backfill", 405, "POST"},
		{http.MethodPost, "/pdns/query/a.example", 405, "GET, HEAD"},
		{http.MethodPost, "/pdns/nonsense", 405, "GET, HEAD"},
		{http.MethodPost, "/dnsdb/v2/lookup/rrset/raw/00", 405, "GET, HEAD"},
		{http.MethodGet, "/", 404, ""},
		{http.MethodGet, "/api/v1/nonsense", 404, ""},
		{http.MethodPost, "/api/v1/nonsense", 404, ""},
		{http.MethodGet, "/api/v1/history/", 404, ""},
		{http.MethodGet, "/api//v1/history", 404, ""},
		{http.MethodGet, "/api/v1/../v1/history", 404, ""},
		{http.MethodGet, "/pdns", 404, ""},
		{http.MethodGet, "/pdns/", 404, ""},
		{http.MethodGet, "/pdns/query/", 404, ""},
		{http.MethodGet, "/pdns/query/a/b", 404, ""},
		{http.MethodGet, "/dnsdb/v1/lookup", 404, ""},
		{http.MethodGet, "/dnsdb/v2/lookup/rrset/name/", 400, ""},
		{http.MethodGet, "/dnsdb/v2/lookup/rdata/raw/00", 501, ""},
		{http.MethodGet, "/api/v1/history", 400, ""},
	} {
		r, err := http.NewRequest(q.method, "http://"+c.http+q.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultTransport.RoundTrip(r) // which follows no redirect
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != q.status || resp.Header.Get("Allow") != q.allow || resp.Header.Get("Content-Type") != "application/json" ||
			q.method != http.MethodHead && !strings.HasPrefix(string(body), `{"error":"`) {
			t.Errorf("%s %s: got %d %v %s, want %d, Allow %q", q.method, q.path, resp.StatusCode, resp.Header, body, q.status, q.allow)
		}
	}
}
