package logs

import (
	"testing"

	"github.com/miekg/dns"
)

func TestTypes(t *testing.T) {
	for _, c := range []struct {
		text string
		want uint16
	}{
		{"A", 1}, {"a", 1}, {"aaaa", 28}, {"Https", 65}, {"TYPE65", 65}, {"type65535", 65535}, {"65", 65}, {"*", 255},
		{"TYPE65536", 0}, {"TYPE", 0}, {"A ", 0}, {"", 0}, {"-1", 0}, {"NOSUCH", 0},
	} {
		if got := parseType([]byte(c.text)); got != c.want {
			t.Errorf("parseType(%q): got %d, want %d", c.text, got, c.want)
		}
	}
	for _, r := range rrTypes {
		if want, ok := dns.StringToType[r.name]; ok && want != r.code {
			t.Errorf("%s: got %d, want %d", r.name, r.code, want)
		}
	}
}

func TestRCodes(t *testing.T) {
	for code, name := range rCodes {
		if want, ok := dns.StringToRcode[name]; ok && want != code {
			t.Errorf("%s: got %d, want %d", name, code, want)
		}
	}
	for _, c := range []struct {
		text string
		want uint16
		ok   bool
	}{
		{"NOERROR", 0, true}, {"nxdomain", 3, true}, {"BADVERS", 16, true}, {"BADCOOKIE", 23, true}, {"23", 23, true},
		{"4096", 0x1000, false}, {"", 0, false}, {"NoError ", 0, false},
	} {
		if got, ok := parseRCode([]byte(c.text)); got != c.want || ok != c.ok {
			t.Errorf("parseRCode(%q): got %d, %t, want %d, %t", c.text, got, ok, c.want, c.ok)
		}
	}
}

func TestTTLs(t *testing.T) {
	for ttl, want := range map[uint64]uint32{0: 0, 60: 60, 604800: 604800, 604801: 604800, 1<<31 - 1: 604800, 1 << 31: 0, 1<<32 - 1: 0, 1 << 40: 0} {
		if got := clampTTL(ttl); got != want {
			t.Errorf("clampTTL(%d): got %d, want %d", ttl, got, want)
		}
	}
}
