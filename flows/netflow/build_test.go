package netflow

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
func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		t.Fatalf("bad hex in test: %v", err)
	}
	return b
}

var router = netip.MustParseAddrPort("192.0.2.1:40000")

const exportSecs = 1_700_000_000 // of the messages that tests build

// set builds a set with its header.
func set(id uint16, body ...[]byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, id)
	b = append(b, 0, 0)
	for _, part := range body {
		b = append(b, part...)
	}
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	return b
}

// ipfix builds an IPFIX message of domain 7.
func ipfix(sets ...[]byte) []byte {
	b := []byte{0, 10, 0, 0}
	b = binary.BigEndian.AppendUint32(b, exportSecs)
	b = append(b, 0, 0, 0, 1, 0, 0, 0, 7)
	for _, s := range sets {
		b = append(b, s...)
	}
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	return b
}

// v9 builds a v9 message of source 7.
func v9(secs, uptime uint32, sets ...[]byte) []byte {
	b := []byte{0, 9, 0, byte(len(sets))}
	b = binary.BigEndian.AppendUint32(b, uptime)
	b = binary.BigEndian.AppendUint32(b, secs)
	b = append(b, 0, 0, 0, 1, 0, 0, 0, 7)
	for _, s := range sets {
		b = append(b, s...)
	}
	return b
}

// fields builds pairs of id and length.
func fields(pairs ...uint16) []byte {
	var b []byte
	for _, v := range pairs {
		b = binary.BigEndian.AppendUint16(b, v)
	}
	return b
}

// tmpl builds a template record of fields without enterprise numbers.
func tmpl(id uint16, pairs ...uint16) []byte {
	return append(fields(id, uint16(len(pairs)/2)), fields(pairs...)...)
}

// vendorTmpl builds an IPFIX template record of triples of enterprise number,
// id and length.
func vendorTmpl(id uint16, triples ...uint32) []byte {
	b := fields(id, uint16(len(triples)/3))
	for i := 0; i < len(triples); i += 3 {
		pen, element, length := triples[i], uint16(triples[i+1]), uint16(triples[i+2])
		if pen != 0 {
			element |= 0x8000
		}
		b = append(b, fields(element, length)...)
		if pen != 0 {
			b = binary.BigEndian.AppendUint32(b, pen)
		}
	}
	return b
}

// varlen builds a value that brings its own length.
func varlen(parts ...[]byte) []byte {
	b := slices.Concat(parts...)
	if len(b) < 255 {
		return append([]byte{byte(len(b))}, b...)
	}
	return append(append([]byte{255}, u16(uint16(len(b)))...), b...)
}

func u16(v uint16) []byte { return binary.BigEndian.AppendUint16(nil, v) }
func u32(v uint32) []byte { return binary.BigEndian.AppendUint32(nil, v) }
func u64(v uint64) []byte { return binary.BigEndian.AppendUint64(nil, v) }

func ip(s string) []byte { return netip.MustParseAddr(s).AsSlice() }

// decode reads messages of one exporter with one new Decoder.
func decode(msgs ...[]byte) ([]flows.Record, Stats, error) {
	d := NewDecoder(Config{})
	var recs []flows.Record
	var first error
	for _, m := range msgs {
		var err error
		if recs, err = d.AppendRecords(recs, m, router, 42); err != nil && first == nil {
			first = err
		}
	}
	return recs, d.Stats(), first
}

// decodeOne reads messages that hold one good record.
func decodeOne(t *testing.T, msgs ...[]byte) flows.Record {
	t.Helper()
	recs, stats, err := decode(msgs...)
	if err != nil || len(recs) != 1 {
		t.Fatalf("got %d records and error %v, want one record\n%+v", len(recs), err, stats)
	}
	return recs[0]
}
