package sinkholes

import (
	"bytes"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReload(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sinkholes")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	old, other := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("198.51.100.7")
	var l List
	if l.Has(old) {
		t.Error("an empty list has an address")
	}
	var text bytes.Buffer
	log := slog.New(slog.NewTextHandler(&text, nil))
	write("192.0.2.0/24\nno address\n")
	if err := l.Load([]string{path}, log); err != nil || !l.Has(old) || l.Has(other) {
		t.Errorf("got %v, %v and %v, want the network of %v", err, l.Has(old), l.Has(other), old)
	}
	if !strings.Contains(text.String(), "line 2") {
		t.Errorf("nothing is said of the line that can not be read: %s", &text)
	}
	write("198.51.100.7\n")
	if l.Reload(log); l.Has(old) || !l.Has(other) {
		t.Errorf("read anew: %v and %v, want %v alone", l.Has(old), l.Has(other), other)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if l.Reload(log); !l.Has(other) || !strings.Contains(text.String(), "stay as they were") {
		t.Errorf("without its file the list has %v: %v; it says %s", other, l.Has(other), &text)
	}
}

func TestReadNone(t *testing.T) {
	if set, err := Read(nil, nil); set != nil || err != nil {
		t.Errorf("no files: got %v, %v", set, err)
	}
	if _, err := Read([]string{"no-such-file"}, nil); err == nil || !strings.HasPrefix(err.Error(), "--sinkholes: open no-such-file") {
		t.Errorf("got %v", err)
	}
}
