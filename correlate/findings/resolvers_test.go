package findings

import (
	"net/netip"
	"strings"
	"testing"

	"flowname/correlate"
	"flowname/flows"
)

func TestDoH(t *testing.T) {
	d, err := NewDoH("*.dns.corp.example\r\n192.0.2.77 # ours\n\nDNS.Corp.Example.\n203.0.113.64/26\n::ffff:192.0.2.78\n::ffff:198.51.100.0/120")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{
		"dns.google": true, "google": false, "www.dns.google": false, "cloudflare-dns.com": true, "mozilla.cloudflare-dns.com": true,
		"a.b.cloudflare-dns.com": true, "xcloudflare-dns.com": false, "www.quad9.net": false, "dns.quad9.net": true,
		"abc123.dns.nextdns.io": true, "nextdns.io": false, "q.dns.corp.example": true, "dns.corp.example": true,
		"corp.example": false, "": false, ".": false, "com": false,
	} {
		if got := d.Name(name); got != want {
			t.Errorf("name %q: got %v, want %v", name, got, want)
		}
	}
	for addr, want := range map[string]bool{
		"8.8.8.8": true, "8.8.8.9": false, "2620:fe::fe": true, "2620:fe::ff": false, "45.90.28.200": true, "45.90.29.200": false,
		"192.0.2.77": true, "192.0.2.78": true, "203.0.113.127": true, "203.0.113.128": false,
		"198.51.100.255": true, "198.51.101.0": false,
	} {
		if got := d.Addr(netip.MustParseAddr(addr)); got != want {
			t.Errorf("address %s: got %v, want %v", addr, got, want)
		}
	}
	if d.Addr(netip.Addr{}) {
		t.Error("no address is a service")
	}
	short, err := NewDoH("*.a.io\nx.io") // shorter than what is told apart by its end
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"x.io": true, "q.a.io": true, "long.name.a.io": true, "a.io": false, "xx.io": false} {
		if got := short.Name(name); got != want {
			t.Errorf("name %q: got %v, want %v", name, got, want)
		}
	}
	for _, text := range []string{"https://dns.example/dns-query", "ok.example\nlocalhost", "a b.example", "192.0.2.0/33"} {
		if _, err := NewDoH(text); err == nil || !strings.Contains(err.Error(), "line ") {
			t.Errorf("%q: error %v, want one that tells the line", text, err)
		}
	}
}

func TestResolversAllocateNothing(t *testing.T) {
	f, r := askingFlow(t)
	if n := testing.AllocsPerRun(1000, func() { r.Flow(f, false) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// askingFlow is one to a web site, which costs most to look at.
func askingFlow(t testing.TB) (*correlate.Flow, *Resolvers) {
	t.Helper()
	doh, err := NewDoH()
	if err != nil {
		t.Fatal(err)
	}
	f := &correlate.Flow{Record: &flows.Record{
		Src: alice, SrcPort: 40000, Dst: netip.MustParseAddr("192.0.2.1"), DstPort: 443, Proto: flows.ProtoTCP,
	}}
	return f, &Resolvers{Allowed: []netip.Prefix{netip.MustParsePrefix("10.0.0.53/32")}, Inside: &correlate.Inside{}, DoH: doh}
}

func BenchmarkResolversFlow(b *testing.B) {
	f, r := askingFlow(b)
	b.ReportAllocs()
	for b.Loop() {
		if r.Flow(f, false) != 0 {
			b.Fatal("a web site is taken for a resolver")
		}
	}
}
