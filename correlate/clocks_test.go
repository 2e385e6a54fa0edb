package correlate

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"flowname/flows"
)

// A skewed exporter tells of connections that clients make right after they have
// asked, by a clock that is behind by offset.
type skewed struct {
	w       *world
	rng     *rand.Rand
	offset  int64 // of flows' times
	headers int64 // what the messages' headers say
	coarse  int64 // what starts are cut to; 0: not at all
	atNs    int64
	n       int
}

// next is a flow of a pair that asks for the first time, with its answer told.
func (s *skewed) next() flows.Record {
	s.n++
	s.atNs += 200 * ms
	client := netip.AddrFrom4([4]byte{10, 1, byte(s.n >> 8), byte(s.n)})
	addr := netip.AddrFrom4([4]byte{198, 51, byte(s.n >> 8), byte(s.n)})
	s.w.answer(client, fmt.Sprintf("n%d.example", s.n), addr, s.atNs, 60)
	start := s.atNs + 7*ms - s.offset
	if s.rng.IntN(10) == 0 { // one in ten uses what it asked for before
		start += s.rng.Int64N(50 * second)
	}
	if s.coarse > 0 {
		start -= start % s.coarse
	}
	r := flow(client, addr, start)
	r.ReceivedNs, r.ClockOffsetNs = t0+s.atNs+5*second, s.headers
	r.StartErrorNs += s.coarse
	return r
}

// send joins n flows one by one and returns the last ones' bases and shifts.
func (s *skewed) send(n int) (bases map[Basis]int, shifts map[int64]int) {
	bases, shifts = map[Basis]int{}, map[int64]int{}
	for range n {
		s.w.Join([]flows.Record{s.next()}, t0+s.atNs+5*second, func(f *Flow) {
			bases[f.Basis()]++
			shifts[f.ShiftNs]++
		})
	}
	return bases, shifts
}

func TestClocks(t *testing.T) {
	const minute = 60 * second
	for name, tt := range map[string]struct {
		skewed
		want, within int64 // of the shift
	}{
		"right":                                 {skewed{}, 0, 0},
		"too little to correct":                 {skewed{offset: 1500 * ms, headers: 1500 * ms}, 0, 0},
		"behind, headers say so":                {skewed{offset: 10 * minute, headers: 10*minute + second/2}, 10 * minute, second},
		"ahead, headers say so":                 {skewed{offset: -10 * minute, headers: -10*minute + second/2}, -10 * minute, second},
		"behind, headers are right":             {skewed{offset: 3600 * second, headers: second / 2}, 3600 * second, 250 * ms},
		"ahead, headers are right":              {skewed{offset: -3600 * second}, -3600 * second, 250 * ms},
		"behind, in whole seconds":              {skewed{offset: 5 * second, headers: 5*second + second/2, coarse: second}, 5 * second, second},
		"ahead by a little":                     {skewed{offset: -2500 * ms}, -2500 * ms, 250 * ms},
		"flows are right, headers are not":      {skewed{headers: 90 * second}, 0, 0},
		"a recording: all of it is as late":     {skewed{headers: 1000 * 3600 * second}, 0, 0},
		"headers are wrong, flows by something": {skewed{offset: 30 * second, headers: -70 * second}, 30 * second, 250 * ms},
	} {
		s := tt.skewed
		s.w, s.rng = newWorld(t, Config{FixClocks: true}), rand.New(rand.NewPCG(1, 2))
		s.send(3 * clockSamples)
		bases, shifts := s.send(100)
		for shift, n := range shifts {
			if off := absolute(shift - tt.want); off > tt.within {
				t.Errorf("%s: %d flows shifted by %d ms, want %d", name, n, shift/ms, tt.want/ms)
			}
		}
		if bases[Client] != 100 {
			t.Errorf("%s: bases %v, want 100 by client", name, bases)
		}
		if got := s.w.Stats(); (got.Shifted == 0) != (tt.want == 0) || got.ClocksRefused != 0 {
			t.Errorf("%s: %d shifted, %d refused", name, got.Shifted, got.ClocksRefused)
		}
		clocks := s.w.AppendClocks(nil)
		if len(clocks) != 1 || !clocks[0].HasNames || absolute(clocks[0].ByNamesNs-tt.want) > max(tt.within, 2*second) {
			t.Errorf("%s: clocks %+v", name, clocks)
		}
	}
}

