package sflow

import (
	"errors"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"flowname/flows"
)

var (
	v4Record = block(3, words(84, 6), unhex("c0000209 cb007109"), words(49153, 443, 0x12, 0xb8))
	v6Record = block(4, words(104, 17), unhex("20010db8000000000000000000000009 20010db800000000000000000000000d"), words(49154, 53, 0xff, 0xab))
	padded   = block(2, words(1500), unhex("020000000005 0000 02000000000d 0000"), words(0x800))
	unpadded = block(2, words(1500), unhex("020000000005 02000000000d"), words(0x86dd))
	hop4     = unhex("00000001 c6336409")
	hop6     = unhex("00000002 20010db8000000000000000000000001")
)

func ethernet(etherType uint16) func(*flows.Record) {
	return func(r *flows.Record) {
		r.Bytes, r.EtherType = 1500, etherType
		r.DstMAC, r.SrcMAC = flows.MAC(macs[:6]), flows.MAC(macs[6:])
	}
}

func sampled4(r *flows.Record) {
	r.Bytes, r.EtherType, r.Proto, r.TOS = 84, 0x800, 6, 0xb8
	r.Src, r.Dst = netip.MustParseAddr("192.0.2.9"), netip.MustParseAddr("203.0.113.9")
	r.SrcPort, r.DstPort, r.TCPFlags = 49153, 443, 0x12
}

func sampled6(r *flows.Record) {
	r.Bytes, r.EtherType, r.Proto, r.TOS = 104, 0x86dd, 17, 0xab
	r.Src, r.Dst = netip.MustParseAddr("2001:db8::9"), netip.MustParseAddr("2001:db8::d")
	r.SrcPort, r.DstPort = 49154, 53
}

func length(n uint64) func(*flows.Record) { return func(r *flows.Record) { r.Bytes = n } }

func headed(r *flows.Record) {
	ethernet(0x800)(r)
	tcp4(r)
	r.Bytes = 1000
}

func as(src, dst uint32, hop string) func(*flows.Record) {
	return func(r *flows.Record) {
		r.SrcAS, r.DstAS = src, dst
		if hop != "" {
			r.BGPNextHop = netip.MustParseAddr(hop)
		}
	}
}

func route(hop string, src, dst uint8) func(*flows.Record) {
	return func(r *flows.Record) {
		r.SrcMask, r.DstMask = src, dst
		if hop != "" {
			r.NextHop = netip.MustParseAddr(hop)
		}
	}
}

func vlans(src, dst uint16) func(*flows.Record) {
	return func(r *flows.Record) { r.SrcVLAN, r.DstVLAN = src, dst }
}

// gateway builds an extended gateway record of AS 64500 with source AS src;
// path is behind the peer's AS.
func gateway(hop []byte, src uint32, path ...uint32) []byte {
	return block(1003, hop, words(64500, src, 64502), words(path...))
}

