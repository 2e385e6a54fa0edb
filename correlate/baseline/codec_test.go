package baseline

import (
	"bytes"
	"errors"
	"testing"
)

func someDay(t testing.TB, k *key, looks int) *Day {
	t.Helper()
	d := newDay(20_000, k, 400, 1<<12)
	sketchOf(newNetwork(500, 3000, 1.1), d, newTruth(), looks, looks/2)
	return d
}

func TestDayIsReadAsItWasWritten(t *testing.T) {
	k := newKey(1)
	for _, looks := range []int{0, 1, 300, 20_000} {
		d := someDay(t, &k, looks)
		frame, err := packDay(d)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := unpack(frame)
		if err != nil {
			t.Fatal(err)
		}
		got, err := parseDay(raw, &k, 400, 1<<12)
		if err != nil {
			t.Fatalf("%d look-ups: %v", looks, err)
		}
		for i := range d.records {
			d.records[i].sizedAt = 0 // sizes are not kept
		}
		for m := range numMeasures {
			if d.Summary(m) != got.Summary(m) {
				t.Errorf("%d look-ups: read %+v, wrote %+v", looks, got.Summary(m), d.Summary(m))
			}
			want := d.Top(m, 0)
			for i, r := range got.Top(m, 0) {
				if r != want[i] {
					t.Fatalf("%d look-ups by %v: read %+v, wrote %+v", looks, m, r, want[i])
				}
			}
		}
		again, err := appendDay(nil, got)
		if err != nil || !bytes.Equal(raw, again) {
			t.Errorf("%d look-ups: written again it is not the same (%v)", looks, err)
		}
	}
}

func FuzzParseDay(f *testing.F) {
	k := newKey(1)
	for _, looks := range []int{0, 1, 50, 2000} {
		raw, err := appendDay(nil, someDay(f, &k, looks))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
		f.Add(raw[:len(raw)-1])
		f.Add(append(raw, 0))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		d, err := parseDay(raw, &k, 8, 100)
		if err != nil {
			if !errors.Is(err, errDay) {
				t.Errorf("the error is no errDay: %v", err)
			}
			return
		}
		for m := range numMeasures {
			d.Top(m, 10)
			d.Summary(m)
		}
		sum := newDay(0, &k, 50, 0)
		if err := sum.merge(d); err != nil {
			t.Errorf("merge: %v", err)
		}
		if _, err := appendDay(nil, d); err != nil {
			t.Errorf("written again: %v", err)
		}
	})
}

func TestHostileFrames(t *testing.T) {
	k := newKey(1)
	whole, err := packDay(someDay(t, &k, 300))
	if err != nil {
		t.Fatal(err)
	}
	bomb, err := pack(make([]byte, maxEncoded+1<<20))
	if err != nil {
		t.Fatal(err)
	}
	broken := bytes.Clone(whole)
	broken[len(broken)/2] ^= 1
	for name, frame := range map[string][]byte{
		"nothing": {1}, "cut": whole[:len(whole)/2], "one bit": broken, "a bomb": bomb,
	} {
		if _, err := unpack(frame); !errors.Is(err, errDay) {
			t.Errorf("%s: error %v, want errDay", name, err)
		}
	}
}
