package geo

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/maxmind/mmdbwriter/mmdbtype"
)

var (
	inside  = netip.MustParseAddr("1.2.3.4")
	outside = netip.MustParseAddr("9.9.9.9")
)

// lookUps are the two ways to look up, which have to agree.
func lookUps(r *Reader) map[string]func(*Info, netip.Addr) bool {
	return map[string]func(*Info, netip.Addr) bool{"reader": r.Lookup, "cursor": r.NewCursor().Lookup}
}

func mustNew(t testing.TB, asnPath, geoPath string) *Reader {
	t.Helper()
	r, err := New(asnPath, geoPath)
	if err != nil {
		t.Fatalf("New(%q, %q): %v", asnPath, geoPath, err)
	}
	return r
}

func TestLookup(t *testing.T) {
	asn := asnDB(64500, "Example").file(t)
	city := cityDB("GB", "London").file(t)
	both := single("ipinfo lite", record("asn", "AS64501", "as_name", "Lite", "country_code", "US")).file(t)
	london := Info{Country: "GB", City: "London", Lat: 1.5, Lon: -2.5, HasLocation: true}
	withASN := london
	withASN.ASN, withASN.Org = 64500, "Example"
	lite := Info{ASN: 64501, Org: "Lite", Country: "US"}
	liteLondon := london
	liteLondon.ASN, liteLondon.Org = 64501, "Lite"
	tests := []struct {
		name, asn, geo string
		databases      int
		want           Info
	}{
		{"none", "", "", 0, Info{}},
		{"asn", asn, "", 1, Info{ASN: 64500, Org: "Example"}},
		{"geo", "", city, 1, london},
		{"both", asn, city, 2, withASN},
		{"one file for both", both, both, 1, lite},
		{"one file as asn", both, "", 1, lite},
		{"one file as geo", "", both, 1, lite},
		{"asn file with a country too", both, city, 2, liteLondon},
		{"geo file with an ASN too", asn, both, 2, Info{ASN: 64500, Org: "Example", Country: "US"}},
	}
	for _, tt := range tests {
		r := mustNew(t, tt.asn, tt.geo)
		if got := len(r.Databases()); got != tt.databases {
			t.Errorf("%s: %d databases, want %d", tt.name, got, tt.databases)
		}
		for way, lookup := range lookUps(r) {
			for range 2 { // the second time from the cache
				got := Info{Org: "old"}
				if found := lookup(&got, inside); got != tt.want || found != (tt.want != Info{}) {
					t.Errorf("%s, %s: %+v, found %v, want %+v", tt.name, way, got, found, tt.want)
				}
				for _, a := range []netip.Addr{outside, {}, netip.IPv6Unspecified(), netip.MustParseAddr("2001:db8::1")} {
					got = Info{Org: "old"}
					if lookup(&got, a) || got != (Info{}) {
						t.Errorf("%s, %s: %s gives %+v, want nothing", tt.name, way, a, got)
					}
				}
			}
		}
	}
}

func TestAddressForms(t *testing.T) {
	v4only := testDB{kind: "GeoLite2-ASN", ipVersion: 4, recordSize: 24, records: map[string]mmdbtype.DataType{
		"1.0.0.0/8": record("autonomous_system_number", 4)}}.file(t)
	dual := testDB{kind: "GeoLite2-ASN", recordSize: 32, records: map[string]mmdbtype.DataType{
		"1.0.0.0/8": record("autonomous_system_number", 4), "2001:db8::/32": record("autonomous_system_number", 6)}}.file(t)
	tests := []struct {
		path, addr string
		want       uint32
	}{
		{v4only, "1.2.3.4", 4}, {v4only, "::ffff:1.2.3.4", 4}, {v4only, "2001:db8::1", 0}, {v4only, "::1.2.3.4", 0},
		{v4only, "2002:102:304::", 0},
		{dual, "1.2.3.4", 4}, {dual, "::ffff:1.2.3.4", 4}, {dual, "2001:db8::1", 6}, {dual, "fe80::1%eth0", 0},
		{dual, "2001:db8::1%eth0", 6},
		{dual, "2002:102:304::1", 4}, // its own alias for 6to4
	}
	for _, tt := range tests {
		r := mustNew(t, tt.path, "")
		for way, lookup := range lookUps(r) {
			var got Info
			lookup(&got, netip.MustParseAddr(tt.addr))
			if got.ASN != tt.want {
				t.Errorf("%s: %s gives AS%d, want AS%d", way, tt.addr, got.ASN, tt.want)
			}
		}
		if st := r.Stats(); st != (Stats{}) {
			t.Errorf("%s: stats %+v, want zeroes: not found is no error", tt.addr, st)
		}
	}
}

