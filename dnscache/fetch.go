package dnscache

import "unsafe"

// Prefetch has the memory at p brought near, for those who know early what they will
// read, and does not wait. It reads nothing: p may point anywhere.
func Prefetch(p unsafe.Pointer) { prefetch(p) }

// HugePages asks the kernel to back the memory of a large table that is read all over
// by large pages, of which a core remembers where they lie.
func HugePages[T any](items []T) { hugePages(items) }
