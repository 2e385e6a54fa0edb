package netflow

import (
	"encoding/json"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"flowname/flows"
)

// corpus returns the path of a part of the corpus of real captures, which lies
// beside the project and not in it. Without it the test is skipped.
func corpus(t testing.TB, part string) string {
	t.Helper()
	path := corpusDir(t, part)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("the corpus of real captures is not here: %v", err)
	}
	return path
}

// corpusDir is where a part of the corpus would be.
func corpusDir(t testing.TB, part string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test's directory")
		}
		dir = filepath.Dir(dir)
	}
	return filepath.Join(dir, "..", "shared", "corpus", part)
}

// A payload is one UDP payload of a capture.
type payload struct {
	from netip.AddrPort
	ns   int64
	data []byte
}

// readCapture returns the UDP payloads of a pcap file, in order.
func readCapture(t testing.TB, path string) []payload {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := pcapgo.NewReader(f)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	var all []payload
	for {
		data, info, err := r.ReadPacketData()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		pkt := gopacket.NewPacket(data, r.LinkType(), gopacket.NoCopy)
		udp, ok := pkt.TransportLayer().(*layers.UDP)
		if !ok {
			continue
		}
		src, _ := netip.AddrFromSlice(pkt.NetworkLayer().NetworkFlow().Src().Raw())
		all = append(all, payload{netip.AddrPortFrom(src, uint16(udp.SrcPort)), info.Timestamp.UnixNano(), udp.Payload})
	}
}

// decodeAll reads payloads with one new Decoder.
func decodeAll(payloads []payload) (recs []flows.Record, stats Stats, errs []error) {
	d := NewDecoder(Config{})
	for _, p := range payloads {
		var err error
		if recs, err = d.AppendRecords(recs, p.data, p.from, p.ns); err != nil {
			errs = append(errs, err)
		}
	}
	return recs, d.Stats(), errs
}

func readJSON(t testing.TB, path string, v any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, v); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}
