package logs

import (
	"bytes"

	"flowname/dnscache"
)

// Unbound writes a line for each query (log-queries) and each reply (log-replies):
//
//	[EPOCH] unbound[PID:THREAD] query: CLIENT NAME TYPE CLASS
//	[EPOCH] unbound[PID:THREAD] reply: CLIENT NAME TYPE CLASS RCODE SECONDS CACHED SIZE on udp SERVER PORT
//
// The last four words stand there with log-destaddr. Without log-tag-queryreply
// both lines say info:. The time is "Nov 23 17:17:06" with log-time-ascii and as
// in ISO 8601 with log-time-iso too; in syslog the line begins with [PID:THREAD].
// In names every octet but letters, digits, -, _ and * is written as a question
// mark: names with one are refused, since they could be any of several.
var unboundFormat = Format{
	Name:       "unbound",
	Title:      "Unbound log-queries and log-replies",
	Capability: Questions,
	Configure: `In unbound.conf: server: logfile: "/var/log/unbound.log", use-syslog: no, log-queries: no, log-replies: yes, ` +
		`log-tag-queryreply: yes, log-time-ascii: no. Where Unbound is built with dnstap, use dnstap-log-client-response-messages: ` +
		`yes instead: that has the answers.`,
	Caveat: "Says who asked for a name, not which addresses were answered: they come from another source that saw the name " +
		"resolved. Times are whole seconds. Names with odd octets cannot be told and are left out.",
	sniff: func(lines [][]byte) int { return sniffWith(openUnbound, lines) },
	open:  openUnbound,
}

func openUnbound(cfg Config) Parser { return &unboundParser{cfg: cfg} }

// An unboundParser keeps nothing from line to line.
type unboundParser struct {
	cfg   Config
	asker asker
}

func (p *unboundParser) Flush(*Sink) {}

func (p *unboundParser) Line(line []byte, to *Sink) Reason {
	level, text, ok := unboundLevel(line)
	if !ok {
		return NotTheFormat
	}
	tagged := string(level) == "query:" || string(level) == "reply:"
	if !tagged && string(level) != "info:" {
		return Passed
	}
	var words [13][]byte
	n := 0
	for text = bytes.TrimRight(text, " "); len(text) > 0 && n < len(words); n++ {
		words[n], text = cutWord(text)
	}
	client, ok := parseAddr(words[0])
	switch {
	case !ok && tagged:
		return BadClient
	case !ok:
		return Passed
	case string(words[1]) == "-":
		return Passed // FORMERR: no question could be read
	case n != 4 && n != 8 && n != 12:
		return BadColumns
	}
	ns, ok := unboundTime(line, &p.cfg)
	if !ok {
		return BadTime
	}
	p.asker.set(dnscache.SourceUnbound, ns, client)
	return p.question(&words, n, to)
}

// question gives what a line of four, eight or twelve words tells.
func (p *unboundParser) question(words *[13][]byte, n int, to *Sink) Reason {
	r := &p.asker.r
	if n >= 8 {
		var ok bool
		if r.RCode, ok = parseRCode(words[4]); !ok {
			return BadColumns
		}
	}
	if n == 12 {
		var ok bool
		if r.Server, ok = parseAddr(words[10]); !ok || string(words[8]) != "on" {
			return BadColumns
		}
	}
	name := words[1]
	switch {
	case !equalFold(words[3], "IN"):
		return Passed
	case len(name) == 0 || bytes.IndexByte(name, '?') >= 0 || name[len(name)-1] != '.':
		return BadName
	}
	r.Type = parseType(words[2])
	return p.asker.asked(to, name)
}

// unboundLevel finds the word behind [PID:THREAD], and what stands behind it.
func unboundLevel(line []byte) (level, text []byte, ok bool) {
	text = line
	for range maxPrefix {
		var word []byte
		word, text = cutWord(text)
		if isThread(word) {
			level, text = cutWord(text)
			return level, text, len(level) > 0 && level[len(level)-1] == ':'
		}
		if len(text) == 0 {
			break
		}
	}
	return nil, nil, false
}

// isThread says whether word is unbound[PID:THREAD] or [PID:THREAD]; a thread is
// a number, in hex with log-thread-id.
func isThread(word []byte) bool {
	word = bytes.TrimPrefix(word, []byte("unbound"))
	if len(word) < 5 || word[0] != '[' || word[len(word)-1] != ']' {
		return false
	}
	_, rest, ok := cutNumber(word[1 : len(word)-1])
	if !ok || len(rest) < 2 || rest[0] != ':' {
		return false
	}
	for _, c := range rest[1:] {
		if hexValue(c) > 15 {
			return false
		}
	}
	return true
}

// unboundTime reads [EPOCH], or what else stands at a line's start.
func unboundTime(line []byte, cfg *Config) (ns int64, ok bool) {
	if line[0] == '[' {
		if end := bytes.IndexByte(line, ']'); end > 0 {
			return parseEpoch(line[1:end])
		}
	}
	ns, _, ok = cutPrefixTime(line, cfg)
	return ns, ok
}
