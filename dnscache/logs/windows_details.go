package logs

import (
	"bytes"

	"flowname/dnscache/dnswire"
)

// Details of a packet, of which these lines count:
//
//	UDP response info at 00000272D98DD0B0
//	    QUESTION SECTION:
//	    Name      "(3)www(7)example(0)"
//	    ANSWER SECTION:
//	    Name      "[C00C](3)www(7)example(0)"
//	      TYPE   A  (1)
//	      TTL    300
//	      DATA   192.0.2.1
//	    AUTHORITY SECTION:
//
// [C00C] is a compression pointer; the labels that it points to stand behind it.

// A windowsSection is a part of a block.
type windowsSection uint8

const (
	windowsHeader windowsSection = iota // the packet's own line
	windowsInfo
	windowsQuestion
	windowsAnswers
	windowsRest
)

// maxWindowsBlock is how many bytes of a block are kept: 256 answers take half.
const maxWindowsBlock = 128 << 10

// A windowsRecord is the record whose lines are being read.
type windowsRecord struct {
	owner []byte
	typ   uint16
	ttl   uint64
}

// detail reads a line that is no packet's own.
func (p *windowsDebugParser) detail(line []byte, to *Sink) Reason {
	text := bytes.TrimLeft(line, " \t")
	if len(text) == len(line) && !isBlockStart(line) {
		return p.preamble(line)
	}
	if !p.held {
		return Passed
	}
	if len(p.block)+len(line) >= maxWindowsBlock {
		return Full
	}
	reason := p.blockLine(text)
	p.block = append(append(p.block, line...), '\n')
	if p.section == windowsRest {
		p.give(to)
	}
	return reason
}

// isBlockStart says whether a line is the first behind a packet's own.
func isBlockStart(line []byte) bool {
	return bytes.HasPrefix(line, []byte("UDP ")) || bytes.HasPrefix(line, []byte("TCP "))
}

// blockLine reads a line of the block that belongs to the held response.
func (p *windowsDebugParser) blockLine(text []byte) Reason {
	if isBlockStart(text) {
		p.section = max(p.section, windowsInfo)
		return Passed
	}
	key, value := cutWord(text)
	value = bytes.Trim(value, " ")
	switch string(key) {
	case "QUESTION", "ZONE":
		p.section = windowsQuestion
	case "ANSWER":
		p.section = windowsAnswers
		p.current.owner = p.current.owner[:0]
	case "AUTHORITY", "ADDITIONAL", "PREREQUISITE", "UPDATE":
		if string(value) == "SECTION:" && p.section >= windowsInfo {
			p.section = windowsRest
		}
	case "Name":
		return p.recordName(value)
	case "TYPE", "TTL", "DATA":
		if p.section == windowsAnswers {
			return p.recordLine(key, value)
		}
	}
	return Passed
}

// recordName reads the name of the question, which must be that of the packet's
// own line, or the owner that a record begins with.
func (p *windowsDebugParser) recordName(value []byte) Reason {
	if len(value) < 2 || value[0] != '"' || value[len(value)-1] != '"' {
		p.bad = p.bad || p.section == windowsQuestion
		return BadName
	}
	value = value[1 : len(value)-1]
	switch p.section {
	case windowsQuestion:
		var ok bool
		if p.asked, ok = appendLengthName(p.asked[:0], value); !ok || !bytes.Equal(p.asked, p.name) {
			p.bad = true
			return BadName
		}
	case windowsAnswers:
		p.current = windowsRecord{owner: append(p.current.owner[:0], value...)}
		return Used
	}
	return Passed
}

// recordLine reads a line of a record; its data is the last that counts.
func (p *windowsDebugParser) recordLine(key, value []byte) Reason {
	ok := len(p.current.owner) > 0
	switch string(key) {
	case "TYPE":
		word, _ := cutWord(value)
		p.current.typ = parseType(word)
	case "TTL":
		var number bool
		p.current.ttl, number = parseUint(value)
		ok = ok && number
	case "DATA":
		if ok {
			p.records.add(p.current.owner, p.current.typ, clampTTL(p.current.ttl), value)
			p.current.owner = p.current.owner[:0]
		}
	}
	if !ok {
		return BadSyntax
	}
	return Used
}

// preamble reads a line that stands between packets: what the log begins with.
func (p *windowsDebugParser) preamble(line []byte) Reason {
	for _, start := range [...]string{"DNS Server log file creation at ", "Log file wrap at "} {
		if text, ok := bytes.CutPrefix(line, []byte(start)); ok {
			p.cutTime(text) // to learn the order of the date
			return Passed
		}
	}
	if bytes.HasPrefix(line, []byte("Message logging key")) {
		return Passed
	}
	return NotTheFormat
}

// appendLengthName appends a name that is written (3)www(7)example(0), each
// label's length before it, its octets as they are. Pointers, [C00C], are passed
// over.
func appendLengthName(dst, text []byte) (name []byte, ok bool) {
	start, wire := len(dst), 1
	for {
		if len(text) > 0 && text[0] == '[' {
			end := bytes.IndexByte(text, ']')
			if end < 0 {
				return dst[:start], false
			}
			text = text[end+1:]
		}
		if len(text) < 3 || text[0] != '(' {
			return dst[:start], false
		}
		n, rest, number := cutNumber(text[1:])
		if !number || n > 63 || len(rest) == 0 || rest[0] != ')' {
			return dst[:start], false
		}
		if text = rest[1:]; n == 0 {
			break
		}
		if wire += int(n) + 1; wire > maxWire || int(n) > len(text) {
			return dst[:start], false
		}
		if len(dst) > start {
			dst = append(dst, '.')
		}
		for _, c := range text[:n] {
			dst = dnswire.AppendOctet(dst, c)
		}
		text = text[n:]
	}
	if len(text) > 0 {
		return dst[:start], false
	}
	if len(dst) == start {
		dst = append(dst, '.')
	}
	return dst, true
}
