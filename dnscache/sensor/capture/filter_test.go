package capture_test

import (
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/net/bpf"

	"flowname/dnscache/sensor/capture"
	"flowname/dnscache/sensor/packet"
)

func machine(t *testing.T, ethernet bool, ports []uint16, tunnels bool) *bpf.VM {
	t.Helper()
	raw, err := capture.AssembleFilter(ethernet, ports, tunnels)
	if err != nil {
		t.Fatal(err)
	}
	program, ok := bpf.Disassemble(raw)
	if !ok {
		t.Fatal("the filter can not be disassembled")
	}
	vm, err := bpf.NewVM(program)
	if err != nil {
		t.Fatal(err)
	}
	return vm
}

func accepts(t *testing.T, vm *bpf.VM, frame []byte) bool {
	t.Helper()
	n, err := vm.Run(frame)
	if err != nil {
		t.Fatalf("frame %x: %v", frame, err)
	}
	return n > 0
}

const (
	macs  = "020000000001 020000000002 "
	ip4   = "45000028 0001 0000 40 11 0000 c0000201 c0000202 "
	ip4o  = "46000028 0001 0000 40 11 0000 c0000201 c0000202 01010100 "
	ip4t  = "45000028 0001 0000 40 06 0000 c0000201 c0000202 "
	ip6   = "60000000 0008 11 40 20010db8000000000000000000000001 20010db8000000000000000000000002 "
	ports = "1000 0035 0008 0000 "
	back  = "0035 1000 0008 0000 "
	web   = "1000 01bb 0008 0000 "
)

func TestFilter(t *testing.T) {
	full := machine(t, true, []uint16{5300}, true)
	plain := machine(t, true, nil, false)
	cases := []struct {
		name               string
		frame              string
		full, withoutExtra bool
	}{
		{"query", macs + "0800" + ip4 + ports, true, true},
		{"response", macs + "0800" + ip4 + back, true, true},
		{"TCP", macs + "0800" + ip4t + back, true, true},
		{"options", macs + "0800" + ip4o + ports, true, true},
		{"IPv6", macs + "86dd" + ip6 + back, true, true},
		{"one tag", macs + "8100 0001 0800" + ip4 + ports, true, true},
		{"two tags", macs + "88a8 0001 8100 0002 86dd" + ip6 + ports, true, true},
		{"three tags", macs + "88a8 0001 9100 0002 8100 0003 0800" + ip4o + ports, true, true},
		{"PPPoE", macs + "8864 1100 0001 0020 0021" + ip4 + ports, true, true},
		{"PPPoE, IPv6", macs + "8864 1100 0001 0020 0057" + ip6 + ports, true, true},
		{"tag and PPPoE", macs + "8100 0001 8864 1100 0001 0020 0021" + ip4 + ports, true, true},
		{"MPLS", macs + "8847 00000140" + ip4 + web, true, true},
		{"SNAP", macs + "0030 aaaa03 000000 0800" + ip4 + ports, true, true},
		{"first fragment", macs + "0800 45000028 0001 2000 40 11 0000 c0000201 c0000202" + ports, true, true},
		{"later fragment", macs + "0800 45000028 0001 0001 40 11 0000 c0000201 c0000202" + web, true, true},
		{"IPv6 fragment", macs + "86dd 60000000 0010 2c 40" + strings.Repeat("00", 32) + "1100 0009 00000001" + web, true, true},
		{"IPv6 hop-by-hop", macs + "86dd 60000000 0010 00 40" + strings.Repeat("00", 32) + "1100 0000 00000000" + ports, true, true},
		{"another DNS port", macs + "0800" + ip4 + "1000 14b4 0008 0000", true, false},
		{"GRE", macs + "0800 45000028 0001 0000 40 2f 0000 c0000201 c0000202 0000 0800", true, false},
		{"6in4", macs + "0800 45000028 0001 0000 40 29 0000 c0000201 c0000202 60", true, false},
		{"IP in IPv6", macs + "86dd 60000000 0008 04 40" + strings.Repeat("00", 32) + "45", true, false},
		{"VXLAN", macs + "0800" + ip4 + "1000 12b5 0008 0000", true, false},
		{"Teredo, coming back", macs + "0800" + ip4 + "0dd8 1000 0008 0000", true, false},
		{"web", macs + "0800" + ip4 + web, false, false},
		{"web over TCP", macs + "0800" + ip4t + web, false, false},
		{"web with options", macs + "0800" + ip4o + web, false, false},
		{"web over IPv6", macs + "86dd" + ip6 + web, false, false},
		{"web, tagged", macs + "8100 0001 0800" + ip4 + web, false, false},
		{"port 53 as an ICMP checksum", macs + "0800 45000028 0001 0000 40 01 0000 c0000201 c0000202" + ports, false, false},
		{"ARP", macs + "0806 0001", false, false},
		{"spanning tree", macs + "0026 424203", false, false},
		{"PPPoE, LCP", macs + "8864 1100 0001 0020 c021 0000", false, false},
		{"cut within the ports", macs + "0800" + ip4 + "10", false, false},
		{"nothing", "", false, false},
	}
	for _, c := range cases {
		frame, err := hex.DecodeString(strings.ReplaceAll(c.frame, " ", ""))
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if got := accepts(t, full, frame); got != c.full {
			t.Errorf("%s: frame %x: %v, want %v", c.name, frame, got, c.full)
		}
		if got := accepts(t, plain, frame); got != c.withoutExtra {
			t.Errorf("%s, port 53 only: frame %x: %v, want %v", c.name, frame, got, c.withoutExtra)
		}
	}
	raw := machine(t, false, nil, true)
	for text, want := range map[string]bool{ip4 + ports: true, ip4o + back: true, ip6 + ports: true, ip4 + web: false, ip6 + web: false, "15": false} {
		frame, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		if got := accepts(t, raw, frame); got != want {
			t.Errorf("raw %x: %v, want %v", frame, got, want)
		}
	}
}

