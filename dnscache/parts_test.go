package dnscache

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// TestSlots drives the table against a map, with hashes that collide a lot.
func TestSlots(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var table slots
	hashes := map[uint32]uint64{}
	hashOf := func(i uint32) uint64 { return hashes[i] }
	for step := range 20_000 {
		item := uint32(rnd.IntN(500) + 1)
		if h, ok := hashes[item]; ok {
			table.remove(h, item, hashOf)
			delete(hashes, item)
		} else {
			hashes[item] = rnd.Uint64N(64) | rnd.Uint64N(4)<<52
			table.insert(hashes[item], item, hashOf)
		}
		if table.n != len(hashes) {
			t.Fatalf("step %d: %d items, want %d", step, table.n, len(hashes))
		}
		if step%100 != 0 {
			continue
		}
		for i := uint32(1); i <= 500; i++ {
			h, want := hashes[i]
			got, pos := table.seek(h, h)
			for got != 0 && got != i {
				got, pos = table.seek(h, pos+1)
			}
			if want != (got == i) {
				t.Fatalf("step %d: item %d found: %v, want %v", step, i, got == i, want)
			}
		}
	}
	table.remove(12345, 1, hashOf) // not there
}

// TestNames takes and releases names until chunks have been copied out of; old
// strings must not change.
func TestNames(t *testing.T) {
	var n names
	n.init(newHasher(1))
	rnd := rand.New(rand.NewPCG(3, 4))
	ids := map[string]uint32{}
	strs := map[string]string{} // text -> string given by get, kept past its release
	for range 60_000 {
		text := fmt.Sprintf("%d.%s.example", rnd.IntN(3000), strings.Repeat("x", rnd.IntN(60)))
		if id, ok := ids[text]; ok {
			if got := n.get(id); got != text {
				t.Fatalf("get(%d) = %q, want %q", id, got, text)
			}
			n.release(id)
			delete(ids, text)
			continue
		}
		id := n.intern([]byte(text))
		n.retain(id)
		n.release(id)
		ids[text] = id
		strs[text] = n.get(id)
	}
	for want, got := range strs {
		if got != want {
			t.Fatalf("a string changed from %q to %q", want, got)
		}
	}
	for text, id := range ids {
		if got := n.intern([]byte(text)); got != id {
			t.Fatalf("intern(%q) = %d, was %d", text, got, id)
		}
		n.release(id)
		n.release(id)
	}
	count, size := n.size()
	if most := 1 << nameShardBits * 2 * nameChunk; count != 0 || size > most {
		t.Errorf("all released: %d names, %d bytes, want 0 and at most %d", count, size, most)
	}
	if n.get(0) != "" || n.intern(nil) != 0 {
		t.Error("number 0 is not the empty name")
	}
}

func TestFilter(t *testing.T) {
	f := newFilter()
	f.parts.Store(&[]*filterPart{newFilterPart(1 << 12)}) // small, to see it grow
	rnd := rand.New(rand.NewPCG(5, 6))
	const n = 700_000
	added := make([]uint64, n)
	again := 0
	for i := range added {
		added[i] = rnd.Uint64()
		if f.add(added[i]) {
			again++
		}
	}
	for _, h := range added {
		if !f.mayHold(h) {
			t.Fatalf("%x was added", h)
		}
	}
	wrong := 0
	for range n {
		if f.mayHold(rnd.Uint64()) {
			wrong++
		}
	}
	if wrong > n/25 || again > n/25 {
		t.Errorf("%d wrong answers in %d, %d while filling", wrong, n, again)
	}
	if parts := len(*f.parts.Load()); parts < 3 {
		t.Errorf("%d parts: it did not grow", parts)
	}
	f.open.Store(true)
	if !f.mayHold(0) {
		t.Error("an open filter says no")
	}
}

func TestEventClock(t *testing.T) {
	year := 365 * 24 * 3600 * sec
	tests := []struct {
		name  string
		ticks []int64
		want  int64
	}{
		{"first", []int64{5}, 5},
		{"forward", []int64{5, 7, 6}, 7},
		{"not back", []int64{7, 5}, 7},
		{"one from the future", []int64{5, 50 * year, 6}, 6},
		{"many from the past", append([]int64{50 * year}, repeat(7, clockDoubts)...), 7},
		{"not enough", append([]int64{50 * year}, repeat(7, clockDoubts-1)...), 50 * year},
		{"far in different places", append(repeat(7, 1), mixed(clockDoubts*4, year)...), 7},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var c eventClock
			for _, at := range tt.ticks {
				c.tick(at)
			}
			if got := c.now.Load(); got != tt.want {
				t.Errorf("after %v: %d, want %d", tt.ticks, got, tt.want)
			}
		})
	}
}

