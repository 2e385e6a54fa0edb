package logs

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// zeekHead is the header of a dns.log, as rows of zeekRow need it.
const zeekHead = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tdns\n#open\t2026-11-23-17-00-00\n" +
	"#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\trtt\tquery\tqclass\tqtype\tqtype_name\trcode\trcode_name\tanswers\tTTLs\n" +
	"#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tinterval\tstring\tcount\tcount\tstring\tcount\tstring\tvector[string]\tvector[interval]\n"

// zeekRow is a row below zeekHead: type and name of the question, code, answers, TTLs.
func zeekRow(qtype, query, rcode, answers, ttls string) string {
	return "1700000000.500000\tC1\t10.1.0.7\t40000\t10.1.0.53\t53\tudp\t0.250000\t" + query + "\t1\t" + qtype + "\t-\t" + rcode + "\t-\t" + answers + "\t" + ttls + "\n"
}

// zeekRowText is how the evidence of a zeekRow begins.
const zeekRowText = "2023-11-14T22:13:20.75Z 10.1.0.7<10.1.0.53 "

func readZeekRows(t *testing.T, rows ...string) passiveLog {
	t.Helper()
	log := readPassive(t, &zeekFormat, Config{}, zeekHead+strings.Join(rows, ""))
	log.reasons = log.reasons[strings.Count(zeekHead, "\n"):]
	return log
}

