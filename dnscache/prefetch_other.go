//go:build !amd64 && !arm64

package dnscache

import "unsafe"

// prefetch does nothing where it is not known how: what is read is waited for.
func prefetch(unsafe.Pointer) {}
