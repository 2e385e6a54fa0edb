package follow

import (
	"context"
	"os"
	"testing"
	"time"

	"flowname/dnscache"
	"flowname/dnscache/logs"
)

// BenchmarkFollow reads a log of 100,000 lines from its beginning, with a state
// that is saved at the end.
func BenchmarkFollow(b *testing.B) {
	const lines = 100_000
	dir := b.TempDir()
	text := queries(1, lines+1)
	if err := os.WriteFile(dir+"/query.log", []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		os.Remove(dir + "/state")
		f, err := newFollower(Config{
			Path: dir + "/query.log", StateFile: dir + "/state",
			Sink: logs.Sink{Response: func(*dnscache.Response) {}, Connection: func(*dnscache.Connection) {}},
		}, time.Now)
		if err != nil {
			b.Fatal(err)
		}
		f.turn(context.Background())
		if s := f.Stats(); s.Read.ByReason[logs.Used] != lines {
			b.Fatalf("%+v", s.Read)
		}
		f.close()
	}
	b.ReportMetric(float64(lines*b.N)/b.Elapsed().Seconds(), "lines/s")
}
