package export

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"flowname/correlate"
	"flowname/dnscache"
	"flowname/flows"
	"flowname/geo"
)

// routed is a flow as a router tells it, named and placed at both ends.
func routed() *correlate.Flow {
	const at = 1_795_459_008_546_000_000
	place := func(id uint64, asn uint32) *geo.Place {
		return &geo.Place{ID: id, Info: geo.Info{
			ASN: asn, Org: "Edge Delivery Example", Country: "DE", City: "Frankfurt am Main",
			Lat: 50.1188, Lon: 8.6843, HasLocation: true,
		}}
	}
	return &correlate.Flow{
		Record: &flows.Record{
			Type: flows.IPFIX, ReceivedNs: at + 2e9, SequenceNum: 77_000, SamplingRate: 1, Exporter: netip.MustParseAddr("192.0.2.254"),
			StartNs: at, EndNs: at + 35e6, Bytes: 71_234, Packets: 61, EtherType: flows.EtherTypeIPv4, Proto: flows.ProtoTCP,
			Src: netip.MustParseAddr("192.0.2.11"), Dst: netip.MustParseAddr("198.51.100.10"), SrcPort: 56310, DstPort: 443,
			InIf: 1, OutIf: 100, TCPFlags: 27, SrcAS: 64512, DstAS: 65000, NextHop: netip.MustParseAddr("203.0.113.1"),
			SrcMask: 24, DstMask: 16, ObservationDomain: 1,
		},
		Src: correlate.End{Geo: place(1, 64496)},
		Dst: correlate.End{
			Named: true, Domain: "shop.example", YoungNs: -1, Geo: place(2, 64497),
			Candidates: []correlate.Candidate{{
				Name: "www.shop.example", Canonical: "edge.cdn.example", Basis: correlate.Client,
				AnsweredNs: at - 7e6, TTL: 60, Source: dnscache.SourceDnstap,
			}},
		},
	}
}

// appendBinary appends what the line of a flow says as tagged numbers and texts
// with their lengths, like Protocol Buffers' wire format. It is what text is
// compared with, and for nothing else.
func appendBinary(dst []byte, f *correlate.Flow) []byte {
	tag := byte(0)
	number := func(v uint64) {
		if tag++; v != 0 {
			dst = binary.AppendUvarint(append(dst, tag<<3), v)
		}
	}
	text := func(s string) {
		if tag++; s != "" {
			dst = append(binary.AppendUvarint(append(dst, tag<<3|2), uint64(len(s))), s...)
		}
	}
	address := func(a netip.Addr) {
		if tag++; a.Is4() {
			b := a.As4()
			dst = append(append(dst, tag<<3|2, 4), b[:]...)
		} else if a.IsValid() {
			b := a.As16()
			dst = append(append(dst, tag<<3|2, 16), b[:]...)
		}
	}
	r := f.Record
	for _, v := range [...]uint64{
		uint64(r.Type), uint64(r.ReceivedNs), uint64(r.SequenceNum), r.SamplingRate, uint64(r.StartNs), uint64(r.EndNs), r.Bytes, r.Packets,
		uint64(r.EtherType), uint64(r.Proto), uint64(r.SrcPort), uint64(r.DstPort), uint64(r.InIf), uint64(r.OutIf), uint64(r.TCPFlags), uint64(r.TOS),
		uint64(r.SrcAS), uint64(r.DstAS), uint64(r.SrcMask), uint64(r.DstMask), uint64(r.ObservationDomain), uint64(f.Unnamed),
	} {
		number(v)
	}
	for _, a := range [...]netip.Addr{r.Exporter, r.Src, r.Dst, r.NextHop} {
		address(a)
	}
	for _, e := range [...]*correlate.End{&f.Src, &f.Dst} {
		for i := range e.Candidates {
			c := &e.Candidates[i]
			text(c.Name)
			text(c.Canonical)
			number(uint64(c.Basis))
			number(uint64(c.Source))
			number(uint64(r.StartNs - c.AnsweredNs))
		}
		text(e.Domain)
		if g := e.Geo; g != nil {
			number(uint64(g.ASN))
			text(g.Org)
			text(g.Country)
			text(g.City)
			number(uint64(int64(g.Lat * 1e6)))
			number(uint64(int64(g.Lon * 1e6)))
		}
	}
	return dst
}

// BenchmarkEncodings is what the text of a flow costs, beside a binary form of the
// same: that is the most that a binary sink could save.
func BenchmarkEncodings(b *testing.B) {
	f := routed()
	var e Encoder
	buf := make([]byte, 0, 4096)
	for _, c := range []struct {
		name   string
		append func([]byte, *correlate.Flow) []byte
	}{{"json", e.AppendJSON}, {"binary", appendBinary}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				buf = c.append(buf[:0], f)
			}
			b.ReportMetric(float64(len(buf)), "bytes/flow")
		})
	}
}
