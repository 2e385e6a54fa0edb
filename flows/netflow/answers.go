package netflow

import (
	"bytes"
	"net/netip"
	"slices"

	"flowname/flows"
)

// An Answer is DNS that a flow record told: at TimeNs, Server told Client that
// Name has the address Addr. Its texts stay valid like those of a Record.
type Answer struct {
	TimeNs         int64 // the DNS flow's start: that of the question
	Client, Server netip.Addr
	// Name is the question's; Canonical the owner of the address where that is
	// another one, else empty. Both have the form of DNS names that Texts.HostName
	// has.
	Name, Canonical string
	Addr            netip.Addr
	TTL             uint32 // seconds; 0 not told
}

const (
	// maxAnswers is how many answers wait to be taken.
	maxAnswers = 1 << 13
	// maxResources is how many resource records of one flow record are read.
	maxResources = 64
	maxDNSAddrs  = 16
	// maxAliases is how many aliases are followed from an address to the name
	// that was asked for.
	maxAliases = 16

	portDNS = 53
)

// TakeAnswers appends to dst what the messages since the last call told of DNS,
// in their order, and forgets it. What nobody takes is dropped when
// too many wait, and counted.
func (d *Decoder) TakeAnswers(dst []Answer) []Answer {
	dst = append(dst, d.answers...)
	clear(d.answers)
	d.answers = d.answers[:0]
	return dst
}

// dnsFields are what a record, or a record in a list in it, tells of DNS.
type dnsFields struct {
	query, owner, target []byte // the question, the record's name, its alias
	data                 []byte // a record's data, as text or as it is
	ttl                  uint32
	section              uint8 // of the message, from 0 as in it
	hasSection           bool
	addrs                []netip.Addr
}

func (f *dnsFields) addAddr(a netip.Addr) {
	if !a.IsUnspecified() && len(f.addrs) < maxDNSAddrs {
		f.addrs = append(f.addrs, a)
	}
}

// addTexts adds the addresses in a text, whatever separates them.
func (f *dnsFields) addTexts(b []byte) {
	for len(b) > 0 {
		n := bytes.IndexFunc(b, func(r rune) bool { return !isAddressRune(r) })
		if n < 0 {
			n = len(b)
		}
		if n > 1 && n <= 45 {
			if a, err := netip.ParseAddr(string(b[:n])); err == nil {
				f.addAddr(a.Unmap())
			}
		}
		b = b[min(n+1, len(b)):]
	}
}

func isAddressRune(r rune) bool {
	return r >= '0' && r <= '9' || r|0x20 >= 'a' && r|0x20 <= 'f' || r == '.' || r == ':'
}

// addData adds a resource record's data, which is an address where it looks
// like one: four or sixteen bytes, or text.
func (f *dnsFields) addData() {
	switch {
	case len(f.data) == 4 && !isText(f.data):
		f.addAddr(ip4(f.data))
	case len(f.data) == 16 && !isText(f.data):
		f.addAddr(ip6(f.data))
	default:
		f.addTexts(unpad(f.data))
	}
}

func isText(b []byte) bool {
	return bytes.IndexFunc(b, func(r rune) bool { return !isAddressRune(r) }) < 0
}

// A resource is one address or alias of the flow record being read, with names
// in the form of answers; they are empty where there is none.
type resource struct {
	query, owner, target string
	addr                 netip.Addr
	ttl                  uint32
}

const sectionAnswer = 1

// gather notes the resource records that x tells.
func (d *Decoder) gather(x *extras) {
	f := &x.dns
	if len(f.data) > 0 {
		f.addData()
	}
	if len(f.addrs) == 0 && len(f.target) == 0 || f.hasSection && f.section != sectionAnswer {
		return
	}
	rr := resource{query: d.names.string(f.query), owner: d.names.string(f.owner), ttl: f.ttl}
	if len(f.addrs) == 0 {
		rr.target = d.names.string(f.target)
		d.addResource(rr)
		return
	}
	for _, a := range f.addrs {
		rr.addr = a
		d.addResource(rr)
	}
}

func (d *Decoder) addResource(rr resource) {
	if len(d.rrs) < maxResources {
		d.rrs = append(d.rrs, rr)
	}
}

// answer makes answers of the addresses that were gathered. Whose they are is
// told by the port of the end that answers.
func (d *Decoder) answer(r *flows.Record) {
	client, server := r.Src, r.Dst
	if r.SrcPort == portDNS && r.DstPort != portDNS {
		client, server = server, client
	} else if r.DstPort != portDNS || r.SrcPort == portDNS {
		client = netip.Addr{}
	}
	for i := range d.rrs {
		rr := &d.rrs[i]
		if !rr.addr.IsValid() {
			continue
		}
		name, canonical := rr.query, rr.owner
		if name == "" {
			name = d.asked(rr.owner)
		}
		if name == "" || !client.IsValid() || client.IsUnspecified() {
			d.stats.AnswersRefused++
			continue
		}
		if canonical == name {
			canonical = ""
		}
		d.addAnswer(Answer{TimeNs: r.StartNs, Client: client, Server: server, Name: name, Canonical: canonical, Addr: rr.addr, TTL: rr.ttl})
	}
}

// asked follows aliases back from the owner of an address to the name that no
// alias leads to: the one that was asked for.
func (d *Decoder) asked(name string) string {
	for range maxAliases {
		i := slices.IndexFunc(d.rrs, func(rr resource) bool { return rr.target == name && rr.owner != name && rr.owner != "" })
		if name == "" || i < 0 {
			break
		}
		name = d.rrs[i].owner
	}
	return name
}

func (d *Decoder) addAnswer(a Answer) {
	if len(d.answers) >= maxAnswers {
		d.stats.AnswersDropped++
		return
	}
	d.stats.Answers++
	d.answers = append(d.answers, a)
}
