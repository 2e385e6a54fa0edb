package dnswire

import "encoding/binary"

// headerLen is the length of a message's header (RFC 1035 section 4.1.1).
const headerLen = 12

// maxMessage is the longest DNS message: its length goes into 16 bits on TCP
// (RFC 1035 section 4.2.2), and UDP carries less.
const maxMessage = 65535

// Types and classes, by IANA's registry.
const (
	typeA     = 1
	typeNS    = 2
	typeCNAME = 5
	typeSOA   = 6
	typeAAAA  = 28
	typeDNAME = 39
	typeOPT   = 41
	typeSVCB  = 64
	typeHTTPS = 65
	typeANY   = 255

	classIN = 1
)

// A Question is a message's header and question.
type Question struct {
	ID        uint16
	Response  bool
	Opcode    uint8
	RCode     uint8 // the header's four bits; an OPT record is not read
	Truncated bool

	// Questions and Answers are the header's counts. Name, Type and Class are
	// set only where Questions is 1 and ReadQuestion gave no error.
	Questions, Answers uint16

	// Name is the wire name without compression, in the case it has in the
	// message, so that a case-randomised query can be told from another. It is
	// in the buffer given to ReadQuestion.
	Name        []byte
	Type, Class uint16
}

// ReadQuestion reads the header and the question of a query or a response into
// q, the name into buf from its start. It does not allocate if buf has a
// capacity of MaxWireName.
//
// With ErrHeader and ErrSize nothing of q is set, with ErrNoQuestion,
// ErrQuestions, ErrName and ErrShort the header's fields are.
func ReadQuestion(q *Question, msg, buf []byte) error {
	*q = Question{}
	_, err := readQuestion(q, msg, buf)
	return err
}

// readQuestion is ReadQuestion on a zero q; it returns where the question ends.
func readQuestion(q *Question, msg, buf []byte) (end int, err error) {
	if len(msg) < headerLen {
		return 0, ErrHeader
	}
	if len(msg) > maxMessage {
		return 0, ErrSize
	}
	q.ID = binary.BigEndian.Uint16(msg)
	q.Response = msg[2]&0x80 != 0
	q.Opcode = msg[2] >> 3 & 0x0f
	q.Truncated = msg[2]&0x02 != 0
	q.RCode = msg[3] & 0x0f
	q.Questions = binary.BigEndian.Uint16(msg[4:])
	q.Answers = binary.BigEndian.Uint16(msg[6:])
	switch q.Questions {
	case 1:
	case 0:
		return headerLen, ErrNoQuestion
	default:
		return 0, ErrQuestions
	}
	name, end, ok := expandName(buf[:0], msg, headerLen)
	if !ok {
		return 0, ErrName
	}
	if end+4 > len(msg) {
		return 0, ErrShort
	}
	q.Name = name
	q.Type = binary.BigEndian.Uint16(msg[end:])
	q.Class = binary.BigEndian.Uint16(msg[end+2:])
	return end + 4, nil
}
