package netflow

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"testing"

	goflow "github.com/netsampler/goflow2/v2/decoders/netflow"
	"github.com/netsampler/goflow2/v2/decoders/netflowlegacy"

	"flowname/flows"
	"flowname/flows/internal/corpus"
)

// A seen is what the oracle makes of a record: the fields that mean the same
// there and here, read the obvious way.
type seen struct {
	src, dst         netip.Addr
	srcPort, dstPort uint64
	proto, inIf      uint64
	outIf, srcAS     uint64
	dstAS, tos       uint64
	octets, packets  uint64
}

// oracle reads messages with goflow2's decoders.
type oracle struct {
	templates map[netip.AddrPort]goflow.NetFlowTemplateSystem
}

// read returns the data records of a message, and why that is not all of them
// where goflow2 stops before the message's end.
func (o *oracle) read(p corpus.Payload) (recs []seen, stopped string) {
	buf := bytes.NewBuffer(p.Data)
	if binary.BigEndian.Uint16(p.Data) == 5 {
		var pkt netflowlegacy.PacketNetFlowV5
		if err := netflowlegacy.DecodeMessageVersion(buf, &pkt); err != nil {
			return nil, err.Error()
		}
		if int(pkt.Count) > (len(p.Data)-24)/48 {
			return nil, "v5 count of records that are not there: goflow2 makes them up"
		}
		for _, r := range pkt.Records {
			recs = append(recs, seenV5(r))
		}
		return recs, ""
	}
	ts := o.templates[p.From]
	if ts == nil {
		ts = goflow.CreateTemplateSystem()
		o.templates[p.From] = ts
	}
	var nine goflow.NFv9Packet
	var ten goflow.IPFIXPacket
	err := goflow.DecodeMessageVersion(buf, ts, &nine, &ten)
	for _, set := range append(nine.FlowSets, ten.FlowSets...) {
		if data, ok := set.(goflow.DataFlowSet); ok {
			recs = append(recs, seenSet(data.Records)...)
		}
	}
	switch rest := buf.Bytes(); {
	case errors.Is(err, goflow.ErrorTemplateNotFound):
		return recs, "unknown template"
	case err != nil && zeros(rest):
		return recs, "zeros behind the last set"
	case err != nil:
		return recs, ""
	case len(rest) > 0 && len(nine.FlowSets) == int(nine.Count):
		return recs, "v9 count that is less than the sets"
	}
	return recs, ""
}

func seenV5(r netflowlegacy.RecordsNetFlowV5) seen {
	addr := func(a netflowlegacy.IPAddress) netip.Addr {
		return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, uint32(a))))
	}
	return seen{addr(r.SrcAddr), addr(r.DstAddr), uint64(r.SrcPort), uint64(r.DstPort), uint64(r.Proto),
		uint64(r.Input), uint64(r.Output), uint64(r.SrcAS), uint64(r.DstAS), uint64(r.Tos), uint64(r.DOctets), uint64(r.DPkts)}
}

// seenSet reads the records of a set, without those of zeros at its end, which
// are padding that goflow2 takes for records.
func seenSet(records []goflow.DataRecord) []seen {
	for n := len(records); n > 0 && allZero(records[n-1]); n-- {
		records = records[:n-1]
	}
	var recs []seen
	for _, r := range records {
		recs = append(recs, seenFields(r.Values))
	}
	return recs
}

func allZero(r goflow.DataRecord) bool {
	for _, v := range r.Values {
		if !zeros(v.Value.([]byte)) {
			return false
		}
	}
	return true
}

func seenFields(values []goflow.DataField) (s seen) {
	numbers := map[uint16]*uint64{7: &s.srcPort, 11: &s.dstPort, 4: &s.proto, 10: &s.inIf, 14: &s.outIf,
		16: &s.srcAS, 17: &s.dstAS, 5: &s.tos, 1: &s.octets, 2: &s.packets}
	addrs := map[uint16]*netip.Addr{8: &s.src, 27: &s.src, 12: &s.dst, 28: &s.dst}
	for _, v := range values {
		b := v.Value.([]byte)
		if v.PenProvided {
			continue
		}
		if p := numbers[v.Type]; p != nil && len(b) > 0 {
			*p = 0
			for _, c := range b {
				*p = *p<<8 | uint64(c)
			}
		}
		if p := addrs[v.Type]; p != nil {
			if a, ok := netip.AddrFromSlice(b); ok && (!p.IsValid() || !a.IsUnspecified()) {
				*p = a.Unmap()
			}
		}
	}
	return s
}

// asSeen reduces a record to what the oracle tells of one with these elements.
func asSeen(r *flows.Record, like seen) seen {
	s := seen{r.Src, r.Dst, uint64(r.SrcPort), uint64(r.DstPort), uint64(r.Proto), uint64(r.InIf), uint64(r.OutIf),
		uint64(r.SrcAS), uint64(r.DstAS), uint64(r.TOS), r.Bytes, r.Packets}
	// Here the elements that stand in for these are read, there they are not.
	if like.octets == 0 {
		s.octets = 0
	}
	if like.packets == 0 {
		s.packets = 0
	}
	if like.tos == 0 {
		s.tos = 0
	}
	if like.dstPort == 0 {
		s.dstPort = 0
	}
	return s
}

// TestAgainstGoflow2 reads every export packet of the corpus with both decoders.
func TestAgainstGoflow2(t *testing.T) {
	var files []string
	for _, pattern := range []string{"netflow/logstash-codec-netflow/contexts_derived_pcap/*.pcap",
		"joint/*.router.ipfix.pcap", "joint/*.router.v9.pcap", "joint/*.v5.pcap", "joint/*.v9.pcap", "joint/*.ipfix.pcap"} {
		found, err := filepath.Glob(filepath.Join(corpus.Path(t, "."), pattern))
		if err != nil || len(found) == 0 {
			t.Fatalf("no captures match %s: %v", pattern, err)
		}
		files = append(files, found...)
	}
	total := 0
	for _, f := range files {
		n, err := compareCapture(t, f)
		total += n
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(f), err)
		}
	}
	t.Logf("%d records of %d captures agree", total, len(files))
	if total < 19000 {
		t.Errorf("only %d records were compared", total)
	}
}

func compareCapture(t *testing.T, path string) (n int, err error) {
	d := NewDecoder(Config{})
	o := oracle{map[netip.AddrPort]goflow.NetFlowTemplateSystem{}}
	for i, p := range corpus.UDP(t, path) {
		want, stopped := o.read(p)
		waited := d.Stats().WaitingDecoded
		recs, err := d.AppendRecords(nil, p.Data, p.From, p.Ns)
		recs = slices.DeleteFunc(recs, func(r flows.Record) bool { return r.BiflowDirection == 2 }) // the oracle leaves those for both directions whole
		if d.Stats().WaitingDecoded > waited && stopped == "" {
			stopped = "sets of earlier messages had waited for this one's template"
		}
		if len(recs) < len(want) || stopped == "" && len(recs) != len(want) {
			return n, fmt.Errorf("message %d: %d records and error %v, goflow2 has %d (%s)", i, len(recs), err, len(want), stopped)
		}
		if stopped != "" {
			t.Logf("%s, message %d: %d records, goflow2 has %d: %s", filepath.Base(path), i, len(recs), len(want), stopped)
		}
		for j, w := range want {
			if got := asSeen(&recs[j], w); got != w {
				return n, fmt.Errorf("message %d, record %d: got %+v, goflow2 has %+v", i, j, got, w)
			}
			n++
		}
	}
	return n, nil
}
