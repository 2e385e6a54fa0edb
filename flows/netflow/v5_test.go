package netflow

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flowname/flows"
)

// v5Message builds a v5 message of n records, exported at exportSecs and 250 ms
// by an exporter that is up for 100 s. Each flow lasted from 10 s to 5 s before.
func v5Message(n int) []byte {
	be := binary.BigEndian
	b := be.AppendUint16(nil, 5)
	b = be.AppendUint16(b, uint16(n))
	for _, v := range []uint32{100_000, exportSecs, 250_000_000, 77} {
		b = be.AppendUint32(b, v)
	}
	b = append(b, 1, 2, 0x40, 100) // engine 1/2, mode 1, one in 100
	for i := range n {
		b = append(b, 192, 0, 2, 1, 198, 51, 100, byte(i), 203, 0, 113, 1)
		b = append(b, 0, 3, 0, 4)
		for _, v := range []uint32{10, 1500, 90_000, 95_000} {
			b = be.AppendUint32(b, v)
		}
		b = append(b, 0x30, 0x39, 0, 80, 0, 0x1b, 6, 0x20, 0xfc, 0x00, 0xfd, 0xe8, 24, 16, 0, 0)
	}
	return b
}

func TestV5(t *testing.T) {
	r := decodeOne(t, v5Message(1))
	want := flows.Record{
		Type: flows.NetFlowV5, SequenceNum: 77, Exporter: router.Addr(), ObservationDomain: 0x102, ReceivedNs: 42,
		StartNs: ms(exportSecs-10, 250), EndNs: ms(exportSecs-5, 250), StartErrorNs: fineErrorNs,
		SamplingRate: 100, Bytes: 1500, Packets: 10,
		Src: netip.MustParseAddr("192.0.2.1"), Dst: netip.MustParseAddr("198.51.100.0"), SrcPort: 12345, DstPort: 80,
		EtherType: flows.EtherTypeIPv4, Proto: 6, TCPFlags: 0x1b, TOS: 0x20, InIf: 3, OutIf: 4,
		SrcAS: 64512, DstAS: 65000, SrcMask: 24, DstMask: 16, NextHop: netip.MustParseAddr("203.0.113.1"),
	}
	if diff := cmp.Diff(want, r, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Errorf("want -, got +\n%s", diff)
	}
}

// TestV5Shapes changes one thing of a good message of two records.
func TestV5Shapes(t *testing.T) {
	tests := []struct {
		name   string
		change func(b []byte) []byte
		recs   int
		err    error
		stats  Stats
	}{
		{"whole", func(b []byte) []byte { return b }, 2, nil, Stats{}},
		{"last record cut", func(b []byte) []byte { return b[:len(b)-1] }, 1, ErrTruncated, Stats{TruncatedMessages: 1, PaddingBytes: 47}},
		{"count one over", func(b []byte) []byte { b[3] = 3; return b }, 2, ErrTruncated, Stats{TruncatedMessages: 1}},
		{"count impossible", func(b []byte) []byte { b[2] = 1; return b }, 0, ErrTruncated, Stats{TruncatedMessages: 1}},
		{"count one under", func(b []byte) []byte { b[3] = 1; return b }, 1, nil, Stats{PaddingBytes: 48}},
		{"no records", func(b []byte) []byte { b[3] = 0; return b[:24] }, 0, nil, Stats{}},
	}
	for _, tt := range tests {
		recs, got, err := decode(tt.change(v5Message(2)))
		tt.stats.MessagesV5, tt.stats.Records = 1, uint64(tt.recs)
		if len(recs) != tt.recs || !errors.Is(err, tt.err) || tt.err == nil && err != nil || got != tt.stats {
			t.Errorf("%s: got %d records, %v, %+v\nwant %d, %v, %+v", tt.name, len(recs), err, got, tt.recs, tt.err, tt.stats)
		}
	}
	if recs, _, err := decode(v5Message(31)); len(recs) != 31 || err != nil {
		t.Errorf("31 records that are all there: got %d, %v", len(recs), err)
	}
}

// TestV5WholeSeconds has exporters that leave the nanoseconds out, or put there
// what are none: their boot time has to be estimated.
func TestV5WholeSeconds(t *testing.T) {
	for _, nsecs := range []uint32{0, 1_000_000_000} {
		msg := v5Message(1)
		binary.BigEndian.PutUint32(msg[12:], nsecs)
		checkTimes(t, decodeOne(t, msg), ms(exportSecs-10, 0), ms(exportSecs-5, 0), secondNs)
	}
}

func TestV5ICMP(t *testing.T) {
	msg := v5Message(1)
	msg[24+38] = flows.ProtoICMP
	msg[24+34], msg[24+35] = 3, 1
	r := decodeOne(t, msg)
	if r.ICMPType != 3 || r.ICMPCode != 1 || r.DstPort != 0x301 {
		t.Errorf("got type %d, code %d, port %#x; want 3, 1, 0x301", r.ICMPType, r.ICMPCode, r.DstPort)
	}
}
