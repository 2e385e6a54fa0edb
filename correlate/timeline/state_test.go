package timeline

import (
	"net/netip"
	"strings"
	"testing"

	"flowname/correlate/indicators"
)

func TestStateOf(t *testing.T) {
	var b indicators.Builder
	if _, err := b.Read("sinkholes", strings.NewReader("192.0.2.0/24\n10.66.66.66\nsink.example\n")); err != nil {
		t.Fatal(err)
	}
	set := b.Set()
	for _, c := range []struct {
		addr, canonical string
		want            State
	}{
		{"198.51.100.1", "", Live}, {"2001:db8::1", "c2.example", Live}, {"::ffff:198.51.100.1", "", Live},
		{"192.0.2.7", "", Sinkholed}, {"10.66.66.66", "", Sinkholed}, {"198.51.100.1", "x.sink.example", Sinkholed},
		{"198.51.100.1", "sink.example", Sinkholed}, {"198.51.100.1", "xsink.example", Live},
		{"10.1.2.3", "", Private}, {"192.168.0.1", "", Private}, {"172.31.0.1", "", Private}, {"172.32.0.1", "", Live},
		{"100.64.0.1", "", Private}, {"100.128.0.1", "", Live}, {"169.254.1.1", "", Private}, {"fe80::1", "", Private}, {"fd00::1", "", Private},
		{"0.0.0.0", "", NullRouted}, {"0.1.2.3", "", NullRouted}, {"127.0.0.53", "", NullRouted}, {"::", "", NullRouted}, {"::1", "", NullRouted},
		{"224.0.0.1", "", NullRouted}, {"255.255.255.255", "", NullRouted}, {"240.0.0.1", "", NullRouted}, {"100::1", "", NullRouted}, {"ff02::1", "", NullRouted},
	} {
		if got := StateOf(netip.MustParseAddr(c.addr), c.canonical, set); got != c.want {
			t.Errorf("%s, %q: %v, want %v", c.addr, c.canonical, got, c.want)
		}
	}
	if got := StateOf(netip.MustParseAddr("192.0.2.7"), "sink.example", nil); got != Live {
		t.Errorf("without sinkholes: %v", got)
	}
}
