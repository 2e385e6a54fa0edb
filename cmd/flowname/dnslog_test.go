package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"flowname/cmd/flowname/command"
)

// bindLine is a line of BIND's query log.
func bindLine(name string) string {
	return fmt.Sprintf("23-Nov-2026 17:16:35.277 queries: info: client @0x7fd9f6830098 127.0.2.11#57690 (%s): query: %s IN A +E(0) (127.0.1.8)\n", name, name)
}

// Logs are told by their content, plain and packed, or by FORMAT:PATH.
func TestReplayLogs(t *testing.T) {
	dir := t.TempDir()
	text := bindLine("n1.example") + "not of the log\n" + bindLine("n2.example") + bindLine("torn.example")[:100]
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write([]byte(text))
	z.Close()
	put := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	plain := put("query.log", []byte(text))
	for _, c := range []struct {
		file string
		code int
		text string // in what is said
	}{
		{plain, exitOK, "bind lines: used=2 torn=1 not_the_format=1"},
		{put("query.log.gz", packed.Bytes()), exitOK, "bind lines: used=2 torn=1 not_the_format=1"},
		{"bind:" + plain, exitOK, "bind: lines=4 responses=2"},
		{"zeek:" + plain, exitOK, "zeek lines: torn=1 not_the_format=3"},
		{"bnd:" + plain, exitUsage, `no format is called "bnd"`},
		{put("poem", []byte("the line\nafter\n")), exitFailure, "nor a log of a known format"},
		{put("with:colon", []byte(text)), exitOK, "bind lines: used=2"},
	} {
		var stderr bytes.Buffer
		code := execute([]string{"replay", "--dns", c.file, "--data", filepath.Join(t.TempDir(), "data")}, command.Streams{Out: &bytes.Buffer{}, Err: &stderr})
		if code != c.code || !strings.Contains(stderr.String(), c.text) {
			t.Errorf("%s: %d, %s, want %d and %q", c.file, code, stderr.String(), c.code, c.text)
		}
	}
	if code := execute([]string{"replay", "--flows", plain}, command.Streams{Out: &bytes.Buffer{}, Err: &bytes.Buffer{}}); code != exitFailure {
		t.Errorf("a log as flows: %d", code)
	}
}
