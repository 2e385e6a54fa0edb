package logs

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flowname/dnscache"
)

// replaced is line with some of its text replaced.
func replaced(line string, pairs ...string) string {
	return strings.NewReplacer(pairs...).Replace(line)
}

const (
	cbEDRLine = `{"cb_server":"cb","computer_name":"PC-9","direction":"outbound","domain":"Shop.Test","event_type":"netconn","ipv4":"198.51.100.7",` +
		`"local_ip":"10.9.0.7","local_port":40001,"md5":"00","pid":77,"port":443,"process_guid":"g","process_path":"c:\\dir\\app.exe","protocol":6,` +
		`"remote_ip":"198.51.100.7","remote_port":443,"sensor_id":7,"timestamp":1795458600,"type":"ingress.event.netconn"}`
	cbEDRWant = `2026-11-23T18:30:00 carbonblack_edr 10.9.0.7:40001 > 198.51.100.7:443 6 shop.test [c:\dir\app.exe 77 PC-9]`

	cbcLine = `{"type":"endpoint.event.netconn","schema":1,"device_name":"PC-9","device_timestamp":"2026-11-23 18:30:00.739 +0000 UTC",` +
		`"backend_timestamp":"2026-11-23 18:31:00 +0000 UTC","process_pid":77,"process_path":"c:\\dir\\app.exe","netconn_domain":"Shop.Test",` +
		`"netconn_inbound":false,"netconn_protocol":"PROTO_TCP","local_ip":"10.9.0.7","local_port":40001,"remote_ip":"198.51.100.7","remote_port":443}`
	cbcWant = `2026-11-23T18:30:00.739 carbonblack_cloud 10.9.0.7:40001 > 198.51.100.7:443 6 shop.test [c:\dir\app.exe 77 PC-9]`
)

