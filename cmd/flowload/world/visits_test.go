package world

import (
	"testing"
	"time"
)

// TestVisits: every answer of the world is given as often as it should, one
// interval apart, and in order of time; also in the last row, of fewer clients.
func TestVisits(t *testing.T) {
	cfg := Default()
	cfg.Clients, cfg.Answers, cfg.Turns = 30, 1010, 2
	w, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	v := Visits{World: w, Again: 3, Every: time.Minute}
	if err := v.Validate(); err != nil {
		t.Fatal(err)
	}
	given := make(map[uint64][]int64)
	last := int64(0)
	for i := range v.Len() {
		a := v.Answer(i)
		if a.TimeNs < last {
			t.Fatalf("answer %d is at %d, the one before at %d", i, a.TimeNs, last)
		}
		last = a.TimeNs
		given[a.Number] = append(given[a.Number], a.TimeNs)
	}
	if v.EndNs() != last {
		t.Errorf("EndNs() = %d, want %d", v.EndNs(), last)
	}
	if len(given) != w.Answers() {
		t.Errorf("%d different answers, want %d", len(given), w.Answers())
	}
	for n, at := range given {
		if len(at) != 3 || at[1]-at[0] != int64(time.Minute) || at[2]-at[1] != int64(time.Minute) {
			t.Fatalf("answer %d is given at %v, want 3 times, a minute apart", n, at)
		}
	}
}

func TestVisitsValidate(t *testing.T) {
	for _, v := range []Visits{{Again: 0, Every: time.Minute}, {Again: 1001, Every: time.Minute}, {Again: 1, Every: time.Second}, {Again: 1, Every: 48 * time.Hour}} {
		if v.Validate() == nil {
			t.Errorf("%+v is taken", v)
		}
	}
}
