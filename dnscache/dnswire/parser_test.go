package dnswire

import (
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"flowname/dnscache"
)

// pack makes the response to a question, "name TYPE" or "name CLASS TYPE", from
// records in the form of a zone file. Those of the authority section begin with
// "ns:", of the additional section with "ar:".
func pack(t testing.TB, question string, records ...string) []byte {
	t.Helper()
	m := new(dns.Msg)
	m.Id, m.Response, m.Compress = 0x1234, true, true
	f := strings.Fields(question)
	q := dns.Question{Name: f[0], Qclass: dns.ClassINET, Qtype: dns.StringToType[f[len(f)-1]]}
	if len(f) == 3 {
		q.Qclass = dns.StringToClass[f[1]]
	}
	m.Question = []dns.Question{q}
	for _, text := range records {
		section := &m.Answer
		if rest, ok := strings.CutPrefix(text, "ns:"); ok {
			section, text = &m.Ns, rest
		} else if rest, ok := strings.CutPrefix(text, "ar:"); ok {
			section, text = &m.Extra, rest
		}
		*section = append(*section, parseRecord(t, text))
	}
	msg, err := m.Pack()
	if err != nil {
		t.Fatalf("pack %q: %v", question, err)
	}
	return msg
}

// parseRecord makes a record. One with TYPEn and \# is taken as it stands, since
// NewRR would look into its data.
func parseRecord(t testing.TB, text string) dns.RR {
	t.Helper()
	if f := strings.Fields(text); len(f) > 5 && f[4] == `\#` {
		var ttl, class, typ int
		if _, err := fmt.Sscanf(f[1]+" "+strings.Replace(f[2], "IN", "CLASS1", 1)+" "+f[3], "%d CLASS%d TYPE%d", &ttl, &class, &typ); err != nil {
			t.Fatalf("record %q: %v", text, err)
		}
		header := dns.RR_Header{Name: f[0], Ttl: uint32(ttl), Class: uint16(class), Rrtype: uint16(typ)}
		return &dns.RFC3597{Hdr: header, Rdata: strings.Join(f[6:], "")}
	}
	rr, err := dns.NewRR(text)
	if err != nil {
		t.Fatalf("record %q: %v", text, err)
	}
	return rr
}

// show writes what a Response says in one line: name > canonical: addr/ttl ...
func show(r *dnscache.Response) string {
	var b strings.Builder
	b.Write(r.Name)
	if r.Canonical != nil {
		fmt.Fprintf(&b, " > %s", r.Canonical)
	}
	b.WriteByte(':')
	for _, a := range r.Addrs {
		fmt.Fprintf(&b, " %v/%d", a.Addr, a.TTL)
	}
	return b.String()
}

// A parseCase is a message and what Parse makes of it. Each counter named in
// stats, with words between, must be raised; each in none must not.
type parseCase struct {
	name  string
	msg   []byte
	cfg   Config
	want  string
	rcode uint16
	err   error
	stats string
}

func allCases(t testing.TB) []parseCase {
	var all []parseCase
	for _, f := range []func(testing.TB) []parseCase{
		chainCases, dnameCases, serviceCases, addressCases, questionCases, cutCases, boundCases,
	} {
		all = append(all, f(t)...)
	}
	return all
}

func TestParse(t *testing.T) {
	for _, c := range allCases(t) {
		t.Run(c.name, func(t *testing.T) {
			p := NewParser(c.cfg)
			// Old contents must not shine through, other fields must stay.
			client := netip.MustParseAddr("192.0.2.99")
			got := dnscache.Response{
				TimeNs: 7, Client: client, Name: []byte("x"), Canonical: []byte("y"),
				Type: 99, RCode: 99, Addrs: make([]dnscache.Addr, 3),
			}
			err := p.Parse(&got, c.msg)
			if err != c.err {
				t.Errorf("%x\nerror %v, want %v", c.msg, err, c.err)
			}
			if s := show(&got); s != c.want {
				t.Errorf("%x\ngot  %s\nwant %s", c.msg, s, c.want)
			}
			if got.RCode != c.rcode {
				t.Errorf("rcode %d, want %d", got.RCode, c.rcode)
			}
			if got.TimeNs != 7 || got.Client != client {
				t.Errorf("Parse changed TimeNs or Client: %+v", got)
			}
			raised := raisedCounters(p.Stats())
			for _, s := range strings.Fields(c.stats) {
				if raised[s] == 0 {
					t.Errorf("counter %s was not raised: %+v", s, p.Stats())
				}
			}
			checkInvariants(t, p, &got)
		})
	}
}

// TestStatsRaised fails for a counter that no case names, for such a one could
// rot.
func TestStatsRaised(t *testing.T) {
	named := map[string]bool{}
	for _, c := range allCases(t) {
		for _, s := range strings.Fields(c.stats) {
			named[s] = true
		}
	}
	for f := range reflect.TypeFor[Stats]().Fields() {
		if !named[f.Name] && f.Name != "Messages" {
			t.Errorf("no case raises Stats.%s", f.Name)
		}
	}
}

func raisedCounters(s Stats) map[string]uint64 {
	raised := map[string]uint64{}
	v := reflect.ValueOf(s)
	for i := range v.NumField() {
		raised[v.Type().Field(i).Name] = v.Field(i).Uint()
	}
	return raised
}