// TestClockIsSet: a clock that was behind is put right, and is believed again.
func TestClockIsSet(t *testing.T) {
	s := skewed{w: newWorld(t, Config{FixClocks: true}), rng: rand.New(rand.NewPCG(1, 2)), offset: 300 * second, headers: 300 * second}
	if _, shifts := s.send(300); shifts[0] > headersAfter+offsetSlack {
		t.Errorf("not corrected: shifts %v", shifts)
	}
	s.offset, s.headers = 0, 0
	s.send(3 * clockSamples)
	s.send(100) // clockRest may have begun just before
	if bases, shifts := s.send(100); shifts[0] != 100 || bases[Client] != 100 {
		t.Errorf("after it was set: shifts %v, bases %v", shifts, bases)
	}
}

// offsetSlack is how many flows may pass between a decision and its effect.
const offsetSlack = 4

// TestClocksCorrectWhatWaits: flows that wait while their exporter's clock becomes
// known are decided by the corrected time.
func TestClocksCorrectWhatWaits(t *testing.T) {
	s := skewed{w: newWorld(t, Config{FixClocks: true, Wait: 1000 * 1e9}), rng: rand.New(rand.NewPCG(1, 2)), offset: 600 * second, headers: 600 * second}
	if bases, _ := s.send(100); bases[ClientLater] != 0 {
		t.Errorf("handed out at once: %v", bases)
	}
	bases := map[Basis]int{}
	s.w.Drain(func(f *Flow) {
		bases[f.Basis()]++
		if f.ShiftNs == 0 {
			t.Errorf("not corrected: %v to %v", f.Record.Src, f.Record.Dst)
		}
	})
	if bases[ClientLater] != 0 || bases[Client] == 0 {
		t.Errorf("after the wait: %v", bases)
	}
}

// TestClocksAreLeftAlone: nothing is corrected where that is switched off, nor by
// flows that happen to be late each by another time.
func TestClocksAreLeftAlone(t *testing.T) {
	off := skewed{w: newWorld(t, Config{}), rng: rand.New(rand.NewPCG(1, 2)), offset: 600 * second, headers: 600 * second}
	if _, shifts := off.send(300); shifts[0] != 300 || off.w.AppendClocks(nil) != nil {
		t.Errorf("switched off: shifts %v", shifts)
	}
	w, rng := newWorld(t, Config{FixClocks: true}), rand.New(rand.NewPCG(3, 4))
	s := skewed{w: w, rng: rng, headers: 40 * second}
	for range 500 {
		r := s.next()
		r.StartNs += rng.Int64N(600 * second)
		w.Join([]flows.Record{r}, t0+s.atNs, func(f *Flow) {
			if f.ShiftNs != 0 {
				t.Fatalf("shifted by %d ms", f.ShiftNs/ms)
			}
		})
	}
}

// TestClocksAreBounded: no more than maxClocks are known; silent ones give way.
func TestClocksAreBounded(t *testing.T) {
	s := skewed{w: newWorld(t, Config{FixClocks: true}), rng: rand.New(rand.NewPCG(1, 2))}
	send := func(domain int, laterNs int64) {
		r := s.next()
		r.ObservationDomain = uint32(domain)
		r.ReceivedNs += laterNs
		s.w.Join([]flows.Record{r}, t0, func(*Flow) {})
	}
	for i := range maxClocks + 100 {
		send(i, 0)
	}
	if got := s.w.Stats().ClocksRefused; got != 100 || len(s.w.clocks.known) != maxClocks {
		t.Errorf("%d refused, %d known", got, len(s.w.clocks.known))
	}
	send(1<<20, 2*clockIdle)
	if got := s.w.Stats().ClocksRefused; got != 100 || len(s.w.clocks.known) != 1 {
		t.Errorf("after an hour of silence: %d refused, %d known", got, len(s.w.clocks.known))
	}
}

func TestCommonAge(t *testing.T) {
	for _, tt := range []struct {
		ages   []int64
		age    int64
		agreed bool
	}{
		{[]int64{0, 0, 0, 0}, 0, true},
		{[]int64{3 * second, 0, 5 * second, 9 * second}, 0, false},
		{[]int64{-5 * second, -5 * second, 90 * second, -4500 * ms}, -5 * second, true},
		{[]int64{-9 * second, -8 * second, -7 * second, -6 * second, -5*second - ms, -3 * second, 0, 1, 2, 3, 4}, 2, false}, // too many before
	} {
		if age, agreed := commonAge(tt.ages); agreed != tt.agreed || agreed && age != tt.age {
			t.Errorf("%d: %d, %v", tt.ages, age, agreed)
		}
	}
}
