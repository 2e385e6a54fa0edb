package follow

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"flowname/dnscache"
	"flowname/dnscache/logs"
)

func TestGrowing(t *testing.T) {
	w := newFollowing(t, "query.log")
	w.run(time.Second)
	w.want(0) // waited for
	w.write("query.log", queries(1, 3))
	w.run(2 * time.Second)
	w.want(2)
	torn := queries(3, 4)
	w.write("query.log", torn[:50])
	w.run(10 * time.Second)
	w.want(2)
	w.write("query.log", torn[50:]+queries(4, 6))
	w.run(time.Second)
	w.want(5)
	w.inOrder()
	if s := w.f.Stats(); s.Behind != 0 || s.Files != 1 || s.Open != 1 || s.NewestNs == 0 || s.Bytes != uint64(len(queries(1, 6))) {
		t.Errorf("%+v", s)
	}
}

// What was there before PATH was followed is not read, also after it was packed
// and renamed.
func TestOldSiblings(t *testing.T) {
	w := newFollowing(t, "query.log")
	w.write("query.log.2", queries(90, 92))
	w.write("query.log.1", queries(92, 95))
	w.write("query.log", queries(1, 3))
	w.run(10 * time.Second)
	w.want(2)
	w.rename("query.log.2", "query.log.3")
	w.compress("query.log.3", ".gz")
	w.rename("query.log.1", "query.log.2")
	w.rename("query.log", "query.log.1")
	w.write("query.log", queries(3, 4))
	w.kill()
	w.begin()
	w.run(20 * time.Second)
	w.want(3)
}

func TestLostLog(t *testing.T) {
	w := newFollowing(t, "query.log")
	w.write("query.log", queries(1, 3))
	w.run(3 * time.Second)
	w.kill()
	w.write("query.log", queries(90, 99))
	w.must(os.Remove(w.file("query.log")))
	w.write("query.log", queries(3, 5))
	w.begin()
	w.run(20 * time.Second)
	w.want(4)
	// It was as long as was read when it was last seen: nothing is known to be lost.
	if s := w.f.Stats(); s.Lost != 0 || s.Restarts != 1 {
		t.Errorf("%+v", s)
	}
}

// A file that went away while nobody followed it was not read to its end if it had a
// line that was not whole.
func TestLostEnd(t *testing.T) {
	w := newFollowing(t, "query.log")
	w.write("query.log", queries(1, 3)+queries(3, 4)[:60])
	w.run(3 * time.Second)
	w.kill()
	w.must(os.Remove(w.file("query.log")))
	w.write("query.log", queries(3, 5))
	w.begin()
	w.run(20 * time.Second)
	w.want(4)
	if s := w.f.Stats(); s.Lost != 1 || s.Troubles != 1 || len(w.said) != 1 || !strings.Contains(w.said[0], errLost.Error()) {
		t.Errorf("%+v, said %q", s, w.said)
	}
}

func TestTornLastLine(t *testing.T) {
	w := newFollowing(t, "query.log")
	w.write("query.log", queries(1, 3)+queries(3, 4)[:60])
	w.run(3 * time.Second)
	w.rename("query.log", "query.log.1")
	w.write("query.log", queries(3, 5))
	w.run(20 * time.Second)
	if s := w.f.Stats(); s.Read.Lines != 5 || s.Read.ByReason[logs.Torn] != 1 || s.Read.ByReason[logs.Used] != 4 || s.Finished != 1 || s.Rotations != 1 {
		t.Errorf("%+v", s)
	}
}

