package logs

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// eveHead begins an event of a client 10.1.0.7 and a server 10.1.0.53.
func eveHead(at, source, dest string) string {
	return `{"timestamp":"2023-11-14T22:13:20.` + at + `+0000","flow_id":77,"event_type":"dns",` + source + `,` + dest + `,"proto":"UDP","dns":`
}

const (
	eveSourceClient = `"src_ip":"10.1.0.7","src_port":40000`
	eveDestServer   = `"dest_ip":"10.1.0.53","dest_port":53`
	eveSourceServer = `"src_ip":"10.1.0.53","src_port":53`
	eveDestClient   = `"dest_ip":"10.1.0.7","dest_port":40000`
)

func eveFromServer(dns string) string {
	return eveHead("75", eveSourceServer, eveDestClient) + dns + "}\n"
}
func eveFromClient(dns string) string {
	return eveHead("75", eveSourceClient, eveDestServer) + dns + "}\n"
}

// eveText is how the evidence of such an event begins.
const eveText = "2023-11-14T22:13:20.75Z 10.1.0.7<10.1.0.53 "

// The same three answers in all versions: a chain out of order, one that has an
// address that belongs to another name, none.
const (
	eveChain = `{"rrname":"b.cdn.test","rrtype":"A","ttl":20,"rdata":"203.0.113.5"},` +
		`{"rrname":"Site.test","rrtype":"CNAME","ttl":300,"rdata":"a.cdn.test"},` +
		`{"rrname":"a.cdn.test","rrtype":"CNAME","ttl":10,"rdata":"B.cdn.test"},` +
		`{"rrname":"b.cdn.test","rrtype":"A","ttl":5,"rdata":"203.0.113.6"}`
	eveSix = `{"rrname":"site.test","rrtype":"AAAA","ttl":60,"rdata":"2001:0db8:0000:0000:0000:0000:0000:0005"}`
)

var eveVersions = map[string]string{
	"version 1": eveFromServer(`{"type":"answer","id":1,"rcode":"NOERROR","rrname":"b.cdn.test","rrtype":"A","ttl":20,"rdata":"203.0.113.5"}`) +
		eveFromServer(`{"type":"answer","id":1,"rcode":"NOERROR","rrname":"Site.test","rrtype":"CNAME","ttl":300,"rdata":"a.cdn.test"}`) +
		eveFromServer(`{"type":"answer","id":2,"rcode":"NOERROR","rrname":"site.test","rrtype":"AAAA","ttl":60,"rdata":"2001:0db8:0000:0000:0000:0000:0000:0005"}`) +
		eveFromServer(`{"type":"answer","id":1,"rcode":"NOERROR","rrname":"a.cdn.test","rrtype":"CNAME","ttl":10,"rdata":"B.cdn.test"}`) +
		eveFromServer(`{"type":"answer","id":1,"rcode":"NOERROR","rrname":"b.cdn.test","rrtype":"A","ttl":5,"rdata":"203.0.113.6"}`) +
		eveFromServer(`{"type":"answer","id":4,"rcode":"NOERROR","rrname":"text.test","rrtype":"TXT","ttl":5,"rdata":"203.0.113.9"}`) +
		eveFromServer(`{"type":"answer","id":3,"rcode":"NXDOMAIN","rrname":"none.test"}`),
	"version 2": eveFromClient(`{"version":2,"type":"answer","id":1,"flags":"8180","rrname":"Site.test","rrtype":"A","rcode":"NOERROR","answers":[`+eveChain+`],"grouped":{"CNAME":["a.cdn.test"],"A":["203.0.113.9"]}}`) +
		eveFromClient(`{"version":2,"type":"answer","id":2,"rrname":"site.test","rrtype":"AAAA","rcode":"NOERROR","answers":[`+eveSix+`]}`) +
		eveFromClient(`{"version":2,"type":"answer","id":4,"rrname":"text.test","rrtype":"TXT","rcode":"NOERROR","answers":[{"rrname":"text.test","rrtype":"TXT","ttl":5,"rdata":"203.0.113.9"}]}`) +
		eveFromClient(`{"version":2,"type":"answer","id":3,"rrname":"none.test","rcode":"NXDOMAIN"}`),
	"version 3": eveFromServer(`{"version":3,"type":"response","tx_id":1,"id":1,"rcode":"NOERROR","queries":[{"rrname":"Site.test","rrtype":"A"}],"answers":[`+eveChain+`]}`) +
		eveFromServer(`{"version":3,"type":"answer","tx_id":1,"id":2,"rcode":"NOERROR","queries":[{"rrname":"site.test","rrtype":"AAAA"}],"answers":[`+eveSix+`],"additionals":[{"rrname":"site.test","rrtype":"A","ttl":1,"rdata":"203.0.113.9"}]}`) +
		eveFromServer(`{"version":3,"type":"response","tx_id":1,"id":4,"rcode":"NOERROR","queries":[{"rrname":"text.test","rrtype":"TXT"}],"answers":[{"rrname":"text.test","rrtype":"TXT","ttl":5,"rdata":"203.0.113.9"}]}`) +
		eveFromServer(`{"version":3,"type":"response","tx_id":1,"id":3,"rcode":"NXDOMAIN","queries":[{"rrname":"none.test"}]}`),
}

