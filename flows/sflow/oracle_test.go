package sflow

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	goflow "github.com/netsampler/goflow2/v2/decoders/sflow"
	protoproducer "github.com/netsampler/goflow2/v2/producer/proto"

	"flowname/flows"
	"flowname/flows/internal/corpus"
)

// oracle reads a datagram with goflow2's decoder and producer. It is for well-formed
// ones only.
func oracle(msg []byte) ([]flows.Record, error) {
	var pkt goflow.Packet
	if err := goflow.DecodeMessageVersion(bytes.NewBuffer(msg), &pkt); err != nil {
		return nil, err
	}
	set, err := protoproducer.ProcessMessageSFlowConfig(&pkt, nil)
	if err != nil {
		return nil, err
	}
	var recs []flows.Record
	for _, m := range set {
		p, ok := m.(*protoproducer.ProtoProducerMessage)
		if !ok {
			return nil, fmt.Errorf("goflow2 made a %T", m)
		}
		recs = append(recs, fromOracle(p))
	}
	return recs, nil
}

func fromOracle(p *protoproducer.ProtoProducerMessage) flows.Record {
	addr := func(b []byte) netip.Addr {
		a, _ := netip.AddrFromSlice(b)
		return a.Unmap()
	}
	mac := func(v uint64) flows.MAC { return flows.MAC(binary.BigEndian.AppendUint64(nil, v)[2:]) }
	r := flows.Record{
		Type: flows.SFlow5, SequenceNum: p.SequenceNum, Exporter: addr(p.SamplerAddress),
		SamplingRate: p.SamplingRate, Bytes: p.Bytes, Packets: p.Packets,
		Src: addr(p.SrcAddr), Dst: addr(p.DstAddr), SrcPort: uint16(p.SrcPort), DstPort: uint16(p.DstPort),
		EtherType: uint16(p.Etype), Proto: uint8(p.Proto), TCPFlags: uint16(p.TcpFlags), TOS: uint8(p.IpTos),
		InIf: p.InIf, OutIf: p.OutIf, SrcMAC: mac(p.SrcMac), DstMAC: mac(p.DstMac),
		SrcVLAN: uint16(p.SrcVlan), DstVLAN: uint16(p.DstVlan), VLAN: uint16(p.VlanId & maxVLAN), // there with the priority bits
		TTL: uint8(p.IpTtl), ICMPType: uint8(p.IcmpType), ICMPCode: uint8(p.IcmpCode), IPv6FlowLabel: p.Ipv6FlowLabel,
		FragmentID: p.FragmentId, FragmentOff: uint16(p.FragmentOffset), SrcAS: p.SrcAs, DstAS: p.DstAs,
		NextHop: addr(p.NextHop), BGPNextHop: addr(p.BgpNextHop), SrcMask: uint8(p.SrcNet), DstMask: uint8(p.DstNet),
	}
	r.MPLSDepth = uint8(copy(r.MPLS[:], p.MplsLabel))
	return r
}

// likeOracle takes from a record what goflow2 does not say, or says otherwise,
// into the form that it has there.
func likeOracle(got, want flows.Record, header []byte) (flows.Record, flows.Record) {
	got.ObservationDomain, got.Direction, got.ForwardingStatus = 0, 0, 0
	got.ReceivedNs, got.StartNs, got.EndNs, got.StartErrorNs = 0, 0, 0, 0
	got.TCPFlags &= 0xff // the ninth is not read there
	if want.EtherType < minEtherType {
		want.EtherType = 0 // the length of a frame is taken for one
	}
	drop := func() { // ports there are of what is not a transport header
		got.SrcPort, got.DstPort, got.TCPFlags = 0, 0, 0
		want.SrcPort, want.DstPort, want.TCPFlags = 0, 0, 0
		got.ICMPType, got.ICMPCode, want.ICMPType, want.ICMPCode = 0, 0, 0, 0
	}
	switch {
	case got.EtherType == typeServiceVLAN || want.EtherType == typeServiceVLAN || want.EtherType == typeOldQinQ:
		return want, want // not opened there
	case got.FragmentOff != 0, got.EtherType == flows.EtherTypeIPv4 && hasOptions(header):
		drop()
	case got.Proto != want.Proto: // extension headers are not walked there
		got.Proto = want.Proto
		got.FragmentID, got.FragmentOff = want.FragmentID, want.FragmentOff
		drop()
	case got.Proto == protoSCTP || got.Proto == 4 || got.Proto == 41 || got.Proto == 47:
		drop() // tunnels are opened there for ICMP; SCTP is not read
	case want.SrcPort == 0 && want.DstPort == 0: // there a TCP header is whole or nothing
		drop()
	}
	return got, want
}