func TestZeekAnswers(t *testing.T) {
	for _, c := range []struct {
		what, row string
		want      string // empty: nothing
		reason    Reason
	}{
		{"an address", zeekRow("1", "site.test", "0", "203.0.113.5", "60.000000"), "site.test 1 203.0.113.5/60", Used},
		{"a chain", zeekRow("1", "site.test", "0", "a.cdn.test,b.cdn.test,203.0.113.5,203.0.113.6", "300.000000,30.000000,60.000000,20.000000"),
			"site.test 1 =b.cdn.test 203.0.113.5/30 203.0.113.6/20", Used},
		{"out of order: no canonical name", zeekRow("1", "site.test", "0", "a.cdn.test,203.0.113.5,b.cdn.test", "60.0,60.0,60.0"), "site.test 1 203.0.113.5/60", Used},
		{"IPv6", zeekRow("28", "site.test", "0", "2001:db8::5,::ffff:203.0.113.5", "60.0,60.0"), "site.test 28 2001:db8::5/60 203.0.113.5/60", Used},
		{"ANY", zeekRow("255", "site.test", "0", "203.0.113.5,TXT 11 203.0.113.9,2001:db8::5", "60.0,60.0,60.0"), "site.test 255 203.0.113.5/60 2001:db8::5/60", Used},
		{"an address of the other type", zeekRow("1", "site.test", "0", "2001:db8::5,203.0.113.5", "60.0,60.0"), "site.test 1 =2001:db8::5 203.0.113.5/60", Used},
		{"an address twice", zeekRow("1", "site.test", "0", "203.0.113.5,203.0.113.5", "10.0,60.0"), "site.test 1 203.0.113.5/60", Used},
		{"the text of a TXT", zeekRow("16", "site.test", "0", "TXT 11 203.0.113.9", "60.0"), "site.test 16", Used},
		{"a bare text of a TXT", zeekRow("16", "site.test", "0", "203.0.113.9", "60.0"), "site.test 16", Used},
		{"the target of a CNAME question", zeekRow("5", "site.test", "0", "203.0.113.9", "60.0"), "site.test 5", Used},
		{"a PTR", zeekRow("12", "5.113.0.203.in-addr.arpa", "0", "203.0.113.9", "60.0"), "5.113.0.203.in-addr.arpa 12", Used},
		{"a signature is no target", zeekRow("1", "site.test", "0", "a.test,RRSIG 5 test,203.0.113.5", "60.0,60.0,60.0"), "site.test 1 =a.test 203.0.113.5/60", Used},
		{"an address with more behind it", zeekRow("1", "site.test", "0", "203.0.113.5.,203.0.113.6 x", "60.0,60.0"), "site.test 1", Used},
		{"a comma in an answer", zeekRow("1", "site.test", "0", `a\x2c203.0.113.9,203.0.113.5`, "60.0,60.0"), "site.test 1 =a,203.0.113.9 203.0.113.5/60", Used},
		{"escapes in the name", zeekRow("1", `w\x09w\x5c.\xff.test`, "0", "203.0.113.5", "60.0"), `w\009w\\.\255.test 1 203.0.113.5/60`, Used},
		{"UTF-8 in the name", zeekRow("1", "bücher.test", "0", "203.0.113.5", "60.0"), `b\195\188cher.test 1 203.0.113.5/60`, Used},
		{"upper case", zeekRow("1", "SITE.Test", "0", "203.0.113.5", "60.0"), "site.test 1 203.0.113.5/60", Used},
		{"TTLs of another number", zeekRow("1", "site.test", "0", "203.0.113.5,203.0.113.6", "60.0"), "site.test 1 203.0.113.5/- 203.0.113.6/-", Used},
		{"TTLs out of bounds", zeekRow("1", "site.test", "0", "203.0.113.5,203.0.113.6", "4294967295.000000,2147483647.0"), "site.test 1 203.0.113.5/0 203.0.113.6/604800", Used},
		{"no such name", zeekRow("1", "site.test", "3", "203.0.113.5", "60.0"), "site.test 1 rcode 3", Used},
		{"no addresses", zeekRow("28", "site.test", "0", "-", "-"), "site.test 28", Used},
		{"no reply", zeekRow("1", "site.test", "-", "-", "-"), "site.test 1?", Used},
		{"the root", zeekRow("2", "(empty)", "0", "a.root.test", "60.0"), ". 2", Used},
		{"HTTPS has no answers", zeekRow("65", "site.test", "0", "-", "-"), "site.test 65", Used},
		{"a reply alone", zeekRow("-", "site.test", "0", "203.0.113.5", "60.0"), "", Unpaired},
		{"no question", zeekRow("-", "-", "0", "203.0.113.5", "60.0"), "", Unpaired},
		{"no such code", zeekRow("1", "site.test", "what", "203.0.113.5", "60.0"), "", BadSyntax},
		{"a label too long", zeekRow("1", strings.Repeat("a", 64)+".test", "0", "203.0.113.5", "60.0"), "", BadName},
	} {
		log := readZeekRows(t, c.row)
		got := strings.TrimPrefix(strings.Join(log.evidence, " + "), zeekRowText)
		if got != c.want || log.reasons[0] != c.reason {
			t.Errorf("%s: got %q, %s, want %q, %s", c.what, got, log.reasons[0], c.want, c.reason)
		}
	}
}

func TestZeekRefused(t *testing.T) {
	row := zeekRow("1", "site.test", "0", "203.0.113.5", "60.0")
	for _, c := range []struct {
		what, old, new string
		want           Reason
	}{
		{"as it is", "", "", Used},
		{"mDNS", "\t53\tudp", "\t5353\tudp", Passed},
		{"LLMNR", "\t53\tudp", "\t5355\tudp", Passed},
		{"NetBIOS", "\t53\tudp", "\t137\tudp", Passed},
		{"a multicast responder", "10.1.0.53", "224.0.0.251", Passed},
		{"an IPv6 multicast responder", "10.1.0.53", "ff02::fb", Passed},
		{"class CHAOS", "site.test\t1\t", "site.test\t3\t", Passed},
		{"a client that is none", "10.1.0.7", "10.1.0.700", BadClient},
		{"a server that is none", "10.1.0.53", "-", BadAddress},
		{"no time", "1700000000.500000", "-", BadTime},
		{"masked time", "1700000000.500000", "XXXXXXXXXX.XXXXXX", BadTime},
		{"a column more", "\tC1\t", "\tC1\tC2\t", BadColumns},
		{"a column less", "\tC1\t", "\t", BadColumns},
		{"a tab in a name", "site.test", "si\tte.test", BadColumns},
		{"cut short", "\t60.0", "", BadColumns},
	} {
		log := readZeekRows(t, strings.Replace(row, c.old, c.new, 1))
		if log.reasons[0] != c.want || (len(log.evidence) == 1) != (c.want == Used) {
			t.Errorf("%s: got %s and %q, want %s", c.what, log.reasons[0], log.evidence, c.want)
		}
	}
}

