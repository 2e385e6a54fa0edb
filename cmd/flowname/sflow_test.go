package main

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"github.com/miekg/dns"

	"flowname/cmd/flowname/command"
	"flowname/cmd/flowname/evidence"
	"flowname/dnscache"
	"flowname/flows"
)

// Ends of the packets that the tests sample.
var (
	sampledClient = netip.MustParseAddrPort("192.0.2.11:40001")
	sampledServer = netip.MustParseAddrPort("198.51.100.10:443")
	sampledDNS53  = netip.MustParseAddrPort("192.0.2.53:53")
)

// frame builds an Ethernet frame of UDP, or of TCP.
func frame(t testing.TB, src, dst netip.AddrPort, tcp bool, payload []byte) []byte {
	t.Helper()
	ip := &layers.IPv4{Version: 4, TTL: 64, SrcIP: src.Addr().AsSlice(), DstIP: dst.Addr().AsSlice(), Protocol: layers.IPProtocolUDP}
	var transport gopacket.SerializableLayer
	if tcp {
		ip.Protocol = layers.IPProtocolTCP
		l := &layers.TCP{SrcPort: layers.TCPPort(src.Port()), DstPort: layers.TCPPort(dst.Port()), ACK: true, PSH: true}
		l.SetNetworkLayerForChecksum(ip)
		transport = l
	} else {
		l := &layers.UDP{SrcPort: layers.UDPPort(src.Port()), DstPort: layers.UDPPort(dst.Port())}
		l.SetNetworkLayerForChecksum(ip)
		transport = l
	}
	b := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true},
		&layers.Ethernet{SrcMAC: make([]byte, 6), DstMAC: make([]byte, 6), EthernetType: layers.EthernetTypeIPv4},
		ip, transport, gopacket.Payload(payload))
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// dnsMessage is a query for a name's address, or the response.
func dnsMessage(t *testing.T, name string, addr netip.Addr) []byte {
	t.Helper()
	m := new(dns.Msg).SetQuestion(name, dns.TypeA)
	m.Id = 7
	if addr.IsValid() {
		m.Response = true
		m.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60}, A: addr.AsSlice()}}
	}
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// dnsAnswer is a response in a frame.
func dnsAnswer(t *testing.T, client netip.AddrPort) []byte {
	return frame(t, sampledDNS53, client, false, dnsMessage(t, "shop.example.", sampledServer.Addr()))
}

// sflowDatagram builds a datagram with a flow sample for each frame, of which
// the header has the first so many bytes.
func sflowDatagram(header int, frames ...[]byte) []byte {
	words := func(v ...uint32) (b []byte) {
		for _, w := range v {
			b = binary.BigEndian.AppendUint32(b, w)
		}
		return b
	}
	d := words(5, 1, 0xc6336401, 0, 1, 1000, uint32(len(frames))) // agent 198.51.100.1
	for _, f := range frames {
		kept := f[:min(len(f), header)]
		padded := append(bytes.Clone(kept), make([]byte, -len(kept)&3)...)
		record := append(words(1, uint32(len(f)+4), 4, uint32(len(kept))), padded...) // with FCS
		sample := append(words(1, 3, 512, 4096, 0, 3, 4, 1, 1, uint32(len(record))), record...)
		d = append(append(d, words(1, uint32(len(sample)))...), sample...)
	}
	return d
}

