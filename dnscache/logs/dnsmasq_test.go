package logs

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// dnsmasqLines puts what dnsmasq's lines begin with before each line.
func dnsmasqLines(lines ...string) string {
	var b strings.Builder
	for _, line := range lines {
		b.WriteString("Nov 23 17:17:06 dnsmasq[77]: " + line + "\n")
	}
	return b.String()
}

func TestDnsmasqExtra(t *testing.T) {
	const at = "2026-11-23T17:17:06 192.0.2.7 "
	testLogs(t, "dnsmasq", reference, []logCase{
		{"addresses", dnsmasqLines("8 192.0.2.7/53047 query[A] www.Site.example from 192.0.2.7", "8 192.0.2.7/53047 forwarded www.Site.example to 192.0.2.53",
			"8 192.0.2.7/53047 reply www.Site.example is 198.51.100.2", "8 192.0.2.7/53047 reply www.Site.example is 198.51.100.1"),
			[]string{at + "www.site.example 1 198.51.100.2/-", at + "www.site.example 1 198.51.100.1/-"}, "used passed used used"},
		{"chain", dnsmasqLines("8 192.0.2.7/53047 query[AAAA] a.example from 192.0.2.7", "8 192.0.2.7/53047 cached a.example is <CNAME>",
			"8 192.0.2.7/53047 cached b.example is <CNAME>", "8 192.0.2.7/53047 reply c.example is 2001:db8::1"),
			[]string{at + "a.example>c.example 28 2001:db8::1/-"}, "used used used used"},
		{"mixed serials", dnsmasqLines("8 192.0.2.7/1 query[A] a.example from 192.0.2.7", "9 192.0.2.8/1 query[A] b.example from 192.0.2.8",
			"9 192.0.2.8/1 reply b.example is 198.51.100.2", "8 192.0.2.7/1 reply a.example is 198.51.100.1"),
			[]string{"2026-11-23T17:17:06 192.0.2.8 b.example 1 198.51.100.2/-", at + "a.example 1 198.51.100.1/-"}, "used used used used"},
		{"local answers", dnsmasqLines("8 192.0.2.7/1 query[A] a.example from 192.0.2.7", "8 192.0.2.7/1 config a.example is 198.51.100.1",
			"9 192.0.2.7/1 query[A] b.example from 192.0.2.7", "9 192.0.2.7/1 /etc/hosts b.example is 198.51.100.2",
			"10 192.0.2.7/1 query[A] c.example from 192.0.2.7", "10 192.0.2.7/1 DHCP c.example is 198.51.100.3",
			"11 192.0.2.7/1 query[A] d.example from 192.0.2.7", "11 192.0.2.7/1 /srv/my hosts d.example is 198.51.100.4",
			"12 192.0.2.7/1 query[A] ads.example from 192.0.2.7", "12 192.0.2.7/1 gravity blocked ads.example is 0.0.0.0",
			"13 192.0.2.7/1 auth[A] e.example from 192.0.2.7", "13 192.0.2.7/1 auth e.example is 198.51.100.5",
			"14 192.0.2.7/1 query[A] f.example from 192.0.2.7", "14 192.0.2.7/1 cached-stale f.example is 198.51.100.6"),
			[]string{at + "a.example 1 198.51.100.1/-", at + "b.example 1 198.51.100.2/-", at + "c.example 1 198.51.100.3/-", at + "d.example 1 198.51.100.4/-",
				at + "ads.example 1 0.0.0.0/-", at + "e.example 1 198.51.100.5/-", at + "f.example 1 198.51.100.6/-"},
			strings.TrimSpace(strings.Repeat("used ", 14))},
		{"failures", dnsmasqLines("8 192.0.2.7/1 query[A] a.example from 192.0.2.7", "8 192.0.2.7/1 reply a.example is NXDOMAIN",
			"9 192.0.2.7/1 query[AAAA] a.example from 192.0.2.7", "9 192.0.2.7/1 cached a.example is NODATA-IPv6",
			"10 192.0.2.7/1 query[A] a.example from 192.0.2.7", "10 192.0.2.7/1 reply error is REFUSED",
			"11 192.0.2.7/1 query[A] a.example from 192.0.2.7", "11 192.0.2.7/1 reply error is not implemented",
			"12 192.0.2.7/1 query[A] a.example from 192.0.2.7", "12 192.0.2.7/1 reply error is SERVFAIL (EDE: DNSSEC bogus)",
			"13 192.0.2.7/1 query[A] a.example from 192.0.2.7", "13 192.0.2.7/1 reply is truncated"),
			[]string{at + "a.example 1 rcode=3", at + "a.example 28", at + "a.example 1 rcode=5", at + "a.example 1 rcode=4", at + "a.example 1 rcode=2"},
			"used used used used used used used used used used used passed"},
		{"a question that waits for another's answer", dnsmasqLines("8 192.0.2.7/1 query[A] a.example from 192.0.2.7", "8 192.0.2.7/1 reply query is duplicate"),
			[]string{at + "a.example 1 ?"}, "used used"},
		{"other types", dnsmasqLines("8 192.0.2.7/1 query[HTTPS] a.example from 192.0.2.7", "8 192.0.2.7/1 reply a.example is <HTTPS>",
			"9 192.0.2.7/1 query[type=65] b.example from 192.0.2.7", "10 192.0.2.7/1 query[PTR] 7.2.0.192.in-addr.arpa from 192.0.2.7", "10 192.0.2.7/1 reply 192.0.2.7 is 203.0.113.9"),
			[]string{at + "a.example 65 ?", at + "b.example 65 ?", at + "7.2.0.192.in-addr.arpa 12 ?"}, "used passed used used passed"},
		{"proto", dnsmasqLines("UDP 8 192.0.2.7/1 query[A] a.example from 192.0.2.7", "UDP 8 192.0.2.7/1 reply a.example is 198.51.100.1",
			"9 192.0.2.7/1 TCP query[A] b.example from 192.0.2.7", "9 192.0.2.7/1 TCP reply b.example is 198.51.100.2",
			"10 UDP 192.0.2.7/1 query[A] c.example from 192.0.2.7", "10 UDP 192.0.2.7/1 reply c.example is 198.51.100.3"),
			[]string{at + "a.example 1 198.51.100.1/-", at + "b.example 1 198.51.100.2/-", at + "c.example 1 198.51.100.3/-"}, "used used used used used used"},
		{"DNSSEC", dnsmasqLines("8 192.0.2.7/1 query[A] a.example from 192.0.2.7", "8 dnssec-query[DS] example to 192.0.2.53", "8 reply example is DS for keytag 1, algo 8, digest 2",
			"8 192.0.2.7/1 validation result is SECURE", "8 192.0.2.7/1 reply a.example is 198.51.100.1 (DNSSEC signed)"),
			[]string{at + "a.example 1 198.51.100.1/-"}, "used passed passed passed used"},

		// Text is never an address.
		{"a TXT answer", dnsmasqLines("8 192.0.2.7/1 query[TXT] a.example from 192.0.2.7", "8 192.0.2.7/1 reply a.example is 203.0.113.200"),
			[]string{at + "a.example 16 ?"}, "used passed"},
		{"an ANY answer", dnsmasqLines("8 192.0.2.7/1 query[ANY] a.example from 192.0.2.7", "8 192.0.2.7/1 reply a.example is 203.0.113.200"),
			[]string{at + "a.example 255 ?"}, "used passed"},
		{"the other family", dnsmasqLines("8 192.0.2.7/1 query[A] a.example from 192.0.2.7", "8 192.0.2.7/1 reply a.example is 2001:db8::1",
			"9 192.0.2.7/1 query[AAAA] a.example from 192.0.2.7", "9 192.0.2.7/1 reply a.example is 203.0.113.200"), nil, "used bad_address used bad_address"},
		{"off the chain", dnsmasqLines("8 192.0.2.7/1 query[A] a.example from 192.0.2.7", "8 192.0.2.7/1 reply b.example is 203.0.113.200"), nil, "used unpaired"},
		{"another client's serial", dnsmasqLines("8 192.0.2.7/1 query[A] a.example from 192.0.2.7", "8 192.0.2.7/2 reply a.example is 203.0.113.200",
			"8 192.0.2.8/1 reply a.example is 203.0.113.200", "8 192.0.2.8/1 reply a.example is <CNAME>"), nil, "used unpaired unpaired passed"},
		{"the file begins in between", dnsmasqLines("8 192.0.2.7/2 reply a.example is 203.0.113.200"), nil, "unpaired"},
		{"too late", dnsmasqLines("8 192.0.2.7/1 query[A] a.example from 192.0.2.7") + "Nov 23 17:18:07 dnsmasq[77]: 8 192.0.2.7/1 reply a.example is 203.0.113.200\n", nil, "used unpaired"},

		// Names as they are.
		{"spaces", dnsmasqLines("8 192.0.2.7/1 query[A] sp ace is from here.example from 192.0.2.7", "8 192.0.2.7/1 reply sp ace is from here.example is 198.51.100.1"),
			[]string{at + `sp\032ace\032is\032from\032here.example 1 198.51.100.1/-`}, "used used"},
		{"a name that plays a client", dnsmasqLines("8 192.0.2.7/1 query[A] a.example from 203.0.113.1 from 192.0.2.7", "8 192.0.2.7/1 reply a.example is 203.0.113.9"),
			nil, "used unpaired"},
		{"quotes and pipes", dnsmasqLines(`8 192.0.2.7/1 query[A] a"\b||c.example from 192.0.2.7`, `8 192.0.2.7/1 reply a"\b||c.example is 198.51.100.1`),
			[]string{at + `a"\\b||c.example 1 198.51.100.1/-`}, "used used"},
		{"unprintable", dnsmasqLines("8 192.0.2.7/1 query[A] <name unprintable> from 192.0.2.7", "8 192.0.2.7/1 reply <name unprintable> is 198.51.100.1",
			"9 192.0.2.7/1 query[TXT] <name unprintable> from 192.0.2.7"), nil, "bad_name bad_name bad_name"},
		{"an unprintable alias", dnsmasqLines("8 192.0.2.7/1 query[A] a.example from 192.0.2.7", "8 192.0.2.7/1 reply a.example is <CNAME>", "8 192.0.2.7/1 reply <name unprintable> is 198.51.100.1"),
			[]string{at + "a.example 1 198.51.100.1/-"}, "used used used"},
		{"too long", dnsmasqLines("8 192.0.2.7/1 query[A] "+strings.Repeat("a.", 1000)+"example from 192.0.2.7", "9 192.0.2.7/1 query[TXT] a..b from 192.0.2.7"), nil, "bad_name bad_name"},
		{"IPv6 client", dnsmasqLines("8 fe80::7%eth0/1 query[A] a.example from fe80::7%eth0", "8 fe80::7%eth0/1 reply a.example is 198.51.100.1"),
			[]string{"2026-11-23T17:17:06 fe80::7 a.example 1 198.51.100.1/-"}, "used used"},
		{"not a client", dnsmasqLines("8 192.0.2.7/1 query[A] a.example from here"), nil, "bad_client"},
	})
}

