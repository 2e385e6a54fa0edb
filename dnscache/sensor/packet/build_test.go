package packet

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// The functions here write headers around a payload, from the inside out. They
// are the slow and obvious reverse of what the Decoder does.

var (
	addr4a = netip.MustParseAddr("192.0.2.1")
	addr4b = netip.MustParseAddr("198.51.100.53")
	addr6a = netip.MustParseAddr("2001:db8::1")
	addr6b = netip.MustParseAddr("2001:db8::53")
)

func bytesOf(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		t.Fatalf("hex %q: %v", text, err)
	}
	return b
}

func join(parts ...[]byte) []byte { return slices.Concat(parts...) }

func u16(v int) []byte { return binary.BigEndian.AppendUint16(nil, uint16(v)) }

func u32(v int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(v)) }

func udpDatagram(src, dst int, payload []byte) []byte {
	return join(u16(src), u16(dst), u16(8+len(payload)), u16(0), payload)
}

func tcpSegment(src, dst int, seq uint32, flags int, payload []byte) []byte {
	return join(u16(src), u16(dst), binary.BigEndian.AppendUint32(nil, seq), u32(77), []byte{6 << 4, byte(flags)}, u16(1000), u16(0), u16(0),
		[]byte{1, 1, 1, 0}, payload) // with four bytes of options
}

func ipv4(proto int, payload []byte) []byte { return ipv4Fragment(proto, 1, 0, payload) }

// ipv4Fragment has id and the field of flags and offset.
func ipv4Fragment(proto, id, field int, payload []byte) []byte {
	return join([]byte{0x45, 0}, u16(20+len(payload)), u16(id), u16(field), []byte{64, byte(proto)}, u16(0),
		addr4a.AsSlice(), addr4b.AsSlice(), payload)
}

func ipv6(next int, payload []byte) []byte {
	return join([]byte{0x60, 0, 0, 0}, u16(len(payload)), []byte{byte(next), 64}, addr6a.AsSlice(), addr6b.AsSlice(), payload)
}

func ipv6Fragment(next, id, field int, payload []byte) []byte {
	return ipv6(protoFragment, join([]byte{byte(next), 0}, u16(field), u32(id), payload))
}

func ethernet(kind int, payload []byte) []byte {
	return join(make([]byte, 12), u16(kind), payload)
}

// inner is what most cases carry: a datagram to a DNS port with this payload.
const innerText = "the innermost payload"

func inner4() []byte { return ipv4(UDP, udpDatagram(4321, 53, []byte(innerText))) }

func inner6() []byte { return ipv6(UDP, udpDatagram(4321, 53, []byte(innerText))) }
