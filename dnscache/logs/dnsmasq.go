package logs

import (
	"bytes"
	"net/netip"
	"time"

	"flowname/dnscache"
)

// dnsmasq, and Pi-hole in pihole.log, write a line for each step of a question:
//
//	Nov 23 17:17:06 dnsmasq[PID]: query[A] NAME from CLIENT
//	Nov 23 17:17:06 dnsmasq[PID]: forwarded NAME to SERVER
//	Nov 23 17:17:06 dnsmasq[PID]: reply NAME is ADDRESS
//
// and cached, config, DHCP, the name of a hosts file or Pi-hole's lists in place of
// reply. With log-queries=extra each has "SERIAL CLIENT/PORT " before it, with
// log-queries=proto UDP or TCP as well. A CNAME is "NAME is <CNAME>", and the lines
// behind it name its target. Names stand as they are, spaces and quotes and all,
// so lines are split from the right; a name with control characters is
// "<name unprintable>".
//
// A TXT answer that reads as an address looks like an address. So an address is
// only believed as the answer to a question for addresses: with extra by the
// serial (dnsmasq_extra.go), without by what was asked lately (dnsmasq_plain.go).
var dnsmasqFormat = Format{
	Name:       "dnsmasq",
	Title:      "dnsmasq and Pi-hole (pihole.log)",
	Capability: Answers | AnyClient | Questions,
	Configure: "In dnsmasq.conf: log-queries=extra and log-facility=/var/log/dnsmasq.log. Pi-hole: put log-queries=extra into a " +
		"file in /etc/dnsmasq.d (in version 6 into misc.dnsmasq_lines) and read /var/log/pihole/pihole.log.",
	Caveat: "Times are whole seconds without a year, in the machine's zone; there is no TTL. With plain log-queries an answer does " +
		"not say whose it was: it is evidence for any client, and only where no question for text can have been its cause.",
	sniff: func(lines [][]byte) int { return sniffWith(openDnsmasq, lines) },
	open:  openDnsmasq,
}

func openDnsmasq(cfg Config) Parser { return &dnsmasqParser{cfg: cfg} }

// dnsmasqWait is how long a question waits for its answer. dnsmasq itself gives
// up after 10 seconds, a client sooner.
const dnsmasqWait = int64(60 * time.Second)

// A dnsmasqParser remembers the questions of the last minute: with extra the last
// 4096 serials, without at most 4096 names. That is at most 2.5 MB.
type dnsmasqParser struct {
	cfg    Config
	docker dockerLine

	serials *dnsmasqSerials
	names   *dnsmasqNames
	newest  int64 // the latest time read

	r               dnscache.Response
	name, canonical []byte
	addr            [1]dnscache.Addr
}

func (p *dnsmasqParser) Flush(*Sink) {}

func (p *dnsmasqParser) Line(line []byte, to *Sink) Reason {
	if line[0] != '{' {
		return p.line(line, 0, to)
	}
	text, ns, reason := p.docker.unwrap(line)
	if reason != Used {
		return reason
	}
	return p.line(text, ns, to)
}

// line reads a line that was written at outside, where that is known.
func (p *dnsmasqParser) line(line []byte, outside int64, to *Sink) Reason {
	pid, text, found := cutDnsmasqTag(line)
	if !found {
		return NotTheFormat
	}
	if text == nil {
		return Passed // of the DHCP or TFTP server
	}
	e := dnsmasqEvent{pid: pid, text: cutProto(text)}
	e.extra(&e.text)
	e.split()
	if e.kind == dnsmasqOther {
		p.names.endRun()
		return Passed
	}
	var ok bool
	if e.ns, _, ok = cutPrefixTime(line, &p.cfg); !ok {
		if e.ns = outside; outside == 0 {
			return BadTime
		}
	}
	p.newest = max(p.newest, e.ns)
	if e.serial > 0 {
		return p.withSerial(&e, to)
	}
	return p.withoutSerial(&e, to)
}

// cutDnsmasqTag finds "dnsmasq[PID]:" or "dnsmasq:" and gives what stands behind
// it; nil if it is that of another part of dnsmasq.
func cutDnsmasqTag(line []byte) (pid uint64, text []byte, found bool) {
	text = line
	for range maxPrefix {
		var word []byte
		word, text = cutWord(text)
		tag, ok := bytes.CutPrefix(word, []byte("dnsmasq"))
		if n := len(tag) - 1; ok && n >= 0 && tag[n] == ':' {
			switch {
			case n == 0:
				return 0, text, len(text) > 0
			case tag[0] == '-':
				return 0, nil, true
			case n > 2 && tag[0] == '[' && tag[n-1] == ']':
				pid, ok = parseUint(tag[1 : n-1])
				return pid, text, ok && len(text) > 0
			}
		}
		if len(text) == 0 {
			break
		}
	}
	return 0, nil, false
}

// cutProto cuts the "UDP " or "TCP " of log-queries=proto.
func cutProto(text []byte) []byte {
	if rest, ok := bytes.CutPrefix(text, []byte("UDP ")); ok {
		return rest
	}
	return bytes.TrimPrefix(text, []byte("TCP "))
}

