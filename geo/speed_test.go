package geo

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/maxmind/mmdbwriter/mmdbtype"
)

// Look-ups allocate nothing, whether an address is remembered or not, known or
// not.
func TestNoAllocations(t *testing.T) {
	r := mustNew(t, asnDB(64500, "Example").file(t), cityDB("GB", "London").file(t))
	c := r.NewCursor()
	var got Info
	var next uint32
	for name, f := range map[string]func(){
		"reader":             func() { r.Lookup(&got, inside) },
		"reader, unknown":    func() { r.Lookup(&got, outside) },
		"cursor, remembered": func() { c.Lookup(&got, inside) },
		"cursor, unknown":    func() { c.Lookup(&got, outside) },
		"cursor, never the same": func() {
			next++
			c.Lookup(&got, netip.AddrFrom4([4]byte{1, byte(next >> 16), byte(next >> 8), byte(next)}))
		},
	} {
		if n := testing.AllocsPerRun(1000, f); n != 0 {
			t.Errorf("%s: %v allocations, want 0", name, n)
		}
	}
}

// benchReader has databases of 60,000 networks of 11 to 24 bits, 5,000 systems
// and 20,000 cities with names in eight languages.
func benchReader(b *testing.B) *Reader {
	b.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	asn := testDB{kind: "GeoLite2-ASN", records: map[string]mmdbtype.DataType{}}
	city := testDB{kind: "GeoLite2-City", records: map[string]mmdbtype.DataType{}}
	for range 60000 {
		cidr := netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(1 + rng.IntN(220)), byte(rng.IntN(256)), byte(rng.IntN(256))}), 11+rng.IntN(14)).Masked().String()
		n, place := rng.IntN(5000), rng.IntN(20000)
		asn.records[cidr] = record("autonomous_system_number", 1+n, "autonomous_system_organization", fmt.Sprintf("Organisation %d", n))
		names := mmdbtype.Map{}
		for _, l := range []mmdbtype.String{"de", "en", "es", "fr", "ja", "pt-BR", "ru", "zh-CN"} {
			names[l] = mmdbtype.String(fmt.Sprintf("City %d in %s", place, l))
		}
		country := record("geoname_id", place%200, "iso_code", string([]byte{'A' + byte(place%26), 'A' + byte(place/26%26)}), "names", names)
		city.records[cidr] = record("city", record("geoname_id", place, "names", names), "continent", record("code", "EU", "names", names),
			"country", country, "registered_country", country,
			"location", record("accuracy_radius", 20, "latitude", float64(place%90), "longitude", float64(place%180), "time_zone", "Europe/London"),
			"postal", record("code", fmt.Sprint(place)), "subdivisions", mmdbtype.Slice{record("iso_code", "X", "names", names)})
	}
	return mustNew(b, asn.file(b), city.file(b))
}

// BenchmarkLookup is one address in an ASN and a city database. "spread" is
// addresses that seldom come again, "flows" the 80:20 of traffic: four of five
// look-ups go to 2,000 addresses; "popular" is those alone. "struct" is
// maxminddb's own decoder, for comparison.
func BenchmarkLookup(b *testing.B) {
	r := benchReader(b)
	rng := rand.New(rand.NewPCG(3, 4))
	address := func() netip.Addr {
		return netip.AddrFrom4([4]byte{byte(1 + rng.IntN(220)), byte(rng.IntN(256)), byte(rng.IntN(256)), byte(rng.IntN(256))})
	}
	spread := make([]netip.Addr, 1<<20)
	flows := make([]netip.Addr, 1<<20)
	repeated := make([]netip.Addr, 1<<20)
	popular := make([]netip.Addr, 2000)
	for i := range popular {
		popular[i] = address()
	}
	for i := range spread {
		spread[i], flows[i], repeated[i] = address(), address(), popular[i%len(popular)]
		if i%5 != 0 {
			flows[i] = popular[rng.IntN(len(popular))]
		}
	}
	run := func(name string, lookup func(*Info, netip.Addr) bool, addrs []netip.Addr) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var info Info
			found := 0
			for i := range b.N {
				if lookup(&info, addrs[i&(1<<20-1)]) {
					found++
				}
			}
			b.ReportMetric(float64(found)/float64(b.N), "found/op")
		})
	}
	run("reader/spread", r.Lookup, spread)
	run("reader/flows", r.Lookup, flows)
	run("cursor/spread", r.NewCursor().Lookup, spread)
	run("cursor/flows", r.NewCursor().Lookup, flows)
	run("cursor/popular", r.NewCursor().Lookup, repeated)
	run("struct/spread", structLookup(b, r), spread)
}

// structLookup is the plain way: maxminddb's decoding into structs.
func structLookup(b *testing.B, r *Reader) func(*Info, netip.Addr) bool {
	s := r.current.Load()
	return func(dst *Info, addr netip.Addr) bool {
		var asn struct {
			Number uint32 `maxminddb:"autonomous_system_number"`
			Org    string `maxminddb:"autonomous_system_organization"`
		}
		var city struct {
			Country struct {
				Code string `maxminddb:"iso_code"`
			} `maxminddb:"country"`
			City struct {
				Names struct {
					English string `maxminddb:"en"`
				} `maxminddb:"names"`
			} `maxminddb:"city"`
			Location struct {
				Lat float64 `maxminddb:"latitude"`
				Lon float64 `maxminddb:"longitude"`
			} `maxminddb:"location"`
		}
		if err := s.asn.tree.Lookup(addr).Decode(&asn); err != nil {
			b.Fatal(err)
		}
		if err := s.geo.tree.Lookup(addr).Decode(&city); err != nil {
			b.Fatal(err)
		}
		*dst = Info{asn.Number, asn.Org, city.Country.Code, city.City.Names.English, city.Location.Lat, city.Location.Lon, true}
		return asn.Number != 0
	}
}

// BenchmarkRecord is the reading of one city record.
func BenchmarkRecord(b *testing.B) {
	db := benchReader(b).current.Load().geo
	f, _ := db.find(netip.MustParseAddr("100.100.100.100"))
	if f.record == 0 {
		b.Fatal("no record")
	}
	b.ReportAllocs()
	var info Info
	for b.Loop() {
		if f := readRecord(&info, db.data, int(f.record)-1); f != 0 {
			b.Fatal(f)
		}
	}
}