func TestNewErrors(t *testing.T) {
	asn := asnDB(1, "One").file(t)
	country := single("x", record("country_code", "US")).file(t)
	tests := []struct {
		name, asn, geo string
		want           error
		says           string
	}{
		{"swapped", country, asn, ErrWrongFacts, `type "x" holds country; wanted here is a database with ASN`},
		{"country as asn", country, "", ErrWrongFacts, "with ASN"},
		{"asn as geo", "", asn, ErrWrongFacts, "with country, city, location"},
		{"asn as both", asn, asn, ErrWrongFacts, "with country"},
		{"country as both", country, country, ErrWrongFacts, "with ASN"},
		{"absent", "absent.mmdb", "", os.ErrNotExist, "absent.mmdb"},
	}
	for _, tt := range tests {
		r, err := New(tt.asn, tt.geo)
		if r != nil || !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: New = %v, %v, want one line of %v with %q", tt.name, r, err, tt.want, tt.says)
		}
	}
}

func TestReload(t *testing.T) {
	asn := asnDB(1, "One").file(t)
	geo := cityDB("GB", "London").file(t)
	r := mustNew(t, asn, geo)
	c := r.NewCursor()
	expect := func(step string, changed, wantErr bool, want Info, st Stats) {
		t.Helper()
		if got := r.Changed(); got != (changed || wantErr) {
			t.Errorf("%s: Changed = %v, want %v", step, got, changed || wantErr)
		}
		got, err := r.Reload()
		if got != changed || (err != nil) != wantErr {
			t.Errorf("%s: Reload = %v, %v, want %v, error %v", step, got, err, changed, wantErr)
		}
		if r.Changed() {
			t.Errorf("%s: Changed after the reload", step)
		}
		var a, b Info
		r.Lookup(&a, inside)
		c.Lookup(&b, inside)
		a.Lat, a.Lon, a.HasLocation, b.Lat, b.Lon, b.HasLocation = 0, 0, false, 0, 0, false
		if a != want || b != want {
			t.Errorf("%s: reader %+v, cursor %+v, want %+v", step, a, b, want)
		}
		if got := r.Stats(); got != st {
			t.Errorf("%s: stats %+v, want %+v", step, got, st)
		}
	}
	expect("nothing new", false, false, Info{1, "One", "GB", "London", 0, 0, false}, Stats{})
	replace(t, asn, asnDB(2, "Two").bytes(t))
	expect("new asn file", true, false, Info{2, "Two", "GB", "London", 0, 0, false}, Stats{Reloads: 1})
	replace(t, asn, asnDB(3, "Three").bytes(t)[:100])
	expect("damaged asn file", false, true, Info{2, "Two", "GB", "London", 0, 0, false}, Stats{Reloads: 1, Refused: 1})
	replace(t, asn, single("x", record("country_code", "US")).bytes(t))
	expect("asn file without ASNs", false, true, Info{2, "Two", "GB", "London", 0, 0, false}, Stats{Reloads: 1, Refused: 2})
	replace(t, geo, cityDB("FR", "Paris").bytes(t))
	if changed, err := r.Reload(); !changed || err == nil {
		t.Errorf("one good file, one bad: Reload = %v, %v, want both", changed, err)
	}
	replace(t, asn, asnDB(4, "Four").bytes(t))
	expect("good again", true, false, Info{4, "Four", "FR", "Paris", 0, 0, false}, Stats{Reloads: 3, Refused: 3})
	if err := os.Remove(asn); err != nil {
		t.Fatal(err)
	}
	if r.Changed() {
		t.Error("a missing file counts as changed")
	}
	if changed, err := r.Reload(); changed || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: Reload = %v, %v, want an error", changed, err)
	}
}

