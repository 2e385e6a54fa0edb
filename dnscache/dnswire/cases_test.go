package dnswire

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"flowname/dnscache"
)

func chainCases(t testing.TB) []parseCase {
	loop := []string{"a.example. 60 IN CNAME b.example.", "b.example. 60 IN CNAME a.example.", "b.example. 60 IN A 192.0.2.1"}
	return []parseCase{
		{name: "plain", msg: pack(t, "www.Example. A", "www.example. 300 IN A 192.0.2.1", "www.example. 300 IN A 192.0.2.2"),
			want: "www.example: 192.0.2.1/300 192.0.2.2/300", stats: "Named Addresses"},
		{name: "chain, least TTL", msg: pack(t, "a.example. A", "a.example. 120 IN CNAME b.example.", "b.example. 30 IN CNAME c.example.", "c.example. 300 IN A 192.0.2.1"),
			want: "a.example > c.example: 192.0.2.1/30"},
		{name: "chain backwards", msg: pack(t, "a.example. A", "c.example. 300 IN A 192.0.2.1", "b.example. 30 IN CNAME c.example.", "a.example. 120 IN CNAME b.example."),
			want: "a.example > c.example: 192.0.2.1/30"},
		{name: "address in mid-chain", msg: pack(t, "a.example. A", "a.example. 120 IN CNAME b.example.", "b.example. 30 IN CNAME c.example.", "b.example. 300 IN A 192.0.2.2", "a.example. 300 IN A 192.0.2.3", "c.example. 20 IN A 192.0.2.1"),
			want: "a.example > c.example: 192.0.2.2/120 192.0.2.3/300 192.0.2.1/20"},
		{name: "off the chain", msg: pack(t, "a.example. A", "a.example. 120 IN A 192.0.2.1", "bank.example. 30 IN A 192.0.2.2", "bank.example. 30 IN CNAME a.example."),
			want: "a.example: 192.0.2.1/120", stats: "OffChain"},
		{name: "authority and additional", msg: pack(t, "a.example. A", "a.example. 120 IN A 192.0.2.1", "ns:a.example. 120 IN A 192.0.2.2", "ar:a.example. 120 IN A 192.0.2.3"),
			want: "a.example: 192.0.2.1/120"},
		{name: "chain needs the additional section", msg: pack(t, "a.example. A", "a.example. 120 IN CNAME b.example.", "ar:b.example. 120 IN A 192.0.2.3"),
			want: "a.example > b.example:"},
		{name: "case of owners", msg: pack(t, "wWw.eXample. A", "WWW.EXAMPLE. 120 IN CNAME B.example.", "b.EXAMPLE. 30 IN A 192.0.2.1"),
			want: "www.example > b.example: 192.0.2.1/30"},
		{name: "two CNAMEs, the first counts", msg: pack(t, "a.example. A", "a.example. 1 IN CNAME b.example.", "a.example. 2 IN CNAME c.example.", "b.example. 30 IN A 192.0.2.1", "c.example. 30 IN A 192.0.2.2"),
			want: "a.example > b.example: 192.0.2.1/1", stats: "OffChain"},
		{name: "loop", msg: pack(t, "a.example. A", loop...),
			want: "a.example > b.example: 192.0.2.1/60", stats: "Loops"},
		{name: "loop to itself", msg: pack(t, "a.example. A", "a.example. 60 IN CNAME a.example.", "a.example. 60 IN A 192.0.2.1"),
			want: "a.example: 192.0.2.1/60", stats: "Loops"},
		{name: "sixteen steps", msg: pack(t, "n0.example. A", stairs(16)...),
			want: "n0.example > n16.example: 192.0.2.1/60"},
		{name: "seventeen steps", msg: pack(t, "n0.example. A", stairs(17)...),
			want: "n0.example > n16.example:", stats: "LongChains OffChain"},
		{name: "alias to the root", msg: pack(t, "a.example. A", "a.example. 60 IN CNAME ."),
			want: "a.example > .:"},
		{name: "CHAOS record", msg: pack(t, "a.example. A", "a.example. 60 CH CNAME b.example.", "a.example. 60 CH A 192.0.2.1", "a.example. 60 IN A 192.0.2.2"),
			want: "a.example: 192.0.2.2/60"},
	}
}

