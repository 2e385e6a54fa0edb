package logs

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestCOF(t *testing.T) {
	const first, last = "2023-11-14T22:13:20Z any ", "2023-11-14T22:15:00Z any "
	const times = `"time_first":1700000000,"time_last":1700000100`
	for _, c := range []struct {
		what, line string
		want       []string
		reason     Reason
	}{
		{"a list", `{"rrname":"Site.test","rrtype":"A","rdata":["203.0.113.5","203.0.113.6"],` + times + `,"count":7,"bailiwick":"test"}`,
			[]string{first + "site.test 1 203.0.113.5/- 203.0.113.6/-", last + "site.test 1 203.0.113.5/- 203.0.113.6/-"}, Used},
		{"one", `{"rrname":"site.test.","rrtype":"AAAA","rdata":"2001:db8::5","time_first":1700000000,"time_last":1700000000}`,
			[]string{first + "site.test 28 2001:db8::5/-"}, Used},
		{"a type's number", `{"rrname":"site.test","rrtype":1,"rdata":"203.0.113.5","time_first":"1700000000","time_last":"1700000000"}`,
			[]string{first + "site.test 1 203.0.113.5/-"}, Used},
		{"milliseconds", `{"rrname":"site.test","rrtype":"A","rdata":"203.0.113.5",` + times + `,"time_first_ms":1700000000250,"time_last_ms":1700000100250}`,
			[]string{"2023-11-14T22:13:20.25Z any site.test 1 203.0.113.5/-", "2023-11-14T22:15:00.25Z any site.test 1 203.0.113.5/-"}, Used},
		{"escapes", `{"rrname":"a\\\"b\\032||c.test","rrtype":"A","rdata":"203.0.113.5","time_first":1700000000,"time_last":1700000000}`,
			[]string{first + `a"b\032||c.test 1 203.0.113.5/-`}, Used},
		{"DNSDB", `{"obj":{"count":1,"zone_time_first":1,"zone_time_last":2,` + times + `,"rrname":"site.test.","rrtype":"A","bailiwick":"test.","rdata":["203.0.113.5"]}}`,
			[]string{first + "site.test 1 203.0.113.5/-", last + "site.test 1 203.0.113.5/-"}, Used},
		{"of a zone file only", `{"obj":{"zone_time_first":1700000000,"zone_time_last":1700000100,"rrname":"site.test.","rrtype":"A","rdata":["203.0.113.5"]}}`,
			[]string{first + "site.test 1 203.0.113.5/-", last + "site.test 1 203.0.113.5/-"}, Used},
		{"hints", `{"rrname":"site.test","rrtype":65,"rdata":"1 . alpn=h2,h3 ipv4hint=203.0.113.5,203.0.113.6 ipv6hint=\"2001:db8::5\"","time_first":1700000000,"time_last":1700000000}`,
			[]string{first + "site.test 65 203.0.113.5/- 203.0.113.6/- 2001:db8::5/-"}, Used},
		{"an alias of HTTPS", `{"rrname":"site.test","rrtype":"HTTPS","rdata":["0 other.test ipv4hint=203.0.113.5"],` + times + `}`, nil, Passed},
		{"no hints", `{"rrname":"site.test","rrtype":"HTTPS","rdata":["1 . alpn=h2"],` + times + `}`, nil, Passed},
		{"an empty list", `{"rrname":"site.test","rrtype":"A","rdata":[],` + times + `}`, nil, Passed},
		{"an alias", `{"rrname":"site.test","rrtype":"CNAME","rdata":"cdn.test",` + times + `}`, nil, Passed},
		{"text", `{"rrname":"site.test","rrtype":"TXT","rdata":"203.0.113.5",` + times + `}`, nil, Passed},
		{"framing", `{"cond":"begin"}`, nil, Passed},
		{"framing at the end", `{"cond":"failed","msg":"no"}`, nil, Passed},
		{"a summary", `{"obj":{"count":9,"num_results":2}}`, nil, Passed},
		{"no address", `{"rrname":"site.test","rrtype":"A","rdata":["203.0.113.5","cdn.test"],` + times + `}`, nil, BadAddress},
		{"an address of the other type", `{"rrname":"site.test","rrtype":"A","rdata":"2001:db8::5",` + times + `}`, nil, BadAddress},
		{"a hint that is none", `{"rrname":"site.test","rrtype":65,"rdata":"1 . ipv4hint=2001:db8::5",` + times + `}`, nil, BadAddress},
		{"a service that is none", `{"rrname":"site.test","rrtype":65,"rdata":"\\# 3 000000",` + times + `}`, nil, BadSyntax},
		{"a list of objects", `{"rrname":"site.test","rrtype":"A","rdata":[{"a":"203.0.113.5"}],` + times + `}`, nil, BadAddress},
		{"times turned round", `{"rrname":"site.test","rrtype":"A","rdata":"203.0.113.5","time_first":1700000100,"time_last":1700000000}`, nil, BadTime},
		{"no last time", `{"rrname":"site.test","rrtype":"A","rdata":"203.0.113.5","time_first":1700000100}`, nil, BadTime},
		{"no time", `{"rrname":"site.test","rrtype":"A","rdata":"203.0.113.5"}`, nil, BadTime},
		{"no such time", `{"rrname":"site.test","rrtype":"A","rdata":"203.0.113.5","time_first":0,"time_last":1}`, nil, BadTime},
		{"a name that is none", `{"rrname":"a..b","rrtype":"A","rdata":"203.0.113.5",` + times + `}`, nil, BadName},
		{"a member twice", `{"rrname":"a.test","rrname":"b.test","rrtype":"A","rdata":"203.0.113.5",` + times + `}`, nil, BadSyntax},
		{"within and without", `{"rrname":"a.test","obj":{"rrname":"b.test"},"rrtype":"A","rdata":"203.0.113.5",` + times + `}`, nil, BadSyntax},
		{"torn", `{"rrname":"a.test","rrty`, nil, Torn},
		{"another object", `{"name":"a.test"}`, nil, NotTheFormat},
		{"no object", `a.test A 203.0.113.5`, nil, NotTheFormat},
	} {
		log := readPassive(t, &cofFormat, Config{}, c.line)
		if !slices.Equal(log.evidence, c.want) || log.reasons[0] != c.reason {
			t.Errorf("%s: got %s\n%s\nwant %s\n%s", c.what, log.reasons[0], strings.Join(log.evidence, "\n"), c.reason, strings.Join(c.want, "\n"))
		}
	}
}

