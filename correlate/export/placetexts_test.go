package export

import (
	"fmt"
	"math"
	"testing"

	"flowname/geo"
)

// What is remembered is what is made anew, for either end, also where places share
// a slot, and where a place has no ID.
func TestPlaceTexts(t *testing.T) {
	var all placeTexts
	for i := range 3 {
		for id := range uint64(2*maxPlaceTexts + 10) {
			if id%1000 > 9 {
				continue
			}
			g := &geo.Place{ID: id, Info: geo.Info{
				ASN: uint32(id), Org: fmt.Sprintf("Org \"%d\"", id), Country: "DE",
				Lat: float64(id) / 7, Lon: -math.Pi / 1e6, HasLocation: id%2 == 0,
			}}
			for _, k := range []*endKeys{&srcKeys, &dstKeys} {
				got, want := string(all.append([]byte("x"), k, g)), string(appendGeo([]byte("x"), k, g))
				if got != want {
					t.Fatalf("round %d, place %d:\n got %s\nwant %s", i, id, got, want)
				}
			}
		}
	}
	if got := all.append(nil, &srcKeys, nil); len(got) != 0 {
		t.Errorf("no place: %s", got)
	}
}

func BenchmarkPlaceTexts(b *testing.B) {
	buf := make([]byte, 0, 256)
	places := make([]geo.Place, 300)
	for i := range places {
		places[i] = geo.Place{ID: uint64(i + 1), Info: geo.Info{
			ASN: uint32(64500 + i), Org: "Example Networks", Country: "DE", City: "Berlin",
			Lat: float64(i*7919%1_800_000) / 1e4, Lon: 13.4, HasLocation: true,
		}}
	}
	var all placeTexts
	for _, bb := range []struct {
		name string
		all  *placeTexts
	}{{"remembered", &all}, {"made", nil}} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				buf = bb.all.append(buf[:0], &dstKeys, &places[i%len(places)])
				i++
			}
		})
	}
}
