package geo

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/maxmind/mmdbwriter/mmdbtype"
)

// TestCursorSaysWhatReaderSays asks for more places than a cursor remembers, and
// for addresses without any.
func TestCursorSaysWhatReaderSays(t *testing.T) {
	asn := testDB{kind: "GeoLite2-ASN", records: map[string]mmdbtype.DataType{}}
	city := testDB{kind: "flat", records: map[string]mmdbtype.DataType{}}
	for i := range maxPlaces + 4000 {
		cidr := fmt.Sprintf("20.%d.%d.0/24", i>>8, i&255)
		asn.records[cidr] = record("autonomous_system_number", 1+i, "autonomous_system_organization", fmt.Sprint("Organisation ", i))
		city.records[cidr] = record("country_code", "DE", "city", fmt.Sprint("City ", i))
	}
	r := mustNew(t, asn.file(t), city.file(t))
	c := r.NewCursor()
	rng := rand.New(rand.NewPCG(5, 6))
	for range 500_000 {
		a := netip.AddrFrom4([4]byte{20, byte(rng.IntN(150)), byte(rng.IntN(256)), byte(rng.IntN(2))})
		var got, want Info
		if found := c.Lookup(&got, a); found != r.Lookup(&want, a) || got != want {
			t.Fatalf("%v: got %+v, want %+v", a, got, want)
		}
	}
}
