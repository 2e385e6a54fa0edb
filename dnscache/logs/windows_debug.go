package logs

import (
	"bytes"
	"net/netip"

	"flowname/dnscache"
)

// The debug log of Windows DNS has a line for each packet, in columns:
//
//	DATE TIME THREAD PACKET  ID UDP Snd CLIENT      XID R Q [FLAGS   CODES RCODE] TYPE   (3)www(7)example(0)
//
// and, with "Details", a block of lines behind it (windows_details.go). A response
// that the server sent (Snd, R) is what a client got; a query that it received
// (Rcv, no R) is what one asked. Queries that it sent and responses that it
// received are its own. Names are labels with their lengths before them, so that
// no octet in one can end it. Date and time are those of the server's locale
// (windows_date.go), in its zone.
var windowsDebugFormat = Format{
	Name:       "windows-dns-debug",
	Title:      "Windows DNS debug log",
	Capability: Answers | Questions,
	Configure: "DNS Manager, Properties, Debug Logging: log packets, Outgoing, Responses, Queries/Transfers, UDP and TCP, and Details " +
		"for the addresses; or Set-DnsServerDiagnostics -SendPackets $true -Answers $true -Queries $true -UdpPackets $true " +
		"-TcpPackets $true -FullPackets $true -EnableLoggingToFile $true. Read dns.log.",
	Caveat: "Without Details it says who asked for a name, not which addresses were answered. Times are whole seconds in the server's " +
		"zone; where day and month could be either, a 24-hour clock means day/month and AM or PM means month/day. The log is " +
		"started anew at its greatest size.",
	sniff: func(lines [][]byte) int { return sniffWith(openWindowsDebug, lines) },
	open:  openWindowsDebug,
}

func openWindowsDebug(cfg Config) Parser {
	return &windowsDebugParser{cfg: cfg, records: records{appendName: appendLengthName}}
}

// A windowsDebugParser holds one response back until its block of details is
// over, at most 256 answers and maxWindowsBlock bytes of it.
type windowsDebugParser struct {
	cfg   Config
	order dateOrder

	// held says that r waits for its block; section is where in it the last line
	// was.
	held    bool
	section windowsSection
	bad     bool // the block is of another question
	block   []byte

	r       dnscache.Response
	name    []byte
	asked   []byte // the name in the block
	records records
	current windowsRecord
}

func (p *windowsDebugParser) Flush(to *Sink) { p.give(to) }

func (p *windowsDebugParser) Line(line []byte, to *Sink) Reason {
	if !isDigit(line[0]) {
		return p.detail(line, to)
	}
	p.give(to)
	ns, text, ok := p.cutTime(line)
	if !ok {
		if bytes.Contains(line, []byte(" PACKET ")) {
			return BadTime
		}
		return NotTheFormat
	}
	_, text = cutColumn(text) // the thread
	word, text := cutColumn(text)
	if string(word) != "PACKET" {
		return Passed
	}
	packet, reason := cutDebugPacket(text)
	switch {
	case reason != Used:
		return reason
	case packet.opcode != 'Q' || packet.sent != packet.response:
		return Passed
	}
	if p.name, ok = appendLengthName(p.name[:0], packet.name); !ok {
		return BadName
	}
	p.r = dnscache.Response{Source: dnscache.SourceWindowsDebug, TimeNs: ns, Client: packet.peer, Name: p.name, Type: packet.typ}
	if !packet.response {
		p.r.QuestionOnly = true
		to.Response(&p.r)
		return Used
	}
	p.r.RCode = packet.rcode
	p.held, p.section, p.bad = true, windowsHeader, false
	p.block = append(append(p.block[:0], line...), '\n')
	p.records.reset()
	return Used
}

// give gives the response that is held, with its answers where there was a
// block.
func (p *windowsDebugParser) give(to *Sink) {
	if !p.held {
		return
	}
	p.held, p.block = false, p.block[:0]
	switch {
	case p.bad || p.section < windowsAnswers || p.r.Type == typeHTTPS || p.r.Type == typeSVCB:
		p.r.QuestionOnly = true
	case p.r.RCode == 0 && namesAddresses(p.r.Type):
		p.records.follow(&p.r)
	}
	to.Response(&p.r)
}

// cutColumn cuts a word and the spaces before it.
func cutColumn(text []byte) (word, rest []byte) {
	return cutWord(bytes.TrimLeft(text, " \t"))
}

// A debugPacket is the columns of a packet's line.
type debugPacket struct {
	sent, response bool
	peer           netip.Addr
	opcode         byte
	rcode, typ     uint16
	name           []byte
}

// cutDebugPacket reads what stands behind PACKET.
func cutDebugPacket(text []byte) (p debugPacket, reason Reason) {
	word, text := cutColumn(text)
	if string(word) != "UDP" && string(word) != "TCP" {
		word, text = cutColumn(text) // before it stood the packet's number
	}
	direction, text := cutColumn(text)
	peer, text := cutColumn(text)
	xid, text := cutColumn(text)
	kind, text := cutColumn(text)
	if p.response = string(kind) == "R"; p.response {
		kind, text = cutColumn(text)
	}
	open, end := bytes.IndexByte(text, '['), bytes.IndexByte(text, ']')
	if open < 0 || end < open {
		return p, Torn
	}
	p.sent = string(direction) == "Snd"
	if string(word) != "UDP" && string(word) != "TCP" || !p.sent && string(direction) != "Rcv" || len(xid) != 4 || len(kind) != 1 {
		return p, BadColumns
	}
	p.opcode = kind[0]
	var ok bool
	if p.peer, ok = parseAddr(peer); !ok {
		return p, BadClient
	}
	codes := bytes.TrimRight(text[open+1:end], " ")
	if p.rcode, ok = parseRCode(codes[bytes.LastIndexByte(codes, ' ')+1:]); !ok {
		return p, BadColumns
	}
	typ, text := cutColumn(text[end+1:])
	if p.name = bytes.Trim(text, " "); len(p.name) == 0 {
		return p, Torn
	}
	p.typ = parseType(typ)
	return p, Used
}
