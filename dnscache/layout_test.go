package dnscache

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// A layout is a way to lay answers out in keys and values, written straight into
// a store with its settings: what record.go does, and what was tried instead.
type layout struct {
	name string
	put  func(put func(key, value []byte), v *visit)
}

// A visit is one answer: the n-th time in a row that a client is given the address
// for the name, with all its answers until then.
type visit struct {
	client, addr ip
	name         string
	number       uint32 // of the name
	n            int
	first, at    int64 // of the row, of this answer
}

const visitEvery = int64(5 * time.Minute)

// compactIP is an address in four or sixteen bytes behind a byte that tells which.
func compactIP(b []byte, p ip) []byte {
	if p.hi == 0 && p.lo>>32 == 0xffff {
		return binary.BigEndian.AppendUint32(append(b, 4), uint32(p.lo))
	}
	return appendIP(append(b, 6), p)
}

func plainRun(v *visit) []byte {
	return appendValue(nil, &run{first: v.at, last: v.at, count: 1, ttl: 300, source: SourceDnstap})
}

// pageOf is the runs of a row up to its n-th, in one value.
func pageOf(v *visit) []byte {
	var b []byte
	for i := range v.n + 1 {
		b = append(binary.AppendUvarint(b, uint64(i)*uint64(visitEvery)), plainRun(v)...)
	}
	return b
}

func chainKey(kind byte, number func([]byte, *visit) []byte, address func([]byte, ip) []byte, v *visit, at int64) []byte {
	b := address([]byte{kind}, v.addr)
	if kind == kindPair {
		b = address(b, v.client)
	}
	return binary.BigEndian.AppendUint64(number(b, v), ^uint64(at))
}

func nameText(b []byte, v *visit) []byte   { return append(append(b, v.name...), 0) }
func nameNumber(b []byte, v *visit) []byte { return binary.BigEndian.AppendUint32(b, v.number) }

// runs is a layout of a key a run.
func runs(number func([]byte, *visit) []byte, address func([]byte, ip) []byte, others, names bool) func(func(key, value []byte), *visit) {
	return func(put func(key, value []byte), v *visit) {
		put(chainKey(kindPair, number, address, v, v.at), plainRun(v))
		if others {
			put(chainKey(kindOthers, number, address, v, v.at), plainRun(v))
		}
		if names && v.n == 0 {
			b := append(appendLabels([]byte{kindName}, v.name), 0)
			put(address(address(b, v.client), v.addr), nil)
		}
	}
}

func layouts() []layout {
	return []layout{
		{"record.go", runs(nameText, appendIP, true, true)},
		{"short addresses", runs(nameText, compactIP, true, true)},
		{"names by number", runs(nameNumber, appendIP, true, true)},
		{"both", runs(nameNumber, compactIP, true, true)},
		{"without a", runs(nameText, appendIP, false, true)},
		{"without n", runs(nameText, appendIP, true, false)},
		{"client first", func(put func(key, value []byte), v *visit) {
			runs(nameText, appendIP, true, true)(func(key, value []byte) {
				if key[0] == kindPair {
					for i := 1; i <= 16; i++ {
						key[i], key[i+16] = key[i+16], key[i]
					}
				}
				put(key, value)
			}, v)
		}},
		{"a run an hour", func(put func(key, value []byte), v *visit) { // of which only first and last are known
			h := *v
			h.at = v.first
			value := appendValue(nil, &run{first: 0, last: (v.at - v.first) % maxRun, count: uint64(v.n + 1), ttl: 300})
			put(chainKey(kindPair, nameText, appendIP, &h, h.at), value)
			put(chainKey(kindOthers, nameText, appendIP, &h, h.at), value)
			if v.n == 0 {
				put(appendNameKey(nil, v.name, v.client, v.addr), nil)
			}
		}},
		{"pages of runs", func(put func(key, value []byte), v *visit) {
			put(chainKey(kindPair, nameText, appendIP, v, v.first), pageOf(v))
			put(chainKey(kindOthers, nameText, appendIP, v, v.first), pageOf(v))
			if v.n == 0 {
				put(appendNameKey(nil, v.name, v.client, v.addr), nil)
			}
		}},
	}
}

// BenchmarkLayout writes answers in every layout, ten in a row of the same and all
// different, and tells bytes a version on disk and the processor time it took.
// LAYOUT_VERSIONS is how many.
func BenchmarkLayout(b *testing.B) {
	versions := 20_000
	if n := os.Getenv("LAYOUT_VERSIONS"); n != "" {
		if _, err := fmt.Sscan(n, &versions); err != nil {
			b.Fatal(err)
		}
	}
	for _, again := range []int{10, 1} {
		for _, l := range layouts() {
			b.Run(fmt.Sprintf("again=%d/%s", again, l.name), func(b *testing.B) {
				for b.Loop() {
					writeLayout(b, l, versions, again)
				}
			})
		}
	}
}

func writeLayout(b *testing.B, l layout, versions, again int) {
	dir := b.TempDir()
	s, err := openStore(dir, minBlockCache, nil)
	if err != nil {
		b.Fatal(err)
	}
	before, begun := layoutCPU(), time.Now()
	filed := uint32(begun.Unix())
	var entries []entry
	flush := func() {
		s.version++
		s.db.SetDiscardTs(s.version - 1)
		if err := s.write(entries); err != nil {
			b.Fatal(err)
		}
		entries = nil
	}
	s.version = uint64(begun.UnixNano())
	for i := range versions {
		v := visitOf(i, versions, again)
		l.put(func(key, value []byte) {
			entries = append(entries, entry{key: key, value: value, filed: filed, lives: 30 * 24 * 3600})
		}, &v)
		if i%37_500 == 0 {
			flush()
		}
	}
	flush()
	if err := s.close(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64((layoutCPU()-before).Nanoseconds())/float64(versions), "cpu-ns/version")
	b.ReportMetric(float64(dirBytes(b, dir))/float64(versions), "bytes/version")
	b.ReportMetric(0, "ns/op")
}

// visitOf is answer i of versions: 40 blocks of clients, each asking again.
func visitOf(i, versions, again int) visit {
	clients := max(1, versions/40/again)
	block, k := i/clients, i%clients
	row := block / again
	rnd := rand.New(rand.NewPCG(uint64(row), uint64(k)))
	server := uint64(rnd.IntN(max(1, versions/again/8)))
	v := visit{
		client: ip{0, 0xffff<<32 | 10<<24 | uint64(k)}, addr: ip{0, 0xffff<<32 | 100<<24 | server},
		number: uint32(server/4*8) + uint32(rnd.IntN(8)), n: block % again,
		first: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano() + int64(row*again)*visitEvery + int64(k)*visitEvery/int64(clients),
	}
	v.at = v.first + int64(v.n)*visitEvery
	v.name = fmt.Sprintf("www%d.site%d.example", v.number%8, v.number/8)
	return v
}

func layoutCPU() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func dirBytes(tb testing.TB, dir string) (total int64) {
	tb.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		tb.Fatal(err)
	}
	for _, e := range list {
		info, err := os.Stat(filepath.Join(dir, e.Name()))
		if err != nil {
			tb.Fatal(err)
		}
		total += info.Sys().(*syscall.Stat_t).Blocks * 512
	}
	return total
}