// stairs is a chain of n CNAME records from n0.example., last record first, and
// the address at its end.
func stairs(n int) []string {
	records := []string{fmt.Sprintf("n%d.example. 60 IN A 192.0.2.1", n)}
	for i := n - 1; i >= 0; i-- {
		records = append(records, fmt.Sprintf("n%d.example. 60 IN CNAME n%d.example.", i, i+1))
	}
	return records
}

func dnameCases(t testing.TB) []parseCase {
	long := strings.Repeat(strings.Repeat("x", 49)+".", 4)
	return []parseCase{
		{name: "dname with its CNAME", msg: pack(t, "w.old.example. A", "old.example. 300 IN DNAME new.example.", "w.old.example. 200 IN CNAME w.new.example.", "w.new.example. 250 IN A 192.0.2.60"),
			want: "w.old.example > w.new.example: 192.0.2.60/200"},
		{name: "dname alone", msg: pack(t, "v.W.old.example. A", "w.new.example. 9 IN A 192.0.2.61", "v.w.new.example. 250 IN A 192.0.2.60", "OLD.example. 240 IN DNAME New.example."),
			want: "v.w.old.example > v.w.new.example: 192.0.2.60/240", stats: "Synthesised OffChain"},
		{name: "dname does not move its owner", msg: pack(t, "old.example. A", "old.example. 300 IN DNAME new.example.", "new.example. 250 IN A 192.0.2.60"),
			want: "old.example:", stats: "OffChain"},
		{name: "dname is not a suffix of octets", msg: pack(t, "bold.example. A", "old.example. 300 IN DNAME new.example.", "bnew.example. 250 IN A 192.0.2.60"),
			want: "bold.example:", stats: "OffChain"},
		{name: "dname of the root", msg: pack(t, "a.example. A", ". 300 IN DNAME net.", "a.example.net. 250 IN A 192.0.2.60", "a.example.net.net. 250 IN A 192.0.2.61"),
			// Every name is below the root, so the chain goes on to its bound.
			want: "a.example > a.example" + strings.Repeat(".net", 16) + ": 192.0.2.60/250 192.0.2.61/250", stats: "LongChains"},
		{name: "dname to a name too long", msg: pack(t, long+"old. A", "old. 300 IN DNAME "+long+"new.", long+"old. 10 IN A 192.0.2.1"),
			want: long + "old: 192.0.2.1/10", stats: "BadData"},
		{name: "dname loop", msg: pack(t, "w.a.example. A", "a.example. 3 IN DNAME b.example.", "b.example. 3 IN DNAME a.example."),
			want: "w.a.example > w.b.example:", stats: "Loops"},
	}
}

