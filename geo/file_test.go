package geo

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	large := file("large", "")
	if err := os.Truncate(large, maxFileSize+1); err != nil {
		t.Fatal(err)
	}
	sparse := file("sparse", "")
	if err := os.Truncate(sparse, maxFileSize); err != nil {
		t.Fatal(err)
	}
	unknown := single("Acme-Pets", record("pet", "dog", "legs", 4)).bytes(t)
	tests := []struct {
		path string
		want error
		says string
	}{
		{filepath.Join(dir, "absent"), fs.ErrNotExist, "check the path"},
		{dir, ErrNotRegular, ".mmdb file"},
		{large, ErrTooLarge, "2147483648"},
		{sparse, ErrNotMMDB, "download it again"},
		{file("empty", ""), ErrNotMMDB, "empty"},
		{file("gz", "\x1f\x8b\x08\x00rest"), ErrNotMMDB, "gunzip"},
		{file("zip", "PK\x03\x04rest"), ErrNotMMDB, "unpack"},
		{file("html", "\n <!DOCTYPE html>"), ErrNotMMDB, "web page"},
		{file("csv", "1.0.0.0,1.0.0.255,AU"), ErrNotMMDB, "download"},
		{file("marker", metadataMarker), ErrDamaged, "download"},
		{file("pets", string(unknown)), ErrNoFacts, `type "Acme-Pets" holds legs, pet`},
	}
	for _, tt := range tests {
		db, err := Open(tt.path)
		oe, ok := errors.AsType[*OpenError](err)
		if !ok || db != nil || !errors.Is(err, tt.want) {
			t.Errorf("Open(%s) = %v, %v, want an OpenError of %v", tt.path, db, err, tt.want)
			continue
		}
		if s := err.Error(); oe.Path != tt.path || !strings.Contains(s, tt.says) ||
			strings.Count(s, tt.path) != 1 || strings.Contains(s, "\n") {
			t.Errorf("Open(%s): %q, want one line with the path once and %q", tt.path, s, tt.says)
		}
	}
}

// A file that lost its end at any place is refused: its metadata are last.
func TestTruncatedAnywhere(t *testing.T) {
	whole := cityDB("GB", "London").bytes(t)
	for n := range whole {
		db, err := parse("x", whole[:n:n])
		if err == nil {
			t.Errorf("%d of %d bytes open with %s", n, len(whole), db.Metadata().Facts)
		}
	}
}

// Headers that maxminddb takes and this package does not know.
func TestUnknownFormat(t *testing.T) {
	for key, value := range map[string]byte{"binary_format_major_version": 3, "ip_version": 5, "record_size": 20} {
		content := asnDB(1, "One").bytes(t)
		at := bytes.LastIndex(content, []byte(key)) + len(key)
		content[at+1] = value // after the control byte of a number of one byte
		if _, err := parse("x", content); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s of %d: %v, want ErrDamaged", key, value, err)
		}
	}
}

func TestChangedWhileRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	replace(t, path, []byte("one"))
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	replace(t, path, []byte("two"))
	after, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if sameState(before, after) || !sameState(after, after) || sameState(nil, after) {
		t.Error("sameState does not tell a replaced file from an unchanged one")
	}
}
