package input

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const line = `{"Datetime":"2026-11-23T18:30:00Z","QueryName":"shop.test","QueryType":1,"RCode":0,"ResolvedIPs":["198.51.100.7"],"SrcIP":"10.9.0.7"}` + "\n"

func packed(t *testing.T, content []byte, times int) []byte {
	for range times {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		z.Write(content)
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		content = b.Bytes()
	}
	return content
}

func read(t *testing.T, path ...string) []byte {
	content, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestOpen(t *testing.T) {
	for _, c := range []struct {
		name    string
		content []byte
		kind    Kind
		err     string
	}{
		{"a capture", read(t, "..", "..", "..", "testdata", "demo", "dns.pcap"), Capture, ""},
		{"dnstap", read(t, "..", "demo", "dnstap.fstrm"), Dnstap, ""},
		{"a log", []byte(line), Log, ""},
		{"a log, packed", packed(t, []byte(line), maxPacking), Log, ""},
		{"a log, packed too often", packed(t, []byte(line), maxPacking+1), Unknown, "packed too often"},
		{"text", []byte("once upon a time\n"), Unknown, ""},
		{"nothing", nil, Unknown, "the file is empty"},
	} {
		path := filepath.Join(t.TempDir(), "x")
		if err := os.WriteFile(path, c.content, 0o600); err != nil {
			t.Fatal(err)
		}
		in, err := Open(path)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) || !strings.Contains(err.Error(), path) {
				t.Errorf("%s: got error %v, want %q of %s", c.name, err, c.err, path)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if in.Kind != c.kind || (in.Format != nil) != (c.kind == Log) {
			t.Errorf("%s: got %v, format %v; want %v", c.name, in.Kind, in.Format, c.kind)
		}
		if _, err := io.Copy(io.Discard, in.Reader); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if done, size := in.Done(); done != size || size != int64(len(c.content)) {
			t.Errorf("%s: %d of %d bytes are read, want all %d", c.name, done, size, len(c.content))
		}
		in.Close()
	}
}

func TestCutFormat(t *testing.T) {
	for text, want := range map[string][2]string{
		"fortigate:/var/log/fg.log": {"fortigate", "/var/log/fg.log"},
		"/var/log/fg.log":           {"", "/var/log/fg.log"},
		"nonsense:fg.log":           {"", "nonsense:fg.log"},
		"c:fg.log":                  {"", "c:fg.log"},
		"sysmon:":                   {"sysmon", ""},
		"fortigate:sysmon:/a:b":     {"fortigate", "sysmon:/a:b"},
		"/var/log/dnsmasq:1":        {"", "/var/log/dnsmasq:1"},
	} {
		format, path := CutFormat(text)
		name := ""
		if format != nil {
			name = format.Name
		}
		if got := [2]string{name, path}; got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
