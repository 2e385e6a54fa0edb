package logs

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCoreDNS(t *testing.T) {
	const line = `[INFO] 192.0.2.7:60887 - 40038 "A IN www.site.example. udp 41 false 1232" NOERROR qr,aa,rd 58 0.000332193s`
	const want = "2026-11-23T17:17:06.5 192.0.2.7 www.site.example 1 ?"
	testLogs(t, "coredns", reference, []logCase{
		{"as it writes it", line, nil, "bad_time"},
		{"old releases", "2026-11-23T17:17:06.500Z " + line, []string{want}, "used"},
		{"containerd", "2026-11-23T17:17:06.500000000Z stdout F " + line, []string{want}, "used"},
		{"containerd with a zone", "2026-11-23T18:17:06.500000000+01:00 stderr F " + line, []string{want}, "used"},
		{"kubectl with prefix", "2026-11-23T17:17:06.5Z [pod/coredns-abc/coredns] " + line, []string{want}, "used"},
		{"journald", "2026-11-23T17:17:06+0000 ns1 coredns[12]: " + line, []string{"2026-11-23T17:17:06 192.0.2.7 www.site.example 1 ?"}, "used"},
		{"syslog", "Nov 23 17:17:06 ns1 coredns[12]: " + line, []string{"2026-11-23T17:17:06 192.0.2.7 www.site.example 1 ?"}, "used"},
		{"docker's file", `{"log":"[INFO] 192.0.2.7:60887 - 40038 \"A IN www.site.example. udp 41 false 1232\" NOERROR qr,aa,rd 58 0.1s\n","stream":"stdout","time":"2026-11-23T17:17:06.5Z"}`,
			[]string{want}, "used"},
		{"with when", `[INFO] 192.0.2.7:60887 - [23/Nov/2026:18:17:06 +0100] 40038 "A IN www.site.example. udp 41 false 1232" NOERROR qr,aa,rd 58 0.1s`,
			[]string{"2026-11-23T17:17:06 192.0.2.7 www.site.example 1 ?"}, "used"},
		{"IPv6", `2026-11-23T17:17:06.5Z [INFO] [2001:db8::7]:60887 - 1 "AAAA IN a.example. tcp 41 true 65535" NXDOMAIN qr,rd 58 0.1s`,
			[]string{"2026-11-23T17:17:06.5 2001:db8::7 a.example 28 ? rcode=3"}, "used"},
		{"IPv6 without brackets", `2026-11-23T17:17:06.5Z [INFO] 2001:db8::7:60887 - 1 "AAAA IN a.example. tcp 41 true 65535" NOERROR qr,rd 58 0.1s`,
			[]string{"2026-11-23T17:17:06.5 2001:db8::7 a.example 28 ?"}, "used"},

		{"escapes", `2026-11-23T17:17:06.5Z [INFO] 192.0.2.7:6 - 1 "A IN a\"\ udp\ b\010c\\.example. udp 41 false 1232" NOERROR qr 58 0.1s`,
			[]string{`2026-11-23T17:17:06.5 192.0.2.7 a"\032udp\032b\010c\\.example 1 ?`}, "used"},
		{"a quote that ends nothing", `2026-11-23T17:17:06.5Z [INFO] 192.0.2.7:6 - 1 "A IN a" NOERROR.example. udp 41 false 1232" NOERROR qr 58 0.1s`, nil, "bad_columns"},
		{"not a name", `2026-11-23T17:17:06.5Z [INFO] 192.0.2.7:6 - 1 "A IN a..example. udp 41 false 1232" NOERROR qr 58 0.1s`, nil, "bad_name"},
		{"class CHAOS", `2026-11-23T17:17:06.5Z [INFO] 192.0.2.7:6 - 1 "TXT CH version.bind. udp 41 false 1232" NOERROR qr 58 0.1s`, nil, "passed"},
		{"other lines", "2026-11-23T17:17:06.5Z [INFO] SIGTERM: Shutting down servers then terminating\n2026-11-23T17:17:06.5Z [ERROR] plugin/errors: 2 a.example. A: timeout\n[WARNING] none", nil, "passed passed passed"},
		{"not a client", "2026-11-23T17:17:06.5Z [INFO] here:1 - 1 \"A IN a.example. udp 41 false 1232\" NOERROR qr 58 0.1s", nil, "bad_client"},
		{"no quotes", "2026-11-23T17:17:06.5Z [INFO] 192.0.2.7:6 - 1 A IN a.example. udp 41 false 1232 NOERROR qr 58 0.1s", nil, "bad_columns"},
		{"not a code", `2026-11-23T17:17:06.5Z [INFO] 192.0.2.7:6 - 1 "A IN a.example. udp 41 false 1232" FINE qr 58 0.1s`, nil, "bad_columns"},
		{"spaces for words", `2026-11-23T17:17:06.5Z [INFO] 192.0.2.7:6 -  "       0`, nil, "bad_columns"},
		{"torn", `2026-11-23T17:17:06.5Z [INFO] 192.0.2.7:6 - 1 "A IN a.exam`, nil, "torn"},
		{"another log", "CoreDNS-1.11.3\n[x] y", nil, "not_the_format not_the_format"},
	})
}

func TestCoreDNSCorpus(t *testing.T) {
	const path = "coredns/coredns_1.11.3_log.log"
	p := readSample(t, "coredns", path, reference)
	if s := p.Stats(); s.ByReason[BadTime] != 57 || s.Responses != 0 {
		t.Errorf("without times: %+v", s)
	}
	got := readLive(t, "coredns", path, "2026-11-23T17:17:06Z stdout F ")
	if diff := cmp.Diff(liveQuestions(t, liveCoreDNS), got.questions); diff != "" {
		t.Errorf("questions (-wire +log):\n%s", diff)
	}
}
