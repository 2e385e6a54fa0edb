package logs

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// passiveRowAt is a row in the default order, at so many microseconds.
func passiveRowAt(micros int, query, typ, answer, ttl string) string {
	return fmt.Sprintf("%d.%06d||10.1.0.7||10.1.0.53||IN||%s||%s||%s||%s||1\n", 1700000000+micros/1e6, micros%1e6, query, typ, answer, ttl)
}

func TestPassiveDNSAnswers(t *testing.T) {
	const at, later = "2023-11-14T22:13:20.5Z any<10.1.0.53 ", "2023-11-14T22:13:21Z any<10.1.0.53 "
	row := func(query, typ, answer, ttl string) string { return passiveRowAt(500000, query, typ, answer, ttl) }
	for _, c := range []struct {
		what, text string
		want       []string
	}{
		{"addresses of one answer", row("Site.test.", "A", "203.0.113.5", "60") + row("site.test.", "A", "203.0.113.6", "30"),
			[]string{at + "site.test 1 203.0.113.5/60 203.0.113.6/30"}},
		{"an answer in two", row("site.test.", "A", "203.0.113.5", "60") + passiveRowAt(1e6, "site.test.", "AAAA", "2001:db8::5", "60"),
			[]string{at + "site.test 1 203.0.113.5/60", later + "site.test 28 2001:db8::5/60"}},
		{"a chain", row("site.test.", "CNAME", "a.cdn.test.", "300") + row("a.cdn.test.", "CNAME", "b.cdn.test.", "20") + row("b.cdn.test.", "A", "203.0.113.5", "60"),
			[]string{at + "site.test 1 =b.cdn.test 203.0.113.5/20"}},
		{"a chain backwards", row("b.cdn.test.", "A", "203.0.113.5", "60") + row("a.cdn.test.", "CNAME", "b.cdn.test.", "20") + row("site.test.", "CNAME", "a.cdn.test.", "300"),
			[]string{at + "site.test 1 =b.cdn.test 203.0.113.5/20"}},
		{"an address of the name asked for", row("site.test.", "CNAME", "a.cdn.test.", "300") + row("site.test.", "A", "203.0.113.5", "60"),
			[]string{at + "site.test 1 =a.cdn.test 203.0.113.5/60"}},
		{"another name beside a chain", row("site.test.", "CNAME", "a.cdn.test.", "300") + row("a.cdn.test.", "A", "203.0.113.5", "60") + row("bank.test.", "A", "203.0.113.9", "60"),
			[]string{at + "site.test 1 =a.cdn.test 203.0.113.5/60", at + "bank.test 1 203.0.113.9/60"}},
		{"an alias of what was written before", row("www.test.", "A", "203.0.113.5", "60") + passiveRowAt(1e6, "alias.test.", "CNAME", "www.test.", "30"),
			[]string{at + "www.test 1 203.0.113.5/60"}},
		{"a new address of an alias's target", row("site.test.", "CNAME", "cdn.test.", "300") + row("cdn.test.", "A", "203.0.113.5", "60") + passiveRowAt(1e6, "cdn.test.", "A", "203.0.113.6", "60"),
			[]string{at + "site.test 1 =cdn.test 203.0.113.5/60", later + "cdn.test 1 203.0.113.6/60"}},
		{"another client at the same time", row("a.test.", "CNAME", "cdn.test.", "300") + strings.Replace(row("cdn.test.", "A", "203.0.113.6", "60"), "10.1.0.7", "10.1.0.8", 1),
			[]string{at + "cdn.test 1 203.0.113.6/60"}},
		{"a loop", row("a.test.", "CNAME", "b.test.", "300") + row("b.test.", "CNAME", "a.test.", "300") + passiveRowAt(1e6, "a.test.", "A", "203.0.113.6", "60"),
			[]string{later + "a.test 1 203.0.113.6/60"}},
		{"an alias of itself", row("a.test.", "CNAME", "a.test.", "300") + passiveRowAt(1e6, "a.test.", "A", "203.0.113.6", "60"),
			[]string{later + "a.test 1 203.0.113.6/60"}},
		{"an error", row("none.test.", "A", "NXDOMAIN", "0") + row("broken.test.", "TXT", "SERVFAIL", "0"),
			[]string{at + "none.test 1 rcode 3", at + "broken.test 16 rcode 2"}},
		{"a long time between", "1700000000||10.1.0.7||10.1.0.53||IN||old.test.||A||203.0.113.5||60\n",
			[]string{"2023-11-14T22:13:20Z any<10.1.0.53 old.test 1 203.0.113.5/60"}},
		{"escapes", row(`sp\032ace"x.test.`, "A", "203.0.113.5", "60"), []string{at + `sp\032ace"x.test 1 203.0.113.5/60`}},
		{"TTLs out of bounds", row("a.test.", "A", "203.0.113.5", "4294967295") + row("a.test.", "A", "203.0.113.6", "2147483647"),
			[]string{at + "a.test 1 203.0.113.5/0 203.0.113.6/604800"}},
		{"JSON", `{"timestamp_s":1700000000,"timestamp_ms":500000,"client":"10.1.0.7","server":"10.1.0.53","class":"IN","query":"a.test.","type":"A","answer":"203.0.113.5","ttl":60,"count":1}`,
			[]string{at + "a.test 1 203.0.113.5/60"}},
		{"JSON with the delimiter in the name", `{"timestamp_s":1700000000,"timestamp_ms":500000,"client":"10.1.0.7","server":"10.1.0.53","class":"IN","query":"a\"||A||203.0.113.9.test.","type":"A","answer":"203.0.113.5","ttl":60,"count":1}`,
			[]string{at + `a"||a||203.0.113.9.test 1 203.0.113.5/60`}},
	} {
		log := readPassive(t, &passiveDNSFormat, Config{}, c.text)
		if !slices.Equal(log.evidence, c.want) || log.stats.ByReason[Used] != log.stats.Lines {
			t.Errorf("%s: got %v\n%s\nwant\n%s", c.what, log.reasons, strings.Join(log.evidence, "\n"), strings.Join(c.want, "\n"))
		}
	}
}