func TestLiveConfigValidate(t *testing.T) {
	for _, c := range []capture.LiveConfig{{}, {Ports: make([]uint16, 24)}, {RingBytes: 1 << 20}} {
		if err := c.Validate(); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
	for _, c := range []capture.LiveConfig{{Ports: make([]uint16, 25)}, {RingBytes: -1}, {RingBytes: math.MaxInt}} {
		if err := c.Validate(); err == nil {
			t.Errorf("%+v: no error", c)
		}
	}
}

// TestFilterAgainstDecoder runs the filter on the Ethernet and raw frames of
// the corpus: none that the decoder finds DNS in may be dropped, and most
// others are.
func TestFilterAgainstDecoder(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(corpus(t), "*", "*", "*.pcap*"))
	if err != nil {
		t.Fatal(err)
	}
	joint, err := filepath.Glob(filepath.Join(corpus(t), "joint", "*.pcap*"))
	if err != nil {
		t.Fatal(err)
	}
	machines := map[capture.LinkType]*bpf.VM{
		capture.LinkEthernet: machine(t, true, nil, true),
		capture.LinkRaw:      machine(t, false, nil, true),
	}
	var dns, other, passed int
	for _, path := range append(files, joint...) {
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		r, err := capture.NewReader(file)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		decoder := packet.NewDecoder(packet.Config{OpenTunnels: true})
		for n := 1; ; n++ {
			f, err := r.Next()
			if err != nil {
				if err != io.EOF && !errors.Is(err, capture.ErrTruncated) {
					t.Errorf("%s: %v", path, err)
				}
				break
			}
			vm := machines[f.Link]
			if vm == nil || len(f.Data) == 0 {
				continue
			}
			var p packet.Packet
			ok := decoder.Decode(f, &p)
			accepted := accepts(t, vm, f.Data)
			switch {
			case ok && (p.Src.Port() == 53 || p.Dst.Port() == 53):
				dns++
				if !accepted {
					t.Errorf("%s: frame %d has DNS from %v to %v and is dropped", path, n, p.Src, p.Dst)
				}
			case accepted:
				passed++
			default:
				other++
			}
		}
		file.Close()
	}
	if dns == 0 || other < 10*passed {
		t.Errorf("%d frames with DNS, %d others dropped, %d others passed", dns, other, passed)
	}
}

// corpus is the folder of captures beside the project, which is not part of it.
func corpus(t testing.TB) string {
	t.Helper()
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			break
		}
		if root == filepath.Dir(root) {
			t.Fatal("no go.mod above the test")
		}
		root = filepath.Dir(root)
	}
	dir := filepath.Join(root, "..", "shared", "corpus")
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		t.Skip("the corpus of captures is not beside the project: ../shared/corpus")
	}
	return dir
}