func TestCarbonBlackEDR(t *testing.T) {
	nameless := strings.Replace(cbEDRWant, "shop.test", "", 1)
	checkLines(t, &carbonBlackEDR, Config{}, []lineCase{
		{"outbound", cbEDRLine, []string{cbEDRWant}, Used},
		{"version 2: Protocol, no ipv4", replaced(cbEDRLine, `"protocol":6`, `"Protocol":17`, `"ipv4":"198.51.100.7",`, "", `"port":443,`, ""),
			[]string{strings.Replace(cbEDRWant, " 6 ", " 17 ", 1)}, Used},
		{"sensor before 5.1: no remote_ip", replaced(cbEDRLine, `"remote_ip":"198.51.100.7","remote_port":443,`, ""), []string{cbEDRWant}, Used},
		{"remote_ip not told", replaced(cbEDRLine, `"remote_ip":"198.51.100.7"`, `"remote_ip":"0.0.0.0"`), []string{cbEDRWant}, Used},
		{"ipv4 as a number tells no byte order", replaced(cbEDRLine, `"remote_ip":"198.51.100.7","remote_port":443,`, "", `"198.51.100.7"`, "123456789"), nil, BadAddress},
		{"sensor before 5.1: no local_ip", replaced(cbEDRLine, `"local_ip":"10.9.0.7","local_port":40001,`, ""), nil, BadClient},
		{"inbound: the local end is the server, and the name is not its", replaced(cbEDRLine, "outbound", "inbound"),
			[]string{`2026-11-23T18:30:00 carbonblack_edr 198.51.100.7:443 >in> 10.9.0.7:40001 6  [c:\dir\app.exe 77 PC-9]`}, Used},
		{"no domain", replaced(cbEDRLine, "Shop.Test", ""), []string{nameless}, Used},
		{"an address is no domain", replaced(cbEDRLine, "Shop.Test", "198.51.100.7"), []string{nameless}, Used},
		{"scope", replaced(cbEDRLine, "10.9.0.7", "fe80::1%12", `"remote_ip":"198.51.100.7"`, `"remote_ip":"2001:db8::7%0"`),
			[]string{strings.NewReplacer("10.9.0.7", "[fe80::1]", "198.51.100.7", "[2001:db8::7]").Replace(cbEDRWant)}, Used},
		{"mapped", replaced(cbEDRLine, `"remote_ip":"198.51.100.7"`, `"remote_ip":"::ffff:198.51.100.7"`), []string{cbEDRWant}, Used},
		{"time as a float", replaced(cbEDRLine, "1795458600", "1795458600.25"), []string{strings.Replace(cbEDRWant, ":00 ", ":00.25 ", 1)}, Used},
		{"time as a string", replaced(cbEDRLine, "1795458600", `"1795458600.25"`), []string{strings.Replace(cbEDRWant, ":00 ", ":00.25 ", 1)}, Used},
		{"time in milliseconds", replaced(cbEDRLine, "1795458600", "1795458600250"), []string{strings.Replace(cbEDRWant, ":00 ", ":00.25 ", 1)}, Used},
		{"through a proxy", replaced(cbEDRLine, `"pid":77`, `"pid":77,"proxy":true,"proxy_ip":"198.51.100.7"`), []string{nameless}, Used},
		{"proxy elsewhere", replaced(cbEDRLine, `"pid":77`, `"pid":77,"proxy":true,"proxy_ip":"198.51.100.9"`), []string{cbEDRWant}, Used},
		{"behind a syslog header", "<14>Nov 23 18:30:00 cb cb-event-forwarder[1]: " + cbEDRLine, []string{cbEDRWant}, Used},
		{"odd bytes in the domain", replaced(cbEDRLine, "Shop.Test", `a\"b\\c\n||é.test`), []string{strings.Replace(cbEDRWant, "shop.test", `a"b\\c\010||\195\169.test`, 1)}, Used},

		{"local end unspecified", replaced(cbEDRLine, "10.9.0.7", "0.0.0.0"), nil, BadClient},
		{"remote end unspecified", replaced(cbEDRLine, "198.51.100.7", "0.0.0.0"), nil, BadAddress},
		{"no such name", replaced(cbEDRLine, "Shop.Test", "shop..test"), nil, BadName},
		{"no time", replaced(cbEDRLine, `"timestamp":1795458600,`, ""), nil, BadTime},
		{"no direction", replaced(cbEDRLine, "outbound", "sideways"), nil, BadSyntax},
		{"a member twice", replaced(cbEDRLine, `"pid":77`, `"pid":77,"remote_ip":"9.9.9.9"`), nil, BadSyntax},
		{"another event", replaced(cbEDRLine, "ingress.event.netconn", "ingress.event.procstart"), nil, Passed},
		{"torn", cbEDRLine[:200], nil, Torn},
		{"LEEF", "LEEF:1.0|CB|CB|5.1|ingress.event.netconn|cb_server=x\tcomputer_name=PC-9\tdomain=shop.test", nil, NotTheFormat},
		{"another object", `{"a":1}`, nil, NotTheFormat},
	})
}