func TestPassiveDNSRefused(t *testing.T) {
	row := passiveRowAt(1, "site.test.", "A", "203.0.113.5", "60")
	for _, c := range []struct {
		what, old, new string
		want           Reason
	}{
		{"as it is", "", "", Used},
		{"another class", "||IN||", "||CH||", Passed},
		{"text", "||A||203.0.113.5", `||TXT||"203.0.113.5"`, Passed},
		{"a DNAME", "||A||203.0.113.5", "||DNAME||new.test.", Passed},
		{"an address of the other type", "203.0.113.5", "2001:db8::5", BadAddress},
		{"no address", "203.0.113.5", "203.0.113.5.", BadAddress},
		{"an alias that is none", "||A||203.0.113.5", "||CNAME||203.0.113.5", BadName},
		{"an alias of what is no name", "||A||203.0.113.5", "||CNAME||a..b.", BadName},
		{"the delimiter in the name", "site.test.", `si||te.test.`, BadColumns},
		{"a row in the name", "site.test.", `bank.test.||A||203.0.113.9||60||1`, BadColumns},
		{"a column less", "||60||1", "||60", BadColumns},
		{"a column more", "||60||1", "||60||1||1", BadColumns},
		{"no final dot", "site.test.", "site.test", BadColumns},
		{"no type", "||A||", "||NOSUCH||", BadColumns},
		{"a TTL that is none", "||60||1", "||x||1", BadColumns},
		{"a count that is none", "||60||1", "||60||x", BadColumns},
		{"a client that is none", "10.1.0.7", "10.1.0", BadClient},
		{"a server that is none", "10.1.0.53", "ns", BadClient},
		{"no time", "1700000000.", "17x.", BadTime},
		{"a name that is none", "site.test.", "si..te.", BadName},
		{"a broken escape", "site.test.", `si\256te.`, BadName},
	} {
		// The first row is good, so that the columns are known.
		log := readPassive(t, &passiveDNSFormat, Config{}, passiveRowAt(0, "first.test.", "A", "203.0.113.1", "60")+strings.Replace(row, c.old, c.new, 1))
		if got := log.reasons[1]; got != c.want || (len(log.evidence) == 2) != (c.want == Used) {
			t.Errorf("%s: got %s and %q, want %s", c.what, got, log.evidence, c.want)
		}
	}
	for _, c := range []struct {
		line string
		want Reason
	}{
		{`{"timestamp_s":1700000000,"timestamp_ms":1000000,"query":"a.test.","type":"A","answer":"203.0.113.5"}`, BadTime},
		{`{"timestamp_s":"x","query":"a.test.","type":"A","answer":"203.0.113.5"}`, BadTime},
		{`{"timestamp_s":1700000000,"query":"a.test.","type":"A"}`, NotTheFormat},
		{`{"timestamp_s":1700000000,"query":"a.test.","query":"b.test.","type":"A","answer":"203.0.113.5"}`, BadSyntax},
		{`{"timestamp_s":1700000000,"query":"a.te`, Torn},
		{`hello`, NotTheFormat},
		{`a||b||c||d||e`, NotTheFormat},
	} {
		wantPassive(t, readPassive(t, &passiveDNSFormat, Config{}, c.line), []Reason{c.want})
	}
}

