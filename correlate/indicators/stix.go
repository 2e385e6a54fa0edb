package indicators

import "strings"

// readPattern takes each comparison of a STIX pattern as an indicator, whatever
// joins them: all that a pattern names is worth a look.
func (r *reading) readPattern(pattern string) {
	p := patternCursor{text: pattern}
	for n := 0; p.next(); n++ {
		r.readComparison(p.path, p.operator, p.negated, p.literal)
	}
	if p.torn {
		r.refuse(Unsupported, pattern)
	}
}

func (r *reading) readComparison(path, operator string, negated bool, literal string) {
	kind, _, _ := strings.Cut(path, ":")
	switch kind {
	case "domain-name", "ipv4-addr", "ipv6-addr", "url", "network-traffic":
	default:
		r.refuse(OtherKind, path)
		return
	}
	if kind == "network-traffic" && !strings.HasSuffix(path, "_ref.value") || !strings.HasSuffix(path, "value") {
		r.refuse(OtherKind, path)
		return
	}
	wildcard := operator == "LIKE" && strings.HasPrefix(literal, "%.") && kind == "domain-name" &&
		!strings.ContainsAny(literal[2:], "%_")
	switch {
	case negated:
	case wildcard:
		r.take("*."+literal[2:], itself)
		return
	case operator == "=" || operator == "==" || operator == "IN" || operator == "ISSUBSET":
		if kind == "url" {
			r.takeURL(literal)
		} else {
			r.take(literal, itself)
		}
		return
	}
	r.refuse(Unsupported, path+" "+operator+" "+literal)
}

// A patternCursor goes through the comparisons of a pattern. Brackets and what
// joins comparisons do not matter to it.
type patternCursor struct {
	text string

	path     string // what is compared
	operator string
	negated  bool
	literal  string
	torn     bool // a literal has no end
}

// next goes to the next literal that is compared with something.
func (p *patternCursor) next() bool {
	for p.text != "" {
		switch c := p.text[0]; {
		case c == '\'':
			if !p.readLiteral() {
				p.torn = true
				return false
			}
			if p.path != "" && p.operator != "" {
				return true
			}
		case c == '=' || c == '!' || c == '<' || c == '>':
			n := 1
			for n < len(p.text) && p.text[n] == '=' {
				n++
			}
			p.operator = p.text[:n]
			p.negated = p.negated || c == '!'
			p.text = p.text[n:]
		case c == ']':
			p.path, p.operator = "", ""
			p.text = p.text[1:]
		case isWord(c):
			p.readWord()
		default:
			p.text = p.text[1:]
		}
	}
	return false
}

func isWord(c byte) bool {
	return c|0x20-'a' < 26 || c-'0' < 10 || c == '_' || c == '-' || c == ':' || c == '.'
}

// readLiteral reads a text in quotes; a backslash stands before a quote or a
// backslash in it.
func (p *patternCursor) readLiteral() bool {
	var b strings.Builder
	for i := 1; i < len(p.text); i++ {
		switch c := p.text[i]; {
		case c == '\\' && i+1 < len(p.text):
			i++
			b.WriteByte(p.text[i])
		case c == '\'':
			p.literal, p.text = b.String(), p.text[i+1:]
			return true
		default:
			b.WriteByte(c)
		}
	}
	return false
}

// readWord reads an operator, or a path: words with a colon, in which indices
// and quoted keys may stand.
func (p *patternCursor) readWord() {
	n := 0
	for n < len(p.text) && (isWord(p.text[n]) || n > 0 && p.text[n] == '\'' && p.text[n-1] == '.') {
		if p.text[n] == '\'' {
			end := strings.IndexByte(p.text[n+1:], '\'')
			if end < 0 {
				break
			}
			n += end + 1
		}
		n++
		if strings.HasPrefix(p.text[n:], "[*]") {
			n += 3
		}
	}
	n = max(n, 1)
	word := p.text[:n]
	p.text = p.text[n:]
	switch {
	case strings.IndexByte(word, ':') > 0:
		p.path, p.operator, p.negated = word, "", false
	case strings.EqualFold(word, "NOT"):
		p.negated = true
	case word == "IN" || word == "LIKE" || word == "MATCHES" || word == "ISSUBSET" || word == "ISSUPERSET":
		p.operator = word
	}
}
