package powerdns

import (
	"encoding/binary"

	"google.golang.org/protobuf/encoding/protowire"
)

// prefixOf is how many octets the lengths of a stream have that begins so.
func prefixOf(head [2]byte) int {
	if binary.BigEndian.Uint16(head[:]) < minFrame {
		return 4
	}
	return 2
}

// Is says whether a file that begins with head is a stream of messages: each
// frame in it, at most the last is cut, is a protobuf message that begins with
// its type.
func Is(head []byte) bool {
	if len(head) < 4+minFrame-2 {
		return false
	}
	prefix := prefixOf([2]byte(head))
	frames := 0
	for len(head) >= prefix+minFrame {
		n := frameLen(head, prefix)
		if n < minFrame || n > MaxFrame {
			return false
		}
		frame := head[prefix:]
		whole := n <= len(frame)
		if !isMessage(frame[:min(n, len(frame))], whole) {
			return false
		}
		frames++
		head = frame[min(n, len(frame)):]
	}
	return frames > 0
}

// isMessage says whether a frame, or what there is of it, is a message.
func isMessage(b []byte, whole bool) bool {
	if b[0] != 0x08 && b[0] != 0x12 { // its type, or its identifier
		return false
	}
	n := 0
	for ; len(b) > 0; n++ {
		num, typ, size := protowire.ConsumeField(b)
		if size < 0 {
			return !whole && n > 1
		}
		if num > maxField || num == 1 && (typ != protowire.VarintType || b[1] == 0 || int(b[1]) >= numTypes) {
			return false
		}
		b = b[size:]
	}
	return n > 1
}

// maxField bounds the field numbers of a message: 31 are in use.
const maxField = 64

func frameLen(b []byte, prefix int) int {
	if prefix == 2 {
		return int(binary.BigEndian.Uint16(b))
	}
	return int(min(binary.BigEndian.Uint32(b), MaxFrame+1))
}
