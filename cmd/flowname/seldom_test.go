package main

import (
	"testing"
	"time"

	"flowname/cmd/flowname/exports/exportstest"
)

func TestSeldom(t *testing.T) {
	var s seldom
	start := time.Unix(exportstest.Start, 0)
	for i, c := range []struct {
		at     time.Duration
		events int
		said   int
		unsaid int // told with the first line
	}{
		{0, 3, 3, 0},
		{seldomPeriod / 2, 100, seldomLines - 3, 0},
		{seldomPeriod - 1, 1, 0, 0},
		{seldomPeriod, 1, 1, 104 - seldomLines},
		{seldomPeriod, 1, 1, 0},
	} {
		said, unsaid := 0, 0
		for range c.events {
			if ok, n := s.allow(start.Add(c.at)); ok {
				said++
				unsaid += n
			}
		}
		if said != c.said || unsaid != c.unsaid {
			t.Errorf("step %d: %d lines, %d told as kept back; want %d, %d", i, said, unsaid, c.said, c.unsaid)
		}
	}
}
