// Package supported makes the README's tables of what the decoders support out
// of the tests that show it, so that nothing can be claimed which no test
// exercises: each row of a table has a test, which runs, and the README has to say
// what the rows say.
package supported

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"flowname/flows/internal/corpus"
)

// A Row is a row of a table: its cells, and the test that shows it.
type Row struct {
	Cells []string
	Test  func(t *testing.T)
}

// A Table has a name, which the README's marks have too, and a head.
type Table struct {
	Name string
	Head []string
	Rows []Row
}

// Check runs each row's test, and compares the table with the README's, or
// writes it there.
func (tb *Table) Check(t *testing.T, write bool) {
	t.Helper()
	seen := map[string]bool{}
	for _, row := range tb.Rows {
		name := strings.Join(row.Cells, " ")
		if row.Test == nil || len(row.Cells) != len(tb.Head) || seen[name] {
			t.Errorf("%q has no test, a wrong number of cells, or is there twice", name)
			continue
		}
		seen[name] = true
		t.Run(strings.Join(row.Cells[:2], ": "), row.Test)
	}
	path := filepath.Join(corpus.Root(t), "README.md")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(text), tb.mark("begin"))
	now, after, ok2 := strings.Cut(rest, tb.mark("end"))
	if !ok1 || !ok2 {
		t.Fatalf("README.md has no marks of the table %s", tb.Name)
	}
	want := "\n" + tb.markdown()
	if now == want {
		return
	}
	if !write {
		t.Errorf("README.md does not have the table %s as its tests have it: go test -run %s -update writes it", tb.Name, t.Name())
		return
	}
	text = []byte(before + tb.mark("begin") + want + tb.mark("end") + after)
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
}

func (tb *Table) mark(what string) string {
	return "<!-- " + what + " of the table " + tb.Name + ", which its tests write -->"
}

func (tb *Table) markdown() string {
	var b strings.Builder
	line := func(cells []string) { b.WriteString("| " + strings.Join(cells, " | ") + " |\n") }
	line(tb.Head)
	b.WriteString(strings.Repeat("|--", len(tb.Head)) + "|\n")
	for _, row := range tb.Rows {
		line(row.Cells)
	}
	return b.String()
}
