package dnswire

import (
	"bytes"
	"errors"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/miekg/dns"
	"golang.org/x/net/dns/dnsmessage"

	"flowname/dnscache"
)

// wireName is the folded wire name of a presentation name, by way of miekg/dns.
func wireName(name string) string {
	buf := make([]byte, 2*maxName)
	n, err := dns.PackDomainName(dns.Fqdn(name), buf, 0, nil, false)
	if err != nil {
		return "\x00bad: " + name
	}
	fold(buf[:n])
	return string(buf[:n])
}

// slowParse is the obvious way to what Parse does, on a message that miekg/dns
// has unpacked. The result maps each address to its TTL.
func slowParse(m *dns.Msg) map[netip.Addr]uint32 {
	q := m.Question[0]
	switch q.Qtype {
	case dns.TypeA, dns.TypeAAAA, dns.TypeHTTPS, dns.TypeSVCB, dns.TypeANY:
	default:
		return nil
	}
	if q.Qclass != dns.ClassINET || m.Rcode != 0 {
		return nil
	}
	addrs := map[netip.Addr]uint32{}
	add := func(ip []byte, ttl uint32) {
		a, ok := netip.AddrFromSlice(ip)
		if !ok {
			return
		}
		addrs[a.Unmap()] = max(addrs[a.Unmap()], ttl)
		if netip.MustParsePrefix("64:ff9b::/96").Contains(a) {
			v4 := netip.AddrFrom4([4]byte(ip[12:]))
			addrs[v4] = max(addrs[v4], ttl)
		}
	}
	chain := slowChain(m)
	for _, rr := range m.Answer {
		least, on := chain[wireName(rr.Header().Name)]
		if !on || rr.Header().Class != dns.ClassINET {
			continue
		}
		ttl := min(least, clampTTL(rr.Header().Ttl))
		switch rr := rr.(type) {
		case *dns.A:
			add(rr.A.To4(), ttl)
		case *dns.AAAA:
			add(rr.AAAA.To16(), ttl)
		case *dns.HTTPS:
			for _, ip := range slowHints(&rr.SVCB, q.Qtype) {
				add(ip, ttl)
			}
		case *dns.SVCB:
			for _, ip := range slowHints(rr, q.Qtype) {
				add(ip, ttl)
			}
		}
	}
	return addrs
}

func slowHints(rr *dns.SVCB, qtype uint16) (ips [][]byte) {
	if rr.Priority == 0 || qtype == dns.TypeA || qtype == dns.TypeAAAA {
		return nil
	}
	for _, v := range rr.Value {
		switch v := v.(type) {
		case *dns.SVCBIPv4Hint:
			for _, ip := range v.Hint {
				ips = append(ips, ip.To4())
			}
		case *dns.SVCBIPv6Hint:
			for _, ip := range v.Hint {
				ips = append(ips, ip.To16())
			}
		}
	}
	return ips
}

// slowChain maps each name of the chain to the least TTL on the way to it.
func slowChain(m *dns.Msg) map[string]uint32 {
	name, ttl := wireName(m.Question[0].Name), uint32(dnscache.MaxTTL)
	chain := map[string]uint32{name: ttl}
	used := map[dns.RR]bool{}
	for range maxSteps {
		var next dns.RR
		for _, rr := range m.Answer {
			if _, ok := rr.(*dns.CNAME); ok && next == nil && !used[rr] && rr.Header().Class == dns.ClassINET && wireName(rr.Header().Name) == name {
				next = rr
			}
		}
		for _, rr := range m.Answer {
			owner := wireName(rr.Header().Name)
			if _, ok := rr.(*dns.DNAME); ok && next == nil && rr.Header().Class == dns.ClassINET && owner != name && dns.IsSubDomain(unwire(owner), unwire(name)) {
				next = rr
			}
		}
		switch rr := next.(type) {
		case nil:
			return chain
		case *dns.CNAME:
			name = wireName(rr.Target)
		case *dns.DNAME:
			owner := wireName(rr.Hdr.Name)
			name = name[:len(name)-len(owner)] + wireName(rr.Target)
		}
		used[next] = true
		if _, again := chain[name]; again || len(name) > maxName {
			return chain
		}
		ttl = min(ttl, clampTTL(next.Header().Ttl))
		chain[name] = ttl
	}
	return chain
}

func unwire(name string) string {
	s, _, err := dns.UnpackDomainName([]byte(name), 0)
	if err != nil {
		return "."
	}
	return s
}

