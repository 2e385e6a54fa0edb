package dnscache

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

// BenchmarkLookupLatency is single look-ups in a full index into which another
// goroutine files as fast as it can, each answer evicting another: the median
// and the slow ones.
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