// TestSuricataOneRecordSet: the three versions are the same evidence.
func TestSuricataOneRecordSet(t *testing.T) {
	want := []string{
		eveText + "none.test 0 rcode 3",
		eveText + "site.test 1 =b.cdn.test 203.0.113.5/10 203.0.113.6/5",
		eveText + "site.test 28 2001:db8::5/60",
		eveText + "text.test 16",
	}
	for version, text := range eveVersions {
		log := readPassive(t, &suricataFormat, Config{}, text)
		slices.Sort(log.evidence)
		if !slices.Equal(log.evidence, want) || log.stats.ByReason[Used] != log.stats.Lines {
			t.Errorf("%s: got\n%s\nwant\n%s", version, strings.Join(log.evidence, "\n"), strings.Join(want, "\n"))
		}
	}
}

// TestSuricataDirection: which side is the server, with and without port 53.
func TestSuricataDirection(t *testing.T) {
	const query = `"rrname":"a.test","rrtype":"A"`
	for _, c := range []struct {
		what, source, dest, dns string
		want                    string
	}{
		{"src has port 53", eveSourceServer, eveDestClient, `{"version":2,"type":"answer",` + query + `}`, "10.1.0.7<10.1.0.53"},
		{"dest has port 53", eveSourceClient, eveDestServer, `{"version":3,"type":"response",` + query + `}`, "10.1.0.7<10.1.0.53"},
		{"DNS over HTTPS", `"src_ip":"10.1.0.7","src_port":40000`, `"dest_ip":"10.1.0.53","dest_port":443`, `{"version":3,"type":"response",` + query + `}`, "10.1.0.7<10.1.0.53"},
		{"other ports, version 1", `"src_ip":"10.1.0.53","src_port":5300`, eveDestClient, `{"type":"answer","id":1,"rcode":"NXDOMAIN","rrname":"a.test"}`, "10.1.0.7<10.1.0.53"},
		{"other ports, version 2", eveSourceClient, `"dest_ip":"10.1.0.53","dest_port":5300`, `{"version":2,"type":"answer",` + query + `}`, "10.1.0.7<10.1.0.53"},
		{"other ports, version 3", `"src_ip":"10.1.0.53","src_port":5300`, eveDestClient, `{"version":3,"type":"response",` + query + `}`, "10.1.0.7<10.1.0.53"},
		{"other ports, a question", eveSourceClient, `"dest_ip":"10.1.0.53","dest_port":5300`, `{"version":3,"type":"request",` + query + `}`, "10.1.0.7<10.1.0.53"},
		{"both 53, version 2", `"src_ip":"10.1.0.7","src_port":53`, eveDestServer, `{"version":2,"type":"answer",` + query + `}`, "10.1.0.7<10.1.0.53"},
		{"both 53, version 3", eveSourceServer, `"dest_ip":"10.1.0.7","dest_port":53`, `{"version":3,"type":"response",` + query + `}`, "10.1.0.7<10.1.0.53"},
		{"no ports", `"src_ip":"10.1.0.53","x":1`, `"dest_ip":"10.1.0.7"`, `{"version":3,"type":"response",` + query + `}`, "10.1.0.7<10.1.0.53"},
	} {
		log := readPassive(t, &suricataFormat, Config{}, eveHead("75", c.source, c.dest)+c.dns+"}")
		if len(log.evidence) != 1 || !strings.Contains(log.evidence[0], " "+c.want+" ") {
			t.Errorf("%s: got %q, %v, want %s", c.what, log.evidence, log.reasons, c.want)
		}
	}
}

