package sflow

import (
	"bytes"
	"net/netip"
	"slices"
	"testing"

	"flowname/flows"
)

// seeds are datagrams of each kind that the tests build.
func seeds() [][]byte {
	head := header(1, frame("8100 0064 0800", ipv4(6, 0, syn)))
	everything := flow(block(1001, words(10, 1, 20, 2)), block(1002, hop6, words(24, 16)), head,
		gateway(hop4, 64501, 2, 2, 1, 65001, 1, 2, 65002, 65003, 1, 9, 100))
	all := [][]byte{
		message(everything, block(2, words(1, 3, 1), block(1, make([]byte, 88))), flow(v4Record, padded)),
		message(expanded(3, port{0, 3}, port{2, 10}, v6Record, unpadded), block(5, make([]byte, 32)), block(4413<<12|1, make([]byte, 8))),
		message(flow(header(11, ipv4(17, 0, query)), header(12, ipv6(0, extension(17, 1))))),
	}
	for _, c := range slices.Concat(ethernetCases(), ipv4Cases(), ipv6Cases()) {
		all = append(all, message(flow(header(1, c.frame))))
	}
	return all
}

// FuzzDecoder reads any datagram. Whatever it is, the decoder ends, makes records
// that keep what a Record promises, yields parts of the datagram only, and
// counts every fault that it reports.
func FuzzDecoder(f *testing.F) {
	for _, msg := range seeds() {
		f.Add(msg)
	}
	const most = 20
	f.Fuzz(func(t *testing.T, msg []byte) {
		d := NewDecoder(Config{MaxSamples: most})
		given := slices.Clone(msg)
		headers := 0
		recs, err := d.AppendRecords(nil, msg, sender, receivedNs, func(link uint32, header []byte, length int) {
			headers++
			if link != linkEthernet && link != linkRawIP || length < 0 || len(header) > len(msg) || cap(header) != len(header) {
				t.Fatalf("yielded link %d, %d bytes of %d", link, len(header), length)
			}
		})
		if !bytes.Equal(msg, given) {
			t.Fatal("the datagram was written to")
		}
		s := d.Stats()
		faults := s.UnknownVersions + s.TruncatedDatagrams + s.BadAddresses + s.BadSamples + s.BadRecords + s.RefusedSamples
		if (err != nil) != (faults > 0) {
			t.Fatalf("error %v with %+v", err, s)
		}
		if err != nil && err.Error() == "" {
			t.Fatal("an error without text")
		}
		if len(recs) > most || uint64(len(recs)) != s.Records || s.Datagrams == 0 && len(recs)+headers > 0 {
			t.Fatalf("%d records with %+v", len(recs), s)
		}
		if s.PaddingBytes > uint64(len(msg)) || IsDatagram(msg) && s.Datagrams == 0 {
			t.Fatalf("%d bytes, a datagram: %v; %+v", len(msg), IsDatagram(msg), s)
		}
		for i := range recs {
			checkRecord(t, &recs[i])
		}
		if err := checkAccounts(d, len(msg)); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzAgents reads a sequence of datagrams with one Decoder: the input is cut
// into them by two-byte lengths, and they come from two senders. Whatever they
// are, accounts add up and bounds hold.
func FuzzAgents(f *testing.F) {
	all := seeds()
	for i, m := range all {
		f.Add(framed(m, all[(i+1)%len(all)], m))
	}
	cfg := Config{MaxSamples: 20, MaxAgents: 3, MaxSources: 4, MaxSourcesPerAgent: 3}
	f.Fuzz(func(t *testing.T, input []byte) {
		d := NewDecoder(cfg)
		bytes := 0
		for i := 0; len(input) >= 2; i++ {
			n := min(int(input[0])<<8|int(input[1]), len(input)-2)
			from := netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i % 2)}), 6343)
			d.AppendRecords(nil, input[2:2+n], from, int64(i)*establishedNs, nil)
			input = input[2+n:]
			bytes += n
			if err := checkAccounts(d, bytes); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func framed(msgs ...[]byte) []byte {
	var b []byte
	for _, m := range msgs {
		b = append(append(b, byte(len(m)>>8), byte(len(m))), m...)
	}
	return b
}

func checkRecord(t *testing.T, r *flows.Record) {
	t.Helper()
	if r.Type != flows.SFlow5 || r.Packets != 1 || r.StartNs != receivedNs || r.StartErrorNs <= 0 || !r.Exporter.IsValid() {
		t.Fatalf("bad record %+v", r)
	}
	if r.Exporter.Is4In6() || r.Src.Is4In6() || r.Dst.Is4In6() || r.NextHop.Is4In6() || r.Src.IsValid() != r.Dst.IsValid() {
		t.Fatalf("bad addresses in %+v", r)
	}
	if r.SrcMask > 128 || r.DstMask > 128 || r.MPLSDepth > flows.MaxMPLSLabels ||
		max(r.VLAN, r.SrcVLAN, r.DstVLAN) > maxVLAN || r.FragmentOff > 0x1fff || r.TCPFlags > tcpFlags || r.IPv6FlowLabel > 0xfffff {
		t.Fatalf("number out of range in %+v", r)
	}
}

// FuzzHeader reads any sampled header of each link.
func FuzzHeader(f *testing.F) {
	for _, c := range slices.Concat(ethernetCases(), ipv4Cases(), ipv6Cases()) {
		f.Add(uint32(1), c.frame)
		f.Add(uint32(11), c.frame[12:])
	}
	f.Fuzz(func(t *testing.T, protocol uint32, b []byte) {
		recs, s, err := decode(message(flow(header(protocol, b))))
		if err != nil || len(recs) != 1 {
			t.Fatalf("%d records and error %v", len(recs), err)
		}
		checkRecord(t, &recs[0])
		if s.TruncatedHeaders+s.DeepHeaders+s.BadHeaders+s.UnknownProtocols > 1 {
			t.Fatalf("one header counted twice: %+v", s)
		}
	})
}
