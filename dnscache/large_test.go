package dnscache

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"testing"
	"time"
)

// A large history is made of its keys, because filing takes longer than all that is
// then measured: of so many names, each asked by largeClients clients, largeTimes times each,
// five minutes apart; three names in a row share an address.
const (
	largeClients = 20
	largeTimes   = 10
	largeShared  = 3
	largeBegan   = int64(1_790_000_000e9)
)

func largeName(i int) string { return fmt.Sprintf("h%08d.large.example", i) }

func largeAddr(i int) netip.Addr {
	return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, 198<<24|16<<16+uint32(i/largeShared))))
}

func largeClient(i, k int) netip.Addr {
	return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, 10<<24+uint32(k)*50_000+uint32(i/largeShared%50_000))))
}

func largeTime(k, n int) int64 { return largeBegan + int64(n)*300e9 + int64(k)*10e9 }

// A largeWriter writes keys in their order.
type largeWriter struct {
	t       *testing.T
	s       *store
	b       []byte
	entries []entry
	filed   uint32
}

func (w *largeWriter) add(key func([]byte) []byte, value []byte) {
	at := len(w.b)
	w.b = key(w.b)
	end := len(w.b)
	w.b = append(w.b, value...)
	w.entries = append(w.entries, entry{key: w.b[at:end:end], value: w.b[end:len(w.b):len(w.b)], filed: w.filed, lives: 10 * 365 * 24 * 3600})
	if len(w.entries) == 1<<17 {
		w.flush()
	}
}

func (w *largeWriter) flush() {
	if err := w.s.write(w.entries); err != nil {
		w.t.Fatal(err)
	}
	w.b, w.entries = make([]byte, 0, len(w.b)+1<<16), w.entries[:0]
}

// TestMakeLargeHistory makes a history of LARGE_VERSIONS versions in the directory
// LARGE_HISTORY, for TestHuntScale of cmd/flowname/hunt; else a small one, and reads it.
func TestMakeLargeHistory(t *testing.T) {
	dir, versions := os.Getenv("LARGE_HISTORY"), 20_000
	if dir == "" {
		dir = t.TempDir()
	} else if n, err := strconv.Atoi(os.Getenv("LARGE_VERSIONS")); err == nil {
		versions = n
	}
	names := versions / largeClients / largeTimes
	c, err := Open(Config{Dir: dir, Retention: 10 * 365 * 24 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	if err := c.Close(begun.UnixNano()); err != nil {
		t.Fatal(err)
	}
	s, err := openStore(dir, minBlockCache, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.version++
	w := &largeWriter{t: t, s: s, filed: uint32(begun.Unix())}
	value := func(at int64) []byte {
		return appendValue(nil, &run{first: at, last: at + 2e9, count: 2, ttl: 60, source: SourceDnstap})
	}
	for i := range names { // what any client had
		for n := largeTimes - 1; n >= 0; n-- {
			at := largeTime(0, n)
			w.add(func(b []byte) []byte {
				return appendRun(appendPrefix(b, ip{}, ipOf(largeAddr(i)), true), largeName(i), at)
			}, value(at))
		}
	}
	for i := range names {
		for k := range largeClients {
			w.add(func(b []byte) []byte {
				return appendNameKey(b, largeName(i), ipOf(largeClient(i, k)), ipOf(largeAddr(i)))
			}, nil)
		}
	}
	for first := 0; first < names; first += largeShared {
		for k := range largeClients {
			for i := first; i < min(first+largeShared, names); i++ {
				for n := largeTimes - 1; n >= 0; n-- {
					at := largeTime(k, n)
					w.add(func(b []byte) []byte {
						return appendRun(appendPrefix(b, ipOf(largeClient(i, k)), ipOf(largeAddr(i)), false), largeName(i), at)
					}, value(at))
				}
			}
		}
	}
	w.flush()
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d versions of %d names in %v", names*largeClients*largeTimes, names, time.Since(begun).Round(time.Millisecond))
	h, err := OpenHistory(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	for _, i := range []int{0, names / 2, names - 1} {
		rows, count := 0, uint64(0)
		err := h.History(t.Context(), Query{Name: largeName(i)}, func(r Row) bool {
			rows, count = rows+1, count+r.Count
			return true
		})
		if err != nil || rows != largeClients || count != 2*largeClients*largeTimes {
			t.Errorf("%s: got %d rows of %d answers, %v", largeName(i), rows, count, err)
		}
	}
}
