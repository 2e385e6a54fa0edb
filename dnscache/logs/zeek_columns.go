package logs

import (
	"bytes"
	"errors"
)

// maxZeekHeader bounds the header lines that are remembered.
const maxZeekHeader = 16 << 10

// zeekColumns reads Zeek's logs of columns. Their header says everything:
//
//	#separator \x09
//	#set_separator	,
//	#empty_field	(empty)
//	#unset_field	-
//	#path	dns
//	#fields	ts	uid	...
//	#types	time	string	...
//
// Columns may stand in any order. A file that was put together of several has
// several headers, each for the rows below it.
type zeekColumns struct {
	separator, setSeparator, empty, unset []byte

	path   []byte
	fields []byte // the line behind #fields, as it stood
	slots  []int  // of the columns in their order; -1 is not wanted
	log    zeekLog
}

func newZeekColumns() zeekColumns {
	return zeekColumns{
		separator: []byte("\t"), setSeparator: []byte(","), empty: []byte("(empty)"), unset: []byte("-"),
	}
}

// header takes a line that starts with #. It is Passed, or what is wrong with it.
func (c *zeekColumns) header(line []byte) Reason {
	if value, ok := bytes.CutPrefix(line, []byte("#separator ")); ok {
		separator := unescapeZeek(nil, value)
		if len(separator) == 0 || len(separator) > 8 {
			return BadSyntax
		}
		*c = newZeekColumns() // a new file begins
		c.separator = separator
		return Passed
	}
	key, value, ok := bytes.Cut(line, c.separator)
	if !ok {
		return Passed
	}
	if len(value) > maxZeekHeader {
		return BadColumns
	}
	switch string(key) {
	case "#set_separator":
		c.setSeparator = unescapeZeek(nil, value)
	case "#empty_field":
		c.empty = unescapeZeek(nil, value)
	case "#unset_field":
		c.unset = unescapeZeek(nil, value)
	case "#path":
		c.path = bytes.Clone(value)
	case "#fields":
		return c.setFields(value)
	}
	return Passed
}

// setFields takes the names of the columns.
func (c *zeekColumns) setFields(value []byte) Reason {
	c.fields, c.slots, c.log = bytes.Clone(value), c.slots[:0], zeekUnknown
	var has [zeekSlots]bool
	for rest, more := value, true; more; {
		var field []byte
		field, rest, more = bytes.Cut(rest, c.separator)
		slot, wanted := zeekTable.slots[string(field)]
		switch {
		case !wanted:
			slot = -1
		case has[slot]:
			c.fields, c.slots = nil, c.slots[:0]
			return BadColumns
		default:
			has[slot] = true
		}
		c.slots = append(c.slots, slot)
	}
	c.log = zeekOther
	if !has[zeekTime] || !has[zeekClient] || !has[zeekServer] {
		return Passed
	}
	switch {
	case has[zeekQuery] && (has[zeekType] || has[zeekTypeName]):
		c.log = zeekDNS
	case has[zeekServerName] && has[zeekInitialDCID]:
		c.log = zeekQUIC
	case has[zeekServerName] && (has[zeekVersion] || has[zeekCipher]):
		c.log = zeekSSL
	}
	return Passed
}

// row splits a line into p's row.
func (c *zeekColumns) row(line []byte, p *zeekParser) (zeekLog, Reason) {
	if len(c.slots) == 0 {
		return zeekUnknown, NotTheFormat
	}
	n := 0
	for rest, more := line, true; more; n++ {
		if n == len(c.slots) {
			return zeekUnknown, BadColumns
		}
		var text []byte
		text, rest, more = bytes.Cut(rest, c.separator)
		slot := c.slots[n]
		switch {
		case slot < 0 || bytes.Equal(text, c.unset):
			continue
		case bytes.Equal(text, c.empty):
			p.texts[slot] = text[:0]
			continue
		case slot == zeekAnswers:
			c.set(text, p.addAnswer)
		case slot == zeekTTLs:
			c.set(text, p.addTTL)
		default:
			text = p.unescape(text)
		}
		p.texts[slot] = text
	}
	if n < len(c.slots) {
		return zeekUnknown, BadColumns
	}
	return c.log, Used
}

// set gives the elements of a set or vector.
func (c *zeekColumns) set(text []byte, add func([]byte)) {
	if len(c.setSeparator) == 0 {
		add(text)
		return
	}
	for n, more := 0, true; more && n < maxAnswers; n++ {
		var element []byte
		element, text, more = bytes.Cut(text, c.setSeparator)
		add(element)
	}
}

func (p *zeekParser) addAnswer(text []byte) { p.answers = append(p.answers, p.unescape(text)) }
func (p *zeekParser) addTTL(text []byte)    { p.ttls = append(p.ttls, zeekTTL(text)) }

// unescape writes a column's escapes out, into scratch if it has any.
func (p *zeekParser) unescape(text []byte) []byte {
	if bytes.IndexByte(text, '\\') < 0 {
		return text
	}
	start := len(p.scratch)
	p.scratch = unescapeZeek(p.scratch, text)
	return p.scratch[start:len(p.scratch):len(p.scratch)]
}

// unescapeZeek appends text with \xHH and \\ written out: so Zeek writes what
// would else be a separator, a backslash or unprintable.
func unescapeZeek(dst, text []byte) []byte {
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			dst = append(dst, text[i])
			continue
		}
		switch rest := text[i+1:]; {
		case len(rest) >= 3 && rest[0] == 'x' && hexValue(rest[1]) < 16 && hexValue(rest[2]) < 16:
			dst = append(dst, hexValue(rest[1])<<4|hexValue(rest[2]))
			i += 3
		case len(rest) >= 1 && rest[0] == '\\':
			dst = append(dst, '\\')
			i++
		default:
			dst = append(dst, '\\')
		}
	}
	return dst
}

// AppendState appends the header: rows that follow have none.
func (p *zeekParser) AppendState(dst []byte) []byte {
	c := &p.columns
	for _, part := range [][]byte{c.separator, c.setSeparator, c.empty, c.unset, c.path, c.fields} {
		dst = appendPart(dst, part)
	}
	return dst
}

// errZeekState says that a state is not one of AppendState's.
var errZeekState = errors.New("logs: not the state of a Zeek log")

// Restore takes back what AppendState gave.
func (p *zeekParser) Restore(state []byte) error {
	var parts [6][]byte
	for i := range parts {
		var ok bool
		if parts[i], state, ok = cutPart(state); !ok {
			return errZeekState
		}
	}
	if len(state) > 0 || len(parts[0]) == 0 {
		return errZeekState
	}
	c := zeekColumns{
		separator: bytes.Clone(parts[0]), setSeparator: bytes.Clone(parts[1]),
		empty: bytes.Clone(parts[2]), unset: bytes.Clone(parts[3]), path: bytes.Clone(parts[4]),
	}
	if len(parts[5]) > 0 && c.setFields(parts[5]) != Passed {
		return errZeekState
	}
	p.columns = c
	return nil
}
