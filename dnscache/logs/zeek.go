package logs

import (
	"bytes"
	"net/netip"

	"flowname/dnscache"
)

// Zeek (https://zeek.org) writes one log for each protocol, as columns with a
// header or as JSON; see zeek_columns.go for the former. Three of its logs name
// flows, dns.log, ssl.log and quic.log. They are told by their path (a header's
// #path, JSON's _path or @stream) or by their members, so that a file may mix
// them, with other logs of Zeek's between, which are passed over.
//
// A dns.log row is a question with its answer. The answers are bare texts, with
// neither owner nor type: they are addresses only if the question was of type A,
// AAAA or ANY and the whole text is an address of that type. The texts before the
// first address are the chain in order, so that the last of them is the canonical
// name; where a name stands behind an address the order says nothing, and there is
// no canonical name. The client had the answer at ts + rtt.
//
// Zeek pairs replies with questions by connection and ID and does not compare the
// names. A row made of a reply alone has no type of the question: it is refused as
// Unpaired. A question without a reply is a question only.
var zeekFormat = Format{
	Name:       "zeek",
	Title:      "Zeek dns.log, ssl.log and quic.log, TSV or JSON",
	Capability: Answers | Connections,
	Configure: "Zeek writes dns.log, ssl.log and quic.log by default. Give flowname the files in Zeek's current directory or " +
		"its archive, TSV or JSON (@load policy/tuning/json-logs); several logs in one stream are fine.",
	Caveat: "Answers have no types: of A, AAAA and ANY questions only whole addresses are taken, and the target of a CNAME that " +
		"looks like an address can not be told from one. Answers of HTTPS questions are not in the log. ssl.log does not say " +
		"whether a TLS 1.3 connection was TCP or QUIC, nor whether a name is the public one of Encrypted Client Hello: the " +
		"providers' known ones are passed over.",
	sniff: sniffZeek,
	open:  func(cfg Config) Parser { return newZeekParser(cfg) },
}

// The members of Zeek's logs that are read.
const (
	zeekTime = iota
	zeekClient
	zeekClientPort
	zeekServer
	zeekServerPort
	zeekUID
	zeekRTT
	zeekQuery
	zeekClass
	zeekType
	zeekTypeName
	zeekRCode
	zeekRCodeName
	zeekAnswers
	zeekTTLs
	zeekOpcode
	zeekServerName
	zeekVersion
	zeekCipher
	zeekInitialDCID
	zeekPath
	zeekStream
	zeekSlots
)

var zeekTable = newJSONTable(
	[]string{"ts"}, []string{"id.orig_h", "id_orig_h"}, []string{"id.orig_p", "id_orig_p"},
	[]string{"id.resp_h", "id_resp_h"}, []string{"id.resp_p", "id_resp_p"}, []string{"uid"},
	[]string{"rtt"}, []string{"query"}, []string{"qclass"}, []string{"qtype"}, []string{"qtype_name"},
	[]string{"rcode"}, []string{"rcode_name"}, []string{"answers"}, []string{"TTLs"}, []string{"opcode"},
	[]string{"server_name"}, []string{"version"}, []string{"cipher"}, []string{"client_initial_dcid"},
	[]string{"_path"}, []string{"@stream"},
)

// A zeekLog is which of the logs a row is of.
type zeekLog uint8

const (
	zeekUnknown zeekLog = iota
	zeekOther           // of Zeek's, but names nothing
	zeekDNS
	zeekSSL
	zeekQUIC
)

// maxAnswers is how many answers of one response are read, as many as of a DNS
// message.
const maxAnswers = 256

// A zeekParser remembers the columns of the last header.
type zeekParser struct {
	cfg     Config
	line    jsonLine
	columns zeekColumns

	// The row: texts are nil where they are not set. Answers and TTLs are in
	// lists of their own.
	texts   [zeekSlots][]byte
	answers [][]byte
	ttls    []uint32
	scratch []byte // texts with escapes, written out

	response        dnscache.Response
	connection      dnscache.Connection
	name, canonical []byte
	addrs           []dnscache.Addr
}

func newZeekParser(cfg Config) *zeekParser {
	return &zeekParser{cfg: cfg, line: jsonLine{table: zeekTable}, columns: newZeekColumns()}
}

// Flush has nothing to give: each row stands for itself.
func (p *zeekParser) Flush(*Sink) {}