func TestSuricataAnswers(t *testing.T) {
	for _, c := range []struct {
		what, dns string
		want      string
		reason    Reason
	}{
		{"a question", `{"version":2,"type":"query","id":1,"rrname":"a.test","rrtype":"AAAA","tx_id":0}`, "a.test 28?", Used},
		{"a question of version 3", `{"version":3,"type":"request","queries":[{"rrname":"a.test","rrtype":"A"}],"rcode":"NOERROR"}`, "a.test 1?", Used},
		{"grouped alone", `{"version":2,"type":"answer","rrname":"a.test","rrtype":"A","rcode":"NOERROR","grouped":{"A":["203.0.113.5","203.0.113.6"],"CNAME":["b.test"]}}`,
			"a.test 1 =b.test 203.0.113.5/- 203.0.113.6/-", Used},
		{"grouped with two aliases", `{"version":2,"type":"answer","rrname":"a.test","rrtype":"AAAA","grouped":{"AAAA":["2001:0db8:0000:0000:0000:0000:0000:0005"],"CNAME":["b.test","c.test"]}}`,
			"a.test 28 2001:db8::5/-", Used},
		{"grouped TXT", `{"version":2,"type":"answer","rrname":"a.test","rrtype":"TXT","grouped":{"TXT":["203.0.113.5"]}}`, "a.test 16", Used},
		{"off the chain", `{"version":2,"type":"answer","rrname":"a.test","rrtype":"A","answers":[{"rrname":"bank.test","rrtype":"A","ttl":1,"rdata":"203.0.113.9"},{"rrname":"a.test","rrtype":"A","ttl":2,"rdata":"203.0.113.5"}]}`,
			"a.test 1 203.0.113.5/2", Used},
		{"a loop", `{"version":2,"type":"answer","rrname":"a.test","rrtype":"A","answers":[{"rrname":"a.test","rrtype":"CNAME","ttl":1,"rdata":"b.test"},{"rrname":"b.test","rrtype":"CNAME","ttl":1,"rdata":"a.test"},{"rrname":"b.test","rrtype":"A","ttl":9,"rdata":"203.0.113.5"}]}`,
			"a.test 1 =b.test 203.0.113.5/1", Used},
		{"an address of the wrong type", `{"version":2,"type":"answer","rrname":"a.test","rrtype":"A","answers":[{"rrname":"a.test","rrtype":"A","ttl":1,"rdata":"2001:db8::1"},{"rrname":"a.test","rrtype":"TXT","ttl":1,"rdata":"203.0.113.5"}]}`, "a.test 1", Used},
		{"an IPv4-mapped address", `{"version":2,"type":"answer","rrname":"a.test","rrtype":"AAAA","answers":[{"rrname":"a.test","rrtype":"AAAA","ttl":1,"rdata":"0000:0000:0000:0000:0000:ffff:cb00:7105"}]}`, "a.test 28 203.0.113.5/1", Used},
		{"HTTPS without data", `{"version":3,"type":"response","rcode":"NOERROR","queries":[{"rrname":"a.test","rrtype":"HTTPS"}],"answers":[{"rrname":"a.test","rrtype":"HTTPS","ttl":300}]}`, "a.test 65", Used},
		{"TTLs out of bounds", `{"version":2,"type":"answer","rrname":"a.test","rrtype":"A","answers":[{"rrname":"a.test","rrtype":"A","ttl":4294967295,"rdata":"203.0.113.5"},{"rrname":"a.test","rrtype":"A","ttl":2147483647,"rdata":"203.0.113.6"}]}`,
			"a.test 1 203.0.113.5/0 203.0.113.6/604800", Used},
		{"octets", `{"version":2,"type":"answer","rrname":"a\\xff\u0000||\"\\x62.test","rrtype":"A","answers":[]}`, `a\255\000||"\\x62.test 1`, Used},
		{"the root", `{"version":2,"type":"answer","rrname":"<root>","rrtype":"NS"}`, ". 2", Used},
		{"a name cut", `{"version":2,"type":"answer","rrname":"aaa","rrname_truncated":true,"rrtype":"A","answers":[]}`, "", BadName},
		{"a name cut in version 3", `{"version":3,"type":"response","queries":[{"rrname":"aaa","rrname_truncated":true,"rrtype":"A"}]}`, "", BadName},
		{"a name not cut", `{"version":3,"type":"response","queries":[{"rrname":"aaa","rrname_truncated":false,"rrtype":"A"}]}`, "aaa 1", Used},
		{"an alias cut", `{"version":2,"type":"answer","rrname":"a.test","rrtype":"A","answers":[{"rrname":"a.test","rrtype":"CNAME","ttl":1,"rdata":"b.test","rdata_truncated":true},{"rrname":"b.test","rrtype":"A","ttl":1,"rdata":"203.0.113.5"}]}`, "a.test 1", Used},
		{"a garbled name", `{"version":2,"type":"answer","rrname":"<failed to convert bytes to string>","rrtype":"A"}`, "", BadName},
		{"a name that is none", `{"version":2,"type":"answer","rrname":"a..test","rrtype":"A"}`, "", BadName},
		{"no question", `{"version":3,"type":"response","rcode":"NOERROR","answers":[]}`, "", Unpaired},
		{"an empty list of questions", `{"version":3,"type":"response","queries":[]}`, "", Unpaired},
		{"two questions", `{"version":3,"type":"response","queries":[{"rrname":"a.test"},{"rrname":"b.test"}]}`, "", BadSyntax},
		{"an odd code", `{"version":2,"type":"answer","rrname":"a.test","rcode":"WHAT"}`, "", BadSyntax},
		{"another type of event", `{"version":2,"type":"update","rrname":"a.test"}`, "", Passed},
		{"no dns", `"a"`, "", BadSyntax},
		{"version 1 without an ID", `{"type":"answer","rrname":"a.test","rrtype":"A","ttl":1,"rdata":"203.0.113.5"}`, "", BadSyntax},
		{"version 1, a garbled name", `{"type":"answer","id":1,"rrname":"<failed to convert bytes to string>","rrtype":"A","ttl":1,"rdata":"203.0.113.5"}`, "", BadName},
	} {
		log := readPassive(t, &suricataFormat, Config{}, eveFromServer(c.dns))
		got := strings.TrimPrefix(strings.Join(log.evidence, " + "), eveText)
		if got != c.want || log.reasons[0] != c.reason {
			t.Errorf("%s: got %q, %s, want %q, %s", c.what, got, log.reasons[0], c.want, c.reason)
		}
	}
}