func serviceCases(t testing.TB) []parseCase {
	return []parseCase{
		{name: "https hints", msg: pack(t, "a.example. HTTPS", `a.example. 60 IN HTTPS 1 . alpn=h2 ipv4hint=192.0.2.1,192.0.2.2 ipv6hint=2001:db8::1`),
			want: "a.example: 192.0.2.1/60 192.0.2.2/60 2001:db8::1/60"},
		{name: "svcb behind a CNAME", msg: pack(t, "_dns.a.example. SVCB", "_dns.a.example. 5 IN CNAME b.example.", `b.example. 60 IN SVCB 1 . ipv4hint=192.0.2.1`),
			want: "_dns.a.example > b.example: 192.0.2.1/5"},
		{name: "another target", msg: pack(t, "_8443._https.a.example. HTTPS", `_8443._https.a.example. 60 IN HTTPS 1 CDN.example. ipv4hint=192.0.2.1`),
			want: "_8443._https.a.example > cdn.example: 192.0.2.1/60"},
		{name: "preferred target", msg: pack(t, "a.example. HTTPS", "a.example. 60 IN HTTPS 3 three.example. ipv4hint=192.0.2.3", "a.example. 60 IN HTTPS 1 nohint.example.", "a.example. 60 IN HTTPS 2 two.example. ipv4hint=192.0.2.2", "a.example. 60 IN HTTPS 2 also.example. ipv4hint=192.0.2.4"),
			want: "a.example > two.example: 192.0.2.3/60 192.0.2.2/60 192.0.2.4/60"},
		{name: "target of its own name", msg: pack(t, "a.example. HTTPS", "a.example. 60 IN HTTPS 1 A.example. ipv4hint=192.0.2.3"),
			want: "a.example: 192.0.2.3/60"},
		{name: "alias mode", msg: pack(t, "a.example. HTTPS", "a.example. 60 IN HTTPS 0 b.example.", "b.example. 60 IN A 192.0.2.1", "ar:b.example. 60 IN A 192.0.2.2"),
			want: "a.example:", stats: "OffChain"},
		{name: "https and address", msg: pack(t, "a.example. HTTPS", "a.example. 60 IN HTTPS 1 . ipv4hint=192.0.2.3", "a.example. 90 IN A 192.0.2.3", "a.example. 90 IN A 192.0.2.4"),
			want: "a.example: 192.0.2.3/90 192.0.2.4/90"},
		{name: "hints do not answer A", msg: pack(t, "a.example. A", "a.example. 60 IN HTTPS 1 . ipv4hint=192.0.2.3"),
			want: "a.example:"},
		{name: "ANY", msg: pack(t, "a.example. ANY", "a.example. 60 IN HTTPS 1 . ipv4hint=192.0.2.3", "a.example. 60 IN AAAA 2001:db8::1", `a.example. 60 IN TXT "192.0.2.9"`),
			want: "a.example: 192.0.2.3/60 2001:db8::1/60"},
		badService(t, "keys not ascending", "0001 00 0006 0010 20010db8000000000000000000000001 0004 0004 c0000201"),
		badService(t, "key twice", "0001 00 0004 0004 c0000201 0004 0004 c0000202"),
		badService(t, "hint of three octets", "0001 00 0004 0003 c00002"),
		badService(t, "empty hint", "0001 00 0004 0000"),
		badService(t, "hint of seventeen octets", "0001 00 0006 0011 20010db800000000000000000000000100"),
		badService(t, "value beyond the record", "0001 00 0004 0008 c0000201"),
		badService(t, "key without length", "0001 00 0004"),
		badService(t, "two octets", "0001"),
		badService(t, "target beyond the record", "0001 0361"),
	}
}

// badService is a case of one HTTPS record that is malformed, beside a good one.
func badService(t testing.TB, name, rdata string) parseCase {
	rdata = strings.ReplaceAll(rdata, " ", "")
	return parseCase{
		name: "https: " + name,
		msg: pack(t, "a.example. HTTPS", fmt.Sprintf(`a.example. 60 IN TYPE65 \# %d %s`, len(rdata)/2, rdata),
			"a.example. 60 IN HTTPS 2 . ipv4hint=192.0.2.7"),
		want: "a.example: 192.0.2.7/60", stats: "BadData",
	}
}

