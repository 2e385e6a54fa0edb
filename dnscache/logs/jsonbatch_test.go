package logs

import (
	"strings"
	"testing"

	"flowname/dnscache"
)

func TestReadObjects(t *testing.T) {
	table := newJSONTable([]string{"a"})
	for _, c := range []struct {
		line, want string
		why        Reason
	}{
		{`{"a":1}`, "1", Used},
		{` {"a":1} `, "1", Used},
		{`2026-11-23T18:00:00Z {"a":1}`, "1", Used},
		{`<14>Nov 23 18:00:00 host cb: {"a":1}`, "1", Used},
		{`{"a":1}{"a":2} {"a":3}`, "123", Used},
		{`[{"a":1},{"a":2}]`, "12", Used},
		{`[ {"a":1} , {"b":2} , {"a":3} ]`, "13", Used},
		{`[]`, "", Passed},
		{`[{"b":1}]`, "", Passed},
		{`[{"b":1},{"a":0}]`, "", BadTime},
		{`[{"a":0},{"a":2}]`, "2", Used},
		{`[{"a":1},{"a":2`, "1", Used},
		{`[{"b":1},{"a":2`, "", Torn},
		{`[{"b":1}`, "", Torn},
		{`{"a":1`, "", Torn},
		{`{"a":1,"a":2}`, "", BadSyntax},
		{`{"a":1}}`, "1", Used},
		{`[1]`, "", BadSyntax},
		{`{"a":1}x`, "1", Used},
		{`{a:1}`, "", BadSyntax},
		{`hello`, "", NotTheFormat},
		{strings.Repeat("x", maxJSONPrefix) + `{"a":1}`, "", NotTheFormat},
	} {
		p := batchCase{line: jsonLine{table: table}}
		why := p.line.readObjects([]byte(c.line), &p, &Sink{Response: func(*dnscache.Response) {}})
		if got := p.seen.String(); got != c.want || why != c.why {
			t.Errorf("%s: got %q, %v, want %q, %v", c.line, got, why, c.want, c.why)
		}
	}
}

// batchCase passes over objects without a, and refuses those where it is 0.
type batchCase struct {
	line jsonLine
	seen strings.Builder
}

func (p *batchCase) object(*Sink) Reason {
	switch a := p.line.text(0); {
	case a == nil:
		return Passed
	case string(a) == "0":
		return BadTime
	default:
		p.seen.Write(a)
		return Used
	}
}