// checkInvariants is what holds for every Response, whatever the message.
func checkInvariants(t *testing.T, p *Parser, r *dnscache.Response) {
	t.Helper()
	if len(r.Addrs) > MaxAddrs {
		t.Errorf("%d addresses", len(r.Addrs))
	}
	if len(r.Addrs) > 0 && (len(r.Name) == 0 || r.RCode != 0) {
		t.Errorf("addresses without a name or with rcode %d", r.RCode)
	}
	if r.Canonical != nil && string(r.Canonical) == string(r.Name) {
		t.Errorf("canonical is the name %q", r.Name)
	}
	seen := map[netip.Addr]bool{}
	for _, a := range r.Addrs {
		if !a.Addr.IsValid() || a.Addr != a.Addr.Unmap() || a.TTL > dnscache.MaxTTL || seen[a.Addr] {
			t.Errorf("bad address %v ttl %d (seen before: %v)", a.Addr, a.TTL, seen[a.Addr])
		}
		seen[a.Addr] = true
	}
	for _, c := range append(append([]byte{}, r.Name...), r.Canonical...) {
		if c <= ' ' || c > '~' || c-'A' < 26 {
			t.Errorf("octet %#x in %q or %q", c, r.Name, r.Canonical)
		}
	}
	if s := p.Stats(); s.Addresses < s.Named || s.Messages == 0 {
		t.Errorf("counters disagree: %+v", s)
	}
}

func TestConfigValidate(t *testing.T) {
	for pfx, ok := range map[string]bool{
		"2001:db8::/32": true, "2001:db8::/64": true, "2001:db8::/96": true, "64:ff9b:1::/48": true,
		"2001:db8::/33": false, "192.0.2.0/24": false, "::ffff:0:0/96": false, "2001:db8:0:0:100::/96": false,
	} {
		cfg := Config{DNS64: []netip.Prefix{netip.MustParsePrefix(pfx)}}
		if err := cfg.Validate(); (err == nil) != ok {
			t.Errorf("%s: error %v, want ok %v", pfx, err, ok)
		}
		if n := len(NewParser(cfg).dns64); (n == 2) != ok {
			t.Errorf("%s: parser has %d prefixes", pfx, n)
		}
	}
}

// TestParseReuse parses different messages with one parser: nothing of one may
// show in the next.
func TestParseReuse(t *testing.T) {
	p := NewParser(Config{})
	var r dnscache.Response
	for range 2 {
		for _, c := range allCases(t) {
			if c.cfg.DNS64 != nil {
				continue
			}
			if err := p.Parse(&r, c.msg); err != c.err {
				t.Errorf("%s: error %v, want %v", c.name, err, c.err)
			}
			if diff := cmp.Diff(c.want, show(&r)); diff != "" {
				t.Errorf("%s: %s", c.name, diff)
			}
		}
	}
}

// TestParseCut parses the start of each message, at every length.
func TestParseCut(t *testing.T) {
	p := NewParser(Config{})
	var r, whole dnscache.Response
	for _, c := range allCases(t) {
		if len(c.msg) > 600 {
			continue
		}
		q := NewParser(Config{})
		q.Parse(&whole, c.msg)
		for n := range c.msg {
			// No room behind the cut: reading beyond it would panic.
			cut := append(make([]byte, 0, n), c.msg[:n]...)
			err := p.Parse(&r, cut)
			checkInvariants(t, p, &r)
			if err != nil && err != ErrTruncated && len(r.Addrs) > 0 {
				t.Fatalf("%s cut at %d: %v with %s", c.name, n, err, show(&r))
			}
		}
	}
}

func typical(t testing.TB) []byte {
	return pack(t, "www.shop.example. A",
		"www.shop.example. 300 IN CNAME shop.cdn.example.net.", "shop.cdn.example.net. 60 IN CNAME edge7.cdn.example.net.",
		"edge7.cdn.example.net. 20 IN A 192.0.2.1", "edge7.cdn.example.net. 20 IN A 192.0.2.2",
		"edge7.cdn.example.net. 20 IN A 192.0.2.3", "edge7.cdn.example.net. 20 IN A 192.0.2.4")
}

func TestParseAllocs(t *testing.T) {
	for _, c := range append(allCases(t), parseCase{name: "typical", msg: typical(t)}) {
		p := NewParser(c.cfg)
		var r dnscache.Response
		if n := testing.AllocsPerRun(10, func() { p.Parse(&r, c.msg) }); n != 0 {
			t.Errorf("%s: %v allocations", c.name, n)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	for _, bench := range []struct {
		name string
		msg  []byte
	}{
		{"2CNAME4A", typical(b)},
		{"1A", pack(b, "www.example. A", "www.example. 300 IN A 192.0.2.1")},
		{"HTTPS", pack(b, "a.example. HTTPS", "a.example. 60 IN HTTPS 1 . alpn=h2 ipv4hint=192.0.2.1 ipv6hint=2001:db8::1")},
		{"1024strays", pack(b, "a.example. A", strays(1024)...)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			p := NewParser(Config{})
			var r dnscache.Response
			b.SetBytes(int64(len(bench.msg)))
			b.ReportAllocs()
			for b.Loop() {
				if err := p.Parse(&r, bench.msg); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// strays is n addresses of other names, each a name to read in full.
func strays(n int) []string {
	records := make([]string, n)
	for i := range records {
		records[i] = fmt.Sprintf("stray%d.of.a.chain.long.enough.to.cost.example. 60 IN A 192.0.2.1", i)
	}
	return records
}
