package logs

import (
	"net/netip"
	"strings"
	"testing"
)

func TestAddresses(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"192.0.2.1", "192.0.2.1"},
		{"0.0.0.0", "0.0.0.0"},
		{"255.255.255.255", "255.255.255.255"},
		{"2001:db8::1", "2001:db8::1"},
		{"2001:0DB8:0000:0000:0000:0000:0000:0001", "2001:db8::1"},
		{"::", "::"},
		{"::1", "::1"},
		{"1::", "1::"},
		{"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
		{"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
		{"::ffff:192.0.2.1", "192.0.2.1"},
		{"::ffff:c000:201", "192.0.2.1"},
		{"64:ff9b::192.0.2.1", "64:ff9b::c000:201"},
		{"fe80::1%eth0", "fe80::1"},
		{"::1.2.3", ""},
		{"1:2:3:4:5:6:7:1.2.3.4", ""},
		{"1:2:3:4:5:6:7:8:9", ""},
		{"1:2:3:4:5:6:7", ""},
		{"1:2:3:4::5:6:7:8", ""},
		{"1::2::3", ""},
		{":1", ""},
		{"1:", ""},
		{":::", ""},
		{"::12345", ""},
		{"::g", ""},
		{"fe80::1%", ""},
		{"192.0.2.01", ""},
		{"192.0.2.256", ""},
		{"192.0.2", ""},
		{"192.0.2.1.5", ""},
		{"192.0.2.1 ", ""},
		{" 192.0.2.1", ""},
		{"192.0.2.1.", ""},
		{"192.0.2.1:53", ""},
		{"192.0.2.1/32", ""},
		{"[::1]", ""},
		{"edge.cdn.example", ""},
		{"3232235777", ""},
		{"", ""},
	} {
		got, ok := parseAddr([]byte(c.text))
		if ok != (c.want != "") || ok && got.String() != c.want {
			t.Errorf("parseAddr(%q): got %v, %t, want %q", c.text, got, ok, c.want)
		}
	}
}

func TestAddressesDoNotAllocate(t *testing.T) {
	texts := [][]byte{[]byte("192.0.2.1"), []byte("fe80::1%eth0"), []byte("::ffff:1.2.3.4"), []byte("edge.cdn.example")}
	if n := testing.AllocsPerRun(100, func() {
		for _, text := range texts {
			parseAddr(text)
		}
	}); n != 0 {
		t.Errorf("got %v allocations, want 0", n)
	}
}

func FuzzAddr(f *testing.F) {
	for _, text := range []string{"192.0.2.1", "::ffff:1.2.3.4", "fe80::1%eth0", "1:2:3:4:5:6:7::"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := parseAddr([]byte(text))
		bare, _, _ := strings.Cut(text, "%")
		want, err := netip.ParseAddr(bare)
		// A zone is of IPv6 alone, and is not empty.
		good := err == nil && (len(bare) == len(text) || want.Is6() && len(bare)+1 < len(text))
		if ok != good || ok && got != want.Unmap() {
			t.Errorf("parseAddr(%q): got %v, %t, want %v, %t", text, got, ok, want, good)
		}
	})
}
