package logs

// A jsonScanner walks over JSON text once. Its first error sticks and moves it
// to the end.
type jsonScanner struct {
	text []byte
	at   int
	line *jsonLine // for keys with escapes; may be nil where no table is given

	// torn: the text ends before the value does. bad: it is no JSON, or too
	// deep. twice: a wanted member stands twice.
	torn, bad, twice bool
}

// peek is the byte that stands next; 0 at the end.
func (s *jsonScanner) peek() byte {
	if s.at < len(s.text) {
		return s.text[s.at]
	}
	return 0
}

func (s *jsonScanner) space() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ' ', '\t', '\r', '\n':
			s.at++
		default:
			return
		}
	}
}

// fail ends the walk.
func (s *jsonScanner) fail() bool {
	if s.at >= len(s.text) {
		s.torn = !s.bad
	} else {
		s.bad = !s.torn
	}
	s.at = len(s.text)
	return false
}

// expect steps over c behind space.
func (s *jsonScanner) expect(c byte) bool {
	s.space()
	if s.peek() != c || s.at == len(s.text) {
		return s.fail()
	}
	s.at++
	return true
}

// value steps over one value, whose wanted members go to slots.
func (s *jsonScanner) value(table *jsonTable, slots []jsonValue, depth int) bool {
	s.space()
	switch c := s.peek(); {
	case c == '"':
		_, _, ok := s.string()
		return ok
	case c == '{':
		return s.object(table, slots, depth)
	case c == '[':
		return s.array(depth)
	case c == '-' || isDigit(c):
		return s.number()
	case c == 't':
		return s.word("true")
	case c == 'f':
		return s.word("false")
	case c == 'n':
		return s.word("null")
	}
	return s.fail()
}

// object steps over an object.
func (s *jsonScanner) object(table *jsonTable, slots []jsonValue, depth int) bool {
	if depth > maxJSONDepth {
		return s.fail()
	}
	s.at++
	if s.space(); s.peek() == '}' {
		s.at++
		return true
	}
	for {
		if s.space(); s.peek() != '"' {
			return s.fail()
		}
		key, escaped, ok := s.string()
		if !ok || !s.expect(':') {
			return false
		}
		if table != nil && escaped {
			key = s.line.unescape(key)
		}
		if !s.member(key, table, slots, depth) {
			return false
		}
		s.space()
		switch s.peek() {
		case ',':
			s.at++
		case '}':
			s.at++
			return true
		default:
			return s.fail()
		}
	}
}

// member steps over a member's value and notes it if it is wanted.
func (s *jsonScanner) member(key []byte, table *jsonTable, slots []jsonValue, depth int) bool {
	if table == nil {
		return s.value(nil, nil, depth+1)
	}
	s.space()
	start := s.at
	if !s.value(table.nested[string(key)], slots, depth+1) {
		return false
	}
	slot, wanted := table.slots[string(key)]
	if !wanted || s.text[start] == 'n' {
		return true
	}
	if slots[slot] != nil {
		s.twice = true
	}
	slots[slot] = s.text[start:s.at]
	return true
}

// array steps over an array.
func (s *jsonScanner) array(depth int) bool {
	if depth > maxJSONDepth {
		return s.fail()
	}
	s.at++
	if s.space(); s.peek() == ']' {
		s.at++
		return true
	}
	for {
		if !s.value(nil, nil, depth+1) {
			return false
		}
		s.space()
		switch s.peek() {
		case ',':
			s.at++
		case ']':
			s.at++
			return true
		default:
			return s.fail()
		}
	}
}

// string steps over a string and gives what stands between its quotes.
func (s *jsonScanner) string() (inside []byte, escaped, ok bool) {
	s.at++
	start := s.at
	for s.at < len(s.text) {
		switch c := s.text[s.at]; {
		case c == '"':
			s.at++
			return s.text[start : s.at-1], escaped, true
		case c == '\\':
			escaped = true
			s.at++
			if !s.escape() {
				return nil, false, s.fail()
			}
		case c < ' ':
			return nil, false, s.fail()
		default:
			s.at++
		}
	}
	return nil, false, s.fail()
}

// escape steps over what stands behind a backslash.
func (s *jsonScanner) escape() bool {
	switch s.peek() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.at++
		return true
	case 'u':
		s.at++
		for range 4 {
			if hexValue(s.peek()) > 15 {
				return false
			}
			s.at++
		}
		return true
	}
	return false
}

// number steps over a number.
func (s *jsonScanner) number() bool {
	if s.peek() == '-' {
		s.at++
	}
	start := s.at
	if !s.digits() || s.text[start] == '0' && s.at > start+1 {
		return s.fail()
	}
	if s.peek() == '.' {
		s.at++
		if !s.digits() {
			return s.fail()
		}
	}
	if s.peek()|0x20 == 'e' {
		s.at++
		if c := s.peek(); c == '+' || c == '-' {
			s.at++
		}
		if !s.digits() {
			return s.fail()
		}
	}
	return true
}

func (s *jsonScanner) digits() bool {
	start := s.at
	for isDigit(s.peek()) {
		s.at++
	}
	return s.at > start
}

func (s *jsonScanner) word(w string) bool {
	for i := range len(w) {
		if s.peek() != w[i] {
			return s.fail()
		}
		s.at++
	}
	return true
}