// TestZeekDynamicUpdate: an update's answers are no answers.
func TestZeekDynamicUpdate(t *testing.T) {
	log := readPassive(t, &zeekFormat, Config{}, "#fields\tts\tid.orig_h\tid.resp_h\tquery\tqtype\tanswers\topcode\n"+
		"1700000000.0\t10.1.0.7\t10.1.0.53\thost.test\t-\tadd: A host.test 10.1.0.7\t5\n"+
		"1700000000.0\t10.1.0.7\t10.1.0.53\thost.test\t1\t10.1.0.7\t0\n")
	wantPassive(t, log, []Reason{Passed, Passed, Used}, "2023-11-14T22:13:20Z 10.1.0.7<10.1.0.53 host.test 1 10.1.0.7/-")
}

// TestZeekHeaders: columns in any order, another separator, files behind each
// other, rows with no header above them.
func TestZeekHeaders(t *testing.T) {
	row := "1700000000.0\t10.1.0.7\t10.1.0.53\ta.test\t1\t203.0.113.5\n"
	wantPassive(t, readPassive(t, &zeekFormat, Config{}, row), []Reason{NotTheFormat})
	log := readPassive(t, &zeekFormat, Config{}, "#separator \\x09\n#fields\tts\tid.orig_h\tid.resp_h\tquery\tqtype\tanswers\n"+row+
		"#close\t2023-11-14-23-00-00\n"+
		"#separator \\x7c\n#set_separator|;\n#empty_field|EMPTY\n#unset_field|NONE\n#path|dns\n"+
		"#fields|answers|query|id_resp_h|id_orig_h|qtype|rcode|ts|extra\n"+
		"c.test;203.0.113.6|b.test|10.1.0.53|10.1.0.8|1|0|1700000001.0|-\n"+
		"NONE|b.test|10.1.0.53|10.1.0.8|1|NONE|1700000002.0|EMPTY\n"+
		"#fields|ts|ts\n"+
		"1700000003.0|1700000003.0\n")
	wantPassive(t, log, []Reason{Passed, Passed, Used, Passed, Passed, Passed, Passed, Passed, Passed, Passed, Used, Used, BadColumns, NotTheFormat},
		"2023-11-14T22:13:20Z 10.1.0.7<10.1.0.53 a.test 1 203.0.113.5/-",
		"2023-11-14T22:13:21Z 10.1.0.8<10.1.0.53 b.test 1 =c.test 203.0.113.6/-",
		"2023-11-14T22:13:22Z 10.1.0.8<10.1.0.53 b.test 1?")
}