func TestDnsmasqPlain(t *testing.T) {
	const any, at = "2026-11-23T17:17:06 * ", "2026-11-23T17:17:06 192.0.2.7 "
	testLogs(t, "dnsmasq", reference, []logCase{
		{"addresses", dnsmasqLines("query[A] www.Site.example from 192.0.2.7", "forwarded www.Site.example to 192.0.2.53", "reply www.Site.example is 198.51.100.2"),
			[]string{at + "www.site.example 1 ?", any + "www.site.example 1 198.51.100.2/-"}, "used passed used"},
		{"cached chain", dnsmasqLines("query[AAAA] a.example from 192.0.2.7", "cached a.example is <CNAME>", "cached b.example is <CNAME>", "cached c.example is 2001:db8::1", "cached c.example is 2001:db8::2"),
			[]string{at + "a.example 28 ?", any + "a.example>c.example 28 2001:db8::1/-", any + "a.example>c.example 28 2001:db8::2/-"}, "used used used used used"},
		{"browser", dnsmasqLines("query[A] a.example from 192.0.2.7", "query[AAAA] a.example from 192.0.2.7", "query[HTTPS] a.example from 192.0.2.7",
			"reply a.example is <HTTPS>", "reply a.example is 198.51.100.1", "reply a.example is 2001:db8::1"),
			[]string{at + "a.example 1 ?", at + "a.example 28 ?", at + "a.example 65 ?", any + "a.example 1 198.51.100.1/-", any + "a.example 28 2001:db8::1/-"},
			"used used used passed used used"},
		{"local answers", dnsmasqLines("query[A] a.example from 192.0.2.7", "/etc/hosts a.example is 198.51.100.1", "query[A] ads.example from 192.0.2.7", "exactly denied ads.example is 0.0.0.0"),
			[]string{at + "a.example 1 ?", any + "a.example 1 198.51.100.1/-", at + "ads.example 1 ?", any + "ads.example 1 0.0.0.0/-"}, "used used used used"},
		{"failures", dnsmasqLines("query[A] a.example from 192.0.2.7", "reply a.example is NXDOMAIN", "reply error is REFUSED", "reply is truncated"),
			[]string{at + "a.example 1 ?"}, "used passed passed passed"},

		{"a TXT answer", dnsmasqLines("query[TXT] a.example from 192.0.2.7", "reply a.example is 203.0.113.200"),
			[]string{at + "a.example 16 ?"}, "used unpaired"},
		{"addresses and text asked at once", dnsmasqLines("query[A] a.example from 192.0.2.7", "query[TXT] a.example from 192.0.2.8", "reply a.example is 203.0.113.200", "reply a.example is 198.51.100.1"),
			[]string{at + "a.example 1 ?", "2026-11-23T17:17:06 192.0.2.8 a.example 16 ?"}, "used used unpaired unpaired"},
		{"a type it does not know", dnsmasqLines("query[A] a.example from 192.0.2.7", "query[type=65399] a.example from 192.0.2.7", "reply a.example is 203.0.113.200"),
			[]string{at + "a.example 1 ?", at + "a.example 65399 ?"}, "used used unpaired"},
		{"a TXT answer behind an alias", dnsmasqLines("query[TXT] a.example from 192.0.2.7", "reply a.example is <CNAME>", "reply b.example is 203.0.113.200"),
			[]string{at + "a.example 16 ?"}, "used used unpaired"},
		{"the other family", dnsmasqLines("query[AAAA] a.example from 192.0.2.7", "reply a.example is 203.0.113.200"),
			[]string{at + "a.example 28 ?"}, "used unpaired"},
		{"never asked", dnsmasqLines("reply a.example is 203.0.113.200", "reply a.example is <CNAME>", "reply b.example is 203.0.113.200"), nil, "unpaired passed unpaired"},
		{"an alias, then another's answer", dnsmasqLines("query[A] a.example from 192.0.2.7", "query[A] b.example from 192.0.2.7", "reply a.example is <CNAME>", "reply b.example is 198.51.100.1"),
			[]string{at + "a.example 1 ?", at + "b.example 1 ?", any + "b.example 1 198.51.100.1/-"}, "used used used used"},
		{"an alias of a name that was answered before", dnsmasqLines("query[A] b.example from 192.0.2.7", "reply b.example is 198.51.100.1", "reply b.example is 198.51.100.2",
			"query[A] a.example from 192.0.2.7", "reply a.example is <CNAME>", "reply b.example is 198.51.100.1", "reply b.example is 198.51.100.2"),
			[]string{at + "b.example 1 ?", any + "b.example 1 198.51.100.1/-", any + "b.example 1 198.51.100.2/-",
				at + "a.example 1 ?", any + "a.example>b.example 1 198.51.100.1/-", any + "a.example>b.example 1 198.51.100.2/-"}, "used used used used used used used"},
		{"an alias of a name that two asked for and one got", dnsmasqLines("query[A] b.example from 192.0.2.7", "query[A] b.example from 192.0.2.7", "query[A] a.example from 192.0.2.7",
			"reply b.example is 198.51.100.1", "forwarded x.example to 192.0.2.53", "reply a.example is <CNAME>", "reply b.example is 198.51.100.1"),
			[]string{at + "b.example 1 ?", at + "b.example 1 ?", at + "a.example 1 ?", any + "b.example 1 198.51.100.1/-", any + "b.example 1 198.51.100.1/-"},
			"used used used used passed used used"},
		{"aliases of aliases", dnsmasqLines("query[A] b.example from 192.0.2.7", "reply b.example is <CNAME>", "reply c.example is 198.51.100.1",
			"query[A] a.example from 192.0.2.7", "reply a.example is <CNAME>", "cached b.example is <CNAME>", "cached c.example is 198.51.100.1"),
			[]string{at + "b.example 1 ?", any + "b.example>c.example 1 198.51.100.1/-", at + "a.example 1 ?", any + "a.example>c.example 1 198.51.100.1/-"},
			"used used used used used used used"},
		{"an alias behind another answer", dnsmasqLines("query[A] a.example from 192.0.2.7", "query[HTTPS] z.example from 192.0.2.7", "reply a.example is <CNAME>", "reply b.example is 198.51.100.1",
			"reply z.example is <CNAME>", "reply y.example is 203.0.113.9"),
			[]string{at + "a.example 1 ?", at + "z.example 65 ?", any + "a.example>b.example 1 198.51.100.1/-"}, "used used used used passed unpaired"},
		{"an alias, then another process", dnsmasqLines("query[A] a.example from 192.0.2.7", "reply a.example is <CNAME>") + "Nov 23 17:17:06 dnsmasq[78]: reply b.example is 198.51.100.1\n",
			[]string{at + "a.example 1 ?"}, "used used unpaired"},
		{"an alias, then another line", dnsmasqLines("query[A] a.example from 192.0.2.7", "reply a.example is <CNAME>", "forwarded c.example to 192.0.2.53", "reply b.example is 198.51.100.1"),
			[]string{at + "a.example 1 ?"}, "used used passed unpaired"},
		{"the name of an address", dnsmasqLines("query[PTR] 1.2.0.192.in-addr.arpa from 192.0.2.7", "query[A] 192.0.2.1 from 192.0.2.7", "reply 192.0.2.1 is 203.0.113.9"),
			[]string{at + "1.2.0.192.in-addr.arpa 12 ?", at + "192.0.2.1 1 ?"}, "used used bad_name"},
		{"text that plays an answer", dnsmasqLines("query[A] bank.example from 192.0.2.7", "query[TXT] a.example from 192.0.2.7", "reply a.example is bank.example is 203.0.113.9"),
			[]string{at + "bank.example 1 ?", at + "a.example 16 ?"}, "used used unpaired"},
		{"not a client", dnsmasqLines("query[A] a.example from here"), nil, "bad_client"},
		{"unprintable", dnsmasqLines("query[A] <name unprintable> from 192.0.2.7", "query[A] "+strings.Repeat("a", 300)+" from 192.0.2.7"), nil, "bad_name bad_name"},
	})
}

