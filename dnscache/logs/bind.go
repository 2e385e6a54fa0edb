package logs

import (
	"bytes"
	"net/netip"

	"flowname/dnscache"
)

// BIND writes a line for each query that comes in (category queries), for each
// that fails (query-errors) and, since 9.21, for each response (responses):
//
//	TIME CATEGORY: SEVERITY: client @0xPTR ADDR#PORT/key KEY (NAME): view VIEW: query: NAME CLASS TYPE FLAGS (SERVER) [ECS ADDR/SOURCE/SCOPE]
//	... query failed (RCODE) for NAME/CLASS/TYPE at query.c:7177
//	... response: NAME CLASS TYPE RCODE COUNTS FLAGS (SERVER)
//
// Time, category and severity are there if the channel prints them; pointer, key,
// the name in parentheses and the view if the version and the configuration have
// them. Names are escaped as in zone files, so a space ends a word.
var bindFormat = Format{
	Name:       "bind",
	Title:      "BIND 9 query log",
	Capability: Questions,
	Configure: `In named.conf: logging { channel queries_file { file "/var/log/named/queries.log" versions 5 size 100m; ` +
		`print-time iso8601-utc; print-category yes; print-severity yes; }; category queries { queries_file; }; ` +
		`category query-errors { queries_file; }; }; and options { querylog yes; }; ` +
		`where BIND is built with dnstap, log CLIENT_RESPONSE by dnstap instead: that has the answers.`,
	Caveat: "Says who asked for a name, not which addresses were answered: they come from another source that saw the name " +
		"resolved. print-time local and syslog have no zone; name the zone where it is not that of this machine.",
	sniff: func(lines [][]byte) int { return sniffWith(openBIND, lines) },
	open:  openBIND,
}

func openBIND(cfg Config) Parser { return &bindParser{cfg: cfg, source: dnscache.SourceBIND} }

// A bindParser keeps nothing from line to line.
type bindParser struct {
	cfg    Config
	source dnscache.Source
	asker  asker
}

func (p *bindParser) Flush(*Sink) {}

func (p *bindParser) Line(line []byte, to *Sink) Reason {
	prefix, peer, text, ok := cutBINDClient(line)
	if !ok {
		_, ok := bindTime(line, &p.cfg)
		if ok && isDigit(line[0]) || bytes.Contains(line, []byte(" named[")) {
			return Passed
		}
		return NotTheFormat // syslog of another program
	}
	event, text := bindEvent(text)
	if event == nil {
		return Passed
	}
	ns, ok := bindTime(prefix, &p.cfg)
	if !ok {
		return BadTime
	}
	client, ok := parseAddr(peer)
	if !ok {
		return BadClient
	}
	p.asker.set(p.source, ns, client)
	switch string(event) {
	case "query:":
		return p.query(text, to)
	case "response:":
		return p.response(text, to)
	}
	return p.failed(text, to)
}

// cutBINDClient finds "client @0xPTR ADDR#PORT" and gives what stands before it,
// the address, and what stands behind. The host's name may be client as well.
func cutBINDClient(line []byte) (prefix, peer, rest []byte, ok bool) {
	for from := 0; ; {
		at := indexWord(line[from:], "client ")
		if at < 0 {
			return nil, nil, nil, false
		}
		at += from
		from = at + len("client ")
		word, rest := cutWord(line[from:])
		if len(word) > 0 && word[0] == '@' {
			word, rest = cutWord(rest)
		}
		if hash := bytes.IndexByte(word, '#'); hash >= 0 {
			return line[:at], word[:hash], rest, true
		}
	}
}

// bindEvent finds the word that says what happened to the client's request. It
// is nil where that is nothing which tells a question.
func bindEvent(text []byte) (event, rest []byte) {
	for range maxPrefix {
		var word []byte
		word, text = cutWord(text)
		switch string(word) {
		case "query:", "response:":
			return word, text
		case "query":
			if word, rest := cutWord(text); string(word) == "failed" {
				return word, rest
			}
			return nil, nil
		case "UDP:", "TCP:": // Infoblox
			return nil, nil
		}
		if len(text) == 0 {
			break
		}
	}
	return nil, nil
}

// query reads NAME CLASS TYPE FLAGS (SERVER) [ECS ...].
func (p *bindParser) query(text []byte, to *Sink) Reason {
	name, class, typ, text := bindQuestion(text)
	flags, text := cutWord(text)
	switch {
	case len(flags) == 0:
		return Torn
	case flags[0] != '+' && flags[0] != '-':
		return BadColumns
	case !equalFold(class, "IN"):
		return Passed
	}
	p.asker.r.Type = parseType(typ)
	word, text := cutWord(text)
	if len(word) > 0 {
		if p.asker.r.Server = parenthesised(word); !p.asker.r.Server.IsValid() {
			return Torn
		}
	}
	if rest, ok := bytes.CutPrefix(text, []byte("[ECS ")); ok {
		p.asker.r.Subnet = bindSubnet(rest)
	}
	return p.asker.asked(to, name)
}

