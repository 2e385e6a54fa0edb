package logs

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A line of PAN-OS 8, without address translation. It has one column more than
// its documentation, an empty last one.
const (
	panLine = `1,2026/11/23 18:30:02,0123,THREAT,url,2049,2026/11/23 18:30:00,10.9.0.7,198.51.100.7,0.0.0.0,0.0.0.0,rule,"ann, of sales",,ssl,` +
		`vsys1,in,out,ae1,ae2,fwd,2026/11/23 18:30:00,99,1,40001,443,0,0,0x8000,tcp,alert,"Shop.Test/a,b?q=""x""",(9999),shopping,informational,` +
		`client-to-server,1,0x0,10.0.0.0-10.255.255.255,Nowhere,0,text/html,0,,,1,,,,,,,,0,0,0,0,0,,FW,,,,get,0,,0,,N/A,unknown,AppThreat-0-0,0x0,0,1,`
	panWant = `2026-11-23T18:30:00 paloalto_url 10.9.0.7:40001 > 198.51.100.7:443 6 shop.test`

	panSignature = `1,2026/11/23 18:30:02,0123,THREAT,spyware,2049,2026/11/23 18:30:00,10.9.0.53,192.0.2.53,203.0.113.9,192.0.2.53,rule,,,dns,vsys1,in,out,ae1,` +
		`ae2,fwd,2026/11/23 18:30:00,99,1,40001,53,50001,53,0x80402000,udp,sinkhole,"",Suspicious DNS Query (generic:Evil.Test)(320511141),any,medium,` +
		`client-to-server,1,0x0,10.0.0.0-10.255.255.255,Nowhere,0,,1,,,0,,,,,,,,0,0,0,0,0,,FW,,,,,0,,0,,N/A,dns,AppThreat-1-1,0x0,0,1,`
	panAsked = `2026-11-23T18:30:00 paloalto_dns 10.9.0.53 @192.0.2.53 0 evil.test ?`
)

// panURLLine is the line with another URL.
func panURLLine(url string) string { return replaced(panLine, `"Shop.Test/a,b?q=""x"""`, url) }

// panLater is the line with the columns of PAN-OS 10 up to the precise time.
func panLater(precise string) string {
	return panLine + strings.Repeat(",", panPrecise-strings.Count(strings.Replace(panLine, `"ann, of sales"`, "", 1), ",")+1) + precise + ",,,x,y"
}

func TestPaloAltoURL(t *testing.T) {
	outside := replaced(panWant, "10.9.0.7:40001", "203.0.113.9:50001")
	inside := replaced(panWant, "198.51.100.7", "10.8.0.1")
	source := replaced(panLine, ",0.0.0.0,0.0.0.0,", ",203.0.113.9,198.51.100.7,", ",443,0,0,", ",443,50001,443,")
	checkLines(t, &paloAlto, Config{}, []lineCase{
		{"no translation, commas and quotes in columns", panLine, []string{panWant}, Used},
		{"behind a syslog header", "<190>Nov 23 18:30:02 fw1 " + panLine, []string{panWant}, Used},
		{"behind a RFC 5424 header", "<190>1 2026-11-23T18:30:02Z fw1 - - - - " + panLine, []string{panWant}, Used},
		{"PAN-OS 4", panLine[:strings.Index(panLine, ",0,,,1,")], []string{panWant}, Used},
		{"translated source: as seen on both sides", source, []string{panWant, outside}, Used},
		{"translated source, no port", replaced(source, "50001", "0"), []string{panWant}, Used},
		{"translated destination", replaced(panLine, ",0.0.0.0,0.0.0.0,", ",10.9.0.7,10.8.0.1,", ",443,0,0,", ",443,40001,443,"), []string{panWant, inside}, Used},
		{"translated destination, ports not told", replaced(panLine, ",0.0.0.0,0.0.0.0,", ",0.0.0.0,10.8.0.1,", ",443,0,0,", ",443,0,443,"), []string{panWant, inside}, Used},
		{"translated to itself", replaced(panLine, ",0.0.0.0,0.0.0.0,", ",10.9.0.7,198.51.100.7,", ",443,0,0,", ",443,40001,443,"), []string{panWant}, Used},
		{"port in the URL", panURLLine("shop.test:8443/x"), []string{panWant}, Used},
		{"no path", panURLLine("shop.test"), []string{panWant}, Used},
		{"query without a path", panURLLine("shop.test?x=/"), []string{panWant}, Used},
		{"scheme", panURLLine("https://shop.test/x"), []string{panWant}, Used},
		{"a URL in the path", panURLLine("shop.test/http://evil.test/"), []string{panWant}, Used},
		{"UDP", replaced(panLine, ",tcp,", ",udp,"), []string{strings.Replace(panWant, " 6 ", " 17 ", 1)}, Used},
		{"IPv6", replaced(panLine, "10.9.0.7", "fd00::7", "198.51.100.7", "2001:db8::7", "0.0.0.0", "::"), []string{"2026-11-23T18:30:00 paloalto_url [fd00::7]:40001 > [2001:db8::7]:443 6 shop.test"}, Used},
		{"precise time with its zone", panLater("2026-11-23T18:30:00.887-04:00"), []string{replaced(panWant, "18:30:00", "22:30:00.887")}, Used},
		{"precise time of another moment", panLater("2026-11-23T18:31:00.887-04:00"), []string{panWant}, Used},
		{"precise time that is none", panLater("2026-11-23T18:30:00.887 oh"), []string{panWant}, Used},

		{"an address for a host", panURLLine("198.51.100.7/"), nil, Passed},
		{"an IPv6 address for a host", panURLLine("[2001:db8::7]:8443/"), nil, Passed},
		{"a certificate's star", panURLLine("*.shop.test/"), nil, BadName},
		{"credentials before the host", panURLLine("shop.test@evil.test/"), nil, BadName},
		{"a header with odd bytes", panURLLine(`"shop.test"" evil/"`), nil, BadName},
		{"no host", panURLLine(`"/x"`), nil, BadName},
		{"no URL", panURLLine(`""`), nil, BadName},
		{"port that is none", panURLLine("shop.test:x/"), nil, BadName},
		{"comma that is not quoted", panURLLine("shop.test/a,b"), nil, BadColumns},
		{"columns shifted before the URL", replaced(panLine, ",rule,", ",ru,le,"), nil, BadColumns},
		{"too few columns", panLine[:strings.Index(panLine, ",0x0,10.")], nil, BadColumns},
		{"torn in a quote", panLine[:strings.Index(panLine, "b?q")], nil, Torn},
		{"quote inside a column", panURLLine(`sh"op.test/`), nil, BadSyntax},
		{"no client", replaced(panLine, "10.9.0.7,", ","), nil, BadClient},
		{"no server", replaced(panLine, ",198.51.100.7,", ",,"), nil, BadAddress},
		{"no time", replaced(panLine, "2049,2026/11/23 18:30:00", "2049,"), nil, BadTime},
		{"another subtype", replaced(panLine, ",url,", ",vulnerability,"), nil, Passed},
		{"traffic", replaced(panLine, ",THREAT,url,", ",TRAFFIC,end,"), nil, Passed},
		{"system", `1,2026/11/23 18:30:02,0123,SYSTEM,general,0,2026/11/23 18:30:02,,general,,0,0,general,informational,"a, b",1,0x0`, nil, Passed},
		{"CEF", `CEF:0|Palo Alto Networks|PAN-OS|8.0|url|THREAT|1|rt=Nov 23 2026 18:30:00 src=10.9.0.7`, nil, NotTheFormat},
		{"LEEF", `LEEF:1.0|Palo Alto Networks|PAN-OS Syslog Integration|8.0|url|cat=THREAT, x`, nil, NotTheFormat},
		{"another CSV", `a,b,c,d,e,f`, nil, NotTheFormat},
		{"no comma", `hello`, nil, NotTheFormat},
	})
}