func TestReloadOneFileForBoth(t *testing.T) {
	path := single("x", record("asn", "AS1", "country_code", "US")).file(t)
	r := mustNew(t, path, path)
	replace(t, path, asnDB(2, "no country").bytes(t))
	if changed, err := r.Reload(); changed || !errors.Is(err, ErrWrongFacts) {
		t.Errorf("Reload = %v, %v, want ErrWrongFacts", changed, err)
	}
	replace(t, path, single("x", record("asn", "AS3", "country_code", "DE")).bytes(t))
	if changed, err := r.Reload(); !changed || err != nil {
		t.Errorf("Reload = %v, %v, want a change", changed, err)
	}
	var got Info
	if r.Lookup(&got, inside); got.ASN != 3 || got.Country != "DE" {
		t.Errorf("after the reload %+v, want AS3 in DE", got)
	}
}

// Look-ups go on while files are replaced, and never see half of a set.
func TestReloadUnderLookups(t *testing.T) {
	variants := [][]byte{cityDB("GB", "London").bytes(t), cityDB("FR", "Paris").bytes(t), []byte("bad")}
	path := cityDB("GB", "London").file(t)
	r := mustNew(t, "", path)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for i := range 4 {
		lookup := r.Lookup
		if i%2 == 0 {
			lookup = r.NewCursor().Lookup
		}
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				var got Info
				if !lookup(&got, inside) || got.Country+got.City != "GBLondon" && got.Country+got.City != "FRParis" {
					t.Errorf("%+v, want London or Paris", got)
					return
				}
			}
		})
	}
	for i := range 60 {
		replace(t, path, variants[i%len(variants)])
		if _, err := r.Reload(); (err != nil) != (i%len(variants) == 2) {
			t.Errorf("reload %d: %v", i, err)
		}
	}
	close(stop)
	wg.Wait()
	if st := r.Stats(); st.Reloads != 40 || st.Refused != 20 || st.Damaged != 0 {
		t.Errorf("stats %+v, want 40 reloads and 20 refused", st)
	}
}

// A database that is damaged where the survey does not look opens, and its
// look-ups there are counted and find nothing.
func TestDamagedPart(t *testing.T) {
	db := testDB{kind: "GeoLite2-ASN", recordSize: 24, records: map[string]mmdbtype.DataType{}}
	for i := range 5000 {
		cidr := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i)}), 24).String()
		db.records[cidr] = record("autonomous_system_number", 1+i%7)
	}
	db.records["10.99.0.0/24"] = record("autonomous_system_organization", "damage me")
	whole := db.bytes(t)
	good, err := parse("x", whole)
	if err != nil {
		t.Fatal(err)
	}
	victim, beside := netip.MustParseAddr("10.99.0.1"), netip.MustParseAddr("10.3.3.3")

	// A pointer to beyond the end in place of the text.
	inRecord := bytes.Clone(whole)
	inRecord[bytes.Index(whole, []byte("damage me"))-1] = 0x3f
	// The same in the tree, in place of the record's address.
	inTree := bytes.Clone(whole)
	f, _ := good.find(victim)
	n := int(good.tree.Metadata.NodeCount)
	at := bytes.Index(inTree[:6*n], big24(n+separator+int(f.record)-1))
	copy(inTree[at:], big24(1<<24-1))

	for name, content := range map[string][]byte{"record": inRecord, "tree": inTree} {
		path := db.file(t)
		replace(t, path, content)
		r := mustNew(t, path, "")
		for way, lookup := range lookUps(r) {
			before := r.Stats().Damaged
			var got Info
			for range 3 {
				if lookup(&got, victim) || got != (Info{}) {
					t.Errorf("%s, %s: the damaged part gives %+v", name, way, got)
				}
			}
			want := map[string]uint64{"reader": 3, "cursor": 1}[way]
			if n := r.Stats().Damaged - before; n != want {
				t.Errorf("%s, %s: %d damaged, want %d", name, way, n, want)
			}
			if !lookup(&got, beside) || got.ASN == 0 {
				t.Errorf("%s, %s: %s, which is not damaged, gives %+v", name, way, beside, got)
			}
		}
	}
}