func TestDnsmasqPrefixes(t *testing.T) {
	const q = "query[TXT] a.example from 192.0.2.7"
	const want = "2026-11-23T17:17:06 192.0.2.7 a.example 16 ?"
	testLogs(t, "dnsmasq", reference, []logCase{
		{"its own file", "Nov 23 17:17:06 dnsmasq[77]: " + q, []string{want}, "used"},
		{"syslog", "<30>Nov 23 17:17:06 router dnsmasq[77]: " + q, []string{want}, "used"},
		{"rsyslog", "2026-11-23T18:17:06+01:00 router dnsmasq[77]: " + q, []string{want}, "used"},
		{"OpenWrt", "Mon Nov 23 17:17:06 2026 daemon.info dnsmasq[77]: 8 192.0.2.7/1 " + q, []string{want}, "used"},
		{"docker logs -t", "2026-11-23T17:17:06.000000000Z dnsmasq: " + q, []string{want}, "used"},
		{"docker's file", `{"log":"dnsmasq: ` + q + `\n","stream":"stderr","time":"2026-11-23T17:17:06Z"}`, []string{want}, "used"},
		{"on a terminal", "dnsmasq: " + q, nil, "bad_time"},
		{"torn", `{"log":"dnsmasq: `, nil, "torn"},
		{"not Docker's", `{"a":"dnsmasq: "}`, nil, "not_the_format"},
		{"Docker's without a time", `{"log":"dnsmasq: ` + q + `\n"}`, nil, "bad_time"},
		{"other parts", "Nov 23 17:17:06 dnsmasq-dhcp[77]: DHCPACK(eth0) 192.0.2.7 00:00:5e:00:53:01 host\nNov 23 17:17:06 dnsmasq[77]: started, version 2.90 cachesize 100", nil, "passed passed"},
		{"another log", "Nov 23 17:17:06 host sshd[1]: query[A] a.example from 192.0.2.7\nhello\nNov 23 17:17:06 dnsmasq[x]: " + q, nil, "not_the_format not_the_format not_the_format"},
	})
}

