package sflow

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"flowname/flows"
)

// unhex reads hex with spaces and line breaks in it.
func unhex(text string) []byte {
	b, err := hex.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		panic("bad hex in test: " + err.Error())
	}
	return b
}

var (
	sender    = netip.MustParseAddrPort("[::ffff:192.0.2.1]:40000")
	agentAddr = netip.MustParseAddr("198.51.100.1")
)

const receivedNs = 1_700_000_000_123_456_789

// words builds units of four bytes.
func words(vs ...uint32) []byte {
	var b []byte
	for _, v := range vs {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	return b
}

// message builds a datagram of the agent with sub-agent 7 and sequence 42.
func message(samples ...[]byte) []byte {
	return slices.Concat(words(5, 1), agentAddr.AsSlice(), words(7, 42, 1000, uint32(len(samples))), slices.Concat(samples...))
}

// block builds a sample or a sample record: format, length, body.
func block(format uint32, body ...[]byte) []byte {
	b := slices.Concat(body...)
	return slices.Concat(words(format, uint32(len(b))), b)
}

// compact builds a flow sample taken at source, 1 in 512.
func compact(source, in, out uint32, records ...[]byte) []byte {
	return block(1, words(1, source, 512, 5120, 0, in, out, uint32(len(records))), slices.Concat(records...))
}

// expanded builds an expanded flow sample of interfaces with their formats.
func expanded(source uint32, in, out port, records ...[]byte) []byte {
	return block(3, words(1, 0, source, 512, 5120, 0, in.format, in.value, out.format, out.value, uint32(len(records))), slices.Concat(records...))
}

// flow builds a flow sample of ports 3 and 4.
func flow(records ...[]byte) []byte { return compact(3, 3, 4, records...) }

// header builds the record of a sampled header of a frame of length 1000.
func header(protocol uint32, b []byte) []byte {
	padding := make([]byte, -len(b)&3)
	return block(1, words(protocol, 1000, 4, uint32(len(b))), b, padding)
}

// decode reads datagrams with one new Decoder.
func decode(msgs ...[]byte) ([]flows.Record, Stats, error) {
	d := NewDecoder(Config{})
	var recs []flows.Record
	var first error
	for _, m := range msgs {
		var err error
		if recs, err = d.AppendRecords(recs, m, sender, receivedNs, nil); err != nil && first == nil {
			first = err
		}
	}
	return recs, d.Stats(), first
}

// decodeOne reads a datagram with one flow sample and no fault.
func decodeOne(t *testing.T, msg []byte) flows.Record {
	t.Helper()
	recs, stats, err := decode(msg)
	if err != nil || len(recs) != 1 {
		t.Fatalf("got %d records and error %v, want one record\n%+v", len(recs), err, stats)
	}
	return recs[0]
}

// base is what every record of message(flow()) has.
func base() flows.Record {
	return flows.Record{
		Type: flows.SFlow5, SequenceNum: 42, Exporter: agentAddr, ObservationDomain: 7,
		ReceivedNs: receivedNs, StartNs: receivedNs, EndNs: receivedNs, StartErrorNs: 1e9,
		SamplingRate: 512, Packets: 1, InIf: 3, OutIf: 4,
	}
}

// Frames and packets that the tests put together.
var (
	macs  = unhex("02 00 00 00 00 0d  02 00 00 00 00 05") // to, from
	syn   = unhex("c001 01bb 00000001 00000000 50c2 ffff 0000 0000")
	query = unhex("c002 0035 0014 0000 abcd 0100 0001 0000 0000 0000")
)

// ipv4 builds a packet from 192.0.2.9 to 203.0.113.9; fragment is the word with
// flags and offset.
func ipv4(proto byte, fragment uint16, payload []byte) []byte {
	b := unhex("45 b8 0000 1234 0000 40 00 0000 c0000209 cb007109")
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)+len(payload)))
	binary.BigEndian.PutUint16(b[6:], fragment)
	b[9] = proto
	return append(b, payload...)
}

// ipv6 builds a packet from 2001:db8::9 to 2001:db8::d.
func ipv6(next byte, payload []byte) []byte {
	b := unhex("6ab abcde 0000 00 3f 20010db8000000000000000000000009 20010db800000000000000000000000d")
	binary.BigEndian.PutUint16(b[4:], uint16(len(payload)))
	b[6] = next
	return append(b, payload...)
}

// frame builds an Ethernet frame; text is the hex of what comes behind the MAC
// addresses.
func frame(text string, payload []byte) []byte { return slices.Concat(macs, unhex(text), payload) }