// checkOracles parses a message and compares it with what miekg/dns and
// dnsmessage make of it, where they accept it. It says whether miekg/dns did.
func checkOracles(t *testing.T, p *Parser, msg []byte) bool {
	t.Helper()
	before := p.Stats().Beyond
	var r dnscache.Response
	err := p.Parse(&r, msg)
	checkInvariants(t, p, &r)
	checkQuestion(t, msg, err)
	checkDNSMessage(t, msg, &r)
	var m dns.Msg
	if m.Unpack(msg) != nil || !m.Response || m.Opcode != 0 || len(m.Question) != 1 {
		return false
	}
	if err != nil && !errors.Is(err, ErrTruncated) {
		// miekg/dns stops where the message ends, without an error, even in the
		// middle of a question or before the next.
		if err != ErrShort && err != ErrQuestions {
			t.Errorf("%x\nmiekg/dns reads it, Parse: %v", msg, err)
		}
		return false
	}
	if got, want := wireName(string(r.Name)), wireName(m.Question[0].Name); got != want {
		t.Errorf("%x\nname %q, miekg/dns %q", msg, r.Name, m.Question[0].Name)
	}
	if int(r.RCode) != m.Rcode && err == nil {
		t.Errorf("%x\nrcode %d, miekg/dns %d", msg, r.RCode, m.Rcode)
	}
	if p.Stats().Beyond > before {
		return true
	}
	got := map[netip.Addr]uint32{}
	for _, a := range r.Addrs {
		got[a.Addr] = a.TTL
	}
	if diff := cmp.Diff(slowParse(&m), got, cmpopts.EquateEmpty(), cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); diff != "" {
		t.Errorf("%x\n%s\naddresses, slow and fast: %s", msg, &m, diff)
	}
	return true
}

// checkQuestion: ReadQuestion and Parse agree on which questions are good.
func checkQuestion(t *testing.T, msg []byte, parseErr error) {
	t.Helper()
	var q Question
	var buf [MaxWireName]byte
	err := ReadQuestion(&q, msg, buf[:])
	switch parseErr {
	case nil, ErrTruncated:
		if err != nil || !q.Response || q.Opcode != 0 {
			t.Errorf("%x\nParse reads it, ReadQuestion: %v %+v", msg, err, q)
		}
	case ErrNotResponse, ErrOpcode:
	default:
		if err != parseErr {
			t.Errorf("%x\nParse: %v, ReadQuestion: %v", msg, parseErr, err)
		}
	}
	if err == nil && (len(q.Name) == 0 || len(q.Name) > MaxWireName || q.Name[len(q.Name)-1] != 0) {
		t.Errorf("%x\nname %x", msg, q.Name)
	}
}

// checkDNSMessage compares with golang.org/x/net/dns/dnsmessage, which reads
// the records in order and knows names as plain bytes.
func checkDNSMessage(t *testing.T, msg []byte, r *dnscache.Response) {
	t.Helper()
	var p dnsmessage.Parser
	if h, err := p.Start(msg); err != nil || !h.Response || h.OpCode != 0 {
		return
	}
	questions, err := p.AllQuestions()
	if err != nil || len(questions) != 1 || r.Name == nil {
		return
	}
	name := bytes.TrimSuffix(questions[0].Name.Data[:questions[0].Name.Length], []byte("."))
	fold(name)
	if plain(r.Name) && string(r.Name) != "." && string(r.Name) != string(name) {
		t.Errorf("%x\nname %q, dnsmessage %q", msg, r.Name, name)
	}
	if r.Type != uint16(questions[0].Type) {
		t.Errorf("%x\ntype %d, dnsmessage %d", msg, r.Type, questions[0].Type)
	}
	answers, err := p.AllAnswers()
	if err != nil {
		return
	}
	there := map[netip.Addr]bool{}
	for _, a := range answers {
		switch body := a.Body.(type) {
		case *dnsmessage.AResource:
			there[netip.AddrFrom4(body.A)] = true
		case *dnsmessage.AAAAResource:
			there[netip.AddrFrom16(body.AAAA).Unmap()] = true
			there[netip.AddrFrom4([4]byte(body.AAAA[12:]))] = true // DNS64
		case *dnsmessage.SVCBResource, *dnsmessage.HTTPSResource:
			return
		}
	}
	for _, a := range r.Addrs {
		if !there[a.Addr] {
			t.Errorf("%x\naddress %v is not in dnsmessage's answer", msg, a.Addr)
		}
	}
}

// plain says whether a presentation name has no escapes.
func plain(name []byte) bool { return bytes.IndexByte(name, '\\') < 0 }

func TestOraclesOnCases(t *testing.T) {
	read := 0
	for _, c := range allCases(t) {
		if checkOracles(t, NewParser(Config{}), c.msg) {
			read++
		}
	}
	if read < 40 {
		t.Errorf("miekg/dns reads only %d of the cases", read)
	}
}

func FuzzParse(f *testing.F) {
	for _, c := range allCases(f) {
		if len(c.msg) < 1000 {
			f.Add(c.msg)
		}
	}
	f.Add(typical(f))
	f.Fuzz(func(t *testing.T, msg []byte) { checkOracles(t, NewParser(Config{}), msg) })
}

func FuzzReadQuestion(f *testing.F) {
	for _, c := range allCases(f) {
		if len(c.msg) < 1000 {
			f.Add(c.msg)
		}
	}
	f.Fuzz(func(t *testing.T, msg []byte) {
		var q Question
		buf := make([]byte, MaxWireName)
		if ReadQuestion(&q, msg, buf) != nil {
			return
		}
		if &q.Name[0] != &buf[0] {
			t.Errorf("%x\nthe name is not in the caller's buffer", msg)
		}
		// What AppendName writes must be the name and no other.
		shown := AppendName(nil, q.Name)
		wire := []byte(wireName(string(shown)))
		if !EqualName(wire, q.Name) {
			t.Errorf("%x\nname %x shown as %q is %x", msg, q.Name, shown, wire)
		}
	})
}
