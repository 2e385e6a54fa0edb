package export

import (
	"encoding/json"
	"strings"
	"testing"
)

// Every byte at every place of texts of all lengths near eight: what comes out is
// what went in, by another's reader, and as short as when looked at byte by byte.
func TestAppendText(t *testing.T) {
	for size := range 27 {
		text := strings.Repeat("www.example", 3)[:size]
		check(t, text)
		for at := range size {
			for b := range 128 {
				check(t, text[:at]+string(rune(b))+text[at+1:])
			}
			check(t, text[:at]+"ü€😀"+text[at+1:])
			check(t, text[:at]+"ü\""+text[at+1:])
		}
	}
}

func check(t *testing.T, s string) {
	t.Helper()
	got := appendText([]byte("x"), "", s)
	if want := `x"` + string(appendEscaped(nil, s)) + `"`; string(got) != want {
		t.Fatalf("%q: got %s, want %s", s, got, want)
	}
	var back string
	if err := json.Unmarshal(got[1:], &back); err != nil || back != s {
		t.Fatalf("%q: %s reads as %q, %v", s, got, back, err)
	}
}

func FuzzAppendText(f *testing.F) {
	f.Add("www.example.com")
	f.Add(`a\.b"c`)
	f.Fuzz(func(t *testing.T, s string) {
		got := appendText(nil, "", s)
		if want := `"` + string(appendEscaped(nil, s)) + `"`; string(got) != want {
			t.Fatalf("%q: got %s, want %s", s, got, want)
		}
	})
}

func BenchmarkAppendText(b *testing.B) {
	buf := make([]byte, 0, 256)
	const name = "e12345.dsca.akamaiedge.example.net"
	b.SetBytes(int64(len(name)))
	b.ReportAllocs()
	for b.Loop() {
		buf = appendText(buf[:0], `,"dst_name":`, name)
	}
}