func TestDirectory(t *testing.T) {
	w := newFollowing(t, "logs")
	w.run(time.Second)
	w.must(os.MkdirAll(w.file("logs/2026-11-23/.hidden"), 0o700))
	old := w.clock.Add(-time.Hour)
	put := func(name string, content []byte, at time.Time) {
		w.t.Helper()
		w.must(os.WriteFile(w.file(name), content, 0o600))
		w.must(os.Chtimes(w.file(name), at, at))
	}
	put("logs/2026-11-23/b.log.gz", gzipped(queries(1, 3)), old)
	put("logs/2026-11-23/c.log", []byte(queries(4, 6)), old.Add(time.Minute))
	put("logs/2026-11-23/a.zst", zstandard(queries(3, 4)), old.Add(time.Second))
	put("logs/2026-11-23/.hidden/d.log", []byte(queries(90, 91)), old)
	put("logs/2026-11-23/e.log.tmp", []byte(queries(90, 91)), old)
	put("logs/unknown.log", []byte(strings.Repeat("what is this\n", 30)), old)
	put("logs/empty.log", nil, old)
	w.run(15 * time.Minute)
	w.want(5)
	w.inOrder()
	if s := w.f.Stats(); s.Unknown != 1 || len(w.said) != 1 || !strings.HasPrefix(w.said[0], "unknown.log") {
		t.Errorf("%+v, said %q", s, w.said)
	}
	w.kill()
	w.begin()
	put("logs/new.log", []byte(queries(6, 7)), w.clock)
	w.write("logs/2026-11-23/c.log", queries(7, 9)) // it grows after all
	w.run(5 * time.Second)
	w.want(8)
	// Of one content there may be many copies.
	w.copy("logs/2026-11-23/c.log", "logs/copy.log")
	put("logs/copy.gz", gzipped(queries(4, 6)+queries(7, 9)), w.clock)
	w.must(os.Remove(w.file("logs/2026-11-23/b.log.gz")))
	put("logs/b.log", []byte(queries(1, 3)), w.clock)
	w.run(5 * time.Second)
	w.kill()
	w.begin()
	w.run(15 * time.Minute)
	w.want(8)
	if len(w.said) != 1 {
		t.Errorf("said %q", w.said)
	}
}

// Two files that begin alike are two.
func TestSameBeginning(t *testing.T) {
	w := newFollowing(t, "logs")
	w.must(os.Mkdir(w.path, 0o700))
	head := strings.Repeat("# a long header that all files have\n", 40)
	w.write("logs/a.log", head+queries(1, 30))
	w.write("logs/b.log", head+queries(30, 50))
	w.write("logs/c.log", head)
	w.run(5 * time.Second)
	w.write("logs/c.log", queries(50, 70))
	w.run(5 * time.Second)
	slices.Sort(w.got)
	if len(w.got) != 69 || w.got[68] != 69 {
		t.Errorf("got %v", w.got)
	}
}

func TestHalfWrittenGzip(t *testing.T) {
	w := newFollowing(t, "logs")
	w.must(os.Mkdir(w.path, 0o700))
	packed := gzipped(queries(1, 200))
	w.write("logs/a.gz", string(packed[:len(packed)/2]))
	w.run(5 * time.Second)
	if len(w.said) != 1 || w.f.Stats().Troubles != 1 {
		t.Errorf("said %q", w.said)
	}
	w.kill()
	w.begin()
	w.run(5 * time.Second)
	w.write("logs/a.gz", string(packed[len(packed)/2:]))
	w.run(5 * time.Second)
	w.want(199)
	if s := w.f.Stats(); s.Finished != 1 {
		t.Errorf("%+v", s)
	}
}

// A compressor that rests in the middle of its work makes nothing new.
func TestCompressorAtWork(t *testing.T) {
	w := newFollowing(t, "query.log")
	w.write("query.log", noise(40)+queries(1, 3000))
	w.run(3 * time.Second)
	w.rename("query.log", "query.log.1")
	w.write("query.log", queries(3000, 3001))
	w.run(20 * time.Second)
	content, err := os.ReadFile(w.file("query.log.1"))
	w.must(err)
	packed := gzipped(string(content))
	w.write("query.log.1.gz", string(packed[:len(packed)/2]))
	w.run(20 * time.Second)
	w.kill()
	w.begin()
	w.run(20 * time.Second)
	w.write("query.log.1.gz", string(packed[len(packed)/2:]))
	w.must(os.Remove(w.file("query.log.1")))
	w.run(20 * time.Second)
	if s := w.f.Stats(); s.Read.ByReason[logs.Used] != 3000 || s.Read.Lines != 3040 {
		t.Errorf("%+v, said %q", s.Read, w.said)
	}
}

