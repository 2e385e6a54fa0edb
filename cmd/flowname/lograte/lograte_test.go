package lograte

import (
	"testing"
	"time"
)

func TestLimit(t *testing.T) {
	var s Limit
	start := time.Unix(1_700_000_000, 0)
	for i, c := range []struct {
		at     time.Duration
		events int
		said   int
		unsaid int // told with the first line
	}{
		{0, 3, 3, 0},
		{period / 2, 100, mostLines - 3, 0},
		{period - 1, 1, 0, 0},
		{period, 1, 1, 104 - mostLines},
		{period, 1, 1, 0},
	} {
		said, unsaid := 0, 0
		for range c.events {
			if ok, n := s.Allow(start.Add(c.at)); ok {
				said++
				unsaid += n
			}
		}
		if said != c.said || unsaid != c.unsaid {
			t.Errorf("step %d: %d lines, %d told as kept back; want %d, %d", i, said, unsaid, c.said, c.unsaid)
		}
	}
}
