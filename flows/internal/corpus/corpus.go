// Package corpus reads, for the tests of the flow decoders, the real captures
// that lie beside the project (../shared/corpus). They are nobody's of this
// project and not in it: a test that needs them is skipped where they are absent.
package corpus

import (
	"encoding/json"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// Root is the project's folder: the one above the test's that has go.mod.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test's directory")
		}
		dir = filepath.Dir(dir)
	}
}

// Dir is where a part of the corpus would be.
func Dir(t testing.TB, part string) string {
	t.Helper()
	return filepath.Join(Root(t), "..", "shared", "corpus", part)
}

// Path is where a part of the corpus is. Without it the test is skipped.
func Path(t testing.TB, part string) string {
	t.Helper()
	path := Dir(t, part)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("the corpus of real captures is not here: %v", err)
	}
	return path
}

// A Payload is one UDP payload of a capture.
type Payload struct {
	From netip.AddrPort
	Ns   int64
	Data []byte
}

// UDP returns the UDP payloads of a pcap file, in order.
func UDP(t testing.TB, path string) []Payload {
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
	var all []Payload
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
		all = append(all, Payload{netip.AddrPortFrom(src, uint16(udp.SrcPort)), info.Timestamp.UnixNano(), udp.Payload})
	}
}

// Messages returns the messages of a folder, one in each of its .bin files.
func Messages(t testing.TB, dir string) [][]byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.bin"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no messages in %s: %v", dir, err)
	}
	var all [][]byte
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, data)
	}
	return all
}

// JSON reads a file of JSON.
func JSON(t testing.TB, path string, v any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, v); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// Lines returns the lines of a text file that are not empty.
func Lines(t testing.TB, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			all = append(all, line)
		}
	}
	return all
}

// An Event is a line of telegraf's line protocol: its measurement, and its tags
// and fields as text without quotes and the letters of integers.
type Event struct {
	Name   string
	Fields map[string]string
}

var lineField = regexp.MustCompile(`([^,= ]+)=("(?:[^"\\]|\\.)*"|[^, ]+)`)

// Events reads a file of line protocol.
func Events(t testing.TB, path string) []Event {
	t.Helper()
	var all []Event
	for _, line := range Lines(t, path) {
		head, rest, ok := strings.Cut(line, " ")
		if !ok {
			t.Fatalf("%s: bad line %q", path, line)
		}
		tags := strings.Split(head, ",")
		e := Event{tags[0], map[string]string{}}
		for _, tag := range tags[1:] {
			k, v, _ := strings.Cut(tag, "=")
			e.Fields[k] = v
		}
		for _, m := range lineField.FindAllStringSubmatch(rest, -1) {
			if v, err := strconv.Unquote(m[2]); err == nil {
				e.Fields[m[1]] = v
			} else {
				e.Fields[m[1]] = strings.TrimRight(m[2], "ui")
			}
		}
		all = append(all, e)
	}
	return all
}
