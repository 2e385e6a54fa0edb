package logs

import (
	"unicode/utf16"
	"unicode/utf8"
)

// Lines of JSON are read by one pass that checks the whole line's syntax (RFC
// 8259) and notes where the members stand that the format wants; nothing is
// built of the others. A jsonTable says which are wanted:
//
//	table := newJSONTable(
//		slotTime: {"ts"},
//		slotClient: {"id.orig_h", "id_orig_h"},
//	)
//	line := jsonLine{table: table}
//	if reason := line.read(text); reason != Used { return reason }
//	ns, ok := parseEpoch(line.text(slotTime))
//
// A path with a dot is that of a member of that very name, and of a member of an
// object: "id.orig_h" takes {"id.orig_h":1} and {"id":{"orig_h":1}}. Who reads a
// line that has a wanted member twice could be shown another than its writer
// meant, so such a line is refused.
//
// Nothing allocates in the steady state, and memory is bounded by the line.

// maxJSONDepth is how deep values nest in a line that is read. Events of logs
// have six levels.
const maxJSONDepth = 32

// A jsonTable says which members of an object go to which slot. It is only read.
type jsonTable struct {
	slots  map[string]int
	nested map[string]*jsonTable
	size   int
}

// newJSONTable makes a table of slots: paths[i] are the spellings of slot i.
func newJSONTable(paths ...[]string) *jsonTable {
	t := &jsonTable{size: len(paths)}
	for slot, spellings := range paths {
		for _, path := range spellings {
			t.add(path, slot)
		}
	}
	return t
}

func (t *jsonTable) add(path string, slot int) {
	if t.slots == nil {
		t.slots, t.nested = map[string]int{}, map[string]*jsonTable{}
	}
	t.slots[path] = slot
	for i := range path {
		if path[i] == '.' {
			head := path[:i]
			if t.nested[head] == nil {
				t.nested[head] = &jsonTable{}
			}
			t.nested[head].add(path[i+1:], slot)
		}
	}
}

// A jsonValue is where a value stands in its line; nil where there is none. JSON's
// null is none.
type jsonValue []byte

// isObject and isArray say what stands there.
func (v jsonValue) isObject() bool { return len(v) > 0 && v[0] == '{' }
func (v jsonValue) isArray() bool  { return len(v) > 0 && v[0] == '[' }

// A jsonLine reads the lines of one stream.
type jsonLine struct {
	table   *jsonTable
	values  []jsonValue
	scratch []byte
}

// read reads a line that is one object. What it gives is valid until the next
// call and as long as the line is.
func (l *jsonLine) read(line []byte) Reason {
	if l.values == nil {
		l.values = make([]jsonValue, l.table.size)
	}
	clear(l.values)
	l.scratch = l.scratch[:0]
	s := jsonScanner{text: line, line: l}
	if s.space(); s.peek() != '{' {
		return NotTheFormat
	}
	s.object(l.table, l.values, 1)
	s.space()
	switch {
	case s.torn:
		return Torn
	case s.bad, s.twice, s.at < len(line):
		return BadSyntax
	}
	return Used
}

// value is what stands in a slot.
func (l *jsonLine) value(slot int) jsonValue { return l.values[slot] }

// text is the string in a slot, or a number's digits, or true or false as text:
// many writers write ports and times as either. Nil for all else.
func (l *jsonLine) text(slot int) []byte { return l.textOf(l.values[slot]) }

// textOf is text for a value.
func (l *jsonLine) textOf(v jsonValue) []byte {
	switch {
	case len(v) == 0 || v[0] == '{' || v[0] == '[':
		return nil
	case v[0] != '"':
		return v
	}
	return l.unescape(v[1 : len(v)-1])
}

// members reads the members of an object that stands in the line into slots of
// table; into has room for all. It is false where a wanted one stands twice.
func (l *jsonLine) members(v jsonValue, table *jsonTable, into []jsonValue) bool {
	clear(into)
	s := jsonScanner{text: v, line: l}
	if !v.isObject() {
		return false
	}
	s.object(table, into, 1)
	return !s.bad && !s.torn && !s.twice
}

// A jsonArray gives the elements of an array that stands in a line.
type jsonArray struct{ rest []byte }

// elements are those of v; none if it is no array.
func (v jsonValue) elements() jsonArray {
	if !v.isArray() {
		return jsonArray{}
	}
	return jsonArray{v[1 : len(v)-1]}
}

// next gives the next element; ok is false behind the last. A null is nil.
func (a *jsonArray) next() (v jsonValue, ok bool) {
	s := jsonScanner{text: a.rest}
	if s.space(); s.at == len(a.rest) {
		return nil, false
	}
	start := s.at
	s.value(nil, nil, 1)
	v = a.rest[start:s.at]
	if s.space(); s.at < len(a.rest) {
		s.at++ // the comma
	}
	a.rest = a.rest[s.at:]
	if s.bad || s.torn {
		a.rest = nil
		return nil, false
	}
	if v[0] == 'n' {
		v = nil
	}
	return v, true
}

// unescape gives a string's text: as it stands in the line, or written out into
// scratch. It is nil if half of a surrogate pair stands alone.
func (l *jsonLine) unescape(s []byte) []byte {
	i := 0
	for i < len(s) && s[i] != '\\' {
		i++
	}
	if i == len(s) {
		return s
	}
	start := len(l.scratch)
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '\\' {
			i++
			switch c = s[i]; c {
			case 'b':
				c = '\b'
			case 'f':
				c = '\f'
			case 'n':
				c = '\n'
			case 'r':
				c = '\r'
			case 't':
				c = '\t'
			case 'u':
				r, n := unescapeRune(s[i+1:])
				if n == 0 {
					return nil
				}
				l.scratch = utf8.AppendRune(l.scratch, r)
				i += n
				continue
			}
		}
		l.scratch = append(l.scratch, c)
	}
	return l.scratch[start:len(l.scratch):len(l.scratch)]
}

// unescapeRune reads what stands behind \u, and how long it is. The scanner has
// seen to the digits.
func unescapeRune(s []byte) (r rune, n int) {
	r = hexRune(s)
	if !utf16.IsSurrogate(r) {
		return r, 4
	}
	if len(s) < 10 || s[4] != '\\' || s[5] != 'u' {
		return 0, 0
	}
	if r = utf16.DecodeRune(r, hexRune(s[6:])); r == utf8.RuneError {
		return 0, 0
	}
	return r, 10
}

func hexRune(s []byte) (r rune) {
	for _, c := range s[:4] {
		r = r<<4 | rune(hexValue(c))
	}
	return r
}