func addressCases(t testing.TB) []parseCase {
	pfx := func(s ...string) (c Config) {
		for _, s := range s {
			c.DNS64 = append(c.DNS64, netip.MustParsePrefix(s))
		}
		return c
	}
	// The examples of RFC 6052 section 2.4.
	rfc6052 := pfx("2001:db8::/32", "2001:db8:100::/40", "2001:db8:122::/48", "2001:db8:122:300::/56", "2001:db8:122:344::/64", "2001:db8:122:344::/96")
	one := func(i int) Config { return Config{DNS64: rfc6052.DNS64[i : i+1]} }
	aaaa := func(a string) []byte { return pack(t, "a.example. AAAA", "a.example. 60 IN AAAA "+a) }
	return []parseCase{
		{name: "mapped", msg: aaaa("::ffff:192.0.2.1"), want: "a.example: 192.0.2.1/60"},
		{name: "dns64 well-known", msg: aaaa("64:ff9b::192.0.2.33"), want: "a.example: 64:ff9b::c000:221/60 192.0.2.33/60", stats: "DNS64"},
		{name: "dns64 local not configured", msg: aaaa("64:ff9b:1::192.0.2.33"), want: "a.example: 64:ff9b:1::c000:221/60"},
		{name: "dns64 /32", cfg: one(0), msg: aaaa("2001:db8:c000:221::"), want: "a.example: 2001:db8:c000:221::/60 192.0.2.33/60"},
		{name: "dns64 /40", cfg: one(1), msg: aaaa("2001:db8:1c0:2:21::"), want: "a.example: 2001:db8:1c0:2:21::/60 192.0.2.33/60"},
		{name: "dns64 /48", cfg: one(2), msg: aaaa("2001:db8:122:c000:2:2100::"), want: "a.example: 2001:db8:122:c000:2:2100::/60 192.0.2.33/60"},
		{name: "dns64 /56", cfg: one(3), msg: aaaa("2001:db8:122:3c0:0:221::"), want: "a.example: 2001:db8:122:3c0:0:221::/60 192.0.2.33/60"},
		{name: "dns64 /64", cfg: one(4), msg: aaaa("2001:db8:122:344:c0:2:2100::"), want: "a.example: 2001:db8:122:344:c0:2:2100:0/60 192.0.2.33/60"},
		{name: "dns64 /96", cfg: one(5), msg: aaaa("2001:db8:122:344::192.0.2.33"), want: "a.example: 2001:db8:122:344::c000:221/60 192.0.2.33/60"},
		{name: "dns64 reserved octet", cfg: one(0), msg: aaaa("2001:db8:c000:221:100::"), want: "a.example: 2001:db8:c000:221:100::/60"},
		{name: "dns64 hint", msg: pack(t, "a.example. HTTPS", "a.example. 60 IN HTTPS 1 . ipv6hint=64:ff9b::c000:221"), want: "a.example: 64:ff9b::c000:221/60 192.0.2.33/60"},
		{name: "duplicate", msg: pack(t, "a.example. A", "a.example. 20 IN A 192.0.2.1", "a.example. 30 IN A 192.0.2.1"), want: "a.example: 192.0.2.1/30"},
		{name: "sinkholes stay", msg: pack(t, "a.example. A", "a.example. 0 IN A 0.0.0.0", "a.example. 1 IN A 127.0.0.1", "a.example. 1 IN A 224.0.0.1"), want: "a.example: 0.0.0.0/0 127.0.0.1/1 224.0.0.1/1"},
		{name: "TTLs", msg: pack(t, "a.example. A", "a.example. 4294967295 IN A 192.0.2.1", "a.example. 2147483648 IN A 192.0.2.2", "a.example. 2147483647 IN A 192.0.2.3", "a.example. 604800 IN A 192.0.2.4"),
			want: "a.example: 192.0.2.1/0 192.0.2.2/0 192.0.2.3/604800 192.0.2.4/604800"},
		{name: "A of five octets", msg: pack(t, "a.example. A", `a.example. 60 IN TYPE1 \# 5 c000020101`, `a.example. 60 IN TYPE28 \# 4 c0000201`, "a.example. 60 IN A 192.0.2.2"),
			want: "a.example: 192.0.2.2/60", stats: "BadData"},
	}
}

