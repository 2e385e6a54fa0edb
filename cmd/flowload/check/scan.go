package check

import (
	"bytes"
	"errors"
)

// The errors of a line.
var (
	errNotObject = errors.New("not one JSON object")
	errCut       = errors.New("cut short")
	errKeys      = errors.New("too many different keys")
)

// A keyID is one of the keys that are looked at.
type keyID int

const (
	keyType keyID = iota
	keyBytes
	keyPackets
	keyStart
	keyEnd
	keySrcAddr
	keyDstAddr
	keySrcPort
	keyDstPort
	keyProto
	keyFlags
	keyUnnamed
	keySrcName
	keySrcBasis
	keySrcAge
	keySrcCanonical
	keySrcASN
	keySrcOrg
	keySrcCountry
	keySrcCity
	keyDstName
	keyDstBasis
	keyDstAge
	keyDstCanonical
	keyDstASN
	keyDstOrg
	keyDstCountry
	keyDstCity
	numKeys

	perEnd = keyDstName - keySrcName // from a key of one end to the other's
)

var keyNames = [numKeys]string{
	"type", "bytes", "packets", "time_flow_start_ns", "time_flow_end_ns",
	"src_addr", "dst_addr", "src_port", "dst_port", "proto", "tcp_flags", "unnamed",
	"src_name", "src_name_basis", "src_name_age_ms", "src_name_canonical",
	"src_asn", "src_as_org", "src_country", "src_city",
	"dst_name", "dst_name_basis", "dst_name_age_ms", "dst_name_canonical",
	"dst_asn", "dst_as_org", "dst_country", "dst_city",
}

// A record is what a line says: texts without their quotes, numbers as they
// are; nil where it does not have the key. It aliases the line.
type record [numKeys][]byte

// A scanner reads lines. Those of one program have their keys in one order mostly:
// it remembers which key followed which, and looks there first.
type scanner struct {
	record
	keys   []key          // all that were seen, but no more than maxKeys
	byText map[string]int // their numbers
}

// A key is one that lines have.
type key struct {
	text []byte // with quotes and colon
	id   keyID  // -1: nobody asks for it
	next int    // the key that followed it the last time
}

const maxKeys = 1 << 10

func newScanner() *scanner {
	s := &scanner{byText: map[string]int{}, keys: make([]key, 1)} // the first is none: a line's beginning
	for i, name := range keyNames {
		s.add(name, keyID(i))
	}
	return s
}

func (s *scanner) add(name string, id keyID) int {
	s.keys = append(s.keys, key{text: []byte(`"` + name + `":`), id: id})
	s.byText[name] = len(s.keys) - 1
	return len(s.keys) - 1
}

// scan reads a line, with or without its newline.
func (s *scanner) scan(line []byte) error {
	s.record = record{}
	for len(line) > 0 && (line[len(line)-1] == '\n' || line[len(line)-1] == '\r') {
		line = line[:len(line)-1]
	}
	if len(line) < 2 || line[0] != '{' || line[len(line)-1] != '}' {
		return errNotObject
	}
	last := 0 // the key before
	for b := line[1:]; ; {
		number, rest, err := s.key(b, last)
		if err != nil {
			return err
		}
		value, rest, err := value(rest)
		if err != nil {
			return err
		}
		if k := &s.keys[number]; k.id >= 0 {
			s.record[k.id] = value
		}
		last = number
		switch {
		case len(rest) == 1 && rest[0] == '}':
			return nil
		case len(rest) < 2 || rest[0] != ',':
			return errNotObject
		}
		b = rest[1:]
	}
}

// key reads a key and its colon: most likely that which followed the last one
// before.
func (s *scanner) key(b []byte, last int) (number int, rest []byte, err error) {
	number = s.keys[last].next
	if rest, ok := bytes.CutPrefix(b, s.keys[number].text); ok && number > 0 {
		return number, rest, nil
	}
	name, rest, err := text(b)
	if err != nil {
		return 0, nil, err
	}
	if len(rest) == 0 || rest[0] != ':' {
		return 0, nil, errNotObject
	}
	number, ok := s.byText[string(name)]
	if !ok {
		if len(s.keys) == maxKeys {
			return 0, nil, errKeys
		}
		number = s.add(string(name), -1)
	}
	s.keys[last].next = number
	return number, rest[1:], nil
}

// text reads a JSON string and returns what is between its quotes.
func text(b []byte) (inside, rest []byte, err error) {
	if len(b) == 0 || b[0] != '"' {
		return nil, nil, errNotObject
	}
	if end := 1 + bytes.IndexByte(b[1:], '"'); end > 0 && b[end-1] != '\\' {
		return b[1:end], b[end+1:], nil
	}
	for i := 1; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return b[1:i], b[i+1:], nil
		}
	}
	return nil, nil, errCut
}

// value reads any JSON value: a text without its quotes, a list or an object
// whole, anything else up to where it ends.
func value(b []byte) (v, rest []byte, err error) {
	if len(b) > 0 && b[0] == '"' {
		return text(b)
	}
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			_, rest, err := text(b[i:])
			if err != nil {
				return nil, nil, err
			}
			i = len(b) - len(rest) - 1
		case '[', '{':
			depth++
		case ',', ']', '}':
			if depth == 0 {
				if i == 0 {
					return nil, nil, errNotObject
				}
				return b[:i], b[i:], nil
			}
			if b[i] != ',' {
				depth--
			}
		}
	}
	return nil, nil, errCut
}

// integer reads a number; ok is false where it is none.
func integer(b []byte) (v int64, ok bool) {
	negative := len(b) > 0 && b[0] == '-'
	if negative {
		b = b[1:]
	}
	if len(b) == 0 || len(b) > 18+1 {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		v = v*10 + int64(c-'0')
	}
	if negative {
		v = -v
	}
	return v, v >= 0 || negative
}
