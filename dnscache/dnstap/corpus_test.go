package dnstap_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"flowname/dnscache"
	"flowname/dnscache/dnstap"
	"flowname/dnscache/dnswire"
)

// corpus is the folder of samples beside the project, or skips the test.
func corpus(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = up
	}
	dir = filepath.Join(dir, "..", "shared", "corpus")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the corpus of captures (../shared/corpus) is not here")
	}
	return dir
}

// each calls f for every message of a stream.
func each(t *testing.T, path string, f func(*dnstap.Message)) dnstap.Stats {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r, err := dnstap.NewReader(file, dnstap.Config{})
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	var m dnstap.Message
	for {
		err := r.Next(&m)
		if err == io.EOF {
			return r.Stats()
		}
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		f(&m)
	}
}

// evidence is the sorted set of (client, address, name) that CLIENT_RESPONSE
// messages of a server give, for questions that tshark shows addresses of.
func evidence(t *testing.T, path string) map[string]bool {
	set := map[string]bool{}
	p := dnswire.NewParser(dnswire.Config{})
	each(t, path, func(m *dnstap.Message) {
		var r dnscache.Response
		if m.Type != dnstap.ClientResponse || m.Fill(&r) != dnstap.EvidenceClient {
			return
		}
		if err := p.Parse(&r, m.Wire); err != nil {
			t.Errorf("%s: %x: %v", path, m.Wire, err)
		}
		if r.Type == 64 || r.Type == 65 {
			return // tshark shows no hints
		}
		for _, a := range r.Addrs {
			set[fmt.Sprintf("%v %v %s", r.Client, a.Addr, r.Name)] = true
		}
	})
	return set
}

// truth is the same set as tshark saw it on the wire from that server. The file
// has lines of time|client|server|id|name|type|IPv4s|IPv6s, with "|" in names.
func truth(t *testing.T, path, server string) map[string]bool {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	set := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "|")
		n := len(f)
		if n < 8 || f[2] != server || f[n-3] != "1" && f[n-3] != "28" && f[n-3] != "255" {
			continue // an MX answer's addresses are in its additional section
		}
		name := presentation(strings.Join(f[4:n-3], "|"))
		for _, a := range strings.Split(f[n-2]+","+f[n-1], ",") {
			if a != "" {
				set[f[1]+" "+a+" "+name] = true
			}
		}
	}
	return set
}

// presentation makes our form of a name as tshark prints it: C escapes, and
// spaces and quotes as they are.
func presentation(name string) string {
	var wire []byte
	for label := range strings.SplitSeq(name, ".") {
		plain, err := strconv.Unquote(`"` + strings.ReplaceAll(label, `"`, `\"`) + `"`)
		if err != nil {
			plain = label
		}
		wire = append(wire, byte(len(plain)))
		wire = append(wire, plain...)
	}
	return string(dnswire.AppendName(nil, append(wire, 0)))
}

var liveStreams = map[string]string{
	"live_unbound.fstrm": "127.0.1.2",
	"live_coredns.fstrm": "127.0.1.5",
	"live_dnsdist.fstrm": "127.0.1.6",
	"live_bind9.fstrm":   "127.0.1.8",
}

// TestCorpusLive: four servers answered two clients; what each reports is what
// was on the wire.
func TestCorpusLive(t *testing.T) {
	dir := filepath.Join(corpus(t), "dnslogs")
	for file, server := range liveStreams {
		got := evidence(t, filepath.Join(dir, "dnstap", file))
		want := truth(t, filepath.Join(dir, "live", "live_tshark_answers.psv"), server)
		if len(want) < 100 {
			t.Errorf("%s: only %d in the truth", file, len(want))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: want and got: %s", file, diff)
		}
	}
}

// TestCorpusPorts: clients' addresses and ports are those of the packets with
// the same DNS id and question.
func TestCorpusPorts(t *testing.T) {
	dir := filepath.Join(corpus(t), "dnslogs")
	onWire := packetPeers(t, filepath.Join(dir, "live", "live.pcapng"))
	for file, server := range liveStreams {
		seen := 0
		each(t, filepath.Join(dir, "dnstap", file), func(m *dnstap.Message) {
			if m.Type != dnstap.ClientResponse {
				return
			}
			seen++
			key := fmt.Sprintf("%s %v %x", server, m.Client, m.Wire[:2])
			if !onWire[key] {
				t.Errorf("%s: %s is not on the wire", file, key)
			}
			if m.Server.IsValid() && m.Server.String() != server+":53" {
				t.Errorf("%s: server %v", file, m.Server)
			}
		})
		if seen != 57 {
			t.Errorf("%s: %d responses to clients", file, seen)
		}
	}
}

