package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"flowname/cmd/flowname/command"
)

// asCommand is set where the test binary is to be the command.
const asCommand = "FLOWNAME_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
	testscript.Main(m, map[string]func(){"flowname": main})
}

// TestScripts runs the command as a user does; each script is a file.
func TestScripts(t *testing.T) {
	absolute := func(elem ...string) string {
		path, err := filepath.Abs(filepath.Join(elem...))
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join(root, "testdata", "script"),
		Setup: func(env *testscript.Env) error {
			env.Setenv("DEMO", absolute("demo"))
			env.Setenv("RECORDED", absolute(root, "testdata", "demo"))
			return nil
		},
	})
}

func TestExitCodes(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code int
		text string // what stderr says
	}{
		{[]string{"version"}, exitOK, ""},
		{nil, exitUsage, "expected one of"},
		{[]string{"nonsense"}, exitUsage, "unexpected argument"},
		{[]string{"run", "--nonsense"}, exitUsage, "see 'flowname run --help'"},
		{[]string{"run", "--wait=-1s"}, exitUsage, "--wait is negative"},
		{[]string{"run", "--exporter", "router1"}, exitUsage, "neither a network"},
		{[]string{"run", "--forwarder", "resolver1", "--data", dir}, exitUsage, "--forwarder: \"resolver1\" is neither a network"},
		{[]string{"replay", "--forwarder", "10.0.0.0/33", "--flows", empty}, exitUsage, "--forwarder: \"10.0.0.0/33\" is neither a network"},
		{[]string{"doctor", "--server", "127.0.0.1:1"}, exitFailure, "no daemon answers"},
		{[]string{"run", "--dns64", "10.0.0.0"}, exitUsage, "not a prefix"},
		{[]string{"run", "--netflow", "nowhere", "--data", dir}, exitFailure, "host:port"},
		{[]string{"run", "--asn", empty, "--data", dir}, exitFailure, empty},
		{[]string{"run", "--netflow-tcp", "nowhere", "--netflow", "off", "--data", dir}, exitFailure, "host:port"},
		{[]string{"run", "--sflow", "nowhere", "--netflow", "off", "--data", dir}, exitFailure, "host:port"},
		{[]string{"run", "--netflow-tls", ":0"}, exitUsage, "--netflow-tls needs --tls-cert"},
		{[]string{"run", "--netflow-tls", ":0", "--tls-cert", empty, "--tls-key", empty}, exitUsage, "--tls-client-ca"},
		{[]string{"run", "--tls-cert", empty}, exitUsage, "--netflow-tls, which is not given"},
		{[]string{"run", "--netflow-tls", ":0", "--tls-cert", "no-such-file"}, exitUsage, "no-such-file"},
		{[]string{"run", "--netflow", "off", "--data", dir, "--netflow-tls", ":0", "--tls-cert", empty, "--tls-key", empty,
			"--tls-client-ca", empty}, exitFailure, "certificate " + empty},
		{[]string{"run", "--dnstap", "fifo:x", "--data", dir}, exitFailure, "unix:"},
		{[]string{"replay"}, exitUsage, "nothing to do"},
		{[]string{"replay", "--flows", "no-such-file"}, exitFailure, "open no-such-file: no such file or directory"},
		{[]string{"replay", "--flows", empty}, exitFailure, "the file is empty"},
		{[]string{"history"}, exitUsage, "address|name|*.domain"},
		{[]string{"history", "192.0.2.1", "--at", "noon"}, exitUsage, "not a time"},
		{[]string{"history", "192.0.2.1", "--client", "me"}, exitUsage, "not an IP address"},
		{[]string{"history", "192.0.2.1", "--at", "now", "--from", "now"}, exitUsage, "one moment"},
		{[]string{"history", "192.0.2.1", "--server", "127.0.0.1:1"}, exitFailure, "no daemon answers"},
		{[]string{"history", "192.0.2.1", "--data", filepath.Join(dir, "none")}, exitFailure, "no history"},
	} {
		var out, errs bytes.Buffer
		code := execute(c.args, command.Streams{Out: &out, Err: &errs})
		if code != c.code || !strings.Contains(errs.String(), c.text) {
			t.Errorf("flowname %q: exit %d, stderr %q; want exit %d and %q", c.args, code, errs.String(), c.code, c.text)
		}
		if c.code != exitOK && (out.Len() > 0 || strings.Count(errs.String(), "\n") != 1) {
			t.Errorf("flowname %q: stdout %q, stderr %q; want one line on stderr only", c.args, out.String(), errs.String())
		}
	}
}
