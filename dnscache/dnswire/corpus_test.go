package dnswire

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"flowname/dnscache"
)

// corpus is the folder of captures beside the project, or skips the test.
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

// packetReader is what pcapgo's two readers have in common.
type packetReader interface {
	ReadPacketData() ([]byte, gopacket.CaptureInfo, error)
	LinkType() layers.LinkType
}

// messages returns the DNS messages in a capture: the payloads of UDP port 53,
// 5353 and 5355, and the TCP segments of port 53 that hold one whole message.
// Fragments and streams are not put together; the sensor's tests do that.
func messages(t testing.TB, path string) (all [][]byte) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(path, ".gz") {
		z, err := gzip.NewReader(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		if raw, err = io.ReadAll(z); err != nil {
			t.Fatal(err)
		}
	}
	var r packetReader
	if r, err = pcapgo.NewReader(bytes.NewReader(raw)); err != nil {
		r, err = pcapgo.NewNgReader(bufio.NewReader(bytes.NewReader(raw)), pcapgo.DefaultNgReaderOptions)
	}
	if err != nil {
		return nil
	}
	for {
		data, _, err := r.ReadPacketData()
		if err != nil { // also a capture that is cut
			return all
		}
		pkt := gopacket.NewPacket(data, r.LinkType(), gopacket.DecodeOptions{Lazy: false, NoCopy: true})
		for _, layer := range pkt.Layers() {
			switch l := layer.(type) {
			case *layers.UDP:
				if dnsPort(uint16(l.SrcPort)) || dnsPort(uint16(l.DstPort)) {
					all = append(all, l.Payload)
				}
			case *layers.TCP:
				p := l.Payload
				if (l.SrcPort == 53 || l.DstPort == 53) && len(p) > 2 && int(p[0])<<8|int(p[1]) == len(p)-2 {
					all = append(all, p[2:])
				}
			}
		}
	}
}

func dnsPort(port uint16) bool { return port == 53 || port == 5353 || port == 5355 }

func TestCorpusCaptures(t *testing.T) {
	dir := corpus(t)
	p := NewParser(Config{})
	total, read := 0, 0
	for _, sub := range []string{"dns", "dnslogs", "joint"} {
		err := filepath.WalkDir(filepath.Join(dir, sub), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.Contains(d.Name(), ".pcap") || strings.Contains(d.Name(), ".router.") {
				return err
			}
			for _, msg := range messages(t, path) {
				total++
				if checkOracles(t, p, msg) {
					read++
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d messages, %d responses that miekg/dns reads; %+v", total, read, p.Stats())
	if read < 1500 || p.Stats().Named < 800 {
		t.Errorf("too few to mean anything: %d responses, %d named", read, p.Stats().Named)
	}
}

func TestCorpusFuzz(t *testing.T) {
	f, err := os.Open(filepath.Join(corpus(t), "dns", "fuzz", "bind9-fuzz-corpora.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	p := NewParser(Config{})
	files := 0
	for tr := tar.NewReader(z); ; files++ {
		_, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		msg, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		checkOracles(t, p, msg)
		if len(msg) > 4 { // as a response to a query
			msg[2], msg[3] = 0x80, 0
			checkOracles(t, p, msg)
		}
	}
	t.Logf("%d files; %+v", files, p.Stats())
	if files < 100 {
		t.Errorf("only %d files", files)
	}
}

// TestCorpusCrafted: the captures that each hold one trap.
func TestCorpusCrafted(t *testing.T) {
	dir := filepath.Join(corpus(t), "dnslogs", "crafted")
	for file, want := range map[string][]string{
		"01_glibc_parallel_a_aaaa_same_port.pcap": {"www.example.com: 192.0.2.1/300", "www.example.com: 2001:db8::1/300"},
		"05_cname_in_order.pcap":                  {"www.shop.example > edge.cdn.example: 192.0.2.5/60 192.0.2.55/60"},
		"07_right_id_wrong_question.pcap":         {"bank.example: 203.0.113.7/60", "intranet.example: 192.0.2.7/60"},
		"13_dot1q.pcap":                           {"vlan.example: 192.0.2.13/60"},
		"17_https_alias_additional.pcap":          {"alias.example:"},
		"19_0x20_case.pcap":                       {"www.example.com: 192.0.2.19/60"},
		"23_bogon_and_ttl.pcap":                   {"b0.example: 0.0.0.0/0", "b1.example: 127.0.0.1/0", "b2.example: 10.1.2.3/0", "b3.example: 255.255.255.255/0", "b4.example: 224.0.0.1/0"},
		// The server gives its synthesised CNAME a TTL of 0.
		"27_dname.pcap":                  {"w.old.example > w.new.example: 192.0.2.27/0"},
		"31_c2_addresses_over_time.pcap": {"c2.example: 0.0.0.0/60", "c2.example: 198.51.100.31/60", "c2.example: 203.0.113.31/60", "c2.example: 127.0.0.1/60"},
	} {
		var got []string
		p := NewParser(Config{})
		for _, msg := range messages(t, filepath.Join(dir, file)) {
			var r dnscache.Response
			if p.Parse(&r, msg) == nil {
				got = append(got, show(&r))
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: want and got: %s", file, diff)
		}
	}
}
