package logs

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestUnbound(t *testing.T) {
	const want = "2026-11-23T17:16:35 192.0.2.7 www.site.example 1 ?"
	testLogs(t, "unbound", reference, []logCase{
		{"reply", "[1795454195] unbound[24680:0] reply: 192.0.2.7 www.Site.example. A IN NOERROR 0.000480 0 72", []string{want}, "used"},
		{"reply without tag", "[1795454195] unbound[24680:0] info: 192.0.2.7 www.site.example. A IN NOERROR 0.000480 1 72", []string{want}, "used"},
		{"query", "[1795454195] unbound[24680:0] query: 192.0.2.7 www.site.example. A IN", []string{want}, "used"},
		{"query without tag", "[1795454195] unbound[24680:0] info: 192.0.2.7 www.site.example. A IN", []string{want}, "used"},
		{"failure", "[1795454195] unbound[24680:0] reply: 192.0.2.7 www.site.example. AAAA IN NXDOMAIN 0.000480 0 72",
			[]string{"2026-11-23T17:16:35 192.0.2.7 www.site.example 28 ? rcode=3"}, "used"},
		{"log-destaddr", "[1795454195] unbound[24680:0] reply: 2001:db8::7 a.example. HTTPS IN NOERROR 0.000480 0 72 on tcp 2001:db8::53 853",
			[]string{"2026-11-23T17:16:35 2001:db8::7 a.example 65 ? @2001:db8::53"}, "used"},
		{"log-time-ascii", "Nov 23 17:16:35 unbound[24680:0] reply: 192.0.2.7 www.site.example. A IN NOERROR 0.000480 0 72", []string{want}, "used"},
		{"log-time-iso", "2026-11-23T18:16:35.250+01:00 unbound[24680:0] reply: 192.0.2.7 www.site.example. A IN NOERROR 0.000480 0 72",
			[]string{"2026-11-23T17:16:35.25 192.0.2.7 www.site.example 1 ?"}, "used"},
		{"log-thread-id", "[1795454195] unbound[24680:6a7f] reply: 192.0.2.7 www.site.example. A IN NOERROR 0.000480 0 72", []string{want}, "used"},
		{"syslog", "Nov 23 17:16:35 ns1 unbound[24680]: [24680:0] info: 192.0.2.7 www.site.example. A IN NOERROR 0.000480 0 72", []string{want}, "used"},
		{"journal", "2026-11-23T17:16:35+0000 ns1 unbound[24680]: [24680:0] reply: 192.0.2.7 www.site.example. A IN NOERROR 0.000480 0 72", []string{want}, "used"},
		{"the root", "[1795454195] unbound[24680:0] query: 192.0.2.7 . NS IN", []string{"2026-11-23T17:16:35 192.0.2.7 . 2 ?"}, "used"},

		{"FORMERR", "[1795454195] unbound[24680:0] reply: 192.0.2.7 - - - FORMERR - - - ", nil, "passed"},
		{"a garbled name", "[1795454195] unbound[24680:0] reply: 192.0.2.7 a?b.example. A IN NOERROR 0.000480 0 72", nil, "bad_name"},
		{"no question", "[1795454195] unbound[24680:0] reply: 192.0.2.7 null TYPE0 CLASS0 REFUSED 0.000000 1 12", nil, "passed"},
		{"not a full name", "[1795454195] unbound[24680:0] reply: 192.0.2.7 a.example A IN NOERROR 0.000480 0 72", nil, "bad_name"},
		{"class CHAOS", "[1795454195] unbound[24680:0] query: 192.0.2.7 version.bind. TXT CH", nil, "passed"},
		{"other lines", "[1795454195] unbound[24680:0] info: start of service (unbound 1.17.1).\n[1795454195] unbound[24680:0] notice: init module 0: iterator\n" +
			"[1795454195] unbound[24680:0] info: a.example. always_nxdomain 192.0.2.7@45656 a.example. A IN\n" +
			"[1795454195] unbound[24680:0] error: SERVFAIL <a.example. A IN>: all servers failed", nil, "passed passed passed passed"},
		{"a word too many", "[1795454195] unbound[24680:0] reply: 192.0.2.7 a.example. A IN NOERROR 0.000480 0 72 1", nil, "bad_columns"},
		{"words without end", "[1795454195] unbound[24680:0] reply: 192.0.2.7 a.example. A IN NOERROR 0.000480 0 72 on tcp 192.0.2.53 53 1 2 3 4", nil, "bad_columns"},
		{"a word too few", "[1795454195] unbound[24680:0] reply: 192.0.2.7 a.example. A", nil, "bad_columns"},
		{"no name", "[1795454195] unbound[24680:0] query: 192.0.2.7  A IN", nil, "bad_name"},
		{"not a code", "[1795454195] unbound[24680:0] reply: 192.0.2.7 a.example. A IN FINE 0.000480 0 72", nil, "bad_columns"},
		{"not a server", "[1795454195] unbound[24680:0] reply: 192.0.2.7 a.example. A IN NOERROR 0.000480 0 72 on udp here 53", nil, "bad_columns"},
		{"no client", "[1795454195] unbound[24680:0] reply: a.example. A IN NOERROR", nil, "bad_client"},
		{"no time", "unbound[24680:0] reply: 192.0.2.7 a.example. A IN NOERROR 0.000480 0 72\n[999999999999] unbound[24680:0] query: 192.0.2.7 a.example. A IN", nil, "bad_time bad_time"},
		{"another log", "reply: 192.0.2.7 a.example. A IN\n[x] unbound[z:0] query: 192.0.2.7 a.example. A IN", nil, "not_the_format not_the_format"},
	})
}

func TestUnboundCorpus(t *testing.T) {
	const path = "unbound/unbound_log-queries_log-replies.log"
	readSample(t, "unbound", path, reference)
	got := readLive(t, "unbound", path, "")
	// Unbound writes odd octets as question marks.
	want := without(liveQuestions(t, liveUnbound), `a"b||c.`, `sp\032ace.`, `nl\010x.`, `esc\027x.`)
	if diff := cmp.Diff(want, got.questions); diff != "" {
		t.Errorf("questions (-wire +log):\n%s", diff)
	}
	if got.stats.ByReason[BadName] != 8 || got.stats.ByReason[NotTheFormat] != 0 {
		t.Errorf("%+v", got.stats)
	}
}