func questionCases(t testing.TB) []parseCase {
	edit := func(msg []byte, f func([]byte)) []byte { f(msg); return msg }
	a := func() []byte { return pack(t, "a.example. A", "a.example. 60 IN A 192.0.2.1") }
	badvers := new(dns.Msg)
	badvers.SetQuestion("a.example.", dns.TypeA).Response = true
	badvers.SetEdns0(1232, false)
	badvers.Rcode = dns.RcodeBadVers
	extended, err := badvers.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return []parseCase{
		{name: "TXT names nothing", msg: pack(t, "a.example. TXT", "a.example. 60 IN A 192.0.2.1"), want: "a.example:", stats: "OtherQuestion"},
		{name: "class CH", msg: pack(t, "a.example. CH A", "a.example. 60 IN A 192.0.2.1"), want: "a.example:", stats: "OtherQuestion"},
		{name: "NXDOMAIN", msg: edit(a(), func(m []byte) { m[3] = 3 }), want: "a.example:", rcode: 3, stats: "Failed"},
		{name: "extended rcode", msg: extended, want: "a.example:", rcode: 16, stats: "Failed"},
		{name: "extended rcode, bad options", msg: appendRaw(a(), 10, "\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x05\x00\x08\x00\x09\xff"), want: "a.example: 192.0.2.1/60"},
		{name: "OPT in the answer", msg: appendRaw(a(), 6, "\x00\x00\x29\x04\xd0\x01\x00\x00\x00\x00\x00"), want: "a.example: 192.0.2.1/60"},
		{name: "TC", msg: edit(a(), func(m []byte) { m[2] |= 2 }), want: "a.example: 192.0.2.1/60", stats: "TC"},
		{name: "query", msg: edit(a(), func(m []byte) { m[2] = 0 }), want: ":", err: ErrNotResponse, stats: "NotResponse"},
		{name: "notify", msg: edit(a(), func(m []byte) { m[2] = 0xa0 }), want: ":", err: ErrOpcode, stats: "Opcode"},
		{name: "two questions", msg: edit(a(), func(m []byte) { m[5] = 2 }), want: ":", err: ErrQuestions, stats: "Questions"},
		{name: "no question", msg: []byte{0, 1, 0x80, 1, 11: 0}, want: ":", rcode: 1, err: ErrNoQuestion, stats: "NoQuestion"},
		{name: "header cut", msg: make([]byte, 11), want: ":", err: ErrHeader, stats: "Header"},
		{name: "too long", msg: make([]byte, 65536), want: ":", err: ErrSize, stats: "Size"},
		{name: "question cut", msg: a()[:12+11+3], want: ":", err: ErrShort, stats: "Short"},
		{name: "name cut", msg: a()[:12+5], want: ":", err: ErrName, stats: "Name"},
		{name: "name loops", msg: append(a()[:12], 0xc0, 12, 0, 1, 0, 1), want: ":", err: ErrName},
		{name: "name with an old label type", msg: append(a()[:12], 0x41, 'a', 0, 0, 1, 0, 1), want: ":", err: ErrName},
		{name: "odd name", msg: pack(t, `a\.b\\c\"d\032\010\255|;$@().Example. A`, `a\.b\\c\"d\032\010\255|\;$@\(\).example. 60 IN A 192.0.2.1`), want: `a\.b\\c"d\032\010\255|;$@().example: 192.0.2.1/60`},
		{name: "root", msg: pack(t, ". A", ". 60 IN A 192.0.2.1"), want: ".: 192.0.2.1/60"},
	}
}

// appendRaw appends the bytes of a record and raises the count at an offset of
// the header.
func appendRaw(msg []byte, count int, rr string) []byte {
	msg[count+1]++
	return append(msg, rr...)
}

func cutCases(t testing.TB) []parseCase {
	two := func() []byte {
		return pack(t, "a.example. A", "a.example. 60 IN A 192.0.2.1", "a.example. 60 IN A 192.0.2.2")
	}
	tail := pack(t, "a.example. A", "a.example. 60 IN A 192.0.2.1", "ns:example. 60 IN NS ns.example.")
	count := two()
	binary.BigEndian.PutUint16(count[6:], 65535)
	badOwner := pack(t, "a.example. A", "b.example. 60 IN A 192.0.2.1", "a.example. 60 IN A 192.0.2.2")
	// The first record's owner is the label b and a pointer: make it point at
	// itself. It can be passed over, so the second counts.
	at := 12 + 11 + 4
	badOwner[at+3] = byte(at + 2)
	badCNAME := pack(t, "a.example. A", "a.example. 60 IN CNAME b.example.", "a.example. 60 IN A 192.0.2.2")
	badCNAME[at+11]++ // its data's length: the name ends before the data does
	return []parseCase{
		{name: "answer cut", msg: two()[:len(two())-1], want: "a.example: 192.0.2.1/60", err: ErrTruncated, stats: "AnswerCut"},
		{name: "ANCOUNT too big", msg: count, want: "a.example: 192.0.2.1/60 192.0.2.2/60", err: ErrTruncated, stats: "AnswerCut"},
		{name: "authority cut", msg: tail[:len(tail)-1], want: "a.example: 192.0.2.1/60", stats: "TailCut"},
		{name: "bad owner", msg: badOwner, want: "a.example: 192.0.2.2/60", stats: "BadOwner"},
		{name: "bad CNAME", msg: badCNAME[:len(badCNAME)-1], want: "a.example:", err: ErrTruncated},
		{name: "forward pointer", msg: forward(), want: "a.example: 192.0.2.1/60"},
	}
}

