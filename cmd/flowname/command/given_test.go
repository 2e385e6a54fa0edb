package command

import (
	"fmt"
	"testing"
)

func TestCanonicalName(t *testing.T) {
	for given, want := range map[string]string{
		"Shop.Example.": "shop.example",
		"*.EXAMPLE":     "*.example",
		"*":             "*.", "*.": "*.",
		".": ".", "": "",
		`a\.`: `a\.`,
		"É":   "É", // only ASCII has a case (RFC 4343)
	} {
		if got := CanonicalName(given); got != want {
			t.Errorf("%q: got %q, want %q", given, got, want)
		}
	}
}

func TestParseNetworks(t *testing.T) {
	got, err := ParseNetworks("--exporter", []string{"192.0.2.7/24", "198.51.100.7", "2001:db8::1"})
	if want := "[192.0.2.0/24 198.51.100.7/32 2001:db8::1/128]"; err != nil || fmt.Sprint(got) != want {
		t.Errorf("got %v, %v, want %s", got, err, want)
	}
	for _, wrong := range []string{"", "router1", "192.0.2.0/33"} {
		if got, err := ParseNetworks("--exporter", []string{wrong}); err == nil {
			t.Errorf("%q: got %v, want an error", wrong, got)
		}
	}
}
