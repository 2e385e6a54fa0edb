package logs

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flowname/dnscache"
)

// The two events in the shapes that collectors make of them.
const (
	sysmonGUID1 = "{11111111-2222-3333-4444-555555555555}"

	sysmonAsked = `{"EventID":22,"Channel":"Microsoft-Windows-Sysmon/Operational","Hostname":"PC-9","UtcTime":"2026-11-23 18:30:00.250","@timestamp":` +
		`"2026-11-23T14:30:02Z","ProcessGuid":"` + sysmonGUID1 + `","ProcessId":"77","QueryName":"Shop.Test","QueryStatus":"0","QueryResults":` +
		`"type:  5 cdn.test;::ffff:198.51.100.7;","Image":"C:\\dir\\app.exe","Message":"Dns query:\r\nQueryName: Shop.Test"}`
	sysmonConnected = `{"EventID":3,"Channel":"Microsoft-Windows-Sysmon/Operational","Hostname":"PC-9","UtcTime":"2026-11-23 18:30:00.255","@timestamp":` +
		`"2026-11-23T14:30:02Z","ProcessGuid":"` + sysmonGUID1 + `","ProcessId":"77","Image":"C:\\dir\\app.exe","Protocol":"tcp","Initiated":"true",` +
		`"SourceIp":"10.9.0.7","SourcePort":"40001","DestinationIp":"198.51.100.7","DestinationHostname":"reverse.test","DestinationPort":"443"}`

	sysmonAnswer = `2026-11-23T18:30:00.25 sysmon anyone 0 shop.test ~cdn.test 198.51.100.7`
	sysmonNamed  = `2026-11-23T18:30:00.255 sysmon 10.9.0.7:40001 > 198.51.100.7:443 6 shop.test [C:\dir\app.exe 77 PC-9]`
)

var sysmonUnnamed = strings.Replace(sysmonNamed, "shop.test", "", 1)

