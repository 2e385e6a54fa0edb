package dnscache

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// child is what the test binary does when it is started as a child process.
func child(part, dir string) int {
	switch part {
	case "file":
		return fileForEver(dir)
	case "open":
		return openOnce(dir)
	}
	return 3
}

// fileForEver files and flushes until it is killed, telling how far it got.
func fileForEver(dir string) int {
	c, err := Open(Config{Dir: dir})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	now := time.Now().UnixNano()
	for i := 0; ; i++ {
		answer(c, alice, now+int64(i)*ms, crashName(i, now), crashAddr(i/10))
		if i%997 == 0 {
			if err := c.Flush(now); err != nil {
				fmt.Println(err)
				return 1
			}
			fmt.Println("flushed", i, now)
		}
	}
}

// crashName is another one in each process, so that no run goes on in the next.
func crashName(i int, now int64) string { return fmt.Sprintf("n%d.%d.example", i/10, now) }

func crashAddr(i int) netip.Addr { return netip.AddrFrom4([4]byte{198, 18, byte(i >> 8), byte(i)}) }

// openOnce says whether Open can tell what is wrong, with exit 0, or opens.
func openOnce(dir string) int {
	c, err := Open(Config{Dir: dir})
	if err != nil {
		fmt.Println("error:", err)
		if errors.Is(err, ErrCorrupt) {
			return 0
		}
		return 1
	}
	for _, q := range []Query{{Name: "*."}, {Addr: server}} {
		err := c.History(context.Background(), q, func(Row) bool { return true })
		if err != nil {
			fmt.Println("history:", err)
		}
	}
	c.AppendClient(nil, alice, server, t0, 0, t0)
	if err := c.Close(t0); err != nil {
		fmt.Println("close:", err)
	}
	return 0
}

func childCommand(t *testing.T, part, dir string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, dir)
	cmd.Env = append(os.Environ(), childEnv+"="+part)
	return cmd
}

// TestKill kills a process that files and flushes, twice, and finds all that it
// said it had flushed, also when asked without a daemon.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	for round := range 2 {
		flushed, now := killedAfter(t, dir, 40)
		h, err := OpenHistory(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range []int{0, flushed / 2, flushed} {
			rows := rowsOf(t, h, Query{Addr: crashAddr(i / 10), Client: alice, AtNs: now + int64(i)*ms})
			want := crashName(i, now)
			if len(rows) != 1 || rows[0].Name != want || rows[0].LastNs < now+int64(i/10*10)*ms {
				t.Errorf("round %d: flushed up to %d, history of answer %d is %v", round, flushed, i, rows)
			}
		}
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
		c, err := Open(Config{Dir: dir, MaxVersions: 1})
		if err != nil {
			t.Fatal(err)
		}
		got := c.AppendClient(nil, alice, crashAddr(flushed/10), now+int64(flushed)*ms, 0, now+int64(flushed)*ms)
		// The child may have flushed once more than it was heard to say: then the
		// run reaches beyond the answer, and it is found by the run's first.
		first, answered := now+int64(flushed/10*10)*ms, now+int64(flushed)*ms
		if len(got) != 1+round || got[0].Name != crashName(flushed, now) || got[0].AtNs != answered && got[0].AtNs != first {
			t.Errorf("round %d: the last flushed answer, at %d, is %v", round, answered, got)
		}
		if !c.ClientSeen(alice) || c.BeganNs() == 0 {
			t.Errorf("round %d: ClientSeen %v, BeganNs %d", round, c.ClientSeen(alice), c.BeganNs())
		}
		if err := c.Close(now); err != nil {
			t.Fatal(err)
		}
	}
}

// killedAfter runs the child until it has flushed some times, and kills it. It
// gives the last answer known to be flushed and the child's base time.
func killedAfter(t *testing.T, dir string, flushes int) (last int, now int64) {
	t.Helper()
	cmd := childCommand(t, "file", dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for n := 0; n < flushes && lines.Scan(); n++ {
		f := strings.Fields(lines.Text())
		if len(f) != 3 {
			t.Fatalf("child said %q", lines.Text())
		}
		last, _ = strconv.Atoi(f[1])
		now, _ = strconv.ParseInt(f[2], 10, 64)
		if _, err := Open(Config{Dir: dir}); n == 0 && !errors.Is(err, ErrLocked) {
			t.Errorf("Open while the child has it = %v, want ErrLocked", err)
		}
		if _, err := OpenHistory(dir); n == 0 && !errors.Is(err, ErrLocked) {
			t.Errorf("OpenHistory while the child has it = %v, want ErrLocked", err)
		}
	}
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed, as it should be
	if last == 0 {
		t.Fatal("the child flushed nothing")
	}
	return last, now
}

func TestNoHistory(t *testing.T) {
	for _, dir := range []string{t.TempDir(), filepath.Join(t.TempDir(), "none")} {
		if _, err := OpenHistory(dir); !errors.Is(err, ErrNoHistory) {
			t.Errorf("OpenHistory(%s) = %v, want ErrNoHistory", dir, err)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Config{Dir: file}); err == nil {
		t.Error("Open of a file took it")
	}
}

// TestDamage truncates and overwrites every file of a history in turn. A child
// opens it: it must end by itself, with a clear error or with what is left.
func TestDamage(t *testing.T) {
	whole := t.TempDir()
	c := openDisk(t, whole, Config{})
	now := time.Now().UnixNano()
	for i := range 3000 {
		fileAt(c, now, alice, t0+int64(i)*sec, fmt.Sprintf("n%d.example", i), server, crashAddr(i))
	}
	closeDisk(t, c, now)
	killedAfter(t, whole, 3)
	var files []string
	err := filepath.WalkDir(whole, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files = append(files, filepath.Base(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	damages := map[string]func([]byte) []byte{
		"empty": func(b []byte) []byte { return nil },
		"half":  func(b []byte) []byte { return b[:len(b)/2] },
		"short": func(b []byte) []byte { return b[:max(len(b)-3, 0)] },
		"flipped": func(b []byte) []byte {
			for i := 7; i < len(b); i += 1 + len(b)/50 {
				b[i] ^= 0xff
			}
			return b
		},
	}
	for _, name := range files {
		for how, damage := range damages {
			dir := t.TempDir()
			for _, f := range files {
				b, err := os.ReadFile(filepath.Join(whole, f))
				if err != nil {
					t.Fatal(err)
				}
				if f == name {
					b = damage(b)
				}
				if err := os.WriteFile(filepath.Join(dir, f), b, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			out, err := childCommand(t, "open", dir).CombinedOutput()
			if err != nil {
				t.Errorf("%s %s: %v\n%.1500s", name, how, err, out)
			}
		}
	}
}
