package logs

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestBIND(t *testing.T) {
	const question = "client @0x7f0c338fb098 192.0.2.7#35587 (www.site.example): query: www.site.example IN A +E(0)K (192.0.2.53)"
	const want = " 192.0.2.7 www.site.example 1 ? @192.0.2.53"
	testLogs(t, "bind", reference, []logCase{
		{"everything printed", "23-Nov-2026 17:17:06.577 queries: info: " + question, []string{"2026-11-23T17:17:06.577" + want}, "used"},
		{"time only", "03-Feb-2024 07:07:06.001 " + question, []string{"2024-02-03T07:07:06.001" + want}, "used"},
		{"iso8601", "2026-11-23T17:17:06.577 " + question, []string{"2026-11-23T17:17:06.577" + want}, "used"},
		{"iso8601-utc", "2026-11-23T17:17:06.577Z queries: info: " + question, []string{"2026-11-23T17:17:06.577" + want}, "used"},
		{"iso8601-tzinfo", "2026-11-23T17:17:06.577+02:00 queries: " + question, []string{"2026-11-23T15:17:06.577" + want}, "used"},
		{"syslog", "Nov 23 17:17:06 ns1 named[512]: " + question, []string{"2026-11-23T17:17:06" + want}, "used"},
		{"syslog of last year", "<30>Dec  1 17:17:06 ns1 named[512]: queries: info: " + question, []string{"2025-12-01T17:17:06" + want}, "used"},
		{"syslog and its own time", "<30>Nov 23 19:17:09 ns1 named[512]: 23-Nov-2026 17:17:06.577 queries: info: " + question, []string{"2026-11-23T17:17:06.577" + want}, "used"},
		{"rsyslog", "2026-11-23T19:17:06.512345+02:00 ns1 named[512]: " + question, []string{"2026-11-23T17:17:06.512345" + want}, "used"},
		{"RFC 5424", "<30>1 2026-11-23T17:17:06.5Z ns1 named 512 - - " + question, []string{"2026-11-23T17:17:06.5" + want}, "used"},
		{"a host called client", "Nov 23 17:17:06 client named[512]: " + question, []string{"2026-11-23T17:17:06" + want}, "used"},
		{"OpenWrt", "Mon Nov 23 17:17:06 2026 daemon.info named[512]: " + question, []string{"2026-11-23T17:17:06" + want}, "used"},
		{"no time", question, nil, "bad_time"},
		{"no such day", "31-Nov-2026 17:17:06.577 " + question, nil, "bad_time"},

		{"view", "23-Nov-2026 17:17:06.577 client @0x7f 192.0.2.7#5 (a.example): view inside: query: a.example IN AAAA - (2001:db8::53)",
			[]string{"2026-11-23T17:17:06.577 192.0.2.7 a.example 28 ? @2001:db8::53"}, "used"},
		{"key", "23-Nov-2026 17:17:06.577 client @0x7f 2001:db8::7#5/key k.example (a.example): view v: query: a.example IN A +ST (192.0.2.53)",
			[]string{"2026-11-23T17:17:06.577 2001:db8::7 a.example 1 ? @192.0.2.53"}, "used"},
		{"old, without a name", "23-Nov-2009 17:17:06.577 client 192.0.2.7#5: query: a.example IN A +",
			[]string{"2009-11-23T17:17:06.577 192.0.2.7 a.example 1 ?"}, "used"},
		{"old, with a view", "23-Nov-2009 17:17:06.577 client 192.0.2.7#5: view v: query: a.example IN A + (192.0.2.53)",
			[]string{"2009-11-23T17:17:06.577 192.0.2.7 a.example 1 ? @192.0.2.53"}, "used"},
		{"masked client subnet", "23-Nov-2026 17:17:06.577 client @0x7f 192.0.2.7#5 (a.example): query: a.example IN A +E(0) (192.0.2.53) [ECS 203.0.113.0/24/0]",
			[]string{"2026-11-23T17:17:06.577 192.0.2.7 a.example 1 ? @192.0.2.53 ecs=203.0.113.0/24"}, "used"},
		{"whole client subnet", "23-Nov-2026 17:17:06.577 client @0x7f 192.0.2.7#5 (a.example): query: a.example IN A +E(0) (192.0.2.53) [ECS 2001:db8::1/128/0]",
			[]string{"2026-11-23T17:17:06.577 192.0.2.7 a.example 1 ? @192.0.2.53 ecs=2001:db8::1/128"}, "used"},
		{"a type without a name", "23-Nov-2026 17:17:06.577 client @0x7f 192.0.2.7#5 (a.example): query: a.example IN TYPE65534 + (192.0.2.53)",
			[]string{"2026-11-23T17:17:06.577 192.0.2.7 a.example 65534 ? @192.0.2.53"}, "used"},
		{"the root", "23-Nov-2026 17:17:06.577 client @0x7f 192.0.2.7#5 (.): query: . IN NS + (192.0.2.53)",
			[]string{"2026-11-23T17:17:06.577 192.0.2.7 . 2 ? @192.0.2.53"}, "used"},
		{"mapped client", "23-Nov-2026 17:17:06.577 client @0x7f ::ffff:192.0.2.7#5 (a.example): query: a.example IN A +",
			[]string{"2026-11-23T17:17:06.577 192.0.2.7 a.example 1 ?"}, "used"},

		// A name can not say that it is another client's.
		{"escapes", `23-Nov-2026 17:17:06.577 client @0x7f 192.0.2.7#5 (A\"\032client\032@0x1\0329.9.9.9#1\\\(b||c.example): query: A\"\032client\032@0x1\0329.9.9.9#1\\\(b||c.example IN A + (192.0.2.53)`,
			[]string{`2026-11-23T17:17:06.577 192.0.2.7 a"\032client\032@0x1\0329.9.9.9#1\\(b||c.example 1 ? @192.0.2.53`}, "used"},
		{"not a name", "23-Nov-2026 17:17:06.577 client @0x7f 192.0.2.7#5 (a..b): query: a..b IN A + (192.0.2.53)", nil, "bad_name"},
		{"class CHAOS", "23-Nov-2026 17:17:06.577 client @0x7f 192.0.2.7#5 (version.bind): query: version.bind CH TXT + (192.0.2.53)", nil, "passed"},

		{"query-errors", "23-Nov-2026 17:17:06.589 query-errors: info: client @0x7f 192.0.2.7#5 (www.none.example): query failed (REFUSED) for www.none.example/IN/A at query.c:7177",
			[]string{"2026-11-23T17:17:06.589 192.0.2.7 www.none.example 1 ? rcode=5"}, "used"},
		{"query-errors with a slash", "23-Nov-2026 17:17:06.589 client @0x7f 192.0.2.7#5 (a/b.example): query failed (failure) for a/b.example/IN/AAAA at query.c:7916",
			[]string{"2026-11-23T17:17:06.589 192.0.2.7 a/b.example 28 ? rcode=2"}, "used"},
		{"responselog", "23-Nov-2026 17:17:06.577 responses: info: client @0x7f 192.0.2.7#5 (a.example): response: a.example IN A NXDOMAIN 1 0 1 1 +E(0) (192.0.2.53)",
			[]string{"2026-11-23T17:17:06.577 192.0.2.7 a.example 1 ? rcode=3 @192.0.2.53"}, "used"},

		{"other lines", "23-Nov-2026 17:17:06.577 general: info: zone a.example/IN: loaded serial 1\nNov 23 17:17:06 ns1 named[512]: running\n" +
			"23-Nov-2026 17:17:06.577 client @0x7f 192.0.2.7#5 (a.example): rpz QNAME NXDOMAIN rewrite a.example/A/IN via a.example.rpz\n" +
			"23-Nov-2026 17:17:06.577 client @0x7f 192.0.2.7#5 (a.example): query (cache) 'a.example/A/IN' denied", nil, "passed passed passed passed"},
		{"another log", "hello client of mine\nNov 23 17:17:06 client sshd[1]: x\nNov 23 17:17:06 host sshd[1]: x\n192.0.2.7 - - [23/Nov/2026:17:17:06 +0000] \"GET /\"", nil, "not_the_format not_the_format not_the_format not_the_format"},
		{"Infoblox", "23-Nov-2026 17:17:06.577 client 192.0.2.7#5: UDP: query: a.example IN A response: NOERROR + a.example. 60 IN A 192.0.2.1;", nil, "passed"},
		{"not an address", "23-Nov-2026 17:17:06.577 client @0x7f 192.0.2.777#5 (a.example): query: a.example IN A + (192.0.2.53)", nil, "bad_client"},
		{"other columns", "23-Nov-2026 17:17:06.577 client @0x7f 192.0.2.7#5 (a.example): query: a b.example IN A + (192.0.2.53)", nil, "bad_columns"},
	})
}

