package dnscache

import "testing"

func TestDomain(t *testing.T) {
	for name, want := range map[string]string{
		"www.shop.example":           "shop.example",
		"shop.example":               "shop.example",
		"example":                    "",
		".":                          "",
		"":                           "",
		"a.b.bbc.co.uk":              "bbc.co.uk",
		"co.uk":                      "",
		"someone.github.io":          "someone.github.io",
		"x.someone.github.io":        "someone.github.io",
		`a\.b.example`:               `a\.b.example`,
		`x.a\.b.example`:             `a\.b.example`,
		`a\\.b.example`:              `b.example`,
		`\000\.com`:                  "",
		"4.3.2.1.in-addr.arpa":       "1.in-addr.arpa",
		"_dns.resolver.arpa":         "resolver.arpa",
		"host.corp.internal":         "corp.internal",
		"xn--bcher-kva.example":      "xn--bcher-kva.example",
		"deep.under.www.ck":          "www.ck",
		"deep.under.something.ck":    "under.something.ck",
		"s3.eu-west-1.amazonaws.com": "",
	} {
		if got := Domain(name); got != want {
			t.Errorf("Domain(%q) = %q, want %q", name, got, want)
		}
	}
}

// TestDomainOfMatches: matches tell where the domain of their name begins.
func TestDomainOfMatches(t *testing.T) {
	for name, want := range map[string]string{"www.shop.example": "shop.example", "shop.example": "shop.example", "co.uk": "", "example": ""} {
		c := open(t, Config{})
		c.File(&Response{TimeNs: t0, Client: alice, Name: []byte(name), Source: SourceDnstap, Addrs: []Addr{{server, 60}}}, t0)
		got := c.AppendClient(nil, alice, server, t0, 0, t0)
		if len(got) != 1 {
			t.Fatalf("%s: got %d matches", name, len(got))
		}
		if domain, ok := DomainOf(got[0].Name, got[0].DomainAt); !ok || domain != want {
			t.Errorf("DomainOf(%q, %d) = %q, %t, want %q", got[0].Name, got[0].DomainAt, domain, ok, want)
		}
	}
	for at, want := range map[uint16]bool{0: false, 1: true, 4: true, 5: false, 65535: false} {
		if _, ok := DomainOf("abc", at); ok != want {
			t.Errorf("DomainOf(abc, %d) is known: %t, want %t", at, ok, want)
		}
	}
}
