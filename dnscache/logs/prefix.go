package logs

import "bytes"

// Servers write their lines to files, to syslog or to a container's output, and
// so the same line stands behind different prefixes. The time may stand in the
// prefix, in the line, or in both: then the line's own counts.

// maxPrefix is how many words may stand before a server's own text: priority,
// time, host, program, category.
const maxPrefix = 12

// cutWord gives the text up to the first space, and what stands behind that.
func cutWord(text []byte) (word, rest []byte) {
	if i := bytes.IndexByte(text, ' '); i >= 0 {
		return text[:i], text[i+1:]
	}
	return text, nil
}

// cutPrefixTime reads the time that syslog (RFC 3164, RFC 5424, rsyslog's and
// journald's ISO forms), OpenWrt's logread or a container's runtime (CRI, docker
// logs -t) put before a line. Without one rest is the line without priority.
func cutPrefixTime(line []byte, cfg *Config) (ns int64, rest []byte, ok bool) {
	text := cutPriority(line)
	if len(text) < 16 {
		return 0, text, false
	}
	if text[4] == '-' || text[4] == '/' {
		return cutISOTime(text, cfg)
	}
	if ns, rest, ok = cutSyslogTime(text, cfg); ok && len(rest) > 0 && rest[0] == ' ' {
		return ns, rest[1:], true
	}
	return cutLogreadTime(text, cfg)
}

// cutPriority cuts "<30>" (RFC 3164 section 4.1.1) and RFC 5424's version "1 ".
func cutPriority(line []byte) []byte {
	if len(line) < 3 || line[0] != '<' {
		return line
	}
	n, rest, ok := cutNumber(line[1:])
	if !ok || n > 191 || len(rest) == 0 || rest[0] != '>' {
		return line
	}
	return bytes.TrimPrefix(rest[1:], []byte("1 "))
}

// cutISOTime reads a date and a time of day, in one word or in two.
func cutISOTime(text []byte, cfg *Config) (ns int64, rest []byte, ok bool) {
	word, rest := cutWord(text)
	if len(word) == 10 {
		clock, behind := cutWord(rest)
		word, rest = text[:11+len(clock)], behind
	}
	if ns, ok = parseDateTime(word, cfg.location()); !ok {
		return 0, text, false
	}
	return ns, rest, true
}

// cutLogreadTime reads "Mon Nov 23 17:17:06 2026".
func cutLogreadTime(text []byte, cfg *Config) (ns int64, rest []byte, ok bool) {
	if len(text) < 25 || text[3] != ' ' || text[7] != ' ' || text[24] != ' ' {
		return 0, text, false
	}
	d := date{month: parseMonth(text[4:7])}
	day, ok1 := parseUint(bytes.TrimLeft(text[8:10], " "))
	clock, behind, ok2 := cutClock(text[11:])
	if !ok1 || !ok2 || len(behind) != len(text)-19 {
		return 0, text, false
	}
	year, ok := parseUint(behind[1:5])
	if d.day, d.year = int(day), int(year); !ok || !d.valid() {
		return 0, text, false
	}
	return d.at(clock, cfg.location()), text[25:], true
}

// indexWord is where word stands in text, at its start or behind a space; -1 if
// it does not.
func indexWord(text []byte, word string) int {
	for from := 0; ; {
		i := bytes.Index(text[from:], []byte(word))
		if i < 0 {
			return -1
		}
		if i += from; i == 0 || text[i-1] == ' ' {
			return i
		}
		from = i + 1
	}
}
