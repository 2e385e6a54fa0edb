package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

// apiFlags switch on what has an endpoint of its own.
var apiFlags = []string{
	"--inside", "192.0.2.0/24", "--resolver", "192.0.2.53", "--doh", filepath.Join(root, "testdata", "findings", "outside_resolver", "demo.list"),
}

// everyHeader are the headers of HTTP itself, which need no description.
var everyHeader = []string{"Date", "Content-Length", "Content-Type", "X-Content-Type-Options", "Trailer", "Vary"}

// An answer of the daemon.
type answer struct {
	*http.Response
	body []byte
}

// ask makes a request of an operation's parameters and examples: of those that
// are required, and of others by their names.
func (a *apiDocument) ask(base string, o *operation, others ...string) answer {
	a.t.Helper()
	path, query, header := o.path, url.Values{}, http.Header{}
	for _, p := range o.parameters {
		switch {
		case !p.required && !slices.Contains(others, p.name):
		case p.in == "path":
			path = strings.ReplaceAll(path, "{"+p.name+"}", url.PathEscape(p.example))
		case p.in == "query":
			query.Set(p.name, p.example)
		case p.in == "header":
			header.Set(p.name, p.example)
		}
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	var body io.Reader
	if part, _ := a.at(o.where); part["requestBody"] != nil {
		content, _ := a.at(below(o.where, "requestBody", "content"))
		for media := range content {
			part, _ := a.at(below(o.where, "requestBody", "content", media))
			text := strings.TrimSuffix(part["example"].(string), "\n") + "\n"
			if n, err := a.validate(below(o.where, "requestBody"), media, []byte(text)); n == 0 || err != nil {
				a.t.Errorf("%s: the example of its body: %v", o.where, err)
			}
			body = strings.NewReader(text)
		}
	}
	return send1(a.t, o.method, base+path, header, body)
}

func send1(t *testing.T, method, target string, header http.Header, body io.Reader) answer {
	t.Helper()
	r, err := http.NewRequest(method, target, body)
	if err != nil {
		t.Fatal(err)
	}
	for key := range header {
		r.Header.Set(key, header.Get(key))
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp, text}
}

// hold holds an answer against the description of an operation and gives how
// many rows it has.
func (a *apiDocument) hold(o *operation, got answer, status int) (rows int) {
	a.t.Helper()
	what := got.Request.Method + " " + got.Request.URL.String()
	if got.StatusCode != status {
		a.t.Errorf("%s: got %d %s, want %d", what, got.StatusCode, got.body, status)
		return 0
	}
	responses, _ := a.at(below(o.where, "responses"))
	if responses[fmt.Sprint(status)] == nil {
		a.t.Errorf("%s: %d is not described: %s", what, status, got.body)
		return 0
	}
	response, where := a.at(below(o.where, "responses", fmt.Sprint(status)))
	media, _, _ := strings.Cut(got.Header.Get("Content-Type"), ";")
	if content, _ := response["content"].(map[string]any); content[media] == nil {
		a.t.Errorf("%s: %s is not described", what, media)
		return 0
	}
	rows, err := a.validate(where, media, got.body)
	if err != nil {
		a.t.Errorf("%s: %v\n%s", what, err, got.body)
	}
	a.holdHeaders(what, where, response, got)
	return rows
}

func (a *apiDocument) holdHeaders(what, where string, response map[string]any, got answer) {
	a.t.Helper()
	described, _ := response["headers"].(map[string]any)
	all := got.Header.Clone()
	for key, v := range got.Trailer {
		all[key] = v
	}
	for name := range described {
		h, _ := a.at(below(where, "headers", name))
		text := all.Get(name)
		all.Del(name)
		switch {
		case text == "" && h["required"] == true:
			a.t.Errorf("%s: the header %s is missing", what, name)
		case text == "":
		case h["content"] != nil:
			if _, err := a.validate(below(where, "headers", name), "application/json", []byte(text)); err != nil {
				a.t.Errorf("%s: the header %s: %v", what, name, err)
			}
		default:
			var value any = text
			if s := h["schema"].(map[string]any); s["type"] == "integer" {
				var n int
				if _, err := fmt.Sscan(text, &n); err != nil {
					a.t.Errorf("%s: the header %s is %q", what, name, text)
				}
				value = n
			}
			if err := a.schema(below(where, "headers", name, "schema")).Validate(value); err != nil {
				a.t.Errorf("%s: the header %s: %v", what, name, err)
			}
		}
	}
	for name := range all {
		if !slices.Contains(everyHeader, name) {
			a.t.Errorf("%s: the header %s is not described", what, name)
		}
	}
}

// TestAnswersAreAsDescribed asks a running daemon for each example of
// openapi.yaml, with each parameter, and holds what it answers against the
// schemas.
func TestAnswersAreAsDescribed(t *testing.T) {
	a := loadAPI(t)
	c := startCollector(t, t.TempDir(), append(apiFlags, "--http-rate", "0", "--sflow", "127.0.0.1:0")...)
	c.play()
	eventually(t, "the flows are written", func() bool { return strings.Contains(c.get("/api/v1/exporters"), `"flows_inside":0,`) })
	if text := send1(t, http.MethodGet, "http://"+c.http+"/api/v1/openapi.json", nil, nil); !strings.Contains(string(text.body), `"operationId": "openapi"`) {
		t.Errorf("the document is not served: %s", text.body)
	}
	for _, o := range a.operations() {
		rows := a.hold(&o, a.ask("http://"+c.http, &o), http.StatusOK)
		for _, p := range o.parameters {
			if !p.required {
				rows += a.hold(&o, a.ask("http://"+c.http, &o, p.name), http.StatusOK)
			}
		}
		if rows == 0 {
			t.Errorf("%s %s: no example has a row, so that its schema is not tested", o.method, o.path)
		}
		wrong := http.MethodDelete
		a.hold(&o, send1(t, wrong, "http://"+c.http+strings.NewReplacer("{", "", "}", "").Replace(o.path), nil, nil), http.StatusMethodNotAllowed)
	}
}

// TestWrongParametersAreRefused: each by the status that is described.
func TestWrongParametersAreRefused(t *testing.T) {
	a := loadAPI(t)
	c := startCollector(t, t.TempDir(), append(apiFlags, "--http-rate", "0")...)
	byPath := map[string]operation{}
	for _, o := range a.operations() {
		byPath[o.path] = o
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
		a.hold(&o, send1(t, o.method, target, header, nil), http.StatusBadRequest)
	}
}

// TestEveryOperationIsGuarded: without a password, and too often.
func TestEveryOperationIsGuarded(t *testing.T) {
	a := loadAPI(t)
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
		for _, o := range a.operations() {
			part, _ := a.at(o.where)
			if open, ok := part["security"].([]any); ok && len(open) == 0 {
				a.hold(&o, a.ask("http://"+c.http, &o), http.StatusOK)
				continue
			}
			a.hold(&o, a.ask("http://"+c.http, &o), status)
		}
		if err := c.end(syscall.SIGTERM); err != nil {
			t.Errorf("after SIGTERM: %v", err)
		}
	}
}