func TestCarbonBlackCloud(t *testing.T) {
	later := strings.Replace(cbcWant, "40001", "40002", 1)
	second := replaced(cbcLine, "40001", "40002")
	checkLines(t, &carbonBlackCloud, Config{}, []lineCase{
		{"outbound", cbcLine, []string{cbcWant}, Used},
		{"one decimal", replaced(cbcLine, ".739", ".7"), []string{strings.Replace(cbcWant, ".739", ".7", 1)}, Used},
		{"seven decimals", replaced(cbcLine, ".739", ".7391234"), []string{strings.Replace(cbcWant, ".739", ".7391234", 1)}, Used},
		{"no decimals", replaced(cbcLine, ".739", ""), []string{strings.Replace(cbcWant, ".739", "", 1)}, Used},
		{"ISO time", replaced(cbcLine, "2026-11-23 18:30:00.739 +0000 UTC", "2026-11-23T18:30:00.739Z"), []string{cbcWant}, Used},
		{"inbound", replaced(cbcLine, "false", "true"), []string{`2026-11-23T18:30:00.739 carbonblack_cloud 198.51.100.7:443 >in> 10.9.0.7:40001 6  [c:\dir\app.exe 77 PC-9]`}, Used},
		{"UDP, IPv6", replaced(cbcLine, "PROTO_TCP", "PROTO_UDP", "10.9.0.7", "fd00::7", "198.51.100.7", "2001:db8::7"),
			[]string{strings.NewReplacer(" 6 ", " 17 ", "10.9.0.7", "[fd00::7]", "198.51.100.7", "[2001:db8::7]").Replace(cbcWant)}, Used},
		{"batch as an array", "[" + cbcLine + "," + second + "]", []string{cbcWant, later}, Used},
		{"batch without commas", cbcLine + second, []string{cbcWant, later}, Used},
		{"a bad neighbour", "[" + replaced(cbcLine, "10.9.0.7", "") + "," + second + "]", []string{later}, Used},
		{"through a proxy", replaced(cbcLine, "event.netconn", "event.netconn_proxy"), nil, Passed},
		{"another event", replaced(cbcLine, "event.netconn", "event.procstart"), nil, Passed},
		{"no local end", replaced(cbcLine, "10.9.0.7", ""), nil, BadClient},
		{"no remote end", replaced(cbcLine, "198.51.100.7", "shop"), nil, BadAddress},
		{"no time", replaced(cbcLine, "device_timestamp", "x"), nil, BadTime},
		{"no direction", replaced(cbcLine, "netconn_inbound", "x"), nil, BadSyntax},
		{"no such name", replaced(cbcLine, "Shop.Test", ".test"), nil, BadName},
		{"another object", `{"a":1}`, nil, NotTheFormat},
		{"CEF", "CEF:0|CarbonBlack|x", nil, NotTheFormat},
	})
}

func TestCarbonBlackEDRCorpus(t *testing.T) {
	lines := corpusLines(t, "carbonblack_edr/netconn_decoded_legacy_shape.jsonl")
	connections, named, inbound, processes := 0, 0, 0, 0
	names := map[string]bool{}
	r := NewReader(&carbonBlackEDR, Config{}, Sink{Connection: func(c *dnscache.Connection) {
		connections++
		if len(c.Name) > 0 {
			named++
			names[string(c.Name)] = true
		}
		if c.Inbound {
			inbound++
		}
		if len(c.Process.Path) > 0 && c.Process.PID > 0 && string(c.Process.Host) == "WIN-OTEMNUTBS23" {
			processes++
		}
	}})
	for _, l := range lines {
		r.Line([]byte(l))
	}
	got := [...]int{connections, named, len(names), inbound, processes}
	if want := [...]int{104, 83, 29, 1, 101}; got != want || sniffed(lines[:5]...) != carbonBlackEDR.Name {
		t.Errorf("connections, named, names, inbound, with a process's path: got %v, want %v; sniffed as %q", got, want, sniffed(lines[:5]...))
	}
}

func TestCarbonBlackCloudCorpus(t *testing.T) {
	lines := corpusLines(t, "carbonblack_cloud/endpoint.event.netconn_crafted.jsonl")
	got, _ := told(&carbonBlackCloud, Config{}, lines...)
	want := []string{`2026-11-23T17:17:06.739 carbonblack_cloud 10.20.0.11:51820 > 192.0.2.1:443 6 www.example [c:\windows\system32\svchost.exe 3420 DESKTOP-7]`}
	if diff := cmp.Diff(want, got); diff != "" || sniffed(lines...) != carbonBlackCloud.Name {
		t.Errorf("sniffed as %q; (-want +got):\n%s", sniffed(lines...), diff)
	}
}

func TestCarbonBlackAllocs(t *testing.T) {
	checkAllocs(t, &carbonBlackEDR, cbEDRLine)
	checkAllocs(t, &carbonBlackCloud, cbcLine, "["+cbcLine+","+cbcLine+"]")
}

func BenchmarkCarbonBlackEDR(b *testing.B)   { benchmarkLines(b, &carbonBlackEDR, cbEDRLine) }
func BenchmarkCarbonBlackCloud(b *testing.B) { benchmarkLines(b, &carbonBlackCloud, cbcLine) }
