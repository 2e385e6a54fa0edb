package logs

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fortiLine is a response's line with some of its text replaced.
func fortiLine(replace ...string) string {
	return strings.NewReplacer(replace...).Replace(`date=2026-11-23 time=18:30:00 eventtime=1795458600250000000 tz="+0000" ` +
		`logid="1501054802" type="utm" subtype="dns" eventtype="dns-response" level="notice" vd="root" policyid=4 sessionid=9 ` +
		`srcip=10.9.0.7 srcport=40001 srcintf="lan" dstip=10.9.0.1 dstport=53 dstintf="wan" proto=17 profile="p" xid=7 ` +
		`qname="Shop.Test" qtype="A" qtypeval=1 qclass="IN" ipaddr="198.51.100.7, 198.51.100.8" msg="Domain is monitored" action="pass"`)
}

func TestFortiGate(t *testing.T) {
	const both = "2026-11-23T18:30:00.25 fortigate_dns 10.9.0.7 @10.9.0.1 1 shop.test 198.51.100.7 198.51.100.8"
	checkLines(t, &fortiGate, Config{}, []lineCase{
		{"two addresses", fortiLine(), []string{both}, Used},
		{"one address, not quoted", fortiLine(`"198.51.100.7, 198.51.100.8"`, `198.51.100.7`), []string{strings.TrimSuffix(both, " 198.51.100.8")}, Used},
		{"no space in the list", fortiLine(", 198", ",198"), []string{both}, Used},
		{"syslog header", "<189>" + fortiLine(), []string{both}, Used},
		{"RFC 5424 header", "<189>1 2026-11-23T18:30:00Z fw - - - - " + fortiLine(), []string{both}, Used},
		{"csv format", fortiLine(" time", ",time", " eventtime", ",eventtime", " srcip", ",srcip", " ipaddr", ",ipaddr"), []string{both}, Used},
		{"IPv6", fortiLine(`"198.51.100.7, 198.51.100.8"`, `"2001:db8::1"`, `"A" qtypeval=1`, `"AAAA" qtypeval=28`, "10.9.0.7", "fd00::7"),
			[]string{"2026-11-23T18:30:00.25 fortigate_dns fd00::7 @10.9.0.1 28 shop.test 2001:db8::1"}, Used},
		{"block page in a mapped AAAA", fortiLine(`"198.51.100.7, 198.51.100.8"`, `"::ffff:203.0.113.9"`, `"A" qtypeval=1`, `"AAAA" qtypeval=28`),
			[]string{"2026-11-23T18:30:00.25 fortigate_dns 10.9.0.7 @10.9.0.1 28 shop.test 203.0.113.9"}, Used},
		{"no addresses", fortiLine(`ipaddr="198.51.100.7, 198.51.100.8" `, ""), []string{"2026-11-23T18:30:00.25 fortigate_dns 10.9.0.7 @10.9.0.1 1 shop.test"}, Used},
		{"blocked, not answered", fortiLine(`"pass"`, `"block"`), []string{"2026-11-23T18:30:00.25 fortigate_dns 10.9.0.7 @10.9.0.1 1 shop.test"}, Used},
		{"redirected to the portal", fortiLine(`"pass"`, `"redirect"`), []string{both}, Used},
		{"TXT names no address", fortiLine(`"A" qtypeval=1`, `"TXT" qtypeval=16`), []string{"2026-11-23T18:30:00.25 fortigate_dns 10.9.0.7 @10.9.0.1 16 shop.test"}, Used},
		{"type as text only", fortiLine(` qtypeval=1`, ``), []string{both}, Used},
		{"the packet's ends, not the session's", fortiLine("srcip=10.9.0.7 srcport=40001", "srcip=10.9.0.1 srcport=53", "dstip=10.9.0.1 dstport=53", "dstip=10.9.0.7 dstport=40001"), []string{both}, Used},
		{"query", fortiLine("dns-response", "dns-query", `ipaddr="198.51.100.7, 198.51.100.8" `, ""), []string{"2026-11-23T18:30:00.25 fortigate_dns 10.9.0.7 @10.9.0.1 1 shop.test ?"}, Used},
		{"eventtime in seconds", fortiLine("1795458600250000000", "1795458600"), []string{strings.Replace(both, ".25", "", 1)}, Used},
		{"local time and its zone", fortiLine("eventtime=1795458600250000000 ", "", "+0000", "-0500"), []string{strings.Replace(both, "T18:30:00.25", "T23:30:00", 1)}, Used},
		{"quote in a value", fortiLine(`msg="Domain is monitored"`, `msg="say \"hi\" srcip=9.9.9.9"`), []string{both}, Used},
		{"backslash in a value", fortiLine(`vd="root"`, `user="CORP\ann"`), []string{both}, Used},
		{"quote in the name, not escaped", fortiLine("Shop.Test", `a"b.test`), nil, BadSyntax},
		{"escaped quote in the name", fortiLine("Shop.Test", `a\"b||c.test`), []string{strings.Replace(both, "shop.test", `a"b||c.test`, 1)}, Used},

		{"forged client", fortiLine("Shop.Test", `x" srcip=9.9.9.9 z="`), nil, BadSyntax},
		{"torn in a quote", strings.SplitAfter(fortiLine(), `ipaddr="198.51`)[0], nil, Torn},
		{"not an address", fortiLine("198.51.100.8", "198.51.100."), nil, BadAddress},
		{"no client", fortiLine("srcip=10.9.0.7 ", ""), nil, BadClient},
		{"no name", fortiLine(`qname="Shop.Test" `, ""), nil, BadName},
		{"no such name", fortiLine("Shop.Test", "shop..test"), nil, BadName},
		{"no time", fortiLine("date=2026-11-23 time=18:30:00 eventtime=1795458600250000000", "date=yesterday"), nil, BadTime},
		{"zone that is none", fortiLine("eventtime=1795458600250000000 ", "", "+0000", "CET"), nil, BadTime},
		{"another subtype", fortiLine(`subtype="dns"`, `subtype="webfilter"`), nil, Passed},
		{"another event", fortiLine(`dns-response`, `dns-botnet`), nil, Passed},
		{"another log", `2026-11-23 18:30:00 hello a=b`, nil, NotTheFormat},
		{"CEF", `CEF:0|Fortinet|Fortigate|v7|54802|utm:dns dns-response|3|src=10.9.0.7`, nil, NotTheFormat},
		{"comment", `# x`, nil, NotTheFormat},
	})
}