// forward is a response whose question's name points at its answer's owner.
func forward() []byte {
	msg := []byte{0, 1, 0x80, 0, 0, 1, 0, 1, 0, 0, 0, 0}
	msg = append(msg, 0xc0, 18, 0, 1, 0, 1)
	msg = append(msg, "\x01a\x07example\x00"...)
	return append(msg, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1)
}

func boundCases(t testing.TB) []parseCase {
	fill := func(n int, format string) []string {
		records := make([]string, n)
		for i := range records {
			records[i] = fmt.Sprintf(format, i/250, i%250)
		}
		return records
	}
	many := pack(t, "a.example. A", fill(257, "a.example. 60 IN A 192.0.%d.%d")...)
	p := NewParser(Config{})
	var r dnscache.Response
	if err := p.Parse(&r, many); err != nil || len(r.Addrs) != MaxAddrs {
		t.Fatalf("%d addresses, error %v", len(r.Addrs), err)
	}
	last := "a.example. 60 IN A 192.0.2.1"
	return []parseCase{
		{name: "addresses beyond the bound", msg: many, want: show(&r), stats: "Beyond"},
		{name: "records beyond the bound", msg: pack(t, "a.example. A", append(fill(1024, "b.example. 60 IN A 192.0.%d.%d"), last)...),
			want: "a.example:", stats: "Beyond OffChain"},
		{name: "links beyond the bound", msg: pack(t, "a.example. A", append(fill(64, "b%d.example. 60 IN CNAME c%d.example."), "a.example. 60 IN CNAME b.example.", last)...),
			want: "a.example: 192.0.2.1/60", stats: "Beyond"},
	}
}

// TestPartial tells empty answers that are the whole answer from those that are
// not.
func TestPartial(t *testing.T) {
	with := func(msg []byte, change func(flags *[2]byte)) []byte {
		change((*[2]byte)(msg[2:4]))
		return msg
	}
	none := func(*[2]byte) {}
	const soa, ns = "ns:example. 60 IN SOA ns.example. x.example. 1 2 3 4 5", "ns:example. 60 IN NS ns.example."
	for what, c := range map[string]struct {
		msg    []byte
		change func(*[2]byte)
		want   bool
	}{
		"an answer":               {pack(t, "a.example. A", "a.example. 60 IN A 192.0.2.1"), none, false},
		"nothing at all":          {pack(t, "a.example. A"), none, false},
		"NODATA":                  {pack(t, "a.example. A", soa), none, false},
		"NODATA with NS and SOA":  {pack(t, "a.example. A", ns, soa), none, false},
		"NODATA behind an alias":  {pack(t, "a.example. A", "a.example. 60 IN CNAME b.example.", soa), none, false},
		"a referral":              {pack(t, "a.example. A", ns), none, true},
		"NS by an authority":      {pack(t, "a.example. A", ns), func(f *[2]byte) { f[0] |= 0x04 }, false},
		"NXDOMAIN":                {pack(t, "a.example. A", soa), func(f *[2]byte) { f[1] = 3 }, false},
		"cut by the server":       {pack(t, "a.example. A"), func(f *[2]byte) { f[0] |= 0x02 }, true},
		"records off the chain":   {pack(t, "a.example. A", "b.example. 60 IN A 192.0.2.1"), none, true},
		"a service without hints": {pack(t, "a.example. HTTPS", "a.example. 60 IN HTTPS 1 . alpn=h2"), none, true},
		"another class":           {pack(t, "a.example. CH A"), none, true},
	} {
		var r dnscache.Response
		if err := NewParser(Config{}).Parse(&r, with(c.msg, c.change)); err != nil || r.Partial != c.want {
			t.Errorf("%s: partial %v, want %v; error %v", what, r.Partial, c.want, err)
		}
	}
	var r dnscache.Response
	cut := pack(t, "a.example. A", "a.example. 60 IN A 192.0.2.1")
	if err := NewParser(Config{}).Parse(&r, cut[:len(cut)-3]); err != ErrTruncated || !r.Partial {
		t.Errorf("cut on the way: partial %v, error %v", r.Partial, err)
	}
}
