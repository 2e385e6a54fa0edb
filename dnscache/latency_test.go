package dnscache

import (
	"fmt"
	"runtime"
	"runtime/metrics"
	"slices"
	"sync"
	"testing"
	"time"
)

// BenchmarkLookupLatency is single look-ups in a full index into which another
// goroutine files as fast as it can, each answer evicting another: the median
// and the slow ones; and the longest that the garbage collector stopped all.
func BenchmarkLookupLatency(b *testing.B) {
	for _, pairs := range []int{million, 10 * million} {
		if testing.Short() && pairs > million {
			continue
		}
		b.Run(fmt.Sprintf("pairs=%d", pairs), func(b *testing.B) {
			const clients = 20
			c, err := Open(Config{MaxVersions: pairs + pairs/clients})
			if err != nil {
				b.Fatal(err)
			}
			tr := newTraffic(clients, pairs/clients, 25_000)
			for i := range pairs {
				c.File(tr.at(i), tr.base)
			}
			stop := make(chan struct{})
			var inserter sync.WaitGroup
			inserter.Go(func() { fileUntil(stop, c, pairs) })
			at := tr.base + int64(time.Hour)
			dst := make([]Match, 0, MaxMatches)
			took := make([]time.Duration, 0, 1<<20)
			for i := 0; b.Loop(); i += 7919 {
				k := i % pairs
				start := time.Now()
				dst = c.AppendClient(dst[:0], tr.client(k), tr.addr(k/clients), at, 0, at)
				if d := time.Since(start); len(took) < cap(took) {
					took = append(took, d)
				}
			}
			b.StopTimer()
			for range 3 {
				runtime.GC()
			}
			b.ReportMetric(longestPause().Seconds()*1e6, "gc-pause-us")
			close(stop)
			inserter.Wait()
			slices.Sort(took)
			for _, q := range []struct {
				name string
				part float64
			}{{"p50-ns", 0.5}, {"p99-ns", 0.99}, {"p99.9-ns", 0.999}} {
				b.ReportMetric(float64(took[int(q.part*float64(len(took)))]), q.name)
			}
		})
	}
}

// longestPause is the longest that the garbage collector has stopped the world for,
// to the next bound of the runtime's histogram.
func longestPause() time.Duration {
	sample := []metrics.Sample{{Name: "/sched/pauses/total/gc:seconds"}}
	metrics.Read(sample)
	h := sample[0].Value.Float64Histogram()
	for i := len(h.Counts) - 1; i >= 0; i-- {
		if h.Counts[i] > 0 {
			return time.Duration(h.Buckets[i+1] * 1e9)
		}
	}
	return 0
}

// fileUntil files answers for new addresses and counts on until stop is closed.
func fileUntil(stop <-chan struct{}, c *Cache, pairs int) {
	tr := newTraffic(20, 1<<24, 25_000)
	for i := pairs; ; i++ {
		select {
		case <-stop:
			return
		default:
			c.File(tr.at(i), tr.base)
		}
	}
}
