package indicators

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
)

// describe writes each entry of a set: what it is and what it matches.
func describe(s *Set) (all []string) {
	for e := range s.All() {
		text := e.String()
		if e.Self && e.Beneath {
			text = "." + text
		}
		if e.URL {
			text = "url " + text
		}
		all = append(all, text)
	}
	slices.Sort(all)
	return all
}

func read(t *testing.T, text string) (*Set, Report) {
	t.Helper()
	var b Builder
	report, err := b.Read("feed", strings.NewReader(text))
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return b.Set(), report
}

// formatCases are files of feeds and their entries.
var formatCases = []struct {
	name   string
	text   string
	format Format
	want   []string
	refuse map[Reason]uint64
}{
	{"list", "# comment\r\nBad.Example.\r\n*.wild.example\n.both.example\nhxxps://u:p@evil[.]example:8443/x?y\n1.2.3[.]4\n" +
		"192.0.2.128/25 ; SBL1\n2001:DB8::/32\n[2001:db8::1]:443\n198.51.100.7:80\nbücher.example\ngithub.io\n\n; other\n// third\n" +
		"word\n*bad.example\n0.0.0.0\n0.0.0.0/0\n1.2.3.4.5\nbad..example\nnext.example some words # and more\n",
		List, []string{".bad.example", "*.wild.example", ".both.example", "url evil.example", "1.2.3.4", "192.0.2.128/25", "2001:db8::/32",
			"2001:db8::1", "198.51.100.7", ".xn--bcher-kva.example", "github.io", ".next.example"},
		map[Reason]uint64{NotName: 3, BadWildcard: 1, NoHost: 1, TooWide: 1}},
	{"csv with a header", "id,first seen,Domain,ip\n1,2026-01-01,bad.example,192.0.2.1\n2,2026-01-02,\"evil.example\",192.0.2.2\n3,2026-01-03\n4,x,,y\n",
		CSV, []string{".bad.example", ".evil.example"}, map[Reason]uint64{NoColumn: 2}},
	{"csv whose comment is the header", "# \"first_seen\",\"ioc_id\",\"ioc_value\",\"ref\"\n\"2026-01-01\", \"7\", \"192.0.2.1:443\", \"https://a.example/\"\n\"2026-01-02\", \"8\", \"evil[.]example\", \"a \"\"b\"\", c\"\n",
		CSV, []string{"192.0.2.1", ".evil.example"}, nil},
	{"csv without a header", "1;x;bad.example;low\n2;y;http://evil.example/a;b\n3;z;none;\n",
		CSV, []string{".bad.example", "url evil.example"}, map[Reason]uint64{NotName: 1}},
	{"csv whose header misleads", "name\taddress\nJoe\t192.0.2.1\nAnn\t192.0.2.2\n", CSV, []string{"192.0.2.1", "192.0.2.2"}, nil},
	{"hosts", "# hosts\n127.0.0.1 localhost\n::1 ip6-localhost\n0.0.0.0 bad.example www.bad.example # why\n127.0.0.1\tevil.example\nnonsense\n",
		Hosts, []string{"bad.example", "www.bad.example", "evil.example"}, map[Reason]uint64{NotName: 1}},
	{"addresses with what is told of them", "192.0.2.1 443\n192.0.2.2 2026-01-01 x.example\n", List, []string{"192.0.2.1", "192.0.2.2"}, nil},
	{"rpz", "$TTL 300\n@ IN SOA localhost. root.localhost. ( 1 3600\n 600 ; comment )\n 86400 300 )\n  IN NS localhost.\n" +
		"Bad.Example CNAME .\n*.bad.example CNAME .\nonly\\046dot.example IN A 192.0.2.1\n\tIN AAAA 2001:db8::1\ngood.example CNAME rpz-passthru.\n" +
		"32.4.3.2.192.rpz-ip CNAME .\n24.0.100.51.198.rpz-client-ip CNAME .\n32.zz.db8.2001.rpz-ip CNAME .\n" +
		"ns.example.rpz-nsdname CNAME .\nbroken.example NONSENSE x\n999.1.2.3.4.rpz-ip CNAME .\n\"later.example CNAME .\nlast.example CNAME .\n",
		RPZ, []string{".bad.example", `only\.dot.example`, "192.2.3.4", "198.51.100.0/24", "2001:db8::/32", "last.example"},
		map[Reason]uint64{Passed: 1, OtherTrigger: 1, BadRecord: 2, NotName: 1}},
	{"rpz whose names are absolute", "rpz.example. 60 IN SOA a. b. 1 2 3 4 5\nbad.example.rpz.example. 60 IN CNAME .\n*.evil.example.rpz.example. 60 IN CNAME *.\n",
		RPZ, []string{"bad.example", "*.evil.example"}, nil},
	{"misp", `{"response":[{"Event":{"info":"x","Attribute":[
{"type":"domain","value":"bad.example","to_ids":true},
{"type":"hostname","value":"www.evil.example","to_ids":"1"},
{"type":"domain|ip","value":"pair.example|192.0.2.1"},
{"type":"ip-dst|port","value":"192.0.2.2|443"},
{"type":"ip-src","value":"198.51.100.0/24"},
{"type":"url","value":"http://page.example/x"},
{"type":"url","value":"bare.example"},
{"type":"md5","value":"d41d8cd98f00b204e9800998ecf8427e"},
{"type":"domain","value":"benign.example","to_ids":false},
{"type":"domain","value":"gone.example","deleted":true}],
"ShadowAttribute":[{"type":"domain","value":"proposed.example"}],
"Object":[{"name":"x","Attribute":[{"type":"hostname","value":"deep.example"}]}]}},{"Event":{"Attribute":[]}}]}`,
		MISP, []string{".bad.example", "www.evil.example", ".pair.example", "192.0.2.1", "192.0.2.2", "198.51.100.0/24", "url page.example", "url bare.example", "deep.example"},
		map[Reason]uint64{OtherKind: 1, NotForDetection: 1, TakenBack: 1}},
	{"misp of lines", "{\"type\":\"domain\",\"value\":\"a.example\"}\n{\"type\":\"domain\",\"value\":\"b.example\"}\n", MISP, []string{".a.example", ".b.example"}, nil},
	{"stix", `{"type":"bundle","objects":[
{"type":"indicator","pattern_type":"stix","pattern":"[domain-name:value = 'bad.example' OR ipv4-addr:value = '192.0.2.1'] AND [url:value = 'https://evil.example/a']"},
{"type":"indicator","pattern":"[ipv4-addr:value ISSUBSET '198.51.100.0/24' AND ipv6-addr:value IN ('2001:db8::1', '2001:db8::2')]"},
{"type":"indicator","pattern":"[network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:dst_ref.value = '192.0.2.9' AND network-traffic:dst_port = 443] START t'2026-01-01T00:00:00Z' STOP t'2026-02-01T00:00:00Z'"},
{"type":"indicator","pattern":"[domain-name:value LIKE '%.wild.example' OR domain-name:value LIKE 'x%' OR domain-name:value NOT = 'ours.example' OR domain-name:value != 'too.example']"},
{"type":"indicator","pattern":"[file:hashes.'SHA-256' = 'aa' OR domain-name:resolves_to_refs[*].value = '192.0.2.10']"},
{"type":"indicator","pattern":"[domain-name:value = 'gone.example']","revoked":true},
{"type":"indicator","pattern_type":"sigma","pattern":"detection"},
{"type":"indicator","pattern":"[domain-name:value = 'torn"},
{"type":"domain-name","value":"object.example"},{"type":"ipv6-addr","value":"2001:db8::3/128"}]}`,
		STIX, []string{"bad.example", "192.0.2.1", "url evil.example", "198.51.100.0/24", "2001:db8::1", "2001:db8::2", "192.0.2.9",
			"*.wild.example", "192.0.2.10", "object.example", "2001:db8::3"},
		map[Reason]uint64{OtherKind: 2, Unsupported: 5, TakenBack: 1}},
	{"empty", "\n# nothing\n", Empty, nil, nil},
	{"a long line", strings.Repeat("x", maxLine+5) + "\nbad.example\n", List, []string{".bad.example"}, map[Reason]uint64{TooLong: 1}},
	{"the same again", "bad.example\nBAD.example\n192.0.2.1\n192.0.2.1/32\n", List, []string{".bad.example", "192.0.2.1"}, nil},
	{"mark of byte order", "\xef\xbb\xbfbad.example\n", List, []string{".bad.example"}, nil},
}

