package export

import (
	"net/netip"
	"testing"

	"flowname/correlate"
	"flowname/flows"
)

// TestEncoderRemembersOnlyItsHead changes each field of the head in turn.
func TestEncoderRemembersOnlyItsHead(t *testing.T) {
	var e Encoder
	r := flows.Record{}
	for what, change := range []func(){
		func() {},
		func() { r.Type = flows.IPFIX },
		func() { r.ReceivedNs = 5 },
		func() { r.SequenceNum = 6 },
		func() { r.SamplingRate = 7 },
		func() { r.Exporter = netip.MustParseAddr("192.0.2.1") },
		func() { r.Exporter = netip.MustParseAddr("::ffff:192.0.2.1") },
		func() { r.Exporter = netip.MustParseAddr("fe80::1%a") },
		func() { r.Exporter = netip.MustParseAddr("fe80::1%b") },
		func() { r.Bytes = 8 },
		func() { r = full() },
		func() { r = flows.Record{} },
	} {
		change()
		f := correlate.Flow{Record: &r}
		for range 2 {
			if got, want := string(e.AppendJSON(nil, &f)), string(AppendJSON(nil, &f)); got != want {
				t.Errorf("change %d:\n got %s\nwant %s", what, got, want)
			}
		}
	}
}

func BenchmarkEncoder(b *testing.B) {
	record := full()
	f := correlate.Flow{Record: &record, Dst: correlate.End{Named: true, Candidates: []correlate.Candidate{{Name: "www.example.com", Basis: correlate.Client}}}}
	var e Encoder
	buf := e.AppendJSON(nil, &f)
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		buf = e.AppendJSON(buf[:0], &f)
	}
}
