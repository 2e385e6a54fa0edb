// Package exportstest makes what exporters send: IPFIX messages, sFlow datagrams,
// captures of them. For tests only.
package exportstest

import (
	"encoding/binary"
	"net/netip"

	"flowname/flows"
)

// Start is when the flows of the generated datagrams begin, Unix seconds.
const Start = 1_700_000_000

// ipfixFields are the 18 fields of a usual router's template: element, length.
var ipfixFields = [][2]uint16{
	{8, 4}, {12, 4}, {4, 1}, {7, 2}, {11, 2}, {6, 2}, {1, 8}, {2, 8}, {10, 4},
	{14, 4}, {16, 4}, {17, 4}, {9, 1}, {13, 1}, {5, 1}, {61, 1}, {152, 8}, {153, 8},
}

// Template is a message with the template of ipfixFields.
func Template() []byte {
	body := binary.BigEndian.AppendUint16(nil, 256)
	body = binary.BigEndian.AppendUint16(body, uint16(len(ipfixFields)))
	for _, f := range ipfixFields {
		body = binary.BigEndian.AppendUint16(body, f[0])
		body = binary.BigEndian.AppendUint16(body, f[1])
	}
	return Message(2, body)
}

// Message is a message with one set.
func Message(set uint16, body []byte) []byte {
	m := binary.BigEndian.AppendUint16(nil, 10)
	m = binary.BigEndian.AppendUint16(m, uint16(16+4+len(body)))
	m = binary.BigEndian.AppendUint32(m, Start+60)
	m = binary.BigEndian.AppendUint32(m, 0)
	m = binary.BigEndian.AppendUint32(m, 1)
	m = binary.BigEndian.AppendUint16(m, set)
	m = binary.BigEndian.AppendUint16(m, uint16(4+len(body)))
	return append(m, body...)
}

// Data is a message of flows from clients to servers, by their numbers.
func Data(clients, servers []uint32) []byte {
	var body []byte
	for i := range clients {
		client := netip.AddrPortFrom(Client(clients[i]), uint16(32768+clients[i]%16384))
		body = AppendFlow(body, client, Server(servers[i]), uint64(Start)*1000+uint64(i))
	}
	return Message(256, body)
}

// AppendFlow appends a record of Template: five seconds from a time in
// milliseconds.
func AppendFlow(body []byte, client netip.AddrPort, server netip.Addr, start uint64) []byte {
	body = append(body, client.Addr().AsSlice()...)
	body = append(body, server.AsSlice()...)
	body = append(body, flows.ProtoTCP)
	body = binary.BigEndian.AppendUint16(body, client.Port())
	body = binary.BigEndian.AppendUint16(body, 443)
	body = binary.BigEndian.AppendUint16(body, 0x1b)
	body = binary.BigEndian.AppendUint64(body, 40_000)
	body = binary.BigEndian.AppendUint64(body, 40)
	for _, v := range []uint32{1, 2, 64496, 64497} {
		body = binary.BigEndian.AppendUint32(body, v)
	}
	body = append(body, 24, 24, 0, 0)
	body = binary.BigEndian.AppendUint64(body, start)
	return binary.BigEndian.AppendUint64(body, start+5000)
}

// Client is the address of a client by its number.
func Client(n uint32) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})
}

// Server is the address of a server by its number.
func Server(n uint32) netip.Addr {
	return netip.AddrFrom4([4]byte{198, 16 + byte(n>>16), byte(n >> 8), byte(n)})
}
