package logs

import "bytes"

// maxJSONPrefix is how much may stand before a line's JSON: the header that a syslog
// server wrote, or the time that CloudWatch puts before each event.
const maxJSONPrefix = 256

// An objectParser reads what a jsonLine has read of one object.
type objectParser interface {
	object(to *Sink) Reason
}

// readObjects reads a line that is an object, an array of objects or several
// objects behind each other, as services put events into batches; also behind a
// prefix. The line is used if one of its objects is, else it is what the first
// one is that is not passed over.
func (l *jsonLine) readObjects(line []byte, p objectParser, to *Sink) Reason {
	if line[0] != '{' && line[0] != '[' {
		at := bytes.IndexByte(line[:min(len(line), maxJSONPrefix)], '{')
		if at < 0 {
			return NotTheFormat
		}
		line = line[at:]
	}
	if line[0] == '{' {
		reason := l.read(line)
		if reason == Used {
			return p.object(to)
		} else if reason != BadSyntax {
			return reason
		}
	}
	batch := jsonBatch{text: line}
	all := Passed
	for {
		object, reason := batch.next()
		if reason == Used {
			if object == nil {
				return all
			}
			if reason = l.read(object); reason == Used {
				reason = p.object(to)
			}
		} else {
			object = nil
		}
		if reason == Used || all == Passed {
			all = reason
		}
		if object == nil {
			return all
		}
	}
}

// A jsonBatch gives the objects of a line one by one.
type jsonBatch struct {
	text    []byte
	inArray bool
}

// next gives the next object; nil behind the last. Where the line is broken the
// reason is why.
func (b *jsonBatch) next() (object []byte, reason Reason) {
	s := jsonScanner{text: b.text}
	for s.space(); s.at < len(s.text); s.space() {
		switch c := s.peek(); {
		case c == '{':
			start := s.at
			if !s.value(nil, nil, 1) {
				return nil, s.reason()
			}
			object, b.text = s.text[start:s.at], s.text[s.at:]
			return object, Used
		case c == '[' && !b.inArray, c == ',' && b.inArray, c == ']' && b.inArray:
			b.inArray = c != ']'
			s.at++
		default:
			return nil, BadSyntax
		}
	}
	if b.inArray {
		return nil, Torn
	}
	return nil, Used
}

// reason is why a scan failed.
func (s *jsonScanner) reason() Reason {
	if s.torn {
		return Torn
	}
	return BadSyntax
}

// sniffObjects counts the lines that begin with an object for which sure is
// true.
func sniffObjects(table *jsonTable, sure func(*jsonLine) bool) func([][]byte) int {
	return func(lines [][]byte) int {
		n := 0
		l := jsonLine{table: table}
		for _, line := range lines {
			if len(line) == 0 {
				continue
			}
			s := sniffer{line: &l, sure: sure}
			l.readObjects(line, &s, nil)
			if s.found {
				n++
			}
		}
		return n
	}
}

// A sniffer finds out whether one of a line's objects is of a format.
type sniffer struct {
	line  *jsonLine
	sure  func(*jsonLine) bool
	found bool
}

func (s *sniffer) object(*Sink) Reason {
	s.found = s.found || s.sure(s.line)
	return Passed
}
