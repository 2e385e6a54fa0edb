package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"log/slog"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"flowname/cmd/flowname/command"
	"flowname/cmd/flowname/exports/exportstest"
	"flowname/dnscache"
	"flowname/flows"
	"flowname/flows/listen"
)

// Messages of an exporter that tells DNS in flow records (Gigamon's elements),
// the server's name (460), and a firewall's event (233).
func tellingTemplate() []byte {
	var body []byte
	for _, v := range []uint16{256, 9, 8, 4, 12, 4, 4, 1, 7, 2, 11, 2, 152, 8, 153, 8, 460, 0xffff, 233, 1} {
		body = binary.BigEndian.AppendUint16(body, v)
	}
	for _, v := range []uint16{257, 9, 8, 4, 12, 4, 4, 1, 7, 2, 11, 2, 152, 8} {
		body = binary.BigEndian.AppendUint16(body, v)
	}
	for _, element := range []struct{ id, length uint16 }{{204, 0xffff}, {206, 4}, {207, 4}} {
		body = binary.BigEndian.AppendUint16(body, 0x8000|element.id)
		body = binary.BigEndian.AppendUint16(body, element.length)
		body = binary.BigEndian.AppendUint32(body, 26866)
	}
	return exportstest.Message(2, body)
}

func tellingEnds(src, dst string, proto byte, srcPort, dstPort uint16, atMs uint64) []byte {
	b := slices.Concat(netip.MustParseAddr(src).AsSlice(), netip.MustParseAddr(dst).AsSlice(), []byte{proto})
	b = binary.BigEndian.AppendUint16(b, srcPort)
	b = binary.BigEndian.AppendUint16(b, dstPort)
	return binary.BigEndian.AppendUint64(b, exportstest.Start*1000+atMs)
}

// tellingDNS is a message in which client asked for a name.
func tellingDNS(client, name, addr string) []byte {
	b := tellingEnds("192.0.2.53", client, 17, 53, 40000, 0)
	b = append(append(b, byte(len(name))), name...)
	b = binary.BigEndian.AppendUint32(b, 300)
	return exportstest.Message(257, append(b, netip.MustParseAddr(addr).AsSlice()...))
}

// tellingFlow is a message with a connection of client a second later.
func tellingFlow(client, server, host string, event byte) []byte {
	b := tellingEnds(client, server, 6, 40001, 443, 1000)
	b = binary.BigEndian.AppendUint64(b, exportstest.Start*1000+2000)
	return exportstest.Message(256, append(append(append(b, byte(len(host))), host...), event))
}

func TestReceiverFilesDNSOfFlows(t *testing.T) {
	var filed []dnscache.Response
	r := newReceiver(nil, streamDecoding(), func(e *dnscache.Response) {
		c := *e
		c.Name, c.Addrs = slices.Clone(e.Name), slices.Clone(e.Addrs)
		filed = append(filed, c)
	}, slog.New(slog.DiscardHandler))
	var datagrams []listen.Datagram
	for _, m := range [][]byte{tellingTemplate(), tellingDNS("10.0.0.1", "WWW.example.com.", "203.0.113.1"), tellingFlow("10.0.0.1", "203.0.113.1", "", 0)} {
		datagrams = append(datagrams, listen.Datagram{Payload: m, From: netip.MustParseAddrPort("192.0.2.1:2055"), ReceivedNs: 1})
	}
	joined := 0
	r.join = func(records []flows.Record) { joined += len(records) }
	r.handle(datagrams)
	if joined != 2 {
		t.Errorf("%d records, want 2", joined)
	}
	if len(filed) != 1 {
		t.Fatalf("%d responses are filed, want 1", len(filed))
	}
	e := &filed[0]
	if string(e.Name) != "www.example.com" || e.Client != netip.MustParseAddr("10.0.0.1") || e.Server != netip.MustParseAddr("192.0.2.53") ||
		e.Source != dnscache.SourceFlowRecord || e.Source.String() != "flow_record" || e.Type != 1 || e.TimeNs != exportstest.Start*1e9 ||
		!slices.Equal(e.Addrs, []dnscache.Addr{{Addr: netip.MustParseAddr("203.0.113.1"), TTL: 300}}) {
		t.Errorf("filed %+v", e)
	}
}

// TestReplayNamesByFlowRecordsAlone needs no file of DNS: the exporter tells it.
func TestReplayNamesByFlowRecordsAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "flows.pcap")
	exportstest.WriteCapture(t, path, tellingTemplate(),
		tellingDNS("10.0.0.1", "www.example.com", "203.0.113.1"),
		tellingFlow("10.0.0.1", "203.0.113.1", "", 1),
		tellingFlow("10.0.0.1", "203.0.113.1", "other.example:8443", 2),
		tellingFlow("10.0.0.2", "203.0.113.9", "203.0.113.9", 3))
	data := filepath.Join(t.TempDir(), "data")
	var out, errs bytes.Buffer
	if code := execute([]string{"replay", "--flows", path, "--data", data}, command.Streams{Out: &out, Err: &errs}); code != exitOK {
		t.Fatalf("exit %d: %s", code, errs.String())
	}
	var got []string
	for line := range strings.Lines(out.String()) {
		var f struct {
			Name    string `json:"dst_name"`
			Basis   string `json:"dst_name_basis"`
			Age     *int64 `json:"dst_name_age_ms"`
			Event   string `json:"firewall_event"`
			Unnamed string `json:"unnamed"`
			Port    uint16 `json:"dst_port"`
			Names   []struct{ Name, Basis string }
		}
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			t.Fatal(err)
		}
		if f.Port == 443 {
			age := ""
			if f.Age != nil {
				age = "aged"
			}
			got = append(got, strings.Join([]string{f.Name, f.Basis, age, f.Event, f.Unnamed}, " "))
		}
	}
	slices.Sort(got)
	want := []string{"   denied client_unseen", "other.example exporter  deleted ", "www.example.com client aged created "}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q\n%s", got, want, out.String())
	}
	out.Reset()
	if code := execute([]string{"history", "www.example.com", "--data", data, "--format", "json"}, command.Streams{Out: &out, Err: &errs}); code != exitOK {
		t.Fatalf("history: exit %d: %s", code, errs.String())
	}
	if !strings.Contains(out.String(), `"source":"flow_record"`) || !strings.Contains(out.String(), `"client":"10.0.0.1"`) {
		t.Errorf("the history says %s", out.String())
	}
}
