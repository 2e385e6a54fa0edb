package hunt

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"flowname/cmd/flowname/api/apitest"
	"flowname/cmd/flowname/exports/exportstest"
	"flowname/correlate/hunt"
	"flowname/dnscache"
)

// A request is refused as a whole, by the line that is wrong.
func TestScanRequests(t *testing.T) {
	a := apitest.Load(t)
	cache, err := dnscache.Open(dnscache.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer cache.Close(time.Now().UnixNano())
	var scanning sync.Mutex
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { ServeScan(w, r, cache, &scanning) }))
	defer server.Close()
	var o apitest.Operation
	for _, o = range a.Operations() {
		if o.Path == "/api/v1/scan" {
			break
		}
	}
	for _, q := range []struct {
		query, body string
		status      int
		want        string
	}{
		{"", "a.example\n\n*.b.example\r\n192.0.2.1\n192.0.2.0/24\n", 200, ""},
		{"", "192.0.2.1 1000 2000\n192.0.2.2 2026-01-01 now\n", 200, ""},
		{"", "", 400, "missing"},
		{"", "\n\n", 400, "missing"},
		{"", "a.example\na..b\n", 400, "line 2: want a name"},
		{"", "a.example b.example\n", 400, "line 1: want a name"},
		{"", "192.0.2.1\n192.0.2.1 1000 2000\n", 400, "line 2: want a name"},
		{"", "192.0.2.1 1000 2000\n192.0.2.1\n", 400, "line 2: want a name"},
		{"", "192.0.2.0/24 1000 2000\n", 400, "line 1: want a name"},
		{"", "192.0.2.1 1000 x\n", 400, "line 1: "},
		{"", "192.0.2.1 2000 1000\n", 400, "line 1: "},
		{"", strings.Repeat("a", maxScanLine) + "\n", 400, "line 1: "},
		{"?from=x", "a.example\n", 400, "from: "},
		{"?from=now&to=-1h", "a.example\n", 400, "from is later than to"},
		{"?names=0", "a.example\n", 400, "names: "},
		{"?names=x", "a.example\n", 400, "names: "},
	} {
		got := apitest.Send(t, http.MethodPost, server.URL+"/api/v1/scan"+q.query, nil, strings.NewReader(q.body))
		if q.status == 200 && got.StatusCode == 200 && len(got.Body) == 0 {
			continue // nothing is known
		}
		a.Hold(&o, got, q.status)
		if !strings.Contains(string(got.Body), q.want) {
			t.Errorf("%.40q: got %s, want %q", q.body, got.Body, q.want)
		}
	}
	big := bytes.Repeat([]byte("a.example\n"), maxScanBody/10+1)
	a.Hold(&o, apitest.Send(t, http.MethodPost, server.URL+"/api/v1/scan", nil, bytes.NewReader(big)), http.StatusRequestEntityTooLarge)
	scanning.Lock()
	defer scanning.Unlock()
	a.Hold(&o, apitest.Send(t, http.MethodPost, server.URL+"/api/v1/scan", nil, strings.NewReader("a.example\n")), http.StatusTooManyRequests)
}

// What is asked for is read as it was written.
func TestScanLines(t *testing.T) {
	for _, text := range []string{"a.example\n*.b.example\n192.0.2.1\n192.0.2.0/24\n2001:db8::/32\n", "192.0.2.1 1000.000000000 2000.000000005\n2001:db8::1 1.000000000 2.000000000\n"} {
		r, err := http.NewRequest(http.MethodPost, "/api/v1/scan?from=500&to=600.5&names=7", nil)
		if err != nil {
			t.Fatal(err)
		}
		s, err := parseScan(r, strings.NewReader(text), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if got := string(appendScan(nil, s)); got != text || s.FromNs != 500e9 || s.ToNs != 600_500_000_000 || s.Names != 7 {
			t.Errorf("got %q and %+v, want %q", got, s, text)
		}
	}
}

// IPv4 in its IPv6-mapped form is IPv4.
func TestScanEntries(t *testing.T) {
	for text, want := range map[string]string{
		"::ffff:192.0.2.1": "192.0.2.1/32", "::ffff:192.0.2.1/120": "192.0.2.0/24", "192.0.2.1/24": "192.0.2.0/24", "2001:db8::1": "2001:db8::1/128",
	} {
		if e, err := scanEntry(text); err != nil || e.Prefix.String() != want {
			t.Errorf("%q: got %v, %v, want %s", text, e.Prefix, err, want)
		}
	}
	for _, wrong := range []string{"a..example", ""} {
		if e, err := scanEntry(wrong); err == nil {
			t.Errorf("%q: got %+v, want an error", wrong, e)
		}
	}
}

// An answer survives its row.
func TestScanRows(t *testing.T) {
	for i, a := range []hunt.Answer{
		{Name: "a.example", Canonical: "b.example", Addr: exportstest.Server(1), Client: exportstest.Client(1), FirstNs: 1, LastNs: 2, UntilNs: 3, Count: 4, TTL: 5, Source: "dnstap"},
		{Name: "a.example", FirstNs: 1, LastNs: 2, Count: 4, TTL: 1<<32 - 1, Source: "dnstap", Outcome: "absent"},
		{Name: "a.example", Addr: exportstest.Server(1), FirstNs: 1, LastNs: 2, UntilNs: 3, Count: 4, TTL: 1<<32 - 1, Source: "zeek_ssl", Connection: true},
	} {
		row := scanRowOf(&a)
		if got := row.answer(); fmt.Sprint(got) != fmt.Sprint(a) {
			t.Errorf("%d: got %+v, want %+v", i, got, a)
		}
	}
}

func TestRowHasItsSchema(t *testing.T) {
	apitest.Load(t).HoldRow("Scan", scanRow{})
}