func TestFormats(t *testing.T) {
	for _, c := range formatCases {
		t.Run(c.name, func(t *testing.T) {
			s, report := read(t, c.text)
			slices.Sort(c.want)
			if got := describe(s); report.Format != c.format || !cmp.Equal(got, c.want) {
				t.Errorf("format %v, want %v; %v\n%s", report.Format, c.format, report.First, cmp.Diff(c.want, got))
			}
			for _, reason := range Reasons() {
				if got, want := report.Refused[reason], c.refuse[reason]; got != want {
					t.Errorf("%v: got %d refused, want %d: %v", reason, got, want, report.First)
				}
			}
			if int(report.Entries) != s.Len() {
				t.Errorf("reported %d entries, the set has %d", report.Entries, s.Len())
			}
		})
	}
}

func TestRefusedLinesAreTold(t *testing.T) {
	_, report := read(t, "bad.example\nnothing\n\n1.2.3\n")
	want := []Refusal{{2, NotName, "nothing"}, {4, NotName, "1.2.3"}}
	if report.Lines != 4 || !cmp.Equal(report.First, want) {
		t.Errorf("got %d lines and %v, want 4 and %v", report.Lines, report.First, want)
	}
	_, report = read(t, "{\"a\":[\n{\"type\":\"domain\",\n\"value\":\"a.example\"},\n{\"type\":\"md5\",\"value\":\"x\"}\n]}\n")
	if want := []Refusal{{4, OtherKind, "md5 x"}}; !cmp.Equal(report.First, want) {
		t.Errorf("got %v, want %v", report.First, want)
	}
	if got, want := report.String(), "1 entries (misp), 1 refused: other_kind"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestPackedFeeds(t *testing.T) {
	var gz bytes.Buffer
	z := gzip.NewWriter(&gz)
	z.Write([]byte("bad.example\n"))
	z.Close()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, packed := range map[string][]byte{
		"gzip": gz.Bytes(), "zstd": w.EncodeAll([]byte("bad.example\n"), nil), "zstd of gzip": w.EncodeAll(gz.Bytes(), nil),
	} {
		if s, _ := read(t, string(packed)); s.Len() != 1 {
			t.Errorf("%s: got %d entries", name, s.Len())
		}
	}
	var b Builder
	if _, err := b.Read("x", bytes.NewReader(w.EncodeAll(w.EncodeAll(w.EncodeAll(nil, nil), nil), nil))); !errors.Is(err, ErrPacked) {
		t.Errorf("packed three times: got %v, want ErrPacked", err)
	}
}

func TestTornJSONKeepsWhatCameBefore(t *testing.T) {
	for text, want := range map[string]string{
		`{"x":[{"type":"domain","value":"a.example"},`:                                            "line 1",
		"[{\"type\":\"domain\",\"value\":\"a.example\"},\n{\"a\" \"b\"}]":                         "line 2",
		`[{"type":"domain","value":"a.example"},` + strings.Repeat("[", 100):                      "deeper",
		`[{"type":"domain","value":"a.example"},"` + strings.Repeat("x", 3*maxValue) + `"]`:       "1 MB",
		`[{"type":"domain","value":"a.example"},` + strings.Repeat("\n", 3*maxValue) + `{}` + "]": "1 MB",
	} {
		var b Builder
		report, err := b.Read("x", strings.NewReader(text))
		if !errors.Is(err, ErrSyntax) || !strings.Contains(fmt.Sprint(err), want) || report.Entries != 1 || b.Set().Len() != 1 {
			t.Errorf("%.60q: got %v and %d entries, want %q and 1", text, err, report.Entries, want)
		}
	}
}

// An endless record in parentheses costs its first lines only.
func TestUnclosedRecord(t *testing.T) {
	s, report := read(t, "$TTL 1\na.example CNAME (\n"+strings.Repeat("x\n", maxRecord)+"b.example CNAME .\n(")
	if got := describe(s); !slices.Contains(got, "b.example") || report.Refused[BadRecord] < 2 {
		t.Errorf("got %v, %v", got, &report)
	}
}

func TestTooManyFeeds(t *testing.T) {
	var b Builder
	for i := range maxFeeds {
		if _, err := b.Read(fmt.Sprint(i), strings.NewReader("")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Read("one more", strings.NewReader("")); !errors.Is(err, ErrFeeds) {
		t.Errorf("got %v, want ErrFeeds", err)
	}
}

func TestFull(t *testing.T) {
	b := Builder{MaxEntries: 2}
	report, err := b.Read("x", strings.NewReader("a.example\n192.0.2.1\na.example\nb.example\n192.0.2.2\n"))
	if err != nil || report.Entries != 2 || report.Again != 1 || report.Refused[Full] != 2 || report.AllRefused() != 2 || b.Set().Len() != 2 {
		t.Errorf("got %v, %v", &report, err)
	}
}

func TestPolicyPrefix(t *testing.T) {
	for text, want := range map[string]string{
		"32.1.2.0.192": "192.0.2.1/32", "24.0.2.0.192": "192.0.2.0/24", "128.1.zz.db8.2001": "2001:db8::1/128",
		"48.zz.1.db8.2001": "2001:db8:1::/48", "128.1.zz": "::1/128", "0.zz": "::/0", "64.0.0.0.0.0.0.db8.2001": "2001:db8::/64",
		"33.1.2.0.192": "", "x.1.2.0.192": "", "24": "", "": "", "24.zz.zz.1": "", "-1.1.2.0.192": "",
	} {
		p, ok := policyPrefix(text)
		if ok != (want != "") || ok && p.String() != want {
			t.Errorf("%q: got %v %v, want %q", text, p, ok, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		"bad.example\n*.x.example\n1.2.3[.]4", "id,domain\n1,bad.example", "0.0.0.0 bad.example", "$TTL 1\n@ SOA a. b. 1 2 3 4 5\nx CNAME .\n24.0.2.0.192.rpz-ip CNAME .",
		`{"Event":{"Attribute":[{"type":"domain|ip","value":"a.example|192.0.2.1","to_ids":true}]}}`,
		`{"objects":[{"type":"indicator","pattern":"[domain-name:value = 'a.example' OR ipv4-addr:value IN ('192.0.2.1')]"}]}`,
		"$GENERATE 1-3 x$ CNAME .\n", "bücher.example\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var b Builder
		report, _ := b.Read("feed", bytes.NewReader(data))
		s := b.Set()
		if uint64(s.Len()) != report.Entries {
			t.Fatalf("%q: %d entries, %d reported", data, s.Len(), report.Entries)
		}
		for e := range s.All() {
			var got []Entry
			switch {
			case !e.Prefix.IsValid() && e.Self:
				got = s.AppendName(nil, e.Name)
			case !e.Prefix.IsValid():
				got = s.AppendName(nil, "x."+e.Name)
			default:
				got = s.AppendAddr(nil, e.Prefix.Addr())
			}
			if !slices.Contains(got, e) {
				t.Fatalf("%q: %+v is not found by itself: %v", data, e, got)
			}
		}
	})
}