func TestSampleRecords(t *testing.T) {
	head := header(1, frame("0800", ipv4(6, 0, syn)))
	mapped := block(4, words(104, 17), unhex("00000000000000000000ffffc0000209 20010db800000000000000000000000d"), words(1, 2, 0, 0))
	tests := []struct {
		name    string
		records [][]byte
		want    is
	}{
		{"none", nil, nil},
		{"IPv4", [][]byte{v4Record}, is{sampled4}},
		{"IPv6", [][]byte{v6Record}, is{sampled6}},
		{"IPv4-mapped", [][]byte{mapped}, is{sampled6, func(r *flows.Record) {
			r.Src, r.SrcPort, r.DstPort, r.TOS = netip.MustParseAddr("192.0.2.9"), 1, 2, 0
		}}},
		{"Ethernet", [][]byte{padded}, is{ethernet(0x800)}},
		{"Ethernet without padding", [][]byte{unpadded}, is{ethernet(0x86dd)}},
		{"Ethernet and IPv4", [][]byte{padded, v4Record}, is{ethernet(0x800), sampled4, length(1500)}},
		{"IPv4 and Ethernet", [][]byte{v4Record, padded}, is{ethernet(0x800), sampled4, length(1500)}},
		{"header outranks", [][]byte{head, v4Record, padded}, is{headed}},
		{"header outranks from behind", [][]byte{padded, v6Record, head}, is{headed}},
		{"header of unknown link", [][]byte{header(7, nil), v4Record}, is{sampled4, length(1000)}},
		{"switch", [][]byte{block(1001, words(10, 1, 20, 2))}, is{vlans(10, 20)}},
		{"switch, unknown", [][]byte{block(1001, words(10, 1, 0xffffffff, 0xffffffff))}, is{vlans(10, 0)}},
		{"router", [][]byte{block(1002, hop4, words(24, 16))}, is{route("198.51.100.9", 24, 16)}},
		{"router, IPv6", [][]byte{block(1002, hop6, words(48, 64))}, is{route("2001:db8::1", 48, 64)}},
		{"router, no hop", [][]byte{block(1002, words(1, 0, 24, 16))}, is{route("", 24, 16)}},
		{"router, unknown hop", [][]byte{block(1002, words(0, 24, 129))}, is{route("", 24, 0)}},
		{"gateway", [][]byte{gateway(hop4, 64501, 1, 2, 3, 65001, 65002, 65003, 2, 7, 8, 100)}, is{as(64501, 65003, "198.51.100.9")}},
		{"gateway, sequence and set", [][]byte{gateway(hop6, 64501, 2, 2, 1, 65001, 1, 2, 65002, 65003, 0, 100)}, is{as(64501, 65003, "2001:db8::1")}},
		{"gateway, empty segment behind", [][]byte{gateway(hop4, 64501, 2, 2, 1, 65001, 2, 0, 0, 100)}, is{as(64501, 65001, "198.51.100.9")}},
		{"gateway, own AS", [][]byte{gateway(words(1, 0), 0, 0, 0, 100)}, is{as(64500, 64500, "")}},
		{"everything", [][]byte{block(1001, words(10, 1, 20, 2)), block(1002, hop4, words(24, 16)), head, gateway(hop4, 1, 0, 0, 0)},
			is{headed, vlans(10, 20), route("198.51.100.9", 24, 16), as(1, 64500, "198.51.100.9")}},
	}
	for _, tt := range tests {
		for form, msg := range map[string][]byte{
			"compact":  message(flow(tt.records...)),
			"expanded": message(expanded(3, port{0, 3}, port{0, 4}, tt.records...)),
		} {
			want := base()
			for _, f := range tt.want {
				f(&want)
			}
			if diff := cmp.Diff(want, decodeOne(t, msg), equalAddr); diff != "" {
				t.Errorf("%s, %s (-want +got):\n%s", tt.name, form, diff)
			}
		}
	}
}