func big24(n int) []byte { return []byte{byte(n >> 16), byte(n >> 8), byte(n)} }

// A cursor agrees with the reader when networks fall on the same place, when they
// are longer than those that it remembers, and for all kinds of trees.
func TestCursorPlaces(t *testing.T) {
	ipv4 := testDB{kind: "x", ipVersion: 4, records: map[string]mmdbtype.DataType{}}
	both := testDB{kind: "y", records: map[string]mmdbtype.DataType{}}
	only6 := testDB{kind: "z", records: map[string]mmdbtype.DataType{"2000::/3": record("country_code", "DE")}}
	for i := range 200 {
		first := byte(i)
		for _, bits := range []int{8, 20, 24, 25, 31, 32} {
			cidr := netip.PrefixFrom(netip.AddrFrom4([4]byte{first, first, first, first}), bits).Masked().String()
			ipv4.records[cidr] = record("asn", i*40+bits)
			both.records[cidr] = record("country_code", "FR", "city", cidr)
		}
		for _, bits := range []int{16, 47, 48, 49, 64, 127, 128} {
			cidr := netip.PrefixFrom(netip.AddrFrom16([16]byte{0x26, first, 7: first, 15: first}), bits).Masked().String()
			both.records[cidr] = record("city", cidr)
		}
	}
	v4, v46, v6 := ipv4.file(t), both.file(t), only6.file(t)
	rng := rand.New(rand.NewPCG(7, 8))
	near := func() byte { return byte(rng.IntN(3)) }
	for _, files := range [][2]string{{v4, ""}, {v4, v46}, {v4, v6}, {"", v46}, {"", v6}} {
		r := mustNew(t, files[0], files[1])
		c := r.NewCursor()
		for range 300_000 {
			k := byte(rng.IntN(220))
			a := netip.AddrFrom4([4]byte{k, k + near(), k + near(), k + near()})
			switch rng.IntN(3) {
			case 0:
				a = netip.AddrFrom16([16]byte{0x26, k, 4: near(), 5: near(), 7: k, 8: near(), 15: k + near()})
			case 1:
				a = netip.AddrFrom16(a.As16())
			}
			var want, got Info
			if r.Lookup(&want, a) != c.Lookup(&got, a) || got != want {
				t.Fatalf("%v, %s: cursor %+v, reader %+v", files, a, got, want)
			}
		}
	}
}

// Places that are equal have one ID, and others another one, also after a cursor
// had to forget and after a reload.
func TestPlaceIDs(t *testing.T) {
	path := asnDB(1, "One").file(t)
	r := mustNew(t, path, "")
	a, b := r.NewCursor(), r.NewCursor()
	one := a.Place(inside)
	if one == nil || one.ID == 0 || a.Place(inside).ID != one.ID {
		t.Fatalf("%+v, and then %+v", one, a.Place(inside))
	}
	if a.Place(outside) != nil {
		t.Errorf("%+v of an unknown address", a.Place(outside))
	}
	if other := b.Place(inside); other.ID == one.ID || other.Info != one.Info {
		t.Errorf("%+v of another cursor, %+v of the first", other, one)
	}
	replace(t, path, asnDB(2, "Two").bytes(t))
	if _, err := r.Reload(); err != nil {
		t.Fatal(err)
	}
	two := a.Place(inside)
	if two.ID == one.ID || two.ASN != 2 || one.ASN != 1 {
		t.Errorf("after a reload %+v, before %+v", two, one)
	}
}
