package syslog

import (
	"bytes"
	"time"
)

// A Message is one syslog message. Its slices alias the bytes it was read from.
type Message struct {
	// Header says that there was one: a time at least. Without it all but
	// Content is empty.
	Header bool
	// At is the header's time. Where it has no year it is the one next to the
	// arrival. The zero Time where there is none.
	At time.Time
	// Host sent it, App is the program's name, Proc what identifies its process.
	Host, App, Proc []byte
	Content         []byte
}

// Parse reads a message that arrived at a time, whose zone is that of times which
// have none.
func Parse(b []byte, arrival time.Time) Message {
	b = bytes.TrimRight(b, "\r\n\x00")
	b, version := cutPriority(bytes.TrimPrefix(b, bom))
	if version {
		if m, ok := parse5424(b, arrival.Location()); ok {
			return m
		}
	}
	m := parse3164(b, arrival)
	m.Content = content(m.Content)
	return m
}

var (
	bom = []byte("\xef\xbb\xbf")
	cee = []byte("@cee:")
)

// content is the content without what marks its encoding.
func content(b []byte) []byte {
	b = bytes.TrimPrefix(bytes.TrimLeft(b, " "), bom)
	if rest, ok := bytes.CutPrefix(b, cee); ok {
		b = bytes.TrimLeft(rest, " ")
	}
	return b
}

// cutPriority cuts "<30>" and says whether RFC 5424's version 1 followed.
func cutPriority(b []byte) (rest []byte, version bool) {
	end := bytes.IndexByte(b[:min(len(b), 5)], '>')
	if end < 2 || b[0] != '<' || !digits(b[1:end]) {
		return b, false
	}
	b = b[end+1:]
	if rest, ok := bytes.CutPrefix(b, []byte("1 ")); ok {
		return rest, true
	}
	return b, false
}

func digits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0
}

// parse5424 reads what stands behind the version (RFC 5424 section 6).
func parse5424(b []byte, zone *time.Location) (m Message, ok bool) {
	var words [5][]byte // time, host, program, process, message id
	for i := range words {
		if words[i], b, ok = bytes.Cut(b, []byte{' '}); !ok {
			return m, false
		}
		if len(words[i]) == 1 && words[i][0] == '-' {
			words[i] = nil
		}
	}
	if words[0] != nil {
		if m.At, ok = isoTime(words[0], zone); !ok {
			return m, false
		}
	}
	m.Header, m.Host, m.App, m.Proc = true, words[1], words[2], words[3]
	if b, ok = cutData(b); !ok {
		return Message{}, false
	}
	m.Content = content(b)
	return m, true
}

// cutData cuts the structured data (RFC 5424 section 6.3).
func cutData(b []byte) (rest []byte, ok bool) {
	if rest, ok := bytes.CutPrefix(b, []byte{'-'}); ok {
		return rest, true
	}
	quoted, inside := false, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quoted && c == '\\':
			i++
		case inside && c == '"':
			quoted = !quoted
		case !inside && c == '[':
			inside = true
		case inside && !quoted && c == ']':
			inside = false
		case !inside && i > 0:
			return b[i:], true
		case !inside:
			return b, false
		}
	}
	return nil, !inside && len(b) > 0
}

// parse3164 reads what RFC 3164 section 4.1.2 describes and devices vary.
func parse3164(b []byte, arrival time.Time) (m Message) {
	text := b
	// Cisco: a sequence number, and * or . for a clock that is not set.
	if number, rest, ok := bytes.Cut(text, []byte(": ")); ok && digits(number) {
		text = rest
	}
	text = bytes.TrimLeft(text, " *.")
	at, rest, ok := cutTime(text, arrival)
	if !ok {
		return Message{Content: b}
	}
	m.Header, m.At = true, at
	if rest, ok = bytes.CutPrefix(rest, []byte{':'}); ok { // Cisco's end of the time
		m.Content = rest
		return m
	}
	rest = bytes.TrimLeft(rest, " ")
	host, behind, ok := bytes.Cut(rest, []byte{' '})
	if ok && isHost(host) {
		m.Host, rest = host, bytes.TrimLeft(behind, " ")
	}
	m.App, m.Proc, m.Content = cutTag(rest)
	return m
}

// isHost says whether a word is a host's name and no program's or content.
func isHost(word []byte) bool {
	if len(word) == 0 || len(word) > 255 || word[len(word)-1] == ':' {
		return false
	}
	for _, c := range word {
		if c <= ' ' || c >= 0x7f || bytes.IndexByte([]byte(`[]{}"=,<>;()|`), c) >= 0 {
			return false
		}
	}
	return true
}

// cutTag cuts "program[pid]: "; without the colon there is none.
func cutTag(b []byte) (app, proc, rest []byte) {
	const most = 64
	for i, c := range b[:min(len(b), most)] {
		switch {
		case c == '[' && i > 0 && proc == nil:
			end := bytes.IndexByte(b, ']')
			if end < i || end+1 >= len(b) || b[end+1] != ':' {
				return nil, nil, b
			}
			return b[:i], b[i+1 : end], b[end+2:]
		case c == ':' && i > 0 && (i+1 == len(b) || b[i+1] == ' '):
			return b[:i], nil, b[i+1:]
		case c <= ' ' || bytes.IndexByte([]byte(`{}"=,<>;()|`), c) >= 0:
			return nil, nil, b
		}
	}
	return nil, nil, b
}

// AppendLine appends the message as a line of a log file.
func (m *Message) AppendLine(dst []byte, arrival time.Time) []byte {
	if !m.Header {
		return append(dst, m.Content...)
	}
	at := m.At
	if at.IsZero() {
		at = arrival
	}
	dst = at.AppendFormat(dst, "2006-01-02T15:04:05.000000Z07:00")
	dst = append(dst, ' ')
	if len(m.Host) == 0 {
		dst = append(dst, '-')
	}
	dst = append(append(dst, m.Host...), ' ')
	if len(m.App) > 0 {
		dst = append(dst, m.App...)
		if len(m.Proc) > 0 {
			dst = append(append(append(dst, '['), m.Proc...), ']')
		}
		dst = append(dst, ": "...)
	}
	return append(dst, bytes.TrimLeft(m.Content, " ")...)
}
