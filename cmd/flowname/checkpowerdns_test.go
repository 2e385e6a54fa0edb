package main

import (
	"encoding/binary"
	"strings"
	"testing"
)

func TestIsPowerDNS(t *testing.T) {
	// A query of 10.9.0.7, identified, by UDP over IPv4.
	message := "\x08\x01\x12\x101234567890123456\x20\x01\x28\x01\x32\x04\x0a\x09\x00\x07"
	two := string(binary.BigEndian.AppendUint16(nil, uint16(len(message)))) + message
	four := string(binary.BigEndian.AppendUint32(nil, uint32(len(message)))) + message
	for _, c := range []struct {
		head string
		want bool
	}{
		{two, true},
		{four, true},
		{two + two, true},
		{two[:len(two)-2], true}, // the head ends in the message
		{two[:6], false},
		{"", false},
		{"\x00\x04\x08\x05\x20\x01", false},     // no such type
		{"\x00\x04\x08\x01\x20\x01", true},      //
		{"\x00\x05\x08\x01\x20\x01\x07", false}, // not protobuf
		{"\x00\x1e\x08\x01" + strings.Repeat("\xff", 40), false}, // nor this
		{"hello world", false},
		{"\x00\x00\x00\x00\x00\x00\x00\x22", false}, // a frame stream
	} {
		if got := isPowerDNS([]byte(c.head)); got != c.want {
			t.Errorf("%q: got %t, want %t", c.head, got, c.want)
		}
	}
}
