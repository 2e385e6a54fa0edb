//go:build !linux

package dnscache

// hugePages does nothing where it is not known how.
func hugePages[T any]([]T) {}
