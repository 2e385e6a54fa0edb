package logs

import (
	"encoding/csv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCSV(t *testing.T) {
	for _, c := range []struct {
		line   string
		reason Reason
		want   []string
	}{
		{`a,b,c`, Used, []string{"a", "b", "c"}},
		{`a,,c,`, Used, []string{"a", "", "c", ""}},
		{``, Used, []string{""}},
		{`,`, Used, []string{"", ""}},
		{`"a","b,c","d""e",""`, Used, []string{"a", "b,c", `d"e`, ""}},
		{`"a", "b,c",  "d"`, Used, []string{"a", "b,c", "d"}},
		{`""""""`, Used, []string{`""`}},
		{`"x""y","z""",""""`, Used, []string{`x"y`, `z"`, `"`}},
		{` a , b`, Used, []string{" a ", " b"}},
		{`"a`, Torn, nil},
		{`"a""`, Torn, nil},
		{`a,"b,c`, Torn, nil},
		{`"`, Torn, nil},
		{`"a"b,c`, BadSyntax, nil},
		{`"a" ,c`, BadSyntax, nil},
		{`a"b,c`, BadSyntax, nil},
		{strings.Repeat(",", 511), Used, make([]string, 512)},
		{strings.Repeat(",", 512), BadColumns, nil},
	} {
		var l csvLine
		reason := l.read([]byte(c.line))
		if reason != c.reason {
			t.Errorf("%q: got %s, want %s", c.line, reason, c.reason)
			continue
		}
		if reason != Used {
			continue
		}
		var got []string
		for _, column := range l.columns {
			got = append(got, string(column))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%q: (-want +got)\n%s", c.line, diff)
		}
	}
}

// FuzzCSV compares with encoding/csv, which reads what is read here in the same
// way.
func FuzzCSV(f *testing.F) {
	f.Add(`"a","b,c","d""e",f`)
	f.Fuzz(func(t *testing.T, line string) {
		var l csvLine
		if l.read([]byte(line)) != Used || strings.ContainsAny(line, "\r\n") || strings.Contains(line, ` "`) || line == "" {
			return
		}
		want, err := csv.NewReader(strings.NewReader(line)).Read()
		if err != nil {
			t.Fatalf("%q was read; encoding/csv: %v", line, err)
		}
		var got []string
		for _, column := range l.columns {
			got = append(got, string(column))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: (-want +got)\n%s", line, diff)
		}
	})
}

func TestCSVDoesNotAllocate(t *testing.T) {
	var l csvLine
	line := []byte(`"2026-11-23 17:17:06","Doe, Jane","x""y","z""",d`)
	if n := testing.AllocsPerRun(100, func() { l.read(line) }); n != 0 {
		t.Errorf("got %v allocations, want 0", n)
	}
}
