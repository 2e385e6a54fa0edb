//go:build amd64 || arm64

package dnscache

import "unsafe"

// prefetch has the cache line at p brought into the core's caches, and does not
// wait for it as a read does, behind which a core stops when it has some hundred
// instructions begun. It reads nothing: p may point anywhere.
//
//go:noescape
func prefetch(p unsafe.Pointer)
