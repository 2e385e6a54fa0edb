package follow

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// Lengths of prints, in bytes.
const (
	headLen = 1024
	tailLen = 256
)

// A print is a hash of some bytes. The zero print is that of none.
type print struct {
	n   int
	sum [16]byte
}

func printOf(b []byte) print {
	if len(b) == 0 {
		return print{}
	}
	sum := sha256.Sum256(b)
	return print{len(b), [16]byte(sum[:16])}
}

// MarshalText writes the length and the hash in hex.
func (p print) MarshalText() ([]byte, error) {
	if p.n == 0 {
		return nil, nil
	}
	return fmt.Appendf(nil, "%d:%x", p.n, p.sum), nil
}

// UnmarshalText is the reverse of MarshalText.
func (p *print) UnmarshalText(text []byte) error {
	*p = print{}
	if len(text) == 0 {
		return nil
	}
	var sum string
	if _, err := fmt.Sscanf(string(text), "%d:%32s", &p.n, &sum); err != nil {
		return err
	}
	if _, err := hex.Decode(p.sum[:], []byte(sum)); err != nil || len(sum) != 32 || p.n < 1 || p.n > headLen {
		return fmt.Errorf("%q is no print", text)
	}
	return nil
}

// A beginning is the first bytes of a content, with the prints of it that were
// asked for: most records want that of headLen bytes.
type beginning struct {
	head   []byte
	prints map[int]print
}

func newBeginning(head []byte) *beginning { return &beginning{head: head, prints: map[int]print{}} }

// has says whether a record's head is the content's.
func (b *beginning) has(head print) bool {
	if head.n == 0 || head.n > len(b.head) {
		return false
	}
	own, ok := b.prints[head.n]
	if !ok {
		own = printOf(b.head[:head.n])
		b.prints[head.n] = own
	}
	return own == head
}

// lastOf keeps the last bytes of what is appended to them.
func lastOf(dst, b []byte) []byte {
	if len(b) >= tailLen {
		return append(dst[:0], b[len(b)-tailLen:]...)
	}
	if over := len(dst) + len(b) - tailLen; over > 0 {
		dst = dst[:copy(dst, dst[over:])]
	}
	return append(dst, b...)
}
