package follow

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"flowname/dnscache"
	"flowname/dnscache/logs"
)

// queries are lines of a BIND query log for the names n1.example and so on.
func queries(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, "23-Nov-2026 17:16:35.277 queries: info: client @0x7fd9f6830098 127.0.2.11#57690 (n%d.example): query: n%d.example IN A +E(0) (127.0.1.8)\n", i, i)
	}
	return b.String()
}

// A following is a Follower with a clock that the test moves, and a folder.
type following struct {
	t     *testing.T
	dir   string
	path  string // what is followed
	clock time.Time
	cfg   Config
	f     *Follower
	got   []int // the numbers in the names, as they came
	said  []string
}

func newFollowing(t *testing.T, path string) *following {
	t.Helper()
	w := &following{t: t, dir: t.TempDir(), clock: time.Now()}
	w.path = filepath.Join(w.dir, path)
	w.cfg = Config{
		Path: w.path, StateFile: filepath.Join(t.TempDir(), "state"),
		Sink: logs.Sink{
			Response: func(r *dnscache.Response) {
				n, _, _ := strings.Cut(strings.TrimPrefix(string(r.Name), "n"), ".")
				i, err := strconv.Atoi(n)
				if err != nil {
					t.Errorf("name %q", r.Name)
				}
				w.got = append(w.got, i)
			},
			Connection: func(*dnscache.Connection) { t.Error("a connection") },
		},
		Say: func(path string, err error) { w.said = append(w.said, filepath.Base(path)+": "+err.Error()) },
	}
	w.begin()
	return w
}

// begin starts a Follower, as after a restart.
func (w *following) begin() {
	w.t.Helper()
	var err error
	if w.f, err = newFollower(w.cfg, func() time.Time { return w.clock }); err != nil {
		w.t.Fatal(err)
	}
}

// kill ends the Follower without any farewell.
func (w *following) kill() { w.f.close() }

// run lets time pass, with the Follower's turns.
func (w *following) run(d time.Duration) {
	for end := w.clock.Add(d); w.clock.Before(end); {
		w.clock = w.clock.Add(w.f.cfg.Poll)
		w.f.turn(context.Background())
	}
}

func (w *following) file(name string) string { return filepath.Join(w.dir, name) }

func (w *following) write(name, text string) {
	w.t.Helper()
	file, err := os.OpenFile(w.file(name), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err == nil {
		_, err = file.WriteString(text)
	}
	if err = errors.Join(err, file.Close()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *following) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *following) rename(from, to string) {
	w.t.Helper()
	w.must(os.Rename(w.file(from), w.file(to)))
}

func (w *following) copy(from, to string) {
	w.t.Helper()
	b, err := os.ReadFile(w.file(from))
	w.must(err)
	w.must(os.WriteFile(w.file(to), b, 0o600))
}

func gzipped(text string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(text))
	z.Close()
	return b.Bytes()
}

func zstandard(text string) []byte {
	z, err := zstd.NewWriter(nil)
	if err != nil {
		panic(err)
	}
	return z.EncodeAll([]byte(text), nil)
}

// compress does as gzip and zstd do: the time of the file stays, and the plain
// one goes.
func (w *following) compress(name, ext string) {
	w.t.Helper()
	info, err := os.Stat(w.file(name))
	w.must(err)
	b, err := os.ReadFile(w.file(name))
	w.must(err)
	packed := gzipped(string(b))
	if ext == ".zst" {
		packed = zstandard(string(b))
	}
	w.must(os.WriteFile(w.file(name+ext), packed, 0o600))
	w.must(os.Chtimes(w.file(name+ext), info.ModTime(), info.ModTime()))
	w.must(os.Remove(w.file(name)))
}

// want checks that the lines from n1 to the last came once each, and were
// counted so.
func (w *following) want(last int) {
	w.t.Helper()
	var want []int
	for i := 1; i <= last; i++ {
		want = append(want, i)
	}
	got := slices.Sorted(slices.Values(w.got))
	if !slices.Equal(got, want) {
		w.t.Fatalf("got %v, want 1 to %d; said %q", w.got, last, w.said)
	}
	if s := w.f.Stats(); s.Read.Lines != uint64(last) || s.Read.ByReason[logs.Used] != uint64(last) {
		w.t.Fatalf("%d lines and %d used are counted, want %d", s.Read.Lines, s.Read.ByReason[logs.Used], last)
	}
}

// inOrder checks that the lines came as they were written.
func (w *following) inOrder() {
	w.t.Helper()
	if !slices.IsSorted(w.got) {
		w.t.Errorf("out of order: %v", w.got)
	}
}