func TestSuricataEvents(t *testing.T) {
	tls := `{"timestamp":"2023-11-14T22:13:20.5+0000","event_type":"tls","src_ip":"10.1.0.7","src_port":40000,"dest_ip":"203.0.113.5","dest_port":443,"proto":"TCP","tls":{"sni":"Shop.test","version":"TLS 1.3"}}`
	replace := func(old, new string) string { return strings.Replace(tls, old, new, 1) }
	dns := eveFromServer(`{"version":2,"type":"answer","rrname":"a.test","rrtype":"A"}`)
	for _, c := range []struct {
		what, line string
		want       string
		reason     Reason
	}{
		{"tls", tls, "2023-11-14T22:13:20.5Z 10.1.0.7:40000>203.0.113.5:443/6 shop.test", Used},
		{"torn", tls[:len(tls)-9], "", Torn},
		{"quic", strings.NewReplacer(`"event_type":"tls"`, `"event_type":"quic"`, `"tls":{`, `"quic":{`, "TCP", "UDP").Replace(tls), "2023-11-14T22:13:20.5Z 10.1.0.7:40000>203.0.113.5:443/17 shop.test", Used},
		{"tls from the server", strings.NewReplacer("src_", "dest_", "dest_", "src_").Replace(tls), "2023-11-14T22:13:20.5Z 10.1.0.7:40000>203.0.113.5:443/6 shop.test", Used},
		{"no name", replace(`"sni":"Shop.test",`, ""), "", Passed},
		{"an address for a name", replace("Shop.test", "203.0.113.5"), "", Passed},
		{"the name of ECH", replace("Shop.test", "cloudflare-ech.com"), "", Passed},
		{"the name in an alert", replace(`"event_type":"tls"`, `"event_type":"alert"`), "", Passed},
		{"a name that is none", replace("Shop.test", "a..b"), "", BadName},
		{"a port that is none", replace("40000", "400000"), "", BadAddress},
		{"no time", replace("2023-11-14T", ""), "", BadTime},
		{"dns in an alert", strings.Replace(dns, `"event_type":"dns"`, `"event_type":"alert"`, 1), "", Passed},
		{"mdns", strings.Replace(dns, `"event_type":"dns"`, `"event_type":"mdns"`, 1), "", Passed},
		{"llmnr", strings.Replace(dns, `"event_type":"dns"`, `"event_type":"llmnr"`, 1), "", Passed},
		{"mdns as dns", strings.Replace(dns, `"src_port":53`, `"src_port":5353`, 1), "", Passed},
		{"multicast", strings.Replace(dns, `10.1.0.53`, `224.0.0.251`, 1), "", Passed},
		{"a client that is none", strings.Replace(dns, `"10.1.0.7"`, `"10.1.0"`, 1), "", BadAddress},
		{"a server that is none", strings.Replace(dns, `"10.1.0.53"`, `7`, 1), "", BadClient},
		{"behind a syslog header", "<141>Nov 14 22:13:20 ids suricata[7]: " + dns, eveText + "a.test 1", Used},
		{"stats", `{"timestamp":"2023-11-14T22:13:20.5+0000","event_type":"stats","stats":{"uptime":7}}`, "", Passed},
		{"another log", `{"ts":1700000000.5,"uid":"C1","query":"a.test"}`, "", NotTheFormat},
		{"no log", "hello", "", NotTheFormat},
	} {
		log := readPassive(t, &suricataFormat, Config{}, c.line)
		if got := strings.Join(log.evidence, " + "); got != c.want || log.reasons[0] != c.reason {
			t.Errorf("%s: got %q, %s, want %q, %s", c.what, got, log.reasons[0], c.want, c.reason)
		}
	}
}

