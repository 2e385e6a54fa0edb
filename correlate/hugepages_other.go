//go:build !linux

package correlate

// hugePages does nothing where it is not known how.
func hugePages[T any]([]T) {}
