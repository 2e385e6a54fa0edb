package logs

import "encoding/binary"

// appendPart appends one part of a parser's state, with its length before it.
func appendPart(dst, part []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(part))), part...)
}

// cutPart takes back what appendPart appended; part aliases state.
func cutPart(state []byte) (part, rest []byte, ok bool) {
	n, size := binary.Uvarint(state)
	if size <= 0 || n > uint64(len(state)-size) {
		return nil, nil, false
	}
	state = state[size:]
	return state[:n], state[n:], true
}
