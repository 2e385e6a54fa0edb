package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// root is the project's folder as seen from this package.
const root = "../.."

// mayImport tells whether a package may import another of this project, and if
// not, why. Folders are relative to the project's root.
func mayImport(from, to string) (ok bool, why string) {
	room := func(dir string) string { top, _, _ := strings.Cut(dir, "/"); return top }
	beneath := func(dir, parent string) bool { return strings.HasPrefix(dir, parent+"/") }
	switch {
	case beneath(to, from) && !strings.Contains(from, "/"):
		return false, "a room's top package holds the words; what is beneath it uses them, not the reverse"
	case room(from) == "cmd":
		return true, ""
	case room(to) == "cmd":
		return false, "nothing imports a command"
	case room(from) == room(to):
		return true, ""
	case room(from) == "correlate":
		return true, ""
	}
	return false, "flows, dnscache and geo know nothing of each other: only the join and the commands bring them together"
}

func TestImportsFlowOneWay(t *testing.T) {
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && d.Name() != "..") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(file, ".go") {
			return nil
		}
		checkImports(t, file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func checkImports(t *testing.T, file string) {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Error(err)
		return
	}
	rel, err := filepath.Rel(root, file)
	if err != nil {
		t.Error(err)
		return
	}
	from := path.Dir(filepath.ToSlash(rel))
	for _, spec := range parsed.Imports {
		name, _ := strconv.Unquote(spec.Path.Value)
		to, ours := strings.CutPrefix(name, "flowname/")
		if !ours || strings.HasSuffix(parsed.Name.Name, "_test") && to == from {
			continue
		}
		if ok, why := mayImport(from, to); !ok {
			t.Errorf("%s imports %s: %s", rel, name, why)
		}
		if strings.HasSuffix(to, "test") && !strings.HasSuffix(file, "_test.go") {
			t.Errorf("%s imports %s: what is for tests stays out of programs", rel, name)
		}
	}
}

func TestMayImport(t *testing.T) {
	for _, c := range []struct {
		from, to string
		want     bool
	}{
		{"cmd/flowname", "correlate/export", true},
		{"correlate/export", "correlate", true},
		{"correlate", "correlate/export", false},
		{"correlate", "dnscache", true},
		{"dnscache/sensor", "dnscache", true},
		{"dnscache", "dnscache/sensor", false},
		{"dnscache/sensor", "dnscache/sensor/capture", true},
		{"dnscache", "flows", false},
		{"flows/netflow", "flows", true},
		{"geo", "correlate", false},
		{"flows", "cmd/flowname", false},
	} {
		if got, why := mayImport(c.from, c.to); got != c.want {
			t.Errorf("%s imports %s: got %v (%s), want %v", c.from, c.to, got, why, c.want)
		}
	}
}

// The top level holds the rooms of the design and nothing else.
func TestTopLevel(t *testing.T) {
	want := map[string]bool{
		"cmd": true, "flows": true, "dnscache": true, "correlate": true, "geo": true, "testdata": true,
		"go.mod": true, "go.sum": true, "README.md": true, "LICENSE": true,
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !want[e.Name()] && !strings.HasPrefix(e.Name(), ".") {
			t.Errorf("%s stands at the top level: what is needed goes beneath the rooms that are there", e.Name())
		}
	}
}
