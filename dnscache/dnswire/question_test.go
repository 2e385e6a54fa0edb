package dnswire

import (
	"encoding/hex"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadQuestion(t *testing.T) {
	for _, c := range []struct {
		name string
		msg  string
		want Question
		err  error
	}{
		{"query", "beef 0100 0001 0000 0000 0001 0377577703636f6d00 001c 0001",
			Question{ID: 0xbeef, Questions: 1, Name: []byte("\x03wWw\x03com\x00"), Type: 28, Class: 1}, nil},
		{"response", "0000 f683 0001 0002 0000 0000 00 0041 0003",
			Question{Response: true, Opcode: 14, RCode: 3, Truncated: true, Questions: 1, Answers: 2, Name: []byte{0}, Type: 65, Class: 3}, nil},
		{"no question", "0001 8001 0000 0000 0000 0000",
			Question{ID: 1, Response: true, RCode: 1}, ErrNoQuestion},
		{"two questions", "0001 0000 0002 0000 0000 0000 00 0001 0001 00 0001 0001",
			Question{ID: 1, Questions: 2}, ErrQuestions},
		{"cut", "0001 0000 0001 0000 0000 0000 00 0001 00",
			Question{ID: 1, Questions: 1}, ErrShort},
		{"bad name", "0001 0000 0001 0000 0000 0000 c00c 0001 0001",
			Question{ID: 1, Questions: 1}, ErrName},
		{"header cut", "0001 0000 0001 0000 0000 00", Question{}, ErrHeader},
	} {
		var buf [MaxWireName]byte
		got := Question{ID: 77, Name: []byte("old"), Type: 9}
		err := ReadQuestion(&got, unhex(t, c.msg), buf[:])
		if err != c.err {
			t.Errorf("%s: error %v, want %v", c.name, err, c.err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	clean := make([]byte, 0, len(s))
	for i := range len(s) {
		if s[i] != ' ' {
			clean = append(clean, s[i])
		}
	}
	b, err := hex.DecodeString(string(clean))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestReadQuestionAllocs(t *testing.T) {
	msg := typical(t)
	var q Question
	buf := make([]byte, MaxWireName)
	if n := testing.AllocsPerRun(100, func() { ReadQuestion(&q, msg, buf) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkReadQuestion(b *testing.B) {
	msg := typical(b)
	buf := make([]byte, MaxWireName)
	b.SetBytes(int64(len(msg)))
	b.ReportAllocs()
	var q Question
	for b.Loop() {
		if err := ReadQuestion(&q, msg, buf); err != nil {
			b.Fatal(err)
		}
	}
}
