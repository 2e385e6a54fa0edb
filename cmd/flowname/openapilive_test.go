package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"flowname/cmd/flowname/api/apitest"
)

// apiFlags switch on what has an endpoint of its own.
var apiFlags = []string{
	"--inside", "192.0.2.0/24", "--resolver", "192.0.2.53", "--doh", filepath.Join(root, "testdata", "findings", "outside_resolver", "demo.list"),
}

// TestAnswersAreAsDescribed asks a running daemon for each example of
// openapi.yaml, with each parameter, and holds what it answers against the
// schemas.
func TestAnswersAreAsDescribed(t *testing.T) {
	a := apitest.Load(t)
	c := startCollector(t, t.TempDir(), append(apiFlags, "--http-rate", "0", "--sflow", "127.0.0.1:0")...)
	c.play()
	eventually(t, "the flows are written", func() bool { return strings.Contains(c.get("/api/v1/exporters"), `"flows_inside":0,`) })
	if text := apitest.Send(t, http.MethodGet, "http://"+c.http+"/api/v1/openapi.json", nil, nil); !strings.Contains(string(text.Body), `"operationId": "openapi"`) {
		t.Errorf("the document is not served: %s", text.Body)
	}
	for _, o := range a.Operations() {
		rows := a.Hold(&o, a.Ask("http://"+c.http, &o), http.StatusOK)
		for _, p := range o.Parameters {
			if !p.Required {
				rows += a.Hold(&o, a.Ask("http://"+c.http, &o, p.Name), http.StatusOK)
			}
		}
		if rows == 0 {
			t.Errorf("%s %s: no example has a row, so that its schema is not tested", o.Method, o.Path)
		}
		wrong := http.MethodDelete
		a.Hold(&o, apitest.Send(t, wrong, "http://"+c.http+strings.NewReplacer("{", "", "}", "").Replace(o.Path), nil, nil), http.StatusMethodNotAllowed)
	}
}

// TestWrongParametersAreRefused: each by the status that is described.
func TestWrongParametersAreRefused(t *testing.T) {
	a := apitest.Load(t)
	c := startCollector(t, t.TempDir(), append(apiFlags, "--http-rate", "0")...)
	byPath := map[string]apitest.Operation{}
	for _, o := range a.Operations() {
		byPath[o.Path] = o
	}
	for _, q := range []struct {
		path, query string
		header      string
	}{
		{path: "/api/v1/history"},
		{path: "/api/v1/history", query: "q="},
		{path: "/api/v1/history", query: "q=a..b"},
		{path: "/api/v1/history", query: "q=shop.example&client=x"},
		{path: "/api/v1/history", query: "q=shop.example&at=x"},
		{path: "/api/v1/history", query: "q=shop.example&from=2026-13-01"},
		{path: "/api/v1/history", query: "q=shop.example&at=now&from=now"},
		{path: "/api/v1/history", query: "q=shop.example&from=now&to=-1h"},
		{path: "/api/v1/timeline"},
		{path: "/api/v1/timeline", query: "q=a..b"},
		{path: "/api/v1/timeline", query: "q=*.shop.example"},
		{path: "/api/v1/timeline", query: "q=shop.example&settle=0"},
		{path: "/api/v1/timeline", query: "q=shop.example&to=x"},
		{path: "/api/v1/timeline", query: "q=shop.example&sinkhole=0.0.0.0/0"},
		{path: "/api/v1/timeline", query: "q=shop.example" + strings.Repeat("&sinkhole=a.example", 1001)},
		{path: "/api/v1/findings", query: "code=nonsense"},
		{path: "/api/v1/findings", query: "client=x"},
		{path: "/api/v1/findings", query: "from=x"},
		{path: "/api/v1/findings", query: "from=now&to=-1h"},
		{path: "/api/v1/findings", query: "limit=0"},
		{path: "/api/v1/findings", query: "limit=x"},
		{path: "/api/v1/top", query: "by=names"},
		{path: "/api/v1/top", query: "day=x"},
		{path: "/api/v1/top", query: "day=today&from=today"},
		{path: "/api/v1/top", query: "from=today&to=yesterday"},
		{path: "/api/v1/top", query: "since=x"},
		{path: "/api/v1/top", query: "limit=-1"},
		{path: "/pdns/query/{subject}", query: "a..b"},
		{path: "/pdns/query/{subject}", query: "a.example", header: "dribble-paginate-count"},
		{path: "/pdns/query/{subject}", query: "a.example", header: "dribble-paginate-cursor"},
		{path: "/dnsdb/v2/lookup/rrset/name/{name}", query: "a.*"},
		{path: "/dnsdb/v2/lookup/rrset/name/{name}/{rrtype}", query: "a..b"},
		{path: "/dnsdb/v2/lookup/rrset/name/{name}", query: "a.example?limit=x"},
		{path: "/dnsdb/v2/lookup/rrset/name/{name}", query: "a.example?offset=-1"},
		{path: "/dnsdb/v2/summarize/rrset/name/{name}", query: "a.example?time_last_after=x"},
		{path: "/dnsdb/v2/lookup/rdata/ip/{address}", query: "x"},
		{path: "/dnsdb/v2/summarize/rdata/ip/{address}", query: "198.51.100.0%2F24"},
	} {
		o := byPath[q.path]
		target := "http://" + c.http + strings.ReplaceAll(q.path, "{rrtype}", "A")
		if i := strings.Index(target, "{"); i >= 0 {
			rest := target[strings.Index(target, "}")+1:]
			subject, parameters, _ := strings.Cut(q.query, "?")
			target = target[:i] + subject + rest + "?" + parameters
		} else {
			target += "?" + q.query
		}
		header := http.Header{}
		if q.header != "" {
			header.Set(q.header, "x")
		}
		a.Hold(&o, apitest.Send(t, o.Method, target, header, nil), http.StatusBadRequest)
	}
}

// TestEveryOperationIsGuarded: without a password, and too often.
func TestEveryOperationIsGuarded(t *testing.T) {
	a := apitest.Load(t)
	dir := t.TempDir()
	hash, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	users := filepath.Join(dir, "users")
	if err := os.WriteFile(users, append([]byte("ann:"), append(hash, '\n')...), 0o600); err != nil {
		t.Fatal(err)
	}
	for status, flags := range map[int][]string{
		http.StatusUnauthorized:    {"--http-rate", "0", "--http-users", users},
		http.StatusTooManyRequests: {"--http-rate", "0.001"}, // one, and then for long none
	} {
		c := startCollector(t, t.TempDir(), append(apiFlags, flags...)...)
		c.get("/metrics")
		for _, o := range a.Operations() {
			if o.Open {
				a.Hold(&o, a.Ask("http://"+c.http, &o), http.StatusOK)
				continue
			}
			a.Hold(&o, a.Ask("http://"+c.http, &o), status)
		}
		if err := c.end(syscall.SIGTERM); err != nil {
			t.Errorf("after SIGTERM: %v", err)
		}
	}
}
