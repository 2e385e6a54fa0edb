package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"flowname/cmd/flowname/command"
)

// TestHuntAsksTheDaemon: the daemon and the directory that it leaves give the
// same report; the daemon's own log of flows is looked through.
func TestHuntAsksTheDaemon(t *testing.T) {
	dir := t.TempDir()
	c := startCollector(t, dir, "--wait", "0s", "--http-rate", "5")
	if err := sendDnstap(context.Background(), c.dnstap); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the dnstap stream is taken", func() bool { return c.hasMetric("flowname_dnstap_stopped_total 1") })
	c.sendFlows()
	eventually(t, "all flows are written", func() bool { return len(lines(t, c.out)) == demoFlows })
	iocs := filepath.Join(t.TempDir(), "iocs.txt")
	feed := "badsite.test\n*.example\n203.0.113.64/28\n"
	for i := range 20 { // more questions than may come at once
		feed += fmt.Sprintf("n%d.example\n", i)
	}
	if err := os.WriteFile(iocs, []byte(feed), 0o600); err != nil {
		t.Fatal(err)
	}
	report := func(flags ...string) string {
		var out, errs bytes.Buffer
		args := append([]string{"hunt", "--iocs", iocs, "--logs", c.out, "--format", "json"}, flags...)
		if code := execute(args, command.Streams{Out: &out, Err: &errs}); code != exitOK {
			t.Fatalf("hunt %q: exit %d: %s", flags, code, errs.String())
		}
		return out.String()
	}
	asked := report("--server", "http://"+c.http)
	if err := c.end(syscall.SIGTERM); err != nil {
		t.Fatalf("after SIGTERM: %v: %s", err, c.stderr)
	}
	read := report("--data", c.data)
	if asked != read {
		t.Errorf("the daemon gives\n%s\nits directory\n%s", asked, read)
	}
	for _, want := range []string{
		`{"kind":"indicator","indicator":"badsite.test","type":"name"`, `"state":"null_routed","name":"beacon.badsite.test"`,
		`"how":"named","client":"192.0.2.12","addr":"203.0.113.66"`, `"indicator":"203.0.113.64/28","type":"address"`, `"indicator":"*.example"`,
	} {
		if !strings.Contains(read, want) {
			t.Errorf("%s is missing in\n%s", want, read)
		}
	}
}
