package main

import (
	"encoding/binary"

	"google.golang.org/protobuf/encoding/protowire"
)

// isPowerDNS says whether a head is that of a stream of PowerDNS's protobuf
// messages: each behind its length in two octets, or four, and beginning with
// its type, field 1, of which there are four.
func isPowerDNS(head []byte) bool {
	return isPowerDNSFramed(head, 2) || isPowerDNSFramed(head, 4)
}

func isPowerDNSFramed(head []byte, prefix int) bool {
	if len(head) < prefix+4 {
		return false
	}
	size := int(binary.BigEndian.Uint16(head))
	if prefix == 4 {
		size = int(binary.BigEndian.Uint32(head))
	}
	message := head[prefix:]
	if size < 4 || size > 1<<16 || message[0] != 0x08 || message[1] < 1 || message[1] > 4 {
		return false
	}
	whole := size <= len(message)
	message = message[:min(size, len(message))]
	for n := 0; len(message) > 0; n++ {
		_, _, size := protowire.ConsumeField(message)
		if size < 0 {
			return !whole && n > 2 // cut by the end of the head
		}
		message = message[size:]
	}
	return true
}
