package watch

import (
	"net/netip"
	"sync"
	"testing"

	"flowname/correlate"
	"flowname/correlate/visibility"
	"flowname/dnscache"
	"flowname/flows"
)

// bookOf is a clientBook with so many clients, of which each has asked.
func bookOf(tb testing.TB, clients int, dir string) *clientBook {
	tb.Helper()
	cache, err := dnscache.Open(dnscache.Config{Dir: dir, Seed: 1, MaxClients: 2 * clients})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { cache.Close(1) })
	b, err := openClientBook(clientConfig{
		flags: &ClientFlags{MaxClients: clients}, cache: cache,
		reporter: &reporter{inside: correlate.Inside{Cache: cache}}, seed: 1,
	})
	if err != nil {
		tb.Fatal(err)
	}
	table := b.newTable(&sync.Mutex{})
	const now = 1_700_000_000_000_000_000
	r := flows.Record{
		Dst: netip.MustParseAddr("198.51.100.1"), SrcPort: 40000, DstPort: 443, Proto: flows.ProtoTCP, ReceivedNs: now, StartNs: now, Bytes: 1000,
	}
	f := correlate.Flow{Record: &r, Unnamed: correlate.NoAnswer}
	answer := dnscache.Response{TimeNs: now, Source: dnscache.SourcePackets, Name: []byte("a.example")}
	for i := range clients {
		r.Src = netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		answer.Client = r.Src
		cache.File(&answer, now)
		table.Flow(&f, false)
	}
	return b
}

// BenchmarkClients is what looking at a million clients costs, and saving them where
// each has changed since.
func BenchmarkClients(b *testing.B) {
	const clients = 1_000_000
	for _, c := range []struct {
		name string
		dir  string
		do   func(*clientBook) error
	}{
		{"look", "", func(book *clientBook) error { book.look(nil); return nil }},
		{"save", b.TempDir(), func(book *clientBook) error {
			book.keeper = visibility.Keeper{Shelf: book.keeper.Shelf} // which knows of nothing that is there
			return book.save()
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			book := bookOf(b, clients, c.dir)
			b.ReportAllocs()
			for b.Loop() {
				if err := c.do(book); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
