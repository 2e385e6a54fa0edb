package logs

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	cloudflareLine = `{"Datetime":"2026-11-23T18:30:00Z","DeviceID":"d","DeviceName":"pc","DstIP":"192.0.2.53","DstPort":443,"Protocol":"https",` +
		`"QueryName":"Shop.Test","QueryType":1,"QueryTypeName":"A","RCode":0,"ResolvedIPs":["198.51.100.7","198.51.100.8"],` +
		`"ResolverDecision":"allowedOnNoPolicyMatch","SrcIP":"203.0.113.9","SrcPort":0}`
	cloudflareWant = "2026-11-23T18:30:00 cloudflare_gateway 203.0.113.9 @192.0.2.53 1 shop.test 198.51.100.7 198.51.100.8"

	route53Line = `{"version":"1.100000","account_id":"1","region":"eu-west-1","vpc_id":"vpc-1","query_timestamp":"2026-11-23T18:30:00Z",` +
		`"query_name":"Shop.Test.","query_type":"A","query_class":"IN","rcode":"NOERROR","answers":[{"Rdata":"cdn.test.","Type":"CNAME","Class":"IN"},` +
		`{"Rdata":"edge.test.","Type":"CNAME","Class":"IN"},{"Rdata":"198.51.100.7","Type":"A","Class":"IN"}],"srcaddr":"10.9.0.7","srcport":"40001",` +
		`"transport":"UDP","srcids":{"instance":"i-1"}}`
	route53Want = "2026-11-23T18:30:00 route53_resolver 10.9.0.7 1 shop.test ~edge.test 198.51.100.7"

	paloAltoDNSLine = `{"TimeReceived":"2026-11-23T18:30:02Z","LogType":"DNS","SubType":"realtime_dns_telemetry_response","TimeGenerated":` +
		`"2026-11-23T18:30:00.250000Z","SourceAddress":"10.9.0.7","DNSResolverIP":"10.9.0.53","FQDN":"Shop.Test","RecordType":"cname,a,aaaa",` +
		`"DNSResponse":["cdn.test","198.51.100.7","2001:db8::7"],"DNSResponseCode":"NOERROR","DNSCategory":"benign","Action":"allow"}`
	paloAltoDNSWant = "2026-11-23T18:30:00.25 paloalto_dns 10.9.0.7 @10.9.0.53 0 shop.test ~cdn.test 198.51.100.7 2001:db8::7"
)

func TestCloudflareGateway(t *testing.T) {
	none := strings.TrimSuffix(cloudflareWant, " 198.51.100.7 198.51.100.8")
	checkLines(t, &cloudflareGateway, Config{}, []lineCase{
		{"two addresses", cloudflareLine, []string{cloudflareWant}, Used},
		{"time in seconds", replaced(cloudflareLine, `"2026-11-23T18:30:00Z"`, "1795458600"), []string{cloudflareWant}, Used},
		{"time in nanoseconds", replaced(cloudflareLine, `"2026-11-23T18:30:00Z"`, "1795458600000000000"), []string{cloudflareWant}, Used},
		{"type by name only", replaced(cloudflareLine, `"QueryType":1,`, ""), []string{cloudflareWant}, Used},
		{"type not told", replaced(cloudflareLine, `"QueryType":1,"QueryTypeName":"A",`, ""), []string{strings.Replace(cloudflareWant, " 1 ", " 0 ", 1)}, Used},
		{"mapped block page", replaced(cloudflareLine, `"QueryType":1`, `"QueryType":28`, "198.51.100.8", "::ffff:198.51.100.8"), []string{strings.Replace(cloudflareWant, " 1 ", " 28 ", 1)}, Used},
		{"NXDOMAIN", replaced(cloudflareLine, `"RCode":0`, `"RCode":3`, `"198.51.100.7","198.51.100.8"`, ""), []string{none + " !3"}, Used},
		{"TXT names no address", replaced(cloudflareLine, `"QueryType":1`, `"QueryType":16`), []string{strings.Replace(none, " 1 ", " 16 ", 1)}, Used},
		{"null for none", replaced(cloudflareLine, `["198.51.100.7","198.51.100.8"]`, "null"), []string{none + " ?"}, Used},
		{"a job without the addresses", replaced(cloudflareLine, `"ResolvedIPs":["198.51.100.7","198.51.100.8"],`, ""), []string{none + " ?"}, Used},
		{"no resolver's address", replaced(cloudflareLine, "192.0.2.53", ""), []string{strings.Replace(cloudflareWant, " @192.0.2.53", "", 1)}, Used},
		{"a batch", "[" + cloudflareLine + "," + cloudflareLine + "]", []string{cloudflareWant, cloudflareWant}, Used},

		{"no client", replaced(cloudflareLine, "203.0.113.9", ""), nil, BadClient},
		{"no time", replaced(cloudflareLine, "2026-11-23T18:30:00Z", ""), nil, BadTime},
		{"no name", replaced(cloudflareLine, "QueryName", "x"), nil, BadName},
		{"not an address", replaced(cloudflareLine, "198.51.100.8", "cdn.test"), nil, BadAddress},
		{"no such code", replaced(cloudflareLine, `"RCode":0`, `"RCode":"what"`), nil, BadSyntax},
		{"torn", cloudflareLine[:100], nil, Torn},
		{"another dataset", `{"ClientIP":"203.0.113.9","EdgeStartTimestamp":1}`, nil, NotTheFormat},
	})
}