// zeekJSON is one answer in the forms that JSON logs of Zeek have.
var zeekJSON = []string{
	`{"ts":1700000000.5,"uid":"C1","id.orig_h":"10.1.0.7","id.orig_p":40000,"id.resp_h":"10.1.0.53","id.resp_p":53,"proto":"udp","trans_id":7,"rtt":0.25,"query":"site.test","qclass":1,"qclass_name":"C_INTERNET","qtype":1,"qtype_name":"A","rcode":0,"rcode_name":"NOERROR","AA":false,"answers":["a.cdn.test","203.0.113.5"],"TTLs":[60.0,30.0],"rejected":false}`,
	`{"_path":"dns","_write_ts":"2023-11-14T22:13:30Z","ts":"2023-11-14T22:13:20.500000Z","id.orig_h":"10.1.0.7","id.resp_h":"10.1.0.53","rtt":0.25,"query":"site.test","qtype":1,"rcode":0,"answers":["a.cdn.test","203.0.113.5"],"TTLs":[60.0,30.0]}`,
	`{"@stream":"dns","ts":"1700000000.500000","id_orig_h":"10.1.0.7","id_orig_p":40000,"id_resp_h":"10.1.0.53","id_resp_p":53,"rtt":"0.25","query":"site.test","qtype_name":"A","rcode_name":"NOERROR","answers":["a.cdn.test","203.0.113.5"],"TTLs":["60.0","30.0"]}`,
	`{"ts":1700000000500,"id":{"orig_h":"10.1.0.7","orig_p":40000,"resp_h":"10.1.0.53","resp_p":53},"rtt":0.25,"query":"site.test","qtype":1,"rcode":0,"answers":["a.cdn.test","203.0.113.5"],"TTLs":[60,30]}`,
	`{"ts":"2023-11-15T00:13:20.5+02:00","id.orig_h":"10.1.0.7","id.resp_h":"10.1.0.53","rtt":0.25,"query":"SITE.TEST","qtype":1,"rcode":0,"answers":["a.cdn.test","203.0.113.5"],"TTLs":[60.0,30.0],"_path":"dns","@stream":"dns"}`,
}

// TestZeekOneRecordSet: TSV and every variant of JSON are the same evidence.
func TestZeekOneRecordSet(t *testing.T) {
	want := []string{zeekRowText + "site.test 1 =a.cdn.test 203.0.113.5/30"}
	got := readZeekRows(t, zeekRow("1", "site.test", "0", "a.cdn.test,203.0.113.5", "60.000000,30.000000")).evidence
	if !slices.Equal(got, want) {
		t.Errorf("TSV: got %q, want %q", got, want)
	}
	for _, line := range zeekJSON {
		if got := readPassive(t, &zeekFormat, Config{}, line).evidence; !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", line, got, want)
		}
	}
}

func TestZeekJSONRefused(t *testing.T) {
	for _, c := range []struct {
		line string
		want Reason
	}{
		{`{"ts":1700000000.5,"uid":"C1","id.orig_h":"10.1.0.7","id.resp_h":"10.1.0.53","rcode":0,"answers":["203.0.113.5"]}`, Unpaired},
		{`{"ts":1700000000.5,"uid":"C1","id.orig_h":"10.1.0.7","id.resp_h":"10.1.0.53","proto":"tcp","conn_state":"SF"}`, Passed},
		{`{"ts":1700000000.5,"_path":"x509","query":"a.test"}`, Passed},
		{`{"ts":1700000000.5,"_path":"conn","id.orig_h":"10.1.0.7"}`, Passed},
		{`{"ts":"yesterday","_path":"dns","id.orig_h":"10.1.0.7","id.resp_h":"10.1.0.53","query":"a.test","qtype":1}`, BadTime},
		{`{"ts":1700000000500x}`, BadSyntax},
		{`{"ts":1700000000.5,"_path":"dns","id.orig_h":7,"id.resp_h":"10.1.0.53","query":"a.test","qtype":1}`, BadClient},
		{`{"ts":1700000000.5,"_path":"dns","id.orig_h":"10.1.0.7","query":"a.test","qtype":1}`, BadAddress},
		{`{"ts":1700000000.5,"_path":"dns","id.orig_h":"10.1.0.7","id.resp_h":"10.1.0.53","query":{"a":1},"qtype":1}`, Unpaired},
		{`{"ts":1700000000.5,"_path":"dns","id.orig_h":"10.1.0.7","id.orig_h":"10.1.0.8","id.resp_h":"10.1.0.53","query":"a.test","qtype":1}`, BadSyntax},
		{`{"ts":1700000000.5,"_path":"dns","id.orig_h":"10.1`, Torn},
		{`{"message":"hello"}`, NotTheFormat},
		{`hello`, NotTheFormat},
	} {
		wantPassive(t, readPassive(t, &zeekFormat, Config{}, c.line), []Reason{c.want})
	}
}

