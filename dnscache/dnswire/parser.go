package dnswire

import (
	"fmt"
	"net/netip"

	"flowname/dnscache"
)

// MaxAddrs is how many addresses of one response are kept. No client tries as
// many.
const MaxAddrs = 256

// Config is what a Parser may be told. The zero Config is usable.
type Config struct {
	// DNS64 are the prefixes that the network's translator puts IPv4 addresses
	// into, besides 64:ff9b::/96, which always counts. Their lengths are those of RFC
	// 6052 section 2.2: 32, 40, 48, 56, 64 and 96.
	DNS64 []netip.Prefix
}

// Validate says which prefix can not be one of DNS64.
func (c Config) Validate() error {
	for _, pfx := range c.DNS64 {
		if !embeds(pfx) {
			return fmt.Errorf("dnswire: %v is no DNS64 prefix: give an IPv6 prefix of length 32, 40, 48, 56, 64 or 96 whose bits 64 to 71 are zero", pfx)
		}
	}
	return nil
}

// A Parser reads DNS responses. It is for one goroutine.
type Parser struct {
	stats Stats
	dns64 []netip.Prefix

	q     Question
	qbuf  [MaxWireName]byte
	links []record // CNAME and DNAME of the answer, in its order
	found []record // A, AAAA, SVCB and HTTPS of the answer, in its order
	chain [maxSteps + 1]link
	depth int // how much of chain is in use

	servers, start bool // the authority section has NS records, an SOA record

	target targetName // of the best ServiceMode record
	owner  [MaxWireName]byte

	name, canonical []byte
	addrs           []dnscache.Addr
}

// NewParser makes a Parser. Prefixes that Validate refuses are passed over.
func NewParser(cfg Config) *Parser {
	p := &Parser{
		dns64:     []netip.Prefix{netip.MustParsePrefix("64:ff9b::/96")},
		links:     make([]record, 0, maxLinks),
		found:     make([]record, 0, maxRecords),
		name:      make([]byte, 0, 4*maxName),
		canonical: make([]byte, 0, 4*maxName),
		addrs:     make([]dnscache.Addr, 0, MaxAddrs),
	}
	for _, pfx := range cfg.DNS64 {
		if embeds(pfx) {
			p.dns64 = append(p.dns64, pfx.Masked())
		}
	}
	return p
}

// Stats returns what the parser has counted so far.
func (p *Parser) Stats() Stats { return p.stats }

// Parse fills Name, Canonical, Type, RCode, Addrs, Partial and Subnet of dst from a
// response and leaves the other fields alone. What it fills aliases the parser's buffers
// until its next call. Canonical is nil where it is the same as Name, Addrs is
// empty where the response names nothing.
//
// With ErrTruncated dst holds what could be read, and it is true as far as it
// goes. With any other error dst names nothing; RCode is set if the message is
// a response with opcode QUERY.
func (p *Parser) Parse(dst *dnscache.Response, msg []byte) error {
	p.stats.Messages++
	dst.Name, dst.Canonical, dst.Addrs = nil, nil, nil
	dst.Type, dst.RCode, dst.Subnet, dst.Partial = 0, 0, netip.Prefix{}, false
	p.q = Question{}
	off, err := readQuestion(&p.q, msg, p.qbuf[:0])
	switch {
	case err == ErrHeader || err == ErrSize:
	case !p.q.Response:
		err = ErrNotResponse
	case p.q.Opcode != 0:
		err = ErrOpcode
	default:
		dst.RCode = uint16(p.q.RCode)
	}
	if err != nil {
		p.countRefused(err)
		return err
	}
	p.begin(dst)
	err = p.readSections(dst, msg, off)
	p.countResponse(dst)
	if dst.RCode == 0 && p.canName() {
		p.followChain(msg)
		p.collect(msg)
		dst.Addrs = p.addrs
		dst.Canonical = p.appendCanonical()
	}
	dst.Partial = err != nil || p.isPartial(dst, msg)
	if len(dst.Addrs) > 0 {
		p.stats.Named++
		p.stats.Addresses += uint64(len(dst.Addrs))
	}
	return err
}

// begin empties the scratch and starts the chain at the question's name.
func (p *Parser) begin(dst *dnscache.Response) {
	p.links, p.found, p.addrs = p.links[:0], p.found[:0], p.addrs[:0]
	p.target.have, p.servers, p.start = false, false, false
	fold(p.q.Name)
	first := &p.chain[0]
	first.name = append(first.buf[:0], p.q.Name...)
	first.start = headerLen
	first.ttl = dnscache.MaxTTL
	p.depth = 1
	p.name = AppendName(p.name[:0], first.name)
	dst.Name, dst.Type = p.name, p.q.Type
}

// canName says whether an answer to the question can name an address.
func (p *Parser) canName() bool {
	switch p.q.Type {
	case typeA, typeAAAA, typeHTTPS, typeSVCB, typeANY:
		return p.q.Class == classIN
	}
	return false
}

// countRefused raises the counter of an error that leaves no evidence.
func (p *Parser) countRefused(err error) {
	switch err {
	case ErrHeader:
		p.stats.Header++
	case ErrSize:
		p.stats.Size++
	case ErrNotResponse:
		p.stats.NotResponse++
	case ErrOpcode:
		p.stats.Opcode++
	case ErrNoQuestion:
		p.stats.NoQuestion++
	case ErrQuestions:
		p.stats.Questions++
	case ErrName:
		p.stats.Name++
	case ErrShort:
		p.stats.Short++
	}
}

// countResponse counts what a response says of itself.
func (p *Parser) countResponse(dst *dnscache.Response) {
	if dst.RCode != 0 {
		p.stats.Failed++
	}
	if !p.canName() {
		p.stats.OtherQuestion++
	}
	if p.q.Truncated {
		p.stats.TC++
	}
}