// TestDnsmasqTextIsNotForgotten: questions for text are not forgotten for
// others, and where there is no room for one nothing is believed for a while.
func TestDnsmasqTextIsNotForgotten(t *testing.T) {
	p := newTape(t, "dnsmasq", reference)
	var b strings.Builder
	b.WriteString("query[A] victim.example from 192.0.2.7\n")
	for i := range 4 * dnsmasqSlots {
		fmt.Fprintf(&b, "query[TXT] n%d.example from 192.0.2.8\n", i)
	}
	for i := range 4 * dnsmasqSlots {
		fmt.Fprintf(&b, "query[A] n%d.example from 192.0.2.8\n", i)
		fmt.Fprintf(&b, "reply n%d.example is 203.0.113.200\n", i)
	}
	p.read(dnsmasqLines(strings.Split(strings.TrimSpace(b.String()), "\n")...))
	if s := p.Stats(); s.ByReason[Full] != 4*dnsmasqSlots || s.Responses != 8*dnsmasqSlots+1 {
		t.Errorf("%+v", s)
	}
	later := "Nov 23 17:18:07 dnsmasq[77]: "
	p.evidence = nil
	p.read(later + "query[A] a.example from 192.0.2.7\n" + later + "reply a.example is 198.51.100.1\n")
	want := []string{"2026-11-23T17:18:07 192.0.2.7 a.example 1 ?", "2026-11-23T17:18:07 * a.example 1 198.51.100.1/-"}
	if diff := cmp.Diff(want, p.evidence); diff != "" {
		t.Errorf("a minute later (-want +got):\n%s", diff)
	}
}