// TestPassiveDNSNameAsColumns: a name with the delimiter in it forges nothing,
// even if it stands in the first row of the file.
func TestPassiveDNSNameAsColumns(t *testing.T) {
	forged := passiveRowAt(0, "udp||bank.test.", "A", "203.0.113.9", "60")
	log := readPassive(t, &passiveDNSFormat, Config{}, passiveRowAt(0, `x||bank.test.`, "A", "203.0.113.9", "60")+
		passiveRowAt(0, `bank.test.||A||203.0.113.9||60||1`, "A", "203.0.113.9", "60")+
		passiveRowAt(1, "site.test.", "A", "203.0.113.5", "60")+forged)
	wantPassive(t, log, []Reason{NotTheFormat, NotTheFormat, Used, BadColumns}, "2023-11-14T22:13:20.000001Z any<10.1.0.53 site.test 1 203.0.113.5/60")
}

// TestPassiveDNSFields: other fields, orders and delimiters.
func TestPassiveDNSFields(t *testing.T) {
	const (
		six  = "2023-11-14 22:13:20.500000"
		want = "2023-11-14T22:13:20.5Z any<10.1.0.53 site.test 1 203.0.113.5/60"
		lone = "2023-11-14T22:13:20.5Z any site.test 1 203.0.113.5/60"
	)
	for _, c := range []struct{ fields, row, want string }{
		{"SMcsCQTAtn", "1700000000.500000||10.1.0.7||10.1.0.53||IN||site.test.||A||203.0.113.5||60||1", want},
		{"HhcWswpCQLTAltn", six + "||ids||10.1.0.7||00:11:22:33:44:55||10.1.0.53||00:11:22:33:44:66||udp||IN||site.test.||10||A||203.0.113.5||11||60||1", want},
		{"SMcsCQTAtn -d TAB", "1700000000.500000\t10.1.0.7\t10.1.0.53\tIN\tsite.test.\tA\t203.0.113.5\t60\t1", want},
		{"SMcsCQTAtn -d ,", "1700000000.500000,10.1.0.7,10.1.0.53,IN,site.test.,A,203.0.113.5,60,1", want},
		{"SMcsCQTAtn -d |", "1700000000.500000|10.1.0.7|10.1.0.53|IN|site.test.|A|203.0.113.5|60|1", want},
		{"SMcsCQTAtn -d ;", "1700000000.500000;10.1.0.7;10.1.0.53;IN;site.test.;A;203.0.113.5;60;1", want},
		{"SMcsCQTAtn -d ' '", "1700000000.500000 10.1.0.7 10.1.0.53 IN site.test. A 203.0.113.5 60 1", want},
		{"QTAtSM", "site.test.||A||203.0.113.5||60||1700000000.500000", lone},
		{"SMQTA", "1700000000.500000||site.test.||A||203.0.113.5", strings.TrimSuffix(lone, "60") + "0"},
		{"ntTAQCscSM", "60||1||A||203.0.113.5||site.test.||IN||10.1.0.53||10.1.0.7||1700000000.500000", "2023-11-14T22:13:20.5Z any<10.1.0.7 site.test 1 203.0.113.5/60"},
		{"SMQTcA", "1700000000.500000||site.test.||AAAA||10.1.0.7||2001:db8::5", "2023-11-14T22:13:20.5Z any site.test 28 2001:db8::5/0"},
		{"SMTcAQ", "1700000000.500000||A||10.1.0.7||10.1.0.9||site.test.", "2023-11-14T22:13:20.5Z any site.test 1 10.1.0.7/0"},
		{"two addresses, neither behind the type", "1700000000.500000||A||site.test.||10.1.0.7||203.0.113.5", ""},
		{"two names", "1700000000.500000||A||site.test.||other.test.||203.0.113.5", ""},
		{"two types", "1700000000.500000||site.test.||A||A||203.0.113.5", ""},
		{"no time", "site.test.||A||203.0.113.5||60", ""},
	} {
		log := readPassive(t, &passiveDNSFormat, Config{}, c.row+"\n")
		if got := strings.Join(log.evidence, " + "); got != c.want {
			t.Errorf("%s: got %q, %v, want %q", c.fields, got, log.reasons, c.want)
		}
	}
}