func TestPaloAltoSignature(t *testing.T) {
	threat := "Suspicious DNS Query (generic:Evil.Test)(320511141)"
	checkLines(t, &paloAlto, Config{}, []lineCase{
		{"who asked, often a resolver", panSignature, []string{panAsked}, Used},
		{"tunnel", replaced(panSignature, threat, "Tunneling:iodine:Evil.Test(109001001)"), []string{panAsked}, Used},
		{"category", replaced(panSignature, threat, "generic:evil.test(109001001)"), []string{panAsked}, Used},
		{"no domain", replaced(panSignature, threat, "DNS Zone Transfer(34321)"), nil, Passed},
		{"no number", replaced(panSignature, threat, "Query (generic:evil.test)"), nil, Passed},
		{"one label", replaced(panSignature, threat, "generic:evil(1)"), nil, Passed},
		{"an address", replaced(panSignature, threat, "generic:192.0.2.1(1)"), nil, Passed},
		{"odd bytes", replaced(panSignature, threat, "generic:ev il.test(1)"), nil, Passed},
		{"brackets", replaced(panSignature, threat, "x)(1)"), nil, Passed},
		{"no such name", replaced(panSignature, threat, "generic:evil..test(1)"), nil, BadName},
		{"spyware in a web session", replaced(panSignature, ",dns,vsys", ",ssl,vsys"), nil, Passed},
		{"no client", replaced(panSignature, "10.9.0.53,", ","), nil, BadClient},
	})
}

func TestPaloAltoLocalTime(t *testing.T) {
	got, _ := told(&paloAlto, Config{Location: time.FixedZone("", -3600)}, panLine, panLater("2026-11-23T18:30:00.887-04:00"))
	want := []string{replaced(panWant, "18:30:00", "19:30:00"), replaced(panWant, "18:30:00", "22:30:00.887")}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("an hour behind UTC (-want +got):\n%s", diff)
	}
}

func TestPaloAltoCorpus(t *testing.T) {
	lines := corpusLines(t, "panos/sc4s_threat.log")
	got, _ := told(&paloAlto, Config{}, lines...)
	want := []string{
		"2012-04-10T04:39:55 paloalto_url 192.168.0.2:59303 > 204.232.231.46:80 6 litetopdetect.cn",
		"2020-07-08T16:48:48 paloalto_url 10.1.1.1:61066 > 1.1.1.2:80 6 geocode.arcgis.com",
		"2020-07-08T16:48:48 paloalto_url 1.1.1.1:33396 > 1.1.1.3:80 6 geocode.arcgis.com",
		"2025-04-02T15:57:03.887 paloalto_url 11.11.111.11:64922 > 11.11.111.111:443 6 subdomain.domain.com",
		"2025-04-02T15:57:03.887 paloalto_url 111.111.11.11:50525 > 11.11.111.111:443 6 subdomain.domain.com",
	}
	if diff := cmp.Diff(want, got); diff != "" || sniffed(lines...) != paloAlto.Name {
		t.Errorf("sniffed as %q; (-want +got):\n%s", sniffed(lines...), diff)
	}
}

func TestPaloAltoAllocs(t *testing.T) {
	checkAllocs(t, &paloAlto, panLine, panSignature, panLater("2026-11-23T18:30:00.887-04:00"))
}

func BenchmarkPaloAlto(b *testing.B) { benchmarkLines(b, &paloAlto, panLine) }
