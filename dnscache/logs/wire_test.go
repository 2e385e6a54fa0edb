package logs

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

// packAnswer makes a response to "NAME TYPE" with records.
func packAnswer(t testing.TB, question string, records ...string) []byte {
	t.Helper()
	name, typ, _ := strings.Cut(question, " ")
	m := new(dns.Msg)
	m.SetQuestion(name, dns.StringToType[typ])
	m.Id, m.Response, m.RecursionAvailable = 7, true, true
	for _, text := range records {
		rr, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		m.Answer = append(m.Answer, rr)
	}
	msg, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

func TestAdGuard(t *testing.T) {
	answer := base64.StdEncoding.EncodeToString(packAnswer(t, "www.Site.example. A", "www.site.example. 60 IN CNAME b.example.", "b.example. 30 IN A 198.51.100.1"))
	zeros := base64.StdEncoding.EncodeToString(packAnswer(t, "ads.example. A", "ads.example. 10 IN A 0.0.0.0"))
	query := base64.StdEncoding.EncodeToString(func() []byte { m := packAnswer(t, "a.example. A"); m[2] &^= 0x80; return m }())
	const want = "2026-11-23T17:17:06.5 192.0.2.7 www.site.example>b.example 1 198.51.100.1/30"
	line := func(members string) string {
		return `{"T":"2026-11-23T17:17:06.5Z","QH":"www.site.example","QT":"A","QC":"IN","CP":"","IP":"192.0.2.7",` + members + `}`
	}
	testLogs(t, "adguard-home", reference, []logCase{
		{"answer", line(`"Answer":"` + answer + `","Result":{},"Elapsed":480000`), []string{want}, "used"},
		{"a zone and other members", `{"Elapsed":1,"IP":"::ffff:192.0.2.7","T":"2026-11-23T20:17:06.5+03:00","CP":"doh","QT":"A","QH":"x","CID":"phone","Cached":true,"Upstream":"tls://192.0.2.53","Answer":"` + answer + `"}`, []string{want}, "used"},
		{"client subnet", line(`"ECS":"203.0.113.9/24","Answer":"` + answer + `"`), []string{want + " ecs=203.0.113.0/24"}, "used"},
		{"no client subnet", line(`"ECS":"here","Answer":"` + answer + `"`), []string{want}, "used"},
		{"filtered", line(`"Answer":"` + zeros + `","OrigAnswer":"` + answer + `","Result":{"IsFiltered":true,"Reason":3,"Rules":[{"Text":"||ads.example^"}]}`),
			[]string{"2026-11-23T17:17:06.5 192.0.2.7 ads.example 1 0.0.0.0/10"}, "used"},
		{"anonymised", `{"T":"2026-11-23T17:17:06.5Z","QH":"x","QT":"A","IP":"192.0.0.0","Answer":"` + answer + `"}`,
			[]string{"2026-11-23T17:17:06.5 192.0.0.0 www.site.example>b.example 1 198.51.100.1/30"}, "used"},
		{"not answered", line(`"Result":{}`), []string{"2026-11-23T17:17:06.5 192.0.2.7 www.site.example 1 ?"}, "used"},
		{"a query for an answer", line(`"Answer":"` + query + `"`), nil, "bad_syntax"},
		{"not base64", line(`"Answer":"` + answer[:9] + `$"`), nil, "bad_syntax"},
		{"not a name", `{"T":"2026-11-23T17:17:06.5Z","QH":"a..b","QT":"A","IP":"192.0.2.7"}`, nil, "bad_name"},
		{"no client", `{"T":"2026-11-23T17:17:06.5Z","QH":"x","QT":"A","Answer":"` + answer + `"}`, nil, "bad_client"},
		{"no time", `{"QH":"x","QT":"A","IP":"192.0.2.7"}`, nil, "bad_time"},
		{"twice", line(`"IP":"192.0.2.8"`), nil, "bad_syntax"},
		{"torn", line(`"Answer":"` + answer)[:99], nil, "torn"},
		{"another log", "{\"a\":1}\nhello", nil, "not_the_format not_the_format"},
	})
}

func TestAdGuardCorpus(t *testing.T) {
	const path = "adguardhome/querylog_crafted.json"
	readSample(t, "adguard-home", path, reference)
	got := readLive(t, "adguard-home", path, "")
	if diff := cmp.Diff(craftedAnswers(t), got.answers); diff != "" {
		t.Errorf("(-wire +log):\n%s", diff)
	}
	if s := got.stats; s.ByReason[Used] != s.Lines || s.Responses != 31 {
		t.Errorf("%+v", s)
	}
}

// craftedAnswers is what the crafted samples were made of: what the live run's
// first client got from Unbound before its answer of many addresses, and the
// hints of an HTTPS record.
func craftedAnswers(t *testing.T) map[string]bool {
	set := map[string]bool{"10.20.0.11 192.0.2.1 svc.example": true, "10.20.0.11 2001:db8::1 svc.example": true}
	for line := range liveAnswers(t, liveUnbound) {
		if rest, ok := strings.CutPrefix(line, "127.0.2.11 "); ok && !strings.Contains(line, "big.example") {
			set["10.20.0.11 "+rest] = true
		}
	}
	return set
}

func TestWindowsAnalytic(t *testing.T) {
	msg := packAnswer(t, "www.Site.example. A", "www.site.example. 60 IN CNAME b.example.", "b.example. 30 IN A 198.51.100.1", "b.example. 30 IN A 198.51.100.2")
	packet := fmt.Sprintf("0x%X", msg)
	failure := fmt.Sprintf("0x%x", func() []byte { m := packAnswer(t, "no.example. A"); m[3] |= 3; return m }())
	const want = "2026-11-23T17:17:06.496 192.0.2.7 www.site.example>b.example 1 198.51.100.1/30 198.51.100.2/30 @192.0.2.53"
	data := func(packet string) string {
		return `"TCP":"0","InterfaceIP":"192.0.2.53","Destination":"192.0.2.7","QNAME":"www.site.example.","QTYPE":"1","RCODE":"0","PacketData":"` + packet + `"`
	}
	beat := func(code, packet string) string {
		return `{"@timestamp":"2026-11-23T17:17:06.496Z","winlog":{"provider_guid":"{EB79061A-A566-4698-9119-3ED2807060E7}","event_data":{` + data(packet) + `}},"event":{"code":"` + code + `","provider":"Microsoft-Windows-DNSServer"}}`
	}
	xml := func(packet string) string {
		return `<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Microsoft-Windows-DNSServer'/><EventID>257</EventID>` +
			`<TimeCreated SystemTime='2026-11-23T17:17:06.496000000Z'/><Execution ProcessID='1' ThreadID='2'/></System><EventData><Data Name='TCP'>0</Data>` +
			`<Data Name='InterfaceIP'>192.0.2.53</Data><Data Name='Destination'>192.0.2.7</Data><Data Name='QNAME'>a&lt;b&amp;&quot;&apos;&gt;.example.</Data><Data Name='QTYPE'>1</Data>` +
			`<Data Name="PacketData">` + packet + `</Data></EventData></Event>`
	}
	testLogs(t, "windows-dns-analytic", reference, []logCase{
		{"Winlogbeat", beat("257", packet), []string{want}, "used"},
		{"Winlogbeat, lower case, no 0x, number", `{"@timestamp":"2026-11-23T17:17:06.496Z","winlog":{"event_id":257,"event_data":{` + data(strings.ToLower(packet[2:])) + `}},"event":{"code":"257"}}`, []string{want}, "used"},
		{"old Winlogbeat", `{"@timestamp":"2026-11-23T17:17:06.496Z","event_id":257,"event_data":{` + data(packet) + `}}`, []string{want}, "used"},
		{"NXLog", `{"EventTime":"2026-11-23T18:17:06.496000+01:00","EventReceivedTime":"2026-11-23T18:17:09","SourceName":"Microsoft-Windows-DNSServer","EventID":257,` + data(packet) + `}`, []string{want}, "used"},
		{"NXLog, behind Logstash", `{"@timestamp":"2026-11-23T18:00:00Z","EventTime":"2026-11-23 17:17:06.496","EventID":"257",` + data(packet) + `}`, []string{want}, "used"},
		{"System and EventData", `{"System":{"EventID":{"Value":257},"TimeCreated":{"SystemTime":"2026-11-23T17:17:06.496Z"}},"EventData":{` + data(packet) + `}}`, []string{want}, "used"},
		{"Event of System and EventData", `{"Event":{"System":{"EventID":257,"TimeCreated":{"#attributes":{"SystemTime":"2026-11-23T17:17:06.496Z"}}},"EventData":{` + data(packet) + `}}}`, []string{want}, "used"},
		{"PowerShell", `{"TimeCreated":"\/Date(1795454226496)\/","Id":257,"EventData":{` + data(packet) + `}}`, []string{want}, "used"},
		{"XML", xml(packet[2:]), []string{want}, "used"},
		{"XML with a byte order mark", "\ufeff<?xml version='1.0'?>\n\ufeff" + xml(packet), []string{want}, "passed used"},
		{"several events in a line of XML", xml(packet) + strings.Replace(xml(packet), ">257<", ">256<", 1) + xml(packet), []string{want, want}, "used"},
		{"a broken entity", strings.Replace(xml(packet), "a&lt;", "a&nothing;", 1), nil, "bad_syntax"},
		{"failure", beat("258", failure), []string{"2026-11-23T17:17:06.496 192.0.2.7 no.example 1 rcode=3 @192.0.2.53"}, "used"},

		{"cut in its last record", beat("257", packet[:len(packet)-8]), []string{strings.Replace(want, " 198.51.100.2/30", "", 1)}, "used"},
		{"cut in the middle of an octet", beat("257", packet[:len(packet)-1]), []string{strings.Replace(want, " 198.51.100.2/30", "", 1)}, "used"},
		{"cut in its question", beat("257", packet[:40]), []string{"2026-11-23T17:17:06.496 192.0.2.7 www.site.example 1 ? @192.0.2.53"}, "used"},
		{"no message", beat("257", ""), []string{"2026-11-23T17:17:06.496 192.0.2.7 www.site.example 1 ? @192.0.2.53"}, "used"},
		{"no message in XML", xml(""), []string{`2026-11-23T17:17:06.496 192.0.2.7 a<b&"'>.example 1 ? @192.0.2.53`}, "used"},
		{"not hex", beat("257", packet+"xyz"), nil, "bad_syntax"},
		{"queries and what the server asks", beat("256", packet) + "\n" + beat("260", packet) + "\n" + beat("261", packet) + "\n" + beat("262", packet), nil, "passed passed passed passed"},
		{"no client", strings.Replace(beat("257", packet), "192.0.2.7", "here", 1), nil, "bad_client"},
		{"no time", strings.Replace(beat("257", packet), "@timestamp", "when", 1), nil, "bad_time"},
		{"a member twice", `{"@timestamp":"2026-11-23T17:17:06.496Z","event_id":257,"Destination":"192.0.2.8","event_data":{` + data(packet) + `}}`, nil, "bad_syntax"},
		{"an element twice", strings.Replace(xml(packet), "<Data Name='TCP'>", "<Data Name='Destination'>", 1), nil, "bad_syntax"},
		{"torn", beat("257", packet)[:300] + "\n" + xml(packet)[:400] + "\n<Event a></Event><b\n<Event a><b</Event>", nil, "torn torn not_the_format not_the_format"},
		{"another log", `{"EventID":257,"Message":"x"}` + "\n<Eventful/>\nhello", nil, "not_the_format not_the_format not_the_format"},
	})
}

func TestWindowsAnalyticCorpus(t *testing.T) {
	const path = "msdns/analytic_etw_crafted.jsonl"
	readSample(t, "windows-dns-analytic", path, reference)
	got := readLive(t, "windows-dns-analytic", path, "")
	if diff := cmp.Diff(craftedAnswers(t), got.answers); diff != "" {
		t.Errorf("(-wire +log):\n%s", diff)
	}
	if s := got.stats; s.ByReason[Used] != s.Lines || s.Responses != 31 {
		t.Errorf("%+v", s)
	}
}
