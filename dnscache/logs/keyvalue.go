package logs

import "bytes"

// pairs walks over a line of key=value pairs as firewalls write them: separated
// by spaces or commas, values bare or in double quotes, in which \" and \\ stand
// for a quote and a backslash. Other backslashes are themselves: user="CORP\ann".
type pairs struct {
	rest []byte
	// unescaped holds quoted values that had escapes, for the line's lifetime.
	unescaped []byte
	// failed is why the walk ended before the line did; else Used.
	failed Reason
}

// reset begins a line. What stands before its first pair, a syslog header, is
// skipped: words without an equals sign.
func (p *pairs) reset(line []byte) {
	*p = pairs{rest: line, unescaped: p.unescaped[:0]}
	if end := bytes.IndexByte(line, '>'); end > 0 && line[0] == '<' {
		p.rest = line[end+1:]
	}
	for {
		word := bytes.TrimLeft(p.rest, " ")
		end := bytes.IndexByte(word, ' ')
		if end < 0 {
			end = len(word)
		}
		p.rest = word
		if end == 0 || keyLength(word[:end]) > 0 {
			return
		}
		p.rest = word[end:]
	}
}

// keyLength is the length of the key that a pair begins with; 0 if it begins
// with none.
func keyLength(text []byte) int {
	for i, c := range text {
		if c|0x20-'a' < 26 || isDigit(c) || c == '_' || c == '-' || c == '.' {
			continue
		}
		if c == '=' {
			return i
		}
		break
	}
	return 0
}

// next gives the next pair, valid until the line or p is. At the end, and where
// the line is broken, ok is false.
func (p *pairs) next() (key, value []byte, ok bool) {
	text := p.rest
	for len(text) > 0 && (text[0] == ' ' || text[0] == ',') {
		text = text[1:]
	}
	if len(text) == 0 {
		return nil, nil, false
	}
	n := keyLength(text)
	if n == 0 {
		p.failed = BadSyntax
		return nil, nil, false
	}
	key, text = text[:n], text[n+1:]
	if len(text) > 0 && text[0] == '"' {
		value, ok = p.quoted(text[1:])
		return key, value, ok
	}
	end := 0
	for end < len(text) && text[end] != ' ' && text[end] != ',' {
		if text[end] == '"' {
			p.failed = BadSyntax
			return nil, nil, false
		}
		end++
	}
	p.rest = text[end:]
	return key, text[:end], true
}

// quoted gives the value before the quote that ends it, and moves on.
func (p *pairs) quoted(text []byte) (value []byte, ok bool) {
	end := bytes.IndexByte(text, '"')
	if end < 0 {
		p.failed = Torn
		return nil, false
	}
	if bytes.IndexByte(text[:end], '\\') < 0 {
		return text[:end], p.closed(text[end+1:])
	}
	start, copied := len(p.unescaped), 0 // text[:copied] is in unescaped
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text) && (text[i+1] == '"' || text[i+1] == '\\'):
			p.unescaped = append(p.unescaped, text[copied:i]...)
			copied = i + 1
			i++
		case c == '"':
			p.unescaped = append(p.unescaped, text[copied:i]...)
			return p.unescaped[start:], p.closed(text[i+1:])
		}
	}
	p.failed = Torn
	return nil, false
}

// closed moves on to what stands behind a closing quote.
func (p *pairs) closed(rest []byte) bool {
	if len(rest) > 0 && rest[0] != ' ' && rest[0] != ',' {
		p.failed = BadSyntax
		return false
	}
	p.rest = rest
	return true
}
