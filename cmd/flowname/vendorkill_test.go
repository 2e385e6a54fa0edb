package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"flowname/dnscache/sensor/capture"
	"flowname/dnscache/sensor/packet"
	"flowname/flows"
	"flowname/flows/netflow"
)

// A vendor is an exporter of the corpus, given an address of its own: all that
// it sends, and its data sets of flows alone, each as a message.
type vendor struct {
	*exporter
	name      string
	all, data [][]byte
	flows     int // in data
}

func (v *vendor) address() netip.AddrPort { return v.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

// vendors opens an exporter for each source of each capture of a folder that has
// flows which are known once its templates are.
func vendors(t *testing.T, folder, collector string) []*vendor {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(folder, "*.pcap"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no captures in %s: %v", folder, err)
	}
	var found []*vendor
	for i, path := range paths {
		bySource := map[netip.AddrPort]*vendor{}
		for _, p := range udpPayloads(t, path) {
			v := bySource[p.Src]
			if v == nil {
				v = &vendor{name: filepath.Base(path)}
				bySource[p.Src] = v
				found = append(found, v)
			}
			v.all = append(v.all, slices.Clone(p.Payload))
		}
		for _, v := range bySource {
			v.exporter = exportTo(t, collector, fmt.Sprintf("127.20.%d.%d:0", i, 1+slices.Index(found, v)))
			v.split()
		}
	}
	return slices.DeleteFunc(found, func(v *vendor) bool { return v.flows == 0 })
}

// udpPayloads reads a capture's datagrams.
func udpPayloads(t *testing.T, path string) (all []packet.Packet) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	frames, err := capture.NewReader(bufio.NewReader(f))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	packets := packet.NewDecoder(packet.Config{})
	for {
		frame, err := frames.Next()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		var p packet.Packet
		if packets.Decode(frame, &p) && p.Proto == flows.ProtoUDP {
			p.Payload = slices.Clone(p.Payload)
			all = append(all, p)
		}
	}
}

// split finds the data sets of flows: those that are read as flows, and no
// options, by a decoder that has heard all of the exporter.
func (v *vendor) split() {
	d := netflow.NewDecoder(netflow.Config{})
	from := netip.MustParseAddrPort("192.0.2.1:40000")
	for _, m := range v.all {
		d.AppendRecords(nil, m, from, 1)
	}
	for _, whole := range v.all {
		for _, m := range setMessages(whole) {
			before := d.Stats()
			recs, err := d.AppendRecords(nil, m, from, 2)
			after := d.Stats()
			if err != nil || len(recs) == 0 || after.OptionsRecords != before.OptionsRecords || after.TemplatesLearned+after.TemplatesReplaced != before.TemplatesLearned+before.TemplatesReplaced {
				continue
			}
			v.data = append(v.data, m)
			v.flows += len(recs)
		}
	}
}

// setMessages makes a message of each data set of a message; v5 has none.
func setMessages(msg []byte) (all [][]byte) {
	if len(msg) < 24 {
		return nil
	}
	header := 16
	switch binary.BigEndian.Uint16(msg) {
	case 5:
		return [][]byte{msg}
	case 9:
		header = 20
	case 10:
	default:
		return nil
	}
	for rest := msg[header:]; len(rest) >= 4; {
		size := int(binary.BigEndian.Uint16(rest[2:]))
		if size < 4 || size > len(rest) {
			break
		}
		if binary.BigEndian.Uint16(rest) >= 256 {
			m := slices.Concat(msg[:header], rest[:size])
			if header == 16 {
				binary.BigEndian.PutUint16(m[2:], uint16(len(m)))
			}
			all = append(all, m)
		}
		rest = rest[size:]
	}
	return all
}

// told is what the lines of each exporter say but for times, which a collector
// learns better as it hears more, and the ends' names, which it remembers of
// connections.
func told(t *testing.T, all []string) map[string][]string {
	t.Helper()
	by := map[string][]string{}
	for _, line := range all {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		for name := range fields {
			if strings.HasPrefix(name, "time_") || strings.HasPrefix(name, "src_name") || strings.HasPrefix(name, "dst_name") || strings.HasSuffix(name, "_domain") || name == "unnamed" {
				delete(fields, name)
			}
		}
		b, err := json.Marshal(fields) // sorted
		if err != nil {
			t.Fatal(err)
		}
		from := fields["sampler_address"].(string)
		by[from] = append(by[from], string(b))
	}
	for _, lines := range by {
		slices.Sort(lines)
	}
	return by
}

