package peers

import (
	"strings"
	"sync"
)

// maxTail is how much of what a program says is kept.
const maxTail = 4 << 10

// A tail is the end of what a program said.
type tail struct {
	mu sync.Mutex
	b  []byte
}

// Write keeps the end; it never fails.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, b...)
	if len(t.b) > maxTail {
		t.b = append(t.b[:0], t.b[len(t.b)-maxTail:]...)
	}
	return len(b), nil
}

func (t *tail) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.b)
}

// said is the text as the end of an error, on one line.
func (t *tail) said() string {
	lines := strings.Fields(t.text())
	if len(lines) == 0 {
		return ""
	}
	text := strings.Join(lines, " ")
	return "; it said: " + text[max(0, len(text)-300):]
}