// eveRecord is one record of version 1, of an answer of its own.
func eveRecord(n int, at, rrname, rrtype, rdata string) string {
	return eveHead(at, eveSourceServer, eveDestClient) +
		fmt.Sprintf(`{"type":"answer","id":%d,"rcode":"NOERROR","rrname":"%s","rrtype":"%s","ttl":60,"rdata":"%s"}}`, n, rrname, rrtype, rdata) + "\n"
}

// TestSuricataV1Waits: an answer's records wait for a second of the log's time,
// and no more than sixteen answers wait.
func TestSuricataV1Waits(t *testing.T) {
	p := suricataFormat.open(Config{}).(*eveParser)
	var got []string
	to := sinkOf(&got)
	line := func(text string) {
		if reason := p.Line([]byte(strings.TrimSuffix(text, "\n")), to); reason != Used {
			t.Fatalf("%s: %s", text, reason)
		}
	}
	line(eveRecord(1, "000000", "a.test", "CNAME", "b.test"))
	line(eveRecord(2, "000001", "c.test", "A", "203.0.113.6"))
	line(eveRecord(1, "000000", "b.test", "A", "203.0.113.5"))
	if len(got) != 0 {
		t.Errorf("too early: %q", got)
	}
	line(strings.Replace(eveRecord(3, "000001", "c.test", "A", "203.0.113.6"), ":20.", ":21.", 1))
	if want := []string{"2023-11-14T22:13:20Z 10.1.0.7<10.1.0.53 a.test 1 =b.test 203.0.113.5/60"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for n := range 40 {
		line(strings.Replace(eveRecord(10+n, "000002", "d.test", "A", "203.0.113.7"), ":20.", ":21.", 1))
		if len(p.held.groups) > maxEveGroups {
			t.Fatalf("%d answers wait", len(p.held.groups))
		}
	}
	p.Flush(to)
	if len(got) != 43 || len(p.held.groups) != 0 || len(p.held.free) > maxEveGroups {
		t.Errorf("got %d answers, %d wait, %d are free", len(got), len(p.held.groups), len(p.held.free))
	}
}

// TestSuricataState: an answer goes on in another process.
func TestSuricataState(t *testing.T) {
	var got []string
	to := sinkOf(&got)
	lines := strings.Split(strings.TrimSuffix(eveVersions["version 1"], "\n"), "\n")
	p := suricataFormat.open(Config{})
	for _, line := range lines {
		state := p.(Stateful).AppendState(nil)
		p = suricataFormat.open(Config{})
		if err := p.(Stateful).Restore(state); err != nil {
			t.Fatalf("%s: %v", state, err)
		}
		if again := p.(Stateful).AppendState(nil); !bytes.Equal(again, state) {
			t.Fatalf("got %s, want %s", again, state)
		}
		p.Line([]byte(line), to)
	}
	p.Flush(to)
	want := readPassive(t, &suricataFormat, Config{}, eveVersions["version 1"]).evidence
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, bad := range []string{
		`x`, `{}`, `[{"TimeNs":-1,"Client":"10.1.0.7","Server":"10.1.0.53"}]`, `[{"Client":"","Server":"10.1.0.53"}]`,
		`[{"Client":"::ffff:10.1.0.7","Server":"10.1.0.53"}]`,
		`[{"Client":"10.1.0.7","Server":"10.1.0.53","Records":[{"Owner":"Li4=","Type":1,"Addr":"10.0.0.1"}]}]`,
		`[{"Client":"10.1.0.7","Server":"10.1.0.53","Records":[{"Owner":"YQ==","Type":1}]}]`,
		`[{"Client":"10.1.0.7","Server":"10.1.0.53","Records":[{"Owner":"YQ==","Type":5,"Target":"Li4="}]}]`,
		"[" + strings.Repeat(`{"Client":"10.1.0.7","Server":"10.1.0.53"},`, 16) + `{"Client":"10.1.0.7","Server":"10.1.0.53"}]`,
	} {
		if err := p.(Stateful).Restore([]byte(bad)); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}

func TestSuricataCorpus(t *testing.T) {
	text := string(passiveFile(t, "suricata/eve_dns_v1_v2_v3_crafted.jsonl"))
	log := readPassive(t, &suricataFormat, Config{}, text)
	slices.Sort(log.evidence)
	const ends = "Z 10.20.0.11<10.20.0.53 "
	want := []string{
		"2026-11-23T17:17:06.496293" + ends + "www.shop.example 1 =edge.cdn.example 192.0.2.1/60", // version 1
		"2026-11-23T17:17:06.496293" + ends + "www.shop.example 1 =edge.cdn.example 192.0.2.1/60", // version 2
		"2026-11-23T17:17:07.000001" + ends + "www.shop.example 28 2001:db8::1/-",
		"2026-11-23T17:17:08.000001" + ends + "www.shop.example 1?",
		"2026-11-23T17:17:08.004001" + ends + "www.shop.example 1 =edge.cdn.example 192.0.2.1/60",
		"2026-11-23T17:17:08.004001" + ends + "www.shop.example 1 =edge.cdn.example 192.0.2.1/60",
		"2026-11-23T17:17:09.004001" + ends + "nope.example 1 rcode 3",
		"2026-11-23T17:17:10.004001" + ends + "svc.example 65",
		"2026-11-23T17:17:12.004001Z 10.20.0.11:51820>192.0.2.1:443/6 www.shop.example",
	}
	if !slices.Equal(log.evidence, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(log.evidence, "\n"), strings.Join(want, "\n"))
	}
	if log.stats.ByReason[Passed] != 1 || log.stats.ByReason[Used] != log.stats.Lines-1 {
		t.Errorf("lines: %v", log.reasons)
	}
}

func TestSuricataSniff(t *testing.T) {
	for _, text := range eveVersions {
		lines := bytes.Split([]byte(strings.TrimSuffix(text, "\n")), []byte("\n"))
		if got := Sniff(lines); got != &suricataFormat {
			t.Errorf("told to be %v", got)
		}
	}
	lines := [][]byte{[]byte(`{"timestamp":"2023-11-14T22:13:20.5+0000","event_type":"stats","stats":{"uptime":7}}`)}
	if got := Sniff(lines); got != &suricataFormat {
		t.Errorf("stats: told to be %v", got)
	}
}

func TestSuricataDoesNotAllocate(t *testing.T) {
	for version, text := range eveVersions {
		lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		t.Log(version)
		wantNoAllocs(t, &suricataFormat, slices.Repeat(lines, 20), lines)
	}
}

func BenchmarkSuricata(b *testing.B) {
	for _, version := range []string{"version 1", "version 2", "version 3"} {
		b.Run(version, func(b *testing.B) {
			benchLines(b, &suricataFormat, nil, strings.Split(strings.TrimSuffix(eveVersions[version], "\n"), "\n"))
		})
	}
}
