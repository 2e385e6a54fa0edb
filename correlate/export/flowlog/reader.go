package flowlog

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/valyala/fastjson"

	"flowname/correlate"
	"flowname/correlate/export"
	"flowname/flows"
)

// What can be wrong with a line. Returned errors wrap one of these.
var (
	// ErrSyntax is a line that is no JSON object.
	ErrSyntax = errors.New("not a JSON object")
	// ErrNotFlow is an object that lacks what every enriched flow has.
	ErrNotFlow = errors.New("not an enriched flow")
)

// An End is what a line says of the name of one end.
type End struct {
	// Name is empty where the end has none.
	Name  string
	Basis correlate.Basis
	// AgeMs is the flow's start minus the answer's time, where HasAge.
	AgeMs  int64
	HasAge bool
	// Candidates is how many names are listed that the flow can have been made
	// by: all but those of client_later. 0 where there is no list.
	Candidates int
	// Process says that the line tells the end's process.
	Process bool
}

// A Flow is an enriched flow read back.
type Flow struct {
	// Record has what the join needs, and the counts. A name that an exporter
	// told is its HostName.
	Record   flows.Record
	Src, Dst End
	Unnamed  correlate.Reason
}

// A Reader reads lines.
type Reader struct {
	json   fastjson.Parser
	fields []field
}

// Read parses a line, with or without its end.
func (r *Reader) Read(f *Flow, line []byte) error {
	v, err := r.json.ParseBytes(line)
	if err != nil || v.Type() != fastjson.TypeObject {
		return ErrSyntax
	}
	*f = Flow{}
	if err := readRecord(&f.Record, v); err != nil {
		return err
	}
	readEnd(&f.Src, v, "src")
	readEnd(&f.Dst, v, "dst")
	f.Unnamed = reasonOf(v.GetStringBytes("unnamed"))
	for _, e := range []*End{&f.Src, &f.Dst} {
		if e.Basis == correlate.Exporter {
			f.Record.HostName = e.Name
		}
	}
	return nil
}

// startError is how far a start that was exported in a protocol's coarser form
// can be off: lines do not tell how well the exporter's boot time was known.
func startError(t flows.Type) int64 {
	if t == flows.NetFlowV5 || t == flows.NetFlowV9 {
		return int64(time.Second)
	}
	return int64(100 * time.Millisecond)
}

func readRecord(r *flows.Record, v *fastjson.Value) error {
	r.Type = typeOf(v.GetStringBytes("type"))
	r.StartNs = v.GetInt64("time_flow_start_ns")
	if r.Type == 0 || r.StartNs <= 0 {
		return fmt.Errorf("%w: no type or no time_flow_start_ns", ErrNotFlow)
	}
	for _, a := range []struct {
		key string
		to  *netip.Addr
	}{{"src_addr", &r.Src}, {"dst_addr", &r.Dst}, {"sampler_address", &r.Exporter},
		{"src_addr_xlate", &r.XlateSrc}, {"dst_addr_xlate", &r.XlateDst}} {
		text := v.GetStringBytes(a.key)
		if len(text) == 0 {
			continue // a flow without addresses, or without translation
		}
		addr, err := netip.ParseAddr(string(text))
		if err != nil {
			return fmt.Errorf("%w: %s is no address", ErrNotFlow, a.key)
		}
		*a.to = addr
	}
	proto, ok := export.ProtoByName(string(v.GetStringBytes("proto")))
	if !ok {
		return fmt.Errorf("%w: proto", ErrNotFlow)
	}
	r.Proto = proto
	r.EndNs = v.GetInt64("time_flow_end_ns")
	r.ReceivedNs = v.GetInt64("time_received_ns")
	r.StartErrorNs = startError(r.Type)
	r.ShiftNs = v.GetInt64("clock_offset_ms") * int64(time.Millisecond)
	r.StartNs, r.EndNs = r.StartNs+r.ShiftNs, r.EndNs+r.ShiftNs
	r.Bytes, r.Packets = v.GetUint64("bytes"), v.GetUint64("packets")
	r.SamplingRate = v.GetUint64("sampling_rate")
	r.SrcPort, r.DstPort = uint16(v.GetUint("src_port")), uint16(v.GetUint("dst_port"))
	r.TCPFlags = uint16(v.GetUint("tcp_flags"))
	r.ObservationDomain = uint32(v.GetUint64("observation_domain_id"))
	r.InIf, r.OutIf = uint32(v.GetUint64("in_if")), uint32(v.GetUint64("out_if"))
	r.BiflowDirection = uint8(v.GetUint("biflow_direction"))
	return nil
}

func readEnd(e *End, v *fastjson.Value, end string) {
	e.Name = string(v.GetStringBytes(end + "_name"))
	e.Basis = basisOf(v.GetStringBytes(end + "_name_basis"))
	if age := v.Get(end + "_name_age_ms"); age != nil {
		e.AgeMs, e.HasAge = v.GetInt64(end+"_name_age_ms"), true
	}
	for _, c := range v.GetArray(end + "_names") {
		if basisOf(c.GetStringBytes("basis")) != correlate.ClientLater {
			e.Candidates++
		}
	}
	e.Process = v.Exists(end+"_process") || v.Exists(end+"_host")
}

func typeOf(text []byte) flows.Type {
	for t := flows.NetFlowV5; t <= flows.SFlow5; t++ {
		if t.String() == string(text) {
			return t
		}
	}
	return 0
}

func basisOf(text []byte) correlate.Basis {
	for _, b := range correlate.Bases() {
		if b.String() == string(text) {
			return b
		}
	}
	return 0
}

func reasonOf(text []byte) correlate.Reason {
	for _, r := range correlate.Reasons() {
		if r.String() == string(text) {
			return r
		}
	}
	return 0
}