func TestFortiGateLocalTime(t *testing.T) {
	line := fortiLine("eventtime=1795458600250000000 ", "", `tz="+0000" `, "")
	got, _ := told(&fortiGate, Config{Location: time.FixedZone("", 3600)}, line)
	if len(got) != 1 || !strings.HasPrefix(got[0], "2026-11-23T17:30:00 ") {
		t.Errorf("got %q, want 17:30 UTC", got)
	}
}

func TestFortiGateCorpus(t *testing.T) {
	lines := corpusLines(t, "panos/fortigate_dns-response_crafted.log")
	got, _ := told(&fortiGate, Config{}, lines...)
	want := []string{"2026-11-23T17:17:06.507012 fortigate_dns 10.20.0.11 @10.20.0.53 1 www.example 192.0.2.1 192.0.2.2"}
	if diff := cmp.Diff(want, got); diff != "" || sniffed(lines...) != fortiGate.Name {
		t.Errorf("sniffed as %q; (-want +got):\n%s", sniffed(lines...), diff)
	}
}

func TestFortiGateAllocs(t *testing.T) {
	checkAllocs(t, &fortiGate, fortiLine(), fortiLine("Shop.Test", `a\"b.test`), fortiLine("eventtime=1795458600250000000 ", ""))
}

func BenchmarkFortiGate(b *testing.B) { benchmarkLines(b, &fortiGate, fortiLine()) }
