package logs

import (
	"slices"
	"strings"
	"testing"
)

// umbrellaRow is a row of the first version.
const umbrellaRow = `"2023-11-14 22:13:20","Laptop 7","Laptop 7,Branch, north","10.1.0.7","198.51.100.10","Allowed","1 (A)","NOERROR","Site.test.","News,Business"`

const umbrellaHead = "Timestamp,Most Granular Identity,Identities,InternalIp,ExternalIp,Action,QueryType,ResponseCode,Domain,Categories"

func TestUmbrellaVersions(t *testing.T) {
	const want = "2023-11-14T22:13:20Z 10.1.0.7 site.test 1?"
	for _, c := range []struct {
		what, text string
		reasons    []Reason
	}{
		{"10 columns", umbrellaRow, []Reason{Used}},
		{"with spaces before the quotes", strings.ReplaceAll(umbrellaRow, `","`, `", "`), []Reason{Used}},
		{"12 columns", umbrellaRow + `,"Roaming Computers","Roaming Computers,Networks"`, []Reason{Used}},
		{"13 columns", umbrellaRow + `,"AD Users","AD Users",""`, []Reason{Used}},
		{"16 columns", umbrellaRow + `,"AD Users","AD Users","","695","US","1234567"`, []Reason{Used}},
		{"a header", umbrellaHead + ",A,B,C,D,E,F\n" + umbrellaRow + `,"AD Users","AD Users","","695","US","1234567"`, []Reason{Passed, Used}},
		{"a header of more columns", "\ufeff" + umbrellaHead + ",A,B,C,D,E,F,G\n" + umbrellaRow + `,"","","","","","",""`, []Reason{Passed, Used}},
		{"a quoted header", `"` + strings.ReplaceAll(strings.ReplaceAll(umbrellaHead, "InternalIp", "internal ip"), ",", `","`) + "\"\n" + umbrellaRow, []Reason{Passed, Used}},
		{"no quotes", "2023-11-14 22:13:20,a,b,10.1.0.7,198.51.100.10,Allowed,1 (A),NOERROR,site.test.,c", []Reason{Used}},
	} {
		log := readPassive(t, &umbrellaFormat, Config{}, c.text+"\n")
		if !slices.Equal(log.evidence, []string{want}) || !slices.Equal(log.reasons, c.reasons) {
			t.Errorf("%s: got %q, %v, want %q, %v", c.what, log.evidence, log.reasons, want, c.reasons)
		}
	}
}