// TestCOFLongLists: a list of any length is given in parts.
func TestCOFLongLists(t *testing.T) {
	var addrs []string
	for i := range 600 {
		addrs = append(addrs, fmt.Sprintf(`"10.0.%d.%d"`, i/250, i%250))
	}
	log := readPassive(t, &cofFormat, Config{}, `{"rrname":"a.test","rrtype":"A","time_first":1700000000,"time_last":1700000001,"rdata":[`+strings.Join(addrs, ",")+`]}`)
	n := 0
	for _, text := range log.evidence {
		n += strings.Count(text, "/-")
	}
	if n != 2*600 || log.stats.Responses != 6 {
		t.Errorf("got %d addresses in %d responses", n, log.stats.Responses)
	}
}

func TestCOFCorpus(t *testing.T) {
	text := string(passiveFile(t, "cof/cof_crafted.ndjson"))
	const first, last = "2026-11-23T17:17:06Z any ", "2026-11-23T17:18:20Z any "
	wantPassive(t, readPassive(t, &cofFormat, Config{}, text), []Reason{Used, Used, Used, Used},
		first+"www.example 1 192.0.2.1/- 192.0.2.2/-", last+"www.example 1 192.0.2.1/- 192.0.2.2/-",
		first+"www.example 28 2001:db8::1/-", first+"svc.example 65 192.0.2.1/-",
		`2026-11-23T17:17:06.504Z any a"b||c.example 1 192.0.2.80/-`)
}

func TestCOFSniff(t *testing.T) {
	for _, line := range []string{
		`{"cond":"begin"}`, `{"obj":{"rrname":"a.test.","rrtype":"A","rdata":["203.0.113.5"],"time_first":1,"time_last":2}}`,
		`{"rrname":"a.test","rrtype":"SOA","rdata":"x","time_first":1,"time_last":2}`,
	} {
		if got := Sniff([][]byte{[]byte(line)}); got != &cofFormat {
			t.Errorf("%s: told to be %v", line, got)
		}
	}
}

const cofLine = `{"rrname":"www.site.test","rrtype":"A","rdata":["203.0.113.5","203.0.113.6"],"time_first":1700000000,"time_last":1700000100,"count":7,"bailiwick":"test","sensor_id":"tap1"}`

func BenchmarkCOF(b *testing.B) { benchLines(b, &cofFormat, nil, []string{cofLine}) }

func TestCOFDoesNotAllocate(t *testing.T) {
	wantNoAllocs(t, &cofFormat, nil, []string{cofLine, `{"cond":"begin"}`})
}
