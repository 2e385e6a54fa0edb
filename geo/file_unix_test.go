//go:build unix

package geo

import (
	"errors"
	"path/filepath"
	"syscall"
	"testing"
)

// To open a pipe would wait for a writer, to read a device for its end.
func TestOpenIrregular(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, "/dev/zero"} {
		if _, err := Open(path); !errors.Is(err, ErrNotRegular) {
			t.Errorf("Open(%s) = %v, want ErrNotRegular", path, err)
		}
	}
}
