package logs

import (
	"bytes"
	"time"
)

// passiveColumns splits the rows of PassiveDNS's text. The columns, and in which
// order, are those of passivedns -f; by default SMcsCQTAtn:
//
//	S M  seconds and microseconds (one column)   H     date and time
//	c s  client, server                          W w   their MAC addresses
//	h p  the sensor's name, udp or tcp           C     class
//	Q L  name asked for, its length              T     type
//	A l  answer, its length                      t n   TTL, count
//
// Rows in the default order are told at once. Any other order is told from the
// first row of an A or AAAA record in which each column can be but one thing, and
// holds from then on: a row with another number of columns, or with something
// else where the name or the type should be, is refused. Names may have the
// delimiter in them, and whoever chooses a name must not choose columns.
type passiveColumns struct {
	layout  passiveLayout
	columns [][]byte
}

// A passiveLayout says what stands between columns, how many there are, and
// where each is; none of Delimiter is a layout that is not known yet.
type passiveLayout struct {
	Delimiter string
	Width     int
	Time      int
	IsDate    bool
	At        [passiveSlots]int // -1 is none; the places of the time are not used
}

// maxPassiveColumns is more than passivedns has fields.
const maxPassiveColumns = 24

// passiveDelimiters are tried where the layout is not known.
var passiveDelimiters = [...]string{"||", "\t", "|", ";", ",", " "}

// passiveDefault is the layout of SMcsCQTAtn, with or without the count, which
// old versions do not write.
func passiveDefault(width int) passiveLayout {
	l := passiveLayout{Delimiter: "||", Width: width, At: [passiveSlots]int{-1, -1, 1, 2, 3, 4, 5, 6, 7, 8}}
	if width == 8 {
		l.At[passiveCount] = -1
	}
	return l
}

// read splits a line into a row.
func (c *passiveColumns) read(line []byte, row *passiveRow, loc *time.Location) Reason {
	if c.layout.Delimiter == "" && !c.learn(line) {
		return NotTheFormat
	}
	l := &c.layout
	if !c.split(line, l.Delimiter) || len(c.columns) != l.Width {
		return BadColumns
	}
	for slot, at := range l.At {
		if at >= 0 {
			row.texts[slot] = c.columns[at]
		}
	}
	t := &row.texts
	if len(t[passiveQuery]) == 0 || t[passiveQuery][len(t[passiveQuery])-1] != '.' || !isTypeText(t[passiveType]) {
		return BadColumns
	}
	for _, slot := range [...]int{passiveClient, passiveServer} {
		if _, ok := parseAddr(t[slot]); t[slot] != nil && !ok {
			return BadClient
		}
	}
	var ok bool
	if l.IsDate {
		row.ns, ok = parseDateTime(c.columns[l.Time], loc)
	} else {
		row.ns, ok = parseEpoch(c.columns[l.Time])
	}
	if !ok {
		return BadTime
	}
	return Used
}

// split splits a line at a delimiter.
func (c *passiveColumns) split(line []byte, delimiter string) (ok bool) {
	c.columns = c.columns[:0]
	for more := true; more; {
		if len(c.columns) == maxPassiveColumns {
			return false
		}
		at := bytes.Index(line, []byte(delimiter))
		if more = at >= 0; !more {
			at = len(line)
		}
		c.columns = append(c.columns, line[:at])
		line = line[min(at+len(delimiter), len(line)):]
	}
	return true
}

// learn finds the layout of which line is a row.
func (c *passiveColumns) learn(line []byte) bool {
	for _, delimiter := range passiveDelimiters {
		if !c.split(line, delimiter) || len(c.columns) < 4 {
			continue
		}
		layout := passiveLayout{Delimiter: delimiter, Width: len(c.columns)}
		if (layout.Width == 8 || layout.Width == 9) && isPassiveDefault(c.columns) {
			layout = passiveDefault(layout.Width)
			layout.Delimiter = delimiter
		} else if !layout.infer(c.columns) {
			continue
		}
		c.layout = layout
		return true
	}
	return false
}

// isPassiveDefault says whether columns are those of SMcsCQTAt.
func isPassiveDefault(columns [][]byte) bool {
	for i, want := range [...]passiveKind{kindEpoch, kindAddr, kindAddr, kindClass, kindName, kindType} {
		if kindOf(columns[i]) != want {
			return false
		}
	}
	for _, column := range columns[7:] {
		if k := kindOf(column); k != kindNumber && k != kindEpoch {
			return false
		}
	}
	return true
}

// A passiveKind is what a column's text can be.
type passiveKind uint8

const (
	kindText passiveKind = iota // also the sensor's name
	kindEpoch
	kindDate
	kindAddr
	kindMAC
	kindProto
	kindClass
	kindType
	kindName // ends with a dot
	kindNumber
	numKinds
)

