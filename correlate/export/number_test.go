package export

import (
	"math"
	"net/netip"
	"strconv"
	"testing"
)

func TestAppendDecimalIsStrconvs(t *testing.T) {
	numbers := []uint64{0, math.MaxInt64, math.MaxUint64, 1_700_000_000_123_456_789}
	for p := uint64(1); ; p *= 10 {
		for d := range uint64(12) {
			numbers = append(numbers, p-1, p, p+d, p*d, p/3*d)
		}
		if p == 1e19 {
			break
		}
	}
	for i := range 64 {
		numbers = append(numbers, 1<<i-1, 1<<i, 1<<i+1)
	}
	for _, v := range numbers {
		for _, room := range []int{0, 64} {
			dst := append(make([]byte, 0, 1+room), 'x')
			if got, want := string(appendDecimal(dst, v)), "x"+strconv.FormatUint(v, 10); got != want {
				t.Errorf("%d: got %s", v, got)
			}
		}
		if got, want := string(appendInt(nil, "", int64(v))), strconv.FormatInt(int64(v), 10); got != want {
			t.Errorf("%d: got %s", int64(v), got)
		}
	}
}

func TestAppendIPv4IsNetips(t *testing.T) {
	for i := range 256 {
		a := netip.AddrFrom4([4]byte{byte(i), byte(255 - i), byte(i * 7), byte(i / 3)})
		if got := string(appendIPv4([]byte("x"), a)); got != "x"+a.String() {
			t.Errorf("%v: got %s", a, got)
		}
	}
}

func BenchmarkAppendDecimal(b *testing.B) {
	dst := make([]byte, 0, 64)
	for name, v := range map[string]uint64{"port": 49152, "time": 1_700_000_000_123_456_789} {
		b.Run(name+"/own", func(b *testing.B) {
			for b.Loop() {
				dst = appendDecimal(dst[:0], v)
			}
		})
		b.Run(name+"/strconv", func(b *testing.B) {
			for b.Loop() {
				dst = strconv.AppendUint(dst[:0], v, 10)
			}
		})
	}
}