func repeat(at int64, n int) []int64 {
	list := make([]int64, n)
	for i := range list {
		list[i] = at
	}
	return list
}

func mixed(n int, step int64) []int64 {
	list := make([]int64, n)
	for i := range list {
		list[i] = int64(i%9+1) * step
	}
	return list
}

func TestLabels(t *testing.T) {
	for _, tt := range []struct{ name, want string }{
		{".", ""},
		{"org", "org|"},
		{"www.example.org", "org|example|www|"},
		{`a\.b.example`, `example|a\.b|`},
		{`a\\.b`, `b|a\\|`},
		{`\..x`, `x|\.|`},
	} {
		got := appendLabels(nil, tt.name)
		if s := string(bytes.ReplaceAll(got, []byte{1}, []byte("|"))); s != tt.want {
			t.Errorf("appendLabels(%q) = %q, want %q", tt.name, s, tt.want)
		}
		if back := readLabels(got); back != tt.name {
			t.Errorf("readLabels of %q = %q", tt.name, back)
		}
	}
}

func TestValidName(t *testing.T) {
	for name, want := range map[string]bool{
		".": true, "a": true, "a.b": true, `a\.b`: true, `a\..b`: true, `\\.b`: true, `a\032b`: true, "a b": true,
		"": false, "..": false, ".a": false, "a.": false, "a..b": false, `a\`: false, "a\x7f": false, "\xc3": false,
		strings.Repeat("x", maxName): true, strings.Repeat("x", maxName+1): false,
	} {
		if got := validName([]byte(name)); got != want {
			t.Errorf("validName(%.20q) = %v, want %v", name, got, want)
		}
	}
}

// FuzzRecords reads keys and values of any make, and writes what it read again.
func FuzzRecords(f *testing.F) {
	a, b := ipOf(alice), ipOf(server)
	f.Add(appendRun(appendPrefix(nil, a, b, false), "www.example.org", t0), appendValue(nil, &run{first: t0, last: t0 + 5, count: 2, ttl: 60}))
	f.Add(appendNameKey(nil, `x\.y.example`, a, b), state{1, 2, 3}.value())
	f.Add([]byte{kindPair}, []byte{0xff})
	f.Fuzz(func(t *testing.T, key, value []byte) {
		for _, prefix := range []int{othersPrefix, pairPrefix} {
			name, first, err := readRun(key, prefix)
			if err != nil {
				continue
			}
			if again := appendRun(bytes.Clone(key[:prefix]), string(name), first); !bytes.Equal(again, key) {
				t.Errorf("key %x read and written is %x", key, again)
			}
			x := run{first: first}
			if x.readValue(value) == nil && (x.last < x.first || x.last > addSat(x.first, maxRun)) {
				t.Errorf("value %x is a run from %d to %d", value, x.first, x.last)
			}
		}
		if name, client, addr, err := readNameKey(key); err == nil && validName([]byte(name)) && key[0] == kindName {
			again := appendNameKey(nil, name, client, addr)
			if n, c, a, err := readNameKey(again); err != nil || n != name || c != client || a != addr {
				t.Errorf("key %x is %q, written again %x", key, name, again)
			}
		}
		var st state
		if st.read(value) == nil && (st.began < 0 || st.newest < 0 || st.clock < 0) {
			t.Errorf("state %+v", st)
		}
	})
}

// FuzzCache files and asks for whatever the fuzzer makes.
func FuzzCache(f *testing.F) {
	f.Add([]byte("\x01\x02\x03\x04"), "www.example.org", int64(t0), int64(5), uint8(3))
	f.Fuzz(func(t *testing.T, addrs []byte, name string, at, delta int64, n uint8) {
		c, err := Open(Config{MaxVersions: 64, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		for i := range int(n) {
			r := Response{TimeNs: at + int64(i)*delta, Client: alice, Name: []byte(name)}
			for k := range addrs {
				r.Addrs = append(r.Addrs, Addr{netip.AddrFrom4([4]byte{1, 2, 3, addrs[k]}), uint32(delta)})
			}
			c.File(&r, at)
			got := c.AppendClient(nil, alice, server, at, delta, at)
			if len(got) > MaxMatches {
				t.Errorf("%d matches", len(got))
			}
		}
		checkInvariants(t, c)
	})
}

func TestSeconds(t *testing.T) {
	for _, tt := range []struct {
		ns   int64
		want uint32
	}{{-5 * sec, 0}, {0, 0}, {7*sec + 999, 7}, {int64(time.Hour) * 24 * 366 * 200, 1<<32 - 1}} {
		if got := toSeconds(tt.ns); got != tt.want {
			t.Errorf("toSeconds(%d) = %d, want %d", tt.ns, got, tt.want)
		}
	}
}
