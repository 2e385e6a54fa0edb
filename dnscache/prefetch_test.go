package dnscache

import (
	"testing"
	"unsafe"
)

// A prefetch reads nothing: what is not there is no fault, and nothing changes.
// That the pointer is none is the point, so the race detector is not to look at it.
//
//go:nocheckptr
func TestPrefetchAnywhere(t *testing.T) {
	x := [3]uint64{1, 2, 3}
	prefetch(nil)
	prefetch(unsafe.Add(unsafe.Pointer(nil), 1))
	prefetch(unsafe.Pointer(&x[1]))
	if x != [3]uint64{1, 2, 3} {
		t.Errorf("after a prefetch: %v", x)
	}
}
