package exportstest

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"github.com/miekg/dns"
)

// Ends of the packets that the tests sample.
var (
	SampledClient   = netip.MustParseAddrPort("192.0.2.11:40001")
	SampledServer   = netip.MustParseAddrPort("198.51.100.10:443")
	SampledResolver = netip.MustParseAddrPort("192.0.2.53:53")
)

// Frame builds an Ethernet frame of UDP, or of TCP.
func Frame(t testing.TB, src, dst netip.AddrPort, tcp bool, payload []byte) []byte {
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

// DNSMessage is a query for a name's address, or the response.
func DNSMessage(t *testing.T, name string, addr netip.Addr) []byte {
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

// DNSAnswer is a response in a frame.
func DNSAnswer(t *testing.T, client netip.AddrPort) []byte {
	return Frame(t, SampledResolver, client, false, DNSMessage(t, "shop.example.", SampledServer.Addr()))
}

// SFlowDatagram builds a datagram with a flow sample for each frame, of which
// the header has the first so many bytes.
func SFlowDatagram(header int, frames ...[]byte) []byte {
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

// WriteCapture writes datagrams from one exporter, a second apart.
func WriteCapture(t *testing.T, path string, datagrams ...[]byte) {
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
		b := Frame(t, netip.MustParseAddrPort("198.51.100.1:50000"), netip.MustParseAddrPort("192.0.2.9:6343"), false, d)
		info := gopacket.CaptureInfo{Timestamp: time.Unix(Start+int64(i), 0), CaptureLength: len(b), Length: len(b)}
		if err := w.WritePacket(info, b); err != nil {
			t.Fatal(err)
		}
	}
}