// noise is lines that do not pack well.
func noise(n int) string {
	rng := rand.New(rand.NewPCG(1, 1))
	var b strings.Builder
	for range n {
		fmt.Fprintf(&b, "%x %x %x\n", rng.Uint64(), rng.Uint64(), rng.Uint64())
	}
	return b.String()
}

func TestUnreadable(t *testing.T) {
	w := newFollowing(t, "query.log")
	w.must(os.Mkdir(w.file("query.log"), 0o700))
	w.run(time.Second)
	w.must(os.Remove(w.file("query.log")))
	if os.Geteuid() != 0 {
		w.write("query.log", queries(1, 2))
		w.must(os.Chmod(w.path, 0))
		w.run(5 * time.Second)
		if len(w.said) != 1 {
			t.Errorf("said %q", w.said)
		}
	}
}

func TestSymbolicLink(t *testing.T) {
	w := newFollowing(t, "query.log")
	w.write("target-1", queries(1, 3))
	w.must(os.Symlink("target-1", w.path))
	w.run(3 * time.Second)
	w.want(2)
	w.write("target-1", queries(3, 4))
	w.write("target-2", queries(4, 6))
	w.must(os.Remove(w.path))
	w.must(os.Symlink("target-2", w.path))
	w.run(20 * time.Second)
	w.want(5)
}

func TestUnknownFormat(t *testing.T) {
	w := newFollowing(t, "query.log")
	noise := strings.Repeat("a line of no format\n", 4000) // more than one window
	w.write("query.log", noise+queries(1, 3))
	w.run(3 * time.Second)
	s := w.f.Stats()
	if len(w.got) != 2 || s.Read.ByReason[logs.Used] != 2 || s.Read.ByReason[logs.NotTheFormat] != 4000 || s.Unknown != 1 || len(w.said) != 1 {
		t.Errorf("got %v, %+v, said %q", w.got, s, w.said)
	}
}

func TestLongLine(t *testing.T) {
	w := newFollowing(t, "query.log")
	long := strings.Repeat("x", logs.MaxLine+5000)
	w.write("query.log", queries(1, 3)+long)
	w.run(3 * time.Second)
	w.kill()
	w.begin()
	w.write("query.log", long+"\n"+queries(3, 4))
	w.run(3 * time.Second)
	w.kill()
	w.begin()
	w.write("query.log", queries(4, 5))
	w.run(3 * time.Second)
	s := w.f.Stats()
	if len(w.got) != 4 || s.Read.Lines != 5 || s.Read.ByReason[logs.TooLong] != 1 {
		t.Errorf("got %v, %+v, said %q", w.got, s, w.said)
	}
}

// The state is only saved behind evidence that is safe.
func TestDurableFirst(t *testing.T) {
	w := newFollowing(t, "query.log")
	broken := errors.New("disk full")
	safe := 0
	w.cfg.Durable = func() error {
		if broken != nil {
			return broken
		}
		safe = len(w.got)
		return nil
	}
	w.begin()
	w.write("query.log", queries(1, 5))
	w.run(5 * time.Second)
	if s := w.f.Stats(); s.SaveErrors == 0 || len(w.said) != 1 {
		t.Errorf("%+v, said %q", s, w.said)
	}
	if _, err := os.Stat(w.cfg.StateFile); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a state was saved: %v", err)
	}
	w.kill()
	w.got = nil
	w.begin()
	broken = nil
	w.run(5 * time.Second)
	w.want(4)
	if safe != 4 || w.f.Stats().Saves == 0 {
		t.Errorf("%d safe, %+v", safe, w.f.Stats())
	}
}

