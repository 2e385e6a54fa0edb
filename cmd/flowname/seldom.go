package main

import (
	"sync"
	"time"
)

// Lines of one kind that are logged in a period, whatever happens in it.
const (
	seldomLines  = 10
	seldomPeriod = 10 * time.Second
)

// A seldom keeps what peers can cause at will from filling the log: it lets a
// few lines of a period through and counts the rest.
type seldom struct {
	mu     sync.Mutex
	began  time.Time // of the period
	said   int       // lines of it
	unsaid int       // lines kept back since the last one
}

// allow tells whether to log a line now, and if so, how many were kept back
// before it.
func (s *seldom) allow(now time.Time) (ok bool, unsaid int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.began) >= seldomPeriod {
		s.began, s.said = now, 0
	}
	if s.said == seldomLines {
		s.unsaid++
		return false, 0
	}
	s.said++
	unsaid, s.unsaid = s.unsaid, 0
	return true, unsaid
}
