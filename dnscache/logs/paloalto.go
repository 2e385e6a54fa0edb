package logs

import (
	"bytes"
	"net/netip"
	"time"

	"flowname/dnscache"
)

var paloAlto = Format{
	Name:       "paloalto",
	Title:      "Palo Alto Networks firewall, threat logs of type url and DNS signatures (syslog CSV)",
	Capability: Connections | Questions,
	Configure: "In Objects > Log Forwarding, a profile that sends the log type url (and threat) to a syslog server in the default format; " +
		"URL filtering profiles with the action alert, since allow logs nothing. PAN-OS 10 and later add the zone of the times.",
	Caveat: "Times before PAN-OS 10 are the firewall's local ones, in whole seconds. Without decryption the name is that of the " +
		"TLS handshake. DNS signatures tell who asked, often the internal resolver: name it with --forwarder. LEEF and CEF are not read.",
	sniff: sniffPaloAlto,
	open: func(cfg Config) Parser {
		return &paloAltoParser{cfg: cfg}
	},
}

// The columns of THREAT logs, which have stood where they are since PAN-OS 4;
// later versions append.
const (
	panSerial      = 2
	panType        = 3
	panSubtype     = 4
	panGenerated   = 6
	panSource      = 7
	panDestination = 8
	panNATSource   = 9
	panNATDest     = 10
	panApp         = 14
	panSourcePort  = 24
	panDestPort    = 25
	panNATSrcPort  = 26
	panNATDestPort = 27
	panFlags       = 28
	panProtocol    = 29
	panURL         = 31
	panThreat      = 32

	// panColumns is how many PAN-OS 4 wrote, the fewest.
	panColumns = 42
	// panPrecise is where PAN-OS 10 and later write the time of generation with
	// decimals and its zone.
	panPrecise = 107
)

// paloAltoParser reads THREAT logs: of type url, whose connections have the name
// that the URL begins with, and of type spyware those that a DNS signature made.
type paloAltoParser struct {
	cfg        Config
	csv        csvLine
	host       []byte
	connection dnscache.Connection
	response   dnscache.Response
}

// panHeader is the start of the CSV in a line: behind what a syslog server put
// before it, none of whose words has a comma.
func panHeader(line []byte) []byte {
	comma := bytes.IndexByte(line, ',')
	if comma < 0 {
		return nil
	}
	return line[bytes.LastIndexByte(line[:comma], ' ')+1:]
}

// panKind is the type of a log; nil for what is no line of this format.
func panKind(columns [][]byte) []byte {
	if len(columns) <= panSubtype {
		return nil
	}
	if _, ok := parseDateTime(columns[1], nil); !ok {
		return nil
	}
	for _, c := range columns[panType] {
		if c < 'A' || c > 'Z' {
			return nil
		}
	}
	return columns[panType]
}

func sniffPaloAlto(lines [][]byte) int {
	n := 0
	var csv csvLine
	for _, line := range lines {
		if csv.read(panHeader(line)); len(panKind(csv.columns)) > 0 {
			n++
		}
	}
	return n
}

func (p *paloAltoParser) Flush(*Sink) {}

func (p *paloAltoParser) Line(line []byte, to *Sink) Reason {
	torn := p.csv.read(panHeader(line))
	columns := p.csv.columns
	switch kind := panKind(columns); {
	case len(kind) == 0:
		return NotTheFormat
	case torn != Used:
		return torn
	case string(kind) != "THREAT":
		return Passed
	}
	subtype := string(columns[panSubtype])
	if subtype != "url" && subtype != "spyware" {
		return Passed
	}
	if !panShape(columns) {
		return BadColumns
	}
	at, ok := p.time(columns)
	if !ok {
		return BadTime
	}
	if subtype == "url" {
		return p.url(at, columns, to)
	}
	return p.signature(at, columns, to)
}

// panShape says whether the columns are where they should be: a line with a
// column too many or too few somewhere would be read shifted.
func panShape(columns [][]byte) bool {
	if len(columns) < panColumns {
		return false
	}
	for _, i := range [...]int{panSourcePort, panDestPort, panNATSrcPort, panNATDestPort} {
		if n, ok := parseUint(columns[i]); !ok || n > 0xffff {
			return false
		}
	}
	return bytes.HasPrefix(columns[panFlags], []byte("0x")) && bytes.HasSuffix(columns[panThreat], []byte(")"))
}

// time is when the firewall generated the log: by its precise time if that is
// the same on the clock, else by its local one.
func (p *paloAltoParser) time(columns [][]byte) (ns int64, ok bool) {
	if ns, ok = parseDateTime(columns[panGenerated], p.cfg.location()); !ok || len(columns) <= panPrecise {
		return ns, ok
	}
	precise := columns[panPrecise]
	if len(precise) < 20 {
		return ns, ok
	}
	zoned, ok1 := parseDateTime(precise, nil)
	shown, ok2 := parseDateTime(precise[:19], nil)
	local, _ := parseDateTime(columns[panGenerated], nil)
	if off := shown - local; ok1 && ok2 && off >= -2*int64(time.Second) && off <= 2*int64(time.Second) {
		return zoned, true
	}
	return ns, ok
}

