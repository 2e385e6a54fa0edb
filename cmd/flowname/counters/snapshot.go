package counters

import "sync"

// A Snapshot is a copy of an account that one goroutine owns, for others to
// read.
type Snapshot[T any] struct {
	mu    sync.Mutex
	value T
}

// Store replaces the copy.
func (s *Snapshot[T]) Store(v T) {
	s.mu.Lock()
	s.value = v
	s.mu.Unlock()
}

// Load gives the last copy.
func (s *Snapshot[T]) Load() T {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.value
}
