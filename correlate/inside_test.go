package correlate

import (
	"net/netip"
	"testing"

	"flowname/dnscache"
)

func TestInside(t *testing.T) {
	cache, err := dnscache.Open(dnscache.Config{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	cache.Saw(netip.MustParseAddr("203.0.113.9"), 1)
	in := Inside{Networks: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("2001:db8::/32")}, Cache: cache}
	for text, want := range map[string]struct{ known, ours, public bool }{
		"10.1.2.3":        {true, true, false},
		"172.31.0.1":      {true, true, false},
		"172.32.0.1":      {false, false, true},
		"192.168.0.1":     {true, true, false},
		"100.64.0.1":      {true, true, false},
		"100.128.0.1":     {false, false, true},
		"fd00::1":         {true, true, false},
		"2001:db8::1":     {true, true, false},
		"2001:db9::1":     {false, false, true},
		"198.51.100.7":    {true, true, false},
		"203.0.113.9":     {false, true, true},
		"203.0.113.10":    {false, false, true},
		"224.0.0.251":     {false, false, false},
		"255.255.255.255": {false, false, false},
		"127.0.0.1":       {false, false, false},
		"fe80::1":         {false, false, false},
		"0.0.0.0":         {false, false, false},
	} {
		a := netip.MustParseAddr(text)
		if known, ours, public := in.Known(a), in.Ours(a), in.Public(a); known != want.known || ours != want.ours || public != want.public {
			t.Errorf("%s: known %v, ours %v, public %v; want %+v", a, known, ours, public, want)
		}
	}
	if (&Inside{}).Public(netip.Addr{}) {
		t.Error("no address is public")
	}
}
