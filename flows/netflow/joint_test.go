package netflow

import (
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"flowname/flows"
	"flowname/flows/internal/corpus"
)

// A truth is a line of a joint capture's list of flows: its 5-tuple from client
// to server and its first packet, by the capture's own clock.
type truth struct {
	tuple tuple
	ns    int64
}

type tuple struct {
	src, dst netip.AddrPort
	proto    uint8
}

func readTruth(t *testing.T, path string) []truth {
	t.Helper()
	var all []truth
	for _, line := range corpus.Lines(t, path) {
		f := strings.Split(line, "\t")
		if strings.HasPrefix(line, "#") || len(f) < 7 {
			continue
		}
		secs, err := strconv.ParseFloat(f[0], 64)
		proto, known := map[string]uint8{"tcp": flows.ProtoTCP, "udp": flows.ProtoUDP}[f[2]]
		if err != nil || !known {
			t.Fatalf("%s: bad line %q", path, line)
		}
		src, dst := addrPort(t, f[3], f[4]), addrPort(t, f[5], f[6])
		all = append(all, truth{tuple{src, dst, proto}, int64(secs * 1e9)})
	}
	return all
}

func addrPort(t *testing.T, addr, port string) netip.AddrPort {
	t.Helper()
	a, err := netip.ParseAddr(addr)
	p, err2 := strconv.ParseUint(port, 10, 16)
	if err != nil || err2 != nil {
		t.Fatalf("bad address %s, port %s", addr, port)
	}
	return netip.AddrPortFrom(a, uint16(p))
}

// TestJointTimes looks each truth line up among the records of the same capture
// as exported by two exporters in up to three versions, and compares the start
// with the first packet: by a bound of the kind of export, and by the error that
// the record itself states.
func TestJointTimes(t *testing.T) {
	kinds := []struct {
		name     string
		withinNs int64 // bound to compare with, beside the record's own error
	}{
		{"router.ipfix", 1e6},
		{"router.v9", 1e9 + 1e6},
		{"ipfix", 2e9},
		{"v9", 2e9},
		{"v5", 2e9},
	}
	dir := corpus.Path(t, "joint")
	for _, k := range kinds {
		files, err := filepath.Glob(filepath.Join(dir, "*."+k.name+".pcap"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no captures of kind %s: %v", k.name, err)
		}
		found, within, own := 0, 0, 0
		for _, f := range files {
			base := strings.TrimSuffix(filepath.Base(f), "."+k.name+".pcap")
			if strings.HasSuffix(base, ".router") {
				continue
			}
			recs, _, errs := decodeAll(corpus.UDP(t, f))
			if len(errs) != 0 {
				t.Errorf("%s: %v", filepath.Base(f), errs[0])
			}
			for _, tr := range readTruth(t, filepath.Join(dir, base+".sni.tsv")) {
				off, errNs, ok := nearest(recs, tr)
				if !ok {
					continue
				}
				found++
				if off <= k.withinNs {
					within++
				}
				if off <= errNs {
					own++
				}
			}
		}
		t.Logf("%-12s %d flows found, %d start within %d ms, %d within their own error", k.name, found, within, k.withinNs/1e6, own)
		if found < 250 || within != found || own != found {
			t.Errorf("%s: too few", k.name)
		}
	}
}

// nearest finds the record of the flow whose start is nearest to the truth.
func nearest(recs []flows.Record, tr truth) (off, errNs int64, ok bool) {
	for i := range recs {
		r := &recs[i]
		if r.Proto != tr.tuple.proto || netip.AddrPortFrom(r.Src, r.SrcPort) != tr.tuple.src || netip.AddrPortFrom(r.Dst, r.DstPort) != tr.tuple.dst {
			continue
		}
		d := max(r.StartNs-tr.ns, tr.ns-r.StartNs)
		if !ok || d < off {
			off, errNs, ok = d, r.StartErrorNs, true
		}
	}
	return off, errNs, ok
}