// url gives the connection as it is before the firewall's address translation,
// which exporters on the client's side see, and where it is another one behind,
// as those on the other side see it.
func (p *paloAltoParser) url(at int64, columns [][]byte, to *Sink) Reason {
	src, dst := parseEnd(columns[panSource], columns[panSourcePort]), parseEnd(columns[panDestination], columns[panDestPort])
	if !src.IsValid() {
		return BadClient
	}
	if !dst.IsValid() {
		return BadAddress
	}
	host := urlHost(columns[panURL])
	if len(host) == 0 {
		return BadName
	}
	if _, literal := parseAddr(bytes.Trim(host, "[]")); literal {
		return Passed
	}
	var ok bool
	if !isHostName(host) {
		return BadName
	}
	if p.host, ok = appendRawName(p.host[:0], host); !ok {
		return BadName
	}
	c := &p.connection
	*c = dnscache.Connection{TimeNs: at, Source: dnscache.SourcePaloAltoURL, Name: p.host, Proto: parseProto(columns[panProtocol])}
	setEnds(c, src, dst)
	to.Connection(c)

	natSrc := translated(src, columns[panNATSource], columns[panNATSrcPort])
	natDst := translated(dst, columns[panNATDest], columns[panNATDestPort])
	// Without its port, a translated source is all the clients behind it.
	if natSrc != src && natSrc.Port() == 0 || natSrc == src && natDst == dst {
		return Used
	}
	setEnds(c, natSrc, natDst)
	to.Connection(c)
	return Used
}

func setEnds(c *dnscache.Connection, client, server netip.AddrPort) {
	c.Client, c.ClientPort, c.Server, c.ServerPort = client.Addr(), client.Port(), server.Addr(), server.Port()
}

// translated is what an end is behind the translation: itself where the columns
// say none, 0.0.0.0 or nothing. A port 0 beside the same address is no other one.
func translated(end netip.AddrPort, addr, port []byte) netip.AddrPort {
	nat := parseEnd(addr, port)
	if !nat.IsValid() || nat.Addr().IsUnspecified() || nat.Addr() == end.Addr() && nat.Port() == 0 {
		return end
	}
	return nat
}

// urlHost is the host at the start of a URL without a scheme, as it is logged,
// or with one; without its port.
func urlHost(url []byte) []byte {
	if i := bytes.Index(url, []byte("://")); i >= 0 && !bytes.ContainsAny(url[:i], "/?.") {
		url = url[i+3:]
	}
	if end := bytes.IndexAny(url, "/?#"); end >= 0 {
		url = url[:end]
	}
	if len(url) > 0 && url[0] == '[' {
		if end := bytes.IndexByte(url, ']'); end > 0 {
			return url[:end+1]
		}
		return nil
	}
	if end := bytes.LastIndexByte(url, ':'); end >= 0 {
		if _, ok := parseUint(url[end+1:]); !ok {
			return nil
		}
		url = url[:end]
	}
	return url
}

// isHostName says whether a text from a header that the client wrote can be the
// name of a host: letters, digits, hyphens, underscores and dots. A star is a
// certificate's.
func isHostName(text []byte) bool {
	for _, c := range text {
		switch {
		case c|0x20 >= 'a' && c|0x20 <= 'z', isDigit(c), c == '-', c == '_', c == '.', c >= 0x80:
		default:
			return false
		}
	}
	return len(text) > 0
}

// signature gives the question that a DNS signature was raised for.
func (p *paloAltoParser) signature(at int64, columns [][]byte, to *Sink) Reason {
	if !bytes.HasPrefix(columns[panApp], []byte("dns")) {
		return Passed // spyware that was seen otherwise
	}
	src, ok := parseAddr(columns[panSource])
	if !ok {
		return BadClient
	}
	domain := signatureDomain(columns[panThreat])
	if domain == nil {
		return Passed // a signature without a domain
	}
	if p.host, ok = appendRawName(p.host[:0], domain); !ok {
		return BadName
	}
	r := &p.response
	*r = dnscache.Response{TimeNs: at, Source: dnscache.SourcePaloAltoDNS, Client: src, Name: p.host, QuestionOnly: true}
	r.Server, _ = parseAddr(columns[panDestination])
	to.Response(r)
	return Used
}

// signatureDomain is the domain in a DNS signature's name, as in "Suspicious DNS
// Query (generic:evil.example)(4000000)" and "Tunneling:tool:evil.example(109001001)";
// nil if none stands there safely.
func signatureDomain(threat []byte) []byte {
	open := bytes.LastIndexByte(threat, '(')
	if open < 0 {
		return nil
	}
	if _, ok := parseUint(threat[open+1 : len(threat)-1]); !ok {
		return nil
	}
	text := threat[:open]
	if bytes.HasSuffix(text, []byte(")")) {
		inner := bytes.LastIndexByte(text, '(')
		if inner < 0 {
			return nil
		}
		text = text[inner+1 : len(text)-1]
	}
	colon := bytes.LastIndexByte(text, ':')
	if colon < 0 {
		return nil
	}
	domain := text[colon+1:]
	if _, literal := parseAddr(domain); literal || !isHostName(domain) || bytes.IndexByte(domain, '.') <= 0 {
		return nil
	}
	return domain
}