// A dnsmasqKind is what a line is.
type dnsmasqKind uint8

const (
	dnsmasqOther  dnsmasqKind = iota
	dnsmasqQuery              // left is the type, name the name, right the client
	dnsmasqAnswer             // left is source and name, right the answer
)

// A dnsmasqEvent is one line.
type dnsmasqEvent struct {
	ns     int64
	pid    uint64
	serial uint64 // 0 without extra
	client netip.AddrPort
	text   []byte

	kind              dnsmasqKind
	left, name, right []byte
}

// extra reads "SERIAL CLIENT/PORT " at the start of text, which it cuts.
func (e *dnsmasqEvent) extra(text *[]byte) {
	word, rest := cutWord(*text)
	serial, ok := parseUint(word)
	if !ok || serial == 0 {
		return
	}
	word, rest = cutWord(cutProto(rest))
	i := bytes.LastIndexByte(word, '/')
	if i < 0 {
		return
	}
	addr, ok1 := parseAddr(word[:i])
	port, ok2 := parseUint(word[i+1:])
	if ok1 && ok2 && port <= 0xffff {
		e.serial, e.client = serial, netip.AddrPortFrom(addr, uint16(port))
		*text = cutProto(rest)
	}
}

// split says what kind of line it is. From the right, for names may hold " from "
// and " is ".
func (e *dnsmasqEvent) split() {
	if typ, rest, ok := cutDnsmasqType(e.text); ok {
		if i := bytes.LastIndex(rest, []byte(" from ")); i >= 0 {
			e.kind, e.left, e.name, e.right = dnsmasqQuery, typ, rest[:i], rest[i+len(" from "):]
		}
		return
	}
	if i := bytes.LastIndex(e.text, []byte(" is ")); i > 0 {
		e.kind, e.left, e.right = dnsmasqAnswer, e.text[:i], e.text[i+len(" is "):]
		e.right = bytes.TrimSuffix(e.right, []byte(" (DNSSEC signed)"))
	}
}

// cutDnsmasqType reads "query[TYPE] " or "auth[TYPE] ", the type a mnemonic or
// type=65.
func cutDnsmasqType(text []byte) (typ, rest []byte, ok bool) {
	typ, ok = bytes.CutPrefix(text, []byte("query["))
	if !ok {
		if typ, ok = bytes.CutPrefix(text, []byte("auth[")); !ok {
			return nil, nil, false
		}
	}
	end := bytes.IndexByte(typ, ']')
	if end < 0 || end+1 >= len(typ) || typ[end+1] != ' ' {
		return nil, nil, false
	}
	return bytes.TrimPrefix(typ[:end], []byte("type=")), typ[end+2:], true
}

// owner is the name that an answer's line is about. ok is false where it can not
// be cut from the source before it: hosts files and lists have names with spaces.
func (e *dnsmasqEvent) owner() (name []byte, ok bool) {
	source, name := cutWord(e.left)
	switch string(source) {
	case "reply", "cached", "cached-stale", "config", "DHCP", "auth":
		return name, true
	}
	return nil, false
}

// endsWith says whether what stands before " is " ends with a space and a name,
// in any case.
func (e *dnsmasqEvent) endsWith(name []byte) bool {
	i := len(e.left) - len(name)
	return i > 0 && e.left[i-1] == ' ' && bytes.EqualFold(e.left[i:], name)
}

var unprintable = []byte("<name unprintable>")

// give gives evidence of a name that stands raw in the log. A zero client is any.
func (p *dnsmasqParser) give(to *Sink, ns int64, client netip.Addr, name []byte, typ uint16) Reason {
	var ok bool
	if p.name, ok = appendRawName(p.name[:0], name); !ok || bytes.Equal(name, unprintable) {
		return BadName
	}
	p.r.Source, p.r.TimeNs, p.r.Client, p.r.Name, p.r.Type = dnscache.SourceDnsmasq, ns, client, p.name, typ
	to.Response(&p.r)
	return Used
}

// giveAddress gives one address of a name, whose alias owner may be.
func (p *dnsmasqParser) giveAddress(to *Sink, e *dnsmasqEvent, client netip.Addr, name, owner []byte, addr netip.Addr, typ uint16) Reason {
	p.addr[0] = dnscache.Addr{Addr: addr, TTL: dnscache.UnknownTTL}
	p.r = dnscache.Response{Addrs: p.addr[:]}
	if len(owner) > 0 && !bytes.EqualFold(owner, name) && !bytes.Equal(owner, unprintable) {
		var ok bool
		if p.canonical, ok = appendRawName(p.canonical[:0], owner); ok {
			p.r.Canonical = p.canonical
		}
	}
	return p.give(to, e.ns, client, name, typ)
}

// addressOf reads an answer's address where it is of the type that was asked for.
func addressOf(text []byte, typ uint16) (addr netip.Addr, ok bool) {
	six := bytes.IndexByte(text, ':') >= 0
	if addr, ok = parseAddr(text); !ok {
		return addr, false
	}
	return addr, six && typ == typeAAAA || !six && typ == typeA
}