// TestBINDTorn cuts a line everywhere: it tells the question or it is refused.
func TestBINDTorn(t *testing.T) {
	const line = "23-Nov-2026 17:17:06.577 queries: info: client @0x7f 192.0.2.7#5 (www.site.example): query: www.site.example IN AAAA +E(0) (192.0.2.53)"
	torn := 0
	for n := range line {
		p := newTape(t, "bind", reference)
		p.read(line[:n])
		for _, e := range p.evidence {
			if !strings.HasPrefix(e, "2026-11-23T17:17:06.577 192.0.2.7 www.site.example 28 ?") {
				t.Errorf("%q: %s", line[:n], e)
			}
		}
		torn += int(p.Stats().ByReason[Torn])
	}
	if torn < 10 {
		t.Errorf("%d beginnings were called torn", torn)
	}
}

func TestBINDZone(t *testing.T) {
	cfg := reference
	cfg.Location = time.FixedZone("", 2*3600)
	p := newTape(t, "bind", cfg)
	p.read("23-Nov-2026 17:17:06.577 client 192.0.2.7#5: query: a.example IN A +\n" +
		"2026-11-23T17:17:06.577 client 192.0.2.7#5: query: a.example IN A +\n" +
		"Nov 23 17:17:06 ns1 named[512]: client 192.0.2.7#5: query: a.example IN A +\n" +
		"2026-11-23T17:17:06.577Z client 192.0.2.7#5: query: a.example IN A +\n")
	want := []string{
		"2026-11-23T15:17:06.577 192.0.2.7 a.example 1 ?", "2026-11-23T15:17:06.577 192.0.2.7 a.example 1 ?",
		"2026-11-23T15:17:06 192.0.2.7 a.example 1 ?", "2026-11-23T17:17:06.577 192.0.2.7 a.example 1 ?",
	}
	if diff := cmp.Diff(want, p.evidence); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestBINDCorpus(t *testing.T) {
	readSample(t, "bind", "bind/bind9_18_querylog.log", reference)
	got := readLive(t, "bind", "bind/bind9_18_querylog.log", "")
	if diff := cmp.Diff(liveQuestions(t, liveBIND), got.questions); diff != "" {
		t.Errorf("questions (-wire +log):\n%s", diff)
	}
	if n := got.stats.ByReason[Used]; n != got.stats.Lines {
		t.Errorf("%+v", got.stats)
	}
}