// TestZeekJSONEscapes: the text \x77 in a name is not the letter w.
func TestZeekJSONEscapes(t *testing.T) {
	line := strings.Replace(zeekJSON[0], "site.test", `\\x77ww\\xff\\x2e.test`, 1)
	want := zeekRowText + `\\x77ww\255\\x2e.test 1 =a.cdn.test 203.0.113.5/30`
	wantPassive(t, readPassive(t, &zeekFormat, Config{}, line), []Reason{Used}, want)
}

const zeekSSLHead = "#separator \\x09\n#path\tssl\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tversion\tcipher\tserver_name\tresumed\n"

func TestZeekServerNames(t *testing.T) {
	for _, c := range []struct {
		version, name string
		want          string // empty: nothing
		reason        Reason
	}{
		{"TLSv12", "Shop.test", "/6 shop.test", Used},
		{"TLSv13", "shop.test", "/0 shop.test", Used},
		{"DTLSv12", "shop.test", "/17 shop.test", Used},
		{"TLSv12", "shop.test.", "/6 shop.test", Used},
		{"TLSv13", "cloudflare-ech.com", "", Passed},
		{"TLSv13", "Cloudflare-ECH.com.", "", Passed},
		{"TLSv13", "x.cloudflare-ech.com", "/0 x.cloudflare-ech.com", Used},
		{"TLSv12", "203.0.113.9", "", Passed},
		{"TLSv12", "203.0.113.9.", "", Passed},
		{"TLSv12", "2001:db8::9", "", Passed},
		{"TLSv12", "-", "", Passed},
		{"TLSv12", "(empty)", "", Passed},
		{"TLSv12", ".", "", BadName},
		{"TLSv12", "a..b", "", BadName},
	} {
		log := readPassive(t, &zeekFormat, Config{}, zeekSSLHead+
			"1700000000.5\tC1\t10.1.0.7\t40000\t203.0.113.5\t443\t"+c.version+"\tX\t"+c.name+"\tT\n")
		want := ""
		if c.want != "" {
			want = "2023-11-14T22:13:20.5Z 10.1.0.7:40000>203.0.113.5:443" + c.want
		}
		if got := strings.Join(log.evidence, " + "); got != want || log.reasons[3] != c.reason {
			t.Errorf("%s %s: got %q, %s, want %q, %s", c.version, c.name, got, log.reasons[3], want, c.reason)
		}
	}
}

// TestZeekMixed: one stream with several of Zeek's logs.
func TestZeekMixed(t *testing.T) {
	log := readPassive(t, &zeekFormat, Config{}, zeekJSON[0]+"\n"+
		`{"_path":"ssl","ts":1700000001.0,"id.orig_h":"10.1.0.7","id.orig_p":40001,"id.resp_h":"203.0.113.5","id.resp_p":443,"version":"TLSv12","server_name":"site.test"}`+"\n"+
		`{"ts":1700000001.0,"uid":"C2","id.orig_h":"10.1.0.7","id.orig_p":40002,"id.resp_h":"203.0.113.5","id.resp_p":443,"version":"1","client_initial_dcid":"aa","server_name":"site.test","history":"ISis"}`+"\n"+
		`{"ts":1700000001.0,"uid":"C3","id":{"orig_h":"2001:db8::7","orig_p":"40003","resp_h":"2001:db8::5","resp_p":"443"},"cipher":"X","server_name":"site.test"}`+"\n"+
		`{"_path":"ssl","ts":1700000001.0,"id.orig_h":"10.1.0.7","id.orig_p":400010,"id.resp_h":"203.0.113.5","id.resp_p":443,"server_name":"site.test"}`+"\n"+
		`{"_path":"conn","ts":1700000001.0,"uid":"C1","id.orig_h":"10.1.0.7"}`+"\n")
	wantPassive(t, log, []Reason{Used, Used, Used, Used, BadClient, Passed},
		zeekRowText+"site.test 1 =a.cdn.test 203.0.113.5/30",
		"2023-11-14T22:13:21Z 10.1.0.7:40001>203.0.113.5:443/6 site.test",
		"2023-11-14T22:13:21Z 10.1.0.7:40002>203.0.113.5:443/17 site.test",
		"2023-11-14T22:13:21Z 2001:db8::7:40003>2001:db8::5:443/0 site.test")
}

