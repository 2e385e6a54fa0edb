package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"flowname/cmd/flowname/command"
)

// timelineOf gives the rows of flowname timeline as "state addresses clients".
func timelineOf(t *testing.T, args ...string) (all []string) {
	t.Helper()
	var out, errs bytes.Buffer
	if code := execute(append([]string{"timeline", "--format", "json"}, args...), command.Streams{Out: &out, Err: &errs}); code != exitOK {
		t.Fatalf("%q: exit %d: %s", args, code, errs.String())
	}
	for line := range strings.Lines(out.String()) {
		var r struct {
			Kind, Name, State string
			Addresses         []struct {
				Addr, Country string
				ASN           uint32
			}
			FirstSeen time.Time `json:"first_seen"`
			Clients   int
		}
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		text := r.State
		if r.Kind == "name" {
			text = r.Name + " " + r.State
		}
		for _, a := range r.Addresses {
			text += " " + a.Addr
			if a.ASN != 0 {
				text += fmt.Sprintf("/AS%d/%s", a.ASN, a.Country)
			}
		}
		all = append(all, fmt.Sprintf("%s %s x%d", text, r.FirstSeen.Format("2006-01-02"), r.Clients))
	}
	return all
}

// TestCraftedTimeline: a name of command and control over four days, by its
// capture.
func TestCraftedTimeline(t *testing.T) {
	data := filepath.Join(t.TempDir(), "history")
	var out, errs bytes.Buffer
	args := []string{"replay", "--dns", corpus(t, "dnslogs", "crafted", "31_c2_addresses_over_time.pcap"), "--data", data}
	if code := execute(args, command.Streams{Out: &out, Err: &errs}); code != exitOK {
		t.Fatalf("%q: exit %d: %s", args, code, errs.String())
	}
	sinkholes := filepath.Join(t.TempDir(), "sinkholes")
	if err := os.WriteFile(sinkholes, []byte("203.0.113.0/24\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"c2.example"}, []string{
			"null_routed 0.0.0.0 2023-11-14 x1", "live 198.51.100.31 2023-11-15 x1", "live 203.0.113.31 2023-11-16 x1", "null_routed 127.0.0.1 2023-11-17 x1",
		}},
		{[]string{"C2.Example.", "--from", "2023-11-15", "--to", "2023-11-17", "--sinkholes", sinkholes, "--asn", "demo/asn.mmdb", "--geo", "demo/city.mmdb"}, []string{
			"live 198.51.100.31/AS64497/DE 2023-11-15 x1", "sinkholed 203.0.113.31/AS64502/GB 2023-11-16 x1",
		}},
		{[]string{"c2.example", "--client", "10.0.0.11"}, nil},
		{[]string{"203.0.113.31"}, []string{"c2.example live 203.0.113.31 2023-11-16 x1"}},
		{[]string{"203.0.113.32"}, nil},
	} {
		if got := timelineOf(t, append(c.args, "--data", data)...); !slices.Equal(got, c.want) {
			t.Errorf("%q:\n got %q\nwant %q", c.args, got, c.want)
		}
	}
}

// TestTimelineOfADaemon asks a running daemon, with its own sinkholes and with
// others.
func TestTimelineOfADaemon(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	c := startCollector(t, t.TempDir(), "--sinkholes", file("own", "203.0.113.66\nnot an entry\n"), "--asn", "demo/asn.mmdb", "--geo", "demo/city.mmdb")
	c.play()
	server := "http://" + c.http
	eventually(t, "the answers are filed", func() bool { return len(timelineOf(t, "beacon.badsite.test", "--server", server)) == 2 })
	day := c.get("/api/v1/timeline?q=beacon.badsite.test")
	if !strings.Contains(day, `"state":"sinkholed"`) || !strings.Contains(day, `"asn":64511`) {
		t.Errorf("got %s", day)
	}
	for _, q := range []struct {
		args []string
		want string // in the second row
	}{
		{nil, "sinkholed 203.0.113.66/AS64511/SC"},
		{[]string{"--sinkholes", file("others", "198.51.100.0/24\n")}, "live 203.0.113.66/AS64511/SC"},
		{[]string{"--asn", "demo/asn.mmdb"}, "sinkholed 203.0.113.66/AS64511/ "},
	} {
		got := timelineOf(t, append(q.args, "beacon.badsite.test", "--server", server)...)
		if len(got) != 2 || !strings.HasPrefix(got[1], q.want) {
			t.Errorf("%q: got %q, want %q", q.args, got, q.want)
		}
	}
	var many strings.Builder
	for i := range 1001 {
		fmt.Fprintf(&many, "n%d.example\n", i)
	}
	var out, errs bytes.Buffer
	code := execute([]string{"timeline", "a.example", "--server", server, "--sinkholes", file("many", many.String())}, command.Streams{Out: &out, Err: &errs})
	if code != exitFailure || !strings.Contains(errs.String(), "give the file to the daemon") {
		t.Errorf("exit %d: %s", code, errs.String())
	}
	if code := execute([]string{"run", "--sinkholes", filepath.Join(dir, "none")}, command.Streams{Out: &out, Err: &errs}); code != exitFailure || !strings.Contains(errs.String(), "--sinkholes: open") {
		t.Errorf("exit %d: %s", code, errs.String())
	}
}