// hasOptions looks for the IPv4 header of a frame, tags and labels allowing.
func hasOptions(header []byte) bool {
	i := bytes.Index(header, []byte{0x08, 0x00})
	return i >= 12 && i+2 < len(header) && header[i+2] != 0x45
}

// TestAgainstGoflow2Samples compares the datagrams that the tests build.
func TestAgainstGoflow2Samples(t *testing.T) {
	head := header(1, frame("0800", ipv4(6, 0, syn)))
	tests := map[string][]byte{
		"IPv4 record": message(flow(v4Record)),
		"IPv6 record": message(flow(v6Record), expanded(3, port{0, 3}, port{0, 4}, v6Record)),
		"routed": message(flow(block(1001, words(10, 1, 20, 2)), block(1002, hop4, words(24, 16)), head,
			gateway(hop6, 64501, 1, 2, 3, 65001, 65002, 65003, 0, 100))),
		"own AS":   message(flow(head, gateway(hop4, 0, 0, 0, 100))),
		"several":  message(compact(3, 3, 2<<30|10, head), block(2, words(1, 3, 0)), flow(head)),
		"IPv6":     message(flow(header(1, frame("8100 0064 86dd", ipv6(6, syn))))),
		"ICMP":     message(flow(header(1, frame("0800", ipv4(1, 0, unhex("0301 0000 0000 0000")))))),
		"two tags": message(flow(header(1, frame("8100 0064 8100 0065 0800", ipv4(17, 0, query))))),
		"MPLS":     message(flow(header(1, frame("8847 00010 0 ff  00011 1 ff", ipv4(17, 0, query))))),
	}
	for name, msg := range tests {
		got, _, err := decode(msg)
		want, err2 := oracle(msg)
		if err != nil || err2 != nil || len(got) != len(want) {
			t.Errorf("%s: %d records and %v, goflow2 has %d and %v", name, len(got), err, len(want), err2)
			continue
		}
		for i := range got {
			g, w := likeOracle(got[i], want[i], nil)
			if name == "IPv4 record" {
				w.TCPFlags = 0x12 // not taken over there
			}
			if g != w {
				t.Errorf("%s, %d: got %+v\ngoflow2 has %+v", name, i, g, w)
			}
		}
	}
}

// TestAgainstGoflow2Captures makes a flow sample of each packet of the corpus'
// captures, with a header of 128 bytes, and compares what is read of it.
func TestAgainstGoflow2Captures(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(corpus.Path(t, "joint"), "*.pcap"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no captures: %v", err)
	}
	const perFile = 2000
	compared, withPorts := 0, 0
	for _, name := range files {
		parts := strings.Split(filepath.Base(name), ".")
		if kind := parts[len(parts)-2]; kind == "ipfix" || kind == "v9" || kind == "v5" {
			continue // export packets
		}
		for i, b := range readFrames(t, name, perFile) {
			head := header(protocolEthernet, b[:min(len(b), 128)])
			msg := message(flow(head))
			got, _, err := decode(msg)
			want, err2 := oracle(msg)
			if err != nil || err2 != nil || len(got) != 1 || len(want) != 1 {
				t.Fatalf("%s, frame %d: %d records and %v, goflow2 has %d and %v", filepath.Base(name), i, len(got), err, len(want), err2)
			}
			g, w := likeOracle(got[0], want[0], b)
			if g != w {
				t.Fatalf("%s, frame %d: %x\ngot  %+v\nwant %+v", filepath.Base(name), i, b[:min(len(b), 128)], g, w)
			}
			compared++
			if g.DstPort != 0 {
				withPorts++
			}
		}
	}
	t.Logf("%d headers agree, %d with ports", compared, withPorts)
	if compared < 10000 || withPorts < compared/2 {
		t.Errorf("only %d headers were compared, %d with ports", compared, withPorts)
	}
}

// readFrames returns the first frames of a capture of Ethernet, and none of
// another.
func readFrames(t *testing.T, name string, most int) [][]byte {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := pcapgo.NewReader(f)
	if err != nil || r.LinkType() != layers.LinkTypeEthernet {
		return nil // pcapng, or another link
	}
	var all [][]byte
	for len(all) < most {
		b, _, err := r.ReadPacketData()
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all = append(all, b)
	}
	return all
}
