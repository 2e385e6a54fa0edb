package export

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestFileAppendsAndClosesATornLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "flows.jsonl")
	must(t, os.WriteFile(path, []byte("{\"a\":1}\n{\"torn"), 0o644))
	f, err := OpenFile(path)
	must(t, err)
	must(t, f.Write([]byte("{\"b\":2}\n")))
	must(t, f.Close())
	if got, want := read(t, path), "{\"a\":1}\n{\"torn\n{\"b\":2}\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCreateFileStartsAnew(t *testing.T) {
	path := filepath.Join(t.TempDir(), "flows.jsonl")
	must(t, os.WriteFile(path, []byte("old\n"), 0o644))
	f, err := CreateFile(path)
	must(t, err)
	must(t, f.Write([]byte("new\n")))
	must(t, f.Close())
	if got := read(t, path); got != "new\n" {
		t.Errorf("got %q, want the new line only", got)
	}
}

func TestReopenAfterRotation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "flows.jsonl")
	f, err := OpenFile(path)
	must(t, err)
	must(t, f.Write([]byte("one\n")))
	must(t, os.Rename(path, path+".1"))
	must(t, f.Reopen())
	must(t, f.Write([]byte("two\n")))
	must(t, f.Close())
	if got := read(t, path+".1"); got != "one\n" {
		t.Errorf("rotated file: got %q, want the first line", got)
	}
	if got := read(t, path); got != "two\n" {
		t.Errorf("new file: got %q, want the second line", got)
	}
}

func TestReopenKeepsTheOldFileWhereThePathIsGone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	must(t, os.Mkdir(dir, 0o755))
	f, err := OpenFile(filepath.Join(dir, "flows.jsonl"))
	must(t, err)
	must(t, os.Rename(dir, dir+".old"))
	if err := f.Reopen(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("reopen: got %v, want not exist", err)
	}
	must(t, f.Write([]byte("kept\n")))
	must(t, f.Close())
	if got := read(t, filepath.Join(dir+".old", "flows.jsonl")); got != "kept\n" {
		t.Errorf("got %q, want the line in the old file", got)
	}
}

// failing takes n bytes and then fails.
type failing struct {
	n   int
	got strings.Builder
}

var errFull = errors.New("disk full")

func (w *failing) Write(p []byte) (int, error) {
	n := min(w.n, len(p))
	w.got.Write(p[:n])
	w.n -= n
	if n < len(p) {
		return n, errFull
	}
	return n, nil
}

func TestLostLinesAreCounted(t *testing.T) {
	w := &failing{n: 6}
	f := NewStream(w)
	must(t, f.Write([]byte("one\ntwo\nthree\n")))
	if err := f.Flush(); !errors.Is(err, errFull) {
		t.Errorf("flush: got %v, want %v", err, errFull)
	}
	if s := f.Stats(); s.LostLines != 2 || s.Errors != 1 || s.Bytes != 6 {
		t.Errorf("stats: got %+v, want 2 lines lost in 1 error after 6 bytes", s)
	}
	w.n = 100
	must(t, f.Write([]byte("four\n")))
	must(t, f.Flush())
}

func TestWriteFlushesWhatIsLarge(t *testing.T) {
	var w strings.Builder
	f := NewStream(&w)
	line := strings.Repeat("x", 1023) + "\n"
	for range flushAt / len(line) {
		must(t, f.Write([]byte(line)))
	}
	if w.Len() != flushAt {
		t.Errorf("written without a flush: got %d bytes, want %d", w.Len(), flushAt)
	}
}

// What is written at once comes behind what was buffered before it, and its
// losses are counted as well.
func TestManyLinesAreWrittenAtOnce(t *testing.T) {
	many := []byte(strings.Repeat("many\n", flushAt/5+1))
	var w strings.Builder
	f := NewStream(&w)
	must(t, f.Write([]byte("one\n")))
	must(t, f.Write(many))
	must(t, f.Write([]byte("two\n")))
	must(t, f.Flush())
	if got := w.String(); got != "one\n"+string(many)+"two\n" {
		t.Errorf("got %d bytes in another order", len(got))
	}
	f = NewStream(&failing{n: 4 + 12})
	must(t, f.Write([]byte("one\n")))
	if err := f.Write(many); !errors.Is(err, errFull) {
		t.Errorf("got %v, want %v", err, errFull)
	}
	if s, lost := f.Stats(), uint64(len(many)/5-2); s.LostLines != lost || s.Bytes != 16 || s.Errors != 1 {
		t.Errorf("stats: got %+v, want %d lines lost in 1 error", s, lost)
	}
}