// TestZeekState: the columns are known to another process.
func TestZeekState(t *testing.T) {
	p := newZeekParser(Config{})
	for line := range strings.Lines(zeekHead) {
		p.Line([]byte(strings.TrimSuffix(line, "\n")), nil)
	}
	state := p.AppendState([]byte("x"))[1:]
	other := newZeekParser(Config{})
	if err := other.Restore(state); err != nil {
		t.Fatal(err)
	}
	row := strings.TrimSuffix(zeekRow("1", "site.test", "0", "203.0.113.5", "60.0"), "\n")
	if log, reason := other.row([]byte(row)); log != zeekDNS || reason != Used {
		t.Errorf("the row: got %d, %s, want that of a dns.log", log, reason)
	}
	if got := other.AppendState(nil); string(got) != string(state) {
		t.Errorf("the state: got %q, want %q", got, state)
	}
	for n := range state {
		if err := other.Restore(state[:n]); err == nil {
			t.Errorf("the first %d bytes of a state were taken", n)
		}
	}
	if err := other.Restore(append(state, 0)); err == nil {
		t.Error("a state with a byte more was taken")
	}
	if got := other.AppendState(nil); string(got) != string(state) {
		t.Error("a bad state changed the parser")
	}
	fresh := newZeekParser(Config{})
	if err := fresh.Restore(newZeekParser(Config{}).AppendState(nil)); err != nil {
		t.Errorf("the state of a new parser: %v", err)
	}
}

func TestZeekSniff(t *testing.T) {
	for _, c := range []struct {
		text string
		want int
	}{
		{zeekHead + zeekRow("1", "site.test", "0", "203.0.113.5", "60.0"), 3},
		{"#separator \\x09\n#path\tconn\n#fields\tts\tuid\n1.0\tC1\n", 3},
		{strings.Join(zeekJSON, "\n"), len(zeekJSON)},
		{`{"_path":"x509","ts":1.0}` + "\n" + `{"ts":1.0,"uid":"C1"}`, 2},
		{`{"timestamp":"2026-11-23T17:17:06.496293+0000","event_type":"dns","dns":{}}`, 0},
		{"1700000000.5||10.1.0.7||10.1.0.53||IN||a.test.||A||203.0.113.5||60||1\n# a comment\n\n", 0},
	} {
		var lines [][]byte
		for line := range strings.Lines(c.text) {
			lines = append(lines, []byte(strings.TrimSuffix(line, "\n")))
		}
		if got := sniffZeek(lines); got != c.want {
			t.Errorf("%q: got %d lines, want %d", c.text, got, c.want)
		}
	}
}

