package correlate

import "testing"

// The advice changes nothing of the memory, whatever its size and place.
func TestHugePagesChangesNothing(t *testing.T) {
	for _, n := range []int{0, 1, 100, 4096, 5000, 8 << 20} {
		b := make([]byte, n+1)[1:] // not at the beginning of a page
		for i := range b {
			b[i] = byte(i)
		}
		hugePages(b)
		for i := range b {
			if b[i] != byte(i) {
				t.Fatalf("%d bytes: byte %d is %d, want %d", n, i, b[i], byte(i))
			}
		}
	}
}