// TestPassiveDNSState: columns and an answer go on in another process.
func TestPassiveDNSState(t *testing.T) {
	text := passiveRowAt(1, "site.test.", "CNAME", "a.cdn.test.", "300") + passiveRowAt(1, "a.cdn.test.", "CNAME", "b.cdn.test.", "20") +
		passiveRowAt(1, "b.cdn.test.", "A", "203.0.113.5", "60") + passiveRowAt(2, "b.test.", "AAAA", "2001:db8::5", "60") +
		passiveRowAt(3, "x||y.test.", "A", "203.0.113.6", "60")
	var got []string
	to := sinkOf(&got)
	p := newPassiveParser(Config{})
	for line := range strings.Lines(text) {
		state := p.AppendState(nil)
		p = newPassiveParser(Config{})
		if err := p.Restore(state); err != nil {
			t.Fatalf("%s: %v", state, err)
		}
		if again := p.AppendState(nil); !bytes.Equal(again, state) {
			t.Fatalf("got %s, want %s", again, state)
		}
		p.Line([]byte(strings.TrimSuffix(line, "\n")), to)
	}
	p.Flush(to)
	if want := readPassive(t, &passiveDNSFormat, Config{}, text).evidence; !slices.Equal(got, want) || len(want) != 2 {
		t.Errorf("got %q, want %q", got, want)
	}
	before := p.AppendState(nil)
	for _, bad := range []string{
		`x`, `{"TimeNs":-1}`, `{"Client":"::ffff:10.1.0.7"}`, `{"Layout":{"Delimiter":"||","Width":9,"Time":9}}`,
		`{"Layout":{"Delimiter":"||","Width":3,"Time":0,"At":[-1,-1,-1,-1,-1,0,1,7,-1,-1]}}`,
		`{"Layout":{"Delimiter":"||","Width":9,"Time":0,"At":[-1,-1,-1,-1,-1,0,1,-1,-1,-1]}}`,
		`{"Layout":{"Delimiter":"","Width":9,"Time":0,"At":[-1,-1,-1,-1,-1,0,1,2,-1,-1]}}`,
		`{"Records":[{"Owner":"Li4=","Type":1,"Addr":"10.0.0.1"}]}`,
	} {
		if err := p.Restore([]byte(bad)); err == nil || !bytes.Equal(p.AppendState(nil), before) {
			t.Errorf("%s was taken", bad)
		}
	}
}

