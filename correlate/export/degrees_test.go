package export

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
)

// What is remembered is what strconv says, also where many numbers share places
// and where a text is too long to be remembered.
func TestDegrees(t *testing.T) {
	var all degrees
	values := []float64{0, math.Copysign(0, -1), 90, -180, 50.9375, -6.5, 1.0 / 3, 1e-7, -math.Pi / 1e6, math.SmallestNonzeroFloat64, math.MaxFloat64}
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		values = append(values, math.Round(rnd.Float64()*3.6e6-1.8e6)/1e4)
	}
	for range 2 {
		for _, v := range values {
			want := "x" + strconv.FormatFloat(v, 'f', -1, 64)
			for range 2 {
				if got := string(all.append([]byte("x"), v)); got != want {
					t.Fatalf("%v: got %s, want %s", v, got, want)
				}
			}
		}
	}
}

func BenchmarkDegrees(b *testing.B) {
	buf := make([]byte, 0, 64)
	places := make([]float64, 300)
	for i := range places {
		places[i] = float64(i*7919%1_800_000) / 1e4
	}
	var all degrees
	for _, bb := range []struct {
		name string
		all  *degrees
	}{{"remembered", &all}, {"made", nil}} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				buf = bb.all.append(buf[:0], places[i%len(places)])
				i++
			}
		})
	}
}