func TestZeekCorpus(t *testing.T) {
	const answer = "2026-11-23T17:17:06.49631Z 10.20.0.11<10.20.0.53 www.shop.example "
	want := slices.Repeat([]string{answer + "1 =edge.cdn.example 192.0.2.1/60"}, 4)
	want = append(want, answer+"5", answer+"16")
	wantPassive(t, readPassive(t, &zeekFormat, Config{}, string(passiveFile(t, "zeek/dns_json_variants_crafted.jsonl"))),
		[]Reason{Used, Used, Used, Used, Used, Used, Unpaired}, want...)

	// The baselines have no times; here all get one.
	for name, want := range map[string][]string{
		"baseline_core.tunnels.gre-over-udp_dns.log": {
			"2023-11-14T22:13:20.054238Z 172.17.0.2<1.1.1.1 zeek.org 1 192.0.78.150/52 192.0.78.212/52",
			"2023-11-14T22:13:20Z 172.17.0.2<1.1.1.1 zeek.org 28",
		},
		"baseline_scripts.base.protocols.dns.duplicate-reponses_dns.log": {
			"2023-11-14T22:13:20.000214Z 55.247.223.174<222.195.43.124 www.cmu.edu 1 =www-cmu-2.andrew.cmu.edu 128.2.10.163/5",
		},
		"baseline_scripts.base.protocols.dns.flip_dns.log":           nil,
		"baseline_scripts.base.protocols.dns.dynamic-update_dns.log": nil,
		"baseline_scripts.base.protocols.dns.mdns-no-assoc_dns.log":  nil,
		"baseline_scripts.policy.protocols.dns.original_case_dns.log": {
			"2023-11-14T22:13:20Z 192.168.3.138<192.168.3.1 us.v27.distributed.net 1?",
		},
		"baseline_scripts.base.protocols.quic.firefox_ssl.log": {
			"2023-11-14T22:13:20Z 82.239.54.117:44174>250.58.23.113:443/0 blog.cloudflare.com",
		},
		"baseline_scripts.base.protocols.ssl.tls-1.2_ssl.log":                      nil,
		"baseline_scripts.base.protocols.ssl.tls13-encrypted-client-hello_ssl.log": nil,
	} {
		text := strings.ReplaceAll(string(passiveFile(t, "zeek/"+name)), "\nXXXXXXXXXX.XXXXXX\t", "\n1700000000.000000\t")
		log := readPassive(t, &zeekFormat, Config{}, text)
		if !slices.Equal(log.evidence, want) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, strings.Join(log.evidence, "\n"), strings.Join(want, "\n"))
		}
		for i, reason := range log.reasons {
			if reason != Used && reason != Passed && reason != Unpaired {
				t.Errorf("%s: line %d: %s", name, i+1, reason)
			}
		}
	}
}

// zeekBenchLines are rows as TSV, without their header.
func zeekBenchLines() (rows []string) {
	for i := range 1000 {
		rows = append(rows, fmt.Sprintf("%d.495709\tCXWfTK3LRdiuQxBb%02d\t10.1.%d.%d\t50683\t10.1.0.53\t53\tudp\t0.000601\twww.site%d.test\t1\t1\tA\t0\tNOERROR\tedge%d.cdn.test,203.0.113.%d\t60.000000,60.000000",
			1700000000+i, i%100, i%7, i%200+1, i, i, i%200+1))
	}
	return rows
}

func BenchmarkZeekTSV(b *testing.B) {
	benchLines(b, &zeekFormat, strings.Split(strings.TrimSuffix(zeekHead, "\n"), "\n"), zeekBenchLines())
}

func BenchmarkZeekJSON(b *testing.B) { benchLines(b, &zeekFormat, nil, zeekJSON[:1]) }

func TestZeekDoesNotAllocate(t *testing.T) {
	wantNoAllocs(t, &zeekFormat, strings.Split(strings.TrimSuffix(zeekHead, "\n"), "\n"), zeekBenchLines()[:10])
	wantNoAllocs(t, &zeekFormat, nil, append(slices.Clone(zeekJSON), strings.Replace(zeekJSON[0], "site", `\\xffsite\u0041`, 1)))
}

func FuzzZeek(f *testing.F) {
	f.Add(zeekHead + zeekRow("1", `s\x69te.test`, "0", `a\x2c,203.0.113.5`, "60.0,-"))
	f.Add(strings.Join(zeekJSON, "\n"))
	f.Add("#separator \\x7c\\x7c\n#fields||ts||query\n1||2\n")
	f.Fuzz(func(t *testing.T, text string) {
		log := readPassive(t, &zeekFormat, Config{Location: time.UTC}, text)
		if used := log.stats.ByReason[Used]; used != log.stats.Responses+log.stats.Connections {
			t.Errorf("%d lines used, %d responses and %d connections", used, log.stats.Responses, log.stats.Connections)
		}
	})
}
