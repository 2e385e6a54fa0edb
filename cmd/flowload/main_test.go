package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"flowname/cmd/flowload/peers"
)

// asCommand is set where the test binary is to be the command.
const asCommand = "FLOWLOAD_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
	testscript.Main(m, map[string]func(){"flowload": main})
}

// TestScripts runs the command as a user does, with flowname beside it.
func TestScripts(t *testing.T) {
	dir := t.TempDir()
	if _, err := peers.Build(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(env *testscript.Env) error {
			env.Setenv("FLOWNAME", filepath.Join(dir, "flowname"))
			env.Setenv("PATH", dir+string(os.PathListSeparator)+env.Getenv("PATH"))
			return nil
		},
	})
}

func TestExitCodes(t *testing.T) {
	dir := t.TempDir()
	small := filepath.Join(dir, "w")
	var out, errs bytes.Buffer
	if code := execute([]string{"write", "-dir", small, "-flows", "100"}, streams{nil, &out, &errs}); code != exitOK {
		t.Fatalf("write: exit %d: %s", code, errs.String())
	}
	expect := filepath.Join(small, worldFile)
	empty := filepath.Join(dir, "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code int
		text string // what stderr says
	}{
		{nil, exitUsage, "expected one of"},
		{[]string{"nonsense"}, exitUsage, "unexpected argument"},
		{[]string{"write"}, exitUsage, "see 'flowload write --help'"},
		{[]string{"write", "--dir", dir, "--clients", "3"}, exitUsage, "even number"},
		{[]string{"write", "--dir", dir, "--start", "noon"}, exitUsage, "want a time"},
		{[]string{"write", "--dir", empty}, exitFailure, "empty"},
		{[]string{"send", "--expect", expect}, exitUsage, "nothing to do"},
		{[]string{"send", "--expect", expect, "--to", "x", "--format", "v7"}, exitUsage, "want v5, v9, ipfix or sflow"},
		{[]string{"send", "--expect", expect, "--to", "x", "--rate=-1"}, exitUsage, "not negative"},
		{[]string{"send", "--expect", empty, "--to", "x"}, exitFailure, "empty"},
		{[]string{"check", "--expect", expect, filepath.Join(dir, "none")}, exitFailure, "no such file"},
		{[]string{"check", "--expect", expect, empty}, exitFailure, "not what it must be"},
		{[]string{"compare", "--rounds", "0"}, exitUsage, "want 1 to 100"},
		{[]string{"compare", "--format", "x"}, exitUsage, "want v5"},
		{[]string{"compare", "--limit", "nfcapd"}, exitUsage, "NAME=RATIO"},
		{[]string{"compare", "-flows", "0"}, exitUsage, "flows: 0"},
		{[]string{"compare", "--only", "nobody"}, exitUsage, "there are floor"},
		{[]string{"compare", "--only", "bare"}, exitUsage, "measured with --watched"},
	} {
		errs.Reset()
		code := execute(c.args, streams{nil, &bytes.Buffer{}, &errs})
		if code != c.code || !strings.Contains(errs.String(), c.text) {
			t.Errorf("flowload %q: exit %d, stderr %q; want exit %d and %q", c.args, code, errs.String(), c.code, c.text)
		}
	}
}

func TestTwoDashes(t *testing.T) {
	got := strings.Join(twoDashes([]string{"compare", "-flows", "10", "--answers=5", "-h", "-", "-5"}), " ")
	if want := "compare --flows 10 --answers=5 -h - -5"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// The whole of compare on few flows: names checked, rounds, table.
func TestCompare(t *testing.T) {
	if _, err := os.Stat("/proc/net/udp"); err != nil {
		t.Skip("receivers can be measured on Linux only")
	}
	t.Setenv(asCommand, "yes") // for the floor, which is this program
	for _, format := range []string{"ipfix", "v5"} {
		var out, errs bytes.Buffer
		args := []string{"compare", "-flows", "3000", "-answers", "400", "-clients", "20", "-other", "20", "-rounds", "1",
			"-format", format, "-only", "floor", "-only", "batches", "-only", "flowname", "-limit", "floor=1e9"}
		if code := execute(args, streams{nil, &out, &errs}); code != exitOK {
			t.Fatalf("exit %d: %s%s", code, out.String(), errs.String())
		}
		for _, want := range []string{"3000 lines: 3000 right", "RECEIVER", "\nfloor ", "\nbatches ", "\nflowname ", "0 (0.00 %)"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s: the output lacks %q:\n%s", format, want, out.String())
			}
		}
	}
	var out, errs bytes.Buffer
	if code := execute([]string{"compare", "-flows", "3000", "-answers", "400", "-clients", "20", "-rounds", "1",
		"-watched", "-only", "flowname", "-only", "bare"}, streams{nil, &out, &errs}); code != exitOK || !strings.Contains(out.String(), "\nbare ") {
		t.Errorf("what looks at flows: exit %d: %s%s", code, out.String(), errs.String())
	}
	out.Reset()
	errs.Reset()
	args := []string{"compare", "-flows", "3000", "-answers", "400", "-clients", "20", "-rounds", "1",
		"-only", "floor", "-only", "flowname", "-limit", "floor=0.001"}
	if code := execute(args, streams{nil, &out, &errs}); code != exitFailure || !strings.Contains(errs.String(), "the limit is 0.001") {
		t.Errorf("a limit that can not hold: exit %d, %s", code, errs.String())
	}
}