func TestRoute53(t *testing.T) {
	quoted := strings.ReplaceAll(route53Line, `"`, `\"`)
	wrapped := `{"messageType":"DATA_MESSAGE","owner":"1","logGroup":"g","logEvents":[{"id":"1","timestamp":1795458600000,"message":"` + quoted +
		`"},{"id":"2","timestamp":1795458600000,"message":"` + strings.Replace(quoted, "10.9.0.7", "10.9.0.8", 1) + `"}]}`
	second := strings.Replace(route53Want, "10.9.0.7", "10.9.0.8", 1)
	address := `{"Rdata":"198.51.100.7","Type":"A","Class":"IN"}`
	chain := `{"Rdata":"cdn.test.","Type":"CNAME","Class":"IN"},{"Rdata":"edge.test.","Type":"CNAME","Class":"IN"}`
	checkLines(t, &route53, Config{}, []lineCase{
		{"a chain", route53Line, []string{route53Want}, Used},
		{"exported from CloudWatch: a time before it", "2026-11-23T18:30:00.000Z " + route53Line, []string{route53Want}, Used},
		{"Firehose: no line ends", route53Line + strings.Replace(route53Line, "10.9.0.7", "10.9.0.8", 1), []string{route53Want, second}, Used},
		{"CloudWatch subscription", wrapped, []string{route53Want, second}, Used},
		{"CloudWatch, one bad event", strings.Replace(wrapped, "10.9.0.7", "", 1), []string{second}, Used},
		{"one event of CloudWatch", `{"timestamp":1,"message":"` + quoted + `"}`, []string{route53Want}, Used},
		{"no chain", replaced(route53Line, chain+",", ""), []string{strings.Replace(route53Want, " ~edge.test", "", 1)}, Used},
		{"an address before the chain: its end is not known", replaced(route53Line, chain+","+address, address+","+chain), []string{strings.Replace(route53Want, " ~edge.test", "", 1)}, Used},
		{"AAAA", replaced(route53Line, `"query_type":"A"`, `"query_type":"AAAA"`, address, `{"Rdata":"2001:db8::7","Type":"AAAA","Class":"IN"}`),
			[]string{"2026-11-23T18:30:00 route53_resolver 10.9.0.7 28 shop.test ~edge.test 2001:db8::7"}, Used},
		{"NXDOMAIN", replaced(route53Line, "NOERROR", "NXDOMAIN", chain+","+address, ""), []string{"2026-11-23T18:30:00 route53_resolver 10.9.0.7 1 shop.test !3"}, Used},
		{"PTR", replaced(route53Line, `"query_type":"A"`, `"query_type":"PTR"`, chain+","+address, `{"Rdata":"203.0.113.9","Type":"PTR","Class":"IN"}`),
			[]string{"2026-11-23T18:30:00 route53_resolver 10.9.0.7 12 shop.test"}, Used},
		{"TXT that looks like an address", replaced(route53Line, `"query_type":"A"`, `"query_type":"TXT"`, address, `{"Rdata":"198.51.100.7","Type":"TXT","Class":"IN"}`),
			[]string{"2026-11-23T18:30:00 route53_resolver 10.9.0.7 16 shop.test"}, Used},
		{"no answers", replaced(route53Line, `"answers":[`+chain+","+address+"],", ""), []string{"2026-11-23T18:30:00 route53_resolver 10.9.0.7 1 shop.test"}, Used},

		{"an A that is none", replaced(route53Line, `"198.51.100.7"`, `"cdn.test."`), nil, BadAddress},
		{"an alias that is none", replaced(route53Line, "edge.test.", "edge..test."), nil, BadName},
		{"a record that is none", replaced(route53Line, address, `"198.51.100.7"`), nil, BadSyntax},
		{"no client", replaced(route53Line, "10.9.0.7", "vpc"), nil, BadClient},
		{"no time", replaced(route53Line, "2026-11-23T18:30:00Z", "2026"), nil, BadTime},
		{"no name", replaced(route53Line, "query_name", "x"), nil, BadName},
		{"no code", replaced(route53Line, "NOERROR", "MAYBE"), nil, BadSyntax},
		{"torn", route53Line[:300], nil, Torn},
		{"another event of CloudWatch", `{"logEvents":[{"message":"hello"}]}`, nil, NotTheFormat},
		{"no events", `{"logEvents":[]}`, nil, Passed},
		{"events that are none", `{"logEvents":[1]}`, nil, BadSyntax},
		{"another object", `{"a":1}`, nil, NotTheFormat},
	})
}

