// Package lograte keeps lines that others can cause from filling a log.
package lograte

import (
	"sync"
	"time"
)

// Lines of one kind that are logged in a period, whatever happens in it.
const (
	mostLines = 10
	period    = 10 * time.Second
)

// A Limit keeps what peers can cause at will from filling the log: it lets a
// few lines of a period through and counts the rest. The zero Limit is ready for use.
type Limit struct {
	mu     sync.Mutex
	began  time.Time // of the period
	said   int       // lines of it
	unsaid int       // lines kept back since the last one
}

// Allow tells whether to log a line now, and if so, how many were kept back
// before it.
func (s *Limit) Allow(now time.Time) (ok bool, unsaid int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.began) >= period {
		s.began, s.said = now, 0
	}
	if s.said == mostLines {
		s.unsaid++
		return false, 0
	}
	s.said++
	unsaid, s.unsaid = s.unsaid, 0
	return true, unsaid
}
