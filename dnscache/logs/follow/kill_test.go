package follow

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"flowname/dnscache"
	"flowname/dnscache/logs"
)

// asFollower is set where the test binary is to be a follower: the folder.
const asFollower = "FLOWNAME_TEST_AS_FOLLOWER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(asFollower); dir != "" {
		if err := followUntilTold(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// quick are times in which a test comes to its end. Their proportions are those
// of the defaults, but for Save, which a kill is to hit.
func quick(c Config) Config {
	c.Poll, c.Save, c.Settle, c.Grace, c.Quiet = 2*time.Millisecond, 5*time.Millisecond, 20*time.Millisecond, 100*time.Millisecond, time.Second
	return c
}

// followUntilTold follows in a process of its own. The file "evidence" stands
// for the cache: it holds what the sink was given, written when the Follower
// asks for it to be safe.
func followUntilTold(dir string) error {
	out, err := os.OpenFile(filepath.Join(dir, "evidence"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	safe := bufio.NewWriterSize(out, 1<<20)
	f, err := New(quick(Config{
		Path: filepath.Join(dir, "logs", "query.log"), StateFile: filepath.Join(dir, "state"),
		Sink: logs.Sink{
			Response:   func(r *dnscache.Response) { fmt.Fprintf(safe, "%s\n", r.Name) },
			Connection: func(*dnscache.Connection) {},
		},
		Durable: safe.Flush,
		Say:     func(path string, err error) { fmt.Fprintln(os.Stderr, path, err) },
	}))
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	return f.Run(ctx)
}

// A rotator writes a log, and rotates it as all kinds of programs do.
type rotator struct {
	t       *testing.T
	dir     string
	out     *os.File
	written int
	rng     *rand.Rand
}

func (w *rotator) path(name string) string { return filepath.Join(w.dir, "logs", name) }

func (w *rotator) must(err error) {
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *rotator) open() {
	var err error
	w.out, err = os.OpenFile(w.path("query.log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	w.must(err)
}

// write writes some lines, the last of them often in two parts.
func (w *rotator) write() {
	text := queries(w.written+1, w.written+2+w.rng.IntN(40))
	w.written += strings.Count(text, "\n")
	cut := w.rng.IntN(len(text))
	for _, part := range []string{text[:cut], text[cut:]} {
		_, err := w.out.WriteString(part)
		w.must(err)
	}
}

// rotate makes room at .1 and does one of the usual things.
func (w *rotator) rotate() {
	for i := 200; i > 0; i-- {
		for _, ext := range []string{"", ".gz", ".zst"} {
			from := w.path(fmt.Sprintf("query.log.%d%s", i, ext))
			if _, err := os.Stat(from); err == nil {
				w.must(os.Rename(from, w.path(fmt.Sprintf("query.log.%d%s", i+1, ext))))
			}
		}
	}
	first := w.path("query.log.1")
	switch w.rng.IntN(3) {
	case 0: // the writer reopens late
		w.must(os.Rename(w.path("query.log"), first))
		w.write()
		w.must(w.out.Close())
		w.open()
	case 1: // the writer reopens at once, and what is finished is compressed
		w.must(os.Rename(w.path("query.log"), first))
		w.must(w.out.Close())
		w.open()
		w.write()
		w.compress("query.log.2")
	case 2: // copytruncate, with a writer that waits
		b, err := os.ReadFile(w.path("query.log"))
		w.must(err)
		w.must(os.WriteFile(first, b, 0o600))
		w.must(w.out.Truncate(0))
	}
}

func (w *rotator) compress(name string) {
	info, err := os.Stat(w.path(name))
	if err != nil {
		return
	}
	b, err := os.ReadFile(w.path(name))
	w.must(err)
	packed, ext := gzipped(string(b)), ".gz"
	if w.rng.IntN(2) == 0 {
		packed, ext = zstandard(string(b)), ".zst"
	}
	w.must(os.WriteFile(w.path(name+ext), packed, 0o600))
	w.must(os.Chtimes(w.path(name+ext), info.ModTime(), info.ModTime()))
	w.must(os.Remove(w.path(name)))
}

// start starts the follower's process.
func (w *rotator) start() *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asFollower+"="+w.dir)
	cmd.Stderr = os.Stderr
	w.must(cmd.Start())
	return cmd
}

func (w *rotator) counted() savedState {
	var s savedState
	text, err := os.ReadFile(filepath.Join(w.dir, "state"))
	if errors.Is(err, os.ErrNotExist) {
		return s
	}
	w.must(err)
	w.must(json.Unmarshal(text, &s))
	return s
}

// TestKills kills a follower at random points while a log grows and is rotated:
// in the end every line was filed, and counted once.
func TestKills(t *testing.T) {
	const kills = 50
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	w := &rotator{t: t, dir: t.TempDir(), rng: rand.New(rand.NewPCG(seed, 1))}
	w.must(os.Mkdir(filepath.Join(w.dir, "logs"), 0o700))
	w.open()
	w.write()
	// What is rotated before PATH was ever followed is not to be read.
	first := w.start()
	w.eventually(func() bool { return linesOf(w.counted()) > 0 })
	first.Process.Kill()
	first.Wait()
	for i := range kills {
		cmd := w.start()
		oneIn := 10 + i%5*30 // rotations are frequent, or rare
		pause := time.NewTimer(time.Duration(w.rng.IntN(120)) * time.Millisecond)
		for alive := true; alive; {
			w.write()
			if w.rng.IntN(oneIn) == 0 {
				w.rotate()
			}
			select {
			case <-pause.C:
				alive = false
			case <-time.After(time.Duration(w.rng.IntN(4)) * time.Millisecond):
			}
		}
		w.must(cmd.Process.Kill())
		cmd.Wait()
		if w.rng.IntN(3) == 0 { // what happens while it is down
			w.write()
			w.rotate()
			w.write()
		}
	}
	last := w.start()
	defer last.Process.Kill()
	w.eventually(func() bool { return linesOf(w.counted()) >= uint64(w.written) })
	w.must(last.Process.Signal(syscall.SIGTERM))
	w.must(last.Wait())
	s := w.counted()
	if got := s.Counters.Lines["used"]; got != uint64(w.written) || linesOf(s) != got || s.Counters.Lost != 0 {
		t.Errorf("%d lines were written, counted is %+v", w.written, s.Counters)
	}
	w.checkFiled()
	if t.Failed() {
		for _, x := range s.Files {
			t.Logf("%s: %d of %d bytes read, finished %t, skipped %t, head %v, tail %v", filepath.Base(x.Path), x.Offset, x.Size, x.Finished, x.Skip, x.Head.n, x.Tail.n)
		}
	}
	t.Logf("%d lines, %d rotations, %d truncations, %d restarts, %d files", w.written, s.Counters.Rotations, s.Counters.Truncations, s.Counters.Restarts, len(s.Files))
}

// eventually waits for something to become true, for as long as is decent.
func (w *rotator) eventually(done func() bool) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); !done() && time.Now().Before(deadline); {
		<-tick.C
	}
}

func linesOf(s savedState) (n uint64) {
	for _, k := range s.Counters.Lines {
		n += k
	}
	return n
}

// checkFiled checks that the evidence of every line came at least once.
func (w *rotator) checkFiled() {
	text, err := os.ReadFile(filepath.Join(w.dir, "evidence"))
	w.must(err)
	seen := make([]bool, w.written+1)
	for line := range strings.Lines(string(text)) {
		n, _, _ := strings.Cut(strings.TrimPrefix(line, "n"), ".")
		if i, err := strconv.Atoi(n); err == nil && i <= w.written && strings.HasSuffix(line, ".example\n") {
			seen[i] = true
		}
	}
	for i := 1; i <= w.written; i++ {
		from := i
		for i <= w.written && !seen[i] {
			i++
		}
		if i > from {
			w.t.Errorf("lines %d to %d were never filed", from, i-1)
		}
	}
}