// TestBadRecords puts a bad record between good ones of the same sample, and
// asks for the good ones and what the bad one has whole.
func TestBadRecords(t *testing.T) {
	before, after := block(1001, words(10, 1, 20, 2)), block(1002, hop4, words(24, 16))
	long := header(1, frame("0800", ipv4(6, 0, syn)))
	copy(long[20:], words(0xffffffff)) // the header's length
	neighbours := is{vlans(10, 20), route("198.51.100.9", 24, 16)}
	tests := []struct {
		name   string
		record []byte
		want   is
		err    error
		stats  Stats
	}{
		{"header without length", block(1, words(1, 1000, 4)), nil, ErrTruncated, Stats{BadRecords: 1}},
		{"header longer than its record", long, is{headed}, ErrTruncated, Stats{BadRecords: 1}},
		{"Ethernet cut", block(2, make([]byte, 19)), nil, ErrTruncated, Stats{BadRecords: 1}},
		{"IPv4 cut", block(3, make([]byte, 31)), nil, ErrTruncated, Stats{BadRecords: 1}},
		{"IPv6 cut", block(4, make([]byte, 55)), nil, ErrTruncated, Stats{BadRecords: 1}},
		{"switch cut", block(1001, words(9, 9, 9)), nil, ErrTruncated, Stats{BadRecords: 1}},
		{"router cut", block(1002, hop4, words(9)), nil, ErrTruncated, Stats{BadRecords: 1}},
		{"router, bad address", block(1002, words(3, 9, 9, 9)), nil, ErrAddress, Stats{BadRecords: 1, BadAddresses: 1}},
		{"router, address cut", block(1002, words(2, 9, 9, 9)), nil, ErrTruncated, Stats{BadRecords: 1}},
		{"gateway cut", block(1003, hop4, words(9, 9, 9)), nil, ErrTruncated, Stats{BadRecords: 1}},
		{"gateway, huge path", gateway(hop4, 64501, 0xffffffff, 2, 1, 65001), is{as(64501, 0, "198.51.100.9")}, ErrTruncated, Stats{BadRecords: 1}},
		{"gateway, huge segment", gateway(hop4, 64501, 1, 2, 0xffffffff, 65001), is{as(64501, 0, "198.51.100.9")}, ErrTruncated, Stats{BadRecords: 1}},
		{"gateway, segment of 2^30+1", gateway(hop4, 64501, 1, 2, 0x40000001, 65001), is{as(64501, 0, "198.51.100.9")}, ErrTruncated, Stats{BadRecords: 1}},
		{"unknown format", block(1008, make([]byte, 12)), nil, nil, Stats{UnknownRecords: 1}},
		{"unknown enterprise", block(4413<<12|1, make([]byte, 12)), nil, nil, Stats{UnknownRecords: 1}},
		{"nothing in it", block(1099), nil, nil, Stats{UnknownRecords: 1}},
		{"odd length", block(1099, make([]byte, 5)), nil, nil, Stats{UnknownRecords: 1}},
	}
	for _, tt := range tests {
		recs, stats, err := decode(message(flow(before, tt.record, after), flow()))
		var at *Error
		if !errors.Is(err, tt.err) || tt.err != nil && (!errors.As(err, &at) || at.Sample != 1 || at.Offset != 28+40+24) {
			t.Errorf("%s: error %v, want %v", tt.name, err, tt.err)
		}
		if len(recs) != 2 {
			t.Errorf("%s: %d records", tt.name, len(recs))
			continue
		}
		want := base()
		for _, f := range slices.Concat(neighbours, tt.want) {
			f(&want)
		}
		if diff := cmp.Diff([]flows.Record{want, base()}, recs, equalAddr); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
		tt.stats.Datagrams, tt.stats.Records = 1, 2
		if diff := cmp.Diff(tt.stats, stats); diff != "" {
			t.Errorf("%s: counted (-want +got):\n%s", tt.name, diff)
		}
	}
}

// TestRecordBounds has records that run over their sample, are fewer than the
// sample says, or more. The next sample is read all the same.
func TestRecordBounds(t *testing.T) {
	const countAt = 8 + 28
	over := flow(block(1001, words(10, 1, 20, 2)), v4Record)
	copy(over[8+32+24+4:], words(0xffffffff)) // the length of the IPv4 record
	more := flow(v4Record)
	copy(more[countAt:], words(0xffffffff))
	fewer := flow(v4Record, block(1001, words(10, 1, 20, 2)))
	copy(fewer[countAt:], words(1))
	huge := expanded(3, port{0, 3}, port{0, 4})
	copy(huge[8+40:], words(0xffffffff)) // what made another decoder take 915 MB
	for _, tt := range []struct {
		name   string
		sample []byte
		want   is
		err    error
		stats  Stats
	}{
		{"record over its sample", over, is{vlans(10, 20), sampled4}, ErrRecord, Stats{BadRecords: 1}},
		{"records missing", more, is{sampled4}, ErrRecord, Stats{BadRecords: 1}},
		{"more bytes than records", fewer, is{sampled4}, nil, Stats{PaddingBytes: 24}},
		{"expanded with a huge count", huge, nil, ErrRecord, Stats{BadRecords: 1}},
	} {
		recs, stats, err := decode(message(tt.sample, flow()))
		if !errors.Is(err, tt.err) || len(recs) != 2 {
			t.Errorf("%s: %d records and error %v, want %v", tt.name, len(recs), err, tt.err)
			continue
		}
		want := base()
		for _, f := range tt.want {
			f(&want)
		}
		if diff := cmp.Diff([]flows.Record{want, base()}, recs, equalAddr); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
		tt.stats.Datagrams, tt.stats.Records = 1, 2
		if diff := cmp.Diff(tt.stats, stats); diff != "" {
			t.Errorf("%s: counted (-want +got):\n%s", tt.name, diff)
		}
	}
}