// sendVendors sends messages of all vendors, each vendor's when those before are
// read, and returns how many datagrams the collector has read then.
func sendVendors(c *collector, sent uint64, all []*vendor, msgs func(*vendor) [][]byte) uint64 {
	c.t.Helper()
	for _, v := range all {
		for _, m := range msgs(v) {
			if _, err := v.conn.Write(m); err != nil {
				c.t.Fatal(err)
			}
			sent++
		}
		eventually(c.t, v.name+" is read", func() bool {
			w, _ := c.ledger()
			return w.Datagrams == sent && w.Account.Bytes == w.DatagramBytes && w.FlowsInside == 0
		})
	}
	return sent
}

// TestRunKeepsVendorsStateThroughAKill: real exporters of many vendors have sent
// templates, options and data once. The daemon is killed and started again; what
// it makes of their data alone is what it made before, applications, samplers and
// interface names included.
func TestRunKeepsVendorsStateThroughAKill(t *testing.T) {
	folder := corpus(t, "netflow", "logstash-codec-netflow", "contexts_derived_pcap")
	dir := t.TempDir()
	c := startCollector(t, dir, "--sockets", "2", "--wait", "0s")
	all := vendors(t, folder, c.netflow)
	data := func(v *vendor) [][]byte { return v.data }
	sent := sendVendors(c, 0, all, func(v *vendor) [][]byte { return v.all })
	var first int
	eventually(t, "flows are written", func() bool {
		w, _ := c.ledger()
		first = len(lines(t, c.out))
		return w.Exported == uint64(first)
	})
	sendVendors(c, sent, all, data)
	want := 0
	for _, v := range all {
		want += v.flows
	}
	eventually(t, "data alone is read", func() bool { return len(lines(t, c.out)) == first+want })
	before := told(t, lines(t, c.out)[first:])
	state := filepath.Join(c.data, exporterStateFile)
	eventually(t, "all is saved", func() bool { return restores(t, state, all) })
	c.end(syscall.SIGKILL)

	if err := os.Remove(c.out); err != nil { // a kill may cut its last line short
		t.Fatal(err)
	}
	again := startCollector(t, dir, "--sockets", "3", "--wait", "0s", "--netflow", c.netflow)
	sendVendors(again, 0, all, data)
	eventually(t, "flows go on", func() bool { return len(lines(t, again.out)) == want })
	after := told(t, lines(t, again.out))
	names := map[string]bool{}
	for _, v := range all {
		from := v.address().Addr().String()
		if len(before[from]) != v.flows || !slices.Equal(before[from], after[from]) {
			t.Errorf("%s at %s:\nbefore %q\nafter  %q", v.name, from, before[from], after[from])
		}
		names[v.name] = true
	}
	if w, _ := again.ledger(); w.Account.Waiting.Count+w.Account.Late.Count != 0 || w.Account.Refused["template_missing"].Count != 0 {
		t.Errorf("something waited for its template: %+v", w.Account)
	}
	t.Logf("%d exporters of %d captures, %d flows", len(all), len(names), want)
	if len(names) < 20 {
		t.Errorf("%d captures, want 20 at least", len(names))
	}
}

// restores reports whether the saved state is enough to read all data as a
// decoder does that has heard everything.
func restores(t *testing.T, path string, all []*vendor) bool {
	t.Helper()
	state, err := os.ReadFile(path)
	if err != nil {
		return false
	}
	restored := netflow.NewDecoder(netflow.Config{})
	if restored.Restore(state, 0) != nil {
		return false
	}
	for _, v := range all {
		heard := netflow.NewDecoder(netflow.Config{})
		from := v.address()
		for _, m := range v.all {
			heard.AppendRecords(nil, m, from, 1)
		}
		for _, m := range v.data {
			want, _ := heard.AppendRecords(nil, m, from, 2)
			got, _ := restored.AppendRecords(nil, m, from, 2)
			if !slices.EqualFunc(got, want, func(a, b flows.Record) bool { return a.Texts == b.Texts && a.SamplingRate == b.SamplingRate }) {
				return false
			}
		}
	}
	return true
}
