package logs

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func testLine() *jsonLine {
	return &jsonLine{table: newJSONTable([]string{"ts"}, []string{"id.orig_h", "id_orig_h"}, []string{"answers"}, []string{"a.b.c"})}
}

func TestJSONLines(t *testing.T) {
	for _, c := range []struct {
		line string
		want Reason
		text string // of slots, "|" between
	}{
		{`{"ts":1.5,"id.orig_h":"10.0.0.1"}`, Used, `1.5|10.0.0.1||`},
		{` { "ts" : "1.5" , "id" : { "x":[{}], "orig_h" : "10.0.0.1" } } `, Used, `1.5|10.0.0.1||`},
		{`{"id_orig_h":"10.0.0.1","ts":true,"answers":["x"]}`, Used, `true|10.0.0.1||`},
		{`{"a":{"b":{"c":"x"}}}`, Used, `|||x`},
		{`{"a.b":{"c":"x"}}`, Used, `|||x`},
		{`{"a":{"b.c":"x"}}`, Used, `|||x`},
		{`{"a.b.c":"x"}`, Used, `|||x`},
		{`{"ts":null,"a":null}`, Used, `|||`},
		{`{"ts":-0.1e+5}`, Used, `-0.1e+5|||`},
		{`{"ts":""}`, Used, `|||`},
		{`{"\u0074s":"a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"}`, Used, "a\"\\/\b\f\n\r\té\U0001f600|||"},
		{`{"ts":"\ud83d"}`, Used, `|||`},
		{`{"ts":"\ud83d\u0041"}`, Used, `|||`},
		{`{"x":1,"x":2}`, Used, `|||`},
		{`{}`, Used, `|||`},
		{`{"ts":1,"ts":2}`, BadSyntax, ``},
		{`{"ts":1,"\u0074s":2}`, BadSyntax, ``},
		{`{"id.orig_h":"10.0.0.1","id":{"orig_h":"10.0.0.2"}}`, BadSyntax, ``},
		{`{"id.orig_h":"10.0.0.1","id_orig_h":"10.0.0.2"}`, BadSyntax, ``},
		{`{"id":{"orig_h":"10.0.0.1"},"id":{"orig_h":"10.0.0.1"}}`, BadSyntax, ``},
		{`{"ts":1}x`, BadSyntax, ``},
		{`{"ts":1}{"ts":2}`, BadSyntax, ``},
		{`{"ts":01}`, BadSyntax, ``},
		{`{"ts":+1}`, BadSyntax, ``},
		{`{"ts":1.}`, BadSyntax, ``},
		{`{"ts":1e}`, BadSyntax, ``},
		{`{"ts":-}`, BadSyntax, ``},
		{`{"ts":nan}`, BadSyntax, ``},
		{`{"ts":"\x41"}`, BadSyntax, ``},
		{`{"ts":"\u12g4"}`, BadSyntax, ``},
		{"{\"ts\":\"a\nb\"}", BadSyntax, ``},
		{"{\"ts\"\x00:1}", BadSyntax, ``},
		{`{"ts":1,}`, BadSyntax, ``},
		{`{ts:1}`, BadSyntax, ``},
		{`{"ts" 1}`, BadSyntax, ``},
		{`{"ts":[1 2]}`, BadSyntax, ``},
		{`{"ts":tru}`, BadSyntax, ``},
		{`{"ts":` + strings.Repeat("[", 31) + strings.Repeat("]", 31) + `}`, Used, `|||`},
		{`{"ts":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + `}`, BadSyntax, ``},
		{strings.Repeat(`{"a":`, 33), BadSyntax, ``},
		{`{`, Torn, ``},
		{`{"ts`, Torn, ``},
		{`{"ts":`, Torn, ``},
		{`{"ts":1`, Torn, ``},
		{`{"ts":1,`, Torn, ``},
		{`{"ts":"a\`, Torn, ``},
		{`{"ts":"a\u00`, Torn, ``},
		{`{"ts":[1,`, Torn, ``},
		{`{"ts":tr`, Torn, ``},
		{`["ts"]`, NotTheFormat, ``},
		{`"ts"`, NotTheFormat, ``},
		{`#fields`, NotTheFormat, ``},
		{` `, NotTheFormat, ``},
		{``, NotTheFormat, ``},
	} {
		l := testLine()
		got := l.read([]byte(c.line))
		if got != c.want {
			t.Errorf("read(%q): got %s, want %s", c.line, got, c.want)
			continue
		}
		if got != Used {
			continue
		}
		var texts []string
		for slot := range l.values {
			texts = append(texts, string(l.text(slot)))
		}
		if text := strings.Join(texts, "|"); text != c.text {
			t.Errorf("read(%q): got %q, want %q", c.line, text, c.text)
		}
	}
}

func TestJSONArrays(t *testing.T) {
	for _, c := range []struct {
		line string
		want []string
	}{
		{`{"answers":["a", 1 ,null,{"x":"a,b]"},["c"],true]}`, []string{`"a"`, `1`, ``, `{"x":"a,b]"}`, `["c"]`, `true`}},
		{`{"answers":[ ]}`, nil},
		{`{"answers":[]}`, nil},
		{`{"answers":"a"}`, nil},
		{`{}`, nil},
	} {
		l := testLine()
		if reason := l.read([]byte(c.line)); reason != Used {
			t.Fatalf("read(%q): %s", c.line, reason)
		}
		var got []string
		for e := l.value(2).elements(); ; {
			v, ok := e.next()
			if !ok {
				break
			}
			got = append(got, string(v))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("elements of %q: (-want +got)\n%s", c.line, diff)
		}
	}
}

func TestJSONMembers(t *testing.T) {
	l, table := testLine(), newJSONTable([]string{"rrname"}, []string{"rdata"})
	into := make([]jsonValue, 2)
	for _, c := range []struct {
		answers string
		want    string // empty: refused
	}{
		{`{"rrname":"a","rdata":"b","x":{"rdata":1}}`, "a|b"},
		{`{"rdata":7}`, "|7"},
		{`{}`, "|"},
		{`{"rdata":7,"rdata":7}`, ""},
		{`"rdata"`, ""},
		{`null`, ""},
	} {
		if reason := l.read([]byte(`{"answers":` + c.answers + `}`)); reason != Used {
			t.Fatalf("read(%q): %s", c.answers, reason)
		}
		got := ""
		if l.members(l.value(2), table, into) {
			got = string(l.textOf(into[0])) + "|" + string(l.textOf(into[1]))
		}
		if got != c.want {
			t.Errorf("members of %s: got %q, want %q", c.answers, got, c.want)
		}
	}
}

func TestJSONDoesNotAllocate(t *testing.T) {
	l := testLine()
	line := []byte(`{"ts":1.5,"id":{"orig_h":"10.\u0030.0.1"},"answers":["a","b\n"],"more":{"x":[1,2,3]}}`)
	if n := testing.AllocsPerRun(100, func() {
		l.read(line)
		l.text(1)
		for e := l.value(2).elements(); ; {
			v, ok := e.next()
			if !ok {
				break
			}
			l.textOf(v)
		}
	}); n != 0 {
		t.Errorf("got %v allocations, want 0", n)
	}
}

// FuzzJSON compares with encoding/json: what is read here is JSON, and what is
// JSON and not too deep is read here.
func FuzzJSON(f *testing.F) {
	f.Add([]byte(`{"ts":1.5,"id":{"orig_h":"10.\u0030.0.1"},"answers":["a",{}]}`))
	f.Add([]byte(`{"a":{"b.c":[null,-1e5,true]}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		l := testLine()
		reason := l.read(text)
		valid := json.Valid(text) && bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("{"))
		if reason == Used && !valid {
			t.Fatalf("%q was read", text)
		}
		if valid && reason != Used && !(reason == BadSyntax && (bytes.Count(text, []byte(`"`)) > 6 || bytes.ContainsAny(text[1:], "{["))) {
			t.Fatalf("%q: %s", text, reason)
		}
		if reason == Used {
			for slot := range l.values {
				l.text(slot)
			}
			for e := l.value(2).elements(); ; {
				if _, ok := e.next(); !ok {
					break
				}
			}
		}
	})
}

func BenchmarkJSON(b *testing.B) {
	l := testLine()
	line := []byte(`{"ts":1795454226.495709,"uid":"CXWfTK3LRdiuQxBbM6","id.orig_h":"10.20.0.11","id.orig_p":50683,"id.resp_h":"10.20.0.53","id.resp_p":53,"proto":"udp","trans_id":9706,"rtt":0.000601,"query":"www.shop.example","qclass":1,"qclass_name":"C_INTERNET","qtype":1,"qtype_name":"A","rcode":0,"rcode_name":"NOERROR","AA":false,"TC":false,"RD":true,"RA":true,"Z":0,"answers":["edge.cdn.example","192.0.2.1"],"TTLs":[60.0,60.0],"rejected":false}`)
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		if l.read(line) != Used {
			b.Fatal("not read")
		}
	}
}
