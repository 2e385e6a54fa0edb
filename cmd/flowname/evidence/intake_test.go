package evidence

import (
	"net/netip"
	"testing"

	"github.com/miekg/dns"

	"flowname/dnscache"
	"flowname/dnscache/dnstap"
	"flowname/dnscache/dnswire"
)

// withSubnet packs a message about a.example that may tell a client subnet.
func withSubnet(t *testing.T, response bool, subnet string) []byte {
	t.Helper()
	var m dns.Msg
	m.SetQuestion("a.example.", dns.TypeA)
	m.Response = response
	if response {
		m.Answer = []dns.RR{&dns.A{
			Hdr: dns.RR_Header{Name: "a.example.", Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60}, A: []byte{192, 0, 2, 1},
		}}
	}
	if subnet != "" {
		p := netip.MustParsePrefix(subnet)
		m.Extra = []dns.RR{&dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT}, Option: []dns.EDNS0{&dns.EDNS0_SUBNET{
			Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: uint8(p.Bits()), Address: p.Addr().AsSlice(),
		}}}}
	}
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestForwardersByDnstap: of a forwarder's clients those are known that it tells
// in its query, whether or not the response repeats it.
func TestForwardersByDnstap(t *testing.T) {
	forwarder := netip.MustParseAddrPort("10.0.0.53:4711")
	for _, c := range []struct{ query, response, want string }{
		{"", "", "invalid IP"},
		{"10.1.2.3/32", "", "10.1.2.3"},
		{"", "10.1.2.3/32", "10.1.2.3"},
		{"10.1.2.0/24", "10.1.2.0/24", "invalid IP"},
	} {
		cache, err := dnscache.Open(dnscache.Config{Forwarders: []netip.Prefix{netip.MustParsePrefix("10.0.0.53/32")}})
		if err != nil {
			t.Fatal(err)
		}
		in := NewIntake(dnswire.Config{}, func(r *dnscache.Response) { cache.File(r, 1) })
		in.Dnstap(&dnstap.Message{
			Type: dnstap.ClientResponse, TimeNs: 1, Client: forwarder,
			Wire: withSubnet(t, true, c.response), Query: withSubnet(t, false, c.query),
		})
		err = cache.History(t.Context(), dnscache.Query{Name: "a.example"}, func(r dnscache.Row) bool {
			if r.Client.String() != c.want {
				t.Errorf("query with %q, response with %q: client %v, want %s", c.query, c.response, r.Client, c.want)
			}
			return true
		})
		if st := cache.Stats(); err != nil || st.Answers != 1 || st.Forwarded != 1 {
			t.Errorf("query with %q: %+v, %v", c.query, st, err)
		}
	}
}
