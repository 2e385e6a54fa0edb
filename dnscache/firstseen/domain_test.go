package firstseen

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
