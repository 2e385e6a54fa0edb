package logs

import (
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	long := strings.Repeat("a", 63)
	for _, c := range []struct {
		text, want, raw string // empty: refused
	}{
		{"WWW.Example.", "www.example", "www.example"},
		{"www.example", "www.example", "www.example"},
		{".", ".", "."},
		{"", "", ""},
		{"..", "", ""},
		{"a..b", "", ""},
		{".a", "", ""},
		{`a\.b.c`, `a\.b.c`, `a\\.b.c`},
		{`a\032b.c`, `a\032b.c`, `a\\032b.c`},
		{`a\065.c`, `aa.c`, `a\\065.c`},
		{`a\256.c`, ``, `a\\256.c`},
		{`a\`, ``, `a\\`},
		{`a\"b||c`, `a"b||c`, `a\\"b||c`},
		{"a b\xff.c", `a\032b\255.c`, `a\032b\255.c`},
		{"a\nb", `a\010b`, `a\010b`},
		{long + ".x", long + ".x", long + ".x"},
		{long + "a.x", "", ""},
		{strings.Repeat(long+".", 3) + long[:61], strings.Repeat(long+".", 3) + long[:61], strings.Repeat(long+".", 3) + long[:61]},
		{strings.Repeat(long+".", 3) + long[:62], "", ""},
	} {
		if got, ok := appendName([]byte("x"), []byte(c.text)); string(got[1:]) != c.want || ok != (c.want != "") {
			t.Errorf("appendName(%q): got %q, %t, want %q", c.text, got[1:], ok, c.want)
		}
		if got, ok := appendRawName([]byte("x"), []byte(c.text)); string(got[1:]) != c.raw || ok != (c.raw != "") {
			t.Errorf("appendRawName(%q): got %q, %t, want %q", c.text, got[1:], ok, c.raw)
		}
	}
}