// TestDnsmasqState goes on in another Reader behind every line.
func TestDnsmasqState(t *testing.T) {
	text := dnsmasqLines("8 192.0.2.7/1 query[A] a.example from 192.0.2.7", "8 192.0.2.7/1 reply a.example is <CNAME>", "8 192.0.2.7/1 reply b.example is 198.51.100.1",
		"query[TXT] t.example from 192.0.2.7", "query[A] t.example from 192.0.2.7", "reply t.example is 203.0.113.200",
		"query[A] c.example from 192.0.2.7", "exactly denied c.example is 0.0.0.0", "cached c.example is <CNAME>", "cached d.example is 198.51.100.4")
	whole := newTape(t, "dnsmasq", reference)
	whole.read(text)
	var evidence []string
	var state []byte
	for line := range strings.Lines(text) {
		p := newTape(t, "dnsmasq", reference)
		if state != nil {
			if err := p.Restore(state); err != nil {
				t.Fatal(err)
			}
		}
		p.read(line)
		evidence, state = append(evidence, p.evidence...), p.AppendState(nil)
	}
	if diff := cmp.Diff(whole.evidence, evidence); diff != "" || len(evidence) != 6 {
		t.Errorf("(-whole +in pieces):\n%s", diff)
	}
	p := newTape(t, "dnsmasq", reference)
	for _, bad := range []string{"", "x", "[]", `{"Serials":[{}]}`, `{"Names":[{}]}`, `{"Names":[{"Name":"YQ=="},{"Name":"YQ=="},{"Name":"YQ=="},{"Name":"YQ=="},{"Name":"YQ=="}]}`} {
		if p.Restore([]byte(bad)) == nil {
			t.Errorf("state %q is taken", bad)
		}
	}
	// A minute on there is nothing to remember.
	whole.read("Nov 23 18:17:06 dnsmasq[77]: query[HTTPS] z.example from 192.0.2.7\n")
	if state := string(whole.AppendState(nil)); strings.Contains(state, "Serials") || strings.Contains(state, "Names") {
		t.Errorf("old questions in the state: %s", state)
	}
}

