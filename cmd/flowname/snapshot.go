package main

import "sync"

// A snapshot is a copy of an account that one goroutine owns, for others to
// read.
type snapshot[T any] struct {
	mu    sync.Mutex
	value T
}

func (s *snapshot[T]) store(v T) {
	s.mu.Lock()
	s.value = v
	s.mu.Unlock()
}

func (s *snapshot[T]) load() T {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.value
}
