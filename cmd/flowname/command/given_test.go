package command

import (
	"fmt"
	"strings"
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
	for given, want := range map[string]string{
		"192.0.2.7":            "192.0.2.7/32",
		"192.0.2.7/24":         "192.0.2.0/24",
		"0.0.0.0/0":            "0.0.0.0/0",
		"2001:db8::1":          "2001:db8::1/128",
		"2001:DB8::1/32":       "2001:db8::/32",
		"::/0":                 "::/0",
		"fe80::1%eth0":         "fe80::1/128",
		"::ffff:192.0.2.7":     "192.0.2.7/32",
		"::ffff:c000:207":      "192.0.2.7/32",
		"::FFFF:192.0.2.7%x":   "192.0.2.7/32",
		"::ffff:192.0.2.7/128": "192.0.2.7/32",
		"::ffff:192.0.2.7/120": "192.0.2.0/24",
		"::ffff:10.0.0.0/104":  "10.0.0.0/8",
		"::ffff:0:0/96":        "0.0.0.0/0",
		"::192.0.2.7":          "::c000:207/128", // IPv4-compatible is something else
		"64:ff9b::192.0.2.7":   "64:ff9b::c000:207/128",
	} {
		got, err := ParseNetworks("--exporter", []string{"198.51.100.0/24", given})
		if err != nil || fmt.Sprint(got) != "[198.51.100.0/24 "+want+"]" {
			t.Errorf("%q: got %v, %v, want %s behind another", given, got, err, want)
		}
	}
	for wrong, want := range map[string]string{
		"":                            `--exporter: "" is neither a network such as 192.0.2.0/24 nor an address`,
		" 192.0.2.7":                  "neither",
		"router1":                     "neither",
		"192.0.2.0/33":                "neither",
		"192.0.2.0/-1":                "neither",
		"192.0.2.0/":                  "neither",
		"192.0.2":                     "neither",
		"192.0.2.0/24,192.0.3.0/24":   "neither",
		"192.0.2.0/255.255.255.0":     "neither",
		"192.0.2.1-192.0.2.9":         "neither",
		"192.0.2.7:2055":              "neither",
		"[2001:db8::1]":               "neither",
		"fe80::1%eth0/64":             "neither",
		"::ffff:192.0.2.7/129":        "neither",
		"::ffff:192.0.2.7/24":         "wider than IPv4-mapped addresses are: give an IPv4 network such as 192.0.2.0/24",
		"::ffff:0:0/95":               "wider",
		"198.51.100.0/24 192.0.2.1/1": "neither",
	} {
		if got, err := ParseNetworks("--exporter", []string{"198.51.100.0/24", wrong}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, %v, want an error with %q", wrong, got, err, want)
		}
	}
}
