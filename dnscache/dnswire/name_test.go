package dnswire

import (
	"bytes"
	"strings"
	"testing"
)

func TestAppendName(t *testing.T) {
	f := func(wire, want string) {
		t.Helper()
		if got := AppendName([]byte("<"), []byte(wire)); string(got) != "<"+want {
			t.Errorf("%q: got %q, want %q", wire, got, "<"+want)
		}
	}
	f("\x00", ".")
	f("", ".")
	f("\x03wWw\x07EXAMPLE\x00", "www.example")
	f("\x01*\x04_dns\x03a/b\x02-x\x00", "*._dns.a/b.-x")
	f("\x03a.b\x03c\\d\x00", `a\.b.c\\d`)
	f("\x0d \x00\x1f\x7f\x80\xff\"'();@$\x00", `\032\000\031\127\128\255"'();@$`)
	f("\x02\xc3\x84\x00", `\195\132`)
	f("\x03www\x07exam", "www")
	f("\x03www", "www")
	f("\x05www", "")
}

func TestAppendNameLongest(t *testing.T) {
	label := func(n int) string { return string(rune(n)) + strings.Repeat("\x01", n) }
	wire := label(63) + label(63) + label(63) + label(61) + "\x00"
	if len(wire) != maxName {
		t.Fatalf("%d octets", len(wire))
	}
	if n := len(AppendName(nil, []byte(wire))); n != 1003 {
		t.Errorf("%d octets of presentation, want 1003", n)
	}
}

func TestExpandName(t *testing.T) {
	longest := strings.Repeat("\x01a", 127) + "\x00"
	jumps := func(n int) []byte { // n pointers, each to the one before it
		msg := []byte{0, 0}
		for i := range n {
			at := i * 2
			msg = append(msg, 0xc0|byte(at>>8), byte(at))
		}
		return msg
	}
	for _, c := range []struct {
		name string
		msg  []byte
		off  int
		want string
		end  int
		ok   bool
	}{
		{"root", []byte{0}, 0, "\x00", 1, true},
		{"case stays", []byte("\x01A\x00"), 0, "\x01A\x00", 3, true},
		{"backward", []byte("\x01A\x00\x01b\xc0\x00"), 3, "\x01b\x01A\x00", 7, true},
		{"forward", []byte("\x01b\xc0\x04\x01A\x00"), 0, "\x01b\x01A\x00", 4, true},
		{"itself", []byte("\xc0\x00"), 0, "", 0, false},
		{"loop with labels", []byte("\x01a\xc0\x00"), 0, "", 0, false},
		{"beyond", []byte("\xc0\x09"), 0, "", 0, false},
		{"half a pointer", []byte("\x01a\xc0"), 0, "", 0, false},
		{"label cut", []byte("\x02a"), 0, "", 0, false},
		{"no root", []byte("\x01a"), 0, "", 0, false},
		{"nothing", nil, 0, "", 0, false},
		{"longest", []byte(longest), 0, longest, 255, true},
		{"one label too long", []byte("\x01a" + longest), 0, "", 0, false},
		{"most jumps", jumps(127), 127 * 2, "\x00", 127*2 + 2, true},
		{"too many jumps", jumps(128), 128 * 2, "", 0, false},
		{"label type 01", []byte("\x41a\x00"), 0, "", 0, false},
		{"label type 10", []byte("\x81a\x00"), 0, "", 0, false},
	} {
		got, end, ok := expandName(make([]byte, 0, MaxWireName), c.msg, c.off)
		if ok != c.ok || ok && (string(got) != c.want || end != c.end) {
			t.Errorf("%s: %x: got %q end %d ok %v, want %q end %d ok %v", c.name, c.msg, got, end, ok, c.want, c.end, c.ok)
		}
	}
}

// TestOwnerAt: it ends where expandName ends, and starts at a place from which
// expandName reads the same name.
func TestOwnerAt(t *testing.T) {
	msg := []byte("\x01A\x00\x01b\xc0\x00\xc0\x03\xc0\x07\x00")
	for _, off := range []int{0, 2, 3, 5, 7, 9, 11} {
		name, end, ok := expandName(nil, msg, off)
		start, end2, ok2 := ownerAt(msg, off)
		again, _, _ := expandName(nil, msg, start)
		if !ok || !ok2 || end != end2 || !bytes.Equal(name, again) {
			t.Errorf("offset %d: name %q end %d %v; start %d, name there %q, end %d %v", off, name, end, ok, start, again, end2, ok2)
		}
	}
}

func TestEqualName(t *testing.T) {
	f := func(a, b string, want bool) {
		t.Helper()
		if got := EqualName([]byte(a), []byte(b)); got != want {
			t.Errorf("%q %q: got %v, want %v", a, b, got, want)
		}
	}
	f("\x03wWw\x00", "\x03WwW\x00", true)
	f("\x03www\x00", "\x03wwx\x00", false)
	f("\x03www\x00", "\x02ww\x00", false)
	f("\x02[a\x00", "\x02{a\x00", false)
	f("\x02@a\x00", "\x02`a\x00", false)
	f("\x02\xc3\x84\x00", "\x02\xc3\xa4\x00", false)
}

func TestBelow(t *testing.T) {
	f := func(name, zone string, prefix int, want bool) {
		t.Helper()
		if n, ok := below([]byte(name), []byte(zone)); ok != want || n != prefix {
			t.Errorf("%q %q: got %d %v, want %d %v", name, zone, n, ok, prefix, want)
		}
	}
	f("\x01w\x01a\x00", "\x01a\x00", 2, true)
	f("\x01w\x01a\x00", "\x00", 4, true)
	f("\x01a\x00", "\x01a\x00", 0, false)
	f("\x03w\x01a\x00", "\x01a\x00", 0, false) // the zone begins within a label
	f("\x01a\x00", "\x01w\x01a\x00", 0, false)
	f("\x01a\x00", "", 0, false)
}
