package logs

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestInfoblox(t *testing.T) {
	const head = "<30>Nov 23 17:17:06 ns1 named[4711]: 23-Nov-2026 17:17:06.329 client 192.0.2.7#61568: "
	const at = "2026-11-23T17:17:06.329 192.0.2.7 "
	testLogs(t, "infoblox", reference, []logCase{
		{"addresses", head + "UDP: query: a.Example IN A response: NOERROR + a.example. 60 IN A 198.51.100.1; a.example. 30 IN A 198.51.100.2;",
			[]string{at + "a.example 1 198.51.100.1/60 198.51.100.2/30"}, "used"},
		{"view, flags, TCP", head + "view 7: TCP: query: a.example IN AAAA response: NOERROR +EDV a.example. 60 IN AAAA 2001:db8::1;",
			[]string{at + "a.example 28 2001:db8::1/60"}, "used"},
		{"a chain in any order", head + "UDP: query: a.example IN A response: NOERROR +A c.example. 300 IN A 198.51.100.1; b.example. 30 IN CNAME c.example.; a.example. 60 IN CNAME b.example.; x.example. 9 IN A 203.0.113.9;",
			[]string{at + "a.example>c.example 1 198.51.100.1/30"}, "used"},
		{"NXDOMAIN", head + "UDP: query: no.example IN A response: NXDOMAIN +", []string{at + "no.example 1 rcode=3"}, "used"},
		{"no records", head + "UDP: query: a.example IN AAAA response: NOERROR +", []string{at + "a.example 28"}, "used"},
		{"an error has no addresses", head + "UDP: query: a.example IN A response: SERVFAIL + a.example. 60 IN A 198.51.100.1;", []string{at + "a.example 1 rcode=2"}, "used"},
		{"no syslog", "23-Nov-2026 17:17:06.329 client 192.0.2.7#61568: UDP: query: a.example IN A response: NOERROR - a.example. 60 IN A 198.51.100.1;",
			[]string{at + "a.example 1 198.51.100.1/60"}, "used"},
		{"no time of its own", "<30>Nov 23 17:17:06 ns1 named[4711]: client 2001:db8::7#61568: UDP: query: a.example IN A response: NOERROR - a.example. 60 IN A 198.51.100.1;",
			[]string{"2026-11-23T17:17:06 2001:db8::7 a.example 1 198.51.100.1/60"}, "used"},
		{"HTTPS", head + `UDP: query: a.example IN HTTPS response: NOERROR + a.example. 60 IN HTTPS 1 . alpn="h2" ipv4hint=198.51.100.1;`, []string{at + "a.example 65 ?"}, "used"},
		{"TXT", head + `UDP: query: a.example IN TXT response: NOERROR + a.example. 60 IN TXT "198.51.100.1";`, []string{at + "a.example 16"}, "used"},

		// Texts and names can not end a record.
		{"a text that plays a record", head + `UDP: query: a.example IN ANY response: NOERROR + a.example. 60 IN TXT "x; a.example. 60 IN A 203.0.113.9; \"; a.example. 60 IN A 203.0.113.8;"; a.example. 60 IN A 198.51.100.1;`,
			[]string{at + "a.example 255 198.51.100.1/60"}, "used"},
		{"a name that plays a record", head + `UDP: query: a.example IN A response: NOERROR + a.example. 60 IN CNAME b\;c\"\032d.example.; b\;c\"\032d.example. 60 IN A 198.51.100.1;`,
			[]string{at + `a.example>b;c"\032d.example 1 198.51.100.1/60`}, "used"},
		{"another family", head + "UDP: query: a.example IN A response: NOERROR + a.example. 60 IN A 2001:db8::1; a.example. 60 IN A here;", []string{at + "a.example 1"}, "used"},
		{"cut by syslog", head + "UDP: query: a.example IN A response: NOERROR + a.example. 60 IN A 198.51.100.1; a.example. 30 IN A 198.51.100.2",
			[]string{at + "a.example 1 198.51.100.1/60"}, "used"},
		{"cut before the records", head + "UDP: query: a.example IN A response: NOERR", nil, "torn"},
		{"columns missing in a record", head + "UDP: query: a.example IN A response: NOERROR + a.example. IN A 198.51.100.1; b.example. 60 IN A 198.51.100.1;", nil, "bad_columns"},
		{"other columns", head + "UDP: query: a.example IN A answer: NOERROR + a.example. 60 IN A 198.51.100.1;\n" + head + "UDP: query: a.example IN A response: FINE +", nil, "bad_columns bad_columns"},
		{"not a name", head + "UDP: query: a..example IN A response: NOERROR +", nil, "bad_name"},
		{"class CHAOS", head + "UDP: query: version.bind CH TXT response: NOERROR + version.bind. 0 CH TXT \"9\";", nil, "passed"},
		{"not a client", strings.Replace(head, "192.0.2.7", "here", 1) + "UDP: query: a.example IN A response: NOERROR +", nil, "bad_client"},
		{"no time", "client 192.0.2.7#5: UDP: query: a.example IN A response: NOERROR +", nil, "bad_time"},

		{"queries", "<30>Nov 23 17:17:06 ns1 named[4711]: client @0x7f 192.0.2.7#61568 (a.example): query: a.example IN A + (192.0.2.53)",
			[]string{"2026-11-23T17:17:06 192.0.2.7 a.example 1 ? @192.0.2.53"}, "used"},
		{"queries beside responses of last year", strings.ReplaceAll(head, "2026", "2025") + "UDP: query: a.example IN A response: NOERROR +\n" +
			"<30>Nov 23 17:17:06 ns1 named[4711]: client @0x7f 192.0.2.7#61568 (a.example): query: a.example IN A + (192.0.2.53)",
			[]string{"2025-11-23T17:17:06.329 192.0.2.7 a.example 1", "2025-11-23T17:17:06 192.0.2.7 a.example 1 ? @192.0.2.53"}, "used used"},
		{"queries weeks behind the last response", strings.ReplaceAll(head, "2026", "2025") + "UDP: query: a.example IN A response: NOERROR +\n" +
			"<30>Jan  3 17:17:06 ns1 named[4711]: client @0x7f 192.0.2.7#61568 (a.example): query: a.example IN A + (192.0.2.53)",
			[]string{"2025-11-23T17:17:06.329 192.0.2.7 a.example 1", "2026-01-03T17:17:06 192.0.2.7 a.example 1 ? @192.0.2.53"}, "used used"},
		{"other lines", "<30>Nov 23 17:17:06 ns1 named[4711]: FORMERR resolving 'a.example/A/IN': 192.0.2.53#53\n<30>Nov 23 17:17:06 ns1 dhcpd[4711]: DHCPACK", nil, "passed not_the_format"},
	})
}

func TestInfobloxCorpus(t *testing.T) {
	p := readSample(t, "infoblox", "infoblox/sc4s_infoblox_dns.log", reference)
	want := []string{
		"2020-09-24T09:46:27.205 192.168.1.3 2.1.168.192.in-addr.arpa 12 rcode=3",
		"2020-09-24T09:46:27.329 192.168.1.3 abc.com 1 13.32.86.14/60 13.32.86.89/60 13.32.86.7/60 13.32.86.42/60",
		"2020-09-24T09:46:27.336 192.168.1.3 abc.com 28",
		"2020-09-24T09:46:27 192.168.1.3 abc.com 1 ? @192.168.1.2",
		"2020-09-24T09:46:27 192.168.1.3 2.1.168.192.in-addr.arpa 12 ? @192.168.1.2",
		"2020-09-24T09:46:27 192.168.1.3 abc.com 28 ? @192.168.1.2",
	}
	if diff := cmp.Diff(want, p.evidence); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if s := p.Stats(); s.ByReason[Used] != 6 || s.ByReason[Passed] != s.Lines-6 {
		t.Errorf("%+v", s)
	}
}
