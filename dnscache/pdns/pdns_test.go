package pdns

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"flowname/dnscache"
)

const (
	t0  = int64(1_700_000_000)
	sec = int64(time.Second)
)

var (
	alice = netip.MustParseAddr("192.0.2.11")
	bob   = netip.MustParseAddr("192.0.2.12")
)

// newServer serves a history: shop.example at one address for two clients, then
// at another; cdn.shop.example by IPv6; a question and a handshake.
func newServer(t *testing.T) *Handler {
	t.Helper()
	cache, err := dnscache.Open(dnscache.Config{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	answer := func(client netip.Addr, at int64, name, addr string) {
		cache.File(&dnscache.Response{
			TimeNs: (t0+at)*sec + 500_000_000, Client: client, Source: dnscache.SourcePackets, Name: []byte(name), Type: 1,
			Addrs: []dnscache.Addr{{Addr: netip.MustParseAddr(addr), TTL: 60}},
		}, (t0+at)*sec)
	}
	answer(alice, 0, "shop.example", "198.51.100.10")
	answer(bob, 30, "shop.example", "198.51.100.10")
	answer(bob, 90, "shop.example", "203.0.113.9")
	answer(alice, 40, "cdn.shop.example", "2001:db8::1")
	answer(alice, 50, "other.example", "198.51.100.10")
	cache.File(&dnscache.Response{
		TimeNs: t0 * sec, Client: alice, Source: dnscache.SourceBIND, Name: []byte("asked.example"), QuestionOnly: true,
	}, t0*sec)
	cache.FileConnection(&dnscache.Connection{
		TimeNs: t0 * sec, Source: dnscache.SourceZeekSSL, Client: alice, Server: netip.MustParseAddr("198.51.100.10"),
		ClientPort: 40000, ServerPort: 443, Proto: 6, Name: []byte("sni.example"),
	}, t0*sec)
	return NewHandler(Config{
		History: cache, Origin: "https://flowname.example/",
		Now: func() time.Time { return time.Unix(t0+100, 0) },
	})
}

func get(t *testing.T, h http.Handler, path string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	for line := range strings.Lines(w.Body.String()) {
		if w.Code == http.StatusOK && !json.Valid([]byte(line)) {
			t.Errorf("%s: not JSON: %q", path, line)
		}
	}
	return w
}

// shop1 and its like are records in COF.
var (
	shop1 = cofLine("shop.example", "A", "198.51.100.10", 0, 30, 2)
	shop2 = cofLine("shop.example", "A", "203.0.113.9", 90, 90, 1)
	cdn   = cofLine("cdn.shop.example", "AAAA", "2001:db8::1", 40, 40, 1)
	other = cofLine("other.example", "A", "198.51.100.10", 50, 50, 1)
)

func cofLine(name, rrtype, addr string, first, last int64, count int) string {
	return fmt.Sprintf(`{"rrname":%q,"rrtype":%q,"rdata":%q,"time_first":%d,"time_last":%d,"count":%d,"time_first_ms":%d,"time_last_ms":%d,"origin":"https://flowname.example/"}`+"\n",
		name, rrtype, addr, t0+first, t0+last, count, (t0+first)*1000+500, (t0+last)*1000+500)
}

func TestCOF(t *testing.T) {
	h := newServer(t)
	for _, c := range []struct {
		path   string
		header []string
		status int
		want   string
	}{
		{"/pdns/query/shop.example", nil, 200, shop1 + shop2},
		{"/pdns/query/SHOP.example.", nil, 200, shop1 + shop2},
		{"/pdns/query/198.51.100.10", nil, 200, other + shop1},
		{"/pdns/query/::ffff:198.51.100.10", nil, 200, other + shop1},
		{"/pdns/query/*.example", nil, 200, cdn + other + shop1 + shop2},
		{"/pdns/query/*.shop.example", []string{headerFilter, "aaaa"}, 200, cdn},
		{"/pdns/query/*.shop.example", []string{headerFilter, "A,AAAA"}, 200, cdn + shop1 + shop2},
		{"/pdns/query/*.shop.example", []string{headerFilter, "MX"}, 200, ""},
		{"/pdns/query/unknown.example", nil, 200, ""},
		{"/pdns/query/asked.example", nil, 200, ""},
		{"/pdns/query/sni.example", nil, 200, ""},
		{"/pdns/query/*.example", []string{headerPage, "2"}, 200, cdn + other},
		{"/pdns/query/*.example", []string{headerPage, "2", headerCursor, "2"}, 200, shop1 + shop2},
		{"/pdns/query/*.example", []string{headerPage, "2", headerCursor, "9"}, 200, ""},
		{"/pdns/query/*.example", []string{headerPage, "-2"}, 400, ""},
		{"/pdns/query/*.example", []string{headerCursor, "x"}, 400, ""},
		{"/pdns/query/a..b", nil, 400, ""},
	} {
		w := get(t, h, c.path, c.header...)
		if w.Code != c.status || c.status == 200 && w.Body.String() != c.want {
			t.Errorf("%s %q: got %d\n%s\nwant %d\n%s", c.path, c.header, w.Code, w.Body, c.status, c.want)
		}
		if c.status != 200 && !strings.HasPrefix(w.Body.String(), `{"error":"`) {
			t.Errorf("%s: error is %s", c.path, w.Body)
		}
	}
	if next := get(t, h, "/pdns/query/*.example", headerPage, "3").Header().Get(headerNext); next != "3" {
		t.Errorf("cursor of the next page: got %q, want 3", next)
	}
	if next := get(t, h, "/pdns/query/*.example", headerPage, "4").Header().Get(headerNext); next != "" {
		t.Errorf("cursor behind the last page: got %q, want none", next)
	}
}

func TestDNSDB(t *testing.T) {
	h := newServer(t)
	const (
		begin     = `{"cond":"begin"}` + "\n"
		succeeded = `{"cond":"succeeded"}` + "\n"
		limited   = `{"cond":"limited","msg":"Result limit reached"}` + "\n"
	)
	obj := func(name, rrtype, rdata string, first, last int64, count int) string {
		return fmt.Sprintf(`{"obj":{"count":%d,"time_first":%d,"time_last":%d,"rrname":%q,"rrtype":%q,"rdata":%s}}`+"\n",
			count, t0+first, t0+last, name+".", rrtype, rdata)
	}
	s1 := obj("shop.example", "A", `["198.51.100.10"]`, 0, 30, 2)
	s2 := obj("shop.example", "A", `["203.0.113.9"]`, 90, 90, 1)
	for path, want := range map[string]string{
		"lookup/rrset/name/shop.example?swclient=dnsdbq":              begin + s1 + s2 + succeeded,
		"lookup/rrset/name/shop.example./ANY":                         begin + s1 + s2 + succeeded,
		"lookup/rrset/name/shop.example/AAAA":                         begin + succeeded,
		"lookup/rrset/name/*.shop.example/AAAA":                       begin + obj("cdn.shop.example", "AAAA", `["2001:db8::1"]`, 40, 40, 1) + succeeded,
		"lookup/rrset/name/shop.example?limit=1":                      begin + s1 + limited,
		"lookup/rrset/name/shop.example?limit=1&offset=1":             begin + s2 + succeeded,
		"lookup/rrset/name/shop.example?offset=7":                     begin + succeeded,
		"lookup/rrset/name/shop.example?time_first_after=-50":         begin + s2 + succeeded,
		"lookup/rrset/name/shop.example?time_last_before=-70":         begin + s1 + succeeded,
		"lookup/rrset/name/shop.example?time_last_after=-10":          begin + s2 + succeeded,
		"lookup/rrset/name/shop.example?time_first_before=1700000000": begin + s1 + succeeded,
		"lookup/rdata/ip/203.0.113.9":                                 begin + obj("shop.example", "A", `"203.0.113.9"`, 90, 90, 1) + succeeded,
		"summarize/rrset/name/shop.example":                           begin + fmt.Sprintf(`{"obj":{"count":3,"time_first":%d,"time_last":%d,"num_results":2}}`+"\n", t0, t0+90) + succeeded,
		"summarize/rrset/name/unknown.example":                        begin + succeeded,
		"ping":                                                        `{"ping":"ok"}` + "\n",
	} {
		if w := get(t, h, "/dnsdb/v2/"+path); w.Code != 200 || w.Body.String() != want {
			t.Errorf("%s: got %d\n%s\nwant\n%s", path, w.Code, w.Body, want)
		}
	}
	if w := get(t, h, "/dnsdb/v2/rate_limit"); !strings.Contains(w.Body.String(), `"limit":"unlimited"`) {
		t.Errorf("rate_limit: got %s", w.Body)
	}
	for path, want := range map[string]int{
		"lookup/rdata/name/shop.example":                    501,
		"lookup/rrset/raw/00":                               501,
		"lookup/rrset/name/shop.example/A/example":          501,
		"lookup/rrset/name/shop.*":                          400,
		"lookup/rrset/name/":                                400,
		"lookup/rdata/ip/198.51.100.0,24":                   400,
		"lookup/rdata/ip/x":                                 400,
		"lookup/rrset":                                      400,
		"lookup/rrset/name/shop.example?limit=x":            400,
		"lookup/rrset/name/shop.example?time_first_after=x": 400,
		"export/rrset/name/shop.example":                    404,
	} {
		if w := get(t, h, "/dnsdb/v2/"+path); w.Code != want || !strings.HasPrefix(w.Body.String(), `{"error":"`) {
			t.Errorf("%s: got %d %s, want %d", path, w.Code, w.Body, want)
		}
	}
}

// endless is a history of more names than are gathered.
type endless struct{}

func (endless) History(_ context.Context, q dnscache.Query, yield func(dnscache.Row) bool) error {
	for i := 0; yield(dnscache.Row{Name: fmt.Sprintf("n%06d.example", i), Addr: q.Addr, FirstNs: t0 * sec, LastNs: t0 * sec, Count: 1}); i++ {
	}
	return nil
}

// broken is a history that can not be read.
type broken struct{}

func (broken) History(context.Context, dnscache.Query, func(dnscache.Row) bool) error {
	return errors.New("disk on fire")
}

func TestBoundsAndFailures(t *testing.T) {
	h := NewHandler(Config{History: endless{}, Now: time.Now})
	w := get(t, h, "/pdns/query/198.51.100.10", headerPage, "1")
	if w.Header().Get(headerErrors) == "" || strings.Count(w.Body.String(), "\n") != 1 {
		t.Errorf("COF does not say that there is more: %v %s", w.Header(), w.Body)
	}
	w = get(t, h, "/dnsdb/v2/lookup/rdata/ip/198.51.100.10?limit=0")
	if n := strings.Count(w.Body.String(), `"obj"`); n != MaxRecords || !strings.Contains(w.Body.String(), `{"cond":"limited","msg":"more records`) {
		t.Errorf("DNSDB gives %d records and does not say that there is more", n)
	}
	h = NewHandler(Config{History: broken{}, Now: time.Now})
	for _, path := range []string{"/pdns/query/a.example", "/dnsdb/v2/lookup/rrset/name/a.example"} {
		if w := get(t, h, path); w.Code != 500 || !strings.Contains(w.Body.String(), "disk on fire") {
			t.Errorf("%s: got %d %s", path, w.Code, w.Body)
		}
	}
}