func TestBadState(t *testing.T) {
	w := newFollowing(t, "query.log")
	w.write("query.log", queries(1, 3))
	w.run(3 * time.Second)
	good, err := os.ReadFile(w.cfg.StateFile)
	w.must(err)
	for _, bad := range []string{
		"", "{}", string(good[:len(good)-5]), strings.Replace(string(good), `"version":1`, `"version":9`, 1),
		strings.Replace(string(good), "query.log", "other.log", 1), strings.Replace(string(good), `"offset":`, `"offset":-`, 1),
		strings.Replace(string(good), `"head":"`, `"head":"9`, 1),
	} {
		w.must(os.WriteFile(w.cfg.StateFile, []byte(bad), 0o600))
		if _, err := New(w.cfg); !errors.Is(err, ErrState) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	w.must(os.WriteFile(w.cfg.StateFile, good, 0o600))
	w.begin()
	w.run(time.Second)
	w.want(2)
}

func TestForget(t *testing.T) {
	w := newFollowing(t, "logs")
	w.cfg.MaxFiles = 4
	w.begin()
	w.must(os.Mkdir(w.path, 0o700))
	for i := 1; i < 9; i++ {
		name := fmt.Sprintf("logs/%d.gz", i)
		w.must(os.WriteFile(w.file(name), gzipped(queries(i, i+1)), 0o600))
		at := w.clock.Add(time.Duration(i-100) * time.Minute)
		w.must(os.Chtimes(w.file(name), at, at))
		w.run(3 * time.Second)
	}
	w.kill()
	w.begin()
	w.run(time.Minute)
	w.want(8)
	if s := w.f.Stats(); s.Forgotten != 4 || s.Files != 4 {
		t.Errorf("%+v", s)
	}
}

func TestManyOpen(t *testing.T) {
	w := newFollowing(t, "logs")
	w.must(os.Mkdir(w.path, 0o700))
	const files = MaxOpen + 20
	for round := range 3 {
		for i := range files {
			n := 1 + round*files + i
			w.write(fmt.Sprintf("logs/%d.log", i), queries(n, n+1))
		}
		w.run(5 * time.Second)
		if open := w.f.Stats().Open; open > MaxOpen {
			t.Errorf("%d files are open", open)
		}
	}
	w.want(3 * files)
}

func TestRotatedNames(t *testing.T) {
	for _, c := range []struct {
		base, name string
		want       bool
	}{
		{"querylog.json", "querylog.json.1", true},
		{"dns.log", "dns.log.1.gz", true},
		{"dns.log", "dns.log.gz", true},
		{"dns.log", "dns.log.12.zst", true},
		{"dns.log", "dns.log-20261123", true},
		{"dns.log", "dns.log-20261123.gz", true},
		{"dns.log", "dns-20261123.log", true},
		{"dns.log", "dns.2026-11-23-10.log", true},
		{"dns.log", "dns.10:00:00-11:00:00.log.gz", true},
		{"dns.log", "dns.2026-11-23T10:00:00Z.log", true},
		{"dns.log", "dns.log.old", true},
		{"dns", "dns.1", true},
		{"dns.log", "dns.log", false},
		{"dns.log", "dns2.log", false},
		{"dns.log", "dns.log.bak", false},
		{"dns.log", "dns.log.1.swp", false},
		{"dns.log", "dnssec.1.log", false},
		{"dns.log", "ssl.log.1", false},
		{"dns.log", "dns..log", false},
		{"dns", "dns", false},
		{"dns", "dns.log", false},
	} {
		if got := isRotated(c.base, c.name); got != c.want {
			t.Errorf("isRotated(%q, %q) = %t", c.base, c.name, got)
		}
	}
}

func TestConfig(t *testing.T) {
	sink := logs.Sink{Response: func(*dnscache.Response) {}, Connection: func(*dnscache.Connection) {}}
	for _, c := range []Config{{Sink: sink}, {Path: "x"}, {Path: "x", Sink: sink, Grace: -1}} {
		if _, err := New(c); err == nil {
			t.Errorf("%+v is taken", c)
		}
	}
}