func TestDnsmasqZone(t *testing.T) {
	cfg := reference
	cfg.Location = time.FixedZone("", -5*3600)
	p := newTape(t, "dnsmasq", cfg)
	p.read(dnsmasqLines("query[TXT] a.example from 192.0.2.7"))
	if want := []string{"2026-11-23T22:17:06 192.0.2.7 a.example 16 ?"}; !cmp.Equal(want, p.evidence) {
		t.Errorf("got %q, want %q", p.evidence, want)
	}
}

// TestDnsmasqLive: what dnsmasq logged is what was on the wire, but for names
// that it writes as unprintable.
func TestDnsmasqLive(t *testing.T) {
	const extra, plain = "dnsmasq/dnsmasq_2.90_log-queries-extra.log", "dnsmasq/dnsmasq_2.90_log-queries.log"
	readSample(t, "dnsmasq", extra, reference)
	readSample(t, "dnsmasq", plain, reference)

	got := readLive(t, "dnsmasq", extra, "")
	if diff := cmp.Diff(without(liveAnswers(t, liveDnsmasqExtra), `nl\010x`, `esc\027x`), got.answers); diff != "" {
		t.Errorf("answers with extra (-wire +log):\n%s", diff)
	}
	if diff := cmp.Diff(without(liveQuestions(t, liveDnsmasqExtra), `nl\010x`, `esc\027x`), got.questions); diff != "" {
		t.Errorf("questions with extra (-wire +log):\n%s", diff)
	}

	got = readLive(t, "dnsmasq", plain, "")
	want := map[string]bool{}
	for line := range without(liveAnswers(t, liveDnsmasqPlain), `nl\010x`, `esc\027x`) {
		_, rest, _ := strings.Cut(line, " ")
		want["* "+rest] = true
	}
	if diff := cmp.Diff(want, got.answers); diff != "" || len(want) < 90 {
		t.Errorf("answers without extra (-wire +log):\n%s", diff)
	}
	if diff := cmp.Diff(without(liveQuestions(t, liveDnsmasqPlain), `nl\010x`, `esc\027x`), got.questions); diff != "" {
		t.Errorf("questions without extra (-wire +log):\n%s", diff)
	}
}