// packetPeers is the set of "server client:port id" of DNS responses in a
// capture. Of a TCP stream only segments that begin with a message count.
func packetPeers(t *testing.T, path string) map[string]bool {
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r, err := pcapgo.NewNgReader(bufio.NewReader(file), pcapgo.DefaultNgReaderOptions)
	if err != nil {
		t.Fatal(err)
	}
	set := map[string]bool{}
	for {
		data, _, err := r.ReadPacketData()
		if err != nil {
			return set
		}
		pkt := gopacket.NewPacket(data, r.LinkType(), gopacket.Default)
		if pkt.NetworkLayer() == nil {
			continue
		}
		flow := pkt.NetworkLayer().NetworkFlow()
		switch l := pkt.TransportLayer().(type) {
		case *layers.UDP:
			if l.SrcPort == 53 && len(l.Payload) > 2 {
				set[fmt.Sprintf("%v %v:%d %x", flow.Src(), flow.Dst(), uint16(l.DstPort), l.Payload[:2])] = true
			}
		case *layers.TCP:
			if l.SrcPort == 53 && len(l.Payload) > 4 {
				set[fmt.Sprintf("%v %v:%d %x", flow.Src(), flow.Dst(), uint16(l.DstPort), l.Payload[2:4])] = true
			}
		}
	}
}

// TestCorpusStreams: how many messages of which type each sample has.
func TestCorpusStreams(t *testing.T) {
	dir := corpus(t)
	for file, want := range map[string]map[dnstap.MessageType]uint64{
		"dnslogs/dnstap/bind9_large-answer.fstrm":  {dnstap.AuthResponse: 1},
		"dnslogs/dnstap/dnscollector_dnstap.fstrm": {dnstap.ClientQuery: 1, dnstap.ClientResponse: 1},
		"dns/dnstap/go-dnscollector__dnstap.fstrm": {dnstap.ClientQuery: 1, dnstap.ClientResponse: 1},
		"dnslogs/dnstap/live_bind9.fstrm":          {dnstap.ClientQuery: 57, dnstap.ClientResponse: 57, dnstap.ResolverQuery: 31, dnstap.ResolverResponse: 31},
		"dnslogs/dnstap/live_coredns.fstrm":        {dnstap.ClientQuery: 57, dnstap.ClientResponse: 57, dnstap.ForwarderQuery: 30, dnstap.ForwarderResponse: 30},
		"dnslogs/dnstap/bind9_dnstap.saved": {
			dnstap.AuthQuery: 8, dnstap.AuthResponse: 8, dnstap.ResolverQuery: 8, dnstap.ResolverResponse: 8, dnstap.ClientQuery: 8, dnstap.ClientResponse: 8,
			dnstap.ForwarderQuery: 8, dnstap.ForwarderResponse: 8, dnstap.StubQuery: 8, dnstap.StubResponse: 8, dnstap.ToolQuery: 8, dnstap.ToolResponse: 8,
		},
	} {
		got := map[dnstap.MessageType]uint64{}
		stats := each(t, filepath.Join(dir, file), func(m *dnstap.Message) { got[m.Type]++ })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: want and got: %s", file, diff)
		}
		if stats.Stopped != 1 || stats.BadAddress+stats.BadTime+stats.NoTime+stats.NoWire != 0 {
			t.Errorf("%s: %+v", file, stats)
		}
	}
}

// TestCorpusFrames: single protobufs without framing, some of them wrong.
func TestCorpusFrames(t *testing.T) {
	dir := filepath.Join(corpus(t), "dnslogs", "dnstap")
	for file, want := range map[string]string{
		"bind9_correct_query_nanosec.dnstap":    "CLIENT_QUERY 10.53.0.1:43853 10.53.0.10:53 1781766253076932117 48",
		"bind9_correct_response_nanosec.dnstap": "RESOLVER_RESPONSE invalid AddrPort 199.249.112.1:53 1781103075712404181 506",
		"bind9_invalid_message_type.dnstap":     "UNKNOWN 10.53.0.1:43853 10.53.0.10:53 1781766253076932117 48",
		"bind9_query_time_nanosec_big.dnstap":   "CLIENT_QUERY 10.53.0.1:43853 10.53.0.10:53 1781766253000000000 48",
	} {
		b, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		var m dnstap.Message
		if err := m.Decode(b); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if got := fmt.Sprint(m.Type, m.Client, m.Server, m.TimeNs, len(m.Wire)); strings.Join(strings.Fields(got), " ") != want {
			t.Errorf("%s: %s, want %s", file, got, want)
		}
		if _, err := dnstap.NewReader(bytes.NewReader(b), dnstap.Config{}); !errors.Is(err, dnstap.ErrNotFrameStream) {
			t.Errorf("%s as a stream: %v", file, err)
		}
	}
}

// TestCorpusCut cuts the samples at every octet: never a panic, never without
// an end, and the end is clean only where a frame would begin.
func TestCorpusCut(t *testing.T) {
	for file := range liveStreams {
		stream, err := os.ReadFile(filepath.Join(corpus(t), "dnslogs", "dnstap", file))
		if err != nil {
			t.Fatal(err)
		}
		stream = stream[:4096]
		clean := 0
		for n := range stream {
			r, err := dnstap.NewReader(bytes.NewReader(stream[:n]), dnstap.Config{})
			var m dnstap.Message
			for err == nil {
				err = r.Next(&m)
			}
			switch {
			case err == io.EOF:
				clean++
			case !errors.Is(err, io.ErrUnexpectedEOF):
				t.Errorf("%s cut at %d: %v", file, n, err)
			}
		}
		if clean < 10 || clean > 60 {
			t.Errorf("%s: %d clean ends", file, clean)
		}
	}
}