func TestSysmonJoin(t *testing.T) {
	later := func(line, clock string) string { return replaced(line, "18:30:00.255", clock, "18:30:00.250", clock) }
	other := replaced(sysmonAsked, "Shop.Test", "Other.Test")
	noise := later(replaced(sysmonAsked, "Shop.Test", "noise.test", "198.51.100.7", "192.0.2.1"), "18:32:00.000")
	for _, c := range []struct {
		name  string
		lines []string
		want  []string // the connections
	}{
		{"lookup first", []string{sysmonAsked, sysmonConnected}, []string{sysmonNamed}},
		{"connection first", []string{sysmonConnected, sysmonAsked}, []string{sysmonNamed}},
		{"lookup written later than it was made", []string{later(sysmonConnected, "18:30:00.245"), sysmonAsked}, []string{strings.Replace(sysmonNamed, ".255", ".245", 1)}},
		{"no lookup", []string{sysmonConnected}, []string{sysmonUnnamed}},
		{"minutes after the lookup", []string{sysmonAsked, later(sysmonConnected, "18:36:00")}, []string{strings.Replace(sysmonNamed, "18:30:00.255", "18:36:00", 1)}},
		{"an hour after the lookup", []string{sysmonAsked, later(sysmonConnected, "19:30:00")}, []string{strings.Replace(sysmonUnnamed, "18:30:00.255", "19:30:00", 1)}},
		{"a minute before the lookup", []string{later(sysmonConnected, "18:29:00"), sysmonAsked}, []string{strings.Replace(sysmonUnnamed, "18:30:00.255", "18:29:00", 1)}},
		{"another process", []string{sysmonAsked, replaced(sysmonConnected, "11111111", "99999999")}, []string{sysmonUnnamed}},
		{"another host", []string{sysmonAsked, replaced(sysmonConnected, "PC-9", "PC-8")}, []string{strings.Replace(sysmonUnnamed, "PC-9", "PC-8", 1)}},
		{"another address", []string{sysmonAsked, replaced(sysmonConnected, "198.51.100.7", "198.51.100.8")}, []string{strings.Replace(sysmonUnnamed, "100.7", "100.8", 1)}},
		{"a process that Sysmon does not know", []string{replaced(sysmonAsked, sysmonGUID1, "{00000000-0000-0000-0000-000000000000}"),
			replaced(sysmonConnected, sysmonGUID1, "{00000000-0000-0000-0000-000000000000}")}, []string{sysmonUnnamed}},
		{"inbound", []string{sysmonAsked, replaced(sysmonConnected, `"Initiated":"true"`, `"Initiated":"false"`)}, []string{strings.Replace(sysmonUnnamed, " > ", " >in> ", 1)}},
		{"of two names the nearer one", []string{later(other, "18:26:00"), sysmonAsked, sysmonConnected}, []string{sysmonNamed}},
		{"of two names the nearer one, which is written last", []string{later(other, "18:26:00"), sysmonConnected, sysmonAsked}, []string{sysmonNamed}},
		{"the same with the nearer one first", []string{sysmonAsked, later(other, "18:36:00"), sysmonConnected}, []string{sysmonNamed}},
		{"not waited for longer than a minute", []string{sysmonConnected, noise, sysmonAsked}, []string{sysmonUnnamed}},
		{"two connections of a lookup", []string{sysmonConnected, replaced(sysmonConnected, "40001", "40002"), sysmonAsked},
			[]string{sysmonNamed, strings.Replace(sysmonNamed, "40001", "40002", 1)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, reasons := told(&sysmon, Config{}, c.lines...)
			for i, why := range reasons {
				if why != Used {
					t.Errorf("%s: %v", c.lines[i], why)
				}
			}
			if diff := cmp.Diff(c.want, only(got, "PC-")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// only are the texts that hold part.
func only(texts []string, part string) (some []string) {
	for _, text := range texts {
		if strings.Contains(text, part) {
			some = append(some, text)
		}
	}
	return some
}

func TestSysmonShapes(t *testing.T) {
	data := func(line string) string { return line[strings.Index(line, `"UtcTime"`) : len(line)-1] }
	xml := func(id string, pairs ...string) string {
		text := `<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Microsoft-Windows-Sysmon' Guid='{5770385f}'/><EventID>` +
			id + `</EventID><Version>5</Version><TimeCreated SystemTime='2026-11-23T18:30:02.1234567Z'/><Execution ProcessID='1'/>` +
			`<Channel>Microsoft-Windows-Sysmon/Operational</Channel><Computer>PC-9</Computer></System><EventData>`
		for i := 0; i < len(pairs); i += 2 {
			text += "<Data Name='" + pairs[i] + "'>" + pairs[i+1] + "</Data>"
		}
		return text + "</EventData></Event>"
	}
	asked := xml("22", "RuleName", "-", "UtcTime", "2026-11-23 18:30:00.250", "ProcessGuid", sysmonGUID1, "ProcessId", "77", "QueryName", "Shop.Test",
		"QueryStatus", "0", "QueryResults", "type:  5 cdn.test;::ffff:198.51.100.7;", "Image", `C:\dir\app.exe`)
	connected := xml("3", "UtcTime", "2026-11-23 18:30:00.255", "ProcessGuid", sysmonGUID1, "ProcessId", "77", "Image", `C:\dir\app.exe`, "Protocol", "tcp",
		"Initiated", "true", "SourceIp", "10.9.0.7", "SourcePort", "40001", "DestinationIp", "198.51.100.7", "DestinationHostname", "reverse.test", "DestinationPort", "443")
	system := `"Channel":"Microsoft-Windows-Sysmon/Operational","Computer":"PC-9","EventID":`
	for name, lines := range map[string][2]string{
		"flat": {sysmonAsked, sysmonConnected},
		"winlogbeat": {
			`{"@timestamp":"2026-11-23T18:30:00.250Z","host":{"name":"pc-9.corp.test"},"event":{"code":"22"},"winlog":{"channel":"Microsoft-Windows-Sysmon/Operational",` +
				`"computer_name":"PC-9","event_id":"22","event_data":{` + data(sysmonAsked) + `}}}`,
			`{"@timestamp":"2026-11-23T18:30:00.255Z","host":{"name":"pc-9.corp.test"},"event":{"code":"3"},"winlog":{"channel":"Microsoft-Windows-Sysmon/Operational",` +
				`"computer_name":"PC-9","event_id":3,"event_data":{` + data(sysmonConnected) + `}}}`,
		},
		"Elastic Common Schema": {
			`{"@timestamp":"2026-11-23T18:30:00.250Z","event":{"code":"22"},"winlog":{"channel":"Microsoft-Windows-Sysmon/Operational","computer_name":"PC-9","event_id":"22"},` +
				`"process":{"entity_id":"` + sysmonGUID1 + `","pid":77,"executable":"C:\\dir\\app.exe"},"dns":{"question":{"name":"Shop.Test"},"resolved_ip":["198.51.100.7"]}}`,
			`{"@timestamp":"2026-11-23T18:30:00.255Z","event":{"code":"3"},"winlog":{"channel":"Microsoft-Windows-Sysmon/Operational","computer_name":"PC-9","event_id":"3"},` +
				`"process":{"entity_id":"` + sysmonGUID1 + `","pid":77,"executable":"C:\\dir\\app.exe"},"network":{"transport":"tcp","direction":"egress"},` +
				`"source":{"ip":"10.9.0.7","port":40001},"destination":{"ip":"198.51.100.7","port":443,"domain":"reverse.test"}}`,
		},
		"EVTX to JSON": {
			`{"Event":{"System":{` + system + `22},"EventData":{` + data(sysmonAsked) + `}}}`,
			`{"Event":{"System":{` + system + `{"#attributes":{"Qualifiers":0},"#text":3}},"EventData":{` + data(sysmonConnected) + `}}}`,
		},
		"Velociraptor": {
			`{"System":{` + system + `{"Value":22}},"EventData":{` + data(sysmonAsked) + `}}`,
			`{"System":{` + system + `{"Value":3}},"EventData":{` + data(sysmonConnected) + `}}`,
		},
		"XML": {asked, connected},
		"XML with other quotes, behind a syslog header": {"<13>Nov 23 18:30:02 pc9 sysmon: " + strings.ReplaceAll(asked, "'", `"`), strings.ReplaceAll(connected, "'", `"`)},
		"XML with rendering":                            {strings.Replace(asked, "</Event>", "<RenderingInfo><Message>Dns query:</Message><Channel>x</Channel></RenderingInfo></Event>", 1), connected},
		"XML with entities":                             {strings.ReplaceAll(strings.ReplaceAll(asked, `\app`, "&#92;app"), `C:`, "&#x43;:"), connected},
	} {
		t.Run(name, func(t *testing.T) {
			got, reasons := told(&sysmon, Config{}, lines[0], lines[1])
			want := []string{sysmonAnswer, sysmonNamed}
			if name == "Elastic Common Schema" { // it does not keep the chain's order
				want[0] = strings.Replace(sysmonAnswer, " ~cdn.test", "", 1)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%v (-want +got):\n%s", reasons, diff)
			}
			if s := sniffed(lines[:]...); s != "sysmon" {
				t.Errorf("told to be %q", s)
			}
		})
	}
	t.Run("XML, several in a line", func(t *testing.T) {
		got, reasons := told(&sysmon, Config{}, "<Events>"+asked+connected+"</Events>", asked+connected[:200])
		if diff := cmp.Diff([]string{sysmonAnswer, sysmonNamed, sysmonAnswer}, got); diff != "" || reasons[0] != Used || reasons[1] != Used {
			t.Errorf("%v (-want +got):\n%s", reasons, diff)
		}
	})
	t.Run("XML, broken", func(t *testing.T) {
		for line, want := range map[string]Reason{
			asked[:100]: Torn, "<Event": Torn, "<Event>": Torn, "<Event></Event>": NotTheFormat,
			asked[:strings.Index(asked, "Shop.Test")+4]:                                              Torn,
			strings.Replace(asked, "Shop.Test", "a<b>c</b>", 1):                                      BadSyntax,
			strings.Replace(asked, "Shop.Test", "a&nbsp;b", 1):                                       BadSyntax,
			strings.Replace(asked, "Shop.Test", "a&#xfffffff;b", 1):                                  BadSyntax,
			strings.Replace(asked, "</EventData>", "<Data Name='QueryName'>x</Data></EventData>", 1): BadSyntax,
			strings.Replace(asked, "-Sysmon/", "-DNSServer/", 1):                                     Passed,
		} {
			if got, reasons := told(&sysmon, Config{}, line); len(got) > 0 || reasons[0] != want {
				t.Errorf("%s: got %v, %q, want %v", line, reasons[0], got, want)
			}
		}
	})
}

func TestSysmonQueryResults(t *testing.T) {
	answer := func(results string) string {
		return replaced(sysmonAsked, "type:  5 cdn.test;::ffff:198.51.100.7;", results)
	}
	plain := strings.Replace(sysmonAnswer, " ~cdn.test", "", 1)
	checkLines(t, &sysmon, Config{}, []lineCase{
		{"alias and mapped address", sysmonAsked, []string{sysmonAnswer}, Used},
		{"addresses only", answer("::ffff:198.51.100.7;198.51.100.8;2001:db8::7;"), []string{plain + " 198.51.100.8 2001:db8::7"}, Used},
		{"two aliases", answer("type:  5 a.test;type:  5 cdn.test;198.51.100.7;"), []string{sysmonAnswer}, Used},
		{"typed address", answer("type: 1 198.51.100.7;"), []string{plain}, Used},
		{"no last semicolon", answer("198.51.100.7"), []string{plain}, Used},
		{"cut off", answer("198.51.100.7;198.51."), []string{plain}, Used},
		{"an address behind a TXT is its text", answer("type:  16 v=spf1;203.0.113.200;"), nil, Passed},
		{"an address behind an SRV is its target's", answer("type:  33 dc.test;10.9.0.1;"), nil, Passed},
		{"none", answer("-"), nil, Passed},
		{"empty", answer(""), nil, Passed},
		{"alias to nothing", answer("type:  5 cdn.test;"), nil, Passed},
		{"failed", replaced(sysmonAsked, `"QueryStatus":"0"`, `"QueryStatus":"9701"`), nil, Passed},
		{"no address", answer("shop.test;198.51.100.7;"), nil, BadAddress},
		{"no name", replaced(sysmonAsked, "Shop.Test", ""), nil, BadName},
		{"odd bytes in the name", replaced(sysmonAsked, "Shop.Test", `a\"b\\c||d\n.test`), []string{strings.Replace(sysmonAnswer, "shop.test", `a"b\\c||d\010.test`, 1)}, Used},
		{"no time", replaced(sysmonAsked, "UtcTime", "x", "@timestamp", "y"), nil, BadTime},
		{"another event", replaced(sysmonAsked, `"EventID":22`, `"EventID":1`), nil, Passed},
		{"another channel's 22", replaced(sysmonAsked, "Sysmon/Operational", "WinRM/Operational"), nil, Passed},
		{"a value twice", replaced(sysmonAsked, `"ProcessId"`, `"QueryName":"x","ProcessId"`), nil, BadSyntax},
		{"torn", sysmonAsked[:200], nil, Torn},
		{"another object", `{"a":1}`, nil, NotTheFormat},
		{"text", `Dns query: shop.test`, nil, NotTheFormat},
	})
}

func TestSysmonConnection(t *testing.T) {
	checkLines(t, &sysmon, Config{}, []lineCase{
		{"the reverse lookup is no name", sysmonConnected, []string{sysmonUnnamed}, Used},
		{"UDP, IPv6 with a scope", replaced(sysmonConnected, `"tcp"`, `"udp"`, "10.9.0.7", "fe80::1%5", "198.51.100.7", "2001:db8:0:0:0:0:0:7"),
			[]string{strings.NewReplacer(" 6 ", " 17 ", "10.9.0.7", "[fe80::1]", "198.51.100.7", "[2001:db8::7]").Replace(sysmonUnnamed)}, Used},
		{"a process that Sysmon does not know", replaced(sysmonConnected, `C:\\dir\\app.exe`, "<unknown process>"), []string{strings.Replace(sysmonUnnamed, `C:\dir\app.exe`, "", 1)}, Used},
		{"no source", replaced(sysmonConnected, "10.9.0.7", "-"), nil, BadClient},
		{"no destination", replaced(sysmonConnected, "198.51.100.7", "::"), nil, BadAddress},
		{"no time", replaced(sysmonConnected, "2026-11-23 18:30:00.255", "soon"), nil, BadTime},
	})
}

// TestSysmonBounds: what waits and what is remembered does not grow.
func TestSysmonBounds(t *testing.T) {
	given := 0
	p := sysmon.open(Config{}).(*sysmonParser)
	to := &Sink{Response: func(*dnscache.Response) {}, Connection: func(*dnscache.Connection) { given++ }}
	const n = 3 * maxLookups
	for i := range n {
		guid := fmt.Sprintf("%08x", i+1)
		p.Line([]byte(replaced(sysmonAsked, "11111111", guid)), to)
		p.Line([]byte(replaced(sysmonConnected, "11111111", guid, "198.51.100.7", "198.51.100.8", "PC-9", fmt.Sprint("PC-", i%7))), to)
		if len(p.join.young) > maxLookups || len(p.join.old) > maxLookups || p.join.waiting > maxHeld || p.join.waiting+given != i+1 {
			t.Fatalf("after %d: %d and %d lookups, %d connections wait, %d given", i, len(p.join.young), len(p.join.old), p.join.waiting, given)
		}
	}
	p.Flush(to)
	if given != n || p.join.waiting != 0 || len(p.join.held) != 0 {
		t.Errorf("%d of %d given, %d wait, %d queues", given, n, p.join.waiting, len(p.join.held))
	}
	long := strings.Repeat("x", maxLookupKey)
	if got, _ := told(&sysmon, Config{}, replaced(sysmonAsked, "PC-9", long), replaced(sysmonConnected, "PC-9", long)); len(only(got, "shop.test [")) > 0 {
		t.Error("a host with a very long name was joined")
	}
}

// TestSysmonState: a reader that goes on from another one's state tells what
// that one would have.
func TestSysmonState(t *testing.T) {
	lines := []string{
		sysmonConnected,
		replaced(sysmonAsked, "198.51.100.7", "198.51.100.8", "Shop.Test", "first.test"),
		sysmonAsked,
		replaced(sysmonConnected, "198.51.100.7", "198.51.100.8"),
		replaced(sysmonConnected, "198.51.100.7", "198.51.100.9"),
	}
	whole, _ := told(&sysmon, Config{}, lines...)
	for cut := range len(lines) + 1 {
		var got []string
		to := Sink{
			Response:   func(x *dnscache.Response) { got = append(got, toldResponse(x)) },
			Connection: func(c *dnscache.Connection) { got = append(got, toldConnection(c)) },
		}
		first := NewReader(&sysmon, Config{}, to)
		for _, l := range lines[:cut] {
			first.Line([]byte(l))
		}
		state := first.AppendState([]byte("x"))
		second := NewReader(&sysmon, Config{}, to)
		if err := second.Restore(state[1:]); err != nil {
			t.Fatal(err)
		}
		if again := second.AppendState([]byte("x")); string(again) != string(state) {
			t.Errorf("cut at %d: state\n%s\nbecame\n%s", cut, state, again)
		}
		for _, l := range lines[cut:] {
			second.Line([]byte(l))
		}
		second.Flush()
		if diff := cmp.Diff(whole, got); diff != "" {
			t.Errorf("cut at %d (-whole +cut):\n%s", cut, diff)
		}
	}
	r := NewReader(&sysmon, Config{}, Sink{})
	for _, state := range []string{"", "x", "{}", `{"Version":9}`, `{"Version":1,"Held":[{}]}`, `{"Version":1,"Lookups":[{"Names":["a"]}]}`} {
		if r.Restore([]byte(state)) == nil {
			t.Errorf("%q was taken for a state", state)
		}
	}
}

func TestSysmonCorpus(t *testing.T) {
	asked := corpusLines(t, "sysmon/otrf_psh_cmstp_execution_bypassuac_event22.jsonl")
	connected := corpusLines(t, "sysmon/otrf_psh_cmstp_execution_bypassuac_2020-10-2201543213_event3.jsonl")
	process := ` [C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe 6708 WORKSTATION5]`
	named := []string{
		"2020-10-22T05:54:21.354 sysmon 192.168.2.5:52093 > 140.82.113.3:443 6 github.com" + process,
		"2020-10-22T05:54:21.52 sysmon 192.168.2.5:52094 > 151.101.248.133:443 6 raw.githubusercontent.com" + process,
	}
	answers := []string{
		"2020-10-22T05:54:21.349 sysmon anyone 0 github.com 140.82.113.3",
		"2020-10-22T05:54:21.525 sysmon anyone 0 raw.githubusercontent.com ~github.map.fastly.net 151.101.248.133",
	}
	for name, lines := range map[string][]string{
		"lookups first":     append(append([]string{}, asked...), connected...),
		"connections first": append(append([]string{}, connected...), asked...),
	} {
		t.Run(name, func(t *testing.T) {
			got, _ := told(&sysmon, Config{}, lines...)
			if diff := cmp.Diff(named, only(got, "WORKSTATION5")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			responses := only(got, " anyone ")
			if diff := cmp.Diff(answers, responses[:min(2, len(responses))]); diff != "" || len(responses) != 6 {
				t.Errorf("%d answers, want 6 of the 205 (-want +got):\n%s", len(responses), diff)
			}
			if s := sniffed(lines[:5]...); s != "sysmon" {
				t.Errorf("told to be %q", s)
			}
		})
	}
}

func TestSysmonAllocs(t *testing.T) { checkAllocs(t, &sysmon, sysmonAsked, sysmonConnected) }

func BenchmarkSysmon(b *testing.B) { benchmarkLines(b, &sysmon, sysmonAsked, sysmonConnected) }