// kindOf tells a column by its text.
func kindOf(text []byte) passiveKind {
	switch string(text) {
	case "IN", "CH", "HS":
		return kindClass
	case "udp", "tcp", "UDP", "TCP":
		return kindProto
	}
	if _, ok := parseUint(text); ok {
		if len(text) == 10 {
			return kindEpoch
		}
		return kindNumber
	}
	if _, ok := parseEpoch(text); ok {
		return kindEpoch
	}
	if _, ok := parseAddr(text); ok {
		return kindAddr
	}
	if isMAC(text) {
		return kindMAC
	}
	if _, ok := parseDateTime(text, nil); ok {
		return kindDate
	}
	switch {
	case isTypeText(text):
		return kindType
	case len(text) > 0 && text[len(text)-1] == '.':
		return kindName
	}
	return kindText
}

// isMAC says whether text is a MAC address.
func isMAC(text []byte) bool {
	for i, c := range text {
		if (i%3 == 2) != (c == ':') || c != ':' && hexValue(c) > 15 {
			return false
		}
	}
	return len(text) == 17
}

// isTypeText says whether text is a record type as passivedns writes it: a
// mnemonic or a number.
func isTypeText(text []byte) bool {
	for _, c := range text {
		if (c < 'A' || c > 'Z') && !isDigit(c) {
			return false
		}
	}
	return parseType(text) != 0
}

// infer finds the columns of a row of an A or AAAA record by what they can be.
// What could be the start of a name with the delimiter in it has its usual place:
// the sensor's name beside the time, transport and MAC addresses before class and
// name.
func (l *passiveLayout) infer(columns [][]byte) bool {
	var count [numKinds]int
	var at [numKinds][maxPassiveColumns]int
	for i, text := range columns {
		k := kindOf(text)
		at[k][count[k]] = i
		count[k]++
	}
	for i := range l.At {
		l.At[i] = -1
	}
	if count[kindType] != 1 || count[kindName] != 1 || count[kindEpoch]+count[kindDate] != 1 || count[kindText] > 1 ||
		count[kindClass] > 1 || count[kindProto] > 1 || count[kindMAC] > 2 || count[kindAddr] > 3 || count[kindNumber] > 4 {
		return false
	}
	l.At[passiveQuery], l.At[passiveType] = at[kindName][0], at[kindType][0]
	if count[kindClass] == 1 {
		l.At[passiveClass] = at[kindClass][0]
	}
	before := l.At[passiveQuery]
	if count[kindClass] == 1 {
		before = at[kindClass][0]
	}
	for _, k := range [...]passiveKind{kindProto, kindMAC} {
		for _, i := range at[k][:count[k]] {
			if i > before {
				return false
			}
		}
	}
	if l.IsDate = count[kindDate] == 1; l.IsDate {
		l.Time = at[kindDate][0]
	} else {
		l.Time = at[kindEpoch][0]
	}
	if count[kindText] == 1 && at[kindText][0] != l.Time+1 && at[kindText][0] != l.Time-1 {
		return false
	}
	return l.inferAnswer(columns, at[kindAddr][:count[kindAddr]]) && l.inferNumbers(columns, at[kindNumber][:count[kindNumber]])
}

// inferAnswer tells the answer from the client and the server: it is the only
// address, or the only one of its type, or stands behind the type.
func (l *passiveLayout) inferAnswer(columns [][]byte, addrs []int) bool {
	typ := parseType(columns[l.At[passiveType]])
	if typ != typeA && typ != typeAAAA {
		return false
	}
	answer, fitting := -1, 0
	for _, i := range addrs {
		if addr, _ := parseAddr(columns[i]); !answersType(addr, columns[i], typ) {
			continue
		}
		if fitting++; fitting == 1 || i == l.At[passiveType]+1 {
			answer = i
		}
	}
	if fitting == 0 || fitting > 1 && answer != l.At[passiveType]+1 {
		return false
	}
	l.At[passiveAnswer] = answer
	others := [...]int{passiveClient, passiveServer}
	n := 0
	for _, i := range addrs {
		if i == answer {
			continue
		}
		if n == len(others) {
			return false
		}
		l.At[others[n]] = i
		n++
	}
	return true
}

// inferNumbers tells TTL and count, in this order, from the two lengths.
func (l *passiveLayout) inferNumbers(columns [][]byte, numbers []int) bool {
	lengths := len(numbers) - 2
	targets, n := [...]int{passiveTTL, passiveCount}, 0
	for _, i := range numbers {
		v, _ := parseUint(columns[i])
		if lengths > 0 && (v == uint64(len(columns[l.At[passiveQuery]])) || v == uint64(len(columns[l.At[passiveAnswer]]))) {
			lengths--
			continue
		}
		if n == len(targets) {
			return false
		}
		l.At[targets[n]] = i
		n++
	}
	return lengths <= 0
}
