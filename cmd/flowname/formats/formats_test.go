package formats

import (
	"bytes"
	"strings"
	"testing"
)

// TestFormatsFit: what people read fits a terminal of 100 columns, but for the
// table, and has words for all that a format can carry.
func TestFormatsFit(t *testing.T) {
	rows, err := Rows(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		for _, name := range row.Carries {
			if carriesWords[name] == "" {
				t.Errorf("%s: no words for %q", row.Name, name)
			}
		}
		if len(row.Carries) == 0 {
			t.Errorf("%s carries nothing", row.Name)
		}
	}
	var b bytes.Buffer
	if err := writeFormats(&b, rows, false); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.String()) {
		if n := len(strings.TrimRight(line, "\n")); strings.HasPrefix(line, " ") && n > 100 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}
