package watch

import (
	"fmt"
	"net/netip"
	"runtime"
	"runtime/metrics"
	"sync"
	"syscall"
	"testing"
	"time"

	"flowname/cmd/flowname/exports/exportstest"
	"flowname/dnscache"
)

// BenchmarkCores is the flow path on several cores at a time, each with a decoder
// and a correlator of its own, as its socket has them, and all with one cache of a
// million answers; alone, and while 75,000 answers a second are filed. What the cores
// cost each other shows in the CPU time of a flow and in the time that it waits for
// a lock: README's model of larger machines is made of these.
func BenchmarkCores(b *testing.B) {
	const answers, burst = 1_000_000, 28
	cache := flowCache(b, answers)
	fresh := traffic{fresh: true, next: uniform}
	for _, filing := range []int{0, 75_000} {
		for cores := 1; cores <= runtime.GOMAXPROCS(0); cores *= 2 {
			paths, msgs := make([]*flowPath, cores), make([][][]byte, cores)
			for i := range paths {
				paths[i] = openFlowPath(b, cache, nil)
				paths[i].datagram(b, exportstest.Template())
				msgs[i] = fresh.datagrams(answers, 400*burst)
			}
			b.Run(fmt.Sprintf("cores=%d/filing=%d", cores, filing), func(b *testing.B) {
				stop := fileAtRate(cache, answers, filing)
				began, waited := usedCPU(), lockWait()
				var each sync.WaitGroup
				b.ResetTimer()
				for i, p := range paths {
					each.Go(func() {
						for n := 0; n < b.N; n++ {
							at := n % (len(msgs[i]) / burst) * burst
							for _, m := range msgs[i][at : at+burst] {
								renew(m, 1)
							}
							p.burst(b, msgs[i][at:at+burst]...)
						}
					})
				}
				each.Wait()
				b.StopTimer()
				cpu, wait := usedCPU()-began, lockWait()-waited
				stop()
				flows := float64(b.N * cores * burst * flowsEach)
				b.ReportMetric(float64(cpu.Nanoseconds())/flows, "cpu-ns/flow")
				b.ReportMetric(float64(wait.Nanoseconds())/flows, "lock-wait-ns/flow")
				b.ReportMetric(flows/b.Elapsed().Seconds(), "flows/s")
			})
		}
	}
}

// usedCPU is what all threads of the process have used.
func usedCPU() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// lockWait is how long goroutines have waited for locks so far.
func lockWait() time.Duration {
	sample := []metrics.Sample{{Name: "/sync/mutex/wait/total:seconds"}}
	metrics.Read(sample)
	return time.Duration(sample[0].Value.Float64() * 1e9)
}

// fileAtRate files so many answers a second, of names and addresses that are
// known, until the function that it returns is called.
func fileAtRate(cache *dnscache.Cache, answers, rate int) (stop func()) {
	if rate == 0 {
		return func() {}
	}
	ended := make(chan struct{})
	var filer sync.WaitGroup
	filer.Go(func() {
		const every = 5 * time.Millisecond
		tick := time.NewTicker(every)
		defer tick.Stop()
		r := dnscache.Response{Source: dnscache.SourcePackets, Type: 1, Addrs: make([]dnscache.Addr, 1)}
		r.Server = netip.MustParseAddr("192.0.2.53")
		atNs := int64(exportstest.Start) * 1e9
		for number := uint32(0); ; {
			select {
			case <-ended:
				return
			case <-tick.C:
			}
			for range rate * int(every) / int(time.Second) {
				number = (number + 104_729) % uint32(answers)
				atNs += int64(time.Second) / int64(rate)
				r.TimeNs = atNs
				fillAnswer(&r, number)
				cache.File(&r, atNs)
			}
		}
	})
	return func() { close(ended); filer.Wait() }
}
