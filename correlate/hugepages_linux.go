package correlate

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// hugePages asks the kernel to back the memory of items by pages of 2 MiB, where
// it has been told to wait for being asked (transparent_hugepage/enabled is
// madvise). Each read of a large table that comes to another page of 4 KiB walks
// the page tables first, which often are not in the cache either; a prefetched
// line is of use only while its page is remembered. It is advice: what does not
// follow it works as well.
func hugePages[T any](items []T) {
	const page = 4 << 10
	size := len(items) * int(unsafe.Sizeof(*new(T)))
	if size < page {
		return
	}
	b := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(items))), size)
	if odd := int(uintptr(unsafe.Pointer(&b[0])) % page); odd > 0 {
		b = b[page-odd:]
	}
	if b = b[:len(b)/page*page]; len(b) > 0 {
		_ = unix.Madvise(b, unix.MADV_HUGEPAGE)
	}
}