func TestPaloAltoDNS(t *testing.T) {
	question := "2026-11-23T18:30:00.25 paloalto_dns 10.9.0.7 @10.9.0.53 0 shop.test"
	checkLines(t, &paloAltoDNS, Config{}, []lineCase{
		{"parallel records", paloAltoDNSLine, []string{paloAltoDNSWant}, Used},
		{"types in an array", replaced(paloAltoDNSLine, `"cname,a,aaaa"`, `["CNAME","A","AAAA"]`), []string{paloAltoDNSWant}, Used},
		{"data in a string", replaced(paloAltoDNSLine, `["cdn.test","198.51.100.7","2001:db8::7"]`, `"cdn.test, 198.51.100.7, 2001:db8::7"`), []string{paloAltoDNSWant}, Used},
		{"TXT that looks like an address", replaced(paloAltoDNSLine, "cname,a,aaaa", "cname,txt,aaaa"), []string{strings.Replace(paloAltoDNSWant, " 198.51.100.7", "", 1)}, Used},
		{"both spellings of the subtype", replaced(paloAltoDNSLine, `"SubType"`, `"Subtype":"realtime_dns_telemetry_response","SubType"`), []string{paloAltoDNSWant}, Used},
		{"the other spelling", replaced(paloAltoDNSLine, `"SubType"`, `"Subtype"`), []string{paloAltoDNSWant}, Used},
		{"NXDOMAIN", replaced(paloAltoDNSLine, "NOERROR", "NXDOMAIN", "cname,a,aaaa", "", `"cdn.test","198.51.100.7","2001:db8::7"`, ""), []string{question + " !3"}, Used},
		{"request", replaced(paloAltoDNSLine, "_response", "_request"), []string{question + " ?"}, Used},
		{"a batch", "[" + paloAltoDNSLine + "]", []string{paloAltoDNSWant}, Used},

		{"types and data of different length", replaced(paloAltoDNSLine, "cname,a,aaaa", "cname,a"), nil, BadColumns},
		{"an alias where the address should be", replaced(paloAltoDNSLine, "cname,a,aaaa", "a,cname,aaaa"), nil, BadAddress},
		{"no name", replaced(paloAltoDNSLine, `"FQDN":"Shop.Test",`, ""), nil, BadName},
		{"no client", replaced(paloAltoDNSLine, "SourceAddress", "x"), nil, BadClient},
		{"no time", replaced(paloAltoDNSLine, "TimeGenerated", "x"), nil, BadTime},
		{"no such code", replaced(paloAltoDNSLine, "NOERROR", "MAYBE"), nil, BadSyntax},
		{"another log", replaced(paloAltoDNSLine, `"LogType":"DNS"`, `"LogType":"TRAFFIC"`), nil, Passed},
		{"torn", paloAltoDNSLine[:200], nil, Torn},
		{"another object", `{"a":1}`, nil, NotTheFormat},
	})
}

func TestPaloAltoDNSCorpus(t *testing.T) {
	lines := corpusLines(t, "panos/dns_security_json_crafted.jsonl")
	got, _ := told(&paloAltoDNS, Config{}, lines...)
	want := []string{"2026-11-23T17:17:06 paloalto_dns 10.20.0.11 @10.20.0.53 0 www.example ~cdn.example 192.0.2.1 192.0.2.2"}
	if diff := cmp.Diff(want, got); diff != "" || sniffed(lines...) != paloAltoDNS.Name {
		t.Errorf("sniffed as %q; (-want +got):\n%s", sniffed(lines...), diff)
	}
}

func TestCloudSniff(t *testing.T) {
	for line, want := range map[string]string{
		cloudflareLine:  "cloudflare-gateway",
		route53Line:     "route53-resolver",
		paloAltoDNSLine: "paloalto-dns",
		`{"logEvents":[{"message":"{\"query_timestamp\":1}"}]}`: "route53-resolver",
		`{"logEvents":[{"message":"hello"}]}`:                   "",
	} {
		if got := sniffed(line); got != want {
			t.Errorf("%s: got %q, want %q", line, got, want)
		}
	}
}

func TestCloudAllocs(t *testing.T) {
	checkAllocs(t, &cloudflareGateway, cloudflareLine)
	checkAllocs(t, &route53, route53Line, `{"logEvents":[{"message":"`+strings.ReplaceAll(route53Line, `"`, `\"`)+`"}]}`)
	checkAllocs(t, &paloAltoDNS, paloAltoDNSLine)
}

func BenchmarkCloudflareGateway(b *testing.B) { benchmarkLines(b, &cloudflareGateway, cloudflareLine) }
func BenchmarkRoute53(b *testing.B)           { benchmarkLines(b, &route53, route53Line) }
func BenchmarkPaloAltoDNS(b *testing.B)       { benchmarkLines(b, &paloAltoDNS, paloAltoDNSLine) }