func TestSampledDNS(t *testing.T) {
	answer := dnsAnswer(t, sampledClient)
	garbled := bytes.Clone(answer)
	copy(garbled[len(garbled)-16:], "\xff\xff\xff\xff\xff\xff") // the answer's owner and type
	query := frame(t, sampledClient, sampledDNS53, false, dnsMessage(t, "shop.example.", netip.Addr{}))
	tcp := append([]byte{0, byte(len(dnsMessage(t, "shop.example.", sampledServer.Addr())))}, dnsMessage(t, "shop.example.", sampledServer.Addr())...)
	low := netip.AddrPortFrom(sampledClient.Addr(), 53)
	for _, c := range []struct {
		what     string
		datagram []byte
		want     sampledStats // when believed, but the sensor's
	}{
		{"a whole response", sflowDatagram(128, answer), sampledStats{Filed: 1}},
		{"with its query", sflowDatagram(128, query, answer), sampledStats{Filed: 1}},
		{"one byte is cut off", sflowDatagram(len(answer)-1, answer), sampledStats{}},
		{"a query alone", sflowDatagram(128, query), sampledStats{}},
		{"by TCP", sflowDatagram(256, frame(t, sampledDNS53, sampledClient, true, tcp)), sampledStats{}},
		{"to a server", sflowDatagram(128, dnsAnswer(t, low)), sampledStats{LowPorts: 1}},
		{"malformed", sflowDatagram(128, garbled), sampledStats{Malformed: 1}},
	} {
		for _, believe := range []bool{true, false} {
			var filed []dnscache.Response
			var config evidence.Config
			config.Sensor.AcceptUnmatched = believe
			d := newSampleDecoder(config, func(r *dnscache.Response) { filed = append(filed, evidence.Cloned(r)) })
			if _, err := d.appendRecords(nil, c.datagram, netip.MustParseAddrPort("198.51.100.1:6343"), 42); err != nil {
				t.Fatalf("%s: %v", c.what, err)
			}
			want := c.want
			if !believe {
				want = sampledStats{NotBelieved: c.want.Filed + c.want.Malformed, LowPorts: c.want.LowPorts}
			}
			got := d.dns.account()
			if got.Sensor.Decoder.Frames == 0 {
				t.Errorf("%s: no header was opened", c.what)
			}
			got.Sensor = want.Sensor
			if got != want || len(filed) != int(want.Filed) {
				t.Errorf("%s, believed %v: %d filed, %+v; want %+v", c.what, believe, len(filed), got, want)
			}
			for _, r := range filed {
				if r.Source != dnscache.SourceSFlow || r.Source.String() != "sflow_sampled" || r.TimeNs != 42 || string(r.Name) != "shop.example" ||
					r.Client != sampledClient.Addr() || r.Server != sampledDNS53.Addr() || len(r.Addrs) != 1 || r.Addrs[0].Addr != sampledServer.Addr() {
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
		d := newSampleDecoder(config, func(*dnscache.Response) {})
		datagram := sflowDatagram(128, dnsAnswer(t, sampledClient), frame(t, sampledClient, sampledServer, true, []byte("hello")))
		records, from := make([]flows.Record, 0, 2), netip.MustParseAddrPort("198.51.100.1:6343")
		read := func() {
			var err error
			if records, err = d.appendRecords(records[:0], datagram, from, 42); err != nil || len(records) != 2 {
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
	request := frame(b, sampledClient, sampledServer, true, []byte("hello"))
	datagram := sflowDatagram(128, request, request, request, request, request, request, request)
	d := newSampleDecoder(evidence.Config{}, nil)
	records, from := make([]flows.Record, 0, 7), netip.MustParseAddrPort("198.51.100.1:6343")
	b.SetBytes(int64(len(datagram)))
	b.ReportAllocs()
	for b.Loop() {
		records, _ = d.appendRecords(records[:0], datagram, from, 42)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(7*b.N), "ns/sample")
}

// writeCapture writes datagrams from one exporter, a second apart.
func writeCapture(t *testing.T, path string, datagrams ...[]byte) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := pcapgo.NewWriter(f)
	if err := w.WriteFileHeader(65535, layers.LinkTypeEthernet); err != nil {
		t.Fatal(err)
	}
	for i, d := range datagrams {
		b := frame(t, netip.MustParseAddrPort("198.51.100.1:50000"), netip.MustParseAddrPort("192.0.2.9:6343"), false, d)
		info := gopacket.CaptureInfo{Timestamp: time.Unix(testStart+int64(i), 0), CaptureLength: len(b), Length: len(b)}
		if err := w.WritePacket(info, b); err != nil {
			t.Fatal(err)
		}
	}
}

// A capture of sFlow is replayed beside one of NetFlow, and its samples of DNS
// name its flows when they are to be believed.
func TestReplaySFlow(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "sflow.pcap")
	request := frame(t, sampledClient, sampledServer, true, []byte("hello"))
	writeCapture(t, path, sflowDatagram(128, dnsAnswer(t, sampledClient)), sflowDatagram(128, request), []byte("neither"))
	for _, c := range []struct {
		args   []string
		flow   []string // what the request's line has
		errors []string
	}{
		{nil, []string{`"type":"SFLOW_5"`, `"sampling_rate":512`, `"sampler_address":"198.51.100.1"`, `"dst_addr":"198.51.100.10"`, `"unnamed":`},
			[]string{"43 flows", "records=2", "1 DNS responses in sFlow samples were not used", "1 of 3 UDP datagrams are no NetFlow, IPFIX or sFlow"}},
		{[]string{"--accept-unmatched"}, []string{`"dst_name":"shop.example","dst_name_basis":"client","dst_name_source":"sflow_sampled","dst_name_age_ms":1000`}, []string{"filed=1"}},
	} {
		var out, errs bytes.Buffer
		args := append([]string{"replay", "--flows", path, "--flows", filepath.Join("demo", "flows.pcap")}, c.args...)
		if code := execute(args, command.Streams{Out: &out, Err: &errs}); code != exitOK {
			t.Fatalf("%q: exit %d: %s", args, code, errs.String())
		}
		line := ""
		for l := range strings.Lines(out.String()) {
			if strings.Contains(l, `"src_port":40001,"dst_port":443`) {
				line += l
			}
		}
		for _, want := range c.flow {
			if strings.Count(line, "\n") != 1 || !strings.Contains(line, want) {
				t.Errorf("%q: %q, want one flow with %s", args, line, want)
			}
		}
		for _, want := range c.errors {
			if !strings.Contains(errs.String(), want) {
				t.Errorf("%q: stderr lacks %q: %s", args, want, errs.String())
			}
		}
	}
}

func TestRunTakesSFlow(t *testing.T) {
	c := startCollector(t, t.TempDir(), "--sflow", "127.0.0.1:0", "--accept-unmatched")
	conn, err := net.Dial("udp", c.sflow)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	request := frame(t, sampledClient, sampledServer, true, []byte("hello"))
	for _, d := range [][]byte{sflowDatagram(128, dnsAnswer(t, sampledClient)), sflowDatagram(128, request), []byte("garbage, not sFlow")} {
		if _, err := conn.Write(d); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "both flows are written", func() bool { return len(lines(t, c.out)) == 2 })
	if all := strings.Join(lines(t, c.out), ""); !strings.Contains(all, `"dst_name":"shop.example","dst_name_basis":"client"`) {
		t.Errorf("no flow is named: %s", all)
	}
	eventually(t, "the garbage is counted", func() bool { return c.hasMetric("flowname_sflow_unknown_versions_total 1") })
	c.wantMetrics("flowname_sflow_records_total 2", "flowname_sflow_dns_filed_total 1", `flowname_sflow_listen_datagrams_total{socket="0"} 3`,
		"flowname_dns_messages_total 1")
	if got := history(t, "shop.example", "--server", "http://"+c.http); !strings.Contains(got, `"source":"sflow_sampled"`) {
		t.Errorf("history: got %s, want it marked as sampled", got)
	}
	if err := c.end(syscall.SIGTERM); err != nil {
		t.Fatalf("after SIGTERM: %v: %s", err, c.stderr)
	}
}
