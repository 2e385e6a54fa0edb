package dnswire

import (
	"net/netip"
	"testing"

	"github.com/miekg/dns"

	"flowname/dnscache"
)

// edns is a message about a.example with options in its OPT record, and what
// stands before that.
func edns(t testing.TB, response bool, options ...dns.EDNS0) []byte {
	t.Helper()
	var m dns.Msg
	m.SetQuestion("a.example.", dns.TypeA)
	m.Response = response
	if response {
		m.Answer = append(m.Answer, &dns.A{
			Hdr: dns.RR_Header{Name: "a.example.", Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60}, A: []byte{192, 0, 2, 1},
		})
		m.Ns = append(m.Ns, &dns.NS{Hdr: dns.RR_Header{Name: "example.", Rrtype: dns.TypeNS, Class: dns.ClassINET}, Ns: "ns.example."})
	}
	opt := &dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT}, Option: options}
	m.Extra = append(m.Extra, &dns.A{
		Hdr: dns.RR_Header{Name: "ns.example.", Rrtype: dns.TypeA, Class: dns.ClassINET}, A: []byte{192, 0, 2, 2},
	}, opt)
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func subnetOption(data ...byte) dns.EDNS0 { return &dns.EDNS0_LOCAL{Code: optionSubnet, Data: data} }

func TestSubnet(t *testing.T) {
	cookie := &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0102030405060708"}
	six := make([]byte, 20)
	copy(six, []byte{0, 2, 128, 0, 0x20, 1, 0x0d, 0xb8})
	six[19] = 9
	for _, tt := range []struct {
		name    string
		options []dns.EDNS0
		want    string // empty: none
	}{
		{"none", nil, ""},
		{"other options", []dns.EDNS0{cookie}, ""},
		{"a host", []dns.EDNS0{cookie, subnetOption(0, 1, 32, 0, 10, 1, 2, 3)}, "10.1.2.3/32"},
		{"a host, scoped", []dns.EDNS0{subnetOption(0, 1, 32, 24, 10, 1, 2, 3)}, "10.1.2.3/32"},
		{"a network", []dns.EDNS0{subnetOption(0, 1, 20, 0, 10, 1, 0x20), cookie}, "10.1.32.0/20"},
		{"of IPv6", []dns.EDNS0{subnetOption(six...)}, "2001:db8::9/128"},
		{"all", []dns.EDNS0{subnetOption(0, 1, 0, 0)}, "0.0.0.0/0"},
		{"two, the first counts", []dns.EDNS0{subnetOption(0, 1, 8, 0, 10), subnetOption(0, 1, 8, 0, 11)}, "10.0.0.0/8"},
		{"bits beyond the length", []dns.EDNS0{subnetOption(0, 1, 20, 0, 10, 1, 0x2f)}, ""},
		{"too few octets", []dns.EDNS0{subnetOption(0, 1, 32, 0, 10, 1, 2)}, ""},
		{"too many octets", []dns.EDNS0{subnetOption(0, 1, 24, 0, 10, 1, 2, 0)}, ""},
		{"too long", []dns.EDNS0{subnetOption(0, 1, 33, 0, 10, 1, 2, 3, 0)}, ""},
		{"longer than any", []dns.EDNS0{subnetOption(append([]byte{0, 2, 255, 0}, make([]byte, 32)...)...)}, ""},
		{"no family", []dns.EDNS0{subnetOption(0, 3, 8, 0, 10)}, ""},
		{"cut", []dns.EDNS0{subnetOption(0, 1, 8)}, ""},
	} {
		var want netip.Prefix
		if tt.want != "" {
			want = netip.MustParsePrefix(tt.want)
		}
		p := NewParser(Config{})
		r := dnscache.Response{Subnet: netip.MustParsePrefix("192.0.2.0/24")} // of the message before
		if err := p.Parse(&r, edns(t, true, tt.options...)); err != nil || r.Subnet != want || len(r.Addrs) != 1 {
			t.Errorf("%s: Parse gives %v, %v, want %v", tt.name, r.Subnet, err, want)
		}
		for _, msg := range [][]byte{edns(t, true, tt.options...), edns(t, false, tt.options...)} {
			if got := Subnet(msg); got != want {
				t.Errorf("%s: Subnet(%x): got %v, want %v", tt.name, msg, got, want)
			}
			for n := range msg { // whatever is cut off
				if got := Subnet(msg[:n]); got.IsValid() {
					t.Errorf("%s: Subnet of %d octets is %v", tt.name, n, got)
				}
			}
		}
	}
}

func TestSubnetAllocatesNothing(t *testing.T) {
	msg := edns(t, true, subnetOption(0, 1, 32, 0, 10, 1, 2, 3))
	p := NewParser(Config{})
	var r dnscache.Response
	if n := testing.AllocsPerRun(100, func() {
		if err := p.Parse(&r, msg); err != nil || Subnet(msg) != r.Subnet {
			t.Fatal(r, err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzSubnet(f *testing.F) {
	f.Add(edns(f, false, subnetOption(0, 1, 32, 0, 10, 1, 2, 3)))
	f.Add(edns(f, true, subnetOption(0, 2, 7, 0, 0x20)))
	f.Fuzz(func(t *testing.T, msg []byte) {
		if p := Subnet(msg); p.IsValid() && p != p.Masked() {
			t.Errorf("%x: got %v", msg, p)
		}
	})
}
