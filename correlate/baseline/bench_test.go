package baseline

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"syscall"
	"testing"

	"flowname/dnscache"
)

// manyResponses are look-ups of a large network: 200,000 names by Zipf's law.
func manyResponses(n int) ([]dnscache.Response, []netip.Addr) {
	random := rand.New(rand.NewPCG(3, 5))
	names := rand.NewZipf(random, 1.05, 8, 200_000)
	responses, clients := make([]dnscache.Response, n), make([]netip.Addr, n)
	for i := range responses {
		name := names.Uint64()
		responses[i] = dnscache.Response{TimeNs: 20_000*dayNs + int64(i), Name: []byte("host" + string('a'+rune(name%7)) + "." + domainText(name/4))}
		a := random.Uint32N(1_000_000)
		clients[i] = netip.AddrFrom4([4]byte{10, byte(a >> 16), byte(a >> 8), byte(a)})
	}
	return responses, clients
}

func openBook(t testing.TB, cfg Config) *Book {
	t.Helper()
	if cfg.Seed == 0 {
		cfg.Seed = 1
	}
	b, err := Open(cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// BenchmarkSee is a response until it is counted, in networks of several sizes. CPU is
// what the process used: others may use the machine too.
func BenchmarkSee(b *testing.B) {
	for _, size := range []struct{ names, clients int }{{20_000, 1000}, {100_000, 10_000}, {200_000, 1_000_000}, {2_000_000, 10_000_000}} {
		b.Run(fmt.Sprintf("names=%d/clients=%d", size.names, size.clients), func(b *testing.B) {
			benchSee(b, size.names, size.clients)
		})
	}
}

func benchSee(b *testing.B, names, clients int) {
	random := rand.New(rand.NewPCG(3, 5))
	zipf := rand.NewZipf(random, 1.1, 8, uint64(names))
	const mask = 1<<16 - 1
	responses, askers := make([]dnscache.Response, mask+1), make([]netip.Addr, mask+1)
	for i := range responses {
		name := zipf.Uint64()
		responses[i] = dnscache.Response{TimeNs: day0 * dayNs, Name: fmt.Appendf(nil, "host%d.%s", name%7, domainText(name/4))}
		askers[i] = client(random.IntN(clients))
	}
	book := openBook(b, Config{})
	x := uint32(1) // who asks for what changes
	see := func(i int) {
		x = x*1664525 + 1013904223
		book.See(&responses[i&mask], askers[x>>16])
	}
	for i := range 1 << 20 {
		see(i)
	}
	b.ReportAllocs()
	before, i := usedCPU(), 0
	for b.Loop() {
		see(i)
		i++
	}
	b.ReportMetric(float64(usedCPU()-before)/float64(b.N), "cpu-ns/op")
}

// usedCPU is what the process has used, in nanoseconds.
func usedCPU() int64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

// BenchmarkSave is what of a save the book is held for, and the rest.
func BenchmarkSave(b *testing.B) {
	responses, clients := manyResponses(1 << 20)
	book := openBook(b, Config{})
	for i := range responses {
		book.See(&responses[i], clients[i])
	}
	for _, packed := range []bool{false, true} {
		b.Run(fmt.Sprintf("packed=%t", packed), func(b *testing.B) {
			for b.Loop() {
				raw, err := appendDay(nil, book.open[0])
				if err == nil && packed {
					_, err = pack(raw)
				}
				if err != nil {
					b.Fatal(err)
				}
				b.SetBytes(int64(len(raw)))
			}
		})
	}
}

// BenchmarkCount is a flow until it is counted.
func BenchmarkCount(b *testing.B) {
	const names = 100_000
	random := rand.New(rand.NewPCG(3, 5))
	zipf := rand.NewZipf(random, 1.1, 1, names-1)
	for _, traffic := range []struct {
		name string
		next func() uint64
	}{{"zipf", zipf.Uint64}, {"uniform", func() uint64 { return random.Uint64N(names) }}} {
		b.Run(traffic.name, func(b *testing.B) {
			c := openBook(b, Config{}).NewCounter()
			type domain struct {
				key  Key
				text string
			}
			domains := make([]domain, 1<<18)
			for i := range domains {
				text := domainText(traffic.next() / 4)
				domains[i] = domain{c.KeyOf(text), text}
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				d := &domains[i&(1<<18-1)]
				c.Count(d.key, d.text, 20_000*dayNs, 1500)
				i++
			}
		})
	}
}
