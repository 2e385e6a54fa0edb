package exports

import (
	"bytes"
	"net/netip"
	"testing"

	"flowname/cmd/flowname/evidence"
	"flowname/cmd/flowname/exports/exportstest"
	"flowname/dnscache"
	"flowname/flows"
)

func TestSampledDNS(t *testing.T) {
	answer := exportstest.DNSAnswer(t, exportstest.SampledClient)
	garbled := bytes.Clone(answer)
	copy(garbled[len(garbled)-16:], "\xff\xff\xff\xff\xff\xff") // the answer's owner and type
	query := exportstest.Frame(t, exportstest.SampledClient, exportstest.SampledResolver, false, exportstest.DNSMessage(t, "shop.example.", netip.Addr{}))
	tcp := append([]byte{0, byte(len(exportstest.DNSMessage(t, "shop.example.", exportstest.SampledServer.Addr())))}, exportstest.DNSMessage(t, "shop.example.", exportstest.SampledServer.Addr())...)
	low := netip.AddrPortFrom(exportstest.SampledClient.Addr(), 53)
	for _, c := range []struct {
		what     string
		datagram []byte
		want     SampledStats // when believed, but the sensor's
	}{
		{"a whole response", exportstest.SFlowDatagram(128, answer), SampledStats{Filed: 1}},
		{"with its query", exportstest.SFlowDatagram(128, query, answer), SampledStats{Filed: 1}},
		{"one byte is cut off", exportstest.SFlowDatagram(len(answer)-1, answer), SampledStats{}},
		{"a query alone", exportstest.SFlowDatagram(128, query), SampledStats{}},
		{"by TCP", exportstest.SFlowDatagram(256, exportstest.Frame(t, exportstest.SampledResolver, exportstest.SampledClient, true, tcp)), SampledStats{}},
		{"to a server", exportstest.SFlowDatagram(128, exportstest.DNSAnswer(t, low)), SampledStats{LowPorts: 1}},
		{"malformed", exportstest.SFlowDatagram(128, garbled), SampledStats{Malformed: 1}},
	} {
		for _, believe := range []bool{true, false} {
			var filed []dnscache.Response
			var config evidence.Config
			config.Sensor.AcceptUnmatched = believe
			d := NewSampleDecoder(config, func(r *dnscache.Response) { filed = append(filed, evidence.Cloned(r)) })
			if _, err := d.AppendRecords(nil, c.datagram, netip.MustParseAddrPort("198.51.100.1:6343"), 42); err != nil {
				t.Fatalf("%s: %v", c.what, err)
			}
			want := c.want
			if !believe {
				want = SampledStats{NotBelieved: c.want.Filed + c.want.Malformed, LowPorts: c.want.LowPorts}
			}
			got, _ := d.DNSStats()
			if got.Sensor.Decoder.Frames == 0 {
				t.Errorf("%s: no header was opened", c.what)
			}
			got.Sensor = want.Sensor
			if got != want || len(filed) != int(want.Filed) {
				t.Errorf("%s, believed %v: %d filed, %+v; want %+v", c.what, believe, len(filed), got, want)
			}
			for _, r := range filed {
				if r.Source != dnscache.SourceSFlow || r.Source.String() != "sflow_sampled" || r.TimeNs != 42 || string(r.Name) != "shop.example" ||
					r.Client != exportstest.SampledClient.Addr() || r.Server != exportstest.SampledResolver.Addr() || len(r.Addrs) != 1 || r.Addrs[0].Addr != exportstest.SampledServer.Addr() {
					t.Errorf("%s: filed %+v", c.what, r)
				}
			}
		}
	}
}

func TestSampleDecoderAllocatesNothing(t *testing.T) {
	for _, believe := range []bool{true, false} {
		var config evidence.Config
		config.Sensor.AcceptUnmatched = believe
		d := NewSampleDecoder(config, func(*dnscache.Response) {})
		datagram := exportstest.SFlowDatagram(128, exportstest.DNSAnswer(t, exportstest.SampledClient), exportstest.Frame(t, exportstest.SampledClient, exportstest.SampledServer, true, []byte("hello")))
		records, from := make([]flows.Record, 0, 2), netip.MustParseAddrPort("198.51.100.1:6343")
		read := func() {
			var err error
			if records, err = d.AppendRecords(records[:0], datagram, from, 42); err != nil || len(records) != 2 {
				t.Fatalf("%d records, %v", len(records), err)
			}
		}
		read()
		if n := testing.AllocsPerRun(200, read); n != 0 {
			t.Errorf("believed %v: %v allocations a datagram, want 0", believe, n)
		}
	}
}

// BenchmarkSampleDecoder is what a sample costs, its look for DNS included.
func BenchmarkSampleDecoder(b *testing.B) {
	request := exportstest.Frame(b, exportstest.SampledClient, exportstest.SampledServer, true, []byte("hello"))
	datagram := exportstest.SFlowDatagram(128, request, request, request, request, request, request, request)
	d := NewSampleDecoder(evidence.Config{}, nil)
	records, from := make([]flows.Record, 0, 7), netip.MustParseAddrPort("198.51.100.1:6343")
	b.SetBytes(int64(len(datagram)))
	b.ReportAllocs()
	for b.Loop() {
		records, _ = d.AppendRecords(records[:0], datagram, from, 42)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(7*b.N), "ns/sample")
}
