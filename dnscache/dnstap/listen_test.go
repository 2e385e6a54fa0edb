package dnstap

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestListenUnix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tap.sock")
	l, err := Listen("unix:" + path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	if perm := info.Mode().Perm(); perm != 0o660 {
		t.Errorf("permissions %o", perm)
	}
	if _, err := Listen("unix:" + path); err == nil || !strings.Contains(err.Error(), "another program listens") {
		t.Errorf("while it is listened on: %v", err)
	}
	// A process that is killed leaves the file behind.
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	if _, err := os.Lstat(path); err != nil {
		t.Fatal(err)
	}
	l, err = Listen("unix:" + path)
	if err != nil {
		t.Fatalf("over a stale socket: %v", err)
	}
	l.Close()
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("after Close: %v", err)
	}
}

func TestListenKeepsFiles(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{path, link, dir} {
		if _, err := Listen("unix:" + p); err == nil || !strings.Contains(err.Error(), "not a socket") {
			t.Errorf("%s: %v", p, err)
		}
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "precious" {
		t.Errorf("the file: %q, %v", b, err)
	}
}

func TestListenOthers(t *testing.T) {
	l, err := Listen("tcp:127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if l, err = Listen("unix:@flowname-test-" + filepath.Base(t.TempDir())); err != nil {
		t.Fatal(err)
	}
	l.Close()
	for _, address := range []string{"", "tcp", "tcp:", "unix:", "udp:127.0.0.1:1", "/tmp/tap.sock", "127.0.0.1:6000"} {
		if l, err := Listen(address); err == nil {
			l.Close()
			t.Errorf("%q: no error", address)
		}
	}
	missing := filepath.Join(t.TempDir(), "missing", "tap.sock")
	if l, err := Listen("unix:" + missing); err == nil {
		l.Close()
		t.Errorf("%q: no error", missing)
	}
}