func (p *zeekParser) Line(line []byte, to *Sink) Reason {
	log, reason := p.row(line)
	if reason != Used {
		return reason
	}
	switch log {
	case zeekUnknown:
		return NotTheFormat
	case zeekDNS:
		return p.dns(to)
	case zeekSSL, zeekQUIC:
		return p.tls(log, to)
	}
	return Passed
}

// row reads a line into texts, answers and ttls.
func (p *zeekParser) row(line []byte) (log zeekLog, reason Reason) {
	clear(p.texts[:])
	p.answers, p.ttls, p.scratch = p.answers[:0], p.ttls[:0], p.scratch[:0]
	switch line[0] {
	case '#':
		return zeekOther, p.columns.header(line)
	case '{', ' ':
		return p.object(line)
	}
	return p.columns.row(line, p)
}

// object reads a row of JSON.
func (p *zeekParser) object(line []byte) (zeekLog, Reason) {
	if reason := p.line.read(line); reason != Used {
		return zeekUnknown, reason
	}
	for slot := range p.texts {
		p.texts[slot] = p.line.text(slot)
	}
	for _, slot := range [...]int{zeekQuery, zeekServerName} {
		p.texts[slot] = p.octets(p.texts[slot])
	}
	for list := p.line.value(zeekAnswers).elements(); len(p.answers) < maxAnswers; {
		v, ok := list.next()
		if !ok {
			break
		}
		p.answers = append(p.answers, p.octets(p.line.textOf(v)))
	}
	for list := p.line.value(zeekTTLs).elements(); len(p.ttls) < maxAnswers; {
		v, ok := list.next()
		if !ok {
			break
		}
		p.ttls = append(p.ttls, zeekTTL(p.line.textOf(v)))
	}
	return p.whichLog(), Used
}

// octets writes the escapes of a name in JSON out: see unescapeOctets.
func (p *zeekParser) octets(text []byte) []byte {
	if bytes.IndexByte(text, '\\') < 0 {
		return text
	}
	start := len(p.scratch)
	p.scratch = unescapeOctets(p.scratch, text)
	return p.scratch[start:len(p.scratch):len(p.scratch)]
}

// whichLog tells the log from its path, else from its members.
func (p *zeekParser) whichLog() zeekLog {
	has := func(slot int) bool { return p.line.value(slot) != nil }
	if !has(zeekTime) {
		return zeekUnknown
	}
	for _, slot := range [...]int{zeekPath, zeekStream} {
		if path := p.texts[slot]; path != nil {
			return logOfPath(path)
		}
	}
	switch ofZeek := has(zeekUID) || has(zeekClient); {
	case has(zeekClient) && (has(zeekQuery) || has(zeekAnswers)) && (has(zeekRCode) || has(zeekType) || has(zeekRTT) || has(zeekTypeName)):
		return zeekDNS
	case has(zeekClient) && has(zeekServer) && has(zeekInitialDCID):
		return zeekQUIC
	case has(zeekClient) && has(zeekServer) && has(zeekServerName) && (has(zeekVersion) || has(zeekCipher)):
		return zeekSSL
	case ofZeek:
		return zeekOther
	}
	return zeekUnknown
}

// logOfPath tells the log by what Zeek calls it.
func logOfPath(path []byte) zeekLog {
	switch string(path) {
	case "dns":
		return zeekDNS
	case "ssl":
		return zeekSSL
	case "quic":
		return zeekQUIC
	}
	return zeekOther
}

// ends reads the connection's two addresses.
func (p *zeekParser) ends() (client, server netip.Addr, reason Reason) {
	client, ok := parseAddr(p.texts[zeekClient])
	if !ok {
		return client, server, BadClient
	}
	if server, ok = parseAddr(p.texts[zeekServer]); !ok {
		return client, server, BadAddress
	}
	return client, server, Used
}

// sniffZeek counts headers and rows of Zeek's, whatever log they are of.
func sniffZeek(lines [][]byte) (n int) {
	p := newZeekParser(Config{})
	for _, line := range lines {
		if len(line) == 0 {
			continue
		}
		log, reason := p.row(line)
		isHeader := bytes.HasPrefix(line, []byte("#separator ")) || bytes.HasPrefix(line, []byte("#fields"))
		if isHeader && reason == Passed || reason == Used && log != zeekUnknown {
			n++
		}
	}
	return n
}
