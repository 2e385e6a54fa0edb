package netflow

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// learned is a decoder that has something of all that is saved.
func learned(t testing.TB) *Decoder {
	d := NewDecoder(Config{})
	for i := range uint32(50) { // a clock that is known well
		ms := i * 1104
		d.AppendRecords(nil, v9(exportSecs+ms/1000, 90_321+ms, set(0, tmpl(256, 22, 4, 21, 4)), set(256, u32(90_000+ms), u32(90_001+ms))), router, 1e9)
	}
	for _, m := range [][]byte{
		ipfix(set(2, proto1, proto7), set(3, append(fields(300, 2, 1), fields(143, 4, 34, 4)...)), set(300, u32(1), u32(512)), set(256, []byte{6})),
		ipfix(set(3, append(fields(301, 2, 1), fields(143, 4, 160, 8)...)), set(301, u32(1), u64(exportSecs*1000))),
		v9(exportSecs, 77, set(0, fields(257, 1, 27, 16))),
	} {
		if _, err := d.AppendRecords(nil, m, onPort(7), 2e9); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// TestStateComesBack saves and restores: the same state comes out again, and
// data is read at once, with the clock's error as before.
func TestStateComesBack(t *testing.T) {
	d := learned(t)
	state := d.AppendState(nil, false)
	again := NewDecoder(Config{})
	if err := again.Restore(state, 3e9); err != nil {
		t.Fatal(err)
	}
	if got := again.AppendState(nil, true); !cmp.Equal(got, state) {
		t.Errorf("saved again: %d bytes, want the same %d", len(got), len(state))
	}
	if got := again.AppendState(nil, false); len(got) != stateHeader {
		t.Errorf("without the unheard: %d bytes, want none but the header", len(got))
	}
	if s := again.Stats(); s.TemplatesRestored != 6 || s.TemplatesLearned != 0 {
		t.Errorf("got %+v", s)
	}
	recs, err := again.AppendRecords(nil, v9(exportSecs+60, 150_321, set(256, u32(150_000), u32(150_001))), router, 4e9)
	if err != nil || len(recs) != 1 || recs[0].StartErrorNs != fineErrorNs {
		t.Errorf("v9: %v, %v", recs, err)
	}
	recs, err = again.AppendRecords(nil, ipfix(set(256, []byte{6})), onPort(7), 4e9)
	if err != nil || len(recs) != 1 || recs[0].SamplingRate != 512 {
		t.Errorf("IPFIX: %v, %v", recs, err)
	}
}

// TestStateOfSeveral restores the states of two decoders that know the same
// domain: the one that was heard last counts, whichever comes first.
func TestStateOfSeveral(t *testing.T) {
	one, two := NewDecoder(Config{}), NewDecoder(Config{})
	one.AppendRecords(nil, ipfix(set(2, tmpl(256, 5, 1))), router, 1e9)
	two.AppendRecords(nil, ipfix(set(2, proto1)), router, 2e9)
	a, b := one.AppendState(nil, true), two.AppendState(nil, true)
	for _, state := range [][]byte{slices.Concat(a, b), slices.Concat(b, a)} {
		d := NewDecoder(Config{})
		if err := d.Restore(state, 3e9); err != nil {
			t.Fatal(err)
		}
		if recs, err := d.AppendRecords(nil, ipfix(set(256, []byte{6})), router, 3e9); err != nil || string(protos(recs)) != "\x06" {
			t.Errorf("got %x, %v", protos(recs), err)
		}
	}
}

// TestStateOldAndRefused leaves out what is too old and what does not fit.
func TestStateOldAndRefused(t *testing.T) {
	state := learned(t).AppendState(nil, true)
	for _, tt := range []struct {
		name  string
		cfg   Config
		nowNs int64
		want  uint64
	}{
		{"today", Config{}, 3e9, 6},
		{"after a week", Config{}, 3e9 + maxStateAgeNs, 0},
		{"clock set back", Config{}, 1, 6},
		{"narrow templates only", Config{MaxFields: 1}, 3e9, 2},
		{"few templates", Config{MaxTemplatesPerDomain: 1}, 3e9, 3},
	} {
		d := NewDecoder(tt.cfg)
		if err := d.Restore(state, tt.nowNs); err != nil || d.Stats().TemplatesRestored != tt.want {
			t.Errorf("%s: %v, %d templates, want %d", tt.name, err, d.Stats().TemplatesRestored, tt.want)
		}
	}
}

// seal makes a state of a body.
func seal(body []byte) []byte {
	b := append([]byte(stateMagic), stateVersion)
	b = binary.BigEndian.AppendUint32(b, uint32(len(body)))
	return append(binary.BigEndian.AppendUint32(b, crc32.Checksum(body, castagnoli)), body...)
}

// TestStateDamaged refuses whatever is not whole, and takes nothing of it; it
// skips kinds that it does not know.
func TestStateDamaged(t *testing.T) {
	state := learned(t).AppendState(nil, true)
	rng := rand.New(rand.NewPCG(1, 2))
	broken := [][]byte{[]byte("foreign"), []byte("{\"json\": true, \"of\": \"something else\"}"), state[:len(state)-1], append(slices.Clone(state), 1)}
	for range 200 {
		b := slices.Clone(state)
		b[rng.IntN(len(b))] ^= byte(1 << rng.IntN(8))
		broken = append(broken, b)
	}
	key := append([]byte{stateKey, 12}, 0, 10, 0, 0, 0, 7, 0, 9, 192, 0, 2, 1)
	domain := func(parts ...[]byte) []byte { return appendBytes(nil, slices.Concat(parts...)) }
	broken = append(broken, seal(domain([]byte{99, 0})), seal(domain(key, key)), seal(domain([]byte{stateKey, 3, 0, 10, 0})),
		seal(domain(key, []byte{4, 1, 1})), seal([]byte{200}), seal(domain([]byte{0x80})), seal(domain(key, []byte{2, 99})))
	for i, b := range broken {
		d := NewDecoder(Config{})
		if err := d.Restore(b, 3e9); !errors.Is(err, ErrState) || len(d.store.domains) != 0 {
			t.Errorf("case %d: %v, %d domains", i, err, len(d.store.domains))
		}
	}
	d := NewDecoder(Config{})
	if err := d.Restore(seal(domain(key, []byte{99, 3, 1, 2, 3})), 3e9); err != nil || len(d.store.domains) != 1 {
		t.Errorf("unknown kind: %v", err)
	}
}

// FuzzRestore takes bytes as the body of a state: a decoder that took it has to
// be whole, and what it saves has to come back.
func FuzzRestore(f *testing.F) {
	state := learned(f).AppendState(nil, true)
	f.Add(state[stateHeader:], frame(seeds(f)[1]))
	f.Add([]byte{}, []byte{})
	cfg := Config{MaxTemplates: 6, MaxTemplatesPerDomain: 4, MaxFields: 64, MaxExporters: 3, MaxRecords: 500}
	f.Fuzz(func(t *testing.T, body, input []byte) {
		d := NewDecoder(cfg)
		err := d.Restore(seal(body), exportSecs*1e9)
		if err != nil && !errors.Is(err, ErrState) {
			t.Fatal(err)
		}
		if err := checkStore(&d.store, cfg); err != nil {
			t.Fatal(err)
		}
		var bytes uint64
		for len(input) >= 2 {
			n := min(int(binary.BigEndian.Uint16(input)), len(input)-2)
			recs, _ := d.AppendRecords(nil, input[2:2+n], router, exportSecs*1e9)
			checkRecords(t, recs, cfg)
			bytes += uint64(n)
			input = input[2+n:]
		}
		if err := checkAccounts(d, bytes); err != nil {
			t.Fatal(err)
		}
		if err := NewDecoder(cfg).Restore(d.AppendState(nil, true), exportSecs*1e9); err != nil {
			t.Fatal(err)
		}
	})
}