func TestUmbrellaRows(t *testing.T) {
	for _, c := range []struct {
		what, old, new string
		want           string // empty: nothing
		reason         Reason
	}{
		{"IPv6", "10.1.0.7", "2001:DB8::7", "2001:db8::7 site.test 1?", Used},
		{"blocked", "Allowed", "Blocked", "10.1.0.7 site.test 1?", Used},
		{"AAAA", "1 (A)", "28 (AAAA)", "10.1.0.7 site.test 28?", Used},
		{"a type without a name", "1 (A)", "65", "10.1.0.7 site.test 65?", Used},
		{"no such name", "NOERROR", "NXDOMAIN", "10.1.0.7 site.test 1?", Used},
		{"no code", "NOERROR", "", "10.1.0.7 site.test 1?", Used},
		{"quotes in an identity", "Laptop 7,Branch", `Laptop ""7"",Branch`, "10.1.0.7 site.test 1?", Used},
		{"a site", "10.1.0.7", "198.51.100.10", "", SiteOnly},
		{"a site, IPv4-mapped", "10.1.0.7", "::ffff:198.51.100.10", "", SiteOnly},
		{"no internal address", "10.1.0.7", "", "", SiteOnly},
		{"no address at all", `10.1.0.7","198.51.100.10`, `","`, "", BadClient},
		{"an address that is none", "10.1.0.7", "Laptop", "", BadClient},
		{"no address of anybody", "10.1.0.7", "0.0.0.0", "", BadClient},
		{"no time", "2023-11-14 22:13:20", "yesterday", "", BadTime},
		{"another log", "1 (A)", "GET", "", NotTheFormat},
		{"an odd code", "NOERROR", "BLOCKED", "", BadSyntax},
		{"a name that is none", "Site.test.", "site..test", "", BadName},
		{"no name", "Site.test.", "", "", BadName},
		{"a name with an escape", "Site.test.", `si\te.test`, "", BadName},
		{"a column less", `,"News,Business"`, "", "", BadColumns},
		{"a column more", `,"News,Business"`, `,"News,Business","x"`, "", BadColumns},
		{"of the proxy's width", `,"News,Business"`, strings.Repeat(`,"x"`, 20), "", BadColumns},
		{"a quote that is not closed", `"News,Business"`, `"News,Business`, "", Torn},
		{"a quote within", `Site.test.`, `Site"test.`, "", BadSyntax},
	} {
		log := readPassive(t, &umbrellaFormat, Config{}, strings.Replace(umbrellaRow, c.old, c.new, 1)+"\n"+umbrellaRow+"\n")
		want := []string{"2023-11-14T22:13:20Z " + c.want, "2023-11-14T22:13:20Z 10.1.0.7 site.test 1?"}
		if c.want == "" {
			want = want[1:]
		}
		for i := range log.evidence {
			log.evidence[i] = strings.Replace(log.evidence[i], "? rcode 3", "?", 1)
		}
		if !slices.Equal(log.evidence, want) || !slices.Equal(log.reasons, []Reason{c.reason, Used}) {
			t.Errorf("%s: got %q, %v, want %q, %s", c.what, log.evidence, log.reasons, want, c.reason)
		}
	}
	for _, header := range []string{"Timestamp,Policy Identity Label,Internal Client IP", umbrellaHead[:len(umbrellaHead)-1]} {
		wantPassive(t, readPassive(t, &umbrellaFormat, Config{}, header+"\n"), []Reason{BadColumns})
	}
}

// TestUmbrellaState: the header's width is known to another process.
func TestUmbrellaState(t *testing.T) {
	p := &umbrellaParser{}
	p.Line([]byte(umbrellaHead+",A"), nil)
	state := p.AppendState(nil)
	other := &umbrellaParser{}
	if err := other.Restore(state); err != nil || other.width != 11 {
		t.Errorf("got %d columns, %v, want 11", other.width, err)
	}
	for _, bad := range [][]byte{nil, {9}, {0x80}, append(state, 0), {0xff, 0xff, 0x7f}} {
		if err := other.Restore(bad); err == nil || other.width != 11 {
			t.Errorf("%x was taken", bad)
		}
	}
	if err := other.Restore((&umbrellaParser{}).AppendState(nil)); err != nil {
		t.Error(err)
	}
}

func TestUmbrellaCorpus(t *testing.T) {
	for name, want := range map[string][]string{
		"dns_v1_10col_crafted.csv":         {"2026-11-23T17:17:06Z 10.20.0.11 www.example 1?"},
		"dns_v3_12col_crafted.csv":         {"2026-11-23T17:17:06Z 10.20.0.11 www.example 1?"},
		"dns_v11_16col_header_crafted.csv": {"2026-11-23T17:17:06Z 10.20.0.11 www.example 1?"},
		"dns_v5_13col_crafted.csv": {
			"2026-11-23T17:17:06Z 10.20.0.11 www.example 1?", "2026-11-23T17:17:05Z 2001:db8:20::11 bad.example 28?",
		},
	} {
		text := string(passiveFile(t, "umbrella/"+name))
		if got := readPassive(t, &umbrellaFormat, Config{}, text).evidence; !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
		var lines [][]byte
		for line := range strings.Lines(text) {
			lines = append(lines, []byte(strings.TrimSuffix(line, "\n")))
		}
		if got := Sniff(lines); got != &umbrellaFormat {
			t.Errorf("%s: told to be %v", name, got)
		}
	}
}

func BenchmarkUmbrella(b *testing.B) { benchLines(b, &umbrellaFormat, nil, []string{umbrellaRow}) }

func TestUmbrellaDoesNotAllocate(t *testing.T) {
	wantNoAllocs(t, &umbrellaFormat, nil, []string{umbrellaRow, strings.Replace(umbrellaRow, "Laptop", `""Laptop""`, 1)})
}