func TestPassiveDNSSniff(t *testing.T) {
	for _, c := range []struct {
		line string
		want *Format
	}{
		{strings.TrimSuffix(passiveRowAt(0, "site.test.", "A", "203.0.113.5", "60"), "\n"), &passiveDNSFormat},
		{"1700000000.5||10.1.0.7||10.1.0.53||IN||site.test.||NS||ns.test.||60||1", &passiveDNSFormat},
		{`{"timestamp_s":1700000000,"timestamp_ms":1,"client":"10.1.0.7","server":"10.1.0.53","class":"IN","query":"a.test.","type":"A","answer":"REFUSED","ttl":0,"count":1}`, &passiveDNSFormat},
		{"a,b,c,d,e", nil},
	} {
		if got := Sniff([][]byte{[]byte(c.line)}); got != c.want {
			t.Errorf("%s: told to be %v", c.line, got)
		}
	}
}

// TestPassiveDNSLive: (address, name) is what the capture of the same run has.
func TestPassiveDNSLive(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(logCorpus(t), "live", "live_tshark_answers.psv"))
	if err != nil {
		t.Fatal(err)
	}
	truth := map[string]bool{} // of what was asked for: the A records that come with an MX are not
	for line := range strings.Lines(string(raw)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "|")
		n := len(f)
		if f[n-3] != "1" && f[n-3] != "28" {
			continue
		}
		name := liveName(strings.Join(f[4:n-3], "|"))
		for addr := range strings.SplitSeq(f[n-2]+","+f[n-1], ",") {
			if addr != "" {
				truth[addr+" "+name] = true
			}
		}
	}
	for _, path := range []string{"passivedns_1.2.1_live.text.log", "passivedns_1.2.1_live.json.log", "passivedns_1.2.1_fields_all.log"} {
		log := readLive(t, "passivedns", "passivedns/"+path, "")
		want := map[string]bool{}
		for pair := range truth {
			want["* "+pair] = true
		}
		// alias and chain were asked for after www, whose addresses were not
		// written again, and w.new after w.old, which is an alias of it.
		without(want, " alias.example", " chain.example", " w.new.example")
		if path != "passivedns_1.2.1_live.json.log" {
			without(want, "||") // text can not carry a name with the delimiter in it
		}
		for pair := range want {
			if !log.answers[pair] {
				t.Errorf("%s: %s is not told", path, pair)
			}
		}
		for pair := range log.answers {
			if !want[pair] {
				t.Errorf("%s: %s is not true", path, pair)
			}
		}
		if len(log.questions) > 0 {
			t.Errorf("%s: clients: %v", path, log.questions)
		}
		t.Logf("%s: %d pairs, %v", path, len(log.answers), log.stats.ByReason)
	}
}

func passiveBenchLines() (rows []string) {
	for i := range 1000 {
		rows = append(rows, strings.TrimSuffix(passiveRowAt(i*1000, fmt.Sprintf("www.site%d.test.", i), "A", fmt.Sprintf("203.0.113.%d", i%250), "60"), "\n"))
	}
	return rows
}

func BenchmarkPassiveDNS(b *testing.B) { benchLines(b, &passiveDNSFormat, nil, passiveBenchLines()) }

func TestPassiveDNSDoesNotAllocate(t *testing.T) {
	rows := passiveBenchLines()
	wantNoAllocs(t, &passiveDNSFormat, rows, append(rows[:100:100],
		strings.TrimSuffix(passiveRowAt(0, "alias.test.", "CNAME", "www.site7.test.", "60"), "\n"),
		strings.TrimSuffix(passiveRowAt(1, "none.test.", "A", "NXDOMAIN", "60"), "\n")))
}