// response reads NAME CLASS TYPE RCODE, counts, flags and (SERVER).
func (p *bindParser) response(text []byte, to *Sink) Reason {
	name, class, typ, text := bindQuestion(text)
	word, text := cutWord(text)
	if len(text) == 0 {
		return Torn
	}
	rcode, ok := parseRCode(word)
	switch {
	case !ok:
		return BadColumns
	case !equalFold(class, "IN"):
		return Passed
	}
	p.asker.r.Type, p.asker.r.RCode = parseType(typ), rcode
	if i := bytes.LastIndexByte(text, '('); i >= 0 {
		p.asker.r.Server = parenthesised(text[i:])
	}
	return p.asker.asked(to, name)
}

// failed reads (RCODE) for NAME/CLASS/TYPE at FILE:LINE. What is called by
// another word than a response code was answered with SERVFAIL.
func (p *bindParser) failed(text []byte, to *Sink) Reason {
	code, text := cutWord(text)
	word, text := cutWord(text)
	question, text := cutWord(text)
	if string(word) != "for" || len(text) == 0 {
		return Torn
	}
	i := bytes.LastIndexByte(question, '/')
	j := bytes.LastIndexByte(question[:max(i, 0)], '/')
	if j < 0 {
		return BadColumns
	}
	if !equalFold(question[j+1:i], "IN") {
		return Passed
	}
	rcode, ok := parseRCode(bytes.Trim(code, "()"))
	if !ok {
		rcode = 2
	}
	p.asker.r.Type, p.asker.r.RCode = parseType(question[i+1:]), rcode
	return p.asker.asked(to, question[:j])
}

func bindQuestion(text []byte) (name, class, typ, rest []byte) {
	name, text = cutWord(text)
	class, text = cutWord(text)
	typ, text = cutWord(text)
	return name, class, typ, text
}

// parenthesised is the address in (ADDR); not valid if it is none.
func parenthesised(word []byte) netip.Addr {
	if len(word) < 2 || word[0] != '(' || word[len(word)-1] != ')' {
		return netip.Addr{}
	}
	a, _ := parseAddr(word[1 : len(word)-1])
	return a
}

// bindSubnet reads ADDR/SOURCE/SCOPE] of a client subnet option (RFC 7871).
func bindSubnet(text []byte) netip.Prefix {
	if i := bytes.LastIndexByte(text, '/'); i >= 0 {
		return parsePrefix(text[:i])
	}
	return netip.Prefix{}
}

// bindTime reads the time in what stands before a line's text: BIND's own or else
// that of syslog.
func bindTime(prefix []byte, cfg *Config) (ns int64, ok bool) {
	if ns, ok = bindOwnTime(prefix, cfg); !ok {
		ns, _, ok = cutPrefixTime(prefix, cfg)
	}
	return ns, ok
}

// bindOwnTime reads the time that the channel prints: print-time local, iso8601,
// iso8601-utc or iso8601-tzinfo.
func bindOwnTime(prefix []byte, cfg *Config) (ns int64, ok bool) {
	for range maxPrefix {
		word, rest := cutWord(prefix)
		switch {
		case len(word) == 11 && word[2] == '-' && word[6] == '-':
			if t, done := bindLocalTime(prefix, cfg); done {
				return t, true
			}
		case len(word) >= 19 && word[4] == '-' && word[10] == 'T':
			if t, done := parseDateTime(word, cfg.location()); done {
				ns, ok = t, true
			}
		}
		if prefix = rest; len(prefix) == 0 {
			break
		}
	}
	return ns, ok
}

// bindLocalTime reads 23-Nov-2026 17:17:06.577.
func bindLocalTime(text []byte, cfg *Config) (ns int64, ok bool) {
	if len(text) < 20 || text[11] != ' ' {
		return 0, false
	}
	d := date{month: parseMonth(text[3:6])}
	day, ok1 := twoDigits(text)
	year, ok2 := parseUint(text[7:11])
	clock, _, ok3 := cutClock(text[12:])
	d.day, d.year = day, int(year)
	if !ok1 || !ok2 || !ok3 || !d.valid() {
		return 0, false
	}
	return d.at(clock, cfg.location()), true
}
